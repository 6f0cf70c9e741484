"""Databases as customers have them: other names, half-done upgrades, what earlier tools left, their own objects."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.engine import Sql, Step
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.releases import Release
from apim_upgrade.schema import (
    Standing,
    Violation,
    commit_steps,
    compare,
    contract_steps,
    create_statements,
    expand_steps,
    introspect,
    predicted_after_expand,
    quarantine_steps,
    target_of,
    violations,
)
from schema.conftest import KIND, SchemaUpgrade

Make = Callable[[str, str, str], SchemaUpgrade]


def found(upgrade: SchemaUpgrade) -> list[Violation]:
    with upgrade.database.read() as session:
        return violations(session, KIND, introspect(session), upgrade.target, upgrade.part, upgrade.part)


def names(steps: list[Step]) -> set[str]:
    return {step.name.split("/", 2)[2] for step in steps}


def test_names_of_constraints_and_indexes_mean_nothing(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.2.0", "am")
    upgrade.sql(
        "ALTER TABLE am_api RENAME CONSTRAINT am_api_api_provider_api_name_api_version_key TO sys_c0042",
        "ALTER TABLE am_subscription RENAME CONSTRAINT am_subscription_pkey TO sys_c0043",
        "ALTER TABLE idn_oauth2_token_binding RENAME CONSTRAINT idn_oauth2_token_binding_pkey TO sys_c0044",
        "CREATE INDEX idx_aai_org ON am_application (created_by)",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    table = upgrade.live().tables["am_api"]
    assert "sys_c0042" not in [unique.name for unique in table.unique]


def test_what_an_update_level_brought_early_is_left_as_it_is(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.0.0", "am")
    upgrade.sql(
        "CREATE TABLE am_correlation_configs (component_name varchar(45) PRIMARY KEY, enabled varchar(45) NOT NULL)",
        "INSERT INTO am_correlation_configs VALUES ('http', 'false')",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    assert upgrade.rows("SELECT count(*) FROM am_correlation_configs") == [(1,)]
    difference = compare(upgrade.live(), target_of(KIND, upgrade.target, "am"))
    assert [each.name for each in difference.of(Standing.EARLY)] == ["am_correlation_configs"]


def test_an_early_table_with_rows_takes_part_in_the_upgrade(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.4.0", "am")
    upgrade.sql("CREATE TABLE am_correlation_configs (component_name varchar(45) PRIMARY KEY, enabled varchar(45))")
    upgrade.all()
    assert upgrade.wrong() == []


def test_wider_columns_stay_wide(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.0.0", "shared")
    upgrade.sql(
        "ALTER TABLE reg_log ALTER COLUMN reg_user_id TYPE varchar(500)",
        "ALTER TABLE reg_tag ALTER COLUMN reg_user_id TYPE text",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    difference = compare(upgrade.live(), target_of(KIND, upgrade.target, "shared"))
    assert [each.name for each in difference.of(Standing.WIDER)] == ["reg_log.reg_user_id", "reg_tag.reg_user_id"]


@pytest.mark.parametrize(("length", "left"), [(36, "character varying(64)"), (90, "character varying(255)")])
def test_a_column_is_narrowed_only_if_every_value_fits(schema_upgrade: Make, length: int, left: str) -> None:
    upgrade = schema_upgrade("3.2.0", "4.0.0", "am")
    upgrade.sql(
        "INSERT INTO am_api (api_provider, api_name, api_version, context, api_id) VALUES ('p', 'n', '1', '/n', 1)",
        "INSERT INTO am_api_comments (comment_id, comment_text, commented_user, date_commented, api_id) "
        f"VALUES (repeat('x', {length}), 't', 'u', now(), 1)",
    )
    assert found(upgrade) == []
    upgrade.all()
    column = upgrade.live().tables["am_api_comments"].column("comment_id")
    assert column is not None
    assert column.type == left
    assert upgrade.rows("SELECT length(comment_id), created_by FROM am_api_comments") == [(length, "u")]
    assert upgrade.wrong() == []


def test_the_customers_own_objects_are_kept_and_reported(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.1.0", "4.5.0", "am")
    upgrade.sql(
        'CREATE TABLE "Our Reports" (id integer PRIMARY KEY, api integer REFERENCES am_api (api_id))',
        "ALTER TABLE am_api ADD COLUMN cost_centre varchar(20)",
        "CREATE INDEX our_index ON am_application (application_status, name)",
        "CREATE UNIQUE INDEX our_partial ON am_api (api_name) WHERE api_tier = 'ours'",
        "ALTER TABLE am_subscriber ADD CONSTRAINT our_key UNIQUE (email_address, tenant_id, user_id)",
        "CREATE SEQUENCE our_sequence",
        "CREATE FUNCTION our_function() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TRIGGER our_trigger BEFORE UPDATE ON am_api FOR EACH ROW EXECUTE PROCEDURE our_function()",
        "ALTER TABLE am_api ADD CONSTRAINT our_check CHECK (api_name <> '')",
        "INSERT INTO am_api (api_provider, api_name, api_version, context, api_id, cost_centre) "
        "VALUES ('p', 'n', '1', '/n', 1, 'cc7')",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    assert upgrade.rows("SELECT cost_centre FROM am_api") == [("cc7",)]
    difference = compare(upgrade.live(), target_of(KIND, upgrade.target, "am"))
    assert {(each.what, each.name) for each in difference.unknown} == {
        ("table", "Our Reports"),
        ("column", "am_api.cost_centre"),
        ("index", "am_application (application_status, name)"),
        ("index", "am_api (api_name)"),
        ("key", "am_subscriber (email_address, tenant_id, user_id)"),
        ("sequence", "our_sequence"),
        ("function", "our_function"),
        ("trigger", "am_api.our_trigger"),
        ("check", "am_api (api_name::text <> ''::text)"),
    }
    assert all("not the product's" in str(each) for each in difference.unknown)


def test_a_half_done_upgrade_has_both_columns_and_loses_no_value(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.3.0", "am")
    upgrade.sql(
        "ALTER TABLE am_gateway_environment ADD COLUMN organization varchar(100)",
        "ALTER TABLE am_gateway_environment ADD COLUMN provider varchar(255) DEFAULT 'wso2'",
        "INSERT INTO am_gateway_environment (uuid, name, tenant_domain, organization) "
        "VALUES ('1', 'a', 'acme.com', NULL), ('2', 'b', 'old.com', 'new.com')",
    )
    upgrade.do(upgrade.expand())
    column = upgrade.live().tables["am_gateway_environment"].column("tenant_domain")
    assert column is not None
    assert column.nullable
    upgrade.sql("UPDATE am_gateway_environment SET gateway_type = 'Regular'")
    upgrade.do([*upgrade.quarantine(), *upgrade.contract()])
    assert upgrade.rows("SELECT organization FROM am_gateway_environment ORDER BY uuid") == [
        ("acme.com",),
        ("new.com",),
    ]
    left = [each.name for each in compare(upgrade.live(), target_of(KIND, upgrade.target, "am")).left_over]
    assert "am_gateway_environment.tenant_domain" in left
    upgrade.do(upgrade.commit())
    assert upgrade.wrong() == []


def test_what_the_vendors_scripts_left_is_put_right(schema_upgrade: Make) -> None:
    """Differences that DIFFS lists as left over, on a database said to be a 4.1.0."""
    upgrade = schema_upgrade("4.1.0", "4.4.0", "am")
    upgrade.sql(
        "ALTER TABLE am_api ADD CONSTRAINT api_old_key UNIQUE (api_provider, api_name, api_version)",
        "ALTER TABLE am_application ADD UNIQUE (name, subscriber_id)",
        "ALTER TABLE am_graphql_complexity ADD UNIQUE (api_id, type, field)",
        "ALTER TABLE am_gateway_environment ADD COLUMN tenant_domain varchar(255) NOT NULL",
        "ALTER TABLE am_gateway_environment ALTER COLUMN provider DROP NOT NULL, ALTER COLUMN provider SET DEFAULT 'x'",
        "ALTER TABLE am_key_manager ADD UNIQUE (name, organization)",
        "ALTER TABLE am_subscriber ALTER COLUMN user_id TYPE varchar(50)",
        "CREATE TABLE am_subscription_key_mapping (subscription_id integer REFERENCES am_subscription, "
        "access_token varchar(512), key_type varchar(512), PRIMARY KEY (subscription_id, access_token))",
        "ALTER TABLE am_application_key_mapping DROP CONSTRAINT am_application_key_mapping_pkey",
        "ALTER TABLE am_application_key_mapping ADD CONSTRAINT application_key_unique "
        "UNIQUE (application_id, key_type, key_manager)",
        "ALTER TABLE am_application_key_mapping ALTER COLUMN uuid SET NOT NULL, "
        "ALTER COLUMN uuid SET DEFAULT md5('x'), ALTER COLUMN key_manager SET DEFAULT 'Resident Key Manager'",
        "ALTER TABLE am_webhooks_subscription ALTER COLUMN delivery_state DROP NOT NULL",
        "ALTER TABLE am_api_comments DROP CONSTRAINT am_api_comments_api_id_fkey, "
        "ADD FOREIGN KEY (api_id) REFERENCES am_api (api_id) ON UPDATE CASCADE",
        "ALTER TABLE idn_uma_permission_ticket DROP COLUMN token_id",
        "DROP TABLE am_deployed_revision",
    )
    assert found(upgrade) == []
    upgrade.do(upgrade.expand())
    upgrade.do([*upgrade.quarantine(), *upgrade.contract()])
    assert upgrade.wrong(leftovers=True) == []
    old = upgrade.live().tables["am_subscription_key_mapping"]
    assert old.foreign_keys == ()
    environment = "INSERT INTO am_gateway_environment (uuid, name, organization, provider, gateway_type) VALUES "
    upgrade.sql(environment + "('1', 'a', 'o', 'p', 't')")
    upgrade.do(upgrade.commit())
    assert upgrade.wrong() == []


def test_users_ids_of_the_vendors_scripts_become_stock(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.2.0", "shared")
    upgrade.sql(
        "ALTER TABLE um_user DROP CONSTRAINT um_user_um_user_id_um_tenant_id_key",
        "ALTER TABLE um_user ALTER COLUMN um_user_id TYPE char(36), ALTER COLUMN um_user_id DROP NOT NULL, "
        "ALTER COLUMN um_user_id SET DEFAULT md5('x')",
        "ALTER TABLE um_user ADD CONSTRAINT um_user_uuid_constraint UNIQUE (um_user_id), "
        "ADD UNIQUE (um_user_name, um_tenant_id)",
        "CREATE INDEX reg_path_ind_by_path_value ON reg_path (reg_path_value, reg_tenant_id)",
        "INSERT INTO um_user (um_user_name, um_user_password, um_changed_time, um_tenant_id, um_user_id) "
        "VALUES ('admin', 'x', now(), -1234, '8ec6dbf1-218a-49bf-bc34-0d2db52d151c')",
    )
    upgrade.all()
    assert upgrade.wrong() == []
    assert upgrade.rows("SELECT um_user_id FROM um_user") == [("8ec6dbf1-218a-49bf-bc34-0d2db52d151c",)]


def test_the_registrys_indexes_come_and_never_go(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.0.0", "shared")
    upgrade.all()
    indexes = {index.columns for index in upgrade.live().tables["reg_resource_property"].indexes}
    assert ("reg_tenant_id", "reg_property_id") in indexes


def test_a_sequence_that_comes_to_a_filled_column_goes_on_after_it(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.1.0", "am")
    upgrade.sql(
        "ALTER TABLE am_subscriber ALTER COLUMN subscriber_id DROP DEFAULT",
        "INSERT INTO am_subscriber (subscriber_id, user_id, tenant_id, date_subscribed) VALUES (700, 'u', 1, now())",
    )
    upgrade.all()
    upgrade.sql("INSERT INTO am_subscriber (user_id, tenant_id, date_subscribed) VALUES ('v', 1, now())")
    assert upgrade.rows("SELECT subscriber_id FROM am_subscriber WHERE user_id = 'v'") == [(701,)]
    assert upgrade.wrong() == []


ORPHANS = (
    "INSERT INTO am_api (api_provider, api_name, api_version, context, api_id, api_uuid) "
    "VALUES ('p', 'n', '1', '/n', 1, 'alive')",
    "INSERT INTO am_revision (id, api_uuid, revision_uuid) VALUES (1, 'alive', 'r1'), (1, 'dead', 'r2')",
    "INSERT INTO am_deployment_revision_mapping (name, revision_uuid) VALUES ('Default', 'r1'), ('Default', 'r2')",
    "INSERT INTO am_api_revision_metadata (api_uuid, revision_uuid) VALUES ('alive', 'r1'), ('dead', 'r2'), "
    "('x', 'r3')",
)


def test_orphans_are_told_beforehand_and_moved_aside_with_all_that_belongs_to_them(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.4.0", "am")
    upgrade.sql(*ORPHANS)
    told = {(each.table, each.count, each.remedy) for each in found(upgrade)}
    assert told == {("am_revision", 1, "quarantine"), ("am_api_revision_metadata", 1, "quarantine")}
    assert "dead" in next(each for each in found(upgrade) if each.table == "am_revision").sentence()
    upgrade.run(upgrade.expand())
    steps = upgrade.quarantine()
    assert names(steps) >= {"quarantine/am_revision", "quarantine/am_api_revision_metadata"}
    upgrade.run(steps)
    upgrade.run(upgrade.contract())
    upgrade.run(upgrade.commit())
    assert upgrade.wrong() == []
    assert upgrade.rows("SELECT revision_uuid FROM am_deployment_revision_mapping") == [("r1",)]
    assert upgrade.rows("SELECT revision_uuid FROM apim_upgrade_quarantine_am_revision") == [("r2",)]
    assert upgrade.rows("SELECT revision_uuid FROM apim_upgrade_quarantine_am_deployment_revision_mapping") == [("r2",)]
    aside = "SELECT revision_uuid FROM apim_upgrade_quarantine_am_api_revision_metadata ORDER BY 1"
    assert upgrade.rows(aside) == [("r2",), ("r3",)]
    counted = upgrade.rows(
        "SELECT table_name, inserted, deleted FROM apim_upgrade_rows WHERE table_name LIKE '%am_revision' ORDER BY 1"
    )
    assert counted == [("am_revision", 0, 1), ("apim_upgrade_quarantine_am_revision", 1, 0)]


def test_quarantine_done_twice_moves_nothing_twice(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.4.0", "am")
    upgrade.sql(*ORPHANS)
    upgrade.do(upgrade.expand())
    upgrade.do(upgrade.quarantine())
    upgrade.do(upgrade.quarantine())
    assert upgrade.rows("SELECT count(*) FROM apim_upgrade_quarantine_am_revision") == [(1,)]
    assert upgrade.rows("SELECT count(*) FROM am_revision") == [(1,)]


def test_the_oldest_of_doubled_scim_rows_stays(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.1.0", "4.2.0", "am")
    upgrade.sql(
        "INSERT INTO idn_scim_group (tenant_id, role_name, attr_name, attr_value) VALUES "
        "(1, 'r', 'a', 'first'), (1, 'r', 'a', 'second'), (1, 'r', 'b', 'other'), (1, 'r', 'a', 'third')"
    )
    (violation,) = found(upgrade)
    assert (violation.table, violation.count, violation.remedy) == ("idn_scim_group", 2, "quarantine")
    assert violation.sample == ("1, r, a",)
    upgrade.all()
    assert upgrade.rows("SELECT attr_value FROM idn_scim_group ORDER BY id") == [("first",), ("other",)]
    aside = "SELECT attr_value FROM apim_upgrade_quarantine_idn_scim_group ORDER BY id"
    assert upgrade.rows(aside) == [("second",), ("third",)]
    assert upgrade.wrong() == []


def test_doubled_users_stop_an_upgrade_before_it_begins(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.1.0", "4.2.0", "shared")
    user = "INSERT INTO um_user (um_user_name, um_user_password, um_changed_time, um_tenant_id, um_user_id) VALUES "
    upgrade.sql(user + "('kim', 'x', now(), 1, 'a'), ('kim', 'x', now(), 1, 'b'), ('lee', 'x', now(), 2, 'a')")
    told = {(each.constraint, each.count, each.remedy) for each in found(upgrade)}
    assert told == {
        ("unique key (um_user_name, um_tenant_id)", 1, "stop"),
        ("unique key (um_user_id)", 1, "stop"),
    }
    assert upgrade.quarantine() == []


def test_doubled_scopes_are_left_to_the_data_step(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.0.0", "am")
    scope = "INSERT INTO idn_oauth2_scope (name, display_name, tenant_id, scope_type) VALUES "
    upgrade.sql(scope + "('s', 's', 1, 'OAUTH2'), ('s', 's', 1, 'OAUTH2')")
    assert [(each.table, each.remedy) for each in found(upgrade)] == [("idn_oauth2_scope", "repair")]


def test_missing_values_and_views_in_the_way_are_told(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.0.0", "4.6.0", "am")
    upgrade.sql(
        "ALTER TABLE idp ALTER COLUMN uuid DROP NOT NULL",
        "INSERT INTO idp (tenant_id, name, uuid) VALUES (1, 'LOCAL', NULL)",
        "CREATE VIEW our_view AS SELECT inputs FROM am_application_registration",
    )
    told = {(each.table, each.constraint, each.remedy) for each in found(upgrade)}
    assert told == {
        ("idp", "NOT NULL of uuid", "stop"),
        ("am_application_registration", "the new type of inputs", "stop"),
    }


def test_both_databases_in_one_are_told_apart(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.2.0", "4.3.0", "am")
    upgrade.sql(*create_statements(KIND, upgrade.source, "shared"))
    upgrade.all()
    assert upgrade.wrong() == []
    assert compare(upgrade.live(), target_of(KIND, upgrade.target, "am")).unknown == ()
    assert upgrade.live().table("um_org") is not None


def test_every_statement_can_be_written_down_for_a_dba(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("3.2.0", "4.7.0", "am")
    with upgrade.database.read() as session:
        live = introspect(session)
        steps = expand_steps(KIND, live, upgrade.target, "am", "am")
        predicted = predicted_after_expand(KIND, live, upgrade.target, "am")
        steps += quarantine_steps(KIND, predicted, upgrade.source, upgrade.target, "am", "am")
        steps += contract_steps(KIND, predicted, upgrade.target, "am", "am")
        steps += commit_steps(KIND, predicted, upgrade.target, "am", "am")
        for step in steps:
            assert step.title
            for operation in step.operations:
                assert isinstance(operation, Sql)
                assert "%" not in session.render(operation.statement)
    assert len({step.name for step in steps}) == len(steps)


def test_a_dbms_without_a_dialect_is_refused() -> None:
    with pytest.raises(EnvironmentProblem, match="db2 is not supported"):
        create_statements("db2", Release.parse("4.2.0"), "am")


def test_two_releases_that_are_equal_need_nothing(schema_upgrade: Make) -> None:
    upgrade = schema_upgrade("4.2.0", "4.5.0", "shared")
    assert names(upgrade.expand()) == {"expand/seed-rows"}
    assert upgrade.contract() == []
    assert upgrade.commit() == []
    assert target_of(KIND, Release.parse("4.5.0"), "shared").wanted.table("um_org") is not None
