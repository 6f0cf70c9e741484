"""The stock schema that the builder makes is the catalogue, to the letter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.releases import Release, Schema, catalogue, catalogued_releases
from apim_upgrade.schema import create_statements, introspect


def normal(schema: Schema) -> dict[str, object]:
    """Everything of a schema but its seed rows and prose, in an order of its own."""
    return {
        "tables": {
            name: replace(
                table,
                unique=tuple(sorted(table.unique, key=str)),
                foreign_keys=tuple(sorted(table.foreign_keys, key=str)),
                indexes=tuple(sorted(table.indexes, key=str)),
            )
            for name, table in schema.tables.items()
        },
        "sequences": dict(schema.sequences),
        "functions": [replace(function, description="") for function in schema.functions],
        "triggers": [replace(trigger, description="") for trigger in schema.triggers],
    }


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize("release", catalogued_releases("postgresql"), ids=str)
def test_a_database_built_from_a_catalogue_is_read_back_as_that_catalogue(
    empty_database: Callable[[str], Database], release: Release, part: str
) -> None:
    with empty_database(part).write() as session:
        for statement in create_statements("postgresql", release, part):
            session.execute(statement)
        assert normal(introspect(session)) == normal(catalogue("postgresql", release, part))
