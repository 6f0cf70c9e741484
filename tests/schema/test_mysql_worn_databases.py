"""MySQL and MariaDB as customers have them: old time stamps, wide character sets, other names, their own objects."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from apim_upgrade.releases import Release, catalogue
from apim_upgrade.releases.model import Column, Schema, Table, Unique, fold
from apim_upgrade.schema import Standing, compare, create_statements, target_of
from apim_upgrade.schema.changes import (
    AddUnique,
    AlterTable,
)
from apim_upgrade.schema.mysql import ddl
from apim_upgrade.schema.mysql.types import holds, normal_type, same_default
from apim_upgrade.schema.mysql.versions import Version
from apim_upgrade.schema.mysql.views import columns_read
from conftest import MariaServer, mariadb_server
from schema.conftest import SchemaUpgrade

Make = Callable[..., SchemaUpgrade]
SUBSCRIBER = (
    "INSERT INTO AM_SUBSCRIBER (SUBSCRIBER_ID, USER_ID, TENANT_ID, DATE_SUBSCRIBED) VALUES (1, 'u', 1, NOW())",
    "INSERT INTO AM_APPLICATION (APPLICATION_ID, NAME, SUBSCRIBER_ID, UUID) VALUES (1, 'a', 1, 'app')",
)


def column(upgrade: SchemaUpgrade, table: str, name: str) -> Column:
    found = upgrade.live().tables[table].column(name)
    assert found is not None
    return found


def test_a_database_of_utf8mb4_stays_one_and_gets_keys_that_fit(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("3.2.0", "4.7.0", "am", "utf8mb4")
    upgrade.all()
    assert upgrade.wrong() == []
    live = upgrade.live()
    (key,) = (each for each in live.tables["IDN_SCIM_GROUP"].unique if "ATTR_NAME" in each.columns)
    assert key.prefix == (("ATTR_NAME", 512),)
    # An old column keeps its set and tells case apart, as the release asks; a new table is made as the release has it.
    role = column(upgrade, "IDN_SCIM_GROUP", "ROLE_NAME")
    assert (role.charset, role.collation) == ("utf8mb4", "utf8mb4_bin")
    assert column(upgrade, "IDN_INVALID_TOKENS", "TOKEN_IDENTIFIER").collation == "latin1_bin"
    sets = {
        each.charset for table in live.tables.values() for each in table.columns if not table.name.startswith("apim")
    }
    assert sets == {"", "utf8mb4", "latin1"}


def test_new_tables_follow_the_tables_and_not_the_default_of_the_database(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.1.0", "4.5.0", "am")
    name = upgrade.database.address.database
    upgrade.sql(f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4")
    upgrade.all()
    assert upgrade.wrong() == []
    assert column(upgrade, "GOV_RULESET", "RULESET_ID").collation == "latin1_swedish_ci"
    assert column(upgrade, "AM_APPLICATION", "SHARED_ORGANIZATION").charset == "latin1"


def test_paths_tell_case_apart_after_the_upgrade_and_none_is_converted(mysql_upgrade: Make) -> None:
    insert = "INSERT INTO REG_PATH (REG_PATH_VALUE, REG_TENANT_ID) VALUES ('/é', 1)"
    for charset, collation in (("latin1", "latin1_general_cs"), ("utf8mb4", "utf8mb4_bin")):
        upgrade = mysql_upgrade("3.2.0", "4.0.0", "shared", charset)
        upgrade.sql(insert)
        upgrade.all()
        upgrade.sql(insert.replace("é", "É"))
        assert column(upgrade, "REG_PATH", "REG_PATH_VALUE").collation == collation
        assert upgrade.rows("SELECT REG_PATH_VALUE FROM REG_PATH ORDER BY 1 DESC")[0] == ("/é",)


def test_text_that_becomes_bytes_is_the_utf8_that_the_product_reads(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.5.0", "4.6.0", "am")
    upgrade.sql(
        *SUBSCRIBER,
        "INSERT INTO AM_APPLICATION_REGISTRATION (SUBSCRIBER_ID, WF_REF, APP_ID, TOKEN_TYPE, TOKEN_SCOPE, INPUTS, "
        "KEY_MANAGER, ALLOWED_DOMAINS, VALIDITY_PERIOD) VALUES (1, 'w', 1, 'P', '', 'é \\\\n', 'k', '', 1)",
    )
    upgrade.all()
    assert upgrade.rows("SELECT INPUTS FROM AM_APPLICATION_REGISTRATION") == [("é \\n".encode(),)]


def test_names_of_keys_and_indexes_mean_nothing(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.2.0", "am")
    (key,) = (each for each in upgrade.live().tables["AM_API"].unique if len(each.columns) == 3)
    upgrade.sql(
        f"ALTER TABLE AM_API RENAME INDEX `{key.name}` TO OURS",
        "ALTER TABLE AM_REVISION ADD INDEX IDX_AAI_ORG (CREATED_BY)",
        "ALTER TABLE AM_SUBSCRIPTION DROP FOREIGN KEY AM_SUBSCRIPTION_ibfk_1, "
        "ADD CONSTRAINT AM_REVISION_ibfk_1 FOREIGN KEY (APPLICATION_ID) REFERENCES AM_APPLICATION (APPLICATION_ID) "
        "ON UPDATE CASCADE ON DELETE RESTRICT",
    )
    upgrade.all()
    assert upgrade.wrong() == []


def test_the_customers_own_objects_are_kept_and_reported(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.1.0", "4.5.0", "am")
    upgrade.sql(
        "CREATE TABLE `Our Reports` (ID INT PRIMARY KEY, API INT, FOREIGN KEY (API) REFERENCES AM_API (API_ID))",
        "ALTER TABLE AM_API ADD COLUMN COST_CENTRE VARCHAR(20), ADD COLUMN LOUD VARCHAR(300) AS (UPPER(API_NAME))",
        "ALTER TABLE AM_API ADD CONSTRAINT our_check CHECK (API_NAME <> ''), ADD UNIQUE our_key (API_NAME(20), API_ID)",
        "CREATE VIEW our_view AS SELECT API_NAME FROM AM_API",
        "CREATE TRIGGER our_trigger BEFORE UPDATE ON AM_API FOR EACH ROW SET NEW.COST_CENTRE = 'x'",
        "CREATE FUNCTION our_function() RETURNS INT DETERMINISTIC RETURN 1",
        "INSERT INTO AM_API (API_PROVIDER, API_NAME, API_VERSION, CONTEXT, API_ID, COST_CENTRE) "
        "VALUES ('p', 'n', '1', '/n', 1, 'cc7')",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    assert upgrade.rows("SELECT COST_CENTRE, LOUD FROM AM_API") == [("cc7", "N")]
    unknown = {str(each) for each in compare(upgrade.live(), target_of("mysql", upgrade.target, "am")).unknown}
    assert {
        "table Our Reports: not the product's",
        "column AM_API.COST_CENTRE: not the product's",
        "trigger AM_API.our_trigger: not the product's",
        "function our_function: not the product's",
    } <= unknown


@pytest.mark.parametrize(("length", "left"), [(36, "varchar(64)"), (90, "varchar(255)")])
def test_a_column_is_narrowed_only_if_every_value_fits(mysql_upgrade: Make, length: int, left: str) -> None:
    upgrade = mysql_upgrade("3.2.0", "4.0.0", "am")
    upgrade.sql(
        "INSERT INTO AM_API (API_PROVIDER, API_NAME, API_VERSION, CONTEXT, API_ID) VALUES ('p', 'n', '1', '/n', 1)",
        "INSERT INTO AM_API_COMMENTS (COMMENT_ID, COMMENT_TEXT, COMMENTED_USER, DATE_COMMENTED, API_ID) "
        f"VALUES (REPEAT('x', {length}), 't', 'u', '2001-02-03 04:05:06', 1)",
    )
    upgrade.all()
    assert column(upgrade, "AM_API_COMMENTS", "COMMENT_ID").type == left
    assert upgrade.rows("SELECT CREATED_BY, CAST(CREATED_TIME AS CHAR) FROM AM_API_COMMENTS") == [
        ("u", "2001-02-03 04:05:06")
    ]
    assert upgrade.wrong() == []


def test_rows_that_a_key_would_refuse_are_moved_aside_with_what_belongs_to_them(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.2.0", "am")
    upgrade.sql(
        "INSERT INTO AM_REVISION (ID, API_UUID, REVISION_UUID, CREATED_BY) VALUES (1, 'nobody', 'r1', 'x')",
        "INSERT INTO AM_DEPLOYMENT_REVISION_MAPPING (NAME, REVISION_UUID) VALUES ('Default', 'r1')",
        *(
            f"INSERT INTO IDN_SCIM_GROUP (TENANT_ID, ROLE_NAME, ATTR_NAME, ATTR_VALUE) VALUES (1, 'r', 'a', '{number}')"
            for number in range(3)
        ),
    )
    told = {(each.table, each.count, each.remedy) for each in upgrade.found()}
    assert told == {("AM_REVISION", 1, "quarantine"), ("IDN_SCIM_GROUP", 2, "quarantine")}
    upgrade.do(upgrade.expand())
    upgrade.fill()
    upgrade.run(upgrade.quarantine())
    upgrade.run(upgrade.contract())
    assert upgrade.wrong(leftovers=True) == []
    assert upgrade.rows("SELECT REVISION_UUID FROM apim_upgrade_quarantine_am_revision") == [("r1",)]
    assert upgrade.rows("SELECT ATTR_VALUE FROM apim_upgrade_quarantine_idn_scim_group ORDER BY 1") == [("1",), ("2",)]
    assert [name for name in upgrade.live().tables if "quarantine" in name] == [
        "apim_upgrade_quarantine_am_deployment_revision_mapping",
        "apim_upgrade_quarantine_am_revision",
        "apim_upgrade_quarantine_idn_scim_group",
    ]


def test_surrogate_keys_number_the_rows_that_are_there(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.2.0", "shared")
    upgrade.sql(
        "INSERT INTO REG_PROPERTY (REG_ID, REG_NAME, REG_TENANT_ID) VALUES (1, 'a', -1234), (2, 'b', -1234)",
        "INSERT INTO REG_RESOURCE_PROPERTY (REG_PROPERTY_ID, REG_TENANT_ID) VALUES (1, -1234), (2, -1234)",
    )
    upgrade.all()
    upgrade.sql("INSERT INTO REG_RESOURCE_PROPERTY (REG_PROPERTY_ID, REG_TENANT_ID) VALUES (1, -1234)")
    assert upgrade.rows("SELECT ID FROM REG_RESOURCE_PROPERTY ORDER BY ID") == [(1,), (2,), (3,)]
    assert upgrade.rows("SELECT COUNT(*) FROM UM_ORG WHERE UM_CREATED_TIME = '2026-01-02 03:04:05'") == [(1,)]


def test_every_statement_is_a_place_to_stop_and_resume_at(mysql_upgrade: Make) -> None:
    """DDL commits by itself: broken off after any statement, what is left is composed again from what there is."""
    upgrade = mysql_upgrade("4.0.0", "4.7.0", "am")
    for phase in (upgrade.expand, upgrade.contract, upgrade.commit):
        for stride in count(7, 6):
            statements = [
                str(sql.statement) for step in phase() for sql in step.operations if isinstance(sql.statement, str)
            ]  # type: ignore[union-attr]
            if not statements:
                break
            upgrade.sql(*statements[:stride])
        upgrade.fill()
    assert upgrade.wrong() == []


def test_a_stop_between_an_old_foreign_key_and_its_successor_is_resumed(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.1.0", "am")
    upgrade.run(upgrade.expand())
    upgrade.fill()
    upgrade.run(upgrade.quarantine())
    upgrade.sql("ALTER TABLE AM_APPLICATION_REGISTRATION DROP FOREIGN KEY AM_APPLICATION_REGISTRATION_ibfk_2")
    again = upgrade.quarantine()
    assert "schema/am/quarantine/AM_APPLICATION_REGISTRATION" in {step.name for step in again}
    upgrade.run([*again, *upgrade.contract()])
    assert upgrade.wrong(leftovers=True) == []


def test_an_old_server_and_its_time_stamps_and_names_are_taken_as_they_are() -> None:
    """explicit_defaults_for_timestamp = OFF as on MySQL 5.7, names in lower case as on Windows, zero dates."""
    with mariadb_server(lower_case_table_names="1", explicit_defaults_for_timestamp="OFF") as server:
        databases = MariaServer(server, server.data, count(1))
        for source, part in (("4.2.0", "am"), ("4.0.0", "shared")):
            database = databases.database(part, databases.create())
            with database.autocommit() as session:
                session.execute("SET SESSION sql_mode = 'NO_ENGINE_SUBSTITUTION'")
                for statement in create_statements("mysql", Release.parse(source), part):
                    session.execute(statement.replace("timestamp NULL DEFAULT NULL", "timestamp"))
            upgrade = SchemaUpgrade(database, Release.parse(source), Release.parse("4.7.0"))
            stock = target_of("mysql", upgrade.source, part)
            assert compare(upgrade.live(), stock).of(Standing.DIFFERENT) == ()
            if part == "am":
                upgrade.sql(
                    "INSERT INTO AM_API (API_PROVIDER, API_NAME, API_VERSION, CONTEXT, API_ID, CREATED_TIME, "
                    "UPDATED_TIME) VALUES ('p', 'n', '1', '/n', 1, '2001-02-03 04:05:06', '2001-02-03 04:05:06')"
                )
            upgrade.all()
            assert upgrade.wrong() == []
            if part == "am":
                assert column(upgrade, "am_api", "CREATED_TIME").extra == "on update CURRENT_TIMESTAMP"
                assert upgrade.rows("SELECT CAST(CREATED_TIME AS CHAR) FROM AM_API") == [("2001-02-03 04:05:06",)]


def test_a_row_format_of_old_gets_shorter_indexes(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("3.2.0", "4.0.0", "shared", "utf8mb4")
    upgrade.sql("ALTER TABLE UM_USER_ATTRIBUTE ROW_FORMAT=COMPACT")
    upgrade.all()
    assert upgrade.wrong() == []
    (index,) = (each for each in upgrade.live().tables["UM_USER_ATTRIBUTE"].indexes if "UM_ATTR_VALUE" in each.columns)
    assert index.prefix == (("UM_ATTR_NAME", 191), ("UM_ATTR_VALUE", 191))


@pytest.mark.parametrize(
    ("live", "wanted", "fits"),
    [
        ("varchar(255)", "varchar(31)", True),
        ("varchar(31)", "varchar(255)", False),
        ("text", "varchar(255)", True),
        ("mediumblob", "blob", True),
        ("blob", "longblob", False),
        ("longtext", "text", True),
        ("bigint", "int", True),
        ("bigint unsigned", "int", False),
        ("char(36)", "varchar(36)", False),
        ("varchar(2048)", "blob", False),
        ("tinyint(1)", "int", False),
    ],
)
def test_a_type_holds_another_when_it_takes_all_its_values(live: str, wanted: str, fits: bool) -> None:
    assert holds(live, wanted) is fits


def test_servers_tell_the_same_in_different_words() -> None:
    assert [normal_type(each) for each in ("int(11)", "bigint(20) unsigned", "tinyint(1)", "tinyint(4)")] == [
        "int",
        "bigint unsigned",
        "tinyint(1)",
        "tinyint",
    ]
    assert same_default("current_timestamp()", "CURRENT_TIMESTAMP")
    assert same_default("'0'", "0")
    assert same_default("NULL", None)
    assert not same_default("'a'", "'b'")
    assert Version.parse("5.5.5-10.6.12-MariaDB-log").reaches("", "10.6")
    assert not Version.parse("8.0.12").reaches("8.0.13", "10.0")
    assert Version.parse("11.4.2").is_mariadb


def test_the_text_of_a_view_tells_what_it_reads() -> None:
    """MySQL names a column by its table or alias alone, MariaDB with the database before it."""
    text = (
        "select `a`.`API_NAME` AS `name`,`am`.`AM_API`.`CONTEXT` AS `am`,`AM_API`.`API_ID` AS `API_ID`,"
        "'`a`.`NOT`''`a`.`READ`' AS `x`,`b`.`ODD``NAME` AS `y`,`elsewhere`.`AM_API`.`OTHER` AS `z` "
        "from ((`am`.`AM_API` `a` join `am`.`AM_API`) join `elsewhere`.`AM_API` `e` on((`e`.`ID` = `b`.`ID`))) "
        "join `am`.`B` `b`"
    )
    assert set(columns_read(text, "am", ["am_api", "b"])) == {
        ("am_api", "API_NAME"),
        ("am_api", "CONTEXT"),
        ("am_api", "API_ID"),
        ("b", "ODD`NAME"),
        ("b", "ID"),
    }


def test_a_shortened_unique_key_keeps_the_whole_values_unique() -> None:
    table = Table("T", (), unique=(Unique("U", ("A", "B"), (("B", 64),)),))
    assert list(table.unique_keys()) == [frozenset("ab")]
    change = AlterTable("T", (AddUnique(table.unique[0]),))
    assert ddl.ddl(change, Schema("mysql", {"T": table})) == ("ALTER TABLE `T` ADD UNIQUE KEY `U` (`A`, `B`(64))",)


def test_seed_rows_and_defaults_are_written_for_any_sql_mode() -> None:
    stock = catalogue("mysql", Release.parse("4.2.0"), "am")
    (row,) = (each for each in stock.seed_rows["IDN_CONFIG_TYPE"] if each["NAME"] == "IDP_TEMPLATE")
    assert ddl.insert("IDN_CONFIG_TYPE", row).startswith("INSERT INTO `IDN_CONFIG_TYPE` (`ID`, `NAME`")
    assert ddl.literal("it's \\ 5 %") == "'it''s \\\\ 5 %'"
    assert fold("X") == "x"
