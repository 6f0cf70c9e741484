"""One transaction on MySQL or MariaDB."""

from __future__ import annotations

import hashlib
import pickle
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Row, Table
from sqlalchemy import text as sql_text
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable
from sqlalchemy.sql.ddl import ExecutableDDLElement

from apim_upgrade.databases.mysql.algorithms import Asking
from apim_upgrade.databases.mysql.dialect import OWN, Names, OurMySQL
from apim_upgrade.databases.session import Session, chunks
from apim_upgrade.errors import EnvironmentProblem, KnowledgeError

_IN_MEMORY = 8 * 1024 * 1024
_CHUNK = 4 * 1024 * 1024
_ROWS = 2000
_GUARD = "apim_upgrade_guard"
_COMMITS = re.compile(
    r"\s*(?:ALTER|ANALYZE|CREATE|DROP|EXECUTE|GRANT|LOCK|OPTIMIZE|RENAME|REVOKE|TRUNCATE)\b(?!\s+TEMPORARY)", re.I
)
"""Statements that commit what was done before them."""
_WRITES = re.compile(r"\s*(?:DELETE|INSERT|REPLACE|UPDATE)\b", re.I)
_NAMES = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"
_COLUMNS = """
SELECT table_name AS name, column_name AS col, extra LIKE '%on update%' AS changing, collation_name AS collation
FROM information_schema.columns
WHERE table_schema = DATABASE() AND (extra LIKE '%on update%' OR collation_name IS NOT NULL AND column_key <> '')
ORDER BY 1, 2"""


