"""MySQL and MariaDB: every stock schema is built as catalogued, and becomes the target's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import journal
from apim_upgrade.releases import Release, Schema, catalogue, catalogued_releases, sources
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import Column, Index, Table
from apim_upgrade.schema import (
    compare,
    create_statements,
    introspect,
    predicted_after_contract,
    predicted_after_expand,
    target_of,
)
from conftest import Pair
from schema.conftest import SchemaUpgrade

NEWEST = Release.parse("4.7.0")


def normal(schema: Schema, stock: Schema) -> dict[str, Table]:
    """
    Everything of the tables that the catalogues tell.

    They name a character set only where the script does, and an index that InnoDB makes for a foreign key is there or
    not as other indexes come first.
    """

    def column(found: Column, wanted: Column | None) -> Column:
        return found if wanted is not None and wanted.charset else replace(found, charset="", collation="")

    def ours(indexes: tuple[Index, ...]) -> tuple[Index, ...]:
        return tuple(sorted((index for index in indexes if not index.implied_by_fk), key=str))

    return {
        name: replace(
            table,
            columns=tuple(column(each, stock.tables[name].column(each.name)) for each in table.columns),
            unique=tuple(sorted(table.unique, key=str)),
            foreign_keys=tuple(sorted(table.foreign_keys, key=str)),
            indexes=ours(table.indexes),
            storage="",
        )
        for name, table in schema.tables.items()
        if not name.startswith(journal.PREFIX)
    }


def is_stock(live: Schema, release: Release, part: str) -> None:
    stock = catalogue("mysql", release, part)
    assert normal(live, stock) == normal(stock, stock)


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize("release", [each for each in catalogued_releases("mysql") if each not in sources()], ids=str)
def test_a_database_built_from_a_catalogue_is_read_back_as_that_catalogue(
    mysql_database: Callable[..., Database], release: Release, part: str
) -> None:
    with mysql_database(part).autocommit() as session:
        for statement in create_statements("mysql", release, part):
            session.execute(statement)
        is_stock(introspect(session), release, part)


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize("source", sources(), ids=str)
def test_a_stock_schema_becomes_that_of_the_newest_release(
    mysql_upgrade: Callable[..., SchemaUpgrade], source: Release, part: str
) -> None:
    upgrade = mysql_upgrade(str(source), str(NEWEST), part)
    stock = upgrade.live()
    is_stock(stock, source, part)
    upgrade.do(upgrade.expand())
    expanded = upgrade.live()
    predicted = predicted_after_expand("mysql", stock, NEWEST, part)
    assert shape(expanded) == shape(predicted)
    upgrade.fill()
    upgrade.do(upgrade.quarantine())
    upgrade.do(upgrade.contract())
    assert upgrade.wrong(leftovers=True) == []
    upgrade.do(upgrade.commit())
    assert upgrade.wrong() == []
    assert upgrade.again() <= {f"schema/{part}/expand/seed-rows"}
    assert not [name for name in upgrade.live().tables if "quarantine" in name]
    assert compare(upgrade.live(), target_of("mysql", NEWEST, part)).unknown == ()


@pytest.mark.parametrize("entry", read_toml("lookup_indexes.toml")["lookup"], ids=lambda entry: entry["table"])
def test_columns_that_data_steps_look_rows_up_by_have_an_index_of_the_tools_until_contract(
    entry: dict[str, str],
) -> None:
    oldest, part = sources()[0], entry["part"]

    def led(schema: Schema) -> list[str | None]:
        table = schema.table(entry["table"])
        assert table is not None
        owners = [each for each in (table.primary_key, *table.unique, *table.indexes) if each is not None]
        return [each.name for each in owners if each.columns[0].lower() == entry["column"]]

    expanded = predicted_after_expand("mysql", catalogue("mysql", oldest, part), NEWEST, part)
    assert led(expanded)
    contracted = predicted_after_contract("mysql", expanded, NEWEST, part)
    assert not [name for name in led(contracted) if (name or "").startswith(journal.PREFIX)]
    assert predicted_after_expand("mysql", contracted, NEWEST, part) == contracted, "and never again"
    hashing = predicted_after_expand("postgresql", catalogue("postgresql", oldest, part), NEWEST, part)
    assert not [name for name in led(hashing) if (name or "").startswith(journal.PREFIX)]


def shape(schema: Schema) -> dict[str, object]:
    """What a prediction has to get right."""
    return {
        name: (
            sorted((each.name, each.type, each.nullable, each.default or "", each.extra) for each in table.columns),
            sorted(map(sorted, table.unique_keys())),
            sorted((key.columns, key.ref_table, key.on_delete) for key in table.foreign_keys),
            sorted(index.columns for index in table.indexes if not index.implied_by_fk),
        )
        for name, table in schema.tables.items()
        if not name.startswith(journal.PREFIX)
    }


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize(("source", "target"), [("3.2.0", "4.4.0"), ("4.2.0", "4.5.0"), ("4.2.0", "4.7.0")])
def test_a_real_estate_gets_the_targets_schema_and_keeps_its_rows_and_character_sets(
    real_estate: Callable[[str], Pair], source: str, target: str, part: str
) -> None:
    database = real_estate(f"{source}/mysql").by_name()[part]
    upgrade = SchemaUpgrade(database, Release.parse(source), Release.parse(target))
    assert upgrade.found() == []
    before, rows = upgrade.live(), counts(upgrade)
    upgrade.all()
    assert upgrade.wrong() == []
    after = counts(upgrade)
    seeds = {"IDN_CONFIG_TYPE", "IDN_SECRET_TYPE"}
    assert {name: count for name, count in rows.items() if name in after and name not in seeds} == {
        name: after[name] for name in rows if name in after and name not in seeds
    }
    sets = {column.charset for table in upgrade.live().tables.values() for column in product(table)} - {""}
    assert sets == {column.charset for table in before.tables.values() for column in product(table)} - {""}


def product(table: Table) -> tuple[Column, ...]:
    return () if table.name.startswith(journal.PREFIX) else table.columns


def counts(upgrade: SchemaUpgrade) -> dict[str, object]:
    names = [name for name in upgrade.live().tables if not name.startswith(journal.PREFIX)]
    return {
        str(name): n for name, n in upgrade.rows(" UNION ALL ".join(f"SELECT '{x}', COUNT(*) FROM {x}" for x in names))
    }
