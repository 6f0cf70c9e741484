"""Rules of the family IDN: a planted fault each; the clean sample stays silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from checks.planting import Field

CONF = """UPDATE reg_content SET reg_content_data = convert_to({}, 'UTF8') WHERE (reg_content_id, reg_tenant_id) IN
    (SELECT reg_content_id, reg_tenant_id FROM reg_resource
     WHERE reg_name = 'tenant-conf.json' AND reg_tenant_id = 1)"""
ROW = "UPDATE am_system_configs SET configuration = convert_to({}, 'UTF8') WHERE organization = 'harbour.example'"


def given(folder: Path, **files: str) -> CheckChoices:
    """Choices of a check with deployment.toml files of these texts."""
    found = {}
    for key, text in files.items():
        found[key] = folder / f"{key}.toml"
        found[key].write_text(text, encoding="utf-8")
    return CheckChoices(**found)  # type: ignore[arg-type]


# Tenants


def test_tenants_that_were_never_loaded_are_told(field: Field) -> None:
    gone = "UPDATE reg_path SET reg_path_value = '/moved' WHERE reg_path_value = '/' AND reg_tenant_id = 2"
    (found,) = field.found("IDN002", shared=[gone])
    assert (found.tenant, found.repair) == ("northrail.example", Repair.AUTOMATIC)
    assert field.found("IDN002") == []


def test_inactive_tenants_are_told(field: Field, sample_estate) -> None:  # type: ignore[no-untyped-def]
    pair = sample_estate("4.2.0")
    with pair.shared.write() as session:
        session.execute("UPDATE um_tenant SET um_active = false WHERE um_id = 2")
    (found,) = field.found("IDN001", pair=pair)
    assert found.message == "Tenant northrail.example (2) is inactive."
    assert field.found("IDN001") == []


def test_a_registry_of_no_tenant_is_found(field: Field) -> None:
    plant = "INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES ('/', -1, 66)"
    (found,) = field.found("IDN003", shared=[plant])
    assert "tenant 66" in found.message
    assert field.found("IDN003") == []


@pytest.mark.parametrize(
    ("realm", "severity", "said"),
    [
        ("<UserManager>", Severity.MAJOR, "is no well-formed XML"),
        ("", Severity.MAJOR, "is no well-formed XML"),
        ("<UserManager><Realm/></UserManager>", Severity.MAJOR, "names no user store"),
        ('<R><UserStoreManager class="com.acme.Store"/></R>', Severity.MINOR, "names the class com.acme.Store"),
    ],
)
def test_realms_that_cannot_be_built_are_found(field: Field, realm: str, severity: Severity, said: str) -> None:
    plant = f"UPDATE um_tenant SET um_user_config = convert_to('{realm}', 'UTF8') WHERE um_id = 1"
    (found,) = field.found("IDN004", shared=[plant])
    assert (found.severity, found.tenant) == (severity, "harbour.example")
    assert said in found.message
    assert field.found("IDN004", shared=[plant, "UPDATE um_tenant SET um_active = false WHERE um_id = 1"]) == []


# Tenant configurations


@pytest.mark.parametrize("content", ["{", "[]", '{"RESTAPIScopes": {"Scope": 1}}', '{"DefaultRoles": 1}'])
@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_configurations_that_cannot_be_read_are_found(field: Field, source: str, content: str) -> None:
    text = f"'{content}'"
    plants = {"shared": [CONF.format(text)]} if source == "3.2.0" else {"am": [ROW.format(text)]}
    (found,) = field.found("IDN010", source=source, **plants)
    assert (found.severity, found.tenant) == (Severity.MAJOR, "harbour.example")
    assert field.found("IDN010", source=source) == []


def test_scopes_that_a_configuration_lacks_are_added_by_the_upgrade_from_410_on(field: Field) -> None:
    text = "'{}'"
    (found,) = [each for each in field.found("IDN011", am=[ROW.format(text)]) if each.tenant == "harbour.example"]
    assert (found.severity, found.repair) == (Severity.INFO, Repair.AUTOMATIC)
    by_hand = field.found("IDN011", source="3.2.0", target="4.0.0", shared=[CONF.format(text)])
    assert {each.repair for each in by_hand} == {Repair.MANUAL}


def test_roles_of_configurations_that_do_not_exist_are_found(field: Field) -> None:
    document = {
        "RESTAPIScopes": {
            "Scope": [
                {"Name": "apim:own", "Roles": "admin, Internal/creator,GONE, API_CREATORS,internal/PUBLISHER,STORE/x"},
                {"Name": "apim:two", "Roles": "Internal/gone"},
            ]
        },
        "RoleMappings": {"Internal/creator": "GONE"},
        "DefaultRoles": {"OwnRole": {"RoleName": "coming", "CreateOnTenantLoad": True}},
    }
    text = f"'{json.dumps(document)}'"
    found = field.found("IDN012", am=[ROW.format(text)])
    assert [each.item for each in found] == ["harbour.example/GONE", "harbour.example/Internal/gone"]
    assert "apim:own, RoleMappings of Internal/creator" in found[0].message
    assert field.found("IDN012") == []


# Roles and rights


def test_scopes_of_roles_that_do_not_exist_are_found(field: Field) -> None:
    plant = """UPDATE am_scope_binding SET scope_binding = 'Gone' WHERE scope_id =
        (SELECT min(scope_id) FROM am_scope JOIN am_scope_binding USING (scope_id) WHERE tenant_id = 1)"""
    (found,) = field.found("IDN020", am=[plant])
    assert found.item == "harbour.example/Gone"
    directory = "DELETE FROM um_role WHERE um_tenant_id = 1"
    assert field.found("IDN020", am=[plant], shared=["DELETE FROM um_user_role", directory]) == []
    assert field.found("IDN020") == []


def test_apis_visible_to_roles_that_do_not_exist_are_found(field: Field) -> None:
    plant = "UPDATE um_hybrid_role SET um_role_name = 'renamed' WHERE um_role_name = 'subscriber'"
    found = field.found("IDN021", shared=[plant])
    assert found
    assert all("is visible to Internal/subscriber, which does not exist." in each.message for each in found)
    assert field.found("IDN021") == []


def test_an_administrators_role_in_two_domains_is_found(field: Field) -> None:
    plant = "INSERT INTO um_hybrid_role (um_role_name, um_tenant_id) VALUES ('Admin', 1)"
    (found,) = field.found("IDN022", source="3.2.0", shared=[plant])
    assert found.tenant == "harbour.example"
    apart = Choices(separate_groups_and_roles=True)
    assert field.found("IDN022", source="3.2.0", shared=[plant], choices=apart) == []
    assert field.found("IDN022", source="3.2.0") == []


def test_a_missing_administrator_or_role_is_found(field: Field, tmp_path: Path) -> None:
    (found,) = field.found("IDN023", choices=Choices(admin_role="boss"))
    assert found.message == "The super tenant has no role boss, which administrators are said to have."
    assert found.severity is Severity.MAJOR
    target = given(tmp_path, target_configuration='[super_admin]\nusername = "root"\n')
    (found,) = field.found("IDN023", inputs=target)
    assert (found.severity, "no user root" in found.message) == (Severity.MAJOR, True)
    renamed = "UPDATE um_user SET um_user_name = 'chief' WHERE um_user_name = 'admin' AND um_tenant_id = -1234"
    (found,) = field.found("IDN023", shared=[renamed])
    assert found.severity is Severity.INFO
    assert field.found("IDN023") == []


def test_rights_of_nobody_are_told(field: Field) -> None:
    plant = """INSERT INTO um_permission (um_resource_id, um_action, um_tenant_id, um_module_id)
        VALUES ('/gone', 'get', -1234, 0)"""
    (found,) = field.found("IDN024", shared=[plant])
    assert found.message == "1 right is given to no role and no user, such as the one on /gone."
    assert field.found("IDN024") == []
    assert field.found("IDN024", blemishes=True) != []


def test_tenants_that_lack_internal_scopes_are_told(field: Field) -> None:
    plant = "DELETE FROM idn_oauth2_scope WHERE tenant_id = 1 AND name LIKE 'internal%'"
    (found,) = field.found("IDN025", source="3.2.0", am=["DELETE FROM idn_oauth2_scope_binding", plant])
    assert found.message.startswith("Tenant harbour.example lacks 170 internal scopes")
    assert field.found("IDN025", source="3.2.0") == []


# User stores


STORE = """<?xml version="1.0"?><UserStoreManager class="{}">
    <Property name="DomainName">{}</Property></UserStoreManager>"""
UNIQUE = "org.wso2.carbon.user.core.jdbc.UniqueIDJDBCUserStoreManager"
OLD = "org.wso2.carbon.user.core.jdbc.JDBCUserStoreManager"
SECOND = "INSERT INTO um_domain (um_domain_name, um_tenant_id) VALUES ('PARTNERS', 1)"


def home_with(folder: Path, **stores: str) -> CheckChoices:
    """An old home whose tenant 1 has these user stores (name of the file → text), and the super tenant a good one."""
    mine = folder / "repository" / "deployment" / "server" / "userstores"
    theirs = folder / "repository" / "tenants" / "1" / "userstores"
    for each in (mine, theirs):
        each.mkdir(parents=True, exist_ok=True)
    (mine / "STAFF.xml").write_text(STORE.format(UNIQUE, "STAFF"), encoding="utf-8")
    for name, text in stores.items():
        (theirs / f"{name}.xml").write_text(text, encoding="utf-8")
    return CheckChoices(home=folder)


def test_secondary_user_stores_are_found_with_their_files(field: Field, tmp_path: Path) -> None:
    (found,) = field.found("IDN030", shared=[SECOND])
    assert (found.severity, found.item) == (Severity.MAJOR, "harbour.example/PARTNERS")
    (found,) = field.found("IDN030", shared=[SECOND], inputs=home_with(tmp_path))
    assert "has no file of it" in found.message
    (found,) = field.found("IDN030", shared=[SECOND], inputs=home_with(tmp_path, any=STORE.format(UNIQUE, "partners")))
    assert "any.xml" in found.message
    assert field.found("IDN030") == []


def test_old_classes_of_user_stores_are_found_unless_they_are_allowed(field: Field, tmp_path: Path) -> None:
    inputs = home_with(tmp_path, PARTNERS=f'<UserStoreManager class="{OLD}"/>', own=STORE.format("com.acme.S", "OWN"))
    found = field.found("IDN031", source="3.2.0", inputs=inputs)
    assert {each.item for each in found} == {"harbour.example/PARTNERS", "harbour.example/OWN"}
    target = tmp_path / "target.toml"
    target.write_text(f'[user_store_mgt]\nallowed_user_stores = ["{OLD}", "com.acme.S"]\n', encoding="utf-8")
    allowed = CheckChoices(home=tmp_path, target_configuration=target)
    assert field.found("IDN031", source="3.2.0", inputs=allowed) == []


def test_links_are_not_followed_out_of_the_home(field: Field, tmp_path: Path) -> None:
    outside, home = tmp_path / "outside", tmp_path / "home"
    home_with(outside, PARTNERS=f'<UserStoreManager class="{OLD}"/>')
    (outside / "repository" / "components" / "dropins").mkdir(parents=True)
    (outside / "repository" / "components" / "dropins" / "okta.key.manager.jar").touch()
    inputs = home_with(home)
    (home / "repository" / "tenants" / "2").symlink_to(outside / "repository" / "tenants" / "1")
    (home / "repository" / "components").symlink_to(outside / "repository" / "components")
    assert field.found("IDN031", source="3.2.0", inputs=inputs) == []
    managers = field.found("APP010", inputs=inputs)
    assert managers
    assert all("okta.key.manager.jar" not in each.message for each in managers)


def test_a_broken_file_of_a_user_store_makes_the_rule_unchecked(field: Field, tmp_path: Path) -> None:
    report = field.report("IDN031", source="3.2.0", inputs=home_with(tmp_path, broken="<UserStoreManager"))
    (unchecked,) = report.unchecked
    assert "broken.xml cannot be read" in unchecked.reason


def test_a_directory_as_primary_user_store_is_found(field: Field, tmp_path: Path) -> None:
    text = '[user_store]\ntype = "active_directory"\nclass = "com.acme.Directory"\n'
    found = field.found("IDN032", inputs=given(tmp_path, configuration=text))
    assert {each.item for each in found} == {"user_store.type", "user_store.class"}
    usual = given(tmp_path, configuration='[user_store]\ntype = "database_unique_id"\n')
    assert field.found("IDN032", inputs=usual) == []


# Users and claims


def test_e_mail_names_are_told_and_unclear_ones_found(field: Field, tmp_path: Path) -> None:
    clear = "UPDATE am_subscriber SET user_id = 'sam@mail.example' WHERE user_id = 'sam'"
    (found,) = field.found("IDN040", am=[clear])
    assert (found.severity, found.item) == (Severity.INFO, "carbon.super")
    unclear = "UPDATE am_subscriber SET user_id = 'sam@northrail.example' WHERE user_id = 'sam'"
    (found,) = field.found("IDN040", am=[unclear])
    assert (found.severity, found.item) == (Severity.MAJOR, "carbon.super/sam@northrail.example")
    key = "[authentication.jit_provisioning]\nallow_email_username_when_email_as_username_not_enabled = true\n"
    (found,) = field.found("IDN040", inputs=given(tmp_path, configuration=key))
    assert found.severity is Severity.MINOR
    assert field.found("IDN040") == []


def test_service_providers_that_lost_their_name_are_found(field: Field) -> None:
    plant = "UPDATE sp_app SET app_name = 'sam_null_PRODUCTION' WHERE id = (SELECT min(id) FROM sp_app)"
    (found,) = field.found("IDN041", am=[plant])
    assert "sam_null_PRODUCTION" in found.message
    assert field.found("IDN041") == []


def test_claims_that_lead_nowhere_are_found_and_missing_ones_told(field: Field) -> None:
    plant = """DELETE FROM idn_claim_mapping WHERE ext_claim_id = (SELECT min(m.ext_claim_id) FROM idn_claim_mapping m
        WHERE m.tenant_id = 1)"""
    (found,) = field.found("IDN042", am=[plant])
    assert (found.severity, found.tenant) == (Severity.MINOR, "harbour.example")
    assert field.found("IDN042") == []
    (told,) = field.found("IDN042", source="3.2.0")
    assert (told.severity, told.repair) == (Severity.INFO, Repair.AUTOMATIC)


def registry_property(folder: str, name: str | None, key: str, value: str) -> list[str]:
    """SQL that gives a place in the registry of tenant 1 a property; without ``name`` it is the folder's own."""
    link = "NULL" if name is None else f"'{name}'"
    return [
        f"INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES ('{folder}', 1, 1)",
        f"INSERT INTO reg_property (reg_name, reg_value, reg_tenant_id) VALUES ('{key}', '{value}', 1)",
        f"""INSERT INTO reg_resource_property (reg_property_id, reg_path_id, reg_resource_name, reg_tenant_id)
            SELECT max(p.reg_id), max(f.reg_path_id), {link}, 1 FROM reg_property p, reg_path f""",
    ]