class MySQLSession(Session):
    """
    Streams by way of a file, writes by INSERTs of many rows.

    MySQL commits by itself before and after DDL. So a transaction may begin with DDL, each statement for good at once,
    and what follows is one transaction; DDL after rows were written would commit these without their record, and is
    refused.
    """

    def __init__(self, connection: Connection, *, writing: bool = False) -> None:
        super().__init__(connection)
        self._writing = writing
        self._wrote = False
        self._stages: list[str] = []
        self._stale: list[str] = []
        """Tables whose figures are to be refreshed when the transaction has ended: to do it commits."""
        self._knows = False
        if writing:
            self._guard()

    @property
    def kind(self) -> str:
        """``mysql``, MariaDB too."""
        return "mysql"

    @property
    def _dialect(self) -> OurMySQL:
        dialect = self._connection.dialect
        assert isinstance(dialect, OurMySQL)  # noqa: S101 - the only one that engines of ours have
        return dialect

    @property
    def _names(self) -> Names:
        return self._dialect.names

    def all(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run a query whose answer is small; return every row."""
        rows = super().all(statement, parameters)
        return rows if isinstance(statement, str) or not rows else _rows(rows[0]._fields, rows).all()

    def stream(self, statement: Executable | str, *, batch: int = 1000) -> Iterator[Row[Any]]:
        """
        Run a query of any size, ``batch`` rows a fetch.

        A connection of MySQL does nothing else before an answer is read to its end; so a long answer waits in a
        temporary file until it is asked for.
        """
        executable = sql_text(statement) if isinstance(statement, str) else statement
        self._meet(executable)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, prefix="apim-upgrade-") as file:
            options = {"stream_results": True, "yield_per": batch}
            with self._connection.execute(executable, execution_options=options) as result:
                keys = tuple(result.keys())
                for rows in result.partitions():
                    _keep([tuple(row) for row in rows], file)
            file.seek(0)
            yield from _rows(keys, _unpickled(file))

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Try statements; if one fails, the transaction goes on as it was before."""
        with self._connection.begin_nested():
            yield

    def create_stage(self, table: Table) -> None:
        """Make a temporary table with its indexes; it is dropped at the end of the transaction."""
        super().create_stage(table)
        self._stages.append(table.name)

    def copy_into(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write rows by INSERTs of many rows, 4 MiB at a time, or as much as the server takes in one statement."""
        self._know()
        quote = self._connection.dialect.identifier_preparer.quote_identifier
        head = f"INSERT INTO {quote(self._names.real(table))} ({', '.join(map(quote, columns))}) VALUES "
        one = f"({', '.join(['%s'] * len(columns))})"
        # Values may double in size when they are written as text.
        packet = int(self.all("SELECT @@max_allowed_packet")[0][0])
        total = 0
        for chunk in chunks(rows, min(_CHUNK, packet // 3), _ROWS):
            self._touch()
            cursor = self._connection.connection.cursor()
            values = [bytes(value) if isinstance(value, memoryview) else value for row in chunk for value in row]
            try:
                statement = cursor.mogrify(head + ", ".join([one] * len(chunk)), values)
                if len(statement) > packet:  # the server would hang up without a word
                    raise EnvironmentProblem(
                        f"A row for {table} is larger than the server takes ({len(statement):,} of {packet:,} bytes).",
                        hint="Raise max_allowed_packet on the server, to 64M or more.",
                    )
                cursor.execute(statement)
            except self._connection.dialect.loaded_dbapi.Error as error:  # as everywhere else, for `explain`
                raise DBAPIError(f"INSERT INTO {table}", None, error) from error
            finally:
                cursor.close()
            total += len(chunk)
        return total

    def analyze(self, table: str) -> None:
        """Have the figures of a table refreshed as soon as the transaction has ended; to do it now would commit."""
        if not table.startswith(OWN) and table not in self._stale:
            self._stale.append(table)

    def analyze_all(self) -> None:
        """Have the figures of every table refreshed as soon as the transaction has ended."""
        self._stale = [row.name for row in self.all(f"{_NAMES} AND table_type = 'BASE TABLE'")]

    def exists(self, table: str) -> bool:
        """Say whether the database has a table of this name, however it is spelled."""
        return bool(self.all(sql_text(f"{_NAMES} AND lower(table_name) = :name"), {"name": table.lower()}))

    def try_lock(self, subject: str) -> bool:
        """Take a lock by name; MySQL keeps names per server, so the database is part of it."""
        return bool(self.all(f"SELECT GET_LOCK('{self._lock(subject)}', 0)")[0][0])

    def lock_holder(self, subject: str) -> str | None:
        """Name the holder as it calls itself, where the server keeps that; else by its user and connection."""
        (row,) = self.all(f"SELECT IS_USED_LOCK('{self._lock(subject)}') AS connection")
        if row.connection is None:
            return None
        return _person(self, int(row.connection))

    def end(self) -> None:
        """
        Make sure that everything since the last DDL is still one transaction, ready to be committed.

        Raises KnowledgeError when something committed by itself in between.
        """
        if not self._writing:
            return
        try:
            self._connection.exec_driver_sql(f"RELEASE SAVEPOINT {_GUARD}")
        except DBAPIError as error:
            raise KnowledgeError("A statement committed in the middle of a step: a bug of this tool.") from error

    def after(self) -> None:
        """Clear up behind a transaction that was committed."""
        quote = self._connection.dialect.identifier_preparer.quote_identifier
        for name in self._stages:
            self._connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {quote(name)}")
        if self._stale:
            tables = ", ".join(quote(self._names.real(name)) for name in self._stale)
            self._connection.exec_driver_sql(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {tables}")

    def render(self, statement: Executable | str) -> str:
        """Return the statement as MySQL would get it, values written in."""
        if not isinstance(statement, str):
            self._meet(statement)
        return super().render(statement)

    @property
    def _printing(self) -> OurMySQL:
        return OurMySQL(self._names, paramstyle="named")  # so that a % stays one

    def _run(self, statement: Executable | str, parameters: Mapping[str, Any] | None) -> CursorResult[Any]:
        if isinstance(statement, str):
            commits = _COMMITS.match(statement) is not None
        else:
            commits = isinstance(statement, ExecutableDDLElement)
            self._meet(statement)
        if commits:
            return self._define(statement, parameters)
        if _WRITES.match(statement) if isinstance(statement, str) else statement.is_dml:
            self._touch()
        return super()._run(statement, parameters)

    def _define(self, statement: Executable | str, parameters: Mapping[str, Any] | None) -> CursorResult[Any]:
        """Execute DDL; what names mean is to be learned again after it."""
        if self._wrote:
            raise KnowledgeError("DDL in a step that wrote rows before would commit them: a bug of this tool.")
        result = self._ask(statement) if isinstance(statement, str) else super()._run(statement, parameters)
        self._names.stale = True
        self._knows = False
        if self._writing:
            self._guard()
        return result

    def _ask(self, statement: str) -> CursorResult[Any]:
        """Execute DDL in the way that it asks for, else in the next harder one that the server takes."""
        first = asking = Asking.of(statement)
        while True:
            try:
                return super()._run(asking.statement, None)
            except DBAPIError as error:
                number, reason = (*getattr(error.orig, "args", ()), 0, "")[:2]
                harder = asking.after(number, mariadb=self._dialect.is_mariadb)
                if harder is None:
                    raise
                self._remark(first.plain, f"Asked for {first.way}, goes on with {harder.way}: {reason}.")
                asking = harder

    def _guard(self) -> None:
        self._connection.exec_driver_sql(f"SAVEPOINT {_GUARD}")

    def _touch(self) -> None:
        self._wrote = self._writing

    def _meet(self, statement: Executable) -> None:
        self._know()
        if isinstance(statement, ClauseElement):
            self._names.meet(statement)

    def _know(self) -> None:
        """Learn the real names, once a session, and only if they may have changed."""
        if self._knows:
            return
        self._knows = True
        if not self._names.stale:
            return
        tables = [row.name for row in self._connection.exec_driver_sql(_NAMES)]
        changing: dict[str, tuple[str, ...]] = {}
        indexed: dict[tuple[str, str], str] = {}
        for row in self._connection.exec_driver_sql(_COLUMNS.replace("%", "%%")):
            if row.changing:
                changing[row.name.lower()] = (*changing.get(row.name.lower(), ()), row.col)
            else:
                indexed[row.name.lower(), row.col.lower()] = row.collation
        if self._names.know(tables, changing, indexed):
            self._connection.engine.clear_compiled_cache()
        self._names.stale = False

    def _lock(self, subject: str) -> str:
        (row,) = self.all("SELECT DATABASE() AS name")
        digest = hashlib.sha256(f"{row.name}/{subject}".encode()).hexdigest()
        return f"apim_upgrade.{digest[:40]}"


def _person(session: MySQLSession, connection: int) -> str:
    named = session.all(
        "SELECT attr_value FROM performance_schema.session_connect_attrs "
        f"WHERE processlist_id = {connection} AND attr_name = 'program_name'"
    )
    if named:
        return str(named[0][0])
    rows = session.all(f"SELECT user, host FROM information_schema.processlist WHERE id = {connection}")
    who = f"{rows[0].user}@{rows[0].host}" if rows else "another user"
    return f"{who} (connection {connection} of the server)"


def _rows(keys: Sequence[str], rows: Iterable[Sequence[Any]]) -> IteratorResult[Any]:
    """Name the columns in lower case, as code does: ``SELECT *`` answers in the spelling of the table."""
    return IteratorResult(SimpleResultMetaData([key.lower() for key in keys]), iter(tuple(row) for row in rows))


def _keep(rows: list[tuple[Any, ...]], file: IO[bytes]) -> None:
    """Append rows to a temporary file. Raises EnvironmentProblem when its disk is full."""
    try:
        pickle.dump(rows, file, pickle.HIGHEST_PROTOCOL)
        file.flush()
    except OSError as error:
        raise EnvironmentProblem(
            f"A long answer cannot wait in {tempfile.gettempdir()} on this machine: {error.strerror}.",
            hint="Make room there, or name another folder in TMPDIR.",
        ) from None


def _unpickled(file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    while True:
        try:
            yield from pickle.load(file)  # noqa: S301 - written a moment ago, to a file that nobody else can open
        except EOFError:
            return
