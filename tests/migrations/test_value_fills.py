"""New columns of old rows."""

from __future__ import annotations

import pytest
from api_data import Estates, prepared

from apim_upgrade.migrations import value_fills
from apim_upgrade.releases import Release
from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.releases.value_fills import value_fills as known_fills
from apim_upgrade.releases.value_fills import values_of_new_row

__all__ = ["prepared"]


def test_every_fill_names_a_column_that_came_no_later() -> None:
    for fill in known_fills():
        table = catalogue("postgresql", fill.since, "am").tables[fill.table]
        columns = {column.name for column in table.columns}
        assert {fill.column, fill.except_column} - {""} <= columns, fill


def test_rows_of_4_2_0_look_like_those_of_a_server_of_4_5_0(prepared: Estates) -> None:
    estate, model = prepared("4.2.0", "4.7.0"), prepared("4.5.0", "4.7.0")
    estate.run(value_fills.steps(estate.upgrade))
    for what in (
        "api_type = 'APIProduct', gateway_vendor, log_level, api_subtype, is_egress, sub_validation FROM am_api",
        "provider, type, gateway_type, convert_from(configuration, 'UTF8'), env_mode FROM am_gateway_environment",
        "log_level FROM am_api_url_mapping",
        "rate_limit_count, rate_limit_time_unit FROM am_policy_application",
        "key_type FROM am_api_client_certificate",
        "name = 'DefaultApplication', shared_organization FROM am_application",
        "prompt_token_count, completion_token_count FROM am_policy_subscription",
        "token_type FROM am_key_manager",
    ):
        assert set(estate.rows(f"SELECT DISTINCT {what}")) == set(model.rows(f"SELECT DISTINCT {what}")), what
    assert {row[0] for row in estate.rows("SELECT total_token_count FROM am_policy_subscription")} == {0}
    assert estate.changes_nothing(value_fills, "am_api", "am_application", "am_policy_subscription")


def test_a_server_of_the_target_leaves_nothing_to_fill(prepared: Estates) -> None:
    estate = prepared("4.5.0", "4.7.0")
    estate.run(value_fills.steps(estate.upgrade))
    changed = estate.rows("SELECT step, changed FROM apim_upgrade_journal WHERE starts_with(step, 'value-fills/')")
    assert changed
    assert {count for _, count in changed} == {0}


def test_comments_of_3_2_0_came_from_the_developer_portal(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "INSERT INTO am_api_comments (comment_id, comment_text, created_by, created_time, api_id, entry_point, "
        "category) "
        "VALUES ('c', 'fine', 'kim', now(), 1, NULL, NULL)"
    )
    estate.run(value_fills.steps(estate.upgrade))
    assert estate.rows("SELECT entry_point, category FROM am_api_comments") == [("DEVPORTAL", "general")]


def test_applications_are_filled_where_organizations_passes_anyway(prepared: Estates) -> None:
    names = {step.name for step in value_fills.steps(prepared("4.0.0", "4.7.0").upgrade)}
    assert "value-fills/am_application" not in names
    assert "value-fills/am_application" in {step.name for step in value_fills.steps(prepared("4.2.0", "4.7.0").upgrade)}


def test_a_table_is_written_once_however_many_releases_are_passed(prepared: Estates) -> None:
    steps = value_fills.steps(prepared("4.0.0", "4.7.0").upgrade)
    assert len(steps) == len({step.tables for step in steps})
    assert {len(step.operations) for step in steps} == {1}


@pytest.mark.parametrize(("release", "columns"), [("4.0.0", set()), ("4.3.0", {"provider", "type", "gateway_type"})])
def test_new_rows_have_what_their_release_knows(release: str, columns: set[str]) -> None:
    assert set(values_of_new_row("am_gateway_environment", Release.parse(release))) == columns
