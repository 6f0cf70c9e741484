"""What every script for a DBMS that the tool does not write to is made of: statements, guards, records, a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import ColumnElement, Integer, Select, Table, func, insert, literal_column, select
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import Executable

from apim_upgrade.databases.rendering import render
from apim_upgrade.engine import Load, Phase, RunRecord, Stage, Step, journal
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.planning.clients import CLIENTS, Client
from apim_upgrade.schema.dialects import scripted_of
from apim_upgrade.schema.guarded import When
from apim_upgrade.schema.scripted import ScriptedDdl

WAITING, LOADED = "waiting", "loaded"
"""States of a step whose rows are not there yet, and are."""
_HELD_IN = {"am": "the API-M database (apim_db)", "shared": "the shared database (shared_db)"}


class ScriptWriting:
    """Writes scripts of one upgrade for one DBMS."""

    def __init__(self, kind: str, record: RunRecord) -> None:
        self.kind = kind
        self.client: Client = CLIENTS[kind]
        self.notation: ScriptedDdl = scripted_of(kind)
        self.record = record

    def noted(self, entry: Mapping[str, object]) -> Iterator[str]:
        """Return the statement that adds a record to the journal."""
        now = {"started": func.current_timestamp(), "ended": func.current_timestamp()}
        yield self.text(insert(journal.JOURNAL).values({**entry, **now}))

    def made(self, table: Table) -> str:
        """Return what makes one of our tables, where it is missing."""
        query = self.notation.table_query(table.name)
        return self.notation.block([When.missing(query, self.text(CreateTable(table)))])

    def dropped(self, table: str) -> str:
        """Return what drops a table, where it is there."""
        drop = f"DROP TABLE {self.notation.quoted(table)}"
        return self.notation.block([When.there(self.notation.table_query(table), drop)])

    def text(self, statement: Executable | str) -> str:
        """Return a statement as the DBMS would get it."""
        return render(self.kind, statement)

    def file(self, database: str, about: Iterable[str], statements: Iterable[str]) -> str:
        """Return a whole script, one transaction; ``about`` are remarks on top."""
        body = self.lines((self.client.begin, *statements, self.client.commit))
        return "\n".join([*self.head(database, about), *body]) + "\n"

    def head(self, database: str, about: Iterable[str]) -> list[str]:
        """Return the lines that a script begins with."""
        client, record = self.client, self.record
        return [
            f"-- API Manager {record.source} to {record.target} on {client.vendor}, by apim-upgrade {record.tool}",
            *(f"-- {line}" for line in about),
            f"-- database: {database}, {_HELD_IN[database]}; as the owner of its tables",
            f"-- {client.run}",
            *client.opening,
        ]

    def lines(self, statements: Iterable[str]) -> Iterator[str]:
        """Return the lines of statements and of remarks, each statement with what sends it."""
        for statement in statements:
            if statement.startswith("-- "):
                yield statement
            elif statement:
                yield from (statement, self.client.end)

    def is_recorded(self, *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
        """Return a query that finds something where the journal has such a record."""
        return hit().select_from(journal.JOURNAL).where(*conditions)


def hit() -> Select[tuple[int]]:
    """Begin a query that finds something or nothing."""
    return select(literal_column("1", Integer).label("hit"))


def computed_by(step: Step) -> list[Stage | Load]:
    """The operations that rows are computed for."""
    return [
        each
        for each in step.operations
        if isinstance(each, Load) or (isinstance(each, Stage) and each.query is None and not only_looks(each))
    ]


def entry_of(step: str, position: int, phase: Phase, title: str, state: str) -> dict[str, object]:
    """Return the values of a record of the journal, but for its times."""
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


def comment(note: str) -> list[str]:
    """Return the lines of a remark."""
    return [f"-- {line}" for line in note.splitlines()]
