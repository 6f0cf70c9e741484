"""
What a column holds, apart from how its DBMS calls it: the common ground of two DBMSs.

``form_of`` reads a type as a catalogue or a live database has it; ``type_of`` writes it for a DBMS that data is moved
to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Sort(StrEnum):
    """What kind of values a column holds."""

    WHOLE = "whole numbers"
    EXACT = "decimal numbers"
    INEXACT = "floating-point numbers"
    TRUTH = "true or false"
    TEXT = "text"
    PADDED = "text filled up with blanks"
    BYTES = "bytes"
    STAMP = "date and time"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Form:
    """``size``: bytes of a whole number, characters of a text, bytes of binary data, digits of a fraction; or none."""

    sort: Sort
    size: int | None = None
    scale: int | None = None
    """Digits behind the point of a decimal number."""

    def takes(self, other: Form) -> bool:
        """Say whether a column of this form has room for all values of one of another form of the same sort."""
        if self.sort is Sort.EXACT or other.sort is Sort.EXACT:
            return self == other
        return self.size is None or (other.size is not None and self.size >= other.size)


_TEXTS = {Sort.TEXT, Sort.PADDED}
_TYPE = re.compile(r"^([a-z ]+?) ?(?:\(([\d, ]+)\))?((?: [a-z ]+)?)$")
_WHOLE = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "integer": 4, "bigint": 8}
_SIZED = {
    "varchar": Sort.TEXT,
    "char": Sort.PADDED,
    "character": Sort.PADDED,
    "binary": Sort.BYTES,
    "varbinary": Sort.BYTES,
}
_UNLIMITED = {
    **dict.fromkeys(("text", "mediumtext", "longtext", "clob", "longvarchar", "json", "uuid"), Sort.TEXT),
    **dict.fromkeys(("blob", "mediumblob", "longblob", "bytea", "longvarbinary"), Sort.BYTES),
}
_OTHERS = {
    "boolean": Form(Sort.TRUTH),
    "date": Form(Sort.DATE),
    "time": Form(Sort.TIME, 6),
    "real": Form(Sort.INEXACT, 4),
    "float": Form(Sort.INEXACT, 4),
    "double": Form(Sort.INEXACT, 8),
    "tinytext": Form(Sort.TEXT, 255),
    "tinyblob": Form(Sort.BYTES, 255),
}
_ARGUMENTS = re.compile(r"\(([^)]*)\)")
_WORDS = {
    "oracle": {
        **dict.fromkeys(("varchar2", "nvarchar2"), "varchar"),
        **dict.fromkeys(("integer", "int", "smallint"), "decimal(38)"),
        **dict.fromkeys(("float", "binary_double"), "double"),
        **{"nchar": "char", "nclob": "clob", "long": "clob", "raw": "varbinary", "long raw": "blob"},
        **{"number": "decimal", "binary_float": "real", "date": "timestamp(0)"},
    },
    "mssql": {
        **{"nvarchar": "varchar", "nchar": "char", "ntext": "text", "image": "blob", "uniqueidentifier": "uuid"},
        **{"bit": "boolean", "tinyint": "smallint", "money": "decimal(19,4)", "smallmoney": "decimal(10,4)"},
        **{"datetime": "timestamp(3)", "smalldatetime": "timestamp(0)", "datetime2": "timestamp", "float": "double"},
        **{"timestamp": "rowversion", "sysname": "varchar(128)"},
    },
    "db2": {
        **{"vargraphic": "varchar", "graphic": "char", "dbclob": "clob", "long varchar": "clob", "longblob": "blob"},
        **{"varchar for bit data": "varbinary", "character for bit data": "binary", "decfloat": "decimal"},
        "float": "double",
    },
}
"""What a DBMS calls otherwise than others do, and types that mean another thing there."""
_NO_FRACTION = {"mysql": 0}
"""Digits of a second that a time stamp without a number has; six elsewhere."""
_ROOMY = 16_777_216


def form_of(kind: str, type_: str) -> Form | None:
    """Return the form of a type of the DBMS ``kind``; None for a type that no other DBMS has."""
    match = _TYPE.match(_in_common_words(kind, type_.strip().lower().replace("character varying", "varchar")))
    if match is None:
        return None
    name, numbers, ending = match[1], [int(number) for number in (match[2] or "").split(",") if number], match[3]
    first = numbers[0] if numbers else None
    if kind == "mysql" and name == "tinyint" and first == 1:
        return Form(Sort.TRUTH)
    if name in _WHOLE:
        return Form(Sort.WHOLE, min(_WHOLE[name] * (2 if "unsigned" in ending else 1), 8))
    if name in _SIZED:
        unlimited = first is None and name in ("varchar", "varbinary")
        return Form(_SIZED[name], None if unlimited or (first or 1) >= _ROOMY else first or 1)
    if name in ("timestamp", "datetime"):
        if "with" in ending.split():  # … time zone
            return None
        return Form(Sort.STAMP, _NO_FRACTION.get(kind, 6) if first is None else min(first, 6))
    if name in ("numeric", "decimal"):
        return Form(Sort.EXACT, first, numbers[1] if len(numbers) > 1 else 0)
    if name in _UNLIMITED:
        return Form(_UNLIMITED[name])
    return _OTHERS.get(name)


def _in_common_words(kind: str, type_: str) -> str:
    words = _WORDS.get(kind)
    if words is None:
        return type_
    name = " ".join(_ARGUMENTS.sub(" ", type_).split())
    common = words.get(name, name)
    match = _ARGUMENTS.search(type_)
    numbers = [part.split()[0].replace("*", "38") for part in match[1].split(",")] if match else []
    # MAX and 2G are no limits that anything comes near to.
    return (
        f"{common}({','.join(numbers)})" if all(map(str.isdigit, numbers)) and numbers and "(" not in common else common
    )


def type_of(kind: str, form: Form) -> str:
    """Return the type that holds a form on PostgreSQL or MySQL."""
    size = "" if form.size is None else f"({form.size})"
    sizes = "" if form.size is None else f"({form.size},{form.scale or 0})"
    if kind == "postgresql":
        return {
            Sort.WHOLE: "smallint" if (form.size or 8) <= 2 else "integer" if (form.size or 8) <= 4 else "bigint",
            Sort.EXACT: f"numeric{sizes}",
            Sort.INEXACT: "real" if form.size == 4 else "double precision",
            Sort.TRUTH: "boolean",
            Sort.TEXT: f"character varying{size}" if size else "text",
            Sort.PADDED: f"character{size}",
            Sort.BYTES: "bytea",
            Sort.STAMP: "timestamp without time zone" if form.size == 6 else f"timestamp{size} without time zone",
            Sort.DATE: "date",
            Sort.TIME: "time without time zone",
        }[form.sort]
    return {
        Sort.WHOLE: {1: "tinyint", 2: "smallint", 3: "mediumint", 4: "int"}.get(form.size or 8, "bigint"),
        Sort.EXACT: f"decimal{sizes or '(65,30)'}",
        Sort.INEXACT: "float" if form.size == 4 else "double",
        Sort.TRUTH: "tinyint(1)",
        Sort.TEXT: f"varchar{size}" if size and (form.size or 0) <= 4000 else "longtext",
        Sort.PADDED: f"char{size}",
        Sort.BYTES: "longblob",
        Sort.STAMP: f"datetime{size if form.size else ''}",
        Sort.DATE: "date",
        Sort.TIME: "time(6)",
    }[form.sort]


def convertible(before: Form, after: Form) -> bool:
    """Say whether values of one form can be written as another, should there be room."""
    return (
        before.sort == after.sort
        or {before.sort, after.sort} in (_TEXTS, {Sort.WHOLE, Sort.TRUTH})
        or (before.sort in _TEXTS and after.sort is Sort.BYTES)
        or (before.sort is Sort.BYTES and after.sort in _TEXTS)
        or (before.sort is Sort.WHOLE and after.sort is Sort.EXACT)
        or (before.sort is Sort.EXACT and after.sort in (Sort.WHOLE, Sort.TRUTH))
        or (before.sort is Sort.PADDED and after.sort is Sort.TRUTH)
        or (before.sort is Sort.STAMP and after.sort is Sort.DATE)
    )
