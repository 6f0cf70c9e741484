"""Rules of the family GW: a planted fault each; the clean sample stays silent."""

from __future__ import annotations

from pathlib import Path

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from checks.api_plants import FIRST, artifact
from checks.planting import Field

DEPLOYED = """(SELECT r.revision_uuid FROM am_revision r JOIN am_api a ON a.api_uuid = r.api_uuid
    WHERE a.status = 'PUBLISHED' AND a.context NOT LIKE '/t/%' ORDER BY a.api_id LIMIT 1)"""


def given(folder: Path, *names: str, labels: str = "") -> CheckChoices:
    """The target's deployment.toml with some environments."""
    file = folder / "deployment.toml"
    tables = "".join(f'[[apim.gateway.environment]]\nname = "{name}"\n' for name in names)
    file.write_text(tables + (f"[apim.sync_runtime_artifacts.gateway]\ngateway_labels = {labels}\n" if labels else ""))
    return CheckChoices(target_configuration=file)


def test_an_environment_that_the_target_lacks_is_found_in_artifacts(field: Field, tmp_path: Path) -> None:
    plant = artifact("<environments>[^<]*<", "<environments>eu-west, us-edge<", where="r.reg_tenant_id = 1", many=99)
    found = field.found("GW001", source="3.2.0", shared=[plant])
    assert {each.item: each.severity for each in found} == {"environment eu-west": Severity.MAJOR}
    assert "[options] environments" in found[0].message
    other = artifact("<environments>[^<]*<", "<environments>eu-west<", where="r.reg_tenant_id = 1", many=99)
    (blocker,) = field.found("GW001", source="3.2.0", shared=[other], inputs=given(tmp_path, "Default"))
    assert blocker.severity is Severity.BLOCKER
    assert field.found("GW001", source="3.2.0", shared=[other], inputs=given(tmp_path, "Default", "eu-west")) == []
    renamed = Choices(environment_names=(("eu-west", "Default"),))
    shared = [other, artifact("<environments>Production and Sandbox<", "<environments>eu-west<", many=99)]
    assert field.found("GW001", source="3.2.0", shared=shared, choices=renamed) == []
    assert field.found("GW001", source="3.2.0") == []


def test_an_environment_that_the_target_lacks_is_found_in_deployments(field: Field, tmp_path: Path) -> None:
    plant = f"UPDATE am_deployment_revision_mapping SET name = 'gone' WHERE revision_uuid = {DEPLOYED}"
    (found,) = field.found("GW001", am=[plant])
    assert (found.item, found.severity) == ("environment gone", Severity.MAJOR)
    (blocker,) = field.found("GW001", am=[plant], inputs=given(tmp_path, "Default"))
    assert blocker.severity is Severity.BLOCKER
    created = "UPDATE am_api SET status = 'CREATED' WHERE status = 'PUBLISHED'"
    (minor,) = field.found("GW001", am=[plant, created], inputs=given(tmp_path, "Default"))
    assert minor.severity is Severity.MINOR
    (unsure,) = field.found("GW001", am=[plant], inputs=given(tmp_path, labels='["Default"]'))
    assert unsure.severity is Severity.MAJOR
    assert field.found("GW001") == []


def test_apis_without_an_environment_are_told(field: Field) -> None:
    none = artifact("<environments>[^<]+<", "<environments>none<", many=99)
    found = field.found("GW002", source="3.2.0", shared=[none])
    assert found
    assert all(each.severity is Severity.INFO and "runs on no environment" in each.message for each in found)
    empty = artifact("<environments>[^<]+<", "<environments><", many=99)
    (all_of_them,) = field.found("GW002", source="3.2.0", shared=[empty])
    assert all_of_them.repair is Repair.AUTOMATIC
    row = f"UPDATE am_deployment_revision_mapping SET name = 'none' WHERE revision_uuid = {DEPLOYED}"
    (deployed,) = field.found("GW002", am=[row])
    assert deployed.severity is Severity.MAJOR
    assert field.found("GW001", am=[row]) == []
    assert field.found("GW002") == []


