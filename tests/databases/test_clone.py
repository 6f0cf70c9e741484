"""Copies of databases: whole or not there, by whichever way the server and the user's rights allow."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from apim_upgrade.databases import (
    Address,
    Database,
    EmbeddedPostgres,
    clone,
    database_exists,
    drop_clone,
    piping,
)
from apim_upgrade.databases.postgresql.clone import PARTIAL, _copy
from apim_upgrade.databases.postgresql.making import look
from apim_upgrade.databases.postgresql.programs import dump_problem, find_programs, first_error, login
from apim_upgrade.errors import EnvironmentProblem, EstateError
from conftest import Server

_numbers = itertools.count(1)


@pytest.fixture
def names(databases: Server) -> Iterator[Callable[[str], str]]:
    """Names of databases that are dropped after the test, whatever is under them."""
    made: list[str] = []

    def name(stem: str) -> str:
        made.append(f"{stem}_{next(_numbers)}")
        return made[-1]

    yield name
    for database in made:
        for suffix in ("", PARTIAL):
            databases.drop(f"{database}{suffix}")


@pytest.fixture
def original(databases: Server, server: EmbeddedPostgres, names: Callable[[str], str]) -> Iterator[Address]:
    """A small database of an ordinary user who may create databases."""
    user = f"owner_{next(_numbers)}"
    name = names("original")
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE {user} LOGIN CREATEDB")
        connection.execute(f"CREATE DATABASE {name} OWNER {user}")
    address = replace(server.address(name), username=user)
    with connected(address) as connection:
        connection.execute("CREATE TABLE thing (id serial PRIMARY KEY, name text UNIQUE)")
        connection.execute("INSERT INTO thing (name) SELECT 'thing ' || n FROM generate_series(1, 1000) n")
    yield address
    with server.connect() as connection:
        connection.execute(f"UPDATE pg_database SET datistemplate = false WHERE datdba = '{user}'::regrole")
        for (left,) in connection.execute(
            f"SELECT datname FROM pg_database WHERE datdba = '{user}'::regrole"
        ).fetchall():
            databases.drop(left)
        connection.execute(f"DROP OWNED BY {user}")
        connection.execute(f"DROP ROLE {user}")


@contextmanager
def connected(address: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=address.host, dbname=address.database, user=address.username, autocommit=True
    ) as connection:
        yield connection


def things(address: Address) -> tuple[int, int, str]:
    """Rows, the next generated id, and the table's owner."""
    with connected(address) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM thing), nextval('thing_id_seq'), "
            "(SELECT tableowner FROM pg_tables WHERE tablename = 'thing')"
        ).fetchone()
    assert row is not None
    return row


def databases_of(server: EmbeddedPostgres, stem: str) -> set[str]:
    with server.connect() as connection:
        return {
            row[0]
            for row in connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [stem])
        }


def test_the_server_copies_by_itself_when_nobody_is_connected(original: Address, names: Callable[[str], str]) -> None:
    name = names("copy")
    assert clone(original, name) == "by the server itself"
    assert things(original.at(name)) == (1000, 1001, original.username)
    assert not database_exists(original, name + PARTIAL)


def test_a_database_in_use_is_copied_by_dump(original: Address, names: Callable[[str], str]) -> None:
    name = names("copy")
    said: list[str] = []
    with connected(original):
        how = clone(original, name, say=said.append)
    assert how == "by pg_dump and pg_restore, because 1 other sessions use it"
    assert len(said) == 1
    assert things(original.at(name)) == (1000, 1001, original.username)


def test_a_reader_who_owns_nothing_copies_by_dump_and_owns_the_copy(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str]
) -> None:
    reader = f"reader_{next(_numbers)}"
    with server.connect(original.database) as connection:
        connection.execute(f"CREATE ROLE {reader} LOGIN CREATEDB")
        for kind in ("TABLES", "SEQUENCES"):
            connection.execute(f"GRANT SELECT ON ALL {kind} IN SCHEMA public TO {reader}")
    name = names("copy")
    try:
        how = clone(replace(original, username=reader), name)
        assert "only its owner" in how
        assert things(replace(original, username=reader).at(name)) == (1000, 1001, reader)
    finally:
        with server.connect(original.database) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
            connection.execute(f"DROP OWNED BY {reader}")
            connection.execute(f"DROP ROLE {reader}")


