"""
Copies a MySQL or MariaDB database on its own server, by dump and client.

MySQL renames no database. So a copy lies under its name from the start, and holds a table that marks it as unfinished
until it is whole. A DBA who lets nobody create databases may make an empty one of that name beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.mysql.problems import sentence
from apim_upgrade.databases.mysql.programs import find_programs, login_file
from apim_upgrade.databases.piping import Program, pipe
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

MARK = "apim_upgrade_copy"
_NOT_ALLOWED = (1044, 1142, 1143, 1227, 1370, 1410)
_ERROR = re.compile(r"(?:ERROR|error:?) (\d+)(?: \(\w+\))?(?: at line \d+)?:? ?(.*)")


@dataclass(frozen=True, slots=True)
class Original:
    """What has to be known of the database to copy it."""

    charset: str
    collation: str
    size: int
    mariadb: bool


class MySQLCopying:
    """Copies a database by way of a dump; a marked one is not whole."""

    def in_the_making(self, name: str) -> str:
        """Return what the copy is called until it is whole: the same."""
        return name

    def is_whole(self, session: Session, name: str) -> bool:
        """Say whether there is a database of this name that holds something and bears no mark."""
        tables = tables_of(session, name)
        return bool(tables) and MARK not in tables

    def is_unfinished(self, session: Session, name: str) -> bool:
        """Say whether a copy was begun and not ended."""
        return MARK in tables_of(session, name)

    def copy(self, session: Session, source: Address, name: str, say: Say) -> str:
        """Copy the database of ``source``, and the grants on it; return in a few words how."""
        original = look(session)
        programs = find_programs(mariadb=original.mariadb)
        made = self.begin(session, source, name, original)
        with login_file(source) as (login, file):
            complaint = pipe(
                Program(programs.dump_command(login, source.database), programs.environment, (file,)),
                Program(programs.client_command(login, name), programs.environment, (file,)),
                lambda seconds: _tell(session, source, original, name, say, seconds),
            )
        if complaint is not None:
            raise dump_problem(source, complaint)
        if made:
            carry_over(session, source.database, name)
        return f"by {programs.dump.rpartition('/')[2]}"

    def publish(self, session: Session, name: str) -> None:
        """Take the mark off."""
        session.execute(f"DROP TABLE {quoted(name)}.{MARK}")

    def drop_unfinished(self, session: Session, name: str) -> None:
        """Drop what an earlier attempt left; a database that a DBA had made is only emptied."""
        if not self.is_unfinished(session, name):
            return
        made = session.all(f"SELECT made FROM {quoted(name)}.{MARK}")
        if made and not made[0][0]:
            self._empty(session, name)
        else:
            self.drop(session, name)

    def drop(self, session: Session, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        session.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")

    def begin(self, session: Session, source: Address, name: str, original: Original) -> bool:
        """Make the database and mark it; return false when an empty one was there already."""
        there = session.all(text("SELECT 1 FROM information_schema.schemata WHERE schema_name = :name"), {"name": name})
        if not there:
            try:
                session.execute(
                    f"CREATE DATABASE {quoted(name)} CHARACTER SET {original.charset} COLLATE {original.collation}"
                )
            except DBAPIError as error:
                if _number(error) not in _NOT_ALLOWED:
                    raise
                raise EnvironmentProblem(
                    f"The user {source.username} may not create databases on {source.host}.",
                    hint=f"A DBA can allow it: CREATE DATABASE `{name}` CHARACTER SET {original.charset} COLLATE "
                    f"{original.collation}; GRANT ALL ON `{name}`.* TO '{source.username}';",
                ) from error
        session.execute(f"CREATE TABLE {quoted(name)}.{MARK} (made BOOLEAN NOT NULL) SELECT {not there} AS made")
        return not there

    def _empty(self, session: Session, name: str) -> None:
        session.execute("SET foreign_key_checks = 0")
        rows = session.all(
            text(
                "SELECT table_name AS name, IF(table_type = 'VIEW', 'VIEW', 'TABLE') AS kind "
                "FROM information_schema.tables WHERE table_schema = :name"
            ),
            {"name": name},
        )
        for row in rows:
            if row.name != MARK:
                session.execute(f"DROP {row.kind} {quoted(name)}.{quoted(row.name)}")
        session.execute(f"DROP TABLE {quoted(name)}.{MARK}")
        session.execute("SET foreign_key_checks = 1")


def look(session: Session) -> Original:
    """Look at the database that ``session`` is in."""
    row = session.all(
        "SELECT default_character_set_name AS charset, default_collation_name AS collation, VERSION() AS version, "
        "(SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables "
        "WHERE table_schema = DATABASE()) AS size FROM information_schema.schemata WHERE schema_name = DATABASE()"
    )[0]
    return Original(row.charset, row.collation, int(row.size), "mariadb" in row.version.lower())


def tables_of(session: Session, name: str) -> set[str]:
    """Return the tables and views of a database, by their real names."""
    rows = session.all(
        text("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = :name"), {"name": name}
    )
    return {str(row.name) for row in rows}


def _tell(session: Session, source: Address, original: Original, name: str, say: Say, seconds: float) -> None:
    done = len(tables_of(session, name)) - 1
    every = len(tables_of(session, source.database))
    say(
        f"Copying {source.database}: {done} of {every} tables begun after {seconds:,.0f} s "
        f"(the original has {original.size / 1e6:,.0f} MB)"
    )


def dump_problem(source: Address, complaint: str) -> EnvironmentProblem:
    """Return the error for what the programs said while they copied a database."""
    found = next((match for line in complaint.splitlines() if (match := _ERROR.search(line))), None)
    if found is None:
        return EnvironmentProblem(
            f"Copying {source} failed, and the dump gave no reason.", hint="Look into the server's log and run again."
        )
    return sentence(int(found[1]), found[2][:300], f"the server of {source}, while copying")


def carry_over(session: Session, source: str, copy: str) -> None:
    """Give others the rights on the copy that they have on the original, as far as this user may."""
    for statement in _grants(session, source, copy):
        try:
            session.execute(statement)
        except DBAPIError as error:
            if _number(error) not in _NOT_ALLOWED:
                raise


def _grants(session: Session, source: str, copy: str) -> Iterator[str]:
    schema = session.all(
        text(
            "SELECT grantee, privilege_type AS right_, is_grantable = 'YES' AS more "
            "FROM information_schema.schema_privileges WHERE replace(table_schema, '\\\\', '') = :name"
        ),
        {"name": source},
    )
    for row in schema:
        option = " WITH GRANT OPTION" if row.more else ""
        yield f"GRANT {row.right_} ON {quoted(copy)}.* TO {row.grantee}{option}"
    tables = session.all(
        text(
            "SELECT grantee, table_name AS name, privilege_type AS right_, is_grantable = 'YES' AS more "
            "FROM information_schema.table_privileges WHERE table_schema = :name"
        ),
        {"name": source},
    )
    for row in tables:
        option = " WITH GRANT OPTION" if row.more else ""
        yield f"GRANT {row.right_} ON {quoted(copy)}.{quoted(row.name)} TO {row.grantee}{option}"


def _number(error: DBAPIError) -> object:
    return next(iter(getattr(error.orig, "args", ())), None)


def quoted(name: str) -> str:
    """Return a name as it stands in a statement."""
    return "`" + name.replace("`", "``") + "`"
