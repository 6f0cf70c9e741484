"""
Shapes of databases on Oracle, SQL Server and DB2: as the stock script makes them, or as an answer says.

The answer is that of one query, which the tool asks itself (:func:`live_shape`) or a DBA for it (:func:`question`). It
gives one text a row, ``APIM|what|field|field…``, whatever the vendor. So it survives being copied out of any client,
with whatever the client prints around it. In a field ``\\p`` stands for ``|``, ``\\n`` and ``\\r`` for the ends of
lines, ``\\\\`` for a backslash.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Row
from dataclasses import dataclass, replace
from types import ModuleType
from typing import TypeVar

from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.errors import EstateError
from apim_upgrade.releases import Release, catalogue
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
from apim_upgrade.schema.db2 import dictionary as db2
from apim_upgrade.schema.mssql import dictionary as mssql
from apim_upgrade.schema.oracle import dictionary as oracle

_Key = TypeVar("_Key", PrimaryKey, Unique, ForeignKey)
_DICTIONARIES: dict[str, ModuleType] = {"oracle": oracle, "mssql": mssql, "db2": db2}
_FORM = "1"
_MARK = "APIM|"
_FIELDS = {"H": 2, "T": 1, "C": 7, "K": 5, "F": 8, "I": 6, "S": 2, "G": 3}
"""What a line may begin with, and how many fields follow."""
_INCLUDED, _EXPRESSION = "I", "E"


def stock_shape(kind: str, release: Release, part: str) -> Schema:
    """
    Return what the stock script of a release makes, every constraint with a name.

    Most have names that the server chose. Here they are called by what they are on; scripts look the real ones up.
    """
    stock = catalogue(kind, release, part)
    return replace(stock, tables={name: _named(table) for name, table in stock.tables.items()}, seed_rows={})


def question(kind: str) -> str:
    """Return the query that a DBA runs on a database, with how to run it as comments."""
    dictionary = _DICTIONARIES[kind]
    about = (
        "The shape of a database: tables, columns, keys, indexes, sequences, triggers; no data.",
        "Run it as the owner of the tables, once on each of the two databases, and keep every line of the answers.",
        *dictionary.HOW,
    )
    remarks = [f"-- {line}" for line in about]
    return "\n".join([*remarks, *dictionary.BEFORE, dictionary.QUESTION.rstrip(), dictionary.END]) + "\n"


def live_shape(kind: str, ask: Callable[[str], Iterable[Row[str]]], where: str) -> Schema:
    """Return the shape of a database that is open: ``ask`` runs a query and yields its rows."""
    return _read(kind, (row[0] for row in ask(_DICTIONARIES[kind].QUESTION)), where)


def read_answer(kind: str, text: str, where: str) -> Schema:
    """Return the shape that an answer tells. Raises EstateError when it is none, of another DBMS, or cut off."""
    return _read(kind, text.splitlines(), where)


def _read(kind: str, answer: Iterable[str], where: str) -> Schema:
    lines = _Lines(where)
    for number, line in enumerate(answer, 1):
        lines.take(number, line)
    return lines.schema(kind)


@dataclass(frozen=True, slots=True)
class _Part:
    """One column of a key or index, at its place."""

    position: int
    fields: tuple[str, ...]


class _Lines:
    """What the lines of an answer have said so far."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._heads: list[tuple[str, ...]] = []
        self._tables: list[str] = []
        self._columns: defaultdict[str, list[Column]] = defaultdict(list)
        self._keys: defaultdict[tuple[str, str, str], list[_Part]] = defaultdict(list)
        self._links: defaultdict[tuple[str, str], list[_Part]] = defaultdict(list)
        self._indexes: defaultdict[tuple[str, str, bool], list[_Part]] = defaultdict(list)
        self._sequences: list[Sequence] = []
        self._triggers: list[Trigger] = []

    def take(self, number: int, line: str) -> None:
        """Read one line; what does not begin with the mark is the client's talk."""
        start = line.find(_MARK)
        if start < 0:
            return
        what, *fields = (_plain(field) for field in line[start + len(_MARK) :].strip().split("|"))
        if len(fields) != _FIELDS.get(what):
            raise EstateError(
                f"{self._where}, line {number} is cut off or altered.",
                hint="Let the client print lines of any length, and run the query again.",
            )
        try:
            self._sort(what, fields)
        except ValueError:
            raise EstateError(
                f"{self._where}, line {number} has a text where a number belongs.", hint="Run the query again."
            ) from None

    def _sort(self, what: str, fields: list[str]) -> None:
        match what, fields:
            case "H", head:
                self._heads.append(tuple(head))
            case "T", [name]:
                self._tables.append(name)
            case "C", [table, name, type_, nullable, default, extra, collation]:
                value = default.strip() or None
                self._columns[table].append(Column(name, type_, nullable == "Y", value, extra, "", collation))
            case "K", [table, name, letter, column, position]:
                self._keys[table, name, letter].append(_Part(int(position), (column,)))
            case "F", [table, name, column, position, *others]:
                self._links[table, name].append(_Part(int(position), (column, *others)))
            case "I", [table, name, unique, column, position, role]:
                self._indexes[table, name, unique == "U"].append(_Part(int(position), (column, role)))
            case "S", [name, increment]:
                self._sequences.append(Sequence(name, increment=int(increment)))
            case "G", [name, table, timing]:
                self._triggers.append(Trigger(name, table, timing))
            case _:
                raise AssertionError(what)

    def schema(self, kind: str) -> Schema:
        """Return all of it. Raises EstateError when it is no whole answer of this DBMS."""
        if self._heads != [(_FORM, kind)]:
            said = ", ".join(sorted({head[1] for head in self._heads})) or "none"
            raise EstateError(
                f"{self._where} is not one answer of {kind} (it is of: {said}).",
                hint=f"`apim-upgrade inspect --offline-script --dialect {kind}` prints the query to run.",
            )
        known = [name for name in self._tables if not fold(name).startswith(PREFIX)]
        if not all(self._columns[name] for name in known):
            raise EstateError(f"{self._where} lacks columns: it is not whole.", hint="Run the query again.")
        tables = {name: self._table(name) for name in known}
        sequences = {sequence.name: sequence for sequence in self._sequences}
        triggers = tuple(trigger for trigger in self._triggers if trigger.table in tables)
        return Schema(kind, tables, sequences, triggers=triggers)

    def _table(self, name: str) -> Table:
        keys = {(called, letter): parts for (table, called, letter), parts in self._keys.items() if table == name}
        primary = [PrimaryKey(called, _columns(parts)) for (called, letter), parts in keys.items() if letter == "P"]
        return Table(
            name,
            tuple(self._columns[name]),
            primary[0] if primary else None,
            tuple(Unique(called, _columns(parts)) for (called, letter), parts in keys.items() if letter == "U"),
            tuple(_link(called, parts) for (table, called), parts in self._links.items() if table == name),
            tuple(
                _index(called, unique, parts)
                for (table, called, unique), parts in self._indexes.items()
                if table == name
            ),
        )


