"""What is not as it has to be is refused: one sentence, one hint, the documented exit code, and nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apim_upgrade.databases import Database, EmbeddedPostgres
from conftest import Pair, Server
from execution.site import SECRET, Site, change

COMMANDS = ("inspect", "plan", "run")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("change_of_file", "code", "told"),
    [
        (("?host=", "_gone?host="), 3, "There is no database"),
        (("?host=", "?host=/nowhere"), 3, "cannot be made or was lost"),
        (("postgres@/", "nobody_here@/"), 3, "The login to database"),
        (("postgresql://", "mysql://"), 3, "cannot be made or was lost"),
        (("postgresql://", "ftp://"), 2, "ftp"),
        (('target = "4.3.0"', 'target = "soon"'), 2, "soon"),
        (('target = "4.3.0"', 'target = "9.9.9"'), 2, "9.9.9"),
    ],
)
def test_a_wrong_project_file_is_refused(
    site: Callable[..., Site], command: str, change_of_file: tuple[str, str], code: int, told: str
) -> None:
    here = site()
    here.edit(*change_of_file)
    answer = here(command)
    if command == "inspect" and told == "9.9.9" and answer.code == 0:
        assert "warning: " in answer.err
        return
    assert answer.code == code
    assert told in answer.problem[0]
    assert answer.out == ""


@pytest.mark.parametrize("target", ["4.2.0", "4.0.0", "3.2.0"])
@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_target_that_is_not_later_is_refused(site: Callable[..., Site], command: str, target: str) -> None:
    answer = site(target=target)(command)
    assert answer.code == 2
    assert "is not later" in answer.problem[0]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server that asks for passwords."""
    with EmbeddedPostgres(tmp_path / "server") as running:
        with running.connect() as connection:
            connection.execute(f"CREATE ROLE apim LOGIN PASSWORD '{SECRET}'")
            connection.execute("CREATE DATABASE am")
            connection.execute("CREATE DATABASE shared")
            connection.execute("CREATE ROLE kept_out LOGIN PASSWORD 'x'")
            connection.execute("REVOKE CONNECT ON DATABASE am FROM PUBLIC")
            connection.execute("GRANT CONNECT ON DATABASE am TO apim")
        rules = running.data / "pg_hba.conf"
        rules.write_text(
            "local all postgres trust\nlocal all stranger reject\nlocal all all scram-sha-256\n", encoding="utf-8"
        )
        with running.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
        yield running


def test_logins_that_fail_say_why_and_no_password(site: Callable[..., Site], guarded: EmbeddedPostgres) -> None:
    pair = Pair(Database("am", guarded.address("am")), Database("shared", guarded.address("shared")))
    here = site(pair, user="apim")
    assert "is not the API-M database of API-M" in here("run").problem[0]

    here.edit(f'password = "{SECRET}"', 'password = "wr0ng"')
    answer = here("run")
    assert answer.code == 3
    assert "The password for database" in answer.problem[0]
    assert "wr0ng" not in answer.err

    here.edit('password = "wr0ng"', 'password = ""')
    assert "password" in here("run").problem[0]

    here.edit("apim@/", "stranger@/")
    assert "The login to database" in here("run").problem[0]
    here.edit("stranger@/", "kept_out@/")
    here.edit('password = ""', 'password = "x"')
    assert "lacks a right: CONNECT" in here("run").problem[0]


def test_databases_that_are_no_estate_are_refused(
    site: Callable[..., Site], sample_estate: Callable[..., Pair], empty_database: Callable[[str], Database]
) -> None:
    pair = sample_estate("4.2.0", apis=6, tenants=1)
    swapped = site(Pair(pair.shared, pair.am))("run")
    assert swapped.code == 3
    assert "swapped" in swapped.problem[0]

    empty = site(Pair(empty_database("am"), pair.shared))("run")
    assert empty.code == 3
    assert "no table that can be seen" in empty.problem[0]

    twice = site(Pair(pair.shared, pair.shared))("run")
    assert twice.code == 2
    assert "are the same database" in twice.problem[0]

    other = sample_estate("4.2.0", apis=9, tenants=2, seed=5)
    strangers = site(Pair(pair.am, other.shared))("run")
    assert strangers.code == 3
    assert "not of one estate" in strangers.problem[0]

    older = sample_estate("4.0.0", apis=6, tenants=1)
    mixed = site(Pair(pair.am, older.shared))("run")
    assert mixed.code == 3
    assert "half upgraded, or not one estate" in mixed.problem[0] or "not of one estate" in mixed.problem[0]


