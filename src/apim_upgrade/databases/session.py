"""What every session can do, whatever the DBMS; fits the engine's ``Session`` port."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect, Row, Table
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import Executable

_CHUNK_BYTES = 8 * 1024 * 1024
_CHUNK_ROWS = 10_000


class Session(ABC):
    """Statements, streams and bulk copies inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._remark: Callable[[str, str], None] = lambda statement, remark: None

    def listen(self, remark: Callable[[str, str], None]) -> None:
        """Have ``remark(statement, sentence)`` called when the server has to do a statement otherwise than asked."""
        self._remark = remark

    @property
    @abstractmethod
    def kind(self) -> str:
        """The DBMS, by the name its schema catalogues have."""

    def execute(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement; return the number of rows it touched, 0 where the server gives none."""
        return max(self._run(statement, parameters).rowcount, 0)

    def all(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run a query whose answer is small; return every row."""
        rows: Sequence[Row[Any]] = self._run(statement, parameters).all()
        return rows

    @abstractmethod
    def stream(self, statement: Executable | str, *, batch: int = 1000) -> Iterator[Row[Any]]:
        """Run a query of any size, ``batch`` rows a fetch; other statements may run while it is read."""

    @abstractmethod
    def attempt(self) -> AbstractContextManager[None]:
        """Try statements; if one fails, the transaction goes on as it was before."""

    def create_stage(self, table: Table) -> None:
        """Make a temporary table that falls with the transaction."""
        self._connection.execute(CreateTable(table))

    @abstractmethod
    def copy_into(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """
        Write rows the server's bulk way, a chunk at a time, so that ``rows`` may itself read this session in between.

        Memory is bounded by one chunk. Returns how many rows there were.
        """

    @abstractmethod
    def analyze(self, table: str) -> None:
        """Give the planner fresh figures of one table."""

    @abstractmethod
    def analyze_all(self) -> None:
        """Give the planner fresh figures of every table that is ours; a copy by dump and restore comes with none."""

    @abstractmethod
    def exists(self, table: str) -> bool:
        """Say whether a table of this name can be seen."""

    @abstractmethod
    def try_lock(self, subject: str) -> bool:
        """Take the advisory lock of ``subject`` in this database for the rest of the session, if nobody has it."""

    @abstractmethod
    def lock_holder(self, subject: str) -> str | None:
        """Name the process that holds the advisory lock of ``subject``, if any does."""

    @property
    @abstractmethod
    def _printing(self) -> Dialect:
        """The dialect in which statements are shown."""

    def render(self, statement: Executable | str) -> str:
        """Return the statement as the server would get it, values written in."""
        if isinstance(statement, str):
            return statement
        if not isinstance(statement, ClauseElement):
            raise TypeError(f"{type(statement).__name__} cannot be written as SQL")
        return str(statement.compile(dialect=self._printing, compile_kwargs={"literal_binds": True}))

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


def chunks(
    rows: Iterable[Sequence[object]], size_limit: int = _CHUNK_BYTES, row_limit: int = _CHUNK_ROWS
) -> Iterator[list[Sequence[object]]]:
    """Cut rows into lists of bounded size: about ``size_limit`` bytes or ``row_limit`` rows, whichever comes first."""
    chunk: list[Sequence[object]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += sum(len(value) if isinstance(value, (str, bytes, memoryview)) else 16 for value in row)
        if size >= size_limit or len(chunk) >= row_limit:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
