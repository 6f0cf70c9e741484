"""
Writes changes of a schema as DDL for MySQL and MariaDB.

Every statement commits by itself, so each is a unit: after a crash the rest is composed again from what the schema has
become. What the server can do in one pass over a table stands in one statement. Each asks for the way that
:mod:`~apim_upgrade.schema.mysql.online` foretells, so that no server takes a harder one unasked; what comes after a
refusal is the session's to know (:mod:`~apim_upgrade.databases.mysql.algorithms`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.model import (
    Column,
    Expression,
    ForeignKey,
    Index,
    PrimaryKey,
    Schema,
    SeedRow,
    Table,
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
    CreateTable,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropTable,
    Narrow,
    RenameColumn,
    SetCollation,
    SetDefault,
    SetExtra,
    SetNullable,
    altered,
)
from apim_upgrade.schema.mysql.online import clause, passes
from apim_upgrade.schema.mysql.types import NOW, has_charset, is_binary, length

_SERVERS_NAME = re.compile(r"_ibfk_\d+$", re.IGNORECASE)
_NAME_LENGTH = 64
_VARIABLE = "@apim_upgrade"
_UNICODE = ("utf8", "utf8mb3", "utf8mb4")


def quoted(name: str) -> str:
    """Return an identifier as it may stand in a statement, whatever the server's sql_mode."""
    return "`" + name.replace("`", "``") + "`"


def literal(value: str | int | bool | Expression | None) -> str:
    """Return a value of a seed row as SQL."""
    match value:
        case None:
            return "NULL"
        case Expression(sql):
            return sql
        case bool() | int():
            return str(int(value))
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def ddl(change: Change, before: Schema) -> tuple[str, ...]:
    """Return the statements for one change. Raises KnowledgeError for what MySQL's catalogues never ask for."""
    match change:
        case AlterTable(table, alterations):
            return tuple(_alter(_found(before, table), alterations, before))
        case CreateTable(table):
            return (_create_table(table, _implicit(before)),)
        case DropTable(table):
            return (f"DROP TABLE IF EXISTS {quoted(table)}",)
        case RenameColumn(table, name, after):
            column = _column_of(_found(before, table), name)
            renamed = _changed(name, replace(column, name=after), _implicit(before))
            return (_alter_table(table, [renamed], clause(change, before)),)
        case Narrow(table, name, _, after):
            column = replace(_column_of(_found(before, table), name), type=after)
            statement = _alter_table(table, [_changed(name, column, _implicit(before))])
            longer = f"EXISTS (SELECT 1 FROM {quoted(table)} WHERE CHAR_LENGTH({quoted(name)}) > {length(after)})"
            return tuple(_unless(longer, statement))
        case CreateIndex(table, index):
            # InnoDB makes the index for a foreign key with the key.
            if index.implied_by_fk:
                return ()
            return (_alter_table(table, [f"ADD {_index(index)}"], clause(change, before)),)
        case DropIndex(table, name):
            return (_alter_table(table, [f"DROP INDEX {quoted(name)}"], clause(change, before)),)
        case _:
            raise KnowledgeError(f"MySQL has no {type(change).__name__}.")


def insert(table: str, row: SeedRow) -> str:
    """Return the statement that writes one seed row."""
    return f"INSERT INTO {quoted(table)} ({_list(row)}) VALUES ({', '.join(literal(value) for value in row.values())})"


def like(new: str, table: Table) -> str:
    """Return the statement that makes a table for rows of another: its columns, and an index where it has its key."""
    columns = [
        replace(column, nullable=True, default=None, extra="")
        for column in table.columns
        if column.extra != "generated"
    ]
    key = table.primary_key
    extra = [f"INDEX ({_parts(key.columns, key.prefix)})"] if key is not None else []
    return _create_table(Table(new, tuple(columns)), implicit=False, extra=extra)


def drop_if_empty(table: str) -> tuple[str, ...]:
    """Return the statements that drop a table that has no row, and do nothing where it is not there."""
    there = (
        "SELECT COUNT(*) FROM information_schema.tables "
        f"WHERE table_schema = DATABASE() AND table_name = {literal(table)}"
    )
    look = f"SELECT EXISTS (SELECT 1 FROM {quoted(table)}) INTO {_VARIABLE}_rows"
    return (
        f"SET {_VARIABLE}_rows = 1",
        *_unless(f"({there}) = 0", look),
        *_unless(f"{_VARIABLE}_rows", f"DROP TABLE {quoted(table)}"),
    )


