"""
Row conservation: no row is missing unless a named step took it away.

The run counted every table before it changed anything, and its journal holds the rows that each step added and took.
So the rows that are there now must be exactly what those three figures say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select, table

from apim_upgrade.engine import Session, journal
from apim_upgrade.releases.model import fold
from apim_upgrade.schema import Schema
from apim_upgrade.verify.proof import Proof


@dataclass(frozen=True, slots=True)
class TableCount:
    """One table before and after; ``steps`` are (step, inserted, deleted)."""

    table: str
    before: int
    after: int
    steps: tuple[tuple[str, int, int], ...]

    @property
    def unexplained(self) -> int:
        """Rows that no step accounts for; negative when rows are missing."""
        return self.after - self.before - sum(added - taken for _, added, taken in self.steps)


def table_counts(session: Session, live: Schema, *, dropped: bool) -> list[TableCount]:
    """
    Every table with its counts and what explains the difference; tables that came with the upgrade begin at 0.

    A table that was counted and is gone has lost its rows, unless tables were ``dropped`` on purpose by ``commit``.
    """
    before = {fold(row.table_name): row.rows_before for row in session.all(select(journal.COUNT))}
    by_table: dict[str, list[tuple[str, int, int]]] = {}
    for step, name, inserted, deleted in journal.read_rows(session):
        by_table.setdefault(fold(name), []).append((step, inserted, deleted))
    there = {fold(name): name for name in live.tables}
    gone = set() if dropped else before.keys() - there.keys()
    return [
        TableCount(
            there.get(name, name),
            before.get(name, 0),
            0 if name in gone else int(session.all(select(func.count()).select_from(table(name)))[0][0]),
            tuple(by_table.get(name, ())),
        )
        for name in sorted(there.keys() | gone)
        if not name.startswith(journal.PREFIX)
    ]


def conservation(part: str, counts: list[TableCount]) -> Iterator[Proof]:
    """The proof of one database."""
    odd = [count for count in counts if count.unexplained]
    yield Proof(
        f"rows/{part}",
        f"tables of {part} whose row count no step explains",
        len(odd),
        len(counts),
        tuple(
            f"{count.table}: {count.before} before, {count.after} after, {count.unexplained:+d} unexplained"
            for count in odd[:10]
        ),
    )
