"""Copies on MySQL: whole or marked, alike in everything, and no secret where others can read it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from apim_upgrade.databases import Address, Database, clone, copy_in_the_making, database_exists, drop_clone, piping
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import ServerFacts
from apim_upgrade.databases.mysql import programs as programs_module
from apim_upgrade.databases.mysql.clone import dump_problem
from apim_upgrade.databases.mysql.programs import find_programs, login_file
from apim_upgrade.errors import EnvironmentProblem, EstateError
from conftest import ON_MYSQL, MariaServer


@pytest.fixture
def original(mysql_databases: MariaServer) -> Address:
    """A database with what a dump has to take along."""
    name = mysql_databases.create("latin1", "latin1_german1_ci")
    mysql_databases.execute(
        "CREATE TABLE PARENT (ID INT AUTO_INCREMENT PRIMARY KEY, NAME VARCHAR(99) COLLATE latin1_general_cs UNIQUE)",
        "CREATE TABLE CHILD (ID INT, BODY LONGBLOB, SEEN TIMESTAMP NULL, FOREIGN KEY (ID) REFERENCES PARENT (ID))",
        "INSERT INTO PARENT (NAME) VALUES ('a'), ('A'), ('Größe')",
        "INSERT INTO CHILD VALUES (3, 0x00ff275c0a, '2001-02-03 04:05:06'), (1, '', NULL)",
        "CREATE TRIGGER T BEFORE INSERT ON CHILD FOR EACH ROW SET NEW.BODY = concat(NEW.BODY, '')",
        "CREATE VIEW V AS SELECT NAME FROM PARENT",
        database=name,
    )
    return mysql_databases.maria.address(name)


@pytest.fixture
def name(mysql_databases: MariaServer, original: Address) -> str:
    """A name for the copy; whatever bears it is dropped after the test."""
    mysql_databases.made.append(f"{original.database}_copy")
    return mysql_databases.made[-1]


def content(address: Address) -> list[object]:
    with Database("it", address).read() as session:
        return [
            session.all("SELECT ID, NAME FROM PARENT ORDER BY ID"),
            session.all("SELECT ID, HEX(BODY), SEEN FROM CHILD ORDER BY ID"),
            session.all("SELECT @@character_set_database, @@collation_database"),
            session.all("SHOW CREATE TABLE PARENT"),
            session.all("SHOW CREATE TABLE CHILD"),
            [row[0] for row in session.all("SHOW TABLES")],
            [row.Trigger for row in session.all("SHOW TRIGGERS")],
        ]


def test_a_copy_is_alike_while_the_original_is_in_use(original: Address, name: str) -> None:
    with Database("am", original).write() as user:
        user.execute("UPDATE PARENT SET NAME = 'not committed' WHERE ID = 1")
        assert clone(original, name) == ("by mysqldump" if ON_MYSQL else "by mariadb-dump")
    with Database("am", original).write() as user:
        user.execute("UPDATE PARENT SET NAME = 'a' WHERE ID = 1")
    assert content(original.at(name)) == content(original)
    with pytest.raises(EnvironmentProblem, match=r"exists on .* already"):
        clone(original, name)


def test_a_copy_counts_only_when_it_is_whole(original: Address, name: str) -> None:
    seen: list[object] = []

    def finish(address: Address) -> None:
        seen.append((database_exists(original, name), copy_in_the_making(original, name)))
        with Database("am", address).write() as session:
            session.execute("CREATE TABLE apim_upgrade_run (ID INT)")

    clone(original, name, finish)
    ((whole, maker),) = seen
    assert (whole, str(maker)[:12]) == (False, "apim-upgrade" if ON_MYSQL else "root@localho")
    assert database_exists(original, name) and copy_in_the_making(original, name) is None
    drop_clone(original, name)
    assert not database_exists(original, name)


def test_a_killed_copy_is_begun_anew(original: Address, name: str, mysql_databases: MariaServer) -> None:
    script = f"""
        import os, signal
        from apim_upgrade.databases import Address, clone
        def finish(address):
            os.kill(os.getpid(), signal.SIGKILL)
        clone({original!r}, {name!r}, finish)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=os.environ)
    assert killed.returncode == -signal.SIGKILL
    assert not database_exists(original, name)
    assert copy_in_the_making(original, name) == ""
    with pytest.raises(EstateError, match="is the original"):
        drop_clone(original, original.database)
    clone(original, name)
    assert content(original.at(name)) == content(original)


def test_a_failure_leaves_nothing_behind(original: Address, name: str) -> None:
    def finish(address: Address) -> None:
        raise EnvironmentProblem("Something else.")

    with pytest.raises(EnvironmentProblem, match="Something else"):
        clone(original, name, finish)
    with Database("am", original).read() as session:
        assert not session.all(f"SHOW DATABASES LIKE '{name}'")


def test_a_database_that_is_no_copy_is_not_dropped(original: Address, name: str, mysql_databases: MariaServer) -> None:
    mysql_databases.execute(f"CREATE DATABASE `{name}`", f"CREATE TABLE `{name}`.X (ID INT)")
    with pytest.raises(EstateError, match="holds no journal of this tool"):
        drop_clone(original, name)


