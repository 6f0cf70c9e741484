"""The one description of every product table, held against the catalogues of all releases."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from sqlalchemy import TableClause

import apim_upgrade
from apim_upgrade.releases import catalogued_releases
from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.tables import api, identity, registry, user

KIND = "postgresql"
SECTIONS = {"api": api, "identity": identity, "registry": registry, "user": user}
TYPES = {
    "BigInteger": ("bigint", "integer"),
    "Boolean": ("boolean",),
    "DateTime": ("timestamp",),
    "Integer": ("integer", "bigint"),
    "LargeBinary": ("bytea",),
    "SmallInteger": ("smallint",),
    "String": ("character", "text"),
}
TEXT_THEN_BYTES = {"am_api_operation_policy_mapping.parameters", "am_api_policy_mapping.parameters"}


def described(section: str) -> list[TableClause]:
    return [each for each in vars(SECTIONS[section]).values() if isinstance(each, TableClause)]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_described_column_is_in_a_release_with_the_type_described(section: str) -> None:
    known: dict[tuple[str, str], set[str]] = {}
    for release in catalogued_releases(KIND):
        for table in catalogue(KIND, release, section).tables.values():
            for column in table.columns:
                known.setdefault((table.name.lower(), column.name.lower()), set()).add(column.type)
    wrong = [
        f"{table.name}.{column.name} as {column.type!r} is {known.get((table.name, column.name))}"
        for table in described(section)
        for column in table.c
        if f"{table.name}.{column.name}" not in TEXT_THEN_BYTES
        and not all(
            live.startswith(TYPES[type(column.type).__name__])
            for live in known.get((table.name, column.name), {"unknown"})
        )
    ]
    assert wrong == []


def test_no_table_is_described_twice() -> None:
    names = [table.name for section in SECTIONS for table in described(section)]
    assert sorted(set(names)) == sorted(names)


def test_no_other_room_describes_a_table_of_the_product() -> None:
    root = Path(apim_upgrade.__file__).parent
    elsewhere = [
        f"{path.relative_to(root)}:{node.lineno} {node.args[0].value}"
        for path in sorted(root.rglob("*.py"))
        if path.parent.name != "tables"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "table"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).startswith(("am_", "idn_", "idp_", "reg_", "sp_", "um_"))
    ]
    assert elsewhere == []
