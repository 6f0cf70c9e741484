"""
Changes of a schema, as values: a dialect writes them down as DDL, :func:`applied` tells what they lead to.

So a plan can be made from a prediction, and what is predicted is what is executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from apim_upgrade.releases.model import (
    Column,
    ForeignKey,
    Function,
    Index,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Trigger,
    Unique,
    fold,
)


@dataclass(frozen=True, slots=True)
class AddColumn:
    """A new column, with its default for the rows that are there."""

    column: Column


@dataclass(frozen=True, slots=True)
class ChangeType:
    """Another type for a column; its values are converted."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SetNullable:
    """Whether a column may be NULL."""

    column: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class SetDefault:
    """The default of a column; None takes it away."""

    column: str
    default: str | None


@dataclass(frozen=True, slots=True)
class SetExtra:
    """What the DBMS adds to a column: ``auto_increment``, ``on update CURRENT_TIMESTAMP``, or nothing."""

    column: str
    extra: str


@dataclass(frozen=True, slots=True)
class SetCollation:
    """Another collation of the same character set for a column."""

    column: str
    charset: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DropColumn:
    """A column goes, and with it the keys and indexes it is part of."""

    column: str


@dataclass(frozen=True, slots=True)
class AddPrimaryKey:
    """The table gets this primary key."""

    key: PrimaryKey


@dataclass(frozen=True, slots=True)
class AddUnique:
    """The table gets this unique constraint."""

    key: Unique


@dataclass(frozen=True, slots=True)
class AddForeignKey:
    """The table gets this foreign key."""

    key: ForeignKey


@dataclass(frozen=True, slots=True)
class DropConstraint:
    """A primary key, unique constraint or foreign key goes, by the name it really has."""

    name: str


Alteration: TypeAlias = (
    AddColumn
    | ChangeType
    | SetNullable
    | SetDefault
    | SetExtra
    | SetCollation
    | DropColumn
    | AddPrimaryKey
    | AddUnique
    | AddForeignKey
    | DropConstraint
)


@dataclass(frozen=True, slots=True)
class AlterTable:
    """Several alterations of one table, done in one pass over its rows."""

    table: str
    alterations: tuple[Alteration, ...]


@dataclass(frozen=True, slots=True)
class CreateTable:
    """A new table with its columns, primary key and unique constraints; foreign keys and indexes come apart."""

    table: Table


@dataclass(frozen=True, slots=True)
class DropTable:
    """A table goes."""

    table: str


@dataclass(frozen=True, slots=True)
class RenameColumn:
    """A column gets another name and keeps its values."""

    table: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Narrow:
    """A shorter type for a column, if every value fits; else it stays as it is."""

    table: str
    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """A new index."""

    table: str
    index: Index


@dataclass(frozen=True, slots=True)
class DropIndex:
    """An index goes, by the name it really has."""

    table: str
    name: str


@dataclass(frozen=True, slots=True)
class CreateSequence:
    """A new sequence, not owned by any column yet."""

    sequence: Sequence


@dataclass(frozen=True, slots=True)
class OwnSequence:
    """A sequence becomes part of the column it serves."""

    sequence: str
    owner: str


@dataclass(frozen=True, slots=True)
class AdvanceSequence:
    """A sequence goes on after the largest value that its column already holds."""

    sequence: str
    table: str
    column: str


