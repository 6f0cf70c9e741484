"""
The plan as scripts for a DBMS that the tool does not write to; a DBA runs them with the vendor's own client.

A script can be run again at any time: its DDL asks the data dictionary first, its other statements change nothing that
is done already. It leaves the same record in the journal as a step of a run. Where a step needs rows that only the
tool can compute, its script makes the tables that they wait in and stops until the journal says that they are there:
a script of their own before it loads them, where they were computed, else somebody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import (
    ClauseElement,
    Insert,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import Executable

from apim_upgrade.databases.updates import inserted_columns
from apim_upgrade.engine import Load, Operation, Phase, RunRecord, Sql, Stage, Step, journal
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.planning.loading import waiting_table
from apim_upgrade.planning.vendor_rows import SAME_DATA, ComputedRows, RowScripts
from apim_upgrade.planning.vendor_writing import LOADED, WAITING, ScriptWriting, comment, computed_by, entry_of
from apim_upgrade.releases.model import Index, Schema
from apim_upgrade.schema.guarded import When

COMMIT_FOLDER = "commit"
INDEX = "index.txt"


class Scripts(ScriptWriting):
    """Writes the steps of one upgrade for one DBMS; with ``rows`` complete, else with stops where they are missing."""

    def __init__(
        self, kind: str, record: RunRecord, wanted: Mapping[str, Schema], rows: ComputedRows | None = None
    ) -> None:
        super().__init__(kind, record)
        self._wanted = wanted
        """What the target wants of every database, by name."""
        self._rows = RowScripts(kind, record, rows) if rows is not None else None

    def write(self, folder: Path, steps: Sequence[Step], commit: Sequence[Step]) -> list[Path]:
        """
        Write a file a step into ``folder``, those of *commit* into a folder of their own, and an index.

        Returns the index and the files. Raises OSError.
        """
        (folder / COMMIT_FOLDER).mkdir(parents=True, exist_ok=True)
        texts = {f"0000-{name}-journal.sql": self._opening(name) for name in self._wanted}
        index = [f"{file}  {name:<8} the journal" for file, name in zip(texts, self._wanted, strict=True)]
        if self._rows is not None:
            for name in self._wanted:
                file = f"0000-{name}-{SAME_DATA}.sql"
                texts[file] = self._rows.comparing(name)
                index.append(f"{file}  {name:<8} is the data still what the rows were computed from")
        loading: list[Path] = []
        for position, step in enumerate(steps, 1):
            stem = f"{position:04d}-{step.name.replace('/', '-')}"
            texts[f"{stem}.sql"] = self._script(step, position)
            mark = "  needs rows that the tool computes" if computed_by(step) else ""
            if self._rows is not None and computed_by(step):
                mark, number = "", self._rows.number_of(step)
                loading.append(folder / f"{stem}.rows.sql")
                with loading[-1].open("w", encoding="ascii") as out:
                    self._rows.load(step, position, out)
                index.append(f"{loading[-1].name}  {step.database:<8} {step.phase:<9} {number:,} rows for the next")
            index.append(f"{stem}.sql  {step.database:<8} {step.phase:<9} {step.title}{mark}")
        index += ["", "When the new servers have proved themselves; there is no way back from these:"]
        for position, step in enumerate(commit, len(steps) + 1):
            file = f"{COMMIT_FOLDER}/{position:04d}-{step.name.replace('/', '-')}.sql"
            before = sum(each.database == step.database for each in steps)
            texts[file] = self._script(step, position, after=before)
            index.append(f"{file}  {step.database:<8} {step.phase:<9} {step.title}")
        for name in self._wanted:
            file = f"{COMMIT_FOLDER}/9999-{name}-journal.sql"
            texts[file] = self._closing(name)
            index.append(f"{file}  {name:<8} what is left of the tool")
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        (folder / INDEX).write_text("\n".join([*self._about(steps), *index]) + "\n", encoding="utf-8")
        return [folder / INDEX, *(folder / file for file in texts), *loading]

    def _about(self, steps: Sequence[Step]) -> list[str]:
        computed = sum(bool(computed_by(step)) for step in steps)
        record, client = self.record, self.client
        return [
            f"API Manager {record.source} to {record.target} on {client.vendor}, by apim-upgrade {record.tool}.",
            f"Run each file in this order, on the database that its line names: {client.run}",
            "Every file can be run again; what one leaves half done that has failed, it does when run again.",
            f"{computed} of {len(steps)} steps need rows that the tool computes from documents; {self._whence()}",
            "These scripts have been written and parsed, not run: try them on a copy first.",
            "",
        ]

    def _whence(self) -> str:
        if self._rows is None:
            return "they say so and stop."
        return "the script before each loads them. Servers stay stopped from the copy on until the last script."

    def _opening(self, database: str) -> str:
        record = self.record
        there = exists().where(journal.RUN.c.run_id.is_not(None))
        values = {
            "run_id": record.run_id,
            "tool": record.tool,
            "source": record.source,
            "target": record.target,
            "fingerprint": record.fingerprint,
            "started": record.started,
            "settings": record.settings,
        }
        row = select(*(literal(value, journal.RUN.c[name].type) for name, value in values.items())).where(~there)
        statements = [
            *(self.made(table) for table in journal.ALL),
            self.text(insert(journal.RUN).from_select(list(values), row)),
            self.notation.refuse_unless(self.text(self._this_upgrade()), "Another upgrade of it has begun."),
        ]
        return self.file(database, ["the journal of this upgrade"], statements)

    def _this_upgrade(self) -> Select[int]:
        run = journal.RUN.c
        mine = run.source == self.record.source, run.target == self.record.target
        return select(literal(1).label("hit")).select_from(journal.RUN).where(*mine)

    def _closing(self, database: str) -> str:
        drops = [self.dropped(table.name) for table in (*journal.ALL, ARTIFACT, TENANT)]
        return self.file(database, ["what is left of the tool: its journal and working tables"], drops)

    def _script(self, step: Step, position: int, *, after: int = 0) -> str:
        """One step; with ``after``, only when so many others are done in its database."""
        about = [step.name, step.title, f"phase: {step.phase}"]
        statements = [self._only_after(after)] if after else []
        if computed_by(step):
            statements += self._waiting(step, position)
        for operation in step.operations:
            statements += self._operation(step, operation)
        statements += self._recorded(step, position)
        statements += [self.dropped(each.name) for each in (*self._waited(step), *_selected(step))]
        return self.file(step.database, about, statements)

    def _operation(self, step: Step, operation: Operation) -> Iterator[str]:
        match operation:
            case Sql(statement, note):
                yield from comment(note)
                yield from self._sent(step.database, statement)
            case Stage(_, _, note) if only_looks(operation):
                yield from comment(f"A run looks here and tells, changing nothing: {note}")
            case Stage(waiting, _, note, query) if query is not None:
                yield from comment(note)
                yield self.made(waiting)
                yield self.text(delete(waiting))
                yield self.text(insert(waiting).from_select(waiting.columns.keys(), query))
            case Stage(waiting, _, note):
                yield from comment(f"{waiting.name.upper()} holds the rows that a run computes here: {note}")
            case Load(loaded, names, _, note):
                waiting = self._waiting_table(operation)
                yield from comment(f"{waiting.name.upper()} holds the rows that a run computes here: {note}")
                rows = select(*(waiting.c[name] for name in names))
                yield from self._sent(step.database, insert(loaded).from_select(list(names), rows))

    def _sent(self, database: str, statement: Executable | str) -> Iterator[str]:
        if isinstance(statement, CreateTable):
            yield self.made(statement.element)
        elif isinstance(statement, CreateIndex):
            index = statement.element
            table = index.table.name if index.table is not None else ""
            named = Index(str(index.name), tuple(index.columns.keys()))
            query = self.notation.index_query(table, named)
            yield self.notation.block([When.missing(query, self.text(statement))])
        elif isinstance(statement, Insert) and isinstance(statement.table, ClauseElement):
            wanted = self._wanted[database]
            table_wanted = wanted.table(getattr(statement.table, "name", ""))
            text = self.text(statement)
            if table_wanted is None:
                yield text
            else:
                yield from self.notation.giving_numbers(wanted, table_wanted, inserted_columns(statement), text)
        else:
            yield self.text(statement)

    def _waited(self, step: Step) -> list[Table]:
        return [self._waiting_table(each) for each in computed_by(step)]

    def _waiting_table(self, operation: Stage | Load) -> Table:
        return waiting_table(operation, numbered=self._rows is not None)

    def _waiting(self, step: Step, position: int) -> Iterator[str]:
        """The tables for computed rows; and a stop until the journal says that they are filled."""
        for each in self._waited(step):
            yield self.made(each)
        mine = journal.JOURNAL.c.step == step.name
        entry = entry_of(step.name, position, step.phase, step.title, WAITING)
        missing = select(*(literal(value, journal.JOURNAL.c[name].type) for name, value in entry.items()))
        columns = list(entry)
        yield self.text(
            insert(journal.JOURNAL).from_select(
                [*columns, "started", "ended"],
                missing.add_columns(func.current_timestamp(), func.current_timestamp()).where(~exists().where(mine)),
            )
        )
        yield from (self.client.commit, self.client.begin)
        if self._rows is None:
            loaded = self.text(update(journal.JOURNAL).where(mine).values(state=LOADED))
            yield from comment("Only the tool can compute the rows of this step. When they are loaded, say so with:")
            yield from comment(loaded)
        ready = self.text(self.is_recorded(mine, journal.JOURNAL.c.state == LOADED))
        yield self.notation.refuse_unless(ready, "This step waits for rows that the tool computes, or is done.")

    def _only_after(self, number: int) -> str:
        """What drops data must not come before what carries it over."""
        entries = journal.JOURNAL.c
        done = (
            select(literal(1).label("hit"))
            .select_from(journal.JOURNAL)
            .where(entries.state == journal.DONE, entries.phase != Phase.COMMIT.value)
            .having(func.count() >= number)
        )
        return self.notation.refuse_unless(self.text(done), "Not all steps before this one are done.")

    def _recorded(self, step: Step, position: int) -> Iterator[str]:
        yield self.text(delete(journal.JOURNAL).where(journal.JOURNAL.c.step == step.name))
        yield from self.noted(entry_of(step.name, position, step.phase, step.title, journal.DONE))


def _selected(step: Step) -> list[Table]:
    """Stages that a script fills by itself."""
    return [each.table for each in step.operations if isinstance(each, Stage) and each.query is not None]
