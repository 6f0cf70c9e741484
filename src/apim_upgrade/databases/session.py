"""One transaction on PostgreSQL; fits the engine's ``Session`` port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg import sql
from sqlalchemy import ClauseElement, Connection, CursorResult, Result, Row, Table
from sqlalchemy import text as sql_text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import Executable

_CHUNK_BYTES = 8 * 1024 * 1024
_CHUNK_ROWS = 10_000


class PostgresSession:
    """Statements, streams and bulk copies inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._streams: list[Result[Any]] = []

    def execute(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement; return the number of rows it touched, 0 where the server gives none."""
        return max(self._run(statement, parameters).rowcount, 0)

    def all(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run a query whose answer is small; return every row."""
        rows: Sequence[Row[Any]] = self._run(statement, parameters).all()
        return rows

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

    def create_stage(self, table: Table) -> None:
        """Make a temporary table that falls with the transaction."""
        self._connection.execute(CreateTable(table))

    def copy_into(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """
        Write rows by COPY, a chunk at a time, so that ``rows`` may itself read this session between chunks.

        Memory is bounded by one chunk (8 MiB or 10,000 rows).
        """
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(column) for column in columns)
        )
        total = 0
        for chunk in _chunks(rows):
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
        """Give the planner fresh figures of every table that is ours; a copy by dump and restore comes with none."""
        self._connection.exec_driver_sql("ANALYZE")

    def exists(self, table: str) -> bool:
        """Say whether a table of this name is on the search path."""
        return bool(self.all(sql_text("SELECT to_regclass(quote_ident(:name)) IS NOT NULL"), {"name": table})[0][0])

    def render(self, statement: Executable | str) -> str:
        """Return the statement as PostgreSQL would get it, values written in."""
        if isinstance(statement, str):
            return statement
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{type(statement).__name__} cannot be written as SQL")
        return str(statement.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]

    def _run(self, statement: Executable | str, parameters: Mapping[str, Any] | None) -> CursorResult[Any]:
        if isinstance(statement, str):
            # Text without parameters is sent as it is: a % in it is no placeholder.
            text = statement if parameters else statement.replace("%", "%%")
            return self._connection.exec_driver_sql(text, dict(parameters) if parameters else None)
        # SQLAlchemy keeps the row count of INSERT … SELECT only when asked to; the row accounting needs it.
        options = {"preserve_rowcount": True}
        result = self._connection.execute(
            statement, dict(parameters) if parameters else None, execution_options=options
        )
        assert isinstance(result, CursorResult)  # noqa: S101 - every Core statement gives one
        return result


def _chunks(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    chunk: list[Sequence[object]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) if isinstance(value, (str, bytes, memoryview)) else 16 for value in row)
        if size >= _CHUNK_BYTES or len(chunk) >= _CHUNK_ROWS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
