"""Rules REG010 and up: a planted fault each; the clean sample stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.project.checking import CheckChoices
from checks.planting import Field

TAG = (
    "INSERT INTO reg_tag (reg_tag_name, reg_user_id, reg_tagged_time, reg_tenant_id) VALUES ('t', 'kim', now(), -1234)"
)
TAG_LINK = """INSERT INTO reg_resource_tag (reg_tag_id, reg_version, reg_tenant_id)
    SELECT max(reg_id), {}, -1234 FROM reg_tag"""


def toml(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_links_by_version_are_found_by_whether_their_resource_lives(field: Field) -> None:
    version = "(SELECT min(reg_version) FROM reg_resource WHERE reg_tenant_id = -1234)"
    (found,) = field.found("REG010", shared=[TAG, TAG_LINK.format(version)])
    assert found.severity is Severity.MAJOR
    assert found.message.startswith("1 tags hang on the present version")
    (found,) = field.found("REG010", shared=[TAG, TAG_LINK.format(-5)])
    assert (found.severity, "of resources that are gone" in found.message) == (Severity.MINOR, True)
    (found,) = field.found("REG010", shared=[TAG])
    assert (found.severity, "hang on nothing" in found.message) == (Severity.INFO, True)
    assert field.found("REG010") == []


def test_old_versions_are_told(field: Field) -> None:
    plant = """INSERT INTO reg_content_history (reg_content_id, reg_content_data, reg_deleted, reg_tenant_id)
        SELECT reg_content_id, reg_content_data, 0, reg_tenant_id FROM reg_content LIMIT 7"""
    (found,) = field.found("REG010", shared=[plant])
    assert found.message.startswith("REG_CONTENT_HISTORY has 7 rows of old versions")


def test_versioning_that_is_switched_on_has_to_be_carried_over(field: Field, tmp_path: Path) -> None:
    on = toml(tmp_path, "old.toml", "[static_configuration.versioning_tags]\nenable = true\n")
    (found,) = field.found("REG010", inputs=CheckChoices(configuration=on))
    assert found.item == "static_configuration.versioning_tags.enable"
    assert field.found("REG010", inputs=CheckChoices(configuration=on, target_configuration=on)) == []


TWIN = """WITH two AS (SELECT r.reg_version, r.reg_uuid FROM reg_resource r
        JOIN reg_path p USING (reg_path_id, reg_tenant_id)
        WHERE r.reg_tenant_id = -1234 AND r.reg_name = 'api'
          AND p.reg_path_value LIKE '/_system/governance/apimgt/applicationdata/provider/%' ORDER BY r.reg_uuid LIMIT 2)
    UPDATE reg_resource SET reg_uuid = (SELECT min(reg_uuid) FROM two)
    WHERE reg_version IN (SELECT reg_version FROM two)"""


@pytest.mark.parametrize("source", ["3.2.0"])
def test_two_apis_with_one_uuid_are_found(field: Field, source: str) -> None:
    of = "SELECT {}(reg_uuid) FROM reg_resource WHERE reg_name = 'api' AND reg_tenant_id = {}"
    plant = (
        f"""UPDATE reg_resource SET reg_uuid = ({of.format("min", -1234)}) WHERE reg_uuid = ({of.format("min", 1)})"""
    )
    (found,) = field.found("REG011", source=source, shared=[plant])
    assert found.severity is Severity.BLOCKER
    assert found.tenant == "harbour.example"
    (within,) = field.found("REG011", source=source, shared=[TWIN])
    assert within.severity is Severity.BLOCKER
    assert field.found("API004", source=source, shared=[TWIN]) == []
    assert field.found("REG011", source=source) == []


def test_paths_that_the_registry_forbids_are_found(field: Field) -> None:
    plant = """UPDATE reg_path SET reg_path_value = replace(reg_path_value, '-AT-', '@')
        WHERE reg_path_value LIKE '%/provider/kim-AT-harbour.example/%'"""
    found = field.found("REG012", shared=[plant])
    assert found
    assert all(each.severity is Severity.MAJOR and "has the character @." in each.message for each in found)
    slash = "UPDATE am_api SET api_provider = 'STAFF/kim' WHERE api_id = (SELECT min(api_id) FROM am_api)"
    (found_slash,) = field.found("REG012", am=[slash])
    assert found_slash.severity is Severity.MINOR
    assert field.found("REG012") == []


@pytest.mark.parametrize("field_text", ["", "<enableStore></enableStore>", "<enableStore>null</enableStore>"])
def test_published_apis_that_developers_do_not_see_are_found(field: Field, field_text: str) -> None:
    plant = f"""UPDATE reg_content SET reg_content_data = convert_to(replace(convert_from(reg_content_data, 'UTF8'),
          '<enableStore>true</enableStore>', '{field_text}'), 'UTF8') WHERE reg_content_id IN
        (SELECT reg_content_id FROM reg_resource WHERE reg_name = 'api')"""
    found = field.found("REG013", shared=[plant])
    assert found
    assert {each.api.state for each in found if each.api} == {"PUBLISHED"}
    assert field.found("REG013") == []


TYPE = """UPDATE reg_content SET reg_content_data = convert_to({}, 'UTF8') WHERE (reg_content_id, reg_tenant_id) IN
    (SELECT reg_content_id, reg_tenant_id FROM reg_resource WHERE reg_name = 'api.rxt' AND reg_tenant_id = 1)"""


def test_type_definitions_are_told_or_found(field: Field) -> None:
    found = field.found("REG014", shared=[TYPE.format("'<artifactType'")])
    (broken,) = [each for each in found if each.severity > Severity.INFO]
    assert (broken.severity, broken.tenant, broken.repair) == (Severity.MAJOR, "harbour.example", Repair.MANUAL)
    old = field.found("REG014", source="3.2.0")
    assert {(each.severity, each.repair) for each in old} == {(Severity.INFO, Repair.AUTOMATIC)}
    gone = "UPDATE reg_resource SET reg_name = 'old.rxt' WHERE reg_name = 'api.rxt' AND reg_tenant_id = 1"
    lacking = [each for each in field.found("REG014", shared=[gone]) if each.severity is Severity.MINOR]
    assert [each.message for each in lacking] == ["Tenant harbour.example has APIs and no type definition of them."]


def test_the_log_is_told_where_the_index_could_not_be_built_from_it(field: Field) -> None:
    before = {each.item: each.message for each in field.found("REG015")}
    assert not before.keys() & {"dead paths", "forgotten APIs"}
    found = {each.item: each for each in field.found("REG015", blemishes=True)}
    assert found.keys() == {"dead paths", "passed over", "forgotten APIs"}
    assert "REG_LOG has no row of 1 API, such as /_system/governance/" in found["forgotten APIs"].message
    assert {each.repair for each in found.values()} == {Repair.AUTOMATIC}


def test_dead_folders_are_told(field: Field) -> None:
    (found,) = field.found("REG016", blemishes=True)
    assert found.message == "REG_PATH has 15 rows of folders that are gone."
    assert field.found("REG016") == []


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_real_estates_have_no_false_findings(field: Field, source: str, real_estate) -> None:  # type: ignore[no-untyped-def]
    found = field.found("REG01", source=source, pair=real_estate(source))
    assert [each.message for each in found if each.severity > Severity.INFO] == []
