"""Stage tables: where computed rows wait, for the length of one step, to be joined by a statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, Table


def stage_table(name: str, *columns: Column[Any]) -> Table:
    """Describe a stage ``apim_upgrade_stage_<name>``; every call makes a value of its own."""
    return Table(
        f"apim_upgrade_stage_{name}", MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP"
    )
