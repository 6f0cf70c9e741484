"""Backups of PostgreSQL by pg_dump and pg_restore; fits the port ``Backups`` of the module of that name above."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql
from sqlalchemy import text

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.content import Dumped, TableContent
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.piping import Program, run
from apim_upgrade.databases.postgresql.clone import PostgresCopying
from apim_upgrade.databases.postgresql.making import (
    OURS,
    carry_over,
    comment,
    comment_of,
    create_like,
    exists,
    look,
    named,
    require_right_to_create,
)
from apim_upgrade.databases.postgresql.programs import dump_problem, find_programs, first_error, login
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem

_JOBS = max(1, min(4, os.cpu_count() or 1))
_MAINTENANCE = ("postgres", "template1")
"""Databases that exist everywhere: one in which a session is cannot be renamed."""

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'
ORDER BY 1, 2"""

_FORMS = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "statement_timeout": "0",
}
"""What the text of a row depends on, and how long may be spent on it."""


class PostgresBackups:
    """Dumps of the directory format, several tables at a time."""

    def content(self, session: Session) -> dict[str, TableContent]:
        """Count and hash the rows of every table, one pass over each, in the server."""
        for name, value in _FORMS.items():
            session.execute(f"SET LOCAL {name} = {sql.Literal(value).as_string()}")
        found = {}
        for table in session.all(_TABLES):
            (row,) = session.all(
                "SELECT count(*) AS rows, sum(('x' || left(digest, 16))::bit(64)::bigint) AS high, "
                "sum(('x' || right(digest, 16))::bit(64)::bigint) AS low "
                "FROM (SELECT md5(CAST(apim_upgrade_row AS text)) AS digest "
                f"FROM {_table(table.schema, table.name)} AS apim_upgrade_row) AS digests"
            )
            found[f"{table.schema}.{table.name}"] = TableContent.of_sums(row.rows, row.high, row.low)
        return found

    def dump(self, database: Database, folder: Path, say: Say, watch: Callable[[], None]) -> Dumped:
        """Dump the very moment that the rows are counted and hashed in."""
        with database.read() as session:
            program = self._dump(session, database.address, folder, say, watch)
            say(f"Counting and hashing the rows of {database.name}")
            return Dumped(program, self.content(session))

    def _dump(self, session: Session, source: Address, folder: Path, say: Say, watch: Callable[[], None]) -> str:
        original = look(session, source)
        programs = find_programs(original.major)
        session.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # the dump may take hours
        (snapshot,) = session.all("SELECT pg_export_snapshot() AS id")

        def tell(seconds: float) -> None:
            session.all("SELECT 1")  # so that no firewall takes it for dead
            done = sum(path.stat().st_size for path in folder.glob("*")) / 1e6
            say(
                f"Backing up {source.database}: {done:,.0f} MB after {seconds:,.0f} s "
                f"(the database has {original.size / 1e6:,.0f} MB)"
            )

        command = [
            programs.dump,
            "--format=directory",
            "--compress=1",  # most of what can be gained, at a fraction of the time
            f"--jobs={_JOBS}",
            f"--snapshot={snapshot.id}",
            "--no-password",
            "--lock-wait-timeout=60s",
            f"--file={folder}",
        ]
        complaint = run(Program(command, login(source)), tell, watch)
        if complaint is not None:
            if "No space left" in complaint and "ERROR:" not in complaint:
                raise EnvironmentProblem(f"The disk of {folder} is full.", hint="Make room there and run again.")
            raise dump_problem(source, first_error(complaint), "Backing up {source} with pg_dump")
        return f"pg_dump {programs.major}"

    def restore(self, session: Session, source: Address, dump: Path, name: str, say: Say) -> None:
        """Make a database like that of ``source`` and fill it from a dump; it is one in the making still."""
        original = look(session, source)
        require_right_to_create(original)
        programs = find_programs(original.major)
        partial = source.at(PostgresCopying().in_the_making(name))
        create_like(session, original, partial.database)

        def tell(seconds: float) -> None:
            done = session.all(text("SELECT pg_database_size(:name)"), {"name": partial.database})[0][0]
            say(f"Restoring {source.database}: {done / 1e6:,.0f} MB after {seconds:,.0f} s")

        command = [programs.restore, f"--jobs={_JOBS}", "--no-password", f"--dbname={partial.database}", str(dump)]

        def fill(*options: str) -> None:
            complaint = run(Program([*command, "--exit-on-error", *options], login(partial)), tell)
            if complaint is not None:
                raise dump_problem(source, first_error(complaint), "Restoring {source} with pg_restore")

        if original.superuser:
            fill()
        elif (owners := _owners(session)) is None:
            fill("--no-owner", "--no-privileges")
        else:
            with _lent(partial, owners):
                fill("--no-privileges")
            _restore_grants(command, partial, dump)
        with Database(partial.database, partial).autocommit() as inside:
            inside.execute("ANALYZE")
        carry_over(session, source.database, partial.database)

    def publish(self, session: Session, name: str) -> None:
        """Give a restored copy its name; the mark says whose it is."""
        partial = PostgresCopying().in_the_making(name)
        comment(session, partial, f"{OURS}restored from a backup")
        session.execute(named("ALTER DATABASE {} RENAME TO {}", partial, name))

    def is_restored(self, session: Session, name: str) -> bool:
        """Say whether there is such a database: when it changes its place it loses the name."""
        return exists(session, name)

    def is_ours(self, session: Session, name: str) -> bool:
        """Say whether a database bears our mark."""
        return (comment_of(session, name) or "").startswith(OURS)

    def obstacle(self, session: Session, source: Address) -> tuple[str, str] | None:
        """Only its owner may rename a database, and only from another one."""
        (row,) = session.all(
            "SELECT pg_has_role(datdba, 'USAGE') AS mine, current_user AS person FROM pg_database "
            "WHERE datname = current_database()"
        )
        if not row.mine:
            return (
                f"The user {row.person} does not own the database {source.database}, so nothing can take its place",
                "A DBA can allow it: " + named("ALTER DATABASE {} OWNER TO {};", source.database, row.person),
            )
        try:
            _elsewhere(source)
        except EnvironmentProblem as error:
            return error.message.rstrip("."), error.hint
        return None

    def swap(self, swaps: Mapping[str, tuple[str, str]], address: Address) -> None:
        """Rename all databases of one server in one transaction."""
        with _elsewhere(address).autocommit() as session:
            session.execute("BEGIN")
            for original, (restored, aside) in swaps.items():
                said = comment_of(session, original)
                session.execute(named("ALTER DATABASE {} RENAME TO {}", original, aside))
                comment(session, aside, f"{OURS}upgraded, replaced by its backup")
                session.execute(named("ALTER DATABASE {} RENAME TO {}", restored, original))
                comment(session, original, said)
            session.execute("COMMIT")