@pytest.mark.parametrize("in_use", [False, True], ids=["by the server", "by dump"])
def test_settings_grants_owner_and_locale_go_along(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str], in_use: bool
) -> None:
    name = names("copy")
    with server.connect() as connection:
        for statement in (
            "SET search_path = 'odd one', public",
            "SET work_mem = '7MB'",
        ):
            connection.execute(f"ALTER DATABASE {original.database} {statement}")
        connection.execute(f"ALTER ROLE {original.username} IN DATABASE {original.database} SET random_page_cost = 2")
        connection.execute(f"REVOKE CONNECT ON DATABASE {original.database} FROM PUBLIC")
        connection.execute(f"GRANT CONNECT ON DATABASE {original.database} TO shared_user")
    if in_use:
        with connected(original):
            clone(replace(original, username="postgres"), name)
    else:
        clone(replace(original, username="postgres"), name)
    about = (
        "SELECT datdba, encoding, datcollate, datctype, to_jsonb(d) ->> 'datlocprovider', "
        "(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a), "
        "(SELECT array_agg(row(setrole, setconfig)::text ORDER BY setrole) FROM pg_db_role_setting "
        "WHERE setdatabase = d.oid), shobj_description(oid, 'pg_database') FROM pg_database d WHERE datname = %s"
    )
    with server.connect() as connection:
        before = connection.execute(about, [original.database]).fetchone()
        after = connection.execute(about, [name]).fetchone()
    assert before == after
    assert things(original.at(name))[2] == original.username


def test_what_finish_writes_is_there_when_the_name_is(original: Address, names: Callable[[str], str]) -> None:
    name = names("copy")
    seen: list[str] = []

    def finish(address: Address) -> None:
        seen.append(address.database)
        assert not database_exists(original, name)
        with Database("copy", address).write() as session:
            session.execute("CREATE TABLE apim_upgrade_run (run_id text)")

    clone(original, name, finish)
    assert seen == [name + PARTIAL]
    drop_clone(original, name)
    assert not database_exists(original, name)


def test_a_failure_leaves_nothing_behind(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str]
) -> None:
    name = names("copy")

    def finish(_: Address) -> None:
        raise EnvironmentProblem("no more")

    with pytest.raises(EnvironmentProblem, match="no more"):
        clone(original, name, finish)
    assert databases_of(server, name) == set()


def test_an_existing_database_is_never_overwritten(original: Address, names: Callable[[str], str]) -> None:
    name = names("copy")
    clone(original, name)
    with pytest.raises(EnvironmentProblem, match=f"{name} exists"):
        clone(original, name)
    with pytest.raises(EstateError, match="no journal"):
        drop_clone(original, name)
    assert database_exists(original, name)
    with pytest.raises(EstateError, match="original"):
        drop_clone(original, original.database)


def test_a_partial_copy_is_done_again_but_not_one_of_somebody_else(
    original: Address, names: Callable[[str], str]
) -> None:
    name = names("copy")
    with connected(original) as connection:
        connection.execute(f"CREATE DATABASE {name}{PARTIAL}")
    clone(original, name)
    assert things(original.at(name))[0] == 1000
    other = names("copy")
    with connected(original) as connection:
        connection.execute(f"CREATE DATABASE {other}{PARTIAL}")
        connection.execute(f"COMMENT ON DATABASE {other}{PARTIAL} IS 'holiday pictures'")
    with pytest.raises(EnvironmentProblem, match="not made by this tool"):
        clone(original, other)
    drop_clone(original, names("never"))


def test_without_the_right_to_create_databases_the_statement_to_give_is_told(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str]
) -> None:
    with server.connect() as connection:
        connection.execute(f"ALTER ROLE {original.username} NOCREATEDB")
    with pytest.raises(EnvironmentProblem, match="may not create databases") as caught:
        clone(original, names("copy"))
    assert f"ALTER ROLE {original.username} CREATEDB" in caught.value.hint


def test_a_table_that_cannot_be_read_is_told_by_name(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str]
) -> None:
    name = names("copy")
    with server.connect(original.database) as connection:
        connection.execute("CREATE TABLE hidden (id integer)")
    with connected(original), pytest.raises(EnvironmentProblem, match="permission denied for table hidden"):
        clone(original, name)
    assert databases_of(server, name) == set()


def test_a_wrong_database_and_a_wrong_host_are_told(original: Address) -> None:
    with pytest.raises(EnvironmentProblem, match="There is no database"):
        clone(original.at("nowhere"), "copy")
    with pytest.raises(EnvironmentProblem, match="cannot be made"):
        database_exists(replace(original, host="/nowhere"), "copy")


_CLONE_SLOWLY = """
import sys
from apim_upgrade.databases import Address, clone
def finish(address):
    print("complete", flush=True)
    sys.stdin.read()
clone(Address("postgresql", sys.argv[1], 5432, sys.argv[2], sys.argv[3]), sys.argv[4], finish)
"""


