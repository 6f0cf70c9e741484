"""Foretells how a server carries out a change: at once, beside those who use the table, or while they wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cache

from apim_upgrade.databases.mysql.algorithms import ANY, COPIED, IN_PLACE, INSTANT, NOT_REBUILT, READ_ONLY
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import AUTO_INCREMENT, Column, Schema, Table
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
    DropColumn,
    DropConstraint,
    DropIndex,
    Narrow,
    RenameColumn,
    SetCollation,
    SetDefault,
    SetExtra,
    SetNullable,
)
from apim_upgrade.schema.mysql.types import base, key_bytes
from apim_upgrade.schema.mysql.versions import Version

_ONE_BYTE = 255
_SHORT = 127
_WORTH_TELLING = 10_000
"""Rows of a table from which on somebody may notice."""


class Way(IntEnum):
    """How a table is changed; a higher one is harder on those who use it."""

    INSTANT = 0
    AT_ONCE = 1
    INDEX = 2
    IN_PLACE = 3
    READ_ONLY = 4
    COPY = 5
    COPY_ASKED = 6


_WORDS = {
    Way.INSTANT: "is changed at once",
    Way.AT_ONCE: "is changed at once",
    Way.INDEX: "gets an index while others read and write",
    Way.IN_PLACE: "is rebuilt while others read and write",
    Way.READ_ONLY: "is rebuilt, nobody can write meanwhile",
    Way.COPY: "is copied, nobody can write meanwhile",
    Way.COPY_ASKED: "is copied, nobody can write meanwhile",
}
_CLAUSES = {
    Way.INSTANT: INSTANT,
    Way.AT_ONCE: IN_PLACE,
    Way.INDEX: IN_PLACE,
    Way.IN_PLACE: IN_PLACE,
    Way.READ_ONLY: READ_ONLY,
    Way.COPY: ANY,
    Way.COPY_ASKED: COPIED,
}
_KNOWS_NOCOPY = "10.3.7"


def effect(changes: Sequence[Change], before: Schema) -> str:
    """Say in words what changes of one table mean for its users, worst first; nothing where the table is small."""
    for change in changes:
        if not isinstance(change, AlterTable | RenameColumn | Narrow | CreateIndex | DropIndex):
            continue
        size = before.sizes.get(change.table)
        if size is None or size.rows < _WORTH_TELLING:
            return ""
        worst = max(way(each, before) for each in changes)
        asked = _asked(worst, before).removeprefix(", ")
        table = f"the table of about {size.rows:,} rows ({size.bytes / 1e6:,.0f} MB)"
        return f"{table} {_WORDS[worst]}{asked and f': {asked}'}"
    return ""


def way(change: Change, before: Schema) -> Way:
    """Return the hardest way that one of the statements of a change takes on the schema's server."""
    version = _version(before)
    if version is None:
        return Way.COPY
    return max((_easiest(name, version) for name in _names(change, before)), default=Way.INSTANT)


def clause(change: Change, before: Schema) -> str:
    """
    Return what a statement for a change ends with: it makes the server refuse every way harder than what is foretold.

    A change that is foretold to copy asks for nothing, because the server may know better; but where some servers know
    a quicker way that is wrong, it asks for the copy.
    """
    return _asked(way(change, before), before)


def _asked(foretold: Way, before: Schema) -> str:
    version = _version(before)
    if version is not None and version.reaches("", _KNOWS_NOCOPY) and foretold in (Way.AT_ONCE, Way.INDEX):
        return NOT_REBUILT
    return _CLAUSES[foretold]


