"""
Backups of MySQL and MariaDB by their dump program; fits the port ``Backups`` of the module of that name above.

These servers lend nobody the moment that another session sees. So rows are counted and hashed before and after the
dump: a table that has not changed between holds in the dump what it holds in both; of one that has, nothing is known.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.content import Dumped, TableContent
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.mysql.clone import (
    MARK,
    MySQLCopying,
    dump_problem,
    look,
    quoted,
    tables_of,
)
from apim_upgrade.databases.mysql.programs import find_programs, login_file
from apim_upgrade.databases.piping import Program, pipe
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

OURS = "apim_upgrade_restored"
"""A table that marks a database which this tool restored or put aside."""
_FILE = "dump.sql.gz"
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")
_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit")


class MySQLBackups:
    """One compressed file of statements for each database."""

    def content(self, session: Session) -> dict[str, TableContent]:
        """Count and hash the rows of every table, one pass over each, in the server."""
        found = {}
        for table, columns in _columns(session).items():
            # A long value is hashed by itself: no text may be longer than a packet of this server.
            parts = [
                f"COALESCE(MD5({quoted(name)}), '-')"
                if kind in _TEXTS + _BYTES
                else f"COALESCE(CAST({quoted(name)} AS CHAR), '-')"
                for name, kind in columns
            ]
            (row,) = session.all(
                "SELECT COUNT(*) AS number, SUM(CAST(CONV(LEFT(digest, 16), 16, 10) AS UNSIGNED)) AS high, "
                "SUM(CAST(CONV(RIGHT(digest, 16), 16, 10) AS UNSIGNED)) AS low "
                f"FROM (SELECT MD5(CONCAT_WS('|', {', '.join(parts)})) AS digest FROM {quoted(table)}) AS digests"
            )
            found[table] = TableContent.of_sums(int(row.number), row.high, row.low)
        return found

    def dump(self, database: Database, folder: Path, say: Say, watch: Callable[[], None]) -> Dumped:
        """Dump, and count and hash before and after."""
        source = database.address
        say(f"Counting and hashing the rows of {database.name}")
        with database.read() as session:
            original = look(session)
            before = self.content(session)
        programs = find_programs(mariadb=original.mariadb)
        folder.mkdir(parents=True)
        file = folder / _FILE

        def tell(seconds: float) -> None:
            say(
                f"Backing up {source.database}: {file.stat().st_size / 1e6:,.0f} MB after {seconds:,.0f} s "
                f"(the database has {original.size / 1e6:,.0f} MB)"
            )

        with login_file(source) as (login, descriptor), file.open("wb") as target:
            complaint = pipe(
                Program(programs.dump_command(login, source.database), programs.environment, (descriptor,)),
                Program([_gzip(), "-1", "-c"], programs.environment),
                tell,
                watch,
                writes=target,
            )
        if complaint is not None:
            if "No space left" in complaint:
                raise EnvironmentProblem(f"The disk of {folder} is full.", hint="Make room there and run again.")
            raise dump_problem(source, complaint)
        with database.read() as session:
            after = self.content(session)
        moving = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        if moving:
            say(
                f"warning: {', '.join(moving[:5])} of {database.name} changed while they were dumped, so these cannot "
                "be compared; stop the servers for a backup that can"
            )
        unsettled = {name: TableContent(after[name].rows, "") for name in moving if name in after}
        return Dumped(programs.dump.rpartition("/")[2], {**after, **unsettled})

    def restore(self, session: Session, source: Address, dump: Path, name: str, say: Say) -> None:
        """Make a database like that of ``source`` and fill it from a dump; it bears the mark of one in the making."""
        original = look(session)
        programs = find_programs(mariadb=original.mariadb)
        MySQLCopying().begin(session, source, name, original)

        def tell(seconds: float) -> None:
            say(f"Restoring {source.database}: {len(tables_of(session, name)) - 1} tables begun after {seconds:,.0f} s")

        with login_file(source) as (login, descriptor):
            complaint = pipe(
                Program([_gzip(), "-dc", str(dump / _FILE)], programs.environment),
                Program(programs.client_command(login, name), programs.environment, (descriptor,)),
                tell,
            )
        if complaint is not None:
            raise dump_problem(source, complaint)

    def publish(self, session: Session, name: str) -> None:
        """Exchange the mark of a copy in the making for the one of a restored database."""
        session.execute(f"CREATE TABLE {quoted(name)}.{OURS} (nothing INTEGER)")
        session.execute(f"DROP TABLE {quoted(name)}.{MARK}")

    def is_restored(self, session: Session, name: str) -> bool:
        """Say whether a restored database holds its tables still: when it changes its place they leave it."""
        tables = tables_of(session, name)
        return OURS in tables and MARK not in tables and len(tables) > 1

    def is_ours(self, session: Session, name: str) -> bool:
        """Say whether a database bears our mark."""
        return OURS in tables_of(session, name)

    def obstacle(self, session: Session, source: Address) -> tuple[str, str] | None:
        """Tables with triggers, and views, cannot be moved to another database."""
        rows = session.all(
            "SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = DATABASE() UNION ALL "
            "SELECT table_name FROM information_schema.views WHERE table_schema = DATABASE()"
        )
        if not rows:
            return None
        return (
            f"{source.database} has triggers or views ({rows[0].name}), so its tables cannot give way to restored ones",
            "Drop those that are not the product's; they are in the backup.",
        )

    def swap(self, swaps: Mapping[str, tuple[str, str]], address: Address) -> None:
        """Move all tables of all databases in one statement: the server has no other way to rename a database."""
        with Database(address.database, address).autocommit() as session:
            moves = []
            for original, (restored, aside) in swaps.items():
                session.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(aside)}")
                session.execute(f"CREATE TABLE IF NOT EXISTS {quoted(aside)}.{OURS} (nothing INTEGER)")
                moves += list(_moves(session, original, aside))
                moves += list(_moves(session, restored, original))
            session.execute(f"RENAME TABLE {', '.join(moves)}")


def _moves(session: Session, before: str, after: str) -> Iterator[str]:
    for table in sorted(tables_of(session, before) - {OURS}):
        yield f"{quoted(before)}.{quoted(table)} TO {quoted(after)}.{quoted(table)}"


def _columns(session: Session) -> dict[str, list[tuple[str, str]]]:
    """The columns of every table, with their kinds, in their order."""
    rows = session.all(
        "SELECT c.table_name AS name, c.column_name AS part, c.data_type AS kind FROM information_schema.columns c "
        "JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
        "WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' ORDER BY 1, c.ordinal_position"
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row.name not in (MARK, OURS):
            found.setdefault(str(row.name), []).append((str(row.part), str(row.kind).lower()))
    return found


def _gzip() -> str:
    found = shutil.which("gzip")
    if found is None:
        raise EnvironmentProblem("gzip is needed to compress a backup and was not found.", hint="Install gzip.")
    return found
