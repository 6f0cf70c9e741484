"""
The plan as scripts for a DBMS that the tool does not write to; a DBA runs them with the vendor's own client.

A script can be run again at any time: its DDL asks the data dictionary first, its other statements change nothing that
is done already. It leaves the same record in the journal as a step of a run. Where a step needs rows that only the
tool could compute, its script makes the tables that they wait in and stops until somebody says that they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from sqlalchemy import ClauseElement, Insert, Select, Table, delete, exists, func, insert, literal, select, update
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import Executable

from apim_upgrade.databases.rendering import render
from apim_upgrade.databases.updates import inserted_columns
from apim_upgrade.engine import Load, Operation, Phase, RunRecord, Sql, Stage, Step, journal
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.planning.clients import CLIENTS, Client
from apim_upgrade.releases.model import Index, Schema
from apim_upgrade.schema.dialects import scripted_of
from apim_upgrade.schema.guarded import When
from apim_upgrade.schema.scripted import ScriptedDdl

COMMIT_FOLDER = "commit"
INDEX = "index.txt"
_WAITING, _LOADED = "waiting", "loaded"
_HELD_IN = {"am": "the API-M database (apim_db)", "shared": "the shared database (shared_db)"}


class Scripts:
    """Writes the steps of one upgrade for one DBMS."""

    def __init__(self, kind: str, record: RunRecord, wanted: Mapping[str, Schema]) -> None:
        self._kind = kind
        self._client: Client = CLIENTS[kind]
        self._notation: ScriptedDdl = scripted_of(kind)
        self._record = record
        self._wanted = wanted
        """What the target wants of every database, by name."""

    def write(self, folder: Path, steps: Sequence[Step], commit: Sequence[Step]) -> list[Path]:
        """
        Write a file a step into ``folder``, those of *commit* into a folder of their own, and an index.

        Returns the index and the files. Raises OSError.
        """
        (folder / COMMIT_FOLDER).mkdir(parents=True, exist_ok=True)
        texts = {f"0000-{name}-journal.sql": self._opening(name) for name in self._wanted}
        index = [f"{file}  {name:<8} the journal" for file, name in zip(texts, self._wanted, strict=True)]
        for position, step in enumerate(steps, 1):
            file = f"{position:04d}-{step.name.replace('/', '-')}.sql"
            texts[file] = self._script(step, position)
            mark = "  needs rows that the tool computes" if _computed(step) else ""
            index.append(f"{file}  {step.database:<8} {step.phase:<9} {step.title}{mark}")
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
        return [folder / INDEX, *(folder / file for file in texts)]

    def _about(self, steps: Sequence[Step]) -> list[str]:
        computed = sum(_computed(step) for step in steps)
        record, client = self._record, self._client
        return [
            f"API Manager {record.source} to {record.target} on {client.vendor}, by apim-upgrade {record.tool}.",
            f"Run each file in this order, on the database that its line names: {client.run}",
            "Every file can be run again; what one leaves half done that has failed, it does when run again.",
            f"{computed} of {len(steps)} steps need rows that the tool computes from documents; they say so and stop.",
            "These scripts have been written and parsed, not run: try them on a copy first.",
            "",
        ]

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
        statements += [self._dropped(stage.table.name) for stage in _stages(step)]
        return self._file(step.database, about, statements)

    def _operation(self, step: Step, operation: Operation) -> Iterator[str]:
        match operation:
            case Sql(statement, note):
                yield from _comment(note)
                yield from self._sent(step.database, statement)
            case Stage(_, _, note) if only_looks(operation):
                yield from _comment(f"A run looks here and tells, changing nothing: {note}")
            case Stage(table, _, note):
                yield from _comment(f"{table.name.upper()} holds the rows that a run computes here: {note}")
            case Load(name, columns, _, note):
                listed = ", ".join(column.upper() for column in columns)
                yield from _comment(f"{name.upper()} ({listed}) holds the rows that a run computes here: {note}")

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

    def _waiting(self, step: Step, position: int) -> Iterator[str]:
        """The tables for computed rows; and a stop until the journal says that they are filled."""
        for stage in _stages(step):
            yield self._made(stage.table)
        mine = journal.JOURNAL.c.step == step.name
        missing = select(
            *(literal(value, journal.JOURNAL.c[name].type) for name, value in _entry(step, position, _WAITING).items())
        )
        columns = list(_entry(step, position, _WAITING))
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
        entry = _entry(step, position, journal.DONE)
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
        client, record = self._client, self._record
        lines = [
            f"-- API Manager {record.source} to {record.target} on {client.vendor}, by apim-upgrade {record.tool}",
            *(f"-- {line}" for line in about),
            f"-- database: {database}, {_HELD_IN[database]}; as the owner of its tables",
            f"-- {client.run}",
            *client.opening,
        ]
        for statement in (client.begin, *statements, client.commit):
            if statement.startswith("-- "):
                lines.append(statement)
            elif statement:
                lines += [statement, client.end]
        return "\n".join(lines) + "\n"


def _computed(step: Step) -> bool:
    return any(isinstance(operation, Load) for operation in step.operations) or bool(_stages(step))


def _stages(step: Step) -> list[Stage]:
    """Those that rows are computed for."""
    return [each for each in step.operations if isinstance(each, Stage) and not only_looks(each)]


def _entry(step: Step, position: int, state: str) -> dict[str, object]:
    return {
        "step": step.name,
        "position": position,
        "phase": step.phase.value,
        "title": step.title[:500],
        "state": state,
        "seen": 0,
        "changed": 0,
        "note": "by script",
    }


def _comment(note: str) -> list[str]:
    return [f"-- {line}" for line in note.splitlines()]
