"""Rules of the family REG: a planted fault each; the clean sample stays silent."""

from __future__ import annotations

import pytest

from apim_upgrade.checks import Severity
from checks.planting import Field

NO_ARTIFACT = """DELETE FROM reg_resource WHERE reg_uuid = (SELECT min(reg_uuid) FROM reg_resource
    WHERE reg_name = 'api' AND reg_media_type = 'application/vnd.wso2-api+xml')"""


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_an_api_without_artifact_is_found(field: Field, source: str) -> None:
    (found,) = field.found("REG001", source=source, shared=[NO_ARTIFACT])
    assert found.api is not None
    assert found.item == f"{found.api.tenant}/{found.api.name}/{found.api.version}"
    assert str(found.place) == f"am.AM_API (API_ID={found.api.id})"
    assert field.found("REG001", source=source) == []


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_an_artifact_without_a_row_is_found(field: Field, source: str) -> None:
    rename = "UPDATE am_api SET api_name = 'Renamed', api_uuid = 'x' WHERE api_id = (SELECT max(api_id) FROM am_api)"
    if source == "3.2.0":
        rename = rename.replace(", api_uuid = 'x'", "")
    (found,) = field.found("REG002", source=source, am=[rename])
    assert str(found.place).startswith("/_system/governance/apimgt/applicationdata/provider/")
    assert field.found("REG002", source=source) == []


def test_a_missing_index_is_found(field: Field) -> None:
    (found,) = field.found("REG003", shared=["DROP INDEX reg_path_ind_by_path_parent_id"])
    assert found.severity is Severity.MINOR
    assert "REG_PATH has no index over (REG_PATH_PARENT_ID, REG_TENANT_ID)" in found.message
    assert field.found("REG003") == []