def passes(live: Table, alterations: Sequence[Alteration], before: Schema) -> Iterator[tuple[Alteration, ...]]:
    """
    Share alterations of a table out among statements.

    One pass over the rows is enough for all that needs one. But where none does, each statement asks for one way only:
    a server that is to do an instant change and a quick one of another kind at once rebuilds the table.
    """
    version = _version(before)
    ways: dict[object, Way] = {}
    for each in alterations:
        least = Way.COPY if version is None else _easiest(_name(live, each, alterations), version)
        ways[_subject(each)] = max(ways.get(_subject(each), Way.INSTANT), least)
    if max(ways.values(), default=Way.COPY) > Way.INDEX:
        yield tuple(alterations)
        return
    for wanted in (Way.AT_ONCE, Way.INSTANT, Way.INDEX):
        if some := tuple(each for each in alterations if ways[_subject(each)] is wanted):
            yield some


def _subject(alteration: Alteration) -> object:
    """What a statement has to state whole: a column that is there, or the alteration itself."""
    match alteration:
        case ChangeType(name) | SetNullable(name) | SetDefault(name) | SetExtra(name) | SetCollation(name):
            return name
        case _:
            return alteration


def _version(schema: Schema) -> Version | None:
    return Version.parse(schema.server.version) if schema.server is not None else None


def _names(change: Change, before: Schema) -> Iterator[str]:
    """The parts of a change as the table of knowledge calls them."""
    match change:
        case AlterTable(name, alterations):
            live = before.table(name)
            assert live is not None  # noqa: S101 - changes are made of the schema
            yield from (_name(live, alteration, alterations) for alteration in alterations)
        case RenameColumn():
            yield "rename column"
        case Narrow():
            yield "change type"
        case CreateIndex():
            yield "add index"
        case DropIndex():
            yield "drop index"
        case _:
            return


def _name(live: Table, alteration: Alteration, beside: Sequence[Alteration]) -> str:
    match alteration:
        case AddColumn(column):
            return "add numbered column" if column.extra == AUTO_INCREMENT else "add column"
        case DropColumn():
            return "drop column"
        case SetDefault():
            return "set default"
        case SetNullable(_, nullable):
            return "allow null" if nullable else "forbid null"
        case SetExtra(_, extra):
            return "change type" if extra == AUTO_INCREMENT else "set what a column does by itself"
        case SetCollation():
            return "change collation"
        case AddPrimaryKey():
            return "add primary key"
        case AddUnique():
            return "add index"
        case AddForeignKey():
            return "add foreign key"
        case DropConstraint(name):
            return _dropped(live, name, beside)
        case ChangeType(name, _, after):
            found = live.column(name)
            return _changed(found, after) if found is not None else "change type"


def _dropped(live: Table, name: str, beside: Sequence[Alteration]) -> str:
    if any(key.name == name for key in live.foreign_keys):
        return "drop foreign key"
    if live.primary_key is None or live.primary_key.name != name:
        return "drop index"
    return "drop index" if any(isinstance(each, AddPrimaryKey) for each in beside) else "drop primary key"


def _changed(live: Column, after: str) -> str:
    new = Column(live.name, after, live.nullable, charset=live.charset)
    if base(live.type) != "varchar" or base(after) != "varchar" or key_bytes(new, None) < key_bytes(live, None):
        return "change type"
    if not key_bytes(live, None) <= _ONE_BYTE < key_bytes(new, None):
        return "lengthen text"
    return f"lengthen {'short ' if key_bytes(live, None) <= _SHORT else ''}text beyond 255 bytes"


def _easiest(name: str, version: Version) -> Way:
    ways = _knowledge()[name]["mariadb" if version.is_mariadb else "mysql"]
    open_to = (way for way, since in ways if not since or version.reaches(since, since))
    return min(open_to, default=Way.COPY)


@cache
def _knowledge() -> dict[str, dict[str, tuple[tuple[Way, str], ...]]]:
    return {
        entry["name"]: {
            kind: tuple((Way[way.upper().replace("-", "_")], since) for way, since in entry[kind].items())
            for kind in ("mysql", "mariadb")
        }
        for entry in read_toml("mysql_online_ddl.toml")["change"]
    }
