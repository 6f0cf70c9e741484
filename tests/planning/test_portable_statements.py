"""What MySQL does not do, or does otherwise than PostgreSQL, is in no statement of a data step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnClause, Delete, Update
from sqlalchemy.sql import visitors

from apim_upgrade.databases.mysql.dialect import OurMySQL
from apim_upgrade.engine import Sql
from apim_upgrade.migrations.upgrade import Choices, Tenant, Upgrade
from apim_upgrade.planning import data_steps
from apim_upgrade.releases import Release

MYSQL = OurMySQL(paramstyle="named")
TENANTS = (Tenant(-1234, "carbon.super"), Tenant(1, "a.com"))
EVERYTHING = Choices(separate_groups_and_roles=True, internal_scopes_per_tenant=True, repair_definitions=True)


def statements() -> Iterator[tuple[str, Sql, str]]:
    """Every different statement of the data steps: (step, operation, as MySQL gets it)."""
    seen = set()
    for source, target in (
        ("3.2.0", "4.0.0"),
        ("3.2.0", "4.1.0"),
        ("3.2.0", "4.4.0"),
        ("3.2.0", "4.7.0"),
        ("4.2.0", "4.7.0"),
    ):
        for choices in (Choices(), EVERYTHING):
            upgrade = Upgrade(Release.parse(source), Release.parse(target), datetime(2026, 1, 1), TENANTS, choices)
            for step in data_steps(upgrade):
                for operation in step.operations:
                    if isinstance(operation, Sql) and not isinstance(operation.statement, str):
                        MYSQL.names.meet(operation.statement)  # type: ignore[arg-type]
                        text = str(operation.statement.compile(dialect=MYSQL))  # type: ignore[attr-defined]
                        if text not in seen:
                            seen.add(text)
                            yield step.name, operation, text


ALL = list(statements())


def mentions(name: str, text: str) -> int:
    """How often a table is read or written, not counting its columns."""
    return len(re.findall(rf"(?<![\w.]){re.escape(name)}`?(?![\w.`])", text))


def test_there_are_statements_of_every_kind() -> None:
    assert len(ALL) > 150
    assert {type(operation.statement).__name__ for _, operation, _ in ALL} >= {"Insert", "Update", "Delete"}


def test_no_statement_names_a_temporary_table_twice() -> None:
    for step, _, text in ALL:
        for stage in set(re.findall(r"apim_upgrade_stage_\w+", text)):
            assert mentions(stage, text) <= 1, f"{step}: MySQL cannot open {stage} twice in\n{text}"


def test_no_subquery_reads_the_table_that_its_statement_changes() -> None:
    for step, operation, text in ALL:
        if isinstance(operation.statement, Update | Delete):
            _, *subqueries = re.split(r"\((?=SELECT)", text)
            name = MYSQL.names.real(operation.statement.table.name)
            for subquery in subqueries:
                put_aside = subquery.startswith("SELECT DISTINCT") and ") AS " in subquery
                assert put_aside or not mentions(name, subquery), f"{step}: error 1093 of MySQL in\n{text}"


def test_no_update_reads_a_column_that_it_has_just_set() -> None:
    for step, operation, text in ALL:
        if isinstance(operation.statement, Update):
            set_before: set[str] = set()
            for column, value in (operation.statement._values or {}).items():
                read = {
                    each.name
                    for each in visitors.iterate(value)
                    if isinstance(each, ColumnClause) and each.table is operation.statement.table
                }
                assert not read & set_before, f"{step}: MySQL reads what was set a moment ago in\n{text}"
                set_before.add(getattr(column, "name", str(column)))
