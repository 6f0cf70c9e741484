"""Rules on estates of real servers that lie on MySQL: every rule can be carried out, and says what is true."""

from __future__ import annotations

from collections.abc import Callable

from apim_upgrade.checks import Baseline, Report, all_rules, check, open_subject
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from apim_upgrade.schema import introspect
from apim_upgrade.schema.mysql.types import ROW_LIMIT, row_bytes
from checks.planting import NOW
from conftest import MariaServer, Pair


def checked(pair: Pair, source: str, *families: str) -> Report:
    estate = read_estate(pair.by_name(), source)
    rules = [rule for rule in all_rules() if not families or rule.family in families]
    with open_subject(pair.by_name(), estate, Release.parse("4.7.0"), Choices(), CheckChoices()) as subject:
        subject.now = NOW
        return check(subject, rules, baseline=Baseline(), listener=lambda event: None)


def told(report: Report) -> list[tuple[str, str]]:
    assert [(each.rule.code, each.reason) for each in report.unchecked] == []
    return [(each.code, each.message) for each in report.findings]


def test_the_same_estate_gives_the_same_findings_on_mysql_and_on_postgresql(
    real_estate: Callable[[str], Pair],
) -> None:
    places = ("DB", "ENV")  # about the servers
    mysql = checked(real_estate("3.2.0/mysql"), "3.2.0")
    postgresql = checked(real_estate("3.2.0"), "3.2.0")
    differ = ("IDN024", "REG015", "REG016")  # what lies about in one of the two only
    assert [each for each in told(mysql) if not each[0].startswith((*places, *differ))] == [
        each for each in told(postgresql) if not each[0].startswith((*places, *differ))
    ]
    assert dict(reversed(told(mysql)))["REG015"] == "REG_LOG has 4 paths whose resource is gone."
    assert {code for code, _ in told(mysql)} - {code for code, _ in told(postgresql)} == {
        "DB030",
        "DB041",
    }  # its tokens are older


def test_what_only_mysql_has_is_told_and_what_is_stock_is_not(
    mysql_databases: MariaServer, real_estate: Callable[[str], Pair]
) -> None:
    pair = real_estate("3.2.0/mysql")
    with pair.am.read() as session:
        full = sum(map(row_bytes, introspect(session).tables["AM_API"].columns))
    mysql_databases.execute(
        "ALTER TABLE IDN_SCIM_GROUP CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE AM_APPLICATION MODIFY CREATED_TIME TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP "
        "ON UPDATE CURRENT_TIMESTAMP",
        "RENAME TABLE AM_API_RATINGS TO am_api_ratings",
        "ALTER TABLE IDN_THRIFT_SESSION ENGINE=MyISAM",
        "CREATE USER reports@localhost",
        "GRANT SELECT ON AM_API TO reports@localhost",
        f"ALTER TABLE AM_API ADD COLUMN OURS VARBINARY({ROW_LIMIT - full - 100})",
        database=pair.am.address.database,
    )
    report = checked(pair, "3.2.0", "DB")
    mysql_databases.execute("DROP USER reports@localhost")
    found = dict(told(report))
    assert found["DB040"].startswith("The unique key of IDN_SCIM_GROUP")
    assert "AM_APPLICATION.CREATED_TIME" in found["DB043"]
    assert "am_api_ratings for AM_API_RATINGS" in found["DB042"]
    assert found["DB046"] == "IDN_THRIFT_SESSION lies in MyISAM."
    assert found["DB048"] == "'reports'@'localhost' has rights on 1 table of am one by one."
    assert found["DB010"].startswith("The server of am and shared is M")
    assert found["DB044"].startswith("A row of AM_API would take up to")


def test_views_that_would_break_are_told_with_table_and_change(
    mysql_databases: MariaServer, real_estate: Callable[[str], Pair]
) -> None:
    pair = real_estate("3.2.0/mysql")
    own, reports = pair.am.address.database, mysql_databases.create()
    mysql_databases.execute(
        "CREATE VIEW our_words AS SELECT a.NAME, x.VALUE AS word FROM AM_APPLICATION a "
        "JOIN AM_APPLICATION_ATTRIBUTES x ON x.APPLICATION_ID = a.APPLICATION_ID WHERE a.NAME <> '`x`.`VALUE`'",
        f"CREATE VIEW {reports}.per_tenant AS SELECT TENANT_ID, COUNT(*) FROM {own}.AM_API_CATEGORIES GROUP BY 1",
        "CREATE VIEW harmless AS SELECT USER_ID, TENANT_ID FROM AM_SUBSCRIBER",
        "CREATE VIEW labels AS SELECT NAME FROM AM_LABELS",
        "CREATE VIEW other_type AS SELECT ROLE_NAME FROM IDN_SCIM_GROUP",
        database=own,
    )
    found = [each for each in checked(pair, "3.2.0", "DB").findings if each.code in ("DB004", "DB005")]
    assert {(each.message, str(each.place)) for each in found} == {
        ("View labels reads AM_LABELS.NAME, which `commit` drops.", "am.AM_LABELS.NAME (labels)"),
        (
            "View our_words reads AM_APPLICATION_ATTRIBUTES.VALUE, which the upgrade renames to APP_ATTRIBUTE.",
            "am.AM_APPLICATION_ATTRIBUTES.VALUE (our_words)",
        ),
        (
            f"View {reports}.per_tenant reads AM_API_CATEGORIES.TENANT_ID, which `commit` drops.",
            f"am.AM_API_CATEGORIES.TENANT_ID ({reports}.per_tenant)",
        ),
    }


def test_an_estate_as_a_server_made_it_has_none_of_these(real_estate: Callable[[str], Pair]) -> None:
    found = told(checked(real_estate("4.2.0/mysql"), "4.2.0"))
    assert {code for code, _ in found if code.startswith("DB")} == {"DB010", "DB026", "DB032", "DB041"}
