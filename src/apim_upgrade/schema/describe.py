"""Schema changes in words, for plans and journals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apim_upgrade.schema.changes import (
    AddColumn,
    AddForeignKey,
    AddPrimaryKey,
    AddUnique,
    AdvanceSequence,
    Alteration,
    AlterTable,
    Change,
    ChangeType,
    CreateFunction,
    CreateIndex,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    DropColumn,
    DropConstraint,
    DropFunction,
    DropIndex,
    DropSequence,
    DropTable,
    DropTrigger,
    Narrow,
    OwnSequence,
    RenameColumn,
    SetCollation,
    SetDefault,
    SetExtra,
    SetNullable,
)


def described(changes: Iterable[Change]) -> str:
    """Return the changes as one line of words."""
    return "; ".join(phrase for change in changes for phrase in _phrases(change))


def _phrases(change: Change) -> Iterator[str]:
    match change:
        case AlterTable(_, alterations):
            for alteration in alterations:
                yield _alteration(alteration)
        case CreateTable(table):
            yield f"new table of {len(table.columns)} columns"
        case DropTable():
            yield "drop the table"
        case RenameColumn(_, before, after):
            yield f"rename {before} to {after}"
        case Narrow(_, column, before, after):
            yield f"{column} from {before} to {after} if every value fits"
        case CreateIndex(_, index):
            yield f"{'unique ' if index.unique else ''}index on {', '.join(index.columns)}"
        case DropIndex(_, name):
            yield f"drop index {name}"
        case CreateSequence(sequence):
            yield f"new sequence {sequence.name}"
        case OwnSequence(sequence, owner):
            yield f"{sequence} belongs to {owner}"
        case AdvanceSequence(sequence, _, column):
            yield f"{sequence} goes on after the largest {column}"
        case DropSequence(name):
            yield f"drop sequence {name}"
        case CreateFunction(function):
            yield f"function {function.name}"
        case DropFunction(function):
            yield f"drop function {function.name}"
        case CreateTrigger(trigger):
            yield f"trigger {trigger.name} {trigger.timing} on {trigger.table}"
        case DropTrigger(trigger):
            yield f"drop trigger {trigger.name} of {trigger.table}"


def _alteration(alteration: Alteration) -> str:
    match alteration:
        case AddColumn(column):
            return f"new column {column.name}"
        case ChangeType(column, before, after):
            return f"{column} from {before} to {after}"
        case SetNullable(column, nullable):
            return f"{column} {'may' if nullable else 'may not'} be NULL"
        case SetDefault(column, default):
            return f"no default for {column}" if default is None else f"default {default} for {column}"
        case SetExtra(column, extra):
            return f"{column} is {extra}" if extra else f"{column} gets no value by itself"
        case SetCollation(column, _, before, after):
            return f"{column} compares by {after} instead of {before}"
        case DropColumn(column):
            return f"drop column {column}"
        case AddPrimaryKey(key):
            return f"primary key ({', '.join(key.columns)})"
        case AddUnique(key):
            return f"unique key ({', '.join(key.columns)})"
        case AddForeignKey(key):
            return f"foreign key ({', '.join(key.columns)}) to {key.ref_table}"
        case DropConstraint(name):
            return f"drop constraint {name}"
