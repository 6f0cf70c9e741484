"""How much data a step has to do with: the tables that it names, and what the server knows of their size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import TableClause
from sqlalchemy.sql import ClauseElement, visitors

from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import Load, Sql, Stage, Step

_WORD = re.compile(r"\w+")
_APIS = "am_api"
_ROW = 100
"""Bytes of a row where the server has never counted the rows of a table."""

Facts = Mapping[str, Mapping[str, TableFacts]]
"""By database and by table, in lower case."""


@dataclass(frozen=True, slots=True)
class Volume:
    """Rows and bytes (indexes included) of some tables, as the server estimates them."""

    rows: int
    size: int


def volume_of(step: Step, facts: Facts) -> Volume:
    """
    Sum up the tables that a step names; in its own database where that has them, else wherever they are.

    A step that computes rows for tables that are still empty is taken to read every API.
    """
    volume = _sum(step, tables_of(step, {name for tables in facts.values() for name in tables}), facts)
    computes = any(isinstance(each, Load | Stage) for each in step.operations)
    return _sum(step, {_APIS}, facts) if computes and not volume.rows else volume


def _sum(step: Step, names: Iterable[str], facts: Facts) -> Volume:
    own = facts.get(step.database, {})
    rows = size = 0
    for name in names:
        found = own.get(name) or next((tables[name] for tables in facts.values() if name in tables), None)
        if found is not None:
            rows += found.rows if found.rows >= 0 else found.size // _ROW
            size += found.size
    return Volume(rows, size)


def tables_of(step: Step, known: set[str]) -> frozenset[str]:
    """
    Name the tables that a step has to do with, out of those that are ``known``.

    What its row-computing functions read cannot be seen from outside; a step names that in ``tables``.
    """
    return frozenset(known & {name.lower() for name in (*step.tables, *_named(step))})


def _named(step: Step) -> Iterator[str]:
    statements: Sequence[object] = [each.statement for each in step.operations if isinstance(each, Sql)]
    for statement in (*statements, step.touches):
        if isinstance(statement, str):
            yield from _WORD.findall(statement)
        elif isinstance(statement, ClauseElement):
            yield from (each.name for each in visitors.iterate(statement) if isinstance(each, TableClause))
    yield from (each.table.name for each in step.operations if isinstance(each, Load))