def test_labels_are_found_that_cannot_become_environments(field: Field) -> None:
    first = "(SELECT min(label_id) FROM am_labels)"
    (clean,) = field.found("GW003", source="3.2.0")
    assert clean.repair is Repair.AUTOMATIC
    for url, severity in (("ftp://x", Severity.MAJOR), ("http://a/x", None)):
        plant = f"UPDATE am_label_urls SET access_url = '{url}' WHERE label_id = {first}"
        found = [each for each in field.found("GW003", source="3.2.0", am=[plant]) if each.severity > Severity.INFO]
        assert [each.severity for each in found] == ([severity] if severity else [])
    doubled = rf"""INSERT INTO am_label_urls (label_id, access_url)
        SELECT label_id, regexp_replace(access_url, '\:[0-9]+', '\:7777') FROM am_label_urls WHERE label_id = {first}"""
    assert any("second" in each.message for each in field.found("GW003", source="3.2.0", am=[doubled]))
    same = f"UPDATE am_labels SET name = 'Default' WHERE label_id = {first}"
    assert any("configured" in each.message for each in field.found("GW003", source="3.2.0", am=[same]))
    strange = artifact("</metadata>", "<labels><labelName>nowhere</labelName></labels></metadata>", many=99)
    found = field.found("GW003", source="3.2.0", shared=[strange])
    assert any("gateway label nowhere" in each.message for each in found)


def test_a_revision_that_gateways_cannot_load_is_found(field: Field) -> None:
    for plant, table in (
        (f"DELETE FROM am_gw_api_deployments WHERE revision_id = {DEPLOYED}", "AM_GW_API_DEPLOYMENTS"),
        (f"DELETE FROM am_gw_api_artifacts WHERE revision_id = {DEPLOYED}", "AM_GW_API_ARTIFACTS"),
        (f"UPDATE am_gw_api_artifacts SET artifact = 'null' WHERE revision_id = {DEPLOYED}", "AM_GW_API_ARTIFACTS"),
    ):
        (found,) = field.found("GW004", am=[plant])
        assert f"and {table} has nothing for it" in found.message
        assert found.severity is Severity.MAJOR
    stores = ("am_gw_api_deployments", "am_gw_api_artifacts")
    (found,) = field.found("GW004", am=[f"DELETE FROM {store} WHERE revision_id = {DEPLOYED}" for store in stores])
    assert "AM_GW_API_DEPLOYMENTS and AM_GW_API_ARTIFACTS have nothing for it" in found.message
    assert field.found("GW004") == []


def test_a_published_api_that_runs_nowhere_is_told(field: Field) -> None:
    (found,) = field.found("GW005", am=[f"DELETE FROM am_deployment_revision_mapping WHERE revision_uuid = {DEPLOYED}"])
    assert "without a deployed revision" in found.message
    assert field.found("GW005") == []


def test_too_many_revisions_are_found(field: Field) -> None:
    plant = f"""INSERT INTO am_revision (id, api_uuid, revision_uuid, description, created_time)
        SELECT n, (SELECT api_uuid FROM am_api WHERE api_id = {FIRST}), 'more-' || n, '', now()
        FROM generate_series(2, 7) n"""
    (found,) = field.found("GW006", am=[plant])
    assert "7 revisions" in found.message
    assert field.found("GW006") == []


def test_what_changes_on_gateways_is_told(field: Field) -> None:
    (tenants,) = field.found("GW007", target="4.6.0")
    assert "2 tenants" in tenants.message
    (errors,) = field.found("GW008", source="3.2.0")
    assert errors.severity is Severity.INFO


def test_an_environment_that_no_gateway_asks_for_is_found(field: Field, tmp_path: Path) -> None:
    inputs = given(tmp_path, "Default", labels='["other"]')
    found = field.found("GW009", inputs=inputs)
    assert "gateway label Default" in {each.item for each in found}
    everything = given(tmp_path, "Default", labels='["Default", "us-edge"]')
    assert field.found("GW009", inputs=everything) == []
    assert "gateway label Default" not in {
        each.item for each in field.found("GW009", inputs=given(tmp_path, "Default"))
    }


def test_an_environment_of_the_database_that_cannot_be_used_is_found(field: Field, tmp_path: Path) -> None:
    (bare,) = field.found("GW010", am=["DELETE FROM am_gw_vhost WHERE gateway_env_id = 1"])
    assert "no virtual host" in bare.message
    doubled = field.found("GW010", inputs=given(tmp_path, "Default", "us-edge"))
    assert {each.severity for each in doubled} == {Severity.MINOR}
    assert field.found("GW010") == []
