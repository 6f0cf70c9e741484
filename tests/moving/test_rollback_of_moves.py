"""A move is taken back: the new databases are empty again, and what servers wrote in them is in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.execution import Order, Way, rollback, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from apim_upgrade.schema import introspect
from conftest import Pair, Server, kept_sample
from execution.site import Site, change

execution_moving = import_module("apim_upgrade.execution.moving")


class Crash(BaseException):
    """The process is gone."""


def _left(database: Database) -> set[str]:
    with database.read() as session:
        found = introspect(session)
    return {*found.tables, *found.sequences, *(function.name for function in found.functions)}


def test_a_move_and_its_upgrade_are_taken_back(
    sample_estate: Callable[..., Pair],
    empty_database: Callable[[str], Database],
    site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = site(sample_estate("4.2.0", apis=6, tenants=1))
    originals = here.originals()
    am, shared = empty_database("am"), empty_database("shared")
    for target in (am, shared):
        clone = f'clone = "{here.pair.by_name()[target.name].address.database}_up"'
        url = f"postgresql://postgres@/{target.address.database}?host={target.address.host}"
        here.edit(clone, f'[database.{target.name}.move_to]\nurl = "{url}"')
    assert "No run to 4.3.0 was begun" in here("rollback", "--yes").problem[0]
    assert here("move").code == 0
    only_moved = here("rollback", "--yes")
    assert only_moved.code == 0
    assert "What was moved was dropped; no run was begun." in only_moved.out
    assert _left(am) == _left(shared) == set()
    assert here("status", "--format", "json").document["state"] == "not begun"

    assert here("run", "--yes").code == 0
    assert here("status", "--format", "json").document["way_back"] == "by dropping what was moved"
    change(
        am,
        "CREATE TABLE somebodys (id integer)",
        "INSERT INTO am_subscriber (user_id, tenant_id, date_subscribed, created_time) "
        "VALUES ('newcomer', -1234, now(), now())",
        "UPDATE am_application SET description = 'touched since' "
        "WHERE application_id = (SELECT min(application_id) FROM am_application)",
    )
    original = f"/{here.pair.am.address.database}?"
    here.edit(original, "/nowhere?")
    gone = here("rollback", "--yes")
    assert gone.code == 3
    assert "nowhere" in gone.problem[0]
    here.edit("/nowhere?", original)
    assert "am_api" in _left(am)

    discard, calls = execution_moving.discard_move, list[str]()

    def crash(database: Database, brought: object) -> bool:
        calls.append(database.name)
        if len(calls) == 2:
            raise Crash
        return bool(discard(database, brought))

    with monkeypatch.context() as patched:
        patched.setattr(execution_moving, "discard_move", crash)
        with pytest.raises(Crash):
            here("rollback", "--yes")
    assert "was interrupted" in here("run", "--yes").problem[0]
    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    document = answer.document
    assert document["way"] == "moved"
    written = {table["table"]: (table["new"], table["changed"]) for table in document["written"]}
    assert written == {"am_subscriber": (1, 0), "am_application": (0, 1)}
    lines = (Path(document["folder"]) / "am-am_subscriber.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["row"]["user_id"] for line in lines] == ["newcomer"]
    assert _left(am) == {"somebodys"}
    assert _left(shared) == set()
    status = here("status", "--format", "json").document
    assert (status["state"], status["run"]) == ("rolled back", document["run"]["id"])
    assert here.originals() == originals


@pytest.mark.slow
@pytest.mark.thorough
def test_a_move_to_mariadb_is_taken_back(
    databases: Server, mysql_database: Callable[..., Database], tmp_path: Path
) -> None:
    pair = kept_sample(databases, "4.2.0", apis=6, tenants=1)
    there = {part: mysql_database(part, charset="utf8mb4") for part in ("am", "shared")}
    order = Order(
        {name: each.address for name, each in there.items()},
        {},
        Release.parse("4.3.0"),
        Choices(),
        tmp_path / "runs",
        moved_from={name: each.address for name, each in pair.by_name().items()},
    )
    run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)
    with there["am"].write() as session:
        session.execute(
            "INSERT INTO AM_SUBSCRIBER (USER_ID, TENANT_ID, DATE_SUBSCRIBED, CREATED_TIME) "
            "VALUES ('newcomer', -1234, NOW(), NOW())"
        )
    checked = rollback(order, Way(), lambda line: None)
    assert checked is not None
    written = {table["table"].lower(): table["new"] for table in checked.document["rollback"]["written"]}
    assert written["am_subscriber"] == 1
    assert _left(there["am"]) == _left(there["shared"]) == set()
