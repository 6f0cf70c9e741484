"""A move copies everything or says why not, is never half taken for whole, and begins anew after any crash."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from apim_upgrade.databases import Address, Database
from apim_upgrade.engine import RunRecord, journal
from apim_upgrade.errors import EnvironmentProblem, EstateError
from apim_upgrade.moving import discard_move, move_estate, moved, open_source, read_move
from apim_upgrade.moving import move as move
from apim_upgrade.moving.source import Source
from apim_upgrade.releases import Release
from apim_upgrade.schema import differences_to_target, introspect
from conftest import Pair, Server, kept_sample
from execution.conftest import site
from execution.site import Site, change, scalar
from moving.h2_files import h2_address
from upgrade.content import content_hash

__all__ = ["site"]

BEGAN = datetime(2026, 3, 1, 12, 0, 0)
RELEASE = "4.2.0"
KILLS = int(os.environ.get("APIM_UPGRADE_KILLS", "0")) // 5 or 3
OWN = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE own_things (id serial PRIMARY KEY, name varchar(20) DEFAULT 'none' NOT NULL,
                         at timestamp DEFAULT now(), api_id integer REFERENCES am_api (api_id) ON DELETE CASCADE,
                         price numeric(8,2), UNIQUE (name));
CREATE INDEX own_things_at ON own_things (at);
CREATE INDEX own_things_lower ON own_things (lower(name));
INSERT INTO own_things (name, api_id, price) SELECT 'thing ' || api_id, api_id, 1.50 FROM am_api;
ALTER TABLE am_api ADD COLUMN own_note varchar(10);
ALTER TABLE am_api ALTER COLUMN api_name TYPE varchar(400);
CREATE INDEX own_api_status ON am_api (status);
UPDATE am_api SET own_note = 'own', api_name = repeat('n', 390 - api_id);
CREATE TABLE am_webhooks_own (id integer);
DROP TABLE am_system_configs;
ALTER TABLE am_api DROP CONSTRAINT am_api_api_provider_api_name_api_version_organization_key;
"""


@pytest.fixture
def empty(empty_database: Callable[[str], Database]) -> Callable[[], dict[str, Database]]:
    """Two empty databases."""
    return lambda: {part: empty_database(part) for part in ("am", "shared")}


def addresses(pair: Pair) -> dict[str, Address]:
    return {name: each.address for name, each in pair.by_name().items()}


def move_all(pair: Pair, targets: Mapping[str, Database], said: list[str] | None = None) -> None:
    heard = said if said is not None else []
    move_estate(addresses(pair), targets, None, BEGAN, heard.append)


def tables_of(database: Database) -> set[str]:
    with database.read() as session:
        return set(introspect(session).tables)


def test_what_is_not_the_products_own_is_carried_over_and_told(
    sample_estate: Callable[..., Pair], empty: Callable[[], dict[str, Database]]
) -> None:
    pair, targets, said = sample_estate(RELEASE, apis=6, tenants=1), empty(), list[str]()
    change(pair.am, *OWN.strip().split(";\n"))
    move_all(pair, targets, said)
    wanted, found = content_hash(pair.am, pair.shared), content_hash(*targets.values())
    assert wanted == found
    with targets["am"].read() as session:
        live = introspect(session)
    own = live.tables["own_things"]
    assert [(column.name, column.type) for column in own.columns] == [
        ("id", "integer"),
        ("name", "character varying(20)"),
        ("at", "timestamp without time zone"),
        ("api_id", "integer"),
        ("price", "numeric(8,2)"),
    ]
    assert [key.ref_table for key in own.foreign_keys] == ["am_api"]
    assert [unique.columns for unique in own.unique] == [("name",)]
    assert [index.columns for index in own.indexes] == [("at",)]
    assert scalar(targets["am"], "SELECT last_value FROM own_things_id_seq") == 7
    api = live.tables["am_api"]
    assert api.column("api_name").type == "character varying(400)"  # type: ignore[union-attr]
    assert ("status",) in [index.columns for index in api.indexes]
    assert "am_system_configs" not in live.tables
    differences = differences_to_target("postgresql", live, Release.parse(RELEASE), "am")
    assert {(each.what, each.name.split(" ")[0].split(".")[0]) for each in differences} == {
        ("table", "am_system_configs"),
        ("key", "am_api"),
    }
    told = "\n".join(said)
    assert "own_things is no table of the product; carried over" in told
    assert "am_api.own_note is no column of the product there; carried over" in told
    assert "index own_things_lower of own_things is not carried over" in told
    assert "the default of own_things.at is not carried over" in told


def test_a_type_without_counterpart_is_refused_before_anything_is_written(
    sample_estate: Callable[..., Pair], empty: Callable[[], dict[str, Database]]
) -> None:
    pair, targets = sample_estate(RELEASE, apis=6, tenants=1), empty()
    change(pair.am, "CREATE TABLE own_places (id integer, place point)")
    with pytest.raises(EstateError, match=r"1 columns have types that cannot be moved .*own_places.place \(point\)"):
        move_all(pair, targets)
    assert tables_of(targets["am"]) == set()


