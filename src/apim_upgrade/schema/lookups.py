"""The indexes that data steps look rows up by, on a DBMS that joins without one by comparing all rows with all."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.releases import script_of
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import Index, Schema, Table, fold, folded
from apim_upgrade.schema.changes import CreateIndex
from apim_upgrade.schema.known import Target

_LENGTH = 64
"""Characters of a key: UUIDs have 36, and no row format's limit is met."""


def lookup_indexes(expanded: Schema, target: Target) -> Iterator[tuple[str, CreateIndex]]:
    """
    Return the indexes that an expanded schema lacks for the data steps to come, by table.

    One that a foreign key of the target will rely on is made as the server would then make it, and stays; any other
    stands in until *contract*.
    """
    for entry in read_toml("lookup_indexes.toml")["lookup"]:
        live, wanted = expanded.table(entry["table"]), target.wanted.table(entry["table"])
        column = live.column(entry["column"]) if live is not None else None
        if entry["part"] != script_of(target.part) or live is None or wanted is None or column is None:
            continue
        if _leads(column.name, live) or _has_key(expanded, *entry.get("until", ())):
            continue
        if any(folded(key.columns) == folded((column.name,)) for key in wanted.foreign_keys):
            index = Index(column.name, (column.name,))
        else:
            index = Index(f"{PREFIX}{column.name}", (column.name,), prefix=((column.name, _LENGTH),))
        yield wanted.name, CreateIndex(live.name, index)


def _has_key(schema: Schema, name: str = "", *columns: str) -> bool:
    table = schema.table(name)
    return table is not None and folded(columns) in table.unique_keys()


def _leads(column: str, table: Table) -> bool:
    owners = (table.primary_key, *table.unique, *table.indexes)
    return any(owner is not None and fold(owner.columns[0]) == fold(column) for owner in owners)
