"""
Oracle's column types and defaults: which are the same, which hold more.

The dictionary reports other words than the scripts use: VARCHAR is VARCHAR2, every integer a NUMBER.
"""

from __future__ import annotations

import re

_ARGUMENTS = re.compile(r"\(([^)]*)\)")
_INTEGERS = {"INTEGER": "NUMBER(38,0)", "INT": "NUMBER(38,0)", "SMALLINT": "NUMBER(38,0)"}
_BASES = {"VARCHAR": "VARCHAR2"}
_NOW = {"CURRENT_TIMESTAMP", "SYSTIMESTAMP", "SYSDATE", "LOCALTIMESTAMP"}


def canonical(type_: str) -> str:
    """Return the one spelling of a type: ``VARCHAR(30)`` and ``VARCHAR2(30 CHAR)`` give ``VARCHAR2(30)``."""
    word = " ".join(type_.upper().split())
    word = _INTEGERS.get(word, word)
    if word == "NUMBER(*,0)":
        word = "NUMBER(38,0)"
    name, arguments = base(word), _arguments(word)
    if name == "NUMBER" and len(arguments) == 1:
        arguments = [*arguments, "0"]
    if name == "TIMESTAMP" and not arguments:
        arguments = ["6"]
    return f"{name}({','.join(arguments)})" if arguments else name


def base(type_: str) -> str:
    """Return a type without its length, under its one name."""
    word = " ".join(type_.upper().split())
    name = base_of_integer(_ARGUMENTS.sub("", word))
    return _BASES.get(name, name)


def base_of_integer(name: str) -> str:
    """Return ``NUMBER`` for the words that mean an integer."""
    return "NUMBER" if name in _INTEGERS else name


def dictionary_name(type_: str) -> str:
    """Return what ``USER_TAB_COLUMNS.DATA_TYPE`` says of a type."""
    return canonical(type_) if base(type_) == "TIMESTAMP" else base(type_)


def length(type_: str) -> int | None:
    """Return the length of a text type, None for others."""
    arguments = _arguments(type_)
    return int(arguments[0]) if arguments and base(type_) in ("VARCHAR2", "CHAR", "NVARCHAR2") else None


def holds(live: str, wanted: str) -> bool:
    """Say whether a column of type ``live`` takes everything that one of type ``wanted`` does, in the same form."""
    if canonical(live) == canonical(wanted):
        return True
    if base(live) != base(wanted):
        return False
    if base(live) in ("VARCHAR2", "CHAR", "NVARCHAR2"):
        return (length(live) or 1) >= (length(wanted) or 1)
    if base(live) == "NUMBER":
        return _digits(live) >= _digits(wanted) and _scale(live) >= _scale(wanted)
    return base(live) == "TIMESTAMP"


def same_default(live: str | None, wanted: str | None) -> bool:
    """Say whether two defaults do the same."""
    return _plain(live) == _plain(wanted)


def _plain(default: str | None) -> str:
    text = (default or "").strip()
    if text.upper() == "NULL":
        return ""
    if text.upper() in _NOW:
        return "now"
    number = re.fullmatch(r"\(?'?(-?\d+)'?\)?", text)
    return number[1] if number else text


def _arguments(type_: str) -> list[str]:
    match = _ARGUMENTS.search(type_.upper())
    return [part.strip().split()[0] for part in match[1].split(",")] if match else []


def _digits(type_: str) -> int:
    arguments = _arguments(canonical(type_))
    return int(arguments[0]) if arguments else 38


def _scale(type_: str) -> int:
    """A NUMBER without anything keeps any number of decimals."""
    arguments = _arguments(canonical(type_))
    return int(arguments[1]) if len(arguments) > 1 else 127
