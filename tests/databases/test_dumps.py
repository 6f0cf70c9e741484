"""What pg_dump writes is restored into another server, where roles, extensions and settings are missing."""

from __future__ import annotations

import gzip
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apim_upgrade.databases import EmbeddedPostgres
from apim_upgrade.databases import dumps as restoring
from apim_upgrade.databases.dumps import restore
from apim_upgrade.databases.mysql.embedded import EmbeddedMariaDB
from apim_upgrade.databases.postgresql import dumps
from apim_upgrade.errors import EnvironmentProblem, ProjectError
from conftest import MariaServer, Server

END = b"--\n-- PostgreSQL database dump complete\n--\n"
HOSTILE = (
    "a line\nALTER TABLE x OWNER TO nobody_at_all;\n\\! touch /tmp/never\n\\.\nSET default_tablespace = elsewhere;\n"
)


@pytest.fixture
def source(databases: Server) -> Iterator[str]:
    """A database with what the server it goes to has not: an owner, grants, an extension; tables in their schema."""
    name = databases.clone("template0")
    with databases.postgres.connect(name) as connection:
        connection.execute('CREATE ROLE "Owner of ""it"""')
        connection.execute("CREATE ROLE reader_of_it")
        connection.execute("CREATE SCHEMA product")
        connection.execute("CREATE EXTENSION tcn SCHEMA product")
        connection.execute("CREATE TABLE product.am_api (id serial PRIMARY KEY, name text)")
        connection.execute("INSERT INTO product.am_api (name) VALUES (%s)", (HOSTILE,))
        connection.execute('ALTER TABLE product.am_api OWNER TO "Owner of ""it"""')
        connection.execute("GRANT SELECT ON product.am_api TO reader_of_it WITH GRANT OPTION")
        connection.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA product GRANT SELECT ON TABLES TO reader_of_it")
    yield name
    databases.drop(name)
    with databases.postgres.connect() as connection:
        connection.execute('DROP ROLE "Owner of ""it"""')
        connection.execute("DROP ROLE reader_of_it")


