"""DB2's column types and defaults: which are the same, which hold more."""

from __future__ import annotations

import re

_ARGUMENTS = re.compile(r"\(([^)]*)\)")
_BASES = {"INT": "INTEGER", "DEC": "DECIMAL", "NUMERIC": "DECIMAL", "CHARACTER": "CHAR", "LONGBLOB": "BLOB"}
_INTEGERS = ("SMALLINT", "INTEGER", "BIGINT")
_SIZED = ("VARCHAR", "CHAR", "BLOB", "CLOB")
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_LOB = 1 << 20
"""What a BLOB or CLOB holds of which nothing is said, in bytes."""


def base(type_: str) -> str:
    """Return a type without its length, under its one name."""
    word = " ".join(_ARGUMENTS.sub("", type_.upper()).split())
    return _BASES.get(word, word)


def dictionary_name(type_: str) -> str:
    """Return what ``SYSCAT.COLUMNS.TYPENAME`` says of a type."""
    return {"CHAR": "CHARACTER"}.get(base(type_), base(type_))


def length(type_: str) -> int | None:
    """Return the length of a sized type in bytes, None for others."""
    if base(type_) not in _SIZED:
        return None
    match = _ARGUMENTS.search(type_)
    if match is None:
        return _LOB if base(type_).endswith("LOB") else 1
    text = match[1].split()[0].upper()
    return int(text[:-1]) * _UNITS[text[-1]] if text[-1] in _UNITS else int(text)


def canonical(type_: str) -> str:
    """Return the one spelling of a type."""
    if base(type_) in _SIZED:
        return f"{base(type_)}({length(type_)})"
    match = _ARGUMENTS.search(type_)
    arguments = [part.strip() for part in match[1].split(",")] if match else []
    if base(type_) == "TIMESTAMP" and not arguments:
        arguments = ["6"]
    if base(type_) == "DECIMAL" and len(arguments) == 1:
        arguments = [*arguments, "0"]
    return f"{base(type_)}({','.join(arguments)})" if arguments else base(type_)


def holds(live: str, wanted: str) -> bool:
    """Say whether a column of type ``live`` takes everything that one of type ``wanted`` does, in the same form."""
    if canonical(live) == canonical(wanted):
        return True
    if base(live) in _INTEGERS and base(wanted) in _INTEGERS:
        return _INTEGERS.index(base(live)) >= _INTEGERS.index(base(wanted))
    if base(live) != base(wanted):
        return False
    if base(live) in _SIZED:
        return (length(live) or 0) >= (length(wanted) or 0)
    return base(live) == "TIMESTAMP"


def same_default(live: str | None, wanted: str | None) -> bool:
    """Say whether two defaults do the same."""
    return _plain(live) == _plain(wanted)


def _plain(default: str | None) -> str:
    text = (default or "").strip()
    if text.upper() in ("NULL", ""):
        return ""
    if text.upper().replace(" ", "_") == "CURRENT_TIMESTAMP":
        return "now"
    number = re.fullmatch(r"'?(-?\d+)'?", text)
    return number[1] if number else text
