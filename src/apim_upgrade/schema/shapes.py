"""
Shapes of databases that nobody connects to: as the stock script makes them, or as a DBA's answer says.

The answer is that of one query (:func:`question`), which gives one text a row, ``APIM|what|field|field…``, whatever
the vendor. So it survives being copied out of any client, with whatever the client prints around it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from apim_upgrade.releases import Release, catalogue
from apim_upgrade.releases.model import ForeignKey, PrimaryKey, Schema, Table, Unique

_Key = TypeVar("_Key", PrimaryKey, Unique, ForeignKey)


def stock_shape(kind: str, release: Release, part: str) -> Schema:
    """
    Return what the stock script of a release makes, every constraint with a name.

    Most have names that the server chose. Here they are called by what they are on; scripts look the real ones up.
    """
    stock = catalogue(kind, release, part)
    return replace(stock, tables={name: _named(table) for name, table in stock.tables.items()}, seed_rows={})


def _named(table: Table) -> Table:
    return replace(
        table,
        primary_key=None if table.primary_key is None else _with_name(table.primary_key, "primary key"),
        unique=tuple(_with_name(key, "unique key") for key in table.unique),
        foreign_keys=tuple(_with_name(key, "foreign key") for key in table.foreign_keys),
    )


def _with_name(key: _Key, what: str) -> _Key:
    if key.name is not None:
        return key
    called = f"{what} ({', '.join(key.columns)})"
    return replace(key, name=called + (f" to {key.ref_table}" if isinstance(key, ForeignKey) else ""))
