"""
Names that the tool gives: UUIDs from natural keys, and databases beside one of the estate.

Name-based UUIDs: the same natural key gives the same identifier, in Python and inside the server.

They make an upgrade reproducible: a rehearsal, a resumed run and the real run write the same bytes. The form is that
of version 3 (MD5), because every DBMS can compute MD5 of text over a whole table; it is an identifier, not a secret.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement

_SEPARATOR = "/"
_LONGEST = 1000
"""Of one part of a name, in characters; not every DBMS has texts of any length."""
_LONGEST_DATABASE = 63 - len("__partial")
"""PostgreSQL cuts names at 63 bytes, MySQL refuses more than 64; a copy in the making bears the suffix."""


def spare_name(database: str, suffix: str) -> str:
    """Return the name of a database beside another one, never longer than servers take; always the same one."""
    if len((database + suffix).encode()) <= _LONGEST_DATABASE:
        return database + suffix
    digest = hashlib.sha256(database.encode()).hexdigest()[:12]
    room = _LONGEST_DATABASE - len(digest) - 1 - len(suffix)
    return f"{database.encode()[:room].decode(errors='ignore')}_{digest}{suffix}"


def name_uuid(*parts: object) -> str:
    """Return the UUID of a name, such as ``name_uuid("revision", api_uuid, 1)``."""
    digest = hashlib.md5(_SEPARATOR.join(str(part) for part in parts).encode(), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-3{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"


class _NameUuid(FunctionElement[str]):
    inherit_cache = True
    type = String()
    name = "name_uuid"


def name_uuid_of(*parts: str | ColumnElement[Any]) -> ColumnElement[str]:
    """The same as :func:`name_uuid`, computed by the server for every row; columns may be of any type."""
    text: ColumnElement[str] | None = None
    for part in parts:
        piece = cast(part, String(_LONGEST))
        text = piece if text is None else text + _SEPARATOR + piece
    return _NameUuid(text)


@compiles(_NameUuid, "postgresql")
def _postgresql(element: _NameUuid, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clauses
    digest = compiler.process(func.md5(text), **options)
    return f"CAST(CAST(overlay(overlay({digest} placing '3' from 13) placing '8' from 17) AS uuid) AS varchar)"


@compiles(_NameUuid, "mysql")
def _mysql(element: _NameUuid, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clauses
    # CAST AS CHAR has made it the connection's utf8mb4, so that the bytes are those of Python.
    return _put_in("INSERT", compiler.process(func.md5(text), **options))


@compiles(_NameUuid, "oracle")
def _oracle(element: _NameUuid, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clauses
    digest = f"LOWER(RAWTOHEX(STANDARD_HASH({compiler.process(text, **options)}, 'MD5')))"
    return f"REGEXP_REPLACE({digest}, '^(.{{8}})(.{{4}}).(.{{3}}).(.{{3}})(.*)$', '\\1-\\2-3\\3-8\\4-\\5')"


@compiles(_NameUuid, "mssql")
def _mssql(element: _NameUuid, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clauses
    # The hash of NVARCHAR is that of another encoding.
    plain = f"CAST({compiler.process(text, **options)} AS VARCHAR(8000))"
    return _put_in("STUFF", f"LOWER(CONVERT(VARCHAR(32), HASHBYTES('MD5', {plain}), 2))")


@compiles(_NameUuid, "ibm_db_sa")
def _db2(element: _NameUuid, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = element.clauses
    return _put_in("INSERT", f"LOWER(HEX(HASH({compiler.process(text, **options)}, 0)))")


def _put_in(function: str, digest: str) -> str:
    """Make a UUID of a digest by a function that replaces part of a text: (text, position, length, other)."""
    for position, length, text in ((13, 1, "3"), (17, 1, "8"), (21, 0, "-"), (17, 0, "-"), (13, 0, "-"), (9, 0, "-")):
        digest = f"{function}({digest}, {position}, {length}, '{text}')"
    return digest
