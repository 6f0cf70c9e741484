"""Rules of the family API about artifacts, contexts, operations, definitions: a planted fault each."""

from __future__ import annotations

import pytest

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.releases.extensions import removal_of
from apim_upgrade.releases.mediation import allowed_mediation
from checks.api_plants import FIRST, OF_ARTIFACTS, artifact, file_gone
from checks.planting import Field
from conftest import Pair


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("^.*$", "<metadata", "not well-formed XML"),
        ("<name>[^<]+</name>", "<name></name>", "it has no name"),
    ],
)
def test_an_artifact_that_cannot_be_read_is_found(field: Field, before: str, after: str, why: str) -> None:
    (found,) = field.found("API001", shared=[artifact(before, after)])
    assert why in found.message
    assert str(found.place).endswith("/api")
    assert field.found("API001") == []


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_a_context_that_differs_from_the_artifacts_is_found(field: Field, source: str) -> None:
    (found,) = field.found(
        "API002", source=source, am=[f"UPDATE am_api SET context = '/else/1' WHERE api_id = {FIRST}"]
    )
    assert "context /else/1 in AM_API" in found.message
    plant = "UPDATE am_api SET api_type = 'SOAP' WHERE api_type = 'GRAPHQL' AND context NOT LIKE '/t/%'"
    (other,) = field.found("API002", source=source, am=[plant])
    assert "type SOAP in AM_API and GRAPHQL in the artifact" in other.message
    assert field.found("API002", source=source) == []


def test_an_api_without_a_type_is_found_and_mended_where_the_artifact_has_it(field: Field) -> None:
    plant = f"UPDATE am_api SET api_type = NULL WHERE api_id = {FIRST}"
    (mended,) = field.found("API003", source="3.2.0", am=[plant])
    assert (mended.severity, mended.repair) == (Severity.INFO, Repair.AUTOMATIC)
    assert field.found("API002", source="3.2.0", am=["UPDATE am_api SET api_type = NULL"]) == []
    nameless = artifact("<type>HTTP</type>", "<type>NULL</type>")
    (known,) = field.found("API003", source="3.2.0", shared=[nameless])
    assert known.severity is Severity.MINOR
    assert "it is HTTP" in known.message
    both = field.found("API003", source="3.2.0", shared=[nameless], am=["UPDATE am_api SET api_type = NULL"])
    assert "probably" in both[0].message
    assert both[0].severity is Severity.MAJOR
    assert field.found("API003", source="3.2.0") == []


def test_uuids_that_are_not_the_artifacts_are_found(field: Field) -> None:
    other = "UPDATE am_api SET api_uuid = 'other' WHERE api_id = (SELECT max(api_id) FROM am_api)"
    drop = """ALTER TABLE am_revision DROP CONSTRAINT IF EXISTS am_revision_api_uuid_fkey"""
    (found,) = field.found("API004", source="4.0.0", am=[drop, other])
    assert "AM_API has the UUID other" in found.message
    assert field.found("REG001", "REG002", source="4.0.0", am=[drop, other]) == []
    stateless = "UPDATE am_api SET status = NULL WHERE context LIKE '/t/%'"
    (filled,) = field.found("API004", source="4.0.0", am=[stateless])
    assert filled.repair is Repair.AUTOMATIC
    twin = f"""UPDATE reg_resource r SET reg_uuid = (SELECT min(r.reg_uuid) FROM reg_resource r
        JOIN reg_path p USING (reg_path_id, reg_tenant_id) WHERE r.reg_tenant_id = -1234 AND {OF_ARTIFACTS})
        WHERE reg_version IN (SELECT r.reg_version FROM reg_resource r
            JOIN reg_path p USING (reg_path_id, reg_tenant_id)
            WHERE r.reg_tenant_id = -1234 AND {OF_ARTIFACTS} ORDER BY r.reg_uuid LIMIT 2)"""
    lone = "UPDATE am_api SET api_name = api_name || 'X'"  # where AM_API has both, REG011 tells of them
    (double,) = field.found("API004", source="3.2.0", am=[lone], shared=[twin])
    assert double.severity is Severity.MAJOR
    assert field.found("API004", source="3.2.0") == []
    assert field.found("API004", source="4.0.0") == []