def _table(schema: str, name: str) -> str:
    return sql.Identifier(schema, name).as_string()


def _owners(session: Session) -> list[str] | None:
    """The roles that own what is in the database; None when the user may not act as each of them."""
    version = int(session.all("SHOW server_version_num")[0][0])
    may = "SET" if version >= 160_000 else "MEMBER"
    rows = session.all(
        f"SELECT DISTINCT r.rolname AS owner, pg_has_role(c.relowner, '{may}') AS mine FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner "
        "WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
    )
    return [row.owner for row in rows] if all(row.mine for row in rows) else None


@contextmanager
def _lent(to: Address, owners: Iterable[str]) -> Iterator[None]:
    """Let roles create in ``public`` while they are given what is theirs; PostgreSQL 15 lets only its owner do so."""
    database = Database(to.database, to)
    with database.autocommit() as session:
        lent = [
            owner
            for owner in owners
            if not session.all(text("SELECT has_schema_privilege(:owner, 'public', 'CREATE')"), {"owner": owner})[0][0]
        ]
        for owner in lent:
            session.execute(named("GRANT CREATE ON SCHEMA public TO {}", owner))
    yield
    with database.autocommit() as session:
        for owner in lent:
            session.execute(named("REVOKE CREATE ON SCHEMA public FROM {}", owner))


def _restore_grants(command: list[str], to: Address, dump: Path) -> None:
    """Give others what they were granted on tables, as far as this user may; a grant of somebody else's stays out."""
    listed = subprocess.run([command[0], "--list", str(dump)], capture_output=True, check=False, text=True)
    grants = [line for line in listed.stdout.splitlines() if " ACL " in line and not line.startswith(";")]
    if not grants:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write("\n".join(grants))
        chosen.flush()
        subprocess.run(
            [*command, f"--use-list={chosen.name}"],
            env=login(to),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def _elsewhere(address: Address) -> Database:
    """A database of the same server in which nobody's tables are. Raises EnvironmentProblem when there is none."""
    problem: ApimUpgradeError | None = None
    for name in _MAINTENANCE:
        database = Database(name, address.at(name))
        try:
            with database.read():
                return database
        except ApimUpgradeError as error:
            problem = error
    raise EnvironmentProblem(
        f"The user {address.username} may not connect to the database postgres or template1 of {address.host}, "
        f"which renaming databases needs ({problem}).",
        hint="A DBA can allow it: GRANT CONNECT ON DATABASE postgres TO …, and a line in pg_hba.conf.",
    )
