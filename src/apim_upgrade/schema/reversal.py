"""
The changes that make a schema again what it was: a pure function of what it *is* and what it was.

Because it starts from what is there, it takes back whatever was done of an upgrade, finished or not, and begun anew
after a crash it does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from apim_upgrade.releases import renames
from apim_upgrade.releases.model import Column, ForeignKey, PrimaryKey, Schema, Table, Unique, fold
from apim_upgrade.schema.changes import (
    AddForeignKey,
    AddPrimaryKey,
    AddUnique,
    Alteration,
    AlterTable,
    Change,
    ChangeType,
    CreateIndex,
    CreateTrigger,
    DropColumn,
    DropConstraint,
    DropFunction,
    DropIndex,
    DropSequence,
    DropTable,
    DropTrigger,
    RenameColumn,
    SetCollation,
    SetDefault,
    SetExtra,
    SetNullable,
    applied,
)
from apim_upgrade.schema.dialects import dialect_of


def reversal(live: Schema, before: Schema, brought: Schema) -> list[Change]:
    """
    Return what makes ``live`` again what it was ``before``; nothing where it is.

    ``brought`` is what the upgrade's target has: of tables, sequences, functions and triggers that were not there
    before, only those go that it has. Others are somebody else's.
    """
    way = _Way(live)
    shared = [table.name for table in live.tables.values() if table.name in before.tables]
    new = [name for name in live.tables if name not in before.tables and brought.table(name) is not None]
    for name in (*shared, *new):
        kept = _links(before.tables[name]) if name in before.tables else {}
        links = [key for what, key in _links(live.tables[name]).items() if what not in kept]
        way.alter(name, [DropConstraint(key.name) for key in links if key.name])
    triggers = {fold(trigger.name) for trigger in brought.triggers}
    way.add(DropTrigger(each) for each in live.triggers if each not in before.triggers and fold(each.name) in triggers)
    functions = {fold(function.name) for function in brought.functions}
    old = {fold(function.name) for function in before.functions}
    way.add(DropFunction(each) for each in live.functions if fold(each.name) in functions - old)
    for name in shared:
        _table(way, name, before.tables[name])
    way.add(DropTable(name) for name in new)
    sequences = {fold(name) for name in brought.sequences}
    way.add(
        DropSequence(name)
        for name in list(way.schema.sequences)
        if name not in before.sequences and fold(name) in sequences
    )
    for name in shared:
        there = _links(way.table(name))
        way.alter(name, [AddForeignKey(key) for what, key in _links(before.tables[name]).items() if what not in there])
    way.add(CreateTrigger(each) for each in before.triggers if each not in way.schema.triggers)
    return way.changes


def lossy(live: Schema, before: Schema, brought: Schema) -> list[str]:
    """Name the columns (``table.column``) whose values another type has changed, so that no way leads back."""
    dialect = dialect_of(live.kind)
    return [
        f"{change.table}.{each.column}"
        for change in reversal(live, before, brought)
        if isinstance(change, AlterTable)
        for each in change.alterations
        if isinstance(each, ChangeType) and not dialect.turns_back(each.after, each.before)
    ]


class _Way:
    """Changes, and the schema that they lead to."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.changes: list[Change] = []

    def table(self, name: str) -> Table:
        return self.schema.tables[name]

    def add(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.changes.append(change)
            self.schema = applied(self.schema, [change])

    def alter(self, table: str, alterations: Sequence[Alteration]) -> None:
        if alterations:
            self.add([AlterTable(table, tuple(alterations))])


def _table(way: _Way, name: str, before: Table) -> None:
    """An index that a foreign key needs is made before the one goes that stood in for it."""
    way.add(_renames(way.table(name), before))
    missing = [index for index in before.indexes if index not in way.table(name).indexes]
    taken = {index.name for index in missing}
    way.add(
        DropIndex(name, index.name)
        for index in way.table(name).indexes
        if index.name in taken and index.name and index not in before.indexes
    )
    way.add(CreateIndex(name, index) for index in missing)
    way.alter(name, list(_alterations(way.table(name), before)))
    way.add(
        DropIndex(name, index.name) for index in way.table(name).indexes if index.name and index not in before.indexes
    )


def _renames(live: Table, before: Table) -> list[Change]:
    return [
        RenameColumn(live.name, now.name, then.name)
        for rename in renames()
        if fold(rename.table) == fold(live.name)
        and (now := live.column(rename.after)) is not None
        and (then := before.column(rename.before)) is not None
        and live.column(rename.before) is None
        and before.column(rename.after) is None
    ]


def _alterations(live: Table, before: Table) -> Iterator[Alteration]:
    now, then = _keys(live), _keys(before)
    yield from (DropConstraint(key.name) for key in now if key.name and key not in then)
    yield from (DropColumn(column.name) for column in live.columns if before.column(column.name) is None)
    for column in before.columns:
        found = live.column(column.name)
        if found is not None and found != column:
            yield from _column(found, column)
    yield from (AddPrimaryKey(key) if isinstance(key, PrimaryKey) else AddUnique(key) for key in then if key not in now)


def _links(table: Table) -> dict[ForeignKey, ForeignKey]:
    """Foreign keys by what they do: MySQL numbers those that it names itself, and never takes a lower number again."""
    return {replace(key, name=None): key for key in table.foreign_keys}


def _keys(table: Table) -> list[PrimaryKey | Unique]:
    return [*([table.primary_key] if table.primary_key is not None else []), *table.unique]


def _column(live: Column, before: Column) -> Iterator[Alteration]:
    converts, another = live.type != before.type, live.default != before.default
    if live.default is not None and (converts or another):
        yield SetDefault(live.name, None)
    if converts:
        yield ChangeType(live.name, live.type, before.type)
    if (live.charset, live.collation) != (before.charset, before.collation):
        yield SetCollation(live.name, before.charset, live.collation, before.collation)
    if before.default is not None and (converts or another):
        yield SetDefault(live.name, before.default)
    if live.nullable != before.nullable:
        yield SetNullable(live.name, before.nullable)
    if live.extra != before.extra:
        yield SetExtra(live.name, before.extra)
