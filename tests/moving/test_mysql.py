"""From MySQL to PostgreSQL and back: the same content, the target's own schema, the same wall-clock times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.execution import Order, prove, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.moving import Move, move_estate
from apim_upgrade.releases import Release
from apim_upgrade.schema import differences_to_target, introspect
from conftest import Pair, Server, kept_sample, mariadb_server

BEGAN = datetime(2026, 3, 1, 12, 0, 0)
PARTS = ("am", "shared")


def move_all(pair: Pair, targets: Mapping[str, Database]) -> dict[str, Move]:
    addresses = {name: each.address for name, each in pair.by_name().items()}
    return move_estate(addresses, targets, None, BEGAN, lambda text: None)


def sums(moves: Mapping[str, Move]) -> dict[tuple[str, str], tuple[int, str]]:
    """Rows and checksum of every table that has rows."""
    return {
        (part, table.name.lower()): (table.rows, table.checksum)
        for part, each in moves.items()
        for table in each.tables
        if table.rows
    }


def differences(kind: str, release: str, databases: Mapping[str, Database]) -> list[object]:
    found: list[object] = []
    for part, database in databases.items():
        with database.read() as session:
            found += differences_to_target(kind, introspect(session), Release.parse(release), part)
    return found


@pytest.fixture
def on_postgres(empty_database: Callable[[str], Database]) -> Callable[[], dict[str, Database]]:
    return lambda: {part: empty_database(part) for part in PARTS}


@pytest.fixture
def on_mysql(mysql_database: Callable[..., Database]) -> Callable[[], dict[str, Database]]:
    return lambda: {part: mysql_database(part, charset="utf8mb4") for part in PARTS}


def test_a_real_estate_goes_from_mysql_to_postgresql_is_upgraded_there_and_goes_back(
    real_estate: Callable[[str], Pair],
    on_postgres: Callable[[], dict[str, Database]],
    on_mysql: Callable[[], dict[str, Database]],
    tmp_path: Path,
) -> None:
    pair, there, back = real_estate("3.2.0/mysql"), on_postgres(), on_mysql()
    first = move_all(pair, there)
    assert differences("postgresql", "3.2.0", there) == []
    assert sum(rows for rows, _ in sums(first).values()) > 10_000

    second = move_all(Pair.of(there), back)
    assert differences("mysql", "3.2.0", back) == []
    assert sums(first) == sums(second)

    order = Order(
        {name: each.address for name, each in there.items()},
        {},
        Release.parse("4.4.0"),
        Choices(),
        tmp_path / "runs",
        moved_from={name: each.address for name, each in pair.by_name().items()},
    )
    done = run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)
    assert done.outcome.failed_items == 0
    checked = prove(order)
    assert [proof for proof in checked.verification.proofs if not proof.holds] == []


@pytest.fixture
def far_east(tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """``far_east("am")``: a database on a MariaDB in another time zone."""
    with mariadb_server(default_time_zone="+05:30") as server:

        def make(part: str) -> Database:
            with server.connect() as connection, connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {part} CHARACTER SET latin1")
            return Database(part, server.address(part))

        yield make


def test_a_sample_goes_to_a_server_of_another_time_zone_and_back_with_the_same_wall_clock_times(
    databases: Server, far_east: Callable[[str], Database], on_postgres: Callable[[], dict[str, Database]]
) -> None:
    """All that is lost are the fractions of seconds that MySQL's columns have no room for."""
    pair = kept_sample(databases, "4.2.0", apis=6, tenants=1)
    there, back = {part: far_east(part) for part in PARTS}, on_postgres()
    assert sums(move_all(pair, there)) == sums(move_all(Pair.of(there), back))
    for name in PARTS:
        with pair.by_name()[name].read() as before, back[name].read() as after:
            for table in introspect(before).tables.values():
                columns = ", ".join(
                    f"date_trunc('second', {column.name})" if column.type.startswith("timestamp") else column.name
                    for column in table.columns
                )
                query = f"SELECT {columns} FROM {table.name}"
                assert sorted(map(repr, before.all(query))) == sorted(map(repr, after.all(query))), table.name
    with pair.am.read() as before, there["am"].read() as between:
        (written,) = before.all("SELECT date_trunc('second', created_time) FROM am_api WHERE api_id = 1")[0]
        between.execute("SET time_zone = '+05:30'")
        assert between.all("SELECT CREATED_TIME FROM AM_API WHERE API_ID = 1")[0][0] == written