def give_to(database: Database, role: str) -> None:
    """Make a role the owner of a database and of everything in it."""
    change(
        database,
        f'ALTER DATABASE "{database.address.database}" OWNER TO {role}',
        f"""DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT c.oid::regclass::text AS name, c.relkind FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')) LOOP
            EXECUTE format('ALTER %s %s OWNER TO {role}', CASE each.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
                each.name);
        END LOOP;
        FOR each IN SELECT p.oid::regprocedure::text AS name FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER FUNCTION %s OWNER TO {role}', each.name);
        END LOOP; END $$""",
    )


@pytest.fixture
def role(databases: Server) -> Iterator[Callable[[str, str], str]]:
    """``role("plain", "LOGIN")``: a role for one test."""
    made: list[str] = []

    def make(name: str, rights: str) -> str:
        with databases.postgres.connect() as connection:
            connection.execute(f"CREATE ROLE {name} {rights}")
        made.append(name)
        return name

    yield make
    for name in made:
        with databases.postgres.connect() as connection:
            for (database,) in connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall():
                with databases.postgres.connect(database) as inside:
                    inside.execute(f"REASSIGN OWNED BY {name} TO postgres")
                    inside.execute(f"DROP OWNED BY {name}")
            connection.execute(f"DROP ROLE {name}")


def test_a_user_who_may_create_no_database_is_told_so(
    site: Callable[..., Site], role: Callable[[str, str], str], sample_estate: Callable[..., Pair]
) -> None:
    plain = role("plain", "LOGIN")
    pair = sample_estate("4.2.0", apis=6, tenants=1)
    for database in pair.by_name().values():
        give_to(database, plain)
    here = site(pair, user=plain)
    before = here.originals()
    answer = here("run")
    assert answer.code == 3
    assert "may not create databases" in answer.problem[0]
    assert "ALTER ROLE plain CREATEDB" in answer.problem[1]
    assert here.originals() == before
    assert here("status", "--format", "json").document["state"] == "not begun"


def test_an_ordinary_owner_upgrades_and_a_reader_plans(
    site: Callable[..., Site], role: Callable[[str, str], str], sample_estate: Callable[..., Pair]
) -> None:
    owner, reader = role("owner_of_all", "LOGIN CREATEDB"), role("reader", "LOGIN")
    pair = sample_estate("4.2.0", apis=6, tenants=1)
    for database in pair.by_name().values():
        give_to(database, owner)
        change(
            database,
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}",
            f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {reader}",
        )
    here = site(pair, user=reader)
    before = here.originals()
    assert here("plan").code == 0
    assert here("run", "--dry-run").code == 0
    assert here.originals() == before
    here.edit("reader@/", f"{owner}@/")
    assert here("run").code == 0
    assert here.originals() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reg_content SET reg_content_data = NULL",
        "UPDATE reg_content SET reg_content_data = '\\x00ff00fe'::bytea",
        "UPDATE reg_content SET reg_content_data = convert_to('<a>\ud83d' || chr(1), 'UTF8')",
        "UPDATE am_system_configs SET configuration = '{not json'::bytea",
        "UPDATE am_gw_api_artifacts SET artifact = '\\x504b'::bytea",
    ],
)
@pytest.mark.parametrize(("source", "target"), [("4.2.0", "4.7.0"), ("4.0.0", "4.7.0"), ("3.2.0", "4.4.0")])
def test_garbage_everywhere_is_told_item_by_item_and_never_stops_a_run(
    site: Callable[..., Site], sample_estate: Callable[..., Pair], statement: str, source: str, target: str
) -> None:
    pair = sample_estate(source, apis=6, tenants=1)
    database = pair.am if " am_" in statement else pair.shared
    table = statement.split()[1]
    with database.read() as session:
        if not session.exists(table):
            pytest.skip(f"{source} has no {table}")
    change(database, statement.replace("\ud83d", ""))
    here = site(pair, target)
    before = here.originals()
    answer = here("run", "--format", "json")
    assert answer.code in (0, 1), answer.err
    assert (answer.code == 1) == (
        answer.document["totals"]["failed"] > 0 or not all(proof["holds"] for proof in answer.document["proofs"])
    )
    assert all(item["reason"] and item["action"] for item in answer.document["items"])
    assert here.originals() == before