@dataclass(frozen=True, slots=True)
class DropSequence:
    """A sequence goes."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateFunction:
    """A new stored function."""

    function: Function


@dataclass(frozen=True, slots=True)
class DropFunction:
    """A stored function goes."""

    function: Function


@dataclass(frozen=True, slots=True)
class CreateTrigger:
    """A new trigger."""

    trigger: Trigger


@dataclass(frozen=True, slots=True)
class DropTrigger:
    """A trigger goes."""

    trigger: Trigger


Change: TypeAlias = (
    AlterTable
    | CreateTable
    | DropTable
    | RenameColumn
    | Narrow
    | CreateIndex
    | DropIndex
    | CreateSequence
    | OwnSequence
    | AdvanceSequence
    | DropSequence
    | CreateFunction
    | DropFunction
    | CreateTrigger
    | DropTrigger
)


def applied(schema: Schema, changes: Iterable[Change]) -> Schema:
    """Return the schema that the changes lead to."""
    for change in changes:
        schema = _applied(schema, change)
    return schema


def _applied(schema: Schema, change: Change) -> Schema:
    match change:
        case AlterTable(name, alterations):
            table = schema.tables[name]
            for alteration in alterations:
                table = altered(table, alteration)
            return _with_table(schema, table)
        case CreateTable(table):
            return _with_table(schema, table)
        case DropTable(name):
            return replace(
                schema,
                tables={key: table for key, table in schema.tables.items() if key != name},
                sequences=_without_owner(schema, fold(name) + "."),
                triggers=tuple(trigger for trigger in schema.triggers if fold(trigger.table) != fold(name)),
            )
        case RenameColumn(name, before, after):
            return _renamed(schema, name, before, after)
        case Narrow(name, column, _, after):
            return _with_table(schema, _with_column(schema.tables[name], column, type=after))
        case CreateIndex(name, index):
            table = schema.tables[name]
            return _with_table(schema, replace(table, indexes=(*table.indexes, index)))
        case DropIndex(name, gone):
            table = schema.tables[name]
            return _with_table(schema, replace(table, indexes=tuple(i for i in table.indexes if i.name != gone)))
        case CreateSequence(sequence):
            return replace(schema, sequences={**schema.sequences, sequence.name: sequence})
        case OwnSequence(name, owner):
            owned = replace(schema.sequences[name], owned_by=owner)
            return replace(schema, sequences={**schema.sequences, name: owned})
        case AdvanceSequence():
            return schema
        case DropSequence(name):
            return replace(schema, sequences={key: value for key, value in schema.sequences.items() if key != name})
        case CreateFunction(function):
            return replace(schema, functions=(*schema.functions, function))
        case DropFunction(function):
            return replace(schema, functions=tuple(other for other in schema.functions if other != function))
        case CreateTrigger(trigger):
            return replace(schema, triggers=(*schema.triggers, trigger))
        case DropTrigger(trigger):
            return replace(schema, triggers=tuple(other for other in schema.triggers if other != trigger))


def altered(table: Table, alteration: Alteration) -> Table:
    """Return the table that an alteration leads to."""
    match alteration:
        case AddColumn(column):
            return replace(table, columns=(*table.columns, column))
        case ChangeType(name, _, after):
            return _with_column(table, name, type=after)
        case SetNullable(name, nullable):
            return _with_column(table, name, nullable=nullable)
        case SetDefault(name, default):
            return _with_column(table, name, default=default)
        case SetExtra(name, extra):
            return _with_column(table, name, extra=extra)
        case SetCollation(name, charset, _, after):
            return _with_column(table, name, charset=charset, collation=after)
        case DropColumn(name):
            return _without_column(table, name)
        case AddPrimaryKey(key):
            for name in key.columns:
                table = _with_column(table, name, nullable=False)
            return replace(table, primary_key=key)
        case AddUnique(key):
            return replace(table, unique=(*table.unique, key))
        case AddForeignKey(key):
            return replace(table, foreign_keys=(*table.foreign_keys, key))
        case DropConstraint(name):
            primary = table.primary_key
            return replace(
                table,
                primary_key=None if primary is not None and primary.name == name else primary,
                unique=tuple(unique for unique in table.unique if unique.name != name),
                foreign_keys=tuple(other for other in table.foreign_keys if other.name != name),
            )


def _with_table(schema: Schema, table: Table) -> Schema:
    return replace(schema, tables={**schema.tables, table.name: table})


def _with_column(table: Table, name: str, **changed: object) -> Table:
    wanted = fold(name)
    return replace(
        table,
        columns=tuple(
            replace(column, **changed) if fold(column.name) == wanted else column  # type: ignore[arg-type]
            for column in table.columns
        ),
    )


def _without_column(table: Table, name: str) -> Table:
    def is_free(columns: tuple[str, ...]) -> bool:
        return name not in columns

    key = table.primary_key
    return replace(
        table,
        columns=tuple(column for column in table.columns if column.name != name),
        primary_key=key if key is None or is_free(key.columns) else None,
        unique=tuple(unique for unique in table.unique if is_free(unique.columns)),
        foreign_keys=tuple(other for other in table.foreign_keys if is_free(other.columns)),
        indexes=tuple(index for index in table.indexes if is_free(index.columns)),
    )


def _without_owner(schema: Schema, prefix: str) -> dict[str, Sequence]:
    return {name: value for name, value in schema.sequences.items() if not fold(value.owned_by).startswith(prefix)}


def _renamed(schema: Schema, name: str, before: str, after: str) -> Schema:
    def names(columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(after if column == before else column for column in columns)

    table = schema.tables[name]
    key = table.primary_key
    table = replace(
        table,
        columns=tuple(replace(c, name=after) if c.name == before else c for c in table.columns),
        primary_key=key and replace(key, columns=names(key.columns)),
        unique=tuple(replace(unique, columns=names(unique.columns)) for unique in table.unique),
        foreign_keys=tuple(replace(other, columns=names(other.columns)) for other in table.foreign_keys),
        indexes=tuple(replace(index, columns=names(index.columns)) for index in table.indexes),
    )
    others = {
        key: replace(
            other,
            foreign_keys=tuple(
                replace(link, ref_columns=names(link.ref_columns)) if link.ref_table == name else link
                for link in other.foreign_keys
            ),
        )
        for key, other in schema.tables.items()
        if key != name
    }
    return replace(schema, tables={**others, name: table})
