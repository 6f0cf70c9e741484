"""Backups on MySQL: what is restored is what was dumped, and takes its place at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.databases.backup import (
    content_of,
    drop_aside,
    dump,
    obstacle_to_swap,
    prove_dump,
    restore_beside,
    swap_in,
)
from apim_upgrade.databases.content import deviations
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.errors import EnvironmentProblem
from conftest import MariaServer


@pytest.fixture
def original(mysql_database: Callable[..., Database], mysql_databases: MariaServer) -> Database:
    """A database with keys between tables and values of all kinds."""
    made = mysql_database("am", charset="utf8mb4")
    name = made.address.database
    mysql_databases.made += [f"{name}__proof", f"{name}__restored", f"{name}__upgraded"]
    mysql_databases.execute(
        "CREATE TABLE PARENT (ID INT AUTO_INCREMENT PRIMARY KEY, NAME VARCHAR(99) UNIQUE, SHARE DOUBLE)",
        "CREATE TABLE CHILD (ID INT, BODY LONGBLOB, SEEN TIMESTAMP NULL, FOREIGN KEY (ID) REFERENCES PARENT (ID))",
        "INSERT INTO PARENT (NAME, SHARE) VALUES ('a', 0.1), ('B', NULL), ('Größe', -3)",
        "INSERT INTO CHILD VALUES (3, 0x00ff275c0a, '2001-02-03 04:05:06'), (1, '', NULL), (1, NULL, NULL)",
        database=name,
    )
    return made


def _databases(server: MariaServer, stem: str) -> set[str]:
    with server.maria.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata")
        return {row[0] for row in cursor.fetchall() if row[0].startswith(stem)}


def test_a_dump_is_proven_restored_and_takes_the_place_of_what_was_changed(
    original: Database, mysql_databases: MariaServer, tmp_path: Path
) -> None:
    said: list[str] = []
    address = original.address
    dumped = dump(original, tmp_path / "am", said.append)
    assert dumped.content == content_of(original)
    assert {name: each.rows for name, each in dumped.content.items()} == {"PARENT": 3, "CHILD": 3}

    def same(found: object) -> None:
        assert list(deviations(dumped.content, content_of(Database("copy", found)))) == []  # type: ignore[arg-type]

    prove_dump(address, tmp_path / "am", same, said.append)
    with original.write() as session:
        session.execute("UPDATE CHILD SET BODY = 'changed' WHERE ID = 1 AND BODY IS NULL")
    assert list(deviations(dumped.content, content_of(original))) == ["CHILD has other rows"]
    with original.write() as session:
        session.execute("CREATE TABLE NEW_ONE (PARENT INT, FOREIGN KEY (PARENT) REFERENCES PARENT (ID))")

    assert obstacle_to_swap(address) is None
    assert restore_beside(address, tmp_path / "am", same, said.append).database.endswith("__restored")
    restore_beside(address, tmp_path / "am", same, said.append)  # once more, as after a kill
    swap_in([address])
    assert content_of(original) == dumped.content
    swap_in([address])  # nothing is left that could change its place
    assert content_of(original) == dumped.content
    drop_aside(address)
    assert _databases(mysql_databases, address.database) == {address.database}
    with pytest.raises(EnvironmentProblem, match="PARENT"), original.write() as session:
        session.execute("INSERT INTO CHILD VALUES (99, '', NULL)")  # the key leads to the restored table


def test_a_database_of_somebody_else_is_never_touched(
    original: Database, mysql_databases: MariaServer, tmp_path: Path
) -> None:
    address = original.address
    dump(original, tmp_path / "am", lambda line: None)
    for suffix in ("__proof", "__restored"):
        mysql_databases.execute(f"CREATE DATABASE `{address.database}{suffix}`")
        mysql_databases.execute("CREATE TABLE HOLIDAY (ID INT)", database=f"{address.database}{suffix}")
    with pytest.raises(EnvironmentProblem, match="was not made by this tool"):
        prove_dump(address, tmp_path / "am", lambda found: None, lambda line: None)
    with pytest.raises(EnvironmentProblem, match="was not made by this tool"):
        restore_beside(address, tmp_path / "am", lambda found: None, lambda line: None)
    drop_or_not = Database("other", address.at(f"{address.database}__proof"))
    assert list(content_of(drop_or_not)) == ["HOLIDAY"]


def test_tables_that_change_while_they_are_dumped_are_told(
    original: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apim_upgrade.databases.mysql import backup

    said: list[str] = []
    pipe = backup.pipe

    def meanwhile(*arguments: object, **options: object) -> str | None:
        with original.write() as session:
            session.execute("INSERT INTO PARENT (NAME) VALUES ('late')")
        return pipe(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(backup, "pipe", meanwhile)
        dumped = dump(original, tmp_path / "am", said.append)
    assert not dumped.content["PARENT"].settled
    assert dumped.content["CHILD"].settled
    assert any("PARENT of am changed while they were dumped" in line for line in said)
    prove_dump(
        original.address,
        tmp_path / "am",
        lambda found: _none(deviations(dumped.content, content_of(Database("copy", found)))),
        said.append,
    )


def _none(found: object) -> None:
    assert list(found) == []  # type: ignore[call-overload]


def test_triggers_and_views_stand_in_the_way(original: Database, mysql_databases: MariaServer) -> None:
    mysql_databases.execute("CREATE VIEW V AS SELECT NAME FROM PARENT", database=original.address.database)
    obstacle = obstacle_to_swap(original.address)
    assert obstacle is not None
    assert "has triggers or views (V)" in obstacle[0]


def test_rows_written_since_a_moment_are_told_by_number_or_time(original: Database) -> None:
    from sqlalchemy import func, select, table

    mysql = dbms_of("mysql")
    with original.write() as session:
        session.execute("CREATE TABLE TIMED (NAME VARCHAR(9), CREATED_TIME DATETIME)")
        session.execute("CREATE TABLE LEFT_ALONE (NAME VARCHAR(9))")
        session.execute("INSERT INTO TIMED VALUES ('old', '2020-01-01 00:00:00')")
        session.execute("INSERT INTO LEFT_ALONE VALUES ('upgrade')")
        moment = mysql.moment(session)
        session.execute("INSERT INTO CHILD (ID) VALUES (2)")
        session.execute("INSERT INTO TIMED VALUES ('new', UTC_TIMESTAMP())")
        session.execute("INSERT INTO PARENT (NAME) VALUES ('new')")
        for name, columns, wanted in (
            ("PARENT", {"ID": "int"}, 1),
            ("TIMED", {"NAME": "varchar(9)", "CREATED_TIME": "datetime"}, 1),
            ("CHILD", {"ID": "int"}, 4),
            ("LEFT_ALONE", {"NAME": "varchar(9)"}, 0),
        ):
            since = mysql.written_since(session, moment, name, columns)
            assert not since.exact
            count = select(func.count()).select_from(table(name)).where(since.condition)
            assert session.all(count)[0][0] == wanted