@pytest.mark.parametrize("as_folder", [True, False])
def test_relying_parties_with_two_addresses_are_found(field: Field, as_folder: bool) -> None:
    config = "/_system/config/identity/config"
    name = "relyingPartyRedirectUrls"
    folder, file = (f"{config}/{name}", None) if as_folder else (config, name)
    key = """UPDATE sp_inbound_auth SET inbound_auth_key = 'party', tenant_id = 1 WHERE app_id =
        (SELECT min(id) FROM sp_app WHERE tenant_id = 1)"""
    url = (
        "UPDATE sp_app SET access_url = 'https://a.example' WHERE id = (SELECT min(id) FROM sp_app WHERE tenant_id = 1)"
    )
    plants = {"source": "3.2.0", "am": [key, url]}
    (found,) = field.found("IDN043", shared=registry_property(folder, file, "party", "https://b.example"), **plants)
    assert "https://b.example" in found.message
    same = registry_property(folder, file, "party", "https://a.example")
    assert field.found("IDN043", shared=same, **plants) == []
    _, other_value, link = registry_property(folder, file, "party", "https://c.example")
    (several,) = field.found("IDN043", source="3.2.0", am=[key], shared=[*same, other_value, link])
    assert "has no access URL, the registry has https://a.example, https://c.example." in several.message
    assert field.found("IDN043", source="3.2.0", am=[key], shared=same) == []
    assert field.found("IDN043", source="3.2.0") == []


def test_access_policies_that_were_never_published_are_told(field: Field) -> None:
    policies = "/_system/governance/repository/identity/entitlement/policy"
    path = "INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES ('{}', 1, 1)"
    policy = f"""INSERT INTO reg_resource (reg_path_id, reg_name, reg_creator, reg_last_updator, reg_created_time,
          reg_last_updated_time, reg_tenant_id, reg_uuid, reg_version)
        SELECT reg_path_id, 'p1', 'kim', 'kim', now(), now(), 1, 'u1', 999999 FROM reg_path
        WHERE reg_path_value = '{policies}/pap'"""
    (found,) = field.found("IDN044", shared=[path.format(f"{policies}/pap"), policy])
    assert found.message == "Tenant harbour.example has 1 XACML policy, none of them published."
    both = [path.format(f"{policies}/pap"), policy, path.format(f"{policies}/pdp")]
    assert field.found("IDN044", shared=both) == []


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_real_estates_have_no_false_findings(field: Field, source: str, real_estate) -> None:  # type: ignore[no-untyped-def]
    found = field.found("IDN", source=source, pair=real_estate(source))
    assert [each.message for each in found if each.severity > Severity.INFO] == []