def _link(name: str, parts: Iterable[_Part]) -> ForeignKey:
    rows = [part.fields for part in _ordered(parts)]
    _, ref_table, _, on_delete, on_update = rows[0]
    return ForeignKey(
        name, tuple(row[0] for row in rows), ref_table, tuple(row[2] for row in rows), on_delete, on_update
    )


def _index(name: str, unique: bool, parts: Iterable[_Part]) -> Index:
    rows = [part.fields for part in _ordered(parts)]
    # The server tells an expression with its columns in quotes.
    keys = tuple(text.replace('"', "") if role == _EXPRESSION else text for text, role in rows if role != _INCLUDED)
    expressions = tuple(text.replace('"', "") for text, role in rows if role == _EXPRESSION)
    return Index(
        name,
        keys,
        unique,
        expressions=expressions,
        include=tuple(text for text, role in rows if role == _INCLUDED),
    )


def _columns(parts: Iterable[_Part]) -> tuple[str, ...]:
    return tuple(part.fields[0] for part in _ordered(parts))


def _ordered(parts: Iterable[_Part]) -> Iterator[_Part]:
    return iter(sorted(parts, key=lambda part: part.position))


def _plain(field: str) -> str:
    signs = {"p": "|", "n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\([pnr\\])", lambda match: signs[match[1]], field)


def _named(table: Table) -> Table:
    return replace(
        table,
        primary_key=None if table.primary_key is None else _with_name(table.primary_key, "primary key"),
        unique=tuple(_with_name(key, "unique key") for key in table.unique),
        foreign_keys=tuple(_with_name(key, "foreign key") for key in table.foreign_keys),
    )


def _with_name(key: _Key, what: str) -> _Key:
    if key.name is not None:
        return key
    called = f"{what} ({', '.join(key.columns)})"
    return replace(key, name=called + (f" to {key.ref_table}" if isinstance(key, ForeignKey) else ""))