def test_kills_at_any_moment_leave_nothing_that_is_taken_for_whole(
    databases: Server, empty: Callable[[], dict[str, Database]]
) -> None:
    pair, targets = kept_sample(databases, RELEASE, apis=6, tenants=1), empty()
    chance, kills, whole = random.Random(5), 0, 4.0
    while kills < KILLS:
        process = multiprocessing.get_context("fork").Process(target=move_all, args=(pair, targets))
        began = time.monotonic()
        process.start()
        process.join(chance.uniform(0.05, whole))
        if process.exitcode is not None:
            assert process.exitcode == 0
            whole = time.monotonic() - began
            break
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        kills += 1
        for name in moved(targets):
            before, after = content_hash(pair.by_name()[name]), content_hash(targets[name])
            assert before == after
    move_all(pair, targets)
    assert moved(targets).keys() == targets.keys()
    assert content_hash(*targets.values()) == content_hash(pair.am, pair.shared)


def test_what_somebody_else_does_to_the_new_database_is_found(
    databases: Server, empty: Callable[[], dict[str, Database]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, targets = kept_sample(databases, RELEASE, apis=6, tenants=1), empty()

    class Meddling:
        """The source, beside which somebody else works."""

        kind, unsettled = "postgresql", ""

        def __init__(self, source: Source) -> None:
            self.schema, self.count, self._source = source.schema, source.count, source

        def rows(self, name: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
            if name == "um_user":
                change(targets["shared"], "UPDATE reg_content SET reg_content_data = NULL WHERE reg_content_id = 1")
            return self._source.rows(name, columns)

    monkeypatch.setattr(move, "_FEW", 0)
    with open_source("shared", pair.shared.address) as source:
        held = move.Held("shared", source.schema(), Release.parse(RELEASE), "shared")
        with pytest.raises(
            EstateError, match=r"1 tables of shared are not what was read .*reg_content \(\d+ rows read"
        ):
            move.move_database(Meddling(source), held, targets["shared"], BEGAN, lambda text: None)
    with targets["shared"].read() as session:
        found = read_move(session)
    assert found is not None
    assert not found.whole
    assert discard_move(targets["shared"])
    assert not discard_move(targets["shared"])
    with targets["shared"].read() as session:
        left = introspect(session)
    assert (left.tables, left.sequences, left.functions) == ({}, {}, ())


def test_rows_that_cannot_be_written_name_their_table(
    sample_estate: Callable[..., Pair], empty: Callable[[], dict[str, Database]]
) -> None:
    pair, targets = sample_estate(RELEASE, apis=6, tenants=1), empty()
    change(
        pair.am,
        "ALTER TABLE am_alert_types ALTER COLUMN alert_type_name TYPE bytea USING convert_to(alert_type_name, 'UTF8')",
        "UPDATE am_alert_types SET alert_type_name = '\\xff' WHERE alert_type_id = 1",
    )
    with pytest.raises(EstateError, match="am_alert_types holds bytes that are no text in UTF-8"):
        move_all(pair, targets)
    assert moved(targets) == {}


def test_databases_that_are_no_estate_or_at_work_are_refused(
    sample_estate: Callable[..., Pair], empty: Callable[[], dict[str, Database]]
) -> None:
    pair, targets = sample_estate(RELEASE, apis=6, tenants=1), empty()
    with pytest.raises(EstateError, match="are swapped"):
        move_estate({"am": pair.shared.address, "shared": pair.am.address}, targets, None, BEGAN, lambda text: None)
    mixed = {"am": pair.am.address, "shared": h2_address(Path("/nowhere/DB"))}
    with pytest.raises(EnvironmentProblem, match="There is no H2 file"):
        move_estate(mixed, targets, None, BEGAN, lambda text: None)
    with pair.am.write() as session:
        journal.open_journal(session, RunRecord("r", "0", "4.2.0", "4.4.0", "f", BEGAN, "{}"))
    with pytest.raises(EstateError, match="is in the middle of an upgrade by this tool"):
        move_all(pair, targets)
    assert tables_of(targets["am"]) == set()


def test_what_the_old_server_has_written_since_is_asked_about_and_taken_in_by_moving_anew(
    sample_estate: Callable[..., Pair], empty: Callable[[], dict[str, Database]], site: Callable[..., Site]
) -> None:
    pair, targets = sample_estate(RELEASE, apis=6, tenants=1), empty()
    moving = site(pair)
    for part, target in targets.items():
        clone = f'clone = "{pair.by_name()[part].address.database}_up"'
        written = moving.file.read_text(encoding="utf-8").replace(clone, "")
        url = f"postgresql://postgres@/{target.address.database}?host={target.address.host}"
        moving.file.write_text(f'{written}\n[database.{part}.move_to]\nurl = "{url}"\n', encoding="utf-8")
    assert moving("move").code == 0
    change(pair.am, "DELETE FROM am_api_ratings", "INSERT INTO am_alert_types VALUES (99, 'late', 'publisher')")
    asked = moving("run")
    assert asked.code == 5
    assert "The old databases have changed since they were moved at" in asked.problem[0]
    assert "am.am_alert_types 7, now 8" in asked.problem[0]
    again = moving("move", "--anew")
    assert again.code == 0
    assert "Dropped what was moved to" in again.err
    assert scalar(targets["am"], "SELECT count(*) FROM am_alert_types") == 8
    assert moving("status", "--format", "json").document["state"] == "moved"
