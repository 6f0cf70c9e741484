"""
What servers of the new release wrote after the upgrade: put into files before a rollback takes it away.

The server of the database says which rows were written since the upgrade ended; whether a row is new or an old one that
was changed is told by its key, looked up in the database as it was before. The files hold whole rows, secrets of
applications among them, so only their owner may read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, column, literal_column, select, table, tuple_

from apim_upgrade.databases import Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import Since
from apim_upgrade.databases.session import Session
from apim_upgrade.engine import journal
from apim_upgrade.execution.folder import RunFolder
from apim_upgrade.execution.rows import row_line
from apim_upgrade.releases.model import Table
from apim_upgrade.releases.traffic import Told, fleeting_tables, told_tables
from apim_upgrade.schema import introspect

SUMMARY = "summary.txt"
_CHUNK = 500
_NAMED = 20


@dataclass(slots=True)
class Written:
    """What was written to one table since the upgrade; ``file`` is empty where the rows were counted only."""

    database: str
    table: str
    what: str
    file: str = ""
    new: int = 0
    changed: int = 0
    named: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return asdict(self)

    def sentence(self) -> str:
        """The counts in words."""
        return f"{self.what}: {self.new:,} new, {self.changed:,} changed"


def write_aftermath(before: Mapping[str, Database], after: Mapping[str, Database], folder: Path) -> list[Written]:
    """
    Write the rows that ``after`` holds of later than the end of its upgrade to ``<folder>/<database>-<table>.jsonl``.

    ``before`` are the same databases as they were before the upgrade. Files are made only for tables with such rows,
    readable by their owner alone, and a summary in words beside them. Databases whose upgrade has not ended hold none.
    Raises EnvironmentProblem when a file cannot be written.
    """
    found: list[Written] = []
    for name, database in after.items():
        found += _of_database(name, before[name], database, RunFolder(folder))
    order = list(told_tables())
    found.sort(key=lambda each: (order.index(each.table) if each.table in order else len(order), each.table))
    if found:
        RunFolder(folder).write_lines(SUMMARY, _summary(found), private=True)
    return found


def _of_database(name: str, before: Database, after: Database, folder: RunFolder) -> Iterator[Written]:
    with ExitStack() as stack:
        now = stack.enter_context(after.read())
        end = journal.read_end(now)
        if end is None:
            return
        then = stack.enter_context(before.read())
        earlier = introspect(then)
        for each in introspect(now).tables.values():
            if each.name.startswith(journal.PREFIX):
                continue
            called = each.name.lower()
            written = Written(name, called, _what(called))
            columns = {each_column.name: each_column.type for each_column in each.columns}
            since = dbms_of(after.kind).written_since(now, end.moment, each.name, columns)
            lines = _lines(now, then, each.name, since, _key(each, earlier.table(each.name)), written)
            first = next(lines, None)
            if first is None:
                continue
            if called in fleeting_tables():
                for _ in lines:
                    pass
            else:
                written.file = f"{name}-{called}.jsonl"
                folder.write_lines(written.file, chain([first], lines), private=True)
            yield written


def _what(name: str) -> str:
    told = told_tables().get(name)
    return told.what if told else f"rows of {name}"


@dataclass(frozen=True, slots=True)
class _Key:
    """What identifies a row in both databases, as each spells it: they may be on two DBMSs."""

    columns: tuple[str, ...]
    table_before: str
    columns_before: tuple[str, ...]


def _key(now: Table, then: Table | None) -> _Key | None:
    """The primary key, where the old database has its columns too."""
    if now.primary_key is None or then is None:
        return None
    before = tuple(found.name for name in now.primary_key.columns if (found := then.column(name)) is not None)
    if len(before) < len(now.primary_key.columns):
        return None
    return _Key(now.primary_key.columns, then.name, before)


def _lines(now: Session, then: Session, name: str, since: Since, key: _Key | None, written: Written) -> Iterator[str]:
    """Yield a line for every row; counts them, and notes what names the first of them."""
    told = told_tables().get(name.lower(), Told("", ()))
    query: Select[Any] = select(literal_column("*")).select_from(table(name)).where(since.condition)
    for chunk in _chunks(now.stream(query)):
        old = _known(then, key, chunk) if key is not None else frozenset()
        for row in chunk:
            values = _values(row)
            changed = key is not None and tuple(values[part.lower()] for part in key.columns) in old
            if changed and not since.exact:
                continue
            written.changed += changed
            written.new += not changed
            if told.named and len(written.named) < _NAMED:
                written.named.append(", ".join(str(values[part]) for part in told.named if part in values))
            yield row_line({"what": "changed" if changed else "new", "row": values})


def _known(then: Session, key: _Key, rows: Sequence[Row[Any]]) -> frozenset[tuple[Any, ...]]:
    columns: list[ColumnElement[Any]] = [column(part) for part in key.columns_before]
    wanted = [tuple(_values(row)[part.lower()] for part in key.columns) for row in rows]
    found = select(*columns).select_from(table(key.table_before)).where(tuple_(*columns).in_(wanted))
    return frozenset(tuple(row) for row in then.all(found))


def _values(row: Row[Any]) -> dict[str, Any]:
    """A row by lower-case names: DBMSs differ in how they spell what they are asked for."""
    return {str(name).lower(): value for name, value in row._mapping.items()}


def _chunks(rows: Iterator[Row[Any]]) -> Iterator[list[Row[Any]]]:
    chunk: list[Row[Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _summary(found: Sequence[Written]) -> Iterator[str]:
    yield "What was written to the upgraded databases after the upgrade, and is not in the databases as they were.\n"
    yield "Each file holds one row a line. They hold secrets: treat them like the databases themselves.\n\n"
    for each in found:
        where = each.file or "not written out: nobody misses these"
        yield f"{each.sentence()} ({where})\n"
        for name in each.named:
            yield f"    {name}\n"
        more = each.new + each.changed - len(each.named)
        if each.named and more:
            yield f"    and {more:,} more\n"
