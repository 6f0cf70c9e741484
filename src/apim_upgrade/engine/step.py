"""
A step of an upgrade, as a value: what it will do can be listed, counted, printed as SQL, and then done.

A step is a name and a tuple of operations. Operations do not execute themselves; the runner does that, inside one
transaction with the journal's record of the step. Every step must be idempotent: done twice, it changes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Table, TableClause
from sqlalchemy.sql import Executable
from sqlalchemy.sql.selectable import Select

if TYPE_CHECKING:
    from apim_upgrade.engine.work import Work

Rows: TypeAlias = "Callable[[Work], Iterator[Sequence[object]]]"


class Phase(StrEnum):
    """When a step runs; phases run in this order, ``commit`` only when asked for by name."""

    PREPARE = "prepare"
    EXPAND = "expand"
    MIGRATE = "migrate"
    CONTRACT = "contract"
    FINISH = "finish"
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Sql:
    """
    One statement.

    Data changes are SQLAlchemy Core statements, so that every DBMS gets its own form and the runner can account for
    the rows that come and go; only DDL may be text. ``counts`` says whether its rows are the step's *changed* items
    (false for housekeeping such as indexes on a stage). ``undo`` takes back what it did to rows, where it touched any,
    and nothing else: such as the DELETE of the very row that an INSERT adds.
    """

    statement: Executable | str
    note: str = ""
    counts: bool = True
    undo: Executable | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A table that lives for this step only, filled with rows that are computed here and streamed in by bulk copy.

    Make ``table`` with :func:`stage_table`. The following :class:`Sql` operations join it.
    """

    table: Table
    rows: Rows
    note: str
    query: Select[Any] | None = None
    """What gives the rows, where they are those of a query of the step's own database and nothing more."""


@dataclass(frozen=True, slots=True)
class Load:
    """Rows that are computed here and streamed by bulk copy into a table that stays; they count as changed."""

    table: TableClause
    columns: tuple[str, ...]
    rows: Rows
    note: str


Operation: TypeAlias = Sql | Stage | Load


@dataclass(frozen=True, slots=True)
class Step:
    """
    One small, named, idempotent piece of an upgrade.

    ``name`` is stable and readable, such as ``4.1.0/api-data/organizations``; ``database`` is the one it writes to
    (and whose journal holds its record), while others may be read. ``touches`` is a query that returns one number, how
    many items there are to do, for the plan; it runs on the *source*, so it may only name what the source has.
    """

    name: str
    title: str
    database: str
    phase: Phase
    operations: tuple[Operation, ...]
    touches: Select[Any] | None = None
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.operations:
            raise ValueError(f"step {self.name} has no operation")