def test_spellings_that_differ_only_in_case_are_found(field: Field) -> None:
    plant = """UPDATE am_api SET context = upper(context), api_name = upper(api_name) WHERE api_id = (
        SELECT max(a.api_id) FROM am_api a JOIN am_api b ON b.api_name = a.api_name AND b.api_id <> a.api_id
        WHERE a.context NOT LIKE '/t/%' AND b.context NOT LIKE '/t/%')"""
    found = field.found("API005", source="3.2.0", am=[plant])
    assert sorted(each.message.split()[1] for each in found) == ["contexts", "names"]
    assert field.found("API005", source="3.2.0") == []


@pytest.mark.parametrize("context", ["no-slash/1.0", "/with{brace/1.0", "/with blank"])
def test_a_malformed_context_is_found(field: Field, context: str) -> None:
    (found,) = field.found("API006", am=[f"UPDATE am_api SET context = '{context}' WHERE api_id = {FIRST}"])
    assert repr(context) in found.message


def test_a_tenants_context_without_its_domain_is_found(field: Field) -> None:
    plant = """UPDATE am_api SET context = '/plain/1' WHERE api_id =
        (SELECT min(api_id) FROM am_api WHERE context LIKE '/t/%' AND api_type = 'HTTP')"""
    (found,) = field.found("API006", am=[plant])
    assert "does not begin with /t/" in found.message
    assert field.found("API006") == []


def test_a_context_that_two_apis_have_is_found(field: Field) -> None:
    (found,) = field.found("API007", am=["UPDATE am_api SET context = '/same/1.0' WHERE api_type = 'GRAPHQL'"])
    assert "/same/1.0 belongs to 3 APIs" in found.message
    assert field.found("API007") == []


def test_a_default_version_of_an_api_that_is_gone_is_told(field: Field) -> None:
    plant = """INSERT INTO am_api_default_version (api_name, api_provider, default_api_version)
        VALUES ('GoneAPI', 'kim', '1.0.0')"""
    (found,) = field.found("API008", source="3.2.0", am=[plant])
    assert "GoneAPI 1.0.0 of kim" in found.message
    assert field.found("API008", source="3.2.0") == []


def test_operations_without_tier_or_scheme_are_told(field: Field) -> None:
    for code, column in (("API010", "throttling_tier"), ("API011", "auth_scheme")):
        (found,) = field.found(code, am=[f"UPDATE am_api_url_mapping SET {column} = '' WHERE api_id = {FIRST}"])
        assert (found.severity, found.repair) == (Severity.INFO, Repair.AUTOMATIC)
        assert "of 1 API without" in found.message
        assert field.found(code) == []


def test_an_authentication_scheme_of_old_is_found(field: Field) -> None:
    plant = f"UPDATE am_api_url_mapping SET auth_scheme = 'Application User' WHERE api_id = {FIRST}"
    (found,) = field.found("API012", source="3.2.0", am=[plant])
    assert "'Application User'" in found.message
    assert field.found("API012", source="3.2.0") == []


def test_an_operation_that_opens_behind_mutual_tls_is_found(field: Field) -> None:
    guard = artifact("<apiSecurity>[^<]*<", "<apiSecurity>mutualssl,mutualssl_mandatory,oauth2<", many=100)
    opened = f"UPDATE am_api_url_mapping SET auth_scheme = 'None' WHERE api_id = {FIRST} AND revision_uuid IS NULL"
    shut = "UPDATE am_api_url_mapping SET auth_scheme = 'Any'"
    (found,) = field.found("API013", source="4.0.0", am=[shut, opened], shared=[guard])
    assert "behind mandatory mutual TLS" in found.message
    assert field.found("API013", source="4.0.0", am=[opened]) == []


def test_a_streaming_api_without_topics_is_found(field: Field) -> None:
    gone = "DELETE FROM am_api_url_mapping WHERE api_id = (SELECT min(api_id) FROM am_api WHERE api_type = 'WS')"
    (mended,) = field.found("API014", source="3.2.0", am=[gone])
    assert mended.repair is Repair.AUTOMATIC
    (found,) = field.found("API014", am=[gone])
    assert "to subscribe or publish to" in found.message
    assert field.found("API014") == []
    assert field.found("API014", source="3.2.0") == []


