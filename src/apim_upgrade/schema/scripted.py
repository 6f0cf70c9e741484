"""
What Oracle, SQL Server and DB2 have in common as DDL for scripts: every change of a schema as guarded statements.

Constraints are looked up by their columns when the script runs, because there most have names that the server chose.
A column whose type cannot be altered is made anew: a second column takes the converted values and then its name.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Sequence as PlainSequence
from dataclasses import replace
from typing import Protocol

from apim_upgrade.databases.identifiers import Identifiers
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.model import (
    Column,
    ForeignKey,
    Index,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Trigger,
    Unique,
    fold,
)
from apim_upgrade.schema.changes import (
    AddColumn,
    AddForeignKey,
    AddPrimaryKey,
    AddUnique,
    Alteration,
    AlterTable,
    Change,
    ChangeType,
    CreateIndex,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropSequence,
    DropTable,
    DropTrigger,
    Narrow,
    RenameColumn,
    SetDefault,
    SetNullable,
    applied,
)
from apim_upgrade.schema.guarded import Always, ForEach, Guarded, When


class Types(Protocol):
    """What a vendor's module of types can tell; see the ports of these names."""

    def base(self, type_: str, /) -> str:
        """Return a type without its length, under its one name."""
        ...

    def length(self, type_: str, /) -> int | None:
        """Return the length of a sized type, None for others."""
        ...

    def holds(self, live: str, wanted: str, /) -> bool:
        """Say whether a column of one type takes everything that one of another does."""
        ...

    def same_default(self, live: str | None, wanted: str | None, /) -> bool:
        """Say whether two defaults do the same."""
        ...


