"""
What the engine asks of a database, and nothing more.

The engine knows no DBMS and no API-M. ``databases`` fits these protocols by shape; tests may bring their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Row, Table
from sqlalchemy.sql import Executable


class Session(Protocol):
    """One transaction on one database."""

    @property
    def kind(self) -> str:
        """The DBMS, by the name its schema catalogues have: ``postgresql``, ``mysql`` …"""
        ...

    def execute(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement; return the number of rows it touched (0 where the server gives none)."""
        ...

    def all(self, statement: Executable | str, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Run a query whose answer is small; return every row."""
        ...

    def stream(self, statement: Executable | str, *, batch: int = 1000) -> Iterator[Row[Any]]:
        """Run a query of any size; yield row by row in bounded memory."""
        ...

    def listen(self, remark: Callable[[str, str], None]) -> None:
        """Have ``remark(statement, sentence)`` called when the server has to do a statement otherwise than asked."""
        ...

    def create_stage(self, table: Table) -> None:
        """Make a table that only this transaction sees and that goes with it."""
        ...

    def copy_into(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write rows by the server's bulk way, in bounded memory; return how many. ``rows`` may read this session."""
        ...

    def analyze(self, table: str) -> None:
        """Give the planner fresh figures of one table."""
        ...

    def exists(self, table: str) -> bool:
        """Say whether a table of this name can be seen."""
        ...

    def render(self, statement: Executable | str) -> str:
        """Return the statement as this DBMS would get it, values written in."""
        ...


class Database(Protocol):
    """One database of the estate."""

    @property
    def name(self) -> str:
        """The estate's name for it: ``am``, ``shared`` …"""
        ...

    def write(self) -> AbstractContextManager[Session]:
        """Open one transaction: committed at the end of the block, rolled back on any error."""
        ...

    def read(self) -> AbstractContextManager[Session]:
        """Open one read-only transaction that sees one moment of the database."""
        ...

    def lock(self, owner: str) -> AbstractContextManager[None]:
        """Hold the one-writer lock; raises EnvironmentProblem naming the holder when it is taken."""
        ...
