"""PostgreSQL's column types and defaults: which are the same, which hold more, how values get from one to another."""

from __future__ import annotations

import re

_LENGTH = re.compile(r"\((\d+)\)")
_CAST = re.compile(r"::[a-z ]+(\(\d+\))?(\[\])?")
_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = ("character varying", "text")
_NOW = {"now()", "current_timestamp", "('now')", "localtimestamp", "transaction_timestamp()"}


def base(type_: str) -> str:
    """Return a type without its length: ``character varying(30)`` gives ``character varying``."""
    return _LENGTH.sub("", type_)


def length(type_: str) -> int | None:
    """Return the length of a type, None where it has none."""
    match = _LENGTH.search(type_)
    return int(match[1]) if match else None


def holds(live: str, wanted: str) -> bool:
    """Say whether a column of type ``live`` takes everything that one of type ``wanted`` does, in the same form."""
    if live == wanted:
        return True
    if base(live) in _INTEGERS and base(wanted) in _INTEGERS:
        return _INTEGERS.index(live) >= _INTEGERS.index(wanted)
    if base(live) in _TEXTS and base(wanted) in _TEXTS:
        return (length(live) or _NO_LIMIT) >= (length(wanted) or _NO_LIMIT)
    return base(live) == base(wanted) == "character" and (length(live) or 1) >= (length(wanted) or 1)


_NO_LIMIT = 1 << 30


def turns_back(before: str, after: str) -> bool:
    """Say whether values that were converted from ``before`` to ``after`` are, converted back, what they were."""
    return holds(after, before) or (base(before) in _TEXTS and base(after) == "bytea")


def conversion(column: str, before: str, after: str) -> str:
    """Return the expression that converts a column's values, or nothing where PostgreSQL does it unasked."""
    if base(after) == "bytea" and base(before) in (*_TEXTS, "character"):
        # A plain cast would take backslashes in the text for escapes.
        return f"convert_to({column}, 'UTF8')"
    if base(before) == "bytea" and base(after) in _TEXTS:
        return f"convert_from({column}, 'UTF8')"
    if base(before) == base(after) or base(after) in _TEXTS:
        return ""
    if base(before) in _INTEGERS and base(after) in _INTEGERS:
        return ""
    return f"{column}::text::{after}"


def same_default(live: str | None, wanted: str | None) -> bool:
    """
    Say whether two defaults do the same.

    Any sequence is as good as any other: the live one knows which numbers are taken.
    """
    return _plain(live) == _plain(wanted)


def _plain(default: str | None) -> str:
    if default is None:
        return ""
    text = default.strip()
    if text.lower().startswith("nextval("):
        return "nextval"
    text = _CAST.sub("", text)
    if text.lower() in _NOW:
        return "now()"
    if text.lower() == "null":
        return ""
    number = re.fullmatch(r"\(?'?(-?\d+)'?\)?", text)
    return number[1] if number else text
