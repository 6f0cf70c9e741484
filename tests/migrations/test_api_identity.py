"""API_UUID and STATUS from the registry."""

from __future__ import annotations

from api_data import Estates, prepared

from apim_upgrade.migrations.v4_0_0 import api_identity

__all__ = ["prepared"]
STEP = "4.0.0/api-data/api-identity"


def test_every_api_gets_its_artifacts_uuid_and_state(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(api_identity.steps(estate.upgrade))
    assert estate.rows("SELECT status, count(*) FROM am_api GROUP BY 1 ORDER BY 1") == [
        ("BLOCKED", 3),
        ("CREATED", 12),
        ("PUBLISHED", 27),
    ]
    with estate.pair.shared.read() as session:
        uuids = session.all("SELECT reg_uuid FROM reg_resource WHERE reg_media_type = 'application/vnd.wso2-api+xml'")
    assert sorted(estate.rows("SELECT api_uuid FROM am_api")) == sorted((row[0],) for row in uuids)
    assert estate.rows(
        "SELECT count(*) FROM am_api a JOIN apim_upgrade_artifact r USING (api_uuid, context) WHERE a.api_type = r.type"
    ) == [(42,)]
    assert not estate.verdicts(STEP)
    assert estate.changes_nothing(api_identity, "am_api")


def test_rows_and_artifacts_without_each_other_are_told_r9(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "DELETE FROM apim_upgrade_artifact WHERE tenant_id = 1 AND name = 'ADPIfElseAPI' AND version = '1.0.0'",
        "UPDATE apim_upgrade_artifact SET version = '9' WHERE tenant_id = 2 AND name = 'ADPIfElseAPI' "
        "AND version = '2.0.0'",
    )
    estate.run(api_identity.steps(estate.upgrade))
    provider = "adp_crt_user@adpsample.com"
    assert {item: verdict.verdict for item, verdict in estate.verdicts(STEP).items()} == {
        "adp_crt_user@adpexample.com/ADPIfElseAPI/1.0.0": "skipped",
        f"{provider}/ADPIfElseAPI/2.0.0": "skipped",
        f"adpsample.com/{provider}/ADPIfElseAPI/9": "skipped",
    }
    assert estate.rows("SELECT count(*) FROM am_api WHERE api_uuid IS NULL AND status IS NULL") == [(2,)]


def test_the_context_decides_between_artifacts_of_two_tenants(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "INSERT INTO apim_upgrade_artifact (tenant_id, api_uuid, folder, folder_id, content_id, provider, name, "
        "version, type, context, status) SELECT 2, 'twin', folder, folder_id, content_id, provider, name, version, "
        "type, '/other', status FROM apim_upgrade_artifact WHERE tenant_id = -1234 AND name = 'ADPRestAPI' "
        "AND version = '1.0.0'"
    )
    estate.run(api_identity.steps(estate.upgrade))
    assert estate.rows("SELECT count(*) FROM am_api WHERE api_uuid = 'twin' OR api_uuid IS NULL") == [(0,)]


def test_a_missing_state_of_a_4_x_api_is_filled_and_the_rest_stays(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    before = estate.table("am_api")
    assert estate.changes_nothing(api_identity, "am_api")
    estate.execute("UPDATE am_api SET status = NULL WHERE api_id = 1")
    estate.run(api_identity.steps(estate.upgrade))
    assert estate.table("am_api") == before
    assert not estate.verdicts(STEP)


def test_a_row_that_differs_from_its_artifact_is_told(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("UPDATE am_api SET context = '/elsewhere' WHERE api_id = 1")
    estate.run(api_identity.steps(estate.upgrade))
    assert [verdict.verdict for verdict in estate.verdicts(STEP).values()] == ["noted"]


def test_a_type_that_an_older_release_left_out_comes_from_the_artifact(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    before = estate.rows("SELECT api_id, api_type FROM am_api ORDER BY 1")
    estate.execute("UPDATE am_api SET api_type = NULL WHERE api_id % 3 = 0")
    estate.run(api_identity.steps(estate.upgrade))
    assert estate.rows("SELECT api_id, api_type FROM am_api ORDER BY 1") == before
