"""Writes changes of a schema as PostgreSQL's DDL. Every object is named without its schema: the search path decides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.dialects import postgresql

from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.knowledge import function_body
from apim_upgrade.releases.model import Column, Expression, ForeignKey, Index, SeedRow, Sequence, Table
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
from apim_upgrade.schema.postgresql.types import conversion, length

_QUOTE = postgresql.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]


def quoted(name: str) -> str:
    """Return an identifier as it may stand in a statement."""
    return str(_QUOTE(name))


def ddl(change: Change) -> str:
    """Return the statement for one change; it can be run again where PostgreSQL has an IF (NOT) EXISTS for it."""
    match change:
        case AlterTable(table, alterations):
            clauses = [clause for alteration in alterations for clause in _clauses(alteration)]
            return f"ALTER TABLE {quoted(table)} " + ", ".join(clauses)
        case CreateTable(table):
            return _create_table(table)
        case DropTable(table):
            return f"DROP TABLE IF EXISTS {quoted(table)}"
        case RenameColumn(table, before, after):
            return f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(before)} TO {quoted(after)}"
        case Narrow():
            return _narrow(change)
        case CreateIndex(table, index):
            return _create_index(table, index)
        case DropIndex(_, name):
            return f"DROP INDEX IF EXISTS {quoted(name)}"
        case CreateSequence(sequence):
            return _create_sequence(sequence)
        case OwnSequence(sequence, owner):
            return f"ALTER SEQUENCE {quoted(sequence)} OWNED BY {'.'.join(map(quoted, owner.split('.')))}"
        case AdvanceSequence(sequence, table, column):
            name = quoted(sequence)
            return (
                f"SELECT setval('{name}', greatest((SELECT coalesce(max({quoted(column)}), 0) + 1 "
                f"FROM {quoted(table)}), (SELECT last_value + 1 FROM {name})), false)"
            )
        case DropSequence(name):
            return f"DROP SEQUENCE IF EXISTS {quoted(name)}"
        case CreateFunction(function):
            body = function_body("postgresql", function.name)
            return (
                f"CREATE OR REPLACE FUNCTION {quoted(function.name)}() RETURNS {function.returns} "
                f"LANGUAGE {function.language} AS $function${body}$function$"
            )
        case DropFunction(function):
            return f"DROP FUNCTION IF EXISTS {quoted(function.name)}()"
        case CreateTrigger(trigger):
            return (
                f"CREATE TRIGGER {quoted(trigger.name)} {trigger.timing} ON {quoted(trigger.table)} "
                f"FOR EACH {trigger.per.upper()} EXECUTE PROCEDURE {quoted(trigger.function)}()"
            )
        case DropTrigger(trigger):
            return f"DROP TRIGGER IF EXISTS {quoted(trigger.name)} ON {quoted(trigger.table)}"


def insert(table: str, row: SeedRow) -> str:
    """Return the statement that writes one seed row."""
    return f"INSERT INTO {quoted(table)} ({_list(row)}) VALUES ({', '.join(literal(value) for value in row.values())})"


def literal(value: str | int | bool | Expression | None) -> str:
    """Return a value of a seed row as SQL."""
    match value:
        case None:
            return "NULL"
        case Expression(sql):
            return sql
        case bool() | int():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"


def _clauses(alteration: Alteration) -> Iterator[str]:
    match alteration:
        case AddColumn(column):
            yield f"ADD COLUMN {_column(column)}"
        case ChangeType(name, before, after):
            using = conversion(quoted(name), before, after)
            yield f"ALTER COLUMN {quoted(name)} TYPE {after}" + (f" USING {using}" if using else "")
        case SetNullable(name, nullable):
            yield f"ALTER COLUMN {quoted(name)} {'DROP' if nullable else 'SET'} NOT NULL"
        case SetDefault(name, default):
            yield f"ALTER COLUMN {quoted(name)} " + ("DROP DEFAULT" if default is None else f"SET DEFAULT {default}")
        case SetExtra() | SetCollation():
            raise KnowledgeError(f"PostgreSQL has no {type(alteration).__name__}.")
        case DropColumn(name):
            yield f"DROP COLUMN IF EXISTS {quoted(name)}"
        case AddPrimaryKey(key):
            yield f"ADD {_named(key.name)}PRIMARY KEY ({_list(key.columns)})"
        case AddUnique(key):
            yield f"ADD {_named(key.name)}UNIQUE ({_list(key.columns)})"
        case AddForeignKey(key):
            yield f"ADD {_foreign_key(key)}"
        case DropConstraint(name):
            yield f"DROP CONSTRAINT IF EXISTS {quoted(name)}"


def _create_table(table: Table) -> str:
    parts = [_column(column) for column in table.columns]
    if table.primary_key is not None:
        parts.append(f"{_named(table.primary_key.name)}PRIMARY KEY ({_list(table.primary_key.columns)})")
    parts += [f"{_named(unique.name)}UNIQUE ({_list(unique.columns)})" for unique in table.unique]
    return f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} (\n  " + ",\n  ".join(parts) + "\n)"


def _column(column: Column) -> str:
    default = "" if column.default is None else f" DEFAULT {column.default}"
    return f"{quoted(column.name)} {column.type}{default}" + ("" if column.nullable else " NOT NULL")


def _foreign_key(key: ForeignKey) -> str:
    return (
        f"{_named(key.name)}FOREIGN KEY ({_list(key.columns)}) "
        f"REFERENCES {quoted(key.ref_table)} ({_list(key.ref_columns)}){key.rules}"
    )


def _create_index(table: str, index: Index) -> str:
    parts = ", ".join(f"({part})" if part in index.expressions else quoted(part) for part in index.columns)
    name = f"{quoted(index.name)} " if index.name else ""
    guard = "IF NOT EXISTS " if index.name else ""
    return f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {guard}{name}ON {quoted(table)} ({parts})"


def _create_sequence(sequence: Sequence) -> str:
    kind = f" AS {sequence.type}" if sequence.type else ""
    return (
        f"CREATE SEQUENCE IF NOT EXISTS {quoted(sequence.name)}{kind} "
        f"INCREMENT BY {sequence.increment} START WITH {sequence.start}"
    )


def _narrow(change: Narrow) -> str:
    """The test of the data belongs into the server: what fits can change until the statement runs."""
    table, column = quoted(change.table), quoted(change.column)
    return (
        f"DO $narrow$ BEGIN IF NOT EXISTS (SELECT FROM {table} WHERE length({column}) > {length(change.after)}) "
        f"THEN ALTER TABLE {table} ALTER COLUMN {column} TYPE {change.after}; END IF; END $narrow$"
    )


def _named(name: str | None) -> str:
    return f"CONSTRAINT {quoted(name)} " if name else ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(quoted(name) for name in names)