class ScriptedDdl(ABC):
    """
    The notation of one vendor; see :class:`~apim_upgrade.schema.dialects.Notation`.

    Changes are written as blocks, one a change or alteration, each complete in itself.
    """

    kind: str
    names: Identifiers
    types: Types
    texts: tuple[str, ...]
    """Types of text that may get shorter."""
    size_function: str
    """Gives the length of a value as the length of its type counts it."""
    cascade: str
    """What a column takes along that goes."""
    no_cache: str

    # What types mean

    def holds(self, live: str, wanted: str) -> bool:
        """See the port."""
        return self.types.holds(live, wanted)

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """See the port."""
        base = self.types.base(live)
        return base in self.texts and base == self.types.base(wanted) and self.types.holds(live, wanted)

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """See the port."""
        return self.types.same_default(live, wanted)

    links_need_indexes = False
    joins_need_indexes = False
    changes_extras = False

    # What is written

    def fitted(self, wanted: Schema, live: Schema) -> Schema:
        """As it is."""
        return wanted

    def effect(self, changes: PlainSequence[Change], before: Schema) -> str:
        """Nothing: that is for those to say who run the scripts."""
        return ""

    def ddl(self, change: Change, before: Schema) -> tuple[str, ...]:
        """See :class:`~apim_upgrade.schema.dialects.Notation`."""
        return tuple(self.block(guarded) for guarded in self.guarded(change, before))

    def like(self, new: str, table: Table) -> tuple[str, ...]:
        """See the port."""
        columns = ",\n  ".join(self.column(Column(column.name, column.type, True)) for column in table.columns)
        create = f"CREATE TABLE {self.quoted(new)} (\n  {columns}\n)"
        return (self.block([When.missing(self.table_query(new), create)]),)

    def drop_if_empty(self, table: str) -> tuple[str, ...]:
        """See the port."""
        name = self.quoted(table)
        drop = When.missing(f"SELECT 1 AS HIT FROM {name}", f"DROP TABLE {name}")
        return (self.block([When(self.table_query(table), True, drop)]),)

    def extend_privileges(self, names: Iterable[str]) -> tuple[str, ...]:
        """Nothing: the scripts are run by the owner of the tables, and to whom he grants them is not for a script."""
        return ()

    def giving_numbers(self, schema: Schema, table: Table, columns: Collection[str], statement: str) -> tuple[str, ...]:
        """
        Return what to send for an INSERT that names these columns of a table, in order.

        A column that numbers itself may refuse, or overwrite, the numbers that it is given.
        """
        trigger = next(
            (
                each
                for each in schema.triggers
                if fold(each.table) == fold(table.name) and each.sequence and fold(each.column) in columns
            ),
            None,
        )
        if trigger is not None and not trigger.only_when_null:
            gentle = Always(self.id_trigger(replace(trigger, only_when_null=True), replacing=True))
            return self.block([gentle]), statement
        numbered = next(
            (each for each in table.columns if fold(each.name) in columns and "IDENTITY" in each.extra), None
        )
        return self.with_identity(table, numbered, statement) if numbered is not None else (statement,)

    def guarded(self, change: Change, before: Schema) -> Iterator[list[Guarded]]:
        """Return the blocks of one change, each as its guarded statements."""
        match change:
            case AlterTable(name, alterations):
                for alteration in alterations:
                    yield from self.alteration(_table(before, name), alteration)
                    before = applied(before, [AlterTable(name, (alteration,))])
            case CreateTable(table):
                yield [When.missing(self.table_query(table.name), self.create_table(table))]
            case DropTable(name):
                yield [When.there(self.table_query(name), f"DROP TABLE {self.quoted(name)}")]
            case RenameColumn(name, old, new):
                yield [When.there(self.column_query(name, old), self.rename_column(name, old, new))]
            case Narrow(name, column, _, after):
                yield [self.narrow(_table(before, name), _column(_table(before, name), column), after)]
            case CreateIndex(name, index):
                yield [When.missing(self.index_query(name, index), self.create_index(name, index))]
            case DropIndex(name, index_name):
                gone = Index(index_name, ())
                yield [When.there(self.index_query(name, gone), self.drop_index(name, index_name))]
            case CreateSequence(sequence):
                yield [When.missing(self.sequence_query(sequence.name), self.create_sequence(sequence))]
            case DropSequence(name):
                yield [When.there(self.sequence_query(name), f"DROP SEQUENCE {self.quoted(name)}")]
            case CreateTrigger(trigger):
                yield list(self.create_trigger(trigger))
            case DropTrigger(trigger):
                yield [When.there(self.trigger_query(trigger), f"DROP TRIGGER {self.quoted(trigger.name)}")]
            case _:
                raise KnowledgeError(f"{type(change).__name__} is a change that {self.kind} does not know.")

    def alteration(self, table: Table, alteration: Alteration) -> Iterator[list[Guarded]]:
        """Return the blocks of one alteration of a table as it is before."""
        alter = f"ALTER TABLE {self.quoted(table.name)}"
        match alteration:
            case AddColumn(column):
                yield [When(self.column_query(table.name, column.name), False, self.add_column(table, column))]
            case ChangeType(name, was, after):
                column = _column(table, name)
                if self.types.base(was) == self.types.base(after):
                    yield [self.change_type(table, column, after)]
                else:
                    yield from self.made_anew(table, column, after)
            case SetNullable(name, nullable):
                there = self.null_query(table.name, name, not nullable)
                yield [When.there(there, self.nullable(table, _column(table, name), nullable))]
            case SetDefault(name, default):
                yield list(self.default(table, name, default))
            case DropColumn(name):
                yield list(self.drop_column(table, name))
            case AddPrimaryKey(key):
                add = f"{alter} ADD {self.named(key.name)}PRIMARY KEY ({self.list(key.columns)})"
                yield [When.missing(self.key_query(table.name, key), add)]
            case AddUnique(key):
                add = f"{alter} ADD {self.named(key.name)}UNIQUE ({self.list(key.columns)})"
                yield [When.missing(self.key_query(table.name, key), add)]
            case AddForeignKey(key):
                yield [When.missing(self.key_query(table.name, key), f"{alter} ADD {self.foreign_key(key)}")]
            case DropConstraint(name):
                yield [ForEach(self.key_query(table.name, _constraint(table, name)), f"{alter} DROP CONSTRAINT ")]

    def made_anew(self, table: Table, column: Column, after: str) -> Iterator[list[Guarded]]:
        """Return the blocks that give a column a type that its values have to be converted to."""
        name, new = column.name, f"{column.name}_NEW"
        old, there = self.type_query(table.name, name, column.type), self.column_query(table.name, new)
        both = f"{self.column_query(table.name, name)} AND EXISTS ({there})"
        alter = f"ALTER TABLE {self.quoted(table.name)}"
        add = self.add_column(table, Column(new, after, True))
        yield [When(f"{old} AND NOT EXISTS ({there})", True, add)]
        yield [When.there(both, self.converted(table.name, name, new, after))]
        yield [When.there(both, f"{alter} DROP COLUMN {self.quoted(name)}")]
        alone = f"{there} AND NOT EXISTS ({self.column_query(table.name, name)})"
        yield [When.there(alone, self.rename_column(table.name, new, name))]
        if not column.nullable:
            changed = Column(name, after, True)
            yield [When.there(self.null_query(table.name, name, True), self.nullable(table, changed, False))]

    # Written alike by all of them

    def create_table(self, table: Table) -> str:
        """A table with its keys, without foreign keys and indexes."""
        parts = [self.column(column) for column in table.columns]
        if table.primary_key is not None:
            parts.append(f"{self.named(table.primary_key.name)}PRIMARY KEY ({self.list(table.primary_key.columns)})")
        parts += [f"{self.named(unique.name)}UNIQUE ({self.list(unique.columns)})" for unique in table.unique]
        return f"CREATE TABLE {self.quoted(table.name)} (\n  " + ",\n  ".join(parts) + "\n)"

    def column(self, column: Column) -> str:
        """A column as a table's definition has it."""
        default = "" if column.default is None else f" DEFAULT {column.default}"
        return f"{self.quoted(column.name)} {self.type_of(column)}{default}" + ("" if column.nullable else " NOT NULL")

    def type_of(self, column: Column) -> str:
        """The type that a column gets."""
        return column.type

    def create_index(self, table: str, index: Index) -> str:
        """An index; one without a name gets one of what it is on."""
        parts = ", ".join(part if part in index.expressions else self.quoted(part) for part in index.columns)
        unique = "UNIQUE " if index.unique else ""
        return f"CREATE {unique}INDEX {self.quoted(index_name(table, index))} ON {self.quoted(table)} ({parts})"

    def drop_index(self, table: str, name: str) -> str:
        """An index goes."""
        return f"DROP INDEX {self.quoted(name)}"

    def foreign_key(self, key: ForeignKey) -> str:
        """A foreign key as it is added to a table."""
        return (
            f"{self.named(key.name)}FOREIGN KEY ({self.list(key.columns)}) "
            f"REFERENCES {self.quoted(key.ref_table)} ({self.list(key.ref_columns)}){key.rules}"
        )

    def named(self, name: str | None) -> str:
        """The name of a constraint, where it has one that was not found out by its columns."""
        return f"CONSTRAINT {self.quoted(name)} " if name else ""

    def list(self, names: Iterable[str]) -> str:
        """Columns, in brackets' order."""
        return ", ".join(self.quoted(name) for name in names)

    def quoted(self, name: str) -> str:
        """An identifier, quoted only where it has to be."""
        return self.names.quoted(name)

    def rename_column(self, table: str, before: str, after: str) -> str:
        """Another name for a column."""
        return f"ALTER TABLE {self.quoted(table)} RENAME COLUMN {self.quoted(before)} TO {self.quoted(after)}"

    def change_type(self, table: Table, column: Column, after: str) -> Guarded:
        """Another type for a column, in place, unless it holds that already."""
        alter = self.alter_type(table, column, after)
        if self.types.length(after) is None:
            return Always(alter)
        return When.there(self.length_query(table.name, column.name, after, longer=False), alter)

    def narrow(self, table: Table, column: Column, after: str) -> Guarded:
        """A shorter type, if every value fits."""
        size = f"{self.size_function}({self.quoted(column.name)})"
        too_long = f"SELECT 1 AS HIT FROM {self.quoted(table.name)} WHERE {size} > {self.types.length(after)}"
        fits = When.missing(too_long, self.alter_type(table, column, after))
        return When(self.length_query(table.name, column.name, after, longer=True), True, fits)

    def drop_column(self, table: Table, column: str) -> Iterator[Guarded]:
        """A column goes with the keys and indexes it is part of."""
        drop = f"ALTER TABLE {self.quoted(table.name)} DROP COLUMN {self.quoted(column)}{self.cascade}"
        yield When.there(self.column_query(table.name, column), drop)

    def create_sequence(self, sequence: Sequence) -> str:
        """A new sequence; how many numbers it holds ready is left to the server where it is not stated."""
        cache = f" {self.no_cache}" if sequence.cache == 0 else f" CACHE {sequence.cache}" if sequence.cache else ""
        return (
            f"CREATE SEQUENCE {self.quoted(sequence.name)} "
            f"START WITH {sequence.start} INCREMENT BY {sequence.increment}{cache}"
        )

    # What every vendor writes in its own way

    @abstractmethod
    def alter_type(self, table: Table, column: Column, after: str) -> str:
        """Another type of the same kind for a column."""

    @abstractmethod
    def length_query(self, table: str, column: str, type_: str, *, longer: bool) -> str:
        """Finds the column if it is longer, or shorter, than a type of its kind."""

    @abstractmethod
    def refuse_unless(self, query: str, message: str) -> str:
        """A block that ends the script with a message unless a query finds a row."""

    @abstractmethod
    def id_trigger(self, trigger: Trigger, *, replacing: bool = False) -> str:
        """The statement for a trigger that draws a number from a sequence."""

    @abstractmethod
    def with_identity(self, table: Table, column: Column, statement: str) -> tuple[str, ...]:
        """An INSERT that gives an identity column its numbers."""

    @abstractmethod
    def block(self, guarded: Iterable[Guarded]) -> str:
        """One block of the vendor's language, to be sent as a whole."""

    @abstractmethod
    def table_query(self, table: str) -> str:
        """Finds the table."""

    @abstractmethod
    def column_query(self, table: str, column: str) -> str:
        """Finds the column; conditions can be added with AND."""

    @abstractmethod
    def type_query(self, table: str, column: str, type_: str) -> str:
        """Finds the column if it still has this kind of type; conditions can be added with AND."""

    @abstractmethod
    def null_query(self, table: str, column: str, nullable: bool) -> str:
        """Finds the column if it may (or may not) be NULL."""

    @abstractmethod
    def key_query(self, table: str, key: PrimaryKey | Unique | ForeignKey) -> str:
        """Gives the name of every such constraint of exactly these columns."""

    @abstractmethod
    def index_query(self, table: str, index: Index) -> str:
        """Finds the index."""

    @abstractmethod
    def sequence_query(self, name: str) -> str:
        """Finds the sequence."""

    @abstractmethod
    def trigger_query(self, trigger: Trigger) -> str:
        """Finds the trigger."""

    @abstractmethod
    def add_column(self, table: Table, column: Column) -> Guarded:
        """A new column, with its default in the rows that are there."""

    @abstractmethod
    def converted(self, table: str, column: str, into: str, type_: str) -> str:
        """The statement that writes the converted values of a column into another."""

    @abstractmethod
    def nullable(self, table: Table, column: Column, nullable: bool) -> str:
        """Whether a column may be NULL."""

    @abstractmethod
    def default(self, table: Table, column: str, default: str | None) -> Iterator[Guarded]:
        """The default of a column; None takes it away."""

    @abstractmethod
    def create_trigger(self, trigger: Trigger) -> Iterator[Guarded]:
        """A new trigger."""


