"""
Columns that a release added get the value its server would have written.

All columns of a table are filled by one statement, however many releases the upgrade passes, so that a big table is
rewritten once; only rows that need it are touched.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    TableClause,
    and_,
    case,
    column,
    or_,
    table,
    update,
)

from apim_upgrade.engine import Phase, Sql, Step
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.releases.value_fills import ValueFill, value_fills
from apim_upgrade.tables.api import APPLICATION

_TYPES = {str: String, int: Integer, bytes: LargeBinary}


def steps(upgrade: Upgrade) -> list[Step]:
    """Return a step for every table that has columns to fill and that no other step fills in passing."""
    tables = {fill.table for fill in value_fills() if upgrade.crosses(str(fill.since))}
    if upgrade.crosses("4.1.0"):
        tables.discard(APPLICATION.name)  # organizations rewrites every application anyway
    return [_step(upgrade, name) for name in sorted(tables)]


def filled_values(upgrade: Upgrade, target: TableClause) -> dict[str, ColumnElement[Any]]:
    """
    Return the new value of every column of a table that this upgrade fills, for an UPDATE of that table.

    For steps that write the table anyway: they do the fills in the same pass.
    """
    return {
        fill.column: case((_needed(fill, target), fill.value), else_=target.c[fill.column])
        for fill in fills_of(upgrade, target.name)
    }


def fills_of(upgrade: Upgrade, table_name: str) -> list[ValueFill]:
    """Return the fills of a table that this upgrade does."""
    return [fill for fill in value_fills() if fill.table == table_name and upgrade.crosses(str(fill.since))]


def _needed(fill: ValueFill, target: TableClause) -> ColumnElement[bool]:
    lacking = target.c[fill.column].is_(None)
    if not fill.except_column:
        return lacking
    other = target.c[fill.except_column]
    return and_(lacking, or_(other.is_(None), other.not_in(fill.except_values)))


def _step(upgrade: Upgrade, table_name: str) -> Step:
    fills = fills_of(upgrade, table_name)
    types: dict[str, Any] = {fill.except_column: String for fill in fills if fill.except_column}
    types |= {fill.column: _TYPES[type(fill.value)] for fill in fills}
    target = table(table_name, *(column(name, of) for name, of in types.items()))
    fill_all = (
        update(target).values(filled_values(upgrade, target)).where(or_(*(_needed(fill, target) for fill in fills)))
    )
    return Step(
        f"value-fills/{table_name}",
        f"Fill new columns of {table_name.upper()}",
        "am",
        Phase.MIGRATE,
        (Sql(fill_all),),
        tables=(table_name,),
    )
