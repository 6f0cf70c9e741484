"""Rules of the family API about products, scopes, life cycles, fields, sequences and policies: a planted fault each."""

from __future__ import annotations

from pathlib import Path

import pytest

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.checks.mediation import own_settings, read_policy, read_sequence
from apim_upgrade.project.checking import CheckChoices
from checks.api_plants import FIRST, artifact
from checks.planting import Field

PRODUCT = "(SELECT min(api_id) FROM am_api WHERE api_type = 'APIProduct')"
NS = 'xmlns="http://ws.apache.org/ns/synapse"'
IN_SEQUENCES = "%/customsequences/in"


def sequence(content: str, folder: str = IN_SEQUENCES, many: int = 1) -> str:
    """Give the first sequences of a kind of folder another content."""
    return f"""UPDATE reg_content SET reg_content_data = convert_to('{content}', 'UTF8') WHERE reg_content_id IN (
        SELECT r.reg_content_id FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id)
        WHERE p.reg_path_value LIKE '{folder}' AND p.reg_path_value NOT LIKE '%/soap_to_rest/%'
          AND p.reg_path_value NOT LIKE '%/apis/%' AND r.reg_name IS NOT NULL
        ORDER BY r.reg_tenant_id, r.reg_version LIMIT {many})"""


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_a_product_without_operations_is_found(field: Field, source: str) -> None:
    plant = f"DELETE FROM am_api_product_mapping WHERE api_id = {PRODUCT}"
    (found,) = field.found("API030", source=source, am=[plant])
    assert "offers no operation" in found.message
    assert field.found("API030", source=source) == []


def test_product_operations_that_are_gone_are_found(field: Field) -> None:
    loose = "ALTER TABLE am_api_product_mapping DROP CONSTRAINT IF EXISTS am_api_product_mapping_url_mapping_id_fkey"
    plant = f"""UPDATE am_api_product_mapping SET url_mapping_id = -1 WHERE api_product_mapping_id =
        (SELECT min(api_product_mapping_id) FROM am_api_product_mapping WHERE api_id = {PRODUCT})"""
    (found,) = field.found("API030", source="3.2.0", am=[loose, plant])
    assert "1 operation of the product is gone" in found.message


def test_a_product_that_lost_operations_is_found(field: Field) -> None:
    plant = f"""DELETE FROM am_api_product_mapping WHERE api_product_mapping_id = (SELECT min(api_product_mapping_id)
        FROM am_api_product_mapping WHERE api_id = {PRODUCT} AND revision_uuid = 'Current API')"""
    (found,) = field.found("API031", am=[plant])
    assert "has lost 1 operation" in found.message
    assert field.found("API031") == []


@pytest.mark.parametrize(("target", "word"), [("4.3.0", "October 2024"), ("4.5.0", "404"), ("4.7.0", "rehearsal")])
def test_products_without_a_version_are_told(field: Field, target: str, word: str) -> None:
    (found,) = field.found("API032", target=target)
    assert word in found.message
    assert found.severity is Severity.INFO
    assert field.found("API032", target=target, am=["UPDATE am_api SET context_template = context"]) == []


def test_shared_scopes_of_products_are_told(field: Field) -> None:
    plant = f"""INSERT INTO am_api_resource_scope_mapping (scope_name, url_mapping_id, tenant_id)
        SELECT s.name, m.url_mapping_id, s.tenant_id FROM am_shared_scope s, am_api_url_mapping m
        WHERE s.tenant_id = -1234 AND m.revision_uuid = {PRODUCT}::text AND NOT EXISTS (
            SELECT 1 FROM am_api_resource_scope_mapping e
            WHERE e.url_mapping_id = m.url_mapping_id AND e.scope_name = s.name)"""
    (found,) = field.found("API033", target="4.4.0", am=[plant])
    assert "on operations of products" in found.message
    nothing = "DELETE FROM am_api_resource_scope_mapping"
    assert field.found("API033", target="4.4.0", am=[nothing]) == []


def test_a_misspelt_product_is_found(field: Field) -> None:
    (found,) = field.found("API034", am=[f"UPDATE am_api SET api_type = 'APIPRODUCT' WHERE api_id = {PRODUCT}"])
    assert "'APIPRODUCT'" in found.message
    assert field.found("API034") == []


def test_a_scope_that_does_not_exist_is_found(field: Field) -> None:
    plant = "UPDATE am_api_resource_scope_mapping SET scope_name = '{}' WHERE url_mapping_id = (SELECT min(m.{}) {})"
    where = "FROM am_api_resource_scope_mapping s JOIN am_api_url_mapping m USING (url_mapping_id)"
    for name, words in (("gone_scope", "scope gone_scope"), (" ", "without a name"), ("", "without a name")):
        (found,) = field.found("API040", source="3.2.0", am=[plant.format(name, "url_mapping_id", where)])
        assert words in found.message
    assert field.found("API040", source="3.2.0") == []
    assert field.found("API040") == []


