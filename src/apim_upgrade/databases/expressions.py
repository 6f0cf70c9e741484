"""Expressions that every DBMS writes in its own way, and that read the same in all of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement


class _Exact(FunctionElement[str]):
    inherit_cache = True
    type = String()
    name = "exact"


def exact(text: ColumnElement[Any]) -> ColumnElement[str]:
    """
    Return a text that is compared byte by byte.

    MySQL refuses to compare texts of different collations, and takes ``A`` for ``a`` where both have its usual one. No
    index of the column serves such a comparison: use it on both sides, in subqueries that are read as a whole.
    """
    return _Exact(text)


class _Epoch(FunctionElement[int]):
    inherit_cache = True
    type = BigInteger()
    name = "epoch"


def epoch(moment: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a moment as seconds since 1970, the moment taken as UTC."""
    return _Epoch(moment)


@compiles(_Exact)
def _as_it_is(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Exact, "mysql")
def _in_unicode(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:
    return f"CONVERT({compiler.process(element.clauses, **options)} USING utf8mb4) COLLATE utf8mb4_bin"


@compiles(_Epoch)
def _extracted(element: _Epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXTRACT(EPOCH FROM {compiler.process(element.clauses, **options)})"


@compiles(_Epoch, "mysql")
def _unix(element: _Epoch, compiler: SQLCompiler, **options: Any) -> str:
    return f"UNIX_TIMESTAMP({compiler.process(element.clauses, **options)})"