@pytest.fixture
def other(databases: Server, source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], list[str]]]:
    """Restore a dump where neither the roles nor the extension are known; return the rows. The server is the same."""
    made: list[str] = []
    extensions = dumps._available_extensions
    monkeypatch.setattr(dumps, "_available_extensions", lambda connection: extensions(connection) - {"tcn"})

    def make(dump: Path) -> list[str]:
        with databases.postgres.connect(source) as connection:
            connection.execute('DROP OWNED BY "Owner of ""it""", reader_of_it CASCADE')
        with databases.postgres.connect() as connection:
            connection.execute('DROP ROLE IF EXISTS "Owner of ""it"""')
            connection.execute("DROP ROLE IF EXISTS reader_of_it")
        made.append(f"restored_{len(made)}_of_{source}")
        address = restore(dump, databases.postgres, made[-1])
        assert address.schema == "product"
        with databases.postgres.connect(made[-1]) as connection:
            assert not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'tcn'").fetchall()
            return [row[0] for row in connection.execute("SELECT name FROM product.am_api")]

    yield make
    for name in made:
        databases.drop(name)
    with databases.postgres.connect() as connection:
        for role in ('"Owner of ""it"""', "reader_of_it"):
            connection.execute(f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")


def _dump(databases: Server, name: str, to: Path, *options: str) -> Path:
    databases.postgres.run("pg_dump", *options, "--file", str(to), name)
    return to


@pytest.mark.parametrize(
    "options",
    [
        ["--format=plain"],
        ["--format=plain", "--create", "--clean", "--if-exists"],
        ["--format=plain", "--inserts"],
        ["--format=plain", "--use-set-session-authorization"],
        ["--format=custom"],
        ["--format=directory"],
        ["--format=tar"],
    ],
)
def test_every_form_of_dump_is_restored(
    databases: Server, source: str, other: Callable[[Path], list[str]], tmp_path: Path, options: list[str]
) -> None:
    assert other(_dump(databases, source, tmp_path / "dump", *options)) == [HOSTILE]


def test_a_packed_dump_of_a_newer_server_is_restored(
    databases: Server, source: str, other: Callable[[Path], list[str]], tmp_path: Path
) -> None:
    text = _dump(databases, source, tmp_path / "dump").read_text(encoding="utf-8")
    text = text.replace("SET statement_timeout = 0;", "SET statement_timeout = 0;\nSET timeout_of_tomorrow = 0;", 1)
    packed = tmp_path / "dump.sql.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert other(packed) == [HOSTILE]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"hello", "is no dump that pg_dump or mysqldump wrote"),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", "made by pg_dumpall"),
        (gzip.compress(b"PGDMP\x01"), "a packed archive: unpack it first"),
        (gzip.compress(b"hello"), "is no dump that pg_dump or mysqldump wrote"),
        (b"\x1f\x8b", "its end is missing"),
        (b"\x1f\x8b\x08\x00nonsense and more nonsense", "its end is missing"),
        (b"PGDMP\x01\x0e\x00", r"cannot be restored|its end is missing"),
        (b"--\n-- PostgreSQL database dump\n--\nCREATE TABLE a (b int);\n", "its end is missing"),
        (
            b"--\n-- PostgreSQL database dump\n--\nCOPY public.a FROM stdin;\n\\.\n" + END,
            r"cannot be restored: .* does not exist",
        ),
        (b"--\n-- PostgreSQL database dump\n--\nSELECT uuid_generate_v4();\n" + END, "uuid_generate_v4"),
    ],
)
def test_what_is_no_whole_dump_is_told_in_a_sentence(
    databases: Server, tmp_path: Path, content: bytes, told: str
) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(content)
    try:
        with pytest.raises(ProjectError, match=told) as error:
            restore(dump, databases.postgres, "never_whole")
    finally:
        databases.drop("never_whole")
    assert error.value.hint
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["plain", "custom", "packed"])
def test_half_a_dump_is_refused(databases: Server, source: str, tmp_path: Path, form: str) -> None:
    with databases.postgres.connect(source) as connection:
        connection.execute("INSERT INTO product.am_api (name) SELECT md5(n::text) FROM generate_series(1, 20000) n")
    options = ["--format=custom"] if form == "custom" else []
    dump = _dump(databases, source, tmp_path / "dump", *options)
    whole = gzip.compress(dump.read_bytes()) if form == "packed" else dump.read_bytes()
    dump.write_bytes(whole[: len(whole) // 2])
    try:
        with pytest.raises(ProjectError, match="its end is missing"):
            restore(dump, databases.postgres, "half")
    finally:
        databases.drop("half")


def test_files_and_programs_that_are_not_there_are_told(
    databases: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ProjectError, match="There is no dump"):
        restore(tmp_path / "nothing", databases.postgres, "never")
    with pytest.raises(ProjectError, match="it has no toc"):
        restore(tmp_path, databases.postgres, "never")
    dump = tmp_path / "dump"
    dump.write_bytes(b"--\n-- PostgreSQL database dump\n--\n")
    with monkeypatch.context() as patched:
        patched.setattr(restoring, "size_of", lambda dump: 10**18)
        with pytest.raises(EnvironmentProblem, match="has room for"):
            restore(dump, databases.postgres, "never")
    monkeypatch.setattr(databases.postgres, "binaries", tmp_path)
    try:
        with pytest.raises(EnvironmentProblem, match="has no psql"):
            restore(dump, databases.postgres, "without_psql")
    finally:
        databases.drop("without_psql")


def test_a_dump_that_needs_what_was_left_out_says_so(
    databases: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = tmp_path / "dump"
    dump.write_bytes(
        b'--\n-- PostgreSQL database dump\n--\nCREATE EXTENSION IF NOT EXISTS "not-here" WITH SCHEMA public;\n'
        b"CREATE TABLE a (b uuid DEFAULT public.made_by_not_here());\n" + END
    )
    try:
        with pytest.raises(ProjectError, match="made_by_not_here") as error:
            restore(dump, databases.postgres, "without_extension")
    finally:
        databases.drop("without_extension")
    assert "This PostgreSQL has no not-here, which the dump wants" in error.value.hint


def test_a_server_that_was_killed_leaves_a_folder_that_the_next_removes() -> None:
    code = (
        "import os; from apim_upgrade.databases import EmbeddedPostgres\n"
        "with EmbeddedPostgres() as server:\n    print(server.folder, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    left = Path(killed.stdout.strip())
    assert left.exists()
    (server,) = (int(line) for line in (left / "data" / "postmaster.pid").read_text().splitlines()[:1])
    ended = select.poll()
    ended.register(os.pidfd_open(server), select.POLLIN)
    assert ended.poll(20_000), "the server has outlived the process that started it"
    with EmbeddedPostgres() as server:
        assert not left.exists()
        with EmbeddedPostgres():
            assert server.folder.exists()


MYSQL_HEAD = (
    "-- MySQL dump 10.13  Distrib 8.0.44, for Linux (x86_64)\n"
    "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `prod` /*!40100 DEFAULT CHARACTER SET latin1 */;\nUSE `prod`;\n"
    "SET @@SESSION.SQL_LOG_BIN= 0;\n"
    "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'de278ad0-2106-11e4-9f8e-6edd0ca20947:1-2,\n"
    "ee278ad0-2106-11e4-9f8e-6edd0ca20947:1-2';\n"
    "CREATE TABLE `AM_API` (\n  `NAME` text COLLATE utf8mb4_0900_ai_ci\n"
    ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;\n"
)
MYSQL_ROW = "INSERT INTO `AM_API` VALUES ('USE x; utf8mb4_0900_ai_ci \\\\! touch /tmp/never');\n"


def test_a_dump_of_mysql_8_is_restored_into_mariadb(mysql_databases: MariaServer, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql.gz"
    text = MYSQL_HEAD + MYSQL_ROW + "-- Dump completed on 2026-11-21\n"
    dump.write_bytes(gzip.compress(text.encode()))
    with mysql_databases.maria.connect() as connection, connection.cursor() as cursor:
        try:
            address = restore(dump, mysql_databases.maria, "of_mysql_8")
            assert address.database == "of_mysql_8"
            cursor.execute("SELECT NAME FROM of_mysql_8.AM_API")
            assert cursor.fetchall() == (("USE x; utf8mb4_0900_ai_ci \\! touch /tmp/never",),)
            cursor.execute(
                "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = 'of_mysql_8'"
            )
            assert cursor.fetchall() == (("utf8mb4",),)
        finally:
            cursor.execute("DROP DATABASE of_mysql_8")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (MYSQL_HEAD + MYSQL_ROW, "its end is missing"),
        (MYSQL_HEAD + MYSQL_ROW[:40], "its end is missing"),
        (MYSQL_HEAD + "INSERT INTO `NOWHERE` VALUES (1);\n-- Dump completed\n", "doesn't exist"),
    ],
)
def test_half_a_dump_of_mysql_is_refused(mysql_databases: MariaServer, tmp_path: Path, content: str, told: str) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(content, encoding="utf-8")
    try:
        with pytest.raises(ProjectError, match=told):
            restore(dump, mysql_databases.maria, "half_of_mysql")
    finally:
        with mysql_databases.maria.connect() as connection, connection.cursor() as cursor:
            cursor.execute("DROP DATABASE half_of_mysql")


def test_a_server_that_ends_while_it_restores_is_not_the_dumps_fault(tmp_path: Path, mariadb: EmbeddedMariaDB) -> None:
    dump = tmp_path / "dump.sql"
    with EmbeddedPostgres(tmp_path / "postgresql") as postgres:
        number = (postgres.data / "postmaster.pid").read_text(encoding="utf-8").split()[0]
        end = f"COPY (SELECT 1) TO PROGRAM 'kill -QUIT {number}; sleep 1';"
        dump.write_text(f"--\n-- PostgreSQL database dump\n--\n{end}\nSELECT 1;\n", encoding="utf-8")
        with pytest.raises(EnvironmentProblem, match=r"The PostgreSQL of our own gave up while .* was restored"):
            restore(dump, postgres, "am")
    with EmbeddedMariaDB(tmp_path / "mariadb") as maria:
        dump.write_text(f"{MYSQL_HEAD}SHUTDOWN;\nDO SLEEP(5);\nSELECT 1;\n", encoding="utf-8")
        with pytest.raises(EnvironmentProblem, match=r"The MariaDB of our own gave up while .* was restored"):
            restore(dump, maria, "am")


def test_dumps_of_two_dbms_are_not_of_one_estate(tmp_path: Path) -> None:
    one, other = tmp_path / "one.sql", tmp_path / "other.sql"
    one.write_text(MYSQL_HEAD, encoding="utf-8")
    other.write_text("--\n-- PostgreSQL database dump\n--\n", encoding="utf-8")
    with pytest.raises(ProjectError, match="are dumps of different DBMS"):
        restoring.server_for([one, other], tmp_path)
