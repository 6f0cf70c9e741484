"""A session on MySQL: names as they really are, columns that keep their value, one transaction a step."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import (
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    update,
)

from apim_upgrade.databases import Database, locks, name_uuid, name_uuid_of
from apim_upgrade.engine import RunRecord, journal, stage_table
from apim_upgrade.errors import EnvironmentProblem, KnowledgeError
from conftest import ON_MYSQL, MariaServer, mariadb_server

HOLDER = "apim-upgrade " if ON_MYSQL else "root@localhost (connection "
"""MySQL keeps the names that programs give themselves, MariaDB does only if told to."""
THING = table("thing", column("id", Integer), column("name", String), column("touched", DateTime))
OTHER = table("other", column("id", Integer), column("name", String))
RECORD = RunRecord("run-1", "0.1.0", "4.0.0", "4.4.0", "f" * 64, datetime(2026, 1, 2), "{}")
MAKE = (
    "CREATE TABLE THING (ID INT PRIMARY KEY AUTO_INCREMENT, NAME VARCHAR(50), CHANGED TIMESTAMP NOT NULL "
    "DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, TOUCHED DATETIME(6), BODY LONGBLOB)",
    "CREATE TABLE OTHER (ID INT PRIMARY KEY, NAME VARCHAR(50) COLLATE latin1_general_cs)",
    "INSERT INTO THING (ID, NAME, CHANGED) VALUES (1, '50 % off', '2001-02-03'), (2, 'Two', '2001-02-03')",
)


@pytest.fixture
def am(mysql_database: Callable[..., Database]) -> Database:
    database = mysql_database("am")
    with database.write() as session:
        for statement in MAKE:
            session.execute(statement)
    return database


def names(database: Database) -> list[object]:
    with database.read() as session:
        return [row.name for row in session.all(select(THING.c.name).order_by(THING.c.id))]


def test_a_table_is_found_however_it_is_spelled(am: Database) -> None:
    with am.read() as session:
        assert session.exists("thing")
        assert not session.exists("thin")
        assert session.all(select(THING.c.id).where(THING.c.name == "50 % off")) == [(1,)]
        assert session.all("SELECT NAME FROM THING WHERE NAME LIKE '50 %'") == [("50 % off",)]
        assert session.kind == "mysql"


def test_a_table_that_is_yet_to_come_is_spelled_as_in_the_stock_scripts(am: Database) -> None:
    new = table("am_new", column("id"), column("name"))
    with am.read() as session:
        shown = session.render(update(new).where(new.c.name == "50 %").values(id=THING.c.id))
    assert shown == "UPDATE `AM_NEW`, `THING` SET `AM_NEW`.id=`THING`.id WHERE `AM_NEW`.name = '50 %'"


def test_names_where_the_server_writes_all_in_lower_case() -> None:
    with mariadb_server(lower_case_table_names="1") as server:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE am CHARACTER SET latin1")
        database = Database("am", server.address("am"))
        with database.write() as session:
            for statement in MAKE:
                session.execute(statement)
            assert session.execute(update(THING).values(name="x")) == 2
        with database.read() as session:
            assert session.all("SHOW TABLES") == [("other",), ("thing",)]


def test_columns_that_change_by_themselves_keep_their_value(am: Database) -> None:
    with am.write() as session:
        session.execute(insert(OTHER).values(id=2, name="Two"))
        assert session.execute(update(THING).where(THING.c.id == 1).values(name="x")) == 1
        assert session.execute(update(THING).where(THING.c.id == OTHER.c.id).values(name=OTHER.c.name + "!")) == 1
        assert session.all("SELECT DISTINCT CHANGED FROM THING") == [(datetime(2001, 2, 3),)]
    assert names(am) == ["x", "Two!"]


def test_a_column_that_changes_by_itself_can_be_set(am: Database) -> None:
    changing = table("thing", column("changed", DateTime))
    with am.write() as session:
        session.execute(update(changing).values(changed=datetime(2010, 1, 1)))
        assert session.all("SELECT DISTINCT CHANGED FROM THING") == [(datetime(2010, 1, 1),)]


def test_what_changes_by_itself_is_learned_again_after_a_change_of_the_table(am: Database) -> None:
    same = update(THING).where(THING.c.id == 1)
    with am.write() as session:
        session.execute(same.values(name="a"))
    with am.write() as session:
        session.execute(
            "ALTER TABLE THING ADD SEEN TIMESTAMP NOT NULL DEFAULT '2001-01-01' ON UPDATE CURRENT_TIMESTAMP"
        )
        session.execute(same.values(name="b"))
        assert session.all("SELECT DISTINCT SEEN FROM THING") == [(datetime(2001, 1, 1),)]


def test_other_statements_run_while_a_long_answer_is_read(am: Database) -> None:
    many = 30_000
    with am.write() as session:
        rows = ((number, "n" * 20, None, os.urandom(600)) for number in range(10, many))
        assert session.copy_into("thing", ("id", "name", "touched", "body"), rows) == many - 10
    with am.write() as session:
        seen = 0
        for row in session.stream(select(THING.c.id, THING.c.name, literal(b"x").label("x")).order_by(THING.c.id)):
            if row.id % 10_000 == 0:
                assert session.execute(update(THING).where(THING.c.id == row.id).values(name="seen")) == 1
            seen += 1
        assert seen == many - 8
    with am.read() as session:
        next(session.stream("SELECT * FROM THING"))
        assert session.all(select(func.count()).where(THING.c.name == "seen")) == [(2,)]


def test_a_long_answer_that_finds_no_room_to_wait_says_where(am: Database) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(EnvironmentProblem, match="A long answer cannot wait in /") as caught, am.read() as session:
            list(session.stream("SELECT REPEAT('x', 9000000)"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "TMPDIR" in caught.value.hint


def test_any_value_arrives_as_it_was(am: Database) -> None:
    stage = stage_table(
        "all",
        Column("no", Integer, primary_key=True, autoincrement=False),
        Column("text", Text),
        Column("name", String(300)),
        Column("bytes", LargeBinary),
        Column("moment", DateTime),
        Index("by_text", "text"),
        Index("by_name", "name"),
    )
    rows = [
        (
            0,
            "%s \\ ' \" 漢字 🎉" + "x" * 100_000,
            "Größe",
            bytes(range(256)) * 300,
            datetime(2026, 1, 2, 3, 4, 5, 678901),
        ),
        (1, None, "größe", b"", None),
    ]
    with am.write() as session:
        session.create_stage(stage)
        assert session.copy_into(stage.name, [each.name for each in stage.columns], rows) == 2
        session.analyze(stage.name)
        assert session.all(select(stage).order_by(stage.c.no)) == rows
        assert session.all(select(stage.c.no).where(stage.c.name == "größe")) == [(1,)], "case counts"
    with am.write() as session:
        session.create_stage(stage)
        assert session.all(select(stage)) == [], "a stage falls with its transaction"


def test_a_stage_compares_with_columns_of_any_collation(am: Database) -> None:
    stage = stage_table("name", Column("name", String(50)))
    with am.write() as session:
        session.execute(insert(OTHER).values(id=1, name="Two"))
        session.create_stage(stage)
        session.copy_into(stage.name, ["name"], [("Two",), ("two",)])
        for each in (THING, OTHER):
            assert session.all(select(stage.c.name).where(exists().where(each.c.name == stage.c.name))) == [("Two",)]


def test_a_row_larger_than_the_server_takes_is_named(am: Database, mysql_databases: MariaServer) -> None:
    mysql_databases.execute("SET GLOBAL max_allowed_packet = 1048576")
    try:
        with (
            pytest.raises(EnvironmentProblem, match=r"A row for thing is larger than the server takes"),
            am.write() as session,
        ):
            session.copy_into("thing", ("id", "body"), [(9, b"\0" * (2 << 20))])
    finally:
        mysql_databases.execute("SET GLOBAL max_allowed_packet = 67108864")
    assert len(names(am)) == 2


def test_a_name_gives_the_same_uuid_here_and_there(am: Database) -> None:
    with am.write() as session:
        session.execute(insert(THING).values(id=3, name="Größe"))
        found = session.all(select(name_uuid_of("thing", THING.c.id, THING.c.name)).where(THING.c.id == 3))
    assert found == [(name_uuid("thing", 3, "Größe"),)]


def test_characters_are_counted_not_bytes(am: Database) -> None:
    with am.write() as session:
        session.execute(insert(THING).values(id=3, name="Größe"))
        assert session.all(select(func.length(THING.c.name)).where(THING.c.id == 3)) == [(5,)]


def test_an_attempt_that_fails_leaves_the_rest(am: Database) -> None:
    with am.write() as session:
        session.execute(update(THING).where(THING.c.id == 1).values(name="kept"))
        with pytest.raises(Exception, match="1062"), session.attempt():
            session.execute(delete(THING).where(THING.c.id == 2))
            session.execute(insert(THING).values(id=1, name="again"))
    assert names(am) == ["kept", "Two"]


def test_a_reader_sees_one_moment_and_writes_nothing(am: Database) -> None:
    with am.read() as reader:
        with am.write() as writer:
            writer.execute(delete(THING))
        assert reader.all(select(func.count()).select_from(THING)) == [(2,)]
    with pytest.raises(EnvironmentProblem, match="is read only"), am.read() as reader:
        reader.execute(delete(THING))


def test_rows_and_journal_are_one_transaction(am: Database) -> None:
    with am.write() as session:
        journal.open_journal(session, RECORD)
        session.analyze_all()
    with pytest.raises(RuntimeError), am.write() as session:
        session.execute(delete(THING))
        session.analyze("thing")
        raise RuntimeError
    with am.read() as session:
        assert journal.read_run(session) == RECORD
    assert len(names(am)) == 2


def test_a_table_that_grew_gets_fresh_figures_after_the_transaction(am: Database) -> None:
    with am.write() as session:
        session.copy_into("thing", ("id",), ((number,) for number in range(100, 5100)))
        session.analyze("thing")
    with am.read() as session:
        assert session.all("SELECT table_rows > 4000 FROM information_schema.tables WHERE table_name = 'THING'") == [
            (1,)
        ]


def test_ddl_after_rows_were_written_is_refused(am: Database) -> None:
    with pytest.raises(KnowledgeError, match="would commit them"), am.write() as session:
        session.execute(delete(THING))
        session.execute("ALTER TABLE THING ADD X INT")
    assert len(names(am)) == 2


def test_a_commit_in_the_middle_of_a_step_is_noticed(am: Database) -> None:
    with pytest.raises(KnowledgeError, match="committed in the middle"), am.write() as session:
        session.execute(delete(THING))
        session.execute("/* hidden */ CREATE TABLE X (ID INT)")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(locks, "_PATIENCE", 0.1)
    yield


def test_the_second_writer_is_refused(am: Database, impatient: None) -> None:
    with (
        am.lock("run"),
        pytest.raises(EnvironmentProblem, match=rf"is being upgraded by {re.escape(HOLDER)}"),
    ):
        assert (am.holder() or "").startswith(HOLDER)
        with am.lock("run"):
            pass
    assert am.holder() is None


def test_the_same_lock_of_another_database_is_another(am: Database, mysql_database: Callable[..., Database]) -> None:
    with am.lock("run"), mysql_database("am").lock("run"):
        assert am.holder() is not None


def test_the_holder_is_named_as_it_calls_itself_where_the_server_keeps_that() -> None:
    with mariadb_server(performance_schema="1") as server:
        database = Database("am", server.address("mysql"))
        with database.lock("run"):
            assert f"pid {os.getpid()}" in (database.holder() or "")


def test_what_the_server_says_of_itself(am: Database, mysql_databases: MariaServer) -> None:
    from apim_upgrade.databases.dbms import dbms_of

    dbms = dbms_of("mysql")
    with am.read() as session:
        assert dbms.version(session).endswith("-MariaDB") is not ON_MYSQL
        facts = dbms.server(session)
        assert dbms.tables(session)["thing"].size > 0
    assert facts.superuser and facts.may_create_databases and not facts.read_only
    assert (facts.encoding, facts.time_zone) == ("latin1", "UTC")
    assert facts.free
    mysql_databases.execute(
        "CREATE USER clerk IDENTIFIED BY 'x'", f"GRANT SELECT ON `{am.address.database}`.* TO clerk"
    )
    clerk = Database("am", am.address.__class__("mysql", am.address.host, 3306, am.address.database, "clerk", "x"))
    with clerk.read() as session:
        facts = dbms.server(session)
    assert not facts.superuser and not facts.may_create_databases
    mysql_databases.execute("DROP USER clerk")


def test_an_index_of_the_product_serves_a_join_with_a_text_of_ours(mysql_database: Callable[..., Database]) -> None:
    database = mysql_database("am", charset="latin1")
    stage = stage_table("wanted", Column("number", Integer), Column("path", Text))
    paths = table("reg_path", column("reg_path_id"), column("reg_path_value"))
    rows = [(number, f"/folder/{number}/Ärger") for number in range(2000)]
    with database.write() as session:
        session.execute("CREATE TABLE REG_PATH (REG_PATH_ID INTEGER PRIMARY KEY, REG_PATH_VALUE VARCHAR(750) UNIQUE)")
        session.copy_into("reg_path", ("reg_path_id", "reg_path_value"), rows)
    with database.write() as session:
        session.create_stage(stage)
        session.copy_into(stage.name, ("number", "path"), [(1, rows[7][1]), (2, rows[7][1].upper()), (3, "/łódź")])
        found = select(stage.c.number, paths.c.reg_path_id).join(paths, paths.c.reg_path_value == stage.c.path)
        plan = {row.table: row for row in session.all(f"EXPLAIN {session.render(found)}")}
        assert plan["REG_PATH"].key == "REG_PATH_VALUE"
        assert [tuple(row) for row in session.all(found)] == [(1, 7)], "and what is equal is equal byte by byte"
        missing = select(stage.c.number).where(~exists().where(paths.c.reg_path_value == stage.c.path))
        assert [row.number for row in session.all(missing.order_by(stage.c.number))] == [2, 3]
