"""The writer of sample rows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.errors import ApimUpgradeError
from apim_upgrade.releases import Release
from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.samples import Shape, _fill
from apim_upgrade.samples.estate import Estate
from apim_upgrade.samples.writer import Clock, Writer


class Nowhere:
    """A session that takes rows and forgets them."""

    def __init__(self) -> None:
        self.columns: dict[str, tuple[str, ...]] = {}

    def copy_into(self, table: str, columns: tuple[str, ...], rows: object) -> int:
        self.columns[table] = columns
        return len(list(rows))  # type: ignore[call-overload]


def test_every_table_and_column_that_is_named_exists_in_some_release() -> None:
    releases = [Release.parse(each) for each in ("3.2.0", "4.0.0", "4.5.0")]
    there: dict[str, set[str]] = {}
    for release in releases:
        for part in ("am", "shared"):
            for name, table in catalogue("postgresql", release, part).tables.items():
                there.setdefault(name, set()).update(column.name for column in table.columns)
    for release in releases:
        columns = {name: tuple(names) for name, names in there.items()}
        writers = [Writer(Nowhere(), columns) for _ in range(2)]  # type: ignore[arg-type]
        with writers[0], writers[1]:
            _fill(Estate(Shape(release, apis=36, tenants=1), writers[0], writers[1], Clock()))
        for writer in writers:
            for table, named in writer.named.items():
                assert named <= there[table], table


def test_rows_lose_what_the_release_does_not_know_and_unknown_tables_are_dropped(
    empty_database: Callable[[str], Database],
) -> None:
    database = empty_database("am")
    with database.write() as session:
        session.execute("CREATE TABLE one (id integer, name varchar(10))")
        with Writer(session, {"one": ("id", "name")}) as writer:
            for _ in range(3):
                writer.add("one", id=writer.number("one", "id"), name="x", later="y")
                writer.add("other", id=1)
            writer.finish()
            assert writer.written == {"one": 3}
    with database.read() as session:
        assert [tuple(row) for row in session.all("SELECT * FROM one ORDER BY id")] == [(1, "x"), (2, "x"), (3, "x")]


def test_a_row_that_the_server_refuses_is_told_and_nothing_stays(empty_database: Callable[[str], Database]) -> None:
    database = empty_database("am")
    with pytest.raises(ApimUpgradeError), database.write() as session:
        session.execute("CREATE TABLE one (id integer PRIMARY KEY)")
        with Writer(session, {"one": ("id",)}) as writer:
            writer.add("one", id=1)
            writer.add("one", id=1)
            writer.finish()
    with database.read() as session:
        assert not session.exists("one")