@pytest.fixture
def clerk(original: Address, mysql_databases: MariaServer) -> Iterator[Address]:
    """One who may read the original, and whom its DBA lets make nothing."""
    mysql_databases.execute(
        "CREATE USER clerk IDENTIFIED BY 'pa\"ss\\\\ word#1'",
        f"GRANT SELECT, SHOW VIEW, TRIGGER, LOCK TABLES ON `{original.database}`.* TO clerk",
    )
    yield replace(original, username="clerk", password='pa"ss\\ word#1')
    mysql_databases.execute("DROP USER clerk")


def test_who_may_not_create_databases_is_told_what_a_dba_can_do(clerk: Address, name: str) -> None:
    with pytest.raises(EnvironmentProblem, match="clerk may not create databases") as problem:
        clone(clerk, name)
    assert f"CREATE DATABASE `{name}` CHARACTER SET latin1 COLLATE latin1_german1_ci; GRANT ALL" in problem.value.hint


def test_the_statement_that_a_dba_is_told_lets_the_user_make_copies(
    clerk: Address, original: Address, name: str, mysql_databases: MariaServer
) -> None:
    # Whoever restores a trigger or a view of another needs more than the rights on the database.
    mysql_databases.execute("DROP TRIGGER T", "DROP VIEW V", database=original.database)

    def facts() -> ServerFacts:
        with Database("it", clerk).read() as session:
            return dbms_of("mysql").server(session)

    before = facts()
    assert not before.may_create_databases
    mysql_databases.execute(before.leave_to_create.rstrip(";"))
    assert facts().may_create_databases
    clone(clerk, name)
    assert content(replace(original, database=name)) == content(original)


def test_a_database_that_a_dba_made_is_filled_and_only_emptied(
    clerk: Address, original: Address, name: str, mysql_databases: MariaServer
) -> None:
    # Whoever restores a trigger or a view of another needs more than the rights on the database.
    mysql_databases.execute("DROP TRIGGER T", "DROP VIEW V", database=original.database)
    mysql_databases.execute(
        f"CREATE DATABASE `{name}` CHARACTER SET latin1 COLLATE latin1_german1_ci",
        f"GRANT ALL ON `{name}`.* TO clerk",
    )
    assert not database_exists(clerk, name)

    def fail(address: Address) -> None:
        raise EnvironmentProblem("Something else.")

    with pytest.raises(EnvironmentProblem, match="Something else"):
        clone(clerk, name, fail)
    assert not database_exists(clerk, name)
    clone(clerk, name)
    assert content(clerk.at(name)) == content(original)


def test_grants_go_along(original: Address, name: str, clerk: Address, mysql_databases: MariaServer) -> None:
    mysql_databases.execute(f"GRANT INSERT ON `{original.database}`.PARENT TO clerk")
    clone(original, name)
    with Database("am", clerk.at(name)).read() as session:
        grants = [str(row[0]) for row in session.all("SHOW GRANTS")]
    assert any(f"SELECT, LOCK TABLES, SHOW VIEW, TRIGGER ON `{name}`.* TO" in grant for grant in grants), grants
    assert any(f"GRANT INSERT ON `{name}`.`PARENT`" in grant for grant in grants), grants


def test_a_long_copy_tells_how_far_it_is(original: Address, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piping, "SAY_EVERY", 0.001)
    said: list[str] = []
    clone(original, name, say=said.append)
    assert said and said[0].startswith(f"Copying {original.database}: ")


def test_a_missing_program_is_named(original: Address, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs_module, "_folders", lambda: [Path("/nowhere")])
    with pytest.raises(EnvironmentProblem, match="are needed to copy a database") as problem:
        clone(original, name)
    assert "mariadb-client" in problem.value.hint


@pytest.mark.parametrize(
    ("complaint", "told"),
    [
        ("mysqldump: Got error: 1044: Access denied for user 'u'@'%' to database 'd' when", "lacks a right"),
        ("ERROR 1114 (HY000) at line 7: The table 'X' is full", "The disk of .* is full"),
        (
            "ERROR 1062 (23000) at line 3: Duplicate entry 'secret' for key 'PRIMARY'",
            "rows do not fit .Duplicate entry …",
        ),
        ("Killed", "gave no reason"),
    ],
)
def test_complaints_of_the_programs_are_translated(complaint: str, told: str) -> None:
    problem = dump_problem(Address("mysql", "h", 3306, "d", "u", "secret"), f"mysql: [Warning] x\n{complaint}\n")
    assert "secret" not in str(problem)
    with pytest.raises(EnvironmentProblem, match=told):
        raise problem


def test_programs_get_their_login_where_nobody_else_can_read_it() -> None:
    address = Address("mysql", "h", 3307, "d", "u", 'p"w\\', "", (("ssl_ca", "/ca.pem"), ("ssl_mode", "verify-full")))
    programs = find_programs(mariadb=True)
    with login_file(address) as (file, _):
        text = Path(file).read_text()
        commands = [*programs.dump_command(file, "d"), *programs.client_command(file, "d")]
    assert not any('p"w' in word for word in commands)
    assert 'password="p\\"w\\\\"' in text
    assert 'ssl-ca="/ca.pem"' in text and "loose-ssl-mode=VERIFY_IDENTITY" in text
    for mode, words in (("disable", "loose-skip-ssl"), ("require", "loose-ssl-mode=REQUIRED"), ("", "PREFERRED")):
        with login_file(replace(address, options=(("ssl_mode", mode),))) as (file, _):
            assert words in Path(file).read_text()
