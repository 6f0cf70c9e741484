"""The gateways' cache of 3.x."""

from __future__ import annotations

from api_data import Estates, prepared

from apim_upgrade.engine import journal
from apim_upgrade.migrations.v4_0_0 import gateway_cache

__all__ = ["prepared"]


def test_rows_of_3_x_go_and_rows_of_revisions_stay(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "INSERT INTO am_gw_published_api_details (api_id) VALUES ('old'), ('new'), ('idle')",
        "INSERT INTO am_gw_api_artifacts (api_id, gateway_label, revision_id) VALUES "
        "('old', 'Production', NULL), ('old', 'Other', ''), ('new', 'x', 'r-1')",
    )
    estate.run(gateway_cache.steps(estate.upgrade))
    assert estate.rows("SELECT api_id, revision_id FROM am_gw_api_artifacts") == [("new", "r-1")]
    assert estate.rows("SELECT api_id FROM am_gw_published_api_details") == [("new",)]
    told = estate.verdicts("4.0.0/api-data/gateway-cache")
    assert "2 rows" in told["AM_GW_API_ARTIFACTS"].reason
    with estate.pair.am.read() as session:
        assert {(table, deleted) for _, table, _, deleted in journal.read_rows(session) if deleted} >= {
            ("am_gw_api_artifacts", 2),
            ("am_gw_published_api_details", 2),
        }
    assert estate.changes_nothing(gateway_cache, "am_gw_api_artifacts", "am_gw_published_api_details")


def test_an_empty_cache_is_no_news(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(gateway_cache.steps(estate.upgrade))
    assert not estate.verdicts("4.0.0/api-data/gateway-cache")


def test_artifacts_of_4_x_are_never_touched(prepared: Estates) -> None:
    assert not gateway_cache.steps(prepared("4.0.0", "4.7.0").upgrade)
