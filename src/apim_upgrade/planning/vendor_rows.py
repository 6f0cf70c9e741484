"""
Scripts that load the rows which the tool computed, and one that refuses a database that they were not computed from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import TextIO

from sqlalchemy import BigInteger, Table, column, delete, exists, func, literal_column, select, table, union_all, update

from apim_upgrade.engine import Drawn, Phase, RunRecord, Step, journal
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.planning.loading import Written, waiting_table
from apim_upgrade.planning.vendor_writing import LOADED, WAITING, ScriptWriting, computed_by, entry_of, hit

SAME_DATA = "same-data"
_SAME = "same"
_LENGTH = {"oracle": "DBMS_LOB.GETLENGTH({})", "mssql": "DATALENGTH({})", "db2": "BIGINT(LENGTH({}))"}
"""Of bytes."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a table held when rows were computed from it; ``greatest`` is that of its column ``number``, if any."""

    database: str
    table: str
    rows: int
    number: str = ""
    greatest: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one operation, written down for the DBMS."""

    file: Path
    written: Written


@dataclass(frozen=True, slots=True)
class ComputedRows:
    """The rows of a whole upgrade and what they were computed from."""

    parts: Mapping[tuple[str, str], Part]
    """By step and by table that they wait in."""
    held: Sequence[Held]

    def greatest(self, table: str) -> int:
        """Return the greatest number that a table had before the upgrade."""
        return next((each.greatest or 0 for each in self.held if each.table == table), 0)


class RowScripts(ScriptWriting):
    """Writes them for one DBMS."""

    def __init__(self, kind: str, record: RunRecord, rows: ComputedRows) -> None:
        super().__init__(kind, record)
        self._rows = rows

    def number_of(self, step: Step) -> int:
        """Return how many rows a step has."""
        return sum(self._part(step, each).written.rows for each in _waited(step))

    def comparing(self, database: str) -> str:
        """
        Refuse a database that has gone on since the copy, and remember of another that it has not.

        Once that is remembered and a step is done, the tables have every reason to differ.
        """
        compared = journal.JOURNAL.alias("compared")
        passed = exists().where(compared.c.step == SAME_DATA)
        begun = self.is_recorded(journal.JOURNAL.c.state == journal.DONE, passed)
        forgotten = self.text(delete(journal.JOURNAL).where(journal.JOURNAL.c.step == SAME_DATA))
        statements = []
        for held in (each for each in self._rows.held if each.database == database):
            counted = table(held.table, column(held.number or "none"))
            same = [func.count() == held.rows]
            if held.greatest is not None:
                same.append(func.max(counted.c[held.number]) == held.greatest)
            query = union_all(hit().select_from(counted).having(*same), begun)
            message = f"{held.table.upper()} has changed since the copy; plan anew."
            statements.append(self.notation.refuse_unless(self.text(query), message))
        entry = entry_of(SAME_DATA, 0, Phase.PREPARE, "The data is what rows were computed from", _SAME)
        return self.file(
            database,
            ["is the data still what the rows of these scripts were computed from"],
            [*statements, forgotten, *self.noted(entry)],
        )

    def load(self, step: Step, position: int, out: TextIO) -> None:
        """Write the script that loads the rows of a step; it can be run again until the step is done."""
        entries, mine = journal.JOURNAL.c, journal.JOURNAL.c.step == step.name
        done = self.is_recorded(mine, entries.state == journal.DONE)
        opening = [
            self.notation.refuse_unless(
                self.text(self.is_recorded(entries.step == SAME_DATA)),
                f"Run 0000-{step.database}-{SAME_DATA}.sql first.",
            ),
            self.notation.refuse_unless(self.text(hit().where(~done.exists())), "This step is done."),
            *(self.made(each) for each in _waited(step)),
            self.text(delete(journal.JOURNAL).where(mine)),
            *self.noted(entry_of(step.name, position, step.phase, step.title, WAITING)),
            *(self.text(delete(each)) for each in _waited(step)),
            self.client.commit,
            self.client.begin,
        ]
        out.writelines(f"{line}\n" for line in self.head(step.database, [f"rows for {step.name}", step.title]))
        out.writelines(f"{line}\n" for line in self.lines([self.client.begin, *opening]))
        arrived: list[str] = []
        for waiting in _waited(step):
            part = self._part(step, waiting)
            with part.file.open(encoding="ascii") as written:
                copyfileobj(written, out)
            part.file.unlink()
            arrived += [*self._translated(waiting), *self._counted(waiting, part.written)]
        loaded = self.text(update(journal.JOURNAL).where(mine).values(state=LOADED))
        out.writelines(f"{line}\n" for line in self.lines([*arrived, loaded, self.client.commit]))

    def _translated(self, waiting: Table) -> Iterator[str]:
        """Put in the numbers that this DBMS has drawn for rows that the upgrade itself has made."""
        for each in waiting.columns:
            drawn = Drawn.of(each)
            if drawn is None:
                continue
            there = drawn.table.c
            here = select(there[drawn.number]).where(*(there[key] == waiting.c[name] for key, name in drawn.keys))
            last = self._rows.greatest(drawn.table.name)
            yield self.text(update(waiting).values({each.name: here.scalar_subquery()}).where(each > last))

    def _counted(self, waiting: Table, written: Written) -> Iterator[str]:
        """Refuse to go on where rows or bytes are missing, or a number was not found."""
        found = (each for each in waiting.columns if Drawn.of(each) is not None)
        whole = [func.count() == written.rows, *(func.count(each) == written.rows for each in found)]
        for name, size in written.sizes.items():
            measured = literal_column(_LENGTH[self.kind].format(self.notation.quoted(name)), BigInteger)
            whole.append(func.coalesce(func.sum(measured), 0) == size)
        query = hit().select_from(waiting).having(*whole)
        yield self.notation.refuse_unless(self.text(query), f"Rows are missing in {waiting.name.upper()}.")

    def _part(self, step: Step, waiting: Table) -> Part:
        part = self._rows.parts.get((step.name, waiting.name))
        if part is None:
            raise KnowledgeError(f"The rows of {waiting.name} for step {step.name} were not computed.")
        return part


def _waited(step: Step) -> list[Table]:
    return [waiting_table(each) for each in computed_by(step)]