def test_a_scope_of_several_apis_that_is_not_shared_is_found(field: Field) -> None:
    plant = "DELETE FROM am_shared_scope WHERE tenant_id = -1234"
    spread = """INSERT INTO am_api_resource_scope_mapping (scope_name, url_mapping_id, tenant_id)
        SELECT 'spread', min(url_mapping_id), -1234 FROM am_api_url_mapping JOIN am_api USING (api_id)
        WHERE context NOT LIKE '/t/%' AND api_type = 'HTTP' GROUP BY api_name"""
    found = field.found("API041", source="3.2.0", am=[plant, spread])
    assert "carbon.super/spread" in {each.item for each in found}
    assert field.found("API041", source="3.2.0") == []
    assert field.found("API041") == []


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_states_that_disagree_are_found(field: Field, source: str) -> None:
    (found,) = field.found(
        "API050", source=source, shared=[artifact("<status>PUBLISHED</status>", "<status>CREATED</status>")]
    )
    assert found.severity is Severity.MAJOR
    assert "CREATED in the artifact" in found.message
    (minor,) = field.found(
        "API050", source=source, shared=[artifact("<status>PUBLISHED</status>", "<status>BLOCKED</status>")]
    )
    assert minor.severity is Severity.MINOR
    assert field.found("API050", source=source) == []


def test_a_missing_life_cycle_is_found(field: Field) -> None:
    bare = """UPDATE reg_property SET reg_name = 'other'
        WHERE reg_name = 'registry.lifecycle.APILifeCycle.state' AND reg_tenant_id = 1"""
    (mended,) = field.found("API051", source="3.2.0", shared=[bare])
    assert mended.repair is Repair.AUTOMATIC
    left = field.found("API051", source="3.2.0", target="4.1.0", shared=[bare])
    assert [each.item for each in left if each.severity is Severity.MINOR] == ["APIs without a life cycle"]
    lost = field.found(
        "API051", source="3.2.0", shared=[bare, artifact("<status>[^<]*</status>", "<status></status>", many=99)]
    )
    assert any("becomes CREATED" in each.message for each in lost)
    tenants = field.found("API051", source="3.2.0", target="4.1.0", shared=life_cycle("x"))
    assert [each.tenant for each in tenants] == ["carbon.super", "northrail.example"]
    assert field.found("API051", source="3.2.0") == []


def life_cycle(content: str) -> list[str]:
    """Give the tenant harbour.example a life-cycle definition; samples have none."""
    folder = "/_system/config/repository/components/org.wso2.carbon.governance/lifecycles"
    return [
        f"INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES ('{folder}', 1, 1)",
        f"INSERT INTO reg_content (reg_content_data, reg_tenant_id) VALUES (convert_to('{content}', 'UTF8'), 1)",
        """INSERT INTO reg_resource (reg_path_id, reg_name, reg_creator, reg_created_time, reg_last_updator,
                reg_last_updated_time, reg_content_id, reg_tenant_id, reg_uuid)
            SELECT (SELECT max(reg_path_id) FROM reg_path), 'APILifeCycle', 'kim', now(), 'kim', now(),
                (SELECT max(reg_content_id) FROM reg_content), 1, 'life-cycle'""",
    ]


def test_a_life_cycle_of_a_tenants_own_is_found(field: Field) -> None:
    own = (
        '<aspect><scxml><state id="Reviewed"><transition event="Publish" target="Published"/></state></scxml></aspect>'
    )
    (found,) = field.found("API052", source="3.2.0", shared=life_cycle(own))
    assert (found.tenant, found.severity) == ("harbour.example", Severity.MINOR)
    (broken,) = field.found("API052", source="3.2.0", shared=life_cycle("<aspect"))
    assert broken.severity is Severity.MAJOR
    strange = "UPDATE am_api SET status = 'REVIEWED' WHERE context LIKE '/t/harbour%' AND api_type = 'SOAP'"
    (stuck,) = field.found("API052", source="4.0.0", am=[strange])
    assert "in the state REVIEWED" in stuck.message
    (known,) = field.found("API052", source="4.0.0", am=[strange], shared=life_cycle(own))
    assert known.severity is Severity.MINOR
    assert field.found("API052", source="3.2.0") == []


def test_a_gateway_vendor_that_is_not_set_is_found(field: Field) -> None:
    (text,) = field.found("API060", shared=[artifact("<gatewayVendor>wso2<", "<gatewayVendor>null<")])
    assert "'null'" in text.message
    (row,) = field.found("API060", am=[f"UPDATE am_api SET gateway_vendor = NULL WHERE api_id = {FIRST}"])
    assert row.item == "AM_API.GATEWAY_VENDOR"
    assert field.found("API060") == []
    assert field.found("API060", source="3.2.0") == []


