"""
What is wanted of a database, and what else in it is the product's: of an older release, or of a later one.

A live database is compared by structure. A key is its set of columns, a foreign key its pairs of columns, an index its
columns in order; names are the server's own business and differ from one database to the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from apim_upgrade.releases import PARTS, Release, catalogue, catalogued_releases, renames, script_of
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import ForeignKey, Index, Schema, Table, fold, is_plain_unique

Identity: TypeAlias = tuple[object, ...]
"""What makes an object of a schema the same in two databases; the first part says what it is."""


def of_table(name: str) -> Identity:
    """The identity of a table."""
    return "table", fold(name)


def of_column(table: str, column: str) -> Identity:
    """The identity of a column."""
    return "column", fold(table), fold(column)


def of_key(table: str, columns: frozenset[str]) -> Identity:
    """The identity of a primary key, unique constraint or plain unique index: all keep the same rows out."""
    return "key", fold(table), columns


def of_foreign_key(table: str, key: ForeignKey) -> Identity:
    """The identity of a foreign key, whatever its rules."""
    pairs = frozenset(zip(map(fold, key.columns), map(fold, key.ref_columns), strict=True))
    return "foreign key", fold(table), fold(key.ref_table), pairs


def of_index(table: str, index: Index) -> Identity:
    """The identity of an index that is no plain unique one."""
    return "index", fold(table), tuple(map(fold, index.columns)), index.unique, index.special


def of_sequence(name: str) -> Identity:
    """The identity of a sequence."""
    return "sequence", fold(name)


def of_function(name: str) -> Identity:
    """The identity of a stored function."""
    return "function", fold(name)


def of_trigger(table: str, name: str) -> Identity:
    """The identity of a trigger."""
    return "trigger", fold(table), fold(name)


def identities(schema: Schema) -> Iterator[Identity]:
    """Every object of a schema."""
    for table in schema.tables.values():
        yield of_table(table.name)
        yield from identities_of(table)
    yield from (of_sequence(name) for name in schema.sequences)
    yield from (of_function(function.name) for function in schema.functions)
    yield from (of_trigger(trigger.table, trigger.name) for trigger in schema.triggers)


def identities_of(table: Table) -> Iterator[Identity]:
    """Every object of a table."""
    yield from (of_column(table.name, column.name) for column in table.columns)
    yield from (of_key(table.name, key) for key in table.unique_keys())
    yield from (of_foreign_key(table.name, key) for key in table.foreign_keys)
    yield from (of_index(table.name, index) for index in table.indexes if not is_plain_unique(index))


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted of one database and what the stock scripts of all releases know besides."""

    kind: str
    release: Release
    part: str
    """What of the product's tables the database holds; see :func:`~apim_upgrade.releases.part_of`."""
    wanted: Schema
    older: frozenset[Identity]
    """Objects of older releases that neither the wanted one nor a later one has."""
    later: frozenset[Identity]
    """Objects that a later release has: updated packs bring some early, and they do no harm."""
    elsewhere: frozenset[Identity]
    """
    Objects of the estate's other databases.

    They may lie in the same one, and a database that was made by a whole script holds them though they are not in use.
    """
    widths: dict[Identity, frozenset[str]]
    """The types that columns had in older releases, under their present names."""


@cache
def target_of(kind: str, release: Release, part: str) -> Target:
    """Return what ``release`` wants of a part of an estate. Raises KnowledgeError when it is not catalogued."""
    wanted = _with_standing_indexes(catalogue(kind, release, part), script_of(part))
    now = set(identities(wanted))
    before: set[Identity] = set()
    after: set[Identity] = set()
    widths: defaultdict[Identity, set[str]] = defaultdict(set)
    for other in catalogued_releases(kind):
        schema = catalogue(kind, other, part)
        (before if other < release else after).update(identities(schema))
        if other < release:
            for table in schema.tables.values():
                for column in table.columns:
                    widths[_present_name(table.name, column.name)].add(column.type)
    every = {
        each
        for other in catalogued_releases(kind)
        for script in PARTS
        for each in identities(catalogue(kind, other, script))
    }
    return Target(
        kind,
        release,
        part,
        wanted,
        frozenset(before - now - after),
        frozenset(after - now),
        frozenset(every - now - before - after),
        {identity: frozenset(types) for identity, types in widths.items()},
    )


def _present_name(table: str, column: str) -> Identity:
    for rename in renames():
        if fold(rename.table) == fold(table) and fold(rename.before) == fold(column):
            return of_column(table, rename.after)
    return of_column(table, column)


def _with_standing_indexes(schema: Schema, script: str) -> Schema:
    tables = dict(schema.tables)
    for entry in read_toml("standing_indexes.toml")["index"]:
        table = schema.table(entry["table"]) if entry["part"] == script else None
        if table is None:
            continue
        index = Index(entry["name"], tuple(entry["columns"]))
        if of_index(table.name, index) not in set(identities_of(table)):
            tables[table.name] = replace(table, indexes=(*table.indexes, index))
    return replace(schema, tables=tables)
