"""One transaction on PostgreSQL."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import sql
from sqlalchemy import Connection, Dialect, Result, Row
from sqlalchemy import text as sql_text
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import Executable

from apim_upgrade.databases.session import Session, chunks

_LOCK = 0x41504D55  # "APMU"


class PostgresSession(Session):
    """Streams through server-side cursors, writes by COPY."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._streams: list[Result[Any]] = []

    @property
    def kind(self) -> str:
        """``postgresql``."""
        return "postgresql"

    def stream(self, statement: Executable | str, *, batch: int = 1000) -> Iterator[Row[Any]]:
        """Run a query of any size through a server-side cursor, ``batch`` rows a fetch."""
        executable = sql_text(statement) if isinstance(statement, str) else statement
        options = {"stream_results": True, "yield_per": batch}
        with self._connection.execute(executable, execution_options=options) as result:
            self._streams.append(result)
            try:
                yield from result
            finally:
                if result in self._streams:
                    self._streams.remove(result)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Try statements; if one fails, the transaction goes on as it was before."""
        with self._connection.begin_nested():
            before, self._streams = self._streams, []
            try:
                yield
            finally:
                # Closed any later, a stream that was left half-way would ask for a cursor that has gone, and so spoil
                # the transaction that is to go on.
                for result in self._streams:
                    result.close()
                self._streams = before

    def copy_into(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write rows by COPY, 8 MiB or 10,000 rows at a time."""
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        )
        total = 0
        for chunk in chunks(rows):
            cursor = self._connection.connection.cursor()
            try:
                with cursor.copy(command) as copy:
                    for row in chunk:
                        copy.write_row(row)
            except cursor.connection.Error as error:  # the same errors as everywhere else, for `explain`
                lost = cursor.connection.closed
                raise DBAPIError(f"COPY {table}", None, error, connection_invalidated=lost) from error
            finally:
                cursor.close()
            total += len(chunk)
        return total

    def analyze(self, table: str) -> None:
        """Give the planner fresh figures of one table."""
        self._connection.exec_driver_sql(f'ANALYZE "{table}"')

    def analyze_all(self) -> None:
        """Give the planner fresh figures of every table that is ours."""
        self._connection.exec_driver_sql("ANALYZE")

    def exists(self, table: str) -> bool:
        """Say whether a table of this name is on the search path."""
        return bool(self.all(sql_text("SELECT to_regclass(quote_ident(:name)) IS NOT NULL"), {"name": table})[0][0])

    def try_lock(self, subject: str) -> bool:
        """Take an advisory lock; PostgreSQL keeps them per database."""
        return bool(self.all(f"SELECT pg_try_advisory_lock({_number(subject) << 32 | _LOCK})")[0][0])

    def lock_holder(self, subject: str) -> str | None:
        """Name the holder by the ``application_name`` of its connection."""
        rows = self.all(
            "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
            "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() "
            f"WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
            f"AND l.objid = {_LOCK} AND l.classid = {_number(subject)}"
        )
        return str(rows[0][0]) if rows else None

    @property
    def _printing(self) -> Dialect:
        return PGDialect_psycopg2()  # type: ignore[no-untyped-call]


def _number(subject: str) -> int:
    return zlib.crc32(subject.encode()) & 0x7FFFFFFF
