"""
The plan as scripts for a DBMS that the tool does not write to; a DBA runs them with the vendor's own client.

A script can be run again at any time: its DDL asks the data dictionary first, its other statements change nothing that
is done already. It leaves the same record in the journal as a step of a run. Where a step needs rows that only the
tool can compute, its script makes the tables that they wait in and stops until the journal says that they are there:
a script of their own before it loads them, where they were computed, else somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import TextIO

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Table,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    union_all,
    update,
)
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import Executable

from apim_upgrade.databases.rendering import render
from apim_upgrade.databases.updates import inserted_columns
from apim_upgrade.engine import Drawn, Load, Operation, Phase, RunRecord, Sql, Stage, Step, journal
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.planning.clients import CLIENTS, Client
from apim_upgrade.planning.loading import Written, waiting_table
from apim_upgrade.releases.model import Index, Schema
from apim_upgrade.schema.dialects import scripted_of
from apim_upgrade.schema.guarded import When
from apim_upgrade.schema.scripted import ScriptedDdl

COMMIT_FOLDER = "commit"
INDEX = "index.txt"
_WAITING, _LOADED, _SAME = "waiting", "loaded", "same"
_SAME_DATA = "same-data"
_LENGTH = {"oracle": "DBMS_LOB.GETLENGTH({})", "mssql": "DATALENGTH({})", "db2": "BIGINT(LENGTH({}))"}
"""Of bytes."""
_HELD_IN = {"am": "the API-M database (apim_db)", "shared": "the shared database (shared_db)"}


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


class Scripts:
    """Writes the steps of one upgrade for one DBMS; with ``rows`` complete, else with stops where they are missing."""

    def __init__(
        self, kind: str, record: RunRecord, wanted: Mapping[str, Schema], rows: ComputedRows | None = None
    ) -> None:
        self._kind = kind
        self._client: Client = CLIENTS[kind]
        self._notation: ScriptedDdl = scripted_of(kind)
        self._record = record
        self._wanted = wanted
        """What the target wants of every database, by name."""
        self._rows = rows

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
                file = f"0000-{name}-{_SAME_DATA}.sql"
                texts[file] = self._comparing(name, self._rows)
                index.append(f"{file}  {name:<8} is the data still what the rows were computed from")
        loading: list[Path] = []
        for position, step in enumerate(steps, 1):
            stem = f"{position:04d}-{step.name.replace('/', '-')}"
            texts[f"{stem}.sql"] = self._script(step, position)
            mark = "  needs rows that the tool computes" if _computed(step) else ""
            if self._rows is not None and _computed(step):
                parts = [self._rows.parts.get((step.name, each.name)) for each in self._waited(step)]
                mark, number = "", sum(part.written.rows for part in parts if part is not None)
                loading.append(folder / f"{stem}.rows.sql")
                with loading[-1].open("w", encoding="ascii") as out:
                    self._load(step, position, self._rows, out)
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
        computed = sum(bool(_computed(step)) for step in steps)
        record, client = self._record, self._client
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

    def _comparing(self, database: str, rows: ComputedRows) -> str:
        """Refuse a database that has gone on since, until the first step is done; then remember that it has not."""
        begun = self._query(journal.JOURNAL.c.state == journal.DONE)
        forgotten = self._text(delete(journal.JOURNAL).where(journal.JOURNAL.c.step == _SAME_DATA))
        statements = []
        for held in (each for each in rows.held if each.database == database):
            counted = table(held.table, column(held.number or "none"))
            same = [func.count() == held.rows]
            if held.greatest is not None:
                same.append(func.max(counted.c[held.number]) == held.greatest)
            query = union_all(_hit().select_from(counted).having(*same), begun)
            message = f"{held.table.upper()} is not as it was when rows were computed; plan anew."
            statements.append(self._notation.refuse_unless(self._text(query), message))
        entry = _entry(_SAME_DATA, 0, Phase.PREPARE, "The data is what rows were computed from", _SAME)
        return self._file(
            database,
            ["is the data still what the rows of these scripts were computed from"],
            [*statements, forgotten, *self._noted(entry)],
        )

    def _load(self, step: Step, position: int, rows: ComputedRows, out: TextIO) -> None:
        """Write the script that loads the rows of a step; it can be run again until the step is done."""
        entries, mine = journal.JOURNAL.c, journal.JOURNAL.c.step == step.name
        done = self._query(mine, entries.state == journal.DONE)
        opening = [
            self._notation.refuse_unless(
                self._text(self._query(entries.step == _SAME_DATA)), f"Run 0000-{step.database}-{_SAME_DATA}.sql first."
            ),
            self._notation.refuse_unless(self._text(_hit().where(~done.exists())), "This step is done."),
            *(self._made(each) for each in self._waited(step)),
            self._text(delete(journal.JOURNAL).where(mine)),
            *self._noted(_entry(step.name, position, step.phase, step.title, _WAITING)),
            *(self._text(delete(each)) for each in self._waited(step)),
            self._client.commit,
            self._client.begin,
        ]
        out.writelines(f"{line}\n" for line in self._head(step.database, [f"rows for {step.name}", step.title]))
        out.writelines(f"{line}\n" for line in self._lines([self._client.begin, *opening]))
        arrived: list[str] = []
        for waiting in self._waited(step):
            part = rows.parts.get((step.name, waiting.name))
            if part is None:
                raise KnowledgeError(f"The rows of {waiting.name} for step {step.name} were not computed.")
            with part.file.open(encoding="ascii") as written:
                copyfileobj(written, out)
            part.file.unlink()
            arrived += [*self._translated(waiting, rows), *self._counted(waiting, part.written)]
        loaded = self._text(update(journal.JOURNAL).where(mine).values(state=_LOADED))
        out.writelines(f"{line}\n" for line in self._lines([*arrived, loaded, self._client.commit]))

    def _translated(self, waiting: Table, rows: ComputedRows) -> Iterator[str]:
        """Put in the numbers that this DBMS has drawn for rows that the upgrade itself has made."""
        for each in waiting.columns:
            drawn = Drawn.of(each)
            if drawn is None:
                continue
            there = drawn.table.c
            here = select(there[drawn.number]).where(*(there[key] == waiting.c[name] for key, name in drawn.keys))
            last = rows.greatest(drawn.table.name)
            yield self._text(update(waiting).values({each.name: here.scalar_subquery()}).where(each > last))

    def _counted(self, waiting: Table, written: Written) -> Iterator[str]:
        """Refuse to go on where rows or bytes are missing, or a number was not found."""
        found = (each for each in waiting.columns if Drawn.of(each) is not None)
        whole = [func.count() == written.rows, *(func.count(each) == written.rows for each in found)]
        for name, size in written.sizes.items():
            measured = literal_column(_LENGTH[self._kind].format(self._notation.quoted(name)), BigInteger)
            whole.append(func.coalesce(func.sum(measured), 0) == size)
        query = _hit().select_from(waiting).having(*whole)
        yield self._notation.refuse_unless(self._text(query), f"Rows are missing in {waiting.name.upper()}.")

    def _query(self, *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
        return _hit().select_from(journal.JOURNAL).where(*conditions)

    def _opening(self, database: str) -> str:
        record = self._record
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
            *(self._made(table) for table in journal.ALL),
            self._text(insert(journal.RUN).from_select(list(values), row)),
            self._notation.refuse_unless(self._text(self._this_upgrade()), "Another upgrade of it has begun."),
        ]
        return self._file(database, ["the journal of this upgrade"], statements)

    def _this_upgrade(self) -> Select[int]:
        run = journal.RUN.c
        mine = run.source == self._record.source, run.target == self._record.target
        return select(literal(1).label("hit")).select_from(journal.RUN).where(*mine)

    def _closing(self, database: str) -> str:
        drops = [self._dropped(table.name) for table in (*journal.ALL, ARTIFACT, TENANT)]
        return self._file(database, ["what is left of the tool: its journal and working tables"], drops)

    def _script(self, step: Step, position: int, *, after: int = 0) -> str:
        """One step; with ``after``, only when so many others are done in its database."""
        about = [step.name, step.title, f"phase: {step.phase}"]
        statements = [self._only_after(after)] if after else []
        if _computed(step):
            statements += self._waiting(step, position)
        for operation in step.operations:
            statements += self._operation(step, operation)
        statements += self._recorded(step, position)
        statements += [self._dropped(each.name) for each in (*self._waited(step), *_selected(step))]
        return self._file(step.database, about, statements)

    def _operation(self, step: Step, operation: Operation) -> Iterator[str]:
        match operation:
            case Sql(statement, note):
                yield from _comment(note)
                yield from self._sent(step.database, statement)
            case Stage(_, _, note) if only_looks(operation):
                yield from _comment(f"A run looks here and tells, changing nothing: {note}")
            case Stage(waiting, _, note, query) if query is not None:
                yield from _comment(note)
                yield self._made(waiting)
                yield self._text(delete(waiting))
                yield self._text(insert(waiting).from_select(waiting.columns.keys(), query))
            case Stage(waiting, _, note):
                yield from _comment(f"{waiting.name.upper()} holds the rows that a run computes here: {note}")
            case Load(loaded, names, _, note):
                waiting = self._waiting_table(operation)
                yield from _comment(f"{waiting.name.upper()} holds the rows that a run computes here: {note}")
                rows = select(*(waiting.c[name] for name in names))
                yield from self._sent(step.database, insert(loaded).from_select(list(names), rows))

    def _sent(self, database: str, statement: Executable | str) -> Iterator[str]:
        if isinstance(statement, CreateTable):
            yield self._made(statement.element)
        elif isinstance(statement, CreateIndex):
            index = statement.element
            table = index.table.name if index.table is not None else ""
            named = Index(str(index.name), tuple(index.columns.keys()))
            query = self._notation.index_query(table, named)
            yield self._notation.block([When.missing(query, self._text(statement))])
        elif isinstance(statement, Insert) and isinstance(statement.table, ClauseElement):
            wanted = self._wanted[database]
            table_wanted = wanted.table(getattr(statement.table, "name", ""))
            text = self._text(statement)
            if table_wanted is None:
                yield text
            else:
                yield from self._notation.giving_numbers(wanted, table_wanted, inserted_columns(statement), text)
        else:
            yield self._text(statement)

    def _waited(self, step: Step) -> list[Table]:
        return [self._waiting_table(each) for each in _computed(step)]

    def _waiting_table(self, operation: Stage | Load) -> Table:
        return waiting_table(operation, numbered=self._rows is not None)

    def _waiting(self, step: Step, position: int) -> Iterator[str]:
        """The tables for computed rows; and a stop until the journal says that they are filled."""
        for each in self._waited(step):
            yield self._made(each)
        mine = journal.JOURNAL.c.step == step.name
        entry = _entry(step.name, position, step.phase, step.title, _WAITING)
        missing = select(*(literal(value, journal.JOURNAL.c[name].type) for name, value in entry.items()))
        columns = list(entry)
        yield self._text(
            insert(journal.JOURNAL).from_select(
                [*columns, "started", "ended"],
                missing.add_columns(func.current_timestamp(), func.current_timestamp()).where(~exists().where(mine)),
            )
        )
        yield from (self._client.commit, self._client.begin)
        loaded = self._text(update(journal.JOURNAL).where(mine).values(state=_LOADED))
        yield from _comment("Only the tool can compute the rows of this step. When they are loaded, say so with:")
        yield from _comment(loaded)
        ready = self._text(
            select(literal(1).label("hit")).select_from(journal.JOURNAL).where(mine, journal.JOURNAL.c.state == _LOADED)
        )
        yield self._notation.refuse_unless(ready, "This step waits for rows that the tool computes, or is done.")

    def _only_after(self, number: int) -> str:
        """What drops data must not come before what carries it over."""
        entries = journal.JOURNAL.c
        done = (
            select(literal(1).label("hit"))
            .select_from(journal.JOURNAL)
            .where(entries.state == journal.DONE, entries.phase != Phase.COMMIT.value)
            .having(func.count() >= number)
        )
        return self._notation.refuse_unless(self._text(done), "Not all steps before this one are done.")

    def _recorded(self, step: Step, position: int) -> Iterator[str]:
        yield self._text(delete(journal.JOURNAL).where(journal.JOURNAL.c.step == step.name))
        yield from self._noted(_entry(step.name, position, step.phase, step.title, journal.DONE))

    def _noted(self, entry: Mapping[str, object]) -> Iterator[str]:
        now = {"started": func.current_timestamp(), "ended": func.current_timestamp()}
        yield self._text(insert(journal.JOURNAL).values({**entry, **now}))

    def _made(self, table: Table) -> str:
        query = self._notation.table_query(table.name)
        return self._notation.block([When.missing(query, self._text(CreateTable(table)))])

    def _dropped(self, table: str) -> str:
        drop = f"DROP TABLE {self._notation.quoted(table)}"
        return self._notation.block([When.there(self._notation.table_query(table), drop)])

    def _text(self, statement: Executable | str) -> str:
        return render(self._kind, statement)

    def _file(self, database: str, about: Iterable[str], statements: Iterable[str]) -> str:
        body = self._lines((self._client.begin, *statements, self._client.commit))
        return "\n".join([*self._head(database, about), *body]) + "\n"

    def _head(self, database: str, about: Iterable[str]) -> list[str]:
        client, record = self._client, self._record
        return [
            f"-- API Manager {record.source} to {record.target} on {client.vendor}, by apim-upgrade {record.tool}",
            *(f"-- {line}" for line in about),
            f"-- database: {database}, {_HELD_IN[database]}; as the owner of its tables",
            f"-- {client.run}",
            *client.opening,
        ]

    def _lines(self, statements: Iterable[str]) -> Iterator[str]:
        for statement in statements:
            if statement.startswith("-- "):
                yield statement
            elif statement:
                yield from (statement, self._client.end)


def _hit() -> Select[tuple[int]]:
    """Begin a query that finds something or nothing."""
    return select(literal_column("1", Integer).label("hit"))


def _computed(step: Step) -> list[Stage | Load]:
    """The operations that rows are computed for."""
    return [
        each
        for each in step.operations
        if isinstance(each, Load) or (isinstance(each, Stage) and each.query is None and not only_looks(each))
    ]


def _selected(step: Step) -> list[Table]:
    """Stages that a script fills by itself."""
    return [each.table for each in step.operations if isinstance(each, Stage) and each.query is not None]


def _entry(step: str, position: int, phase: Phase, title: str, state: str) -> dict[str, object]:
    return {
        "step": step,
        "position": position,
        "phase": phase.value,
        "title": title[:500],
        "state": state,
        "seen": 0,
        "changed": 0,
        "note": "by script",
    }


def _comment(note: str) -> list[str]:
    return [f"-- {line}" for line in note.splitlines()]
