"""
What a release's schema has to be on one database of MySQL or MariaDB.

The stock scripts are made for latin1. A live database has the character sets and collations that it was made with,
perhaps time stamps of an old server, and names in another case; all of it is kept. What follows from that is worked
into the wanted schema here, so that comparison and changes need not know of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from apim_upgrade.releases import renames
from apim_upgrade.releases.model import Column, ForeignKey, Index, PrimaryKey, Schema, Table, Unique, fold
from apim_upgrade.schema.mysql.types import KEY_LIMIT, NOW, OLD_PART_LIMIT, bytes_a_character, has_charset, key_bytes

_ZERO = "'0000-00-00 00:00:00'"
_SHORTEST = 64
"""Characters that a shortened part of a key keeps at least: less would call different values the same."""
_TELLS_CASE = ("_bin", "_cs", "_as_cs", "binary")
Collation: TypeAlias = tuple[str, str]
"""Character set and collation."""
Prefix: TypeAlias = tuple[tuple[str, int], ...]


def fitted(wanted: Schema, live: Schema) -> Schema:
    """Return the wanted schema as the live database can have it without anything of it being converted."""
    usual = _usual(table for table in live.tables.values() if wanted.table(table.name) is not None)
    tables = {name: _with_columns(table, live.table(name), usual) for name, table in wanted.tables.items()}
    tables = _with_equal_ends(tables, live)
    return replace(wanted, tables={name: _with_keys(table, live) for name, table in tables.items()})


def tells_case(collation: str) -> bool:
    """Say whether a collation tells upper case from lower case."""
    return collation.endswith(_TELLS_CASE)


def _usual(tables: Iterable[Table]) -> Collation | None:
    """The collation of most text columns; None where there is none to go by, and the database's own is right."""
    counted = Counter(
        (column.charset, column.collation) for table in tables for column in table.columns if column.collation
    )
    return max(sorted(counted), key=lambda pair: counted[pair], default=None)


def _with_columns(table: Table, found: Table | None, usual: Collation | None) -> Table:
    own = (_usual([found]) if found is not None else None) or usual
    return replace(table, columns=tuple(_column(column, _present(found, column.name), own) for column in table.columns))


def _present(found: Table | None, name: str) -> Column | None:
    """The live column, under the name it has before it is renamed too."""
    if found is None:
        return None
    before = (
        each.before for each in renames() if (fold(each.table), fold(each.after)) == (fold(found.name), fold(name))
    )
    return next(filter(None, map(found.column, (name, *before))), None)


def _column(wanted: Column, live: Column | None, usual: Collation | None) -> Column:
    if has_charset(wanted.type):
        wanted = _with_collation(wanted, live, usual)
    return _with_timestamp(wanted, live) if live is not None else wanted


def _with_collation(wanted: Column, live: Column | None, usual: Collation | None) -> Column:
    if live is not None and live.collation:
        if not wanted.collation or tells_case(live.collation):
            return replace(wanted, charset=live.charset, collation=live.collation)
        # A release that names a collation wants case told apart; that can be had in the set that is there.
        same = live.charset == wanted.charset
        return replace(wanted, charset=live.charset, collation=wanted.collation if same else f"{live.charset}_bin")
    if wanted.collation or usual is None:
        return wanted
    return replace(wanted, charset=usual[0], collation=usual[1])


def _with_timestamp(wanted: Column, live: Column) -> Column:
    """Servers with explicit_defaults_for_timestamp = OFF add to such columns what nobody wrote; it does no harm."""
    if not wanted.type.startswith("timestamp") or live.type != wanted.type:
        return wanted
    if not wanted.extra:
        wanted = replace(wanted, extra=live.extra)
    if live.nullable:
        return wanted
    more = live.default in (NOW, _ZERO) if wanted.default is None else live.default == NOW
    return replace(wanted, nullable=False, default=live.default if more else wanted.default)


def _with_equal_ends(tables: dict[str, Table], live: Schema) -> dict[str, Table]:
    """New columns of a foreign key have the collation of what they refer to; the server refuses any other."""
    while True:
        changed = {name: _like_parents(table, tables, live) for name, table in tables.items()}
        if changed == tables:
            return tables
        tables = changed


def _like_parents(table: Table, tables: dict[str, Table], live: Schema) -> Table:
    found = live.table(table.name)
    for key in table.foreign_keys:
        parent = live.table(key.ref_table) or tables.get(key.ref_table)
        for name, ref in zip(key.columns, key.ref_columns, strict=True):
            there = (parent.column(ref) if parent is not None else None) or tables[key.ref_table].column(ref)
            if there is None or not there.collation or _present(found, name) is not None:
                continue
            columns = tuple(
                replace(column, charset=there.charset, collation=there.collation)
                if fold(column.name) == fold(name)
                else column
                for column in table.columns
            )
            table = replace(table, columns=columns)
    return table


def _with_keys(table: Table, live: Schema) -> Table:
    found = live.table(table.name)
    modern = found is None or found.storage.split(" ")[-1].lower() not in ("compact", "redundant")
    part = KEY_LIMIT if modern else OLD_PART_LIMIT
    primary = table.primary_key
    return replace(
        table,
        primary_key=primary and replace(primary, prefix=_short_enough(table, primary, part)),
        unique=tuple(replace(key, prefix=_short_enough(table, key, part)) for key in table.unique),
        foreign_keys=tuple(_to_real_name(key, live) for key in table.foreign_keys),
        indexes=tuple(
            replace(index, prefix=_short_enough(table, index, part)) for index in _needed(table.indexes, found)
        ),
    )


def _needed(indexes: Iterable[Index], found: Table | None) -> Iterator[Index]:
    """The server makes indexes for foreign keys by itself, and only where no other index does."""
    there = {tuple(map(fold, index.columns)) for index in found.indexes} if found is not None else set()
    return (index for index in indexes if not index.implied_by_fk or tuple(map(fold, index.columns)) in there)


def _to_real_name(key: ForeignKey, live: Schema) -> ForeignKey:
    parent = live.table(key.ref_table)
    return key if parent is None else replace(key, ref_table=parent.name)


def _short_enough(table: Table, key: PrimaryKey | Unique | Index, part: int) -> Prefix:
    """The lengths at which the key fits: the longest column gives way first, and keeps enough to tell values apart."""
    lengths = {fold(name): size for name, size in key.prefix}
    columns = {fold(name): column for name in key.columns if (column := table.column(name)) is not None}
    for name, column in columns.items():
        if key_bytes(column, lengths.get(name)) > part:
            lengths[name] = part // bytes_a_character(column.charset)
    while True:
        sizes = {name: key_bytes(column, lengths.get(name)) for name, column in columns.items()}
        surplus = sum(sizes.values()) - KEY_LIMIT
        texts = [name for name, column in columns.items() if has_charset(column.type)]
        longest = max(texts, key=lambda name: sizes[name], default=None)
        if surplus <= 0 or longest is None:
            break
        each = bytes_a_character(columns[longest].charset)
        shorter = max((sizes[longest] - surplus) // each, _SHORTEST)
        if shorter >= sizes[longest] // each:
            break
        lengths[longest] = shorter
    return tuple((name, lengths[fold(name)]) for name in key.columns if fold(name) in lengths)