@pytest.mark.parametrize("in_use", [False, True], ids=["by the server", "by dump"])
def test_a_kill_in_the_middle_is_repaired_by_doing_it_again(
    original: Address, names: Callable[[str], str], in_use: bool
) -> None:
    name = names("copy")
    argument = [original.host, original.database, original.username, name]
    process = subprocess.Popen(
        [sys.executable, "-c", _CLONE_SLOWLY, *argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == b"complete\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()
    assert database_exists(original, name + PARTIAL)
    assert not database_exists(original, name)
    if in_use:
        with connected(original):
            clone(original, name)
    else:
        clone(original, name)
    assert things(original.at(name))[0] == 1000


def test_a_lost_dump_is_told_and_cleaned_up(
    server: EmbeddedPostgres, original: Address, names: Callable[[str], str]
) -> None:
    """Somebody ends the session of pg_dump while it waits for a lock."""
    name = names("copy")
    ended = threading.Event()

    def end_it() -> None:
        with server.connect() as connection:
            while not ended.is_set():
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE application_name = 'apim-upgrade clone' AND datname = %s AND wait_event_type = 'Lock'",
                    [original.database],
                )
                ended.wait(0.02)

    with connected(original) as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE thing IN ACCESS EXCLUSIVE MODE")
        killer = threading.Thread(target=end_it)
        killer.start()
        try:
            with pytest.raises(EnvironmentProblem, match="with pg_dump failed"):
                clone(original, name)
        finally:
            ended.set()
            killer.join()
    assert databases_of(server, name) == set()


def test_another_sort_order_goes_along(server: EmbeddedPostgres, names: Callable[[str], str]) -> None:
    source, name = names("sorted"), names("copy")
    with server.connect() as connection:
        if connection.info.server_version < 170_000:
            pytest.skip("this server has no built-in locales")
        connection.execute(
            f"CREATE DATABASE {source} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' "
            "ENCODING 'UTF8' LOCALE 'C'"
        )
    with connected(server.address(source)):
        clone(server.address(source), name)
    with server.connect() as connection:
        locales = connection.execute(
            "SELECT DISTINCT datlocprovider, datlocale, datcollate FROM pg_database WHERE datname IN (%s, %s)",
            [source, name],
        ).fetchall()
    assert len(locales) == 1


def test_a_session_that_comes_in_between_is_no_obstacle(original: Address, names: Callable[[str], str]) -> None:
    """The server refuses because somebody connected after we looked."""
    name = names("copy")
    said: list[str] = []
    with Database("original", original).autocommit() as session, connected(original):
        seen = replace(look(session, original), others=0)
        how = _copy(session, seen, original.at(name), said.append)
    assert how.endswith("because another session came in")
    assert things(original.at(name))[0] == 1000


def test_a_long_copy_tells_how_far_it_is(
    original: Address, names: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(piping, "SAY_EVERY", 0.02)
    said: list[str] = []
    with connected(original) as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE thing IN ACCESS EXCLUSIVE MODE")

        def say(text: str) -> None:
            said.append(text)
            if len(said) == 3:
                holder.execute("COMMIT")

        clone(original, names("copy"), say=say)
    assert said[1].startswith(f"Copying {original.database}: ")
    assert "MB" in said[1]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("could not extend file base/1", "disk of the server of .* is full"),
        ("permission denied for table x", "lacks a right"),
        ("anything else", "with pg_dump failed: anything else"),
    ],
)
def test_complaints_of_the_programs_are_translated(said: str, told: str) -> None:
    address = Address("postgresql", "h", 5432, "d", "u", "secret")
    assert re.search(told, str(dump_problem(address, said)))


def test_rows_that_a_program_quotes_are_not_repeated() -> None:
    complaint = (
        "pg_restore: while PROCESSING TOC:\n"
        'pg_restore: error: COPY failed for table "t": ERROR:  duplicate key\n'
        "DETAIL:  Key (token)=(secret) already exists.\nCONTEXT:  COPY t, line 1: secret\n"
    )
    assert first_error(complaint) == 'COPY failed for table "t": ERROR:  duplicate key'
    assert first_error("") == "no reason given"


def test_client_programs_are_never_older_than_the_server_and_get_no_password_as_argument() -> None:
    assert find_programs(13).major >= 13
    with pytest.raises(EnvironmentProblem, match="pg_dump and pg_restore 99"):
        find_programs(99)
    address = Address("postgresql", "h", 5433, "d", "u", "pa ss", "", (("sslmode", "require"),))
    environment = login(address)
    assert (environment["PGPASSWORD"], environment["PGSSLMODE"], environment["PGPORT"]) == ("pa ss", "require", "5433")
    assert "PGPASSWORD" not in login(replace(address, password="")) or "PGPASSWORD" in os.environ
