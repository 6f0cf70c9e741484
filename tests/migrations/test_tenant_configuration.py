"""Tenant configurations in AM_SYSTEM_CONFIGS, with self sign-up and life cycle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_data import Estates, Prepared, prepared

from apim_upgrade.migrations.v4_1_0 import tenant_configuration
from apim_upgrade.migrations.v4_1_0.configuration_document import is_default, write
from apim_upgrade.migrations.v4_2_0 import life_cycle_configuration, sign_up
from apim_upgrade.releases import Release
from apim_upgrade.releases.stock_life_cycle import stock_states
from apim_upgrade.releases.tenant_defaults import tenant_defaults

__all__ = ["prepared"]
STEP = "4.1.0/api-data/tenant-configuration"
MODULES = (tenant_configuration, sign_up, life_cycle_configuration)
LIFE_CYCLE = "/_system/config/repository/components/org.wso2.carbon.governance/lifecycles"


def run(estate: Prepared) -> dict[str, dict[str, Any]]:
    for module in MODULES:
        estate.run(module.steps(estate.upgrade))
    return configurations(estate)


def configurations(estate: Prepared) -> dict[str, dict[str, Any]]:
    rows = estate.rows("SELECT organization, configuration FROM am_system_configs WHERE config_type = 'TENANT'")
    return {organization: json.loads(bytes(configuration)) for organization, configuration in rows}


def write_file(estate: Prepared, folder: str, name: str, tenant: int, content: bytes) -> None:
    with estate.pair.shared.write() as session:
        changed = session.execute(
            "UPDATE reg_content SET reg_content_data = decode(%(content)s, 'hex') "
            "WHERE (reg_content_id, reg_tenant_id) IN (SELECT r.reg_content_id, r.reg_tenant_id FROM reg_resource r "
            "JOIN reg_path p USING (reg_path_id, reg_tenant_id) WHERE p.reg_path_value = %(folder)s "
            "AND r.reg_name = %(name)s AND reg_tenant_id = %(tenant)s)",
            {"content": content.hex(), "folder": folder, "name": name, "tenant": tenant},
        )
    assert changed == 1


def read_file(estate: Prepared, folder: str, name: str, tenant: int) -> bytes:
    with estate.pair.shared.read() as session:
        rows = session.all(
            "SELECT c.reg_content_data FROM reg_path p JOIN reg_resource r USING (reg_path_id, reg_tenant_id) "
            "JOIN reg_content c USING (reg_content_id, reg_tenant_id) WHERE p.reg_path_value = %(folder)s "
            "AND r.reg_name = %(name)s AND reg_tenant_id = %(tenant)s",
            {"folder": folder, "name": name, "tenant": tenant},
        )
    return bytes(rows[0][0])


CONF = ("/_system/config/apimgt/applicationdata", "tenant-conf.json")
SIGN_UP = ("/_system/governance/apimgt/applicationdata", "sign-up-config.xml")


def scopes(document: dict[str, Any]) -> set[str]:
    return {scope["Name"] for scope in document["RESTAPIScopes"]["Scope"]}


def test_every_tenant_of_3_2_0_gets_its_configuration_with_all_scopes(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    found = run(estate)
    assert set(found) == {"carbon.super", "adpexample.com", "adpsample.com"}
    for document in found.values():
        assert scopes(document) == set(tenant_defaults(Release(4, 7, 0)).scopes)
        assert document["RoleMappings"]["Internal/creator"] == "Internal/creator,ADP_CREATOR"
        assert document["SelfSignUp"] == {"SignUpRoles": ["Internal/subscriber"]}
        assert "LifeCycle" not in document
    assert not estate.verdicts(STEP)
    for module in MODULES:
        assert estate.changes_nothing(module, "am_system_configs")


def test_4_0_0_gets_what_a_server_of_4_2_0_stores(prepared: Estates) -> None:
    estate, model = prepared("4.0.0", "4.2.0"), prepared("4.2.0", "4.7.0")
    theirs = configurations(model)["carbon.super"]
    for document in run(estate).values():
        del document["ContainerMgt"]
        assert document == theirs


@pytest.mark.parametrize(("source", "target"), [("4.2.0", "4.7.0"), ("4.5.0", "4.7.0")])
def test_rows_of_4_1_and_newer_get_the_scopes_of_every_jump(prepared: Estates, source: str, target: str) -> None:
    estate = prepared(source, target)
    found = run(estate)
    assert found
    assert all(is_default(document, tenant_defaults(Release.parse(target))) for document in found.values())
    assert not estate.verdicts(STEP)
    assert estate.changes_nothing(tenant_configuration, "am_system_configs")


def test_a_broken_configuration_stops_only_its_tenant_o4(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    write_file(estate, *CONF, 1, b'{"RESTAPIScopes": ')
    found = run(estate)
    assert set(found) == {"carbon.super", "adpsample.com"}
    told = estate.verdicts(STEP)
    assert [(item, verdict.verdict) for item, verdict in told.items()] == [("adpexample.com", "failed")]
    assert "tenant-conf.json" in told["adpexample.com"].action


def test_a_broken_row_of_4_x_stops_only_its_tenant(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.7.0")
    estate.execute("UPDATE am_system_configs SET configuration = 'x' WHERE organization = 'acme3.com'")
    for module in MODULES:
        estate.run(module.steps(estate.upgrade))
    assert [(item, v.verdict) for item, v in estate.verdicts(STEP).items()] == [("acme3.com", "failed")]


def test_a_tenant_that_was_never_loaded_is_left_to_the_server(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("INSERT INTO apim_upgrade_tenant VALUES (7, 'new.example', true)")
    assert "new.example" not in run(estate)
    assert [(item, v.verdict) for item, v in estate.verdicts(STEP).items()] == [("new.example", "skipped")]


def test_a_fresh_server_started_by_mistake_is_recognised(prepared: Estates) -> None:
    estate, fresh = prepared("3.2.0", "4.7.0"), prepared("4.2.0", "4.7.0")
    default = configurations(fresh)["carbon.super"]
    with estate.pair.am.write() as session:
        session.execute(
            "INSERT INTO am_system_configs VALUES ('carbon.super', 'TENANT', decode(%(content)s, 'hex'))",
            {"content": write(default).hex()},
        )
    assert "RoleMappings" in run(estate)["carbon.super"]
    assert "newer server" in estate.verdicts(STEP)["carbon.super"].reason


def test_a_row_that_somebody_edited_since_counts_more_than_the_old_file(prepared: Estates) -> None:
    estate, fresh = prepared("3.2.0", "4.7.0"), prepared("4.2.0", "4.7.0")
    edited = {**configurations(fresh)["carbon.super"], "Own": 1}
    with estate.pair.am.write() as session:
        session.execute(
            "INSERT INTO am_system_configs VALUES ('carbon.super', 'TENANT', decode(%(content)s, 'hex'))",
            {"content": write(edited).hex()},
        )
    found = run(estate)["carbon.super"]
    assert found["Own"] == 1
    assert scopes(found) == set(tenant_defaults(Release(4, 7, 0)).scopes)


def test_a_default_row_beside_a_customised_old_file_is_told_but_kept(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.7.0")
    with estate.pair.shared.write() as session:
        session.execute(
            "INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES (%(folder)s, 1, -1234)",
            {"folder": CONF[0]},
        )
        session.execute(
            "INSERT INTO reg_content (reg_content_data, reg_tenant_id) "
            "VALUES (convert_to('{\"Own\": 1}', 'UTF8'), -1234)"
        )
        session.execute(
            "INSERT INTO reg_resource (reg_path_id, reg_name, reg_content_id, reg_tenant_id, reg_creator, "
            "reg_last_updator, reg_created_time, reg_last_updated_time, reg_uuid) SELECT max(reg_path_id), "
            "'tenant-conf.json', (SELECT max(reg_content_id) FROM reg_content), -1234, 'a', 'a', now(), now(), 'u' "
            "FROM reg_path"
        )
    assert "Own" not in run(estate)["carbon.super"]
    assert "customised" in estate.verdicts(STEP)["carbon.super"].reason


def test_roles_of_a_tenants_own_are_told(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    document = json.loads(read_file(estate, *CONF, 1))
    for scope in document["RESTAPIScopes"]["Scope"]:
        if scope["Name"] == "apim:api_view":
            scope["Roles"] = "admin"
    write_file(estate, *CONF, 1, json.dumps(document).encode())
    run(estate)
    assert "apim:api_view" in estate.verdicts(STEP)["acme1.com"].reason


def test_a_configuration_longer_than_a_mysql_blob_is_told(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    document = {**json.loads(read_file(estate, *CONF, 1)), "Own": "x" * 70_000}
    write_file(estate, *CONF, 1, json.dumps(document).encode())
    run(estate)
    assert "MySQL" in estate.verdicts(STEP)["acme1.com"].reason


def test_another_admin_role_is_written(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.7.0", admin_role="boss")
    document = run(estate)["carbon.super"]
    roles = {scope["Name"]: scope["Roles"] for scope in document["RESTAPIScopes"]["Scope"]}
    assert (roles["apim:gov_rule_manage"], roles["apim:admin"]) == ("boss", "admin")


def test_4_0_0_keeps_its_configurations_in_the_registry(prepared: Estates) -> None:
    upgrade = prepared("3.2.0", "4.0.0").upgrade
    assert not [step for module in MODULES for step in module.steps(upgrade)]


def test_sign_up_roles_are_added_and_no_credentials_o12(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    write_file(
        estate,
        *SIGN_UP,
        1,
        b"<SelfSignUp><EnableSignup>true</EnableSignup><SignUpDomain>PRIMARY</SignUpDomain>"
        b"<AdminUserName>kim</AdminUserName><AdminPassword>s3cret</AdminPassword><SignUpRoles>"
        b"<SignUpRole><RoleName>guest</RoleName><IsExternalRole>true</IsExternalRole></SignUpRole>"
        b"<SignUpRole><RoleName>reader</RoleName></SignUpRole><SignUpRole/></SignUpRoles></SelfSignUp>",
    )
    found = run(estate)
    assert found["adpexample.com"]["SelfSignUp"] == {
        "SignUpRoles": ["Internal/subscriber", "PRIMARY/guest", "Internal/reader"]
    }
    assert "s3cret" not in json.dumps(found)
    told = estate.verdicts("4.2.0/api-data/sign-up")
    assert {item: verdict.verdict for item, verdict in told.items()} == {"adpsample.com": "noted"}
    assert read_file(estate, *SIGN_UP, 1)


def test_a_broken_sign_up_file_or_configuration_is_told(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    roles = b"<SelfSignUp><SignUpRoles><SignUpRole><RoleName>guest</RoleName></SignUpRole></SignUpRoles></SelfSignUp>"
    write_file(estate, *SIGN_UP, -1234, b"<SelfSignUp>")
    for tenant in (1, 2):
        write_file(estate, *SIGN_UP, tenant, roles)
    write_file(estate, *CONF, 1, b"nothing")
    document = {**json.loads(read_file(estate, *CONF, 2)), "SelfSignUp": ["odd"]}
    write_file(estate, *CONF, 2, json.dumps(document).encode())
    run(estate)
    told = estate.verdicts("4.2.0/api-data/sign-up")
    assert {item: verdict.verdict for item, verdict in told.items()} == dict.fromkeys(
        ("carbon.super", "adpexample.com", "adpsample.com"), "failed"
    )


def test_only_a_customised_life_cycle_is_converted_o8(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    stock = read_file(estate, LIFE_CYCLE, "APILifeCycle", 1)
    write_file(estate, LIFE_CYCLE, "APILifeCycle", 1, stock.replace(b'"Block" target', b'"Suspend" target'))
    write_file(
        estate, LIFE_CYCLE, "APILifeCycle", 2, stock.replace(b"\n", b"\r\n").replace(b"APIExecutor", b"MyExecutor")
    )
    found = run(estate)
    assert [domain for domain, document in found.items() if "LifeCycle" in document] == ["acme1.com"]
    states = found["acme1.com"]["LifeCycle"]["States"]
    assert [state["State"] for state in states] == [state["State"] for state in stock_states()]
    assert states[2]["Transitions"][0] == {"Event": "Suspend", "Target": "Blocked"}
    assert states[0] == stock_states()[0]
    told = estate.verdicts("4.2.0/api-data/life-cycle")
    assert {item: verdict.verdict for item, verdict in told.items()} == {"acme1.com": "noted", "wso2.example1": "noted"}
    assert estate.changes_nothing(life_cycle_configuration, "am_system_configs")


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0"])
def test_stock_life_cycles_are_recognised_and_read_as_the_built_in_one_o9a(prepared: Estates, source: str) -> None:
    estate = prepared(source, "4.7.0")
    content = read_file(estate, LIFE_CYCLE, "APILifeCycle", -1234)
    assert life_cycle_configuration.read_life_cycle(content) == stock_states()
    run(estate)
    assert not estate.verdicts("4.2.0/api-data/life-cycle")


@pytest.mark.parametrize("content", [b"<aspect>", b"<aspect/>"])
def test_a_life_cycle_that_cannot_be_read_is_told(prepared: Estates, content: bytes) -> None:
    estate = prepared("4.0.0", "4.7.0")
    write_file(estate, LIFE_CYCLE, "APILifeCycle", 1, content)
    assert "LifeCycle" not in run(estate)["acme1.com"]
    assert estate.verdicts("4.2.0/api-data/life-cycle")["acme1.com"].verdict == "failed"
