"""SQL Server's column types and defaults: which are the same, which hold more."""

from __future__ import annotations

import re

_ARGUMENTS = re.compile(r"\(([^)]*)\)")
_BASES = {"INTEGER": "INT", "CHARACTER VARYING": "VARCHAR", "DEC": "DECIMAL", "NUMERIC": "DECIMAL"}
_INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_SIZED = ("VARCHAR", "NVARCHAR", "VARBINARY", "CHAR", "NCHAR", "BINARY")
_NO_LIMIT = 1 << 30
_NOW = {"current_timestamp", "getdate()", "sysdatetime()"}


def base(type_: str) -> str:
    """Return a type without its length, under its one name."""
    word = " ".join(_ARGUMENTS.sub("", type_.upper()).split())
    return _BASES.get(word, word)


def length(type_: str) -> int | None:
    """Return the length of a text or binary type; None where it has none or no limit."""
    match = _ARGUMENTS.search(type_)
    if base(type_) not in _SIZED or match is None or match[1].strip().upper() == "MAX":
        return None
    return int(match[1])


def bytes_of(type_: str) -> int:
    """Return the length of a type as ``sys.columns.max_length`` counts it."""
    return (length(type_) or 1) * (2 if base(type_).startswith("N") else 1)


def canonical(type_: str) -> str:
    """Return the one spelling of a type."""
    match = _ARGUMENTS.search(type_)
    arguments = [part.strip().upper() for part in match[1].split(",")] if match else []
    if base(type_) == "DATETIME2" and not arguments:
        arguments = ["7"]
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
        return _limit(live) >= _limit(wanted)
    return base(live) == "DATETIME2"


def same_default(live: str | None, wanted: str | None) -> bool:
    """Say whether two defaults do the same; the server reports them in brackets."""
    return _plain(live) == _plain(wanted)


def _limit(type_: str) -> int:
    match = _ARGUMENTS.search(type_)
    if match is None:
        return 1
    return length(type_) or _NO_LIMIT


def _plain(default: str | None) -> str:
    text = (default or "").strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    if text.lower() in ("null", ""):
        return ""
    if text.lower() in _NOW:
        return "now"
    number = re.fullmatch(r"'?(-?\d+)'?", text)
    return number[1] if number else text
