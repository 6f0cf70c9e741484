"""
Values on their way from one DBMS to another, and the checksum by which both sides are compared.

Both sides bring a value into the same plain form before it is counted, so the checksum says that the *content* is the
same: blanks that fill a CHAR up, and 0 or FALSE, mean nothing; an empty text and NULL are two things (Oracle knows the
latter only).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from apim_upgrade.moving.forms import Form, Sort

Convert = Callable[[Any], Any]
_WHOLE_SUM = 1 << 128
_FLAGS = {"0": 0, "1": 1, "f": 0, "t": 1, "n": 0, "y": 1, "false": 0, "true": 1}
"""Texts of one letter, in which Oracle keeps what other DBMSs have a type for."""
_MIDNIGHT = datetime(1970, 1, 1)


class Unfit(ValueError):
    """A value that the other DBMS cannot hold; the message says why, without the value."""


def converter(form: Form, kind: str) -> Convert:
    """Return the function that brings a value into the plain form that a column of the DBMS ``kind`` takes."""
    if kind == "postgresql" and form.sort in (Sort.TEXT, Sort.PADDED):
        return _without_nul if form.sort is Sort.TEXT else lambda value: _without_nul(value).rstrip(" ")
    convert = _CONVERTERS[form.sort]
    if form.sort is Sort.STAMP and form.size is not None and form.size < 6:
        unit = 10 ** (6 - form.size)
        return lambda value: _stamp_cut(value, unit)
    return convert


def converted(rows: Iterable[Sequence[Any]], converters: Sequence[Convert]) -> Iterator[tuple[Any, ...]]:
    """Bring rows into plain form. Raises Unfit."""
    for row in rows:
        yield tuple(None if value is None else convert(value) for value, convert in zip(row, converters, strict=True))


def filled(rows: Iterable[Sequence[Any]], fillings: Sequence[str | None]) -> Iterator[Sequence[Any]]:
    """Put a text for NULL into the columns that have one in ``fillings``."""
    for row in rows:
        yield [filling if value is None else value for value, filling in zip(row, fillings, strict=True)]


@dataclass(slots=True)
class Checksum:
    """Counts rows and sums their hashes, so that the order in which they come means nothing."""

    rows: int = 0
    total: int = 0

    def passing(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield rows in plain form as they come, counting each."""
        for row in rows:
            digest = hashlib.blake2b(b"".join(map(_token, row)), digest_size=16).digest()
            self.total = (self.total + int.from_bytes(digest)) % _WHOLE_SUM
            self.rows += 1
            yield row

    @property
    def text(self) -> str:
        """The sum in hexadecimal digits."""
        return f"{self.total:032x}"


def _token(value: Any) -> bytes:
    """The value with its length before it: no two rows give the same bytes."""
    if value is None:
        return b"-"
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    elif not isinstance(value, bytes):
        value = repr(value).encode()
    return b"%d:%b" % (len(value), value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise Unfit("bytes that are no text in UTF-8") from None
    return str(value)


def _without_nul(value: Any) -> str:
    text = _text(value)
    if "\x00" in text:
        raise Unfit("text with the character NUL")
    return text


def _padded(value: Any) -> str:
    return _text(value).rstrip(" ")


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _whole(value: Any) -> int:
    whole = int(value)
    if whole != value:
        raise Unfit("a number with decimals where only whole ones can be")
    return whole


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        value = _FLAGS.get(value.rstrip(" ").lower(), value)
    if value in (0, 1):
        return bool(value)
    raise Unfit("a value other than 0 and 1 where only true or false can be")


def _stamp(value: Any) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is None:
        return value
    raise Unfit("a day that no calendar has, such as 0000-00-00")


def _stamp_cut(value: Any, unit: int) -> datetime:
    stamp = _stamp(value)
    return stamp.replace(microsecond=stamp.microsecond // unit * unit)


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    raise Unfit("a day that no calendar has, such as 0000-00-00")


def _time(value: Any) -> time:
    return (_MIDNIGHT + value).time() if isinstance(value, timedelta) else value


_CONVERTERS: dict[Sort, Convert] = {
    Sort.WHOLE: _whole,
    Sort.EXACT: lambda value: Decimal(value).normalize(),
    Sort.INEXACT: float,
    Sort.TRUTH: _truth,
    Sort.TEXT: _text,
    Sort.PADDED: _padded,
    Sort.BYTES: _bytes,
    Sort.STAMP: _stamp,
    Sort.DATE: _date,
    Sort.TIME: _time,
}
