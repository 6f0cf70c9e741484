"""MySQL's column types, defaults and lengths in bytes: which are the same, which hold more, how long a key gets."""

from __future__ import annotations

import re

from apim_upgrade.releases.model import Column

NOW = "CURRENT_TIMESTAMP"
ON_UPDATE = f"on update {NOW}"
KEY_LIMIT = 3072
"""Bytes that a key may take, and one column of it in the row formats of today."""
OLD_PART_LIMIT = 767
"""Bytes that one column of a key may take in the row formats Compact and Redundant."""
ROW_LIMIT = 65_535
"""Bytes that the columns of a row may take together, long texts and blobs left out."""

_BYTES = {"latin1": 1, "ascii": 1, "binary": 1, "ucs2": 2, "utf8": 3, "utf8mb3": 3}
_WIDTH = re.compile(r"\b((?:tiny|small|medium|big)?int|integer)\((\d+)\)")
_PARTS = re.compile(r"([a-z]+)(?:\((\d+)\))?( unsigned)?")
_CLOCK = re.compile(r"(?:current_timestamp|now|localtimestamp|localtime)(?:\((\d*)\))?", re.IGNORECASE)
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_TEXTS = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_BLOBS = ("tinyblob", "blob", "mediumblob", "longblob")
_SIZES = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "float": 4, "date": 3, "timestamp": 4, "year": 1}
_POINTER = 12
"""Bytes that a value which lies outside takes in its row."""


def normal_type(type_: str) -> str:
    """Return a type without the display width that old servers tell, but for ``tinyint(1)``, which means a boolean."""
    return _WIDTH.sub(lambda found: found[0] if found[0] == "tinyint(1)" else found[1], type_)


def normal_clock(text: str) -> str:
    """Return every spelling of the current time as ``CURRENT_TIMESTAMP``, with its precision if it has one."""
    return _CLOCK.sub(lambda found: f"{NOW}({found[1]})" if found[1] not in (None, "", "0") else NOW, text)


def base(type_: str) -> str:
    """Return a type without its length: ``varchar(30)`` gives ``varchar``."""
    return _parts(type_)[0]


def length(type_: str) -> int | None:
    """Return the length of a type, None where it has none."""
    return _parts(type_)[1]


def _parts(type_: str) -> tuple[str, int | None, bool]:
    match = _PARTS.match(type_.lower())
    return (match[1], int(match[2]) if match[2] else None, bool(match[3])) if match else (type_, None, False)


def has_charset(type_: str) -> bool:
    """Say whether columns of a type have a character set."""
    return base(type_) in ("char", "varchar", "enum", "set", *_TEXTS)


def is_binary(type_: str) -> bool:
    """Say whether a type holds bytes."""
    return base(type_) in ("binary", "varbinary", *_BLOBS)


def turns_back(before: str, after: str) -> bool:
    """Say whether values that were converted from ``before`` to ``after`` are, converted back, what they were."""
    return holds(after, before) or (has_charset(before) and is_binary(after))


def holds(live: str, wanted: str) -> bool:
    """Say whether a column of type ``live`` takes everything that one of type ``wanted`` does, in the same form."""
    if live == wanted:
        return True
    (have, size, unsigned), (want, asked, positive) = _parts(live), _parts(wanted)
    if have in _INTEGERS and want in _INTEGERS:
        return unsigned == positive and _INTEGERS.index(have) >= _INTEGERS.index(want)
    if have in _BLOBS and want in _BLOBS:
        return _BLOBS.index(have) >= _BLOBS.index(want)
    if have in _TEXTS and want in _TEXTS:
        return _TEXTS[have] >= _TEXTS[want]
    if have in _TEXTS and want == "varchar":
        return _TEXTS[have] >= (asked or 0)
    return have == want and have in ("varchar", "char", "varbinary") and (size or 1) >= (asked or 1)


def fits_shorter(live: str, wanted: str) -> bool:
    """Say whether a type is a longer form of another, so that values may fit the shorter one."""
    return base(live) == base(wanted) == "varchar" and holds(live, wanted)


def same_default(live: str | None, wanted: str | None) -> bool:
    """Say whether two defaults do the same."""
    return _plain(live) == _plain(wanted)


def _plain(default: str | None) -> str:
    if default is None or default.upper() == "NULL":
        return ""
    text = normal_clock(default.strip())
    number = re.fullmatch(r"\(?'?(-?\d+)'?\)?", text)
    return number[1] if number else text


def bytes_a_character(charset: str) -> int:
    """Return the most bytes that one character takes; sets that are not known here are counted as the longest."""
    return _BYTES.get(charset, 4) if charset else 1


def key_bytes(column: Column, prefix: int | None) -> int:
    """Return the most bytes that a column takes in a key, of ``prefix`` characters if that is told."""
    size = length(column.type) or 1
    if has_charset(column.type):
        return (prefix or size) * bytes_a_character(column.charset)
    if is_binary(column.type):
        return prefix or size
    return _SIZES.get(base(column.type), 8)


def row_bytes(column: Column) -> int:
    """Return the most bytes that a column takes in its row; what lies outside counts as its pointer."""
    name = base(column.type)
    if name in _TEXTS or name in _BLOBS or name == "json":
        return _POINTER
    return key_bytes(column, None) + (2 if name.startswith("var") else 0)
