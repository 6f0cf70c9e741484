"""The indexes that foreign keys rely on, where the DBMS does not let one go before there is another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.releases.model import Index, Schema, Table, fold
from apim_upgrade.schema.changes import AddPrimaryKey, Alteration, CreateIndex

_NAME_LENGTH = 63


def indexes_for_links(
    schema: Schema, live: Table, wanted: Table, gone: set[str], rest: Sequence[Alteration]
) -> Iterator[CreateIndex]:
    """
    Return the indexes to make before keys and indexes of the names ``gone`` go from a table.

    One that the target has as well gets its name; any other stands in until the target's own keys are there.
    """
    owners = (live.primary_key, *live.unique, *live.indexes)
    left = [owner.columns for owner in owners if owner is not None and owner.name not in gone]
    left += [change.key.columns for change in rest if isinstance(change, AddPrimaryKey)]
    lost = [owner.columns for owner in owners if owner is not None and owner.name in gone]
    for columns in _ends(schema, live):
        if any(_leads(columns, other) for other in lost) and not any(_leads(columns, other) for other in left):
            same = (
                index.name for index in wanted.indexes if tuple(map(fold, index.columns)) == tuple(map(fold, columns))
            )
            name = f"{PREFIX}{'_'.join(columns)}"[:_NAME_LENGTH]
            yield CreateIndex(live.name, Index(next(same, name), columns))
            left.append(columns)


def stands_in(index: Index) -> bool:
    """Say whether an index is one that the tool made for the time being."""
    return (index.name or "").startswith(PREFIX)


def _ends(schema: Schema, table: Table) -> Iterator[tuple[str, ...]]:
    """The columns of a table at which foreign keys begin or end."""
    yield from (key.columns for key in table.foreign_keys)
    for other in schema.tables.values():
        yield from (key.ref_columns for key in other.foreign_keys if fold(key.ref_table) == fold(table.name))


def _leads(columns: tuple[str, ...], index: tuple[str, ...]) -> bool:
    return _folded(columns) == _folded(index[: len(columns)])


def _folded(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, columns))
