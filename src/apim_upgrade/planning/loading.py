"""
Rows that the tool computed, as statements for a DBMS that it does not connect to.

They wait in a table of their own until the step's script joins them. Written as they come: memory does not grow with
the estate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table

from apim_upgrade.databases.identifiers import OF_KIND
from apim_upgrade.databases.rendering import is_long
from apim_upgrade.engine import Load, Stage
from apim_upgrade.planning.clients import CLIENTS
from apim_upgrade.planning.literals import LITERALS, pieces_of

ROW = "row_no"
"""Numbers the rows of a table with values that come in pieces."""
_LOADED = "apim_upgrade_load_"
_ROWS, _CHARACTERS = 100, 20_000
"""What one statement has at most, but for a row that is larger."""
_LINE, _BREAK = 2000, ",\n"
"""The longest that a row is written in one line; else a value a line."""
_COMMITTED = 1_000_000
"""Characters of a script that are one transaction."""


@dataclass(slots=True)
class Written:
    """How many rows were written down, and the bytes of their long values by column: what must have arrived."""

    rows: int = 0
    sizes: dict[str, int] = field(default_factory=dict)


def waiting_table(operation: Stage | Load, *, numbered: bool = True) -> Table:
    """
    Describe the table that the rows of an operation wait in; made by a script, and dropped by one.

    That of a :class:`Stage` has the stage's name; a :class:`Load` has a table of its own beside that which stays. With
    ``numbered`` it has the column :data:`ROW` where values come in pieces.
    """
    if isinstance(operation, Load):
        stays = operation.table
        columns = [Column(name, stays.c[name].type, nullable=_nullable(stays.c[name])) for name in operation.columns]
        table = Table(f"{_LOADED}{stays.name}", MetaData(), *columns)
    else:
        columns = [Column(each.name, each.type, nullable=each.nullable, info=each.info) for each in operation.table.c]
        table = Table(operation.table.name, MetaData(), *columns, prefixes=["TEMPORARY"])
    if numbered and any(is_long(table, column) for column in table.columns):
        table.append_column(Column(ROW, Integer, primary_key=True, autoincrement=False))
    elif isinstance(operation, Stage):
        return operation.table  # with the key that it may have
    return table


def _nullable(column: object) -> bool:
    return not isinstance(column, Column) or bool(column.nullable)


class Loading:
    """Writes the rows of one table."""

    def __init__(self, kind: str, table: Table, file: TextIO) -> None:
        self._client, self._literals = CLIENTS[kind], LITERALS[kind]
        self._quoted = OF_KIND[kind].quoted
        self._file = file
        self._table = table
        self._columns = [column for column in table.columns if column.name != ROW]
        self._numbered = len(self._columns) < len(table.columns)
        self._since_commit = 0
        self.written = Written(sizes={each.name: 0 for each in self._columns if isinstance(each.type, LargeBinary)})

    def passing(self, rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        """Write rows, and give each on."""
        into = (
            f"{self._quoted(self._table.name)} ({', '.join(self._quoted(each.name) for each in self._table.columns)})"
        )
        waiting: list[str] = []
        size = 0
        for row in rows:
            text, later = self._row(row)
            waiting.append(text)
            size += len(text)
            if later or len(waiting) >= _ROWS or size >= _CHARACTERS:
                self._send(self._literals.insert(into, waiting))
                waiting, size = [], 0
            for column, pieces in later:
                self._append(column, pieces)
            yield row
        if waiting:
            self._send(self._literals.insert(into, waiting))

    def _row(self, row: Sequence[object]) -> tuple[str, list[tuple[str, list[str | bytes]]]]:
        """Return a row as it is inserted, and by column what has to be appended to its values."""
        self.written.rows += 1
        shown: list[str] = []
        later: list[tuple[str, list[str | bytes]]] = []
        for column, given in zip(self._columns, row, strict=True):
            value = bytes(given) if isinstance(given, bytearray | memoryview) else given
            if isinstance(value, bytes):
                self.written.sizes[column.name] += len(value)
            if isinstance(value, str | bytes) and is_long(self._table, column):
                first, *rest = list(pieces_of(value)) or [value]
                shown.append(self._literals.value(first))
                if rest:
                    later.append((column.name, rest))
            else:
                shown.append(self._literals.value(value))
        if self._numbered:
            shown.append(str(self.written.rows))
        one_line = ", ".join(shown)
        return f"({one_line if len(one_line) < _LINE else _BREAK.join(shown)})", later

    def _append(self, column: str, pieces: list[str | bytes]) -> None:
        table, name = self._quoted(self._table.name), self._quoted(column)
        row = f"{self._quoted(ROW)} = {self.written.rows}"
        for start in range(0, len(pieces), self._literals.at_once):
            some = pieces[start : start + self._literals.at_once]
            self._send(self._literals.append(table, name, row, some))

    def _send(self, statement: str) -> None:
        self._file.write(f"{statement}\n{self._client.end}\n")
        self._since_commit += len(statement)
        if self._since_commit >= _COMMITTED:
            self._since_commit = 0
            for each in (self._client.commit, self._client.begin):
                if each:
                    self._file.write(f"{each}\n{self._client.end}\n")