def index_name(table: str, index: Index) -> str:
    """The name that an index gets: its own, or one made of what it is on."""
    if index.name is not None:
        return index.name
    on = f"{fold(table)}({','.join(map(fold, index.columns))})"
    return "APIM_IX_" + hashlib.sha256(on.encode()).hexdigest()[:16].upper()


def text_literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def same_columns(column: str, names: Iterable[str]) -> str:
    """The HAVING condition for groups of exactly these columns, in any order."""
    wanted = sorted({name.upper() for name in names})
    listed = ", ".join(text_literal(name) for name in wanted)
    return f"COUNT(*) = {len(wanted)} AND COUNT(CASE WHEN {column} IN ({listed}) THEN 1 END) = {len(wanted)}"


def _constraint(table: Table, name: str) -> PrimaryKey | Unique | ForeignKey:
    for key in (table.primary_key, *table.unique, *table.foreign_keys):
        if key is not None and key.name == name:
            return key
    raise KnowledgeError(f"There is no constraint {name} of table {table.name} to drop.")


def _table(schema: Schema, name: str) -> Table:
    table = schema.table(name)
    if table is None:
        raise KnowledgeError(f"There is no table {name} to alter.")
    return table


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise KnowledgeError(f"There is no column {table.name}.{name} to alter.")
    return column
