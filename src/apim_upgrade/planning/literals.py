"""
Values as the vendors' own clients take them: printable ASCII alone, in short lines, of any size by appending pieces.

So nothing in a value can be taken for something else: the line that sends a statement, a variable of the client, an end
of line; and no encoding of a file or of a terminal changes one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

BYTES, CHARACTERS = 1000, 200
"""Of one piece, which is a line: SQL*Plus takes 2499 characters, and a character may need ten."""
_PRINTABLE = range(0x20, 0x7F)


class Literals(ABC):
    """The notation of one vendor."""

    plus: str
    """Joins texts, and bytes."""
    at_once: int
    """Pieces that one statement appends."""

    def value(self, value: object) -> str:
        """Return what stands for a value. Raises TypeError for one that no table of ours has."""
        match value:
            case None:
                return "NULL"
            case bool() | int():
                return str(int(value))
            case datetime():
                return self.moment(f"{value:%Y-%m-%d %H:%M:%S}")
            case str():
                return self.joined(pieces_of(value)) if value else "''"
            case bytes():
                return self.binary(value)
            case _:
                raise TypeError(f"{type(value).__name__} is no value of a table")

    def joined(self, pieces: Iterable[str | bytes]) -> str:
        """Return pieces of one value put together again, each on a line of its own."""
        return f" {self.plus}\n".join(
            self.text(each) if isinstance(each, str) else self.binary(each) for each in pieces
        )

    @abstractmethod
    def text(self, piece: str) -> str:
        """Return a piece of a text."""

    @abstractmethod
    def binary(self, piece: bytes) -> str:
        """Return a piece of bytes."""

    @abstractmethod
    def moment(self, text: str) -> str:
        """Return a time, given as ``YYYY-MM-DD HH:MM:SS``."""

    def insert(self, into: str, rows: Sequence[str]) -> str:
        """Return the statement that adds rows, each ``(…)``; ``into`` is the table with its columns."""
        return f"INSERT INTO {into} VALUES\n" + ",\n".join(rows)

    @abstractmethod
    def append(self, table: str, column: str, row: str, pieces: Sequence[str | bytes]) -> str:
        """Return the statement that appends pieces to the value of a ``row``, a condition that one row fulfils."""


def pieces_of(value: str | bytes) -> Iterator[str | bytes]:
    """Cut a value into pieces."""
    size = CHARACTERS if isinstance(value, str) else BYTES
    yield from (value[start : start + size] for start in range(0, len(value), size))


def is_plain(text: str) -> bool:
    """Whether a text can stand between quotes as it is."""
    return all(ord(character) in _PRINTABLE for character in text)


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))


class _Oracle(Literals):
    """PL/SQL blocks; an empty text is NULL there."""

    plus, at_once = "||", 200

    def text(self, piece: str) -> str:
        if is_plain(piece):
            return _quoted(piece)
        units = piece.encode("utf-16-be", "surrogatepass")
        codes = (int.from_bytes(units[start : start + 2]) for start in range(0, len(units), 2))
        plain = "".join(chr(code) if code in _PRINTABLE and code != ord("\\") else f"\\{code:04X}" for code in codes)
        return f"UNISTR({_quoted(plain)})"

    def binary(self, piece: bytes) -> str:
        return f"HEXTORAW('{piece.hex().upper()}')" if piece else "EMPTY_BLOB()"

    def moment(self, text: str) -> str:
        return f"TIMESTAMP '{text}'"

    def insert(self, into: str, rows: Sequence[str]) -> str:
        return "\n".join(["BEGIN", *(f"INSERT INTO {into} VALUES {row};" for row in rows), "END;"])

    def append(self, table: str, column: str, row: str, pieces: Sequence[str | bytes]) -> str:
        kind = "CLOB" if isinstance(pieces[0], str) else "BLOB"
        lines = ["DECLARE", f"piece {kind};", "BEGIN"]
        lines.append(f"SELECT {column} INTO piece FROM {table} WHERE {row} FOR UPDATE;")
        for each in pieces:
            if isinstance(each, str):
                lines.append(f"DBMS_LOB.APPEND(piece, TO_CLOB({self.text(each)}));")
            else:
                lines.append(f"DBMS_LOB.WRITEAPPEND(piece, {len(each)}, {self.binary(each)});")
        return "\n".join([*lines, "END;"])


class _SqlServer(Literals):
    """Eight thousand bytes of a value are the most that are joined there."""

    plus, at_once = "+", 8

    def text(self, piece: str) -> str:
        # $( begins a variable of sqlcmd, in quotes too.
        if is_plain(piece) and "$(" not in piece:
            return f"N{_quoted(piece)}"
        units = piece.encode("utf-16-le", "surrogatepass")
        return f"CAST(0x{units.hex().upper()} AS NVARCHAR({len(units) // 2}))"

    def binary(self, piece: bytes) -> str:
        return f"0x{piece.hex().upper()}"

    def moment(self, text: str) -> str:
        return f"CAST('{text.replace(' ', 'T')}' AS DATETIME2)"

    def append(self, table: str, column: str, row: str, pieces: Sequence[str | bytes]) -> str:
        return f"UPDATE {table} SET {column}.WRITE({self.joined(pieces)}, NULL, 0) WHERE {row}"


class _Db2(Literals):
    """Texts beyond ASCII are Unicode constants, which need a database of UTF-8."""

    plus, at_once = "||", 24

    def text(self, piece: str) -> str:
        if is_plain(piece):
            return _quoted(piece)
        return f"U&{_quoted(''.join(map(_in_unicode_constant, piece)))}"

    def binary(self, piece: bytes) -> str:
        return f"BLOB(X'{piece.hex().upper()}')"

    def moment(self, text: str) -> str:
        return f"TIMESTAMP('{text}')"

    def append(self, table: str, column: str, row: str, pieces: Sequence[str | bytes]) -> str:
        return f"UPDATE {table} SET {column} = {column} {self.plus}\n{self.joined(pieces)} WHERE {row}"


def _in_unicode_constant(character: str) -> str:
    code = ord(character)
    if code in _PRINTABLE and character != "\\":
        return character
    return f"\\{code:04X}" if code < 0x10000 else f"\\+{code:06X}"


LITERALS: dict[str, Literals] = {"oracle": _Oracle(), "mssql": _SqlServer(), "db2": _Db2()}
"""By the kind that catalogues have."""