def test_a_graphql_api_without_a_schema_is_found(field: Field) -> None:
    (found,) = field.found("API020", shared=[file_gone("%.graphql")])
    assert "no GraphQL schema" in found.message
    empty = """UPDATE reg_content SET reg_content_data = '' WHERE reg_content_id = (SELECT min(reg_content_id)
        FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id)
        WHERE reg_name LIKE '%.graphql' AND p.reg_path_value LIKE '%/provider/%')"""
    assert len(field.found("API020", source="3.2.0", shared=[empty])) == 1
    assert field.found("API020", source="3.2.0") == []
    assert field.found("API020") == []


def test_a_wsdl_that_is_missing_or_no_zip_is_found(field: Field) -> None:
    gone = "DELETE FROM reg_resource WHERE reg_name LIKE '%.wsdl' AND reg_tenant_id = 1"
    found = field.found("API021", source="3.2.0", shared=[gone])
    assert found
    assert all("no WSDL" in each.message and each.tenant == "harbour.example" for each in found)
    link = artifact("<wsdl>[^<]+</wsdl>", "<wsdl>/x/kim--Other1.0.0.wsdl</wsdl>")
    (other,) = field.found("API021", source="3.2.0", shared=[link])
    assert other.severity is Severity.INFO
    (worn,) = field.found("API021", source="3.2.0", blemishes=True)
    assert worn.item == "links to WSDLs"
    zipped = """UPDATE reg_resource SET reg_name = replace(reg_name, '.wsdl', '.zip'), reg_path_id = (SELECT reg_path_id
        FROM reg_path WHERE reg_path_value LIKE '%/applicationdata/wsdls' AND reg_tenant_id = 1)
        WHERE reg_name LIKE '%.wsdl' AND reg_tenant_id = 1"""
    archives = "UPDATE reg_path SET reg_path_value = reg_path_value || '/archives' WHERE reg_path_value LIKE '%/wsdls'"
    bad = field.found("API021", source="3.2.0", shared=[zipped, f"{archives} AND reg_tenant_id = 1"])
    assert any("no zip" in each.message for each in bad)
    assert field.found("API021", source="3.2.0") == []
    assert field.found("API021") == []


def test_a_document_without_content_is_found(field: Field) -> None:
    (guide,) = field.found("API022", shared=[file_gone("Guide", "p.reg_path_value LIKE '%/documentation/contents'")])
    assert "it has no text" in guide.message
    (file,) = field.found("API022", shared=[file_gone("%.txt", "p.reg_path_value LIKE '%/documentation/files'")])
    assert "its file is not there" in file.message
    broken = """UPDATE reg_content SET reg_content_data = 'x' WHERE reg_content_id = (SELECT min(r.reg_content_id)
        FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id)
        WHERE r.reg_name = 'Forum' AND p.reg_path_value LIKE '%/provider/%')"""
    (unreadable,) = field.found("API022", shared=[broken])
    assert "cannot be read" in unreadable.message
    assert field.found("API022") == []


def test_what_is_gone_and_allowed_is_known() -> None:
    assert removal_of("org/wso2/carbon/apimgt/gateway/handlers/analytics/APIMgtFaultHandler") is not None
    assert removal_of("org/wso2/carbon/apimgt/usage/publisher/APIMgtFaultHandler") is not None
    assert {"payloadfactory", "class"} <= allowed_mediation().mediators
    assert all(name == name.lower() for name in allowed_mediation().mediators)


def test_real_estates_have_no_finding_that_is_not_true(field: Field, real_estate: object) -> None:
    """Reviewed one by one: open operations behind mutual TLS (4.0.0) and a product that lost operations (4.2.0)."""
    known = {"3.2.0": {}, "4.0.0": {"API013": 11}, "4.2.0": {"API031": 1}, "4.5.0": {}}
    for source, expected in known.items():
        pair: Pair = real_estate(source)  # type: ignore[operator]
        found = field.found("API", "GW", source=source, pair=pair)
        above = [each.code for each in found if each.severity > Severity.INFO]
        assert {code: above.count(code) for code in above} == expected
