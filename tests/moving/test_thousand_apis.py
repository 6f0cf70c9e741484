"""A thousand APIs from MySQL to PostgreSQL: what arrives equals the same estate written on PostgreSQL itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade import samples
from apim_upgrade.databases import Database
from apim_upgrade.execution import Order, move
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from apim_upgrade.schema import introspect
from conftest import Pair

RELEASE = Release.parse("4.2.0")
APIS = 1000
STOCK_CLOCK = {"um_org.um_created_time", "um_org.um_last_modified"}
"""Seed rows of the stock scripts bear the moment at which these were executed."""


def content(database: Database) -> dict[str, tuple[int, str]]:
    """Rows and hash of every table that has rows; MySQL keeps no fractions of seconds, so none are looked at."""
    found = {}
    with database.read() as session:
        for table in introspect(session).tables.values():
            values = ", ".join(
                f"date_trunc('second', {column.name})" if column.type.startswith("timestamp") else column.name
                for column in table.columns
                if f"{table.name}.{column.name}" not in STOCK_CLOCK
            )
            rows, digest = session.all(
                "SELECT count(*), md5(string_agg(line, '' ORDER BY line)) "
                f"FROM (SELECT md5(row({values})::text) AS line FROM {table.name}) lines"
            )[0]
            if rows and not table.name.startswith("apim_upgrade_"):
                found[table.name] = (rows, digest)
    return found


@pytest.mark.slow
def test_a_thousand_apis_arrive_as_they_were(
    mysql_database: Callable[..., Database], empty_database: Callable[[str], Database], tmp_path: Path
) -> None:
    before = Pair(mysql_database("am"), mysql_database("shared"))
    there = Pair(empty_database("am"), empty_database("shared"))
    straight = Pair(empty_database("am"), empty_database("shared"))
    for pair in (before, straight):
        samples.write(RELEASE, pair.am, pair.shared, apis=APIS)
    order = Order(
        {name: each.address for name, each in there.by_name().items()},
        {},
        Release.parse("4.7.0"),
        Choices(),
        tmp_path / "runs",
        moved_from={name: each.address for name, each in before.by_name().items()},
    )
    moves = move(order, None, lambda text: None)
    for name, database in there.by_name().items():
        arrived = content(database)
        assert arrived == content(straight.by_name()[name])
        assert {table.name: table.rows for table in moves[name].tables if table.rows} == {
            table: rows for table, (rows, _) in arrived.items()
        }
    assert content(there.am)["am_api"][0] == APIS