def test_a_missing_stamp_of_versions_is_found(field: Field) -> None:
    (found,) = field.found("API061", am=[f"UPDATE am_api SET version_comparable = '' WHERE api_id = {FIRST}"])
    assert "no stamp" in found.message
    assert field.found("API061") == []
    assert field.found("API061", source="3.2.0") == []


def test_credentials_in_the_old_form_are_found(field: Field) -> None:
    plant = artifact("<endpointSecured>false<", "<endpointSecured>true<")
    (mended,) = field.found("API062", source="3.2.0", shared=[plant])
    assert mended.repair is Repair.AUTOMATIC
    (found,) = field.found("API062", source="4.0.0", shared=[plant])
    assert found.severity is Severity.MINOR
    broken = artifact("<endpointConfig>[^<]*<", "<endpointConfig>{<", where="r.reg_tenant_id = -1234", many=99)
    assert field.found("API062", source="4.0.0", shared=[broken]) == []
    assert len(field.found("API062", source="4.0.0", shared=[plant, broken])) == 1


def test_basic_authentication_without_a_header_is_found(field: Field) -> None:
    plant = [
        artifact("<apiSecurity>[^<]*<", "<apiSecurity>oauth2,basic_auth<", many=99),
        artifact("<authorizationHeader>[^<]*<", "<authorizationHeader><"),
    ]
    found = field.found("API063", shared=plant)
    assert found
    assert all("names no header" in each.message for each in found)
    assert field.found("API063") == []


def test_hidden_properties_are_told(field: Field) -> None:
    plant = """UPDATE reg_property SET reg_name = 'api_meta.owner' WHERE reg_id = (SELECT min(reg_id) FROM reg_property
        WHERE reg_name = 'api_meta.owner__display')"""
    (found,) = field.found("API064", source="3.2.0", shared=[plant])
    assert "owner of" in found.message
    assert field.found("API064", source="3.2.0") == []


def test_ai_apis_of_4_4_0_are_found(field: Field) -> None:
    plant = f"UPDATE am_api SET api_subtype = 'AIAPI' WHERE api_id = {FIRST}"
    (found,) = field.found("API065", source="4.4.0", target="4.5.0", am=[plant])
    assert "AI API" in found.message
    assert field.found("API065", source="4.4.0", target="4.5.0") == []
    assert field.report("API065", source="4.4.0", am=[plant]).tallies == ()


def test_what_changes_with_a_release_is_told(field: Field) -> None:
    (stumbling,) = field.found("API070", source="3.2.0")
    assert "products" in stumbling.message
    (governance,) = field.found("API071")
    assert "36 APIs" in governance.message


@pytest.mark.parametrize(
    ("content", "why", "severity"),
    [
        ("<sequence", "not well-formed XML (line 1)", Severity.MAJOR),
        ("", "it is empty", Severity.MAJOR),
        ("<proxy/>", "its root element is", Severity.MAJOR),
        (f"<sequence {NS}><log/></sequence>", "no name", Severity.MINOR),
    ],
)
def test_a_broken_sequence_is_found(field: Field, content: str, why: str, severity: Severity) -> None:
    (found,) = field.found("API080", source="3.2.0", shared=[sequence(content)])
    assert why in found.message
    assert found.severity is severity
    assert field.found("API080", source="3.2.0") == []


def test_a_broken_sequence_of_an_api_names_the_api(field: Field) -> None:
    found = field.found("API080", source="3.2.0", shared=[sequence("<x", "%/provider/%/in", many=99)])
    assert found
    assert all(each.api is not None and "used by 1 API" in each.message for each in found)


def test_a_class_that_is_gone_is_found(field: Field) -> None:
    gone = "org.wso2.carbon.apimgt.gateway.handlers.analytics.APIMgtFaultHandler"
    call = f'<sequence {NS} name="x"><class name="{gone}"/></sequence>'
    (found,) = field.found("API081", source="3.2.0", shared=[sequence(call)])
    assert "which 4.0.0 no longer has" in found.message
    (mended,) = field.found("API081", source="3.2.0", shared=[sequence(call, "%/customsequences/fault")])
    assert mended.repair is Repair.AUTOMATIC
    assert field.found("API081", source="4.0.0", shared=[sequence(call)]) == []
    assert field.found("API081", source="3.2.0") == []


def test_a_folder_of_ones_own_is_found(field: Field) -> None:
    plant = """UPDATE reg_path SET reg_path_value = replace(reg_path_value, '/in', '/{}')
        WHERE reg_path_value LIKE '%/customsequences/in' AND reg_tenant_id = 1"""
    (found,) = field.found("API082", source="3.2.0", shared=[plant.format("extra")])
    assert found.item == "harbour.example/extra"
    assert field.found("API082", source="3.2.0", shared=[plant.format("IN")]) == []