def _unless(condition: str, statement: str) -> Iterator[str]:
    """The statement, if the condition does not hold when it is its turn; the server decides, no step in between."""
    yield f"SET {_VARIABLE} = (SELECT IF({condition}, 'DO 0', {literal(statement)}))"
    yield f"PREPARE apim_upgrade FROM {_VARIABLE}"
    yield "EXECUTE apim_upgrade"
    yield "DEALLOCATE PREPARE apim_upgrade"


def _alter(live: Table, alterations: Sequence[Alteration], before: Schema) -> Iterator[str]:
    """Foreign keys go first and come last, because the server refuses to drop and add one of a name at once."""
    links = {key.name for key in live.foreign_keys}
    implicit = _implicit(before)
    after = live
    for alteration in alterations:
        after = altered(after, alteration)
    alterations = (*_indexes_left(live, alterations), *alterations)
    old = [each for each in alterations if isinstance(each, DropConstraint) and each.name in links]
    new = [each for each in alterations if isinstance(each, AddForeignKey)]
    rest = [each for each in alterations if each not in old and each not in new]

    def asked(some: Sequence[Alteration], clauses: list[str]) -> Iterator[str]:
        if clauses:
            yield _alter_table(live.name, clauses, clause(AlterTable(live.name, tuple(some)), before))

    yield from _as_unicode(live, after, alterations, implicit)
    yield from asked(old, [f"DROP FOREIGN KEY {quoted(each.name)}" for each in old])
    for some in passes(live, rest, before):
        yield from asked(some, [*_drops(live, some), *_columns(after, some, implicit), *_adds(some)])
    yield from asked(new, [f"ADD {_foreign_key(_with_free_name(each.key, live, before))}" for each in new])


def _indexes_left(live: Table, alterations: Sequence[Alteration]) -> Iterator[DropConstraint]:
    """Keys and indexes of dropped columns: one would go on without the column, and hold what nobody asked for."""
    gone = {fold(each.column) for each in alterations if isinstance(each, DropColumn)}
    named = {each.name for each in alterations if isinstance(each, DropConstraint)}
    for owner in _keys(live):
        if owner.name and owner.name not in named and any(fold(column) in gone for column in owner.columns):
            yield DropConstraint(owner.name)


def _as_unicode(live: Table, after: Table, alterations: Sequence[Alteration], implicit: bool) -> Iterator[str]:
    """Text that becomes bytes, or was: MySQL keeps those of the column's character set, the product reads UTF-8."""
    clauses = []
    for alteration in alterations:
        if isinstance(alteration, ChangeType) and is_binary(alteration.after) != is_binary(alteration.before):
            column = _column_of(live, alteration.column)
            text = _column_of(after, alteration.column) if is_binary(alteration.before) else column
            if has_charset(text.type) and text.charset not in _UNICODE:
                text = replace(column, type="longtext", charset="utf8mb4", collation="", default=None)
                clauses.append(_changed(column.name, text, implicit))
    if clauses:
        yield _alter_table(live.name, clauses)


def _keys(table: Table) -> Iterator[Unique | Index]:
    yield from table.unique
    yield from table.indexes


def _drops(live: Table, alterations: Sequence[Alteration]) -> Iterator[str]:
    names = {each.name for each in alterations if isinstance(each, DropConstraint)}
    primary = live.primary_key
    if primary is not None and primary.name in names:
        yield "DROP PRIMARY KEY"
    for owner in _keys(live):
        if owner.name in names:
            yield f"DROP INDEX {quoted(owner.name)}"
    yield from (f"DROP COLUMN {quoted(each.column)}" for each in alterations if isinstance(each, DropColumn))


def _columns(after: Table, alterations: Sequence[Alteration], implicit: bool) -> Iterator[str]:
    """Each changed column once: MODIFY states all of it."""
    for alteration in alterations:
        if isinstance(alteration, AddColumn):
            yield f"ADD COLUMN {_column(alteration.column, implicit)}"
    touched: dict[str, list[Alteration]] = {}
    for alteration in alterations:
        if isinstance(alteration, ChangeType | SetNullable | SetDefault | SetExtra | SetCollation):
            touched.setdefault(alteration.column, []).append(alteration)
    for name, changes in touched.items():
        column = _column_of(after, name)
        if all(isinstance(change, SetDefault) for change in changes) and not _is_clock(column.default):
            yield f"ALTER COLUMN {quoted(name)} {_new_default(column)}"
        else:
            yield f"MODIFY COLUMN {_column(column, implicit)}"


def _new_default(column: Column) -> str:
    if column.default is not None:
        return f"SET DEFAULT {column.default}"
    # Without any default an INSERT has to name the column, even one that may be NULL.
    return "SET DEFAULT NULL" if column.nullable else "DROP DEFAULT"


