"""Rules on MySQL, Oracle and SQL Server: they read a schema as a value, so stock catalogues stand in for servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from apim_upgrade.checks import Baseline, Reported, Severity, Subject, all_rules, check
from apim_upgrade.releases import PARTS, Release, catalogue
from apim_upgrade.releases.model import Column, Schema, Table
from checks.planting import Field


class _NoSession:
    """Rules that read the schema ask no server; this one knows no function."""

    def all(self, statement: str) -> Any:
        raise DBAPIError(statement, None, Exception("FUNCTION MD5 does not exist"))

    def attempt(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


Look = Callable[..., list[Reported]]


@pytest.fixture
def look(field: Field) -> Look:
    """Carry out one rule on a schema of a DBMS: the stock one of a release, changed."""
    estate = field.estate("3.2.0")

    def carry_out(
        code: str,
        kind: str,
        change: Callable[[Table], Table] = lambda table: table,
        *,
        source: str = "3.2.0",
        target: str = "4.7.0",
        server: str = "8.0",
    ) -> list[Reported]:
        subject = Subject(
            {part: _NoSession() for part in PARTS},  # type: ignore[misc]
            replace(
                estate,
                kind=kind,
                release=Release.parse(source),
                databases=tuple(replace(each, server=server) for each in estate.databases),
            ),
            Release.parse(target),
        )
        subject.__dict__["live"] = {part: _changed(catalogue(kind, subject.source, part), change) for part in PARTS}
        (rule,) = (rule for rule in all_rules() if rule.code == code)
        report = check(subject, [rule], baseline=Baseline(), listener=lambda event: None)
        assert [each.reason for each in report.unchecked] == []
        assert report.looked_at
        return list(report.findings)

    return carry_out


def _changed(schema: Schema, change: Callable[[Table], Table]) -> Schema:
    tables = [change(table) for table in schema.tables.values()]
    return replace(schema, tables={table.name: table for table in tables})


def _columns(change: Callable[[Column], Column]) -> Callable[[Table], Table]:
    return lambda table: replace(table, columns=tuple(change(column) for column in table.columns))


def test_a_key_is_too_long_only_with_a_wide_character_set(look: Look) -> None:
    assert look("DB040", "mysql") == []
    wide = _columns(
        lambda column: replace(column, charset="utf8mb4", collation="utf8mb4_bin") if "char" in column.type else column
    )
    found = look("DB040", "mysql", wide)
    wanted = "The unique key of IDN_SCIM_GROUP over (TENANT_ID, ROLE_NAME, ATTR_NAME) is made shorter: ATTR_NAME to 512"
    assert any(each.message.startswith(wanted) for each in found)
    assert {each.severity for each in found} == {Severity.MINOR, Severity.INFO}


def test_a_collation_that_ignores_case_is_found(look: Look) -> None:
    loose = _columns(lambda column: replace(column, collation="latin1_swedish_ci") if "char" in column.type else column)
    assert look("DB041", "mysql") == []
    assert [each.item for each in look("DB041", "mysql", loose)] == ["am", "shared"]
    mssql = _columns(lambda column: replace(column, collation="SQL_Latin1_General_CP1_CI_AS"))
    assert [each.item for each in look("DB041", "mssql", mssql)] == ["am", "shared"]


def test_the_case_of_table_names_is_compared(look: Look) -> None:
    assert look("DB042", "mysql") == []
    one = look(
        "DB042", "mysql", lambda table: replace(table, name=table.name.replace("AM_API_COMMENTS", "am_api_comments"))
    )
    assert [(each.item, each.severity) for each in one] == [("am", Severity.MAJOR)]
    everything = look("DB042", "mysql", lambda table: replace(table, name=table.name.lower()))
    assert {each.severity for each in everything} == {Severity.INFO}


def test_times_that_change_by_themselves_are_found_but_for_stock_ones(look: Look) -> None:
    assert look("DB043", "mysql") == []
    old = _columns(
        lambda column: replace(column, extra="on update CURRENT_TIMESTAMP") if column.name == "CREATED_TIME" else column
    )
    (found,) = look("DB043", "mysql", old)
    assert "AM_API.CREATED_TIME" in found.message
    assert "0 of them" not in found.message


def test_a_row_that_would_be_too_long_is_found(look: Look) -> None:
    assert look("DB044", "mysql") == []

    def widen(table: Table) -> Table:
        own = tuple(Column(f"OWN_{number}", "varchar(16000)", True) for number in range(4))
        return replace(table, columns=table.columns + own) if table.name == "AM_API" else table

    (found,) = look("DB044", "mysql", widen)
    assert str(found.place) == "am.AM_API"


def test_long_names_are_told_on_old_oracle_servers_only(look: Look) -> None:
    found = look("DB045", "oracle", server="12.1.0.2")
    assert found
    assert all("are too long for Oracle 12.1.0.2" in each.message for each in found)
    assert look("DB045", "oracle", server="19.3") == []


def test_a_table_outside_innodb_is_found(look: Look) -> None:
    assert look("DB046", "mysql") == []
    (found,) = look(
        "DB046", "mysql", lambda table: replace(table, storage="MyISAM Dynamic") if table.name == "REG_LOG" else table
    )
    assert (found.message, found.severity) == ("REG_LOG lies in MyISAM.", Severity.BLOCKER)


def test_ends_of_a_new_foreign_key_need_one_collation_on_mysql(look: Look) -> None:
    def collate(table: Table) -> Table:
        kind = "utf8mb4_bin" if table.name == "AM_REVISION" else "latin1_swedish_ci"
        return replace(
            table, columns=tuple(replace(c, collation=kind) if "char" in c.type else c for c in table.columns)
        )

    found = look("DB024", "mysql", collate, source="4.0.0")
    assert {each.severity for each in found} == {Severity.BLOCKER}
    assert any("AM_API_REVISION_METADATA.REVISION_UUID has the collation" in each.message for each in found)
    assert look("DB024", "mysql", source="4.0.0") == []


def test_a_server_without_md5_is_told_before_anything_is_changed(look: Look) -> None:
    found = look("DB047", "mysql")
    assert [(each.item, each.severity) for each in found] == [("am", Severity.BLOCKER), ("shared", Severity.BLOCKER)]


@pytest.mark.parametrize("told", ["5.7.22-log", "10.2.44-MariaDB"])
def test_a_server_too_old_for_the_upgrade_is_told_before_anything_is_changed(look: Look, told: str) -> None:
    found = look("DB049", "mysql", server=told)
    assert [(each.item, each.severity) for each in found] == [("am", Severity.BLOCKER), ("shared", Severity.BLOCKER)]
    assert look("DB049", "mysql", server="8.0.15") == look("DB049", "mysql", server="10.3.39-MariaDB") == []
