"""
Parts of statements that change rows, and UPDATE … FROM for a DBMS that has none.

There the same rows get the same values by queries that refer to the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Insert, Select, Update, exists, literal_column, select, update


def without_from(statement: Update) -> Update:
    """
    Return an UPDATE that names no table but its own and does the same.

    Where the tables joined give a row more than one value, the server refuses, instead of taking any of them.
    """
    # SQLAlchemy has no public way to ask an UPDATE for its parts.
    given: Mapping[Any, Any] = statement._values or {}
    criteria = statement._where_criteria
    target = statement.table
    joined = _others(target, *criteria, *given.values())
    if not joined:
        return statement

    def over_the_others(column: ColumnElement[Any]) -> Select[Any]:
        return select(column).select_from(*joined).where(*criteria).correlate(target)

    values = {
        column: over_the_others(value).scalar_subquery() if _others(target, value) else value
        for column, value in given.items()
    }
    return update(target).values(values).where(exists(over_the_others(literal_column("1"))))


def inserted_columns(statement: Insert) -> frozenset[str]:
    """Return the columns that an INSERT names, in lower case."""
    names: Iterable[Any] = statement._select_names or statement._values or ()
    return frozenset(str(getattr(name, "name", name)).lower() for name in names)


def _others(target: FromClause, *parts: Any) -> list[FromClause]:
    """Return the tables that these parts of a statement join to its own."""
    named = [each for part in parts if isinstance(part, ColumnElement) for each in part._from_objects]
    return [each for each in dict.fromkeys(named) if each is not target]
