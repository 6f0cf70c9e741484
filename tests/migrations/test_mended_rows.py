"""Blemishes that are mended or told."""

from __future__ import annotations

import pytest
from api_data import Estates, prepared

from apim_upgrade.migrations import repairs

__all__ = ["prepared"]


@pytest.mark.parametrize(("source", "without_scheme"), [("3.2.0", 0), ("4.0.0", 1), ("4.2.0", 6)])
def test_operations_without_scheme_get_any_r18(prepared: Estates, source: str, without_scheme: int) -> None:
    estate = prepared(source, "4.7.0")
    lacking = "SELECT count(*) FROM am_api_url_mapping WHERE auth_scheme IS NULL OR throttling_tier IS NULL"
    assert estate.rows(lacking) == [(without_scheme,)]
    before = estate.rows("SELECT count(*) FROM am_api_url_mapping WHERE auth_scheme = 'Any'")[0][0]
    estate.run(repairs.steps(estate.upgrade))
    assert estate.rows(lacking) == [(0,)]
    assert estate.rows("SELECT count(*) FROM am_api_url_mapping WHERE auth_scheme = 'Any'") == [
        (before + without_scheme,)
    ]
    assert estate.changes_nothing(repairs, "am_api_url_mapping")


def test_an_empty_tier_is_no_tier(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("UPDATE am_api_url_mapping SET throttling_tier = '' WHERE url_mapping_id = 6")
    estate.run(repairs.steps(estate.upgrade))
    assert estate.rows("SELECT throttling_tier, auth_scheme FROM am_api_url_mapping WHERE url_mapping_id = 6") == [
        ("Unlimited", "Application & Application User")
    ]


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0"])
def test_real_estates_give_no_findings(prepared: Estates, source: str) -> None:
    estate = prepared(source, "4.7.0")
    estate.run(repairs.steps(estate.upgrade))
    assert not estate.verdicts("repairs/apis")
    assert not estate.verdicts("repairs/application-keys")


def test_odd_contexts_and_doubles_are_told(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "UPDATE apim_upgrade_artifact SET context = 'no-slash' WHERE tenant_id = -1234 AND name = 'ADPRestAPI' "
        "AND version = '1.0.0'",
        "UPDATE apim_upgrade_artifact SET context = '/adp-rest/2.0.0' WHERE tenant_id = 1 AND name = 'ADPRestAPI' "
        "AND version = '2.0.0'",
        "UPDATE apim_upgrade_artifact SET name = 'ADPRestAPI', provider = 'other@adpsample.com' WHERE tenant_id = 2 "
        "AND name = 'ADPOAS2RestAPI' AND version = '1.0.0'",
    )
    estate.run(repairs.steps(estate.upgrade))
    told = {item: verdict.reason for item, verdict in estate.verdicts("repairs/apis").items()}
    assert "slash" in told["carbon.super/adp_crt_user/ADPRestAPI/1.0.0"]
    both = told["adpexample.com/adp_crt_user@adpexample.com/ADPRestAPI/2.0.0"]
    assert "/t/adpexample.com/" in both
    assert "Another API" in both
    assert "Another provider" in told["adpsample.com/other@adpsample.com/ADPRestAPI/1.0.0"]
    assert len(told) == 5


def test_keys_without_oauth_client_are_told_but_not_those_of_other_key_managers(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute(
        "UPDATE am_application_key_mapping SET consumer_key = 'gone', key_manager = "
        "(SELECT uuid FROM am_key_manager WHERE name = 'KM s1') WHERE application_id = 2 AND key_type = 'SANDBOX'",
        "UPDATE am_application_key_mapping SET consumer_key = 'stale' WHERE application_id = 2 "
        "AND key_type = 'PRODUCTION'",
    )
    estate.run(repairs.steps(estate.upgrade))
    told = estate.verdicts("repairs/application-keys")
    assert [(item, verdict.verdict) for item, verdict in told.items()] == [("application 2 PRODUCTION", "noted")]
    assert "stale" not in told["application 2 PRODUCTION"].reason