def test_sequences_in_a_folder_of_another_case_are_found(field: Field) -> None:
    plant = """UPDATE reg_path SET reg_path_value = replace(reg_path_value, '/TimetableAPI/', '/TIMETABLEAPI/')
        WHERE reg_path_value LIKE '%/provider/kim/TimetableAPI/2.0.0/in'"""
    (found,) = field.found("API083", source="3.2.0", shared=[plant])
    assert "TIMETABLEAPI" in found.message
    assert found.severity is Severity.MINOR
    assert field.found("API083", source="3.2.0") == []


def test_sequences_that_become_policies_are_told(field: Field) -> None:
    (found,) = field.found("API084", source="3.2.0", target="4.2.0")
    assert "every operation" in found.message
    plant = artifact("<inSequence/>|<inSequence></inSequence>", "<inSequence>x</inSequence>", many=99)
    (other,) = field.found("API085", source="3.2.0", shared=[plant])
    assert "no REST API" in other.message


def test_a_sequence_that_is_not_there_is_found(field: Field) -> None:
    plant = artifact("<inSequence>[^<]+<", "<inSequence>nowhere<")
    (found,) = field.found("API086", source="3.2.0", shared=[plant])
    assert "no sequence nowhere for the flow in" in found.message
    assert field.found("API086", source="3.2.0") == []
    assert field.found("API086", source="4.0.0") == []


POLICY = [
    """INSERT INTO am_operation_policy (policy_uuid, policy_name, policy_version, display_name, organization,
        applicable_flows, gateway_types, api_types, policy_category, policy_md5)
        VALUES ('p1', 'lookUp', 'v1', 'Look up', 'carbon.super', '[request]', '[Synapse]', '[HTTP]', 'Mediation',
            'x')""",
    """INSERT INTO am_operation_policy_definition (policy_uuid, gateway_type, definition_md5, policy_definition)
        VALUES ('p1', 'Synapse', 'x', convert_to('{% if a %}<dblookup/>{% endif %}', 'UTF8'))""",
]


def test_mediation_that_4_7_0_refuses_is_found(field: Field, tmp_path: Path) -> None:
    script = (
        f'<sequence {NS} name="x"><xslt key="k"/><script language="js">Java.type("java.io.File")</script></sequence>'
    )
    plant = [sequence(script.replace("'", "''"))]
    (found,) = field.found("API087", source="4.0.0", shared=plant)
    assert "the mediator xslt and Java in a script: java.io.File" in found.message
    assert found.severity is Severity.MINOR
    (offered,) = field.found("API087", am=POLICY)
    assert "Operation policy lookUp v1 of carbon.super (1 copy) uses the mediator dblookup" in offered.message
    configuration = tmp_path / "deployment.toml"
    inputs = CheckChoices(target_configuration=configuration)
    configuration.write_text(
        '[synapse_properties]\n"synapse.mediators.access.control.list" = "xslt,script"\n'
        '"limit_java_class_access_in_scripts.class_prefixes" = "java.io"\n'
    )
    assert field.found("API087", source="4.0.0", shared=plant, inputs=inputs)[0].message.count("xslt") == 0
    configuration.write_text(
        '[synapse_properties]\n"synapse.mediators.access.control.mode" = "NONE"\n'
        "limit_java_class_access_in_scripts.enable = false\n"
    )
    assert field.found("API087", source="4.0.0", shared=plant, inputs=inputs) == []
    assert field.found("API087", source="4.0.0") == []


def test_an_operation_policy_without_a_definition_is_found(field: Field) -> None:
    mapping = """INSERT INTO am_api_operation_policy_mapping
        (url_mapping_id, policy_uuid, policy_order, direction, parameters)
        SELECT min(url_mapping_id), 'p1', 1, 'request', '{}' FROM am_api_url_mapping"""
    (found,) = field.found("API088", am=[POLICY[0], mapping])
    assert "lookUp (p1)" in found.message
    assert field.found("API088", am=[*POLICY, mapping]) == []


def test_mediation_is_read_where_mediators_stand() -> None:
    text = b"""<sequence name="x"><filter><then><dblookup/></then></filter><payloadFactory><format><a/></format>
        </payloadFactory><script>var a = new org.json.JSONObject(); // see http://www.example.com/org.x.Y</script>
        </sequence>"""
    found = read_sequence(text)
    assert found.mediators == {"filter", "dblookup", "payloadfactory", "script"}
    assert found.java == {"org.json.JSONObject"}
    assert read_policy(b"{{x}} <unclosed").mediators == frozenset()
    assert read_policy(b"<am:validate/>").mediators == {"validate"}
    assert own_settings({"synapse_properties": {"a": {"b": ["1", "2"]}}}, "a.b") == {"a.b": "1,2"}