def _is_clock(default: str | None) -> bool:
    return default is not None and default.startswith(NOW)


def _adds(alterations: Sequence[Alteration]) -> Iterator[str]:
    for alteration in alterations:
        match alteration:
            case AddPrimaryKey(key):
                yield f"ADD {_primary(key)}"
            case AddUnique(key):
                yield f"ADD {_unique(key)}"
            case _:
                pass


def _alter_table(table: str, clauses: Iterable[str], asking: str = "") -> str:
    return f"ALTER TABLE {quoted(table)} " + ", ".join(clauses) + asking


def _changed(name: str, column: Column, implicit: bool) -> str:
    # CHANGE and not RENAME COLUMN: every server knows it.
    return f"CHANGE COLUMN {quoted(name)} {_column(column, implicit)}"


def _create_table(table: Table, implicit: bool, extra: Iterable[str] = ()) -> str:
    parts = [_column(column, implicit) for column in table.columns]
    if table.primary_key is not None:
        parts.append(_primary(table.primary_key))
    parts += [*(_unique(unique) for unique in table.unique), *extra]
    text = f"CREATE TABLE IF NOT EXISTS {quoted(table.name)} (\n  " + ",\n  ".join(parts) + "\n) ENGINE=InnoDB"
    collations = Counter((column.charset, column.collation) for column in table.columns if column.collation)
    if len(collations) > 0 and all(column.collation for column in table.columns if has_charset(column.type)):
        (charset, collation), _ = collations.most_common(1)[0]
        text += f" DEFAULT CHARACTER SET {charset} COLLATE {collation}"
    return text


def _column(column: Column, implicit: bool) -> str:
    words = [quoted(column.name), column.type]
    if column.charset and has_charset(column.type):
        words.append(f"CHARACTER SET {column.charset}")
        if column.collation:
            words.append(f"COLLATE {column.collation}")
    words.append("NULL" if column.nullable else "NOT NULL")
    default = column.default
    if column.type.startswith("timestamp") and default is None:
        # A server that gives such columns defaults of its own has to be told not to, or gives one that it refuses.
        default = "NULL" if column.nullable else NOW if implicit else None
    if default is not None:
        words.append(f"DEFAULT {default}")
    if column.extra:
        words.append(column.extra.upper())
    return " ".join(words)


def _primary(key: PrimaryKey) -> str:
    return f"PRIMARY KEY ({_parts(key.columns, key.prefix)})"


def _unique(key: Unique) -> str:
    return f"UNIQUE KEY {quoted(key.name) + ' ' if key.name else ''}({_parts(key.columns, key.prefix)})"


def _index(index: Index) -> str:
    name = f"{quoted(index.name)} " if index.name else ""
    return f"{'UNIQUE ' if index.unique else ''}INDEX {name}({_parts(index.columns, index.prefix)})"


def _parts(columns: Iterable[str], prefix: Iterable[tuple[str, int]]) -> str:
    lengths = {fold(name): size for name, size in prefix}
    return ", ".join(quoted(name) + (f"({lengths[fold(name)]})" if fold(name) in lengths else "") for name in columns)


def _with_free_name(key: ForeignKey, table: Table, before: Schema) -> ForeignKey:
    """
    A name that a server made is left to the server, which then names the index for it as in a stock database.

    It goes on behind the names of the table that are spelled like the table, and fails where the next one is taken:
    by another table, as names are one space in a database, or by this one in another case.
    """
    if key.name and not _SERVERS_NAME.search(key.name):
        return key
    beginning = f"{table.name}_ibfk_"
    names = {link.name for other in before.tables.values() for link in other.foreign_keys if link.name}
    own = {link.name for link in table.foreign_keys if link.name and link.name.startswith(beginning)}
    if not any(name.lower().startswith(beginning.lower()) for name in names - own):
        return replace(key, name=None)
    return replace(key, name=f"{beginning}{'_'.join(key.columns)}"[:_NAME_LENGTH])


def _foreign_key(key: ForeignKey) -> str:
    name = f"CONSTRAINT {quoted(key.name)} " if key.name else ""
    target = f"{quoted(key.ref_table)} ({_list(key.ref_columns)})"
    return f"{name}FOREIGN KEY ({_list(key.columns)}) REFERENCES {target}{key.rules}"


def _found(before: Schema, name: str) -> Table:
    found = before.table(name)
    if found is None:
        raise KnowledgeError(f"There is no table {name} to change.")
    return found


def _column_of(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise KnowledgeError(f"There is no column {table.name}.{name} to change.")
    return column


def _implicit(schema: Schema) -> bool:
    return schema.server is not None and schema.server.implicit_timestamps


def _list(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))
