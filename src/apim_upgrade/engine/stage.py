"""Stage tables: where computed rows wait, for the length of one step, to be joined by a statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, TableClause

_DRAWN = "drawn"


def stage_table(name: str, *columns: Column[Any], keys: Sequence[tuple[str, ...]] = ()) -> Table:
    """
    Describe a stage ``apim_upgrade_stage_<name>``; every call makes a value of its own.

    ``keys`` are columns by which rows are looked up where no index of the product serves: a server that cannot hash a
    join, such as MariaDB, compares all with all otherwise. Where servers can, no index is made.
    """
    table = f"apim_upgrade_stage_{name}"
    indexes = [Index(f"{table}_{number}", *key) for number, key in enumerate(keys)]
    return Table(table, MetaData(), *columns, *indexes, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


@dataclass(frozen=True, slots=True)
class Drawn:
    """
    What a column of a stage holds whose numbers a DBMS has drawn: on another database they may be others.

    The row of ``table`` that has the ``number`` is found there by ``keys``: columns of the table, each with the column
    of the stage that has its value. Only needed for rows that the upgrade itself has made; those of before have the
    same number.
    """

    table: TableClause
    number: str
    keys: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, column: Column[Any]) -> Drawn | None:
        """Return what a column was described as, if it was."""
        found: Drawn | None = column.info.get(_DRAWN)
        return found


def drawn(table: TableClause, number: str, **keys: str) -> dict[str, Drawn]:
    """Return the ``info`` of a stage's column that holds a drawn number; see :class:`Drawn`."""
    return {_DRAWN: Drawn(table, number, tuple(keys.items()))}
