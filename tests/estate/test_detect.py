"""The release is told from the whole schema, never from one object."""

from __future__ import annotations

import pytest

from apim_upgrade.estate.detect import Names, columns_of, compared, detect, filled_columns, resembles
from apim_upgrade.releases import Release, catalogue, catalogued_releases

KIND = "postgresql"
RELEASES = catalogued_releases(KIND)


def stock(release: str, part: str = "am") -> Names:
    return columns_of(catalogue(KIND, Release.parse(release), part))


def added(release: str, before: str) -> list[tuple[str, str]]:
    return sorted(stock(release) - stock(before))


def found(live: Names, part: str = "am") -> list[str]:
    return [str(release) for release in detect(live, KIND, part).candidates]


@pytest.mark.parametrize("release", [str(release) for release in RELEASES])
def test_every_stock_schema_is_recognised(release: str) -> None:
    detected = detect(stock(release), KIND, "am")
    assert [str(each) for each in detected.candidates] == [release]
    assert detected.clear
    shared = detect(stock(release, "shared"), KIND, "shared")
    assert Release.parse(release) in shared.candidates
    assert shared.clear


@pytest.mark.parametrize("release", [str(release) for release in RELEASES])
def test_the_two_databases_are_told_apart(release: str) -> None:
    for part, other in (("am", "shared"), ("shared", "am")):
        assert resembles(stock(release, part), KIND, part)
        assert not resembles(stock(release, part), KIND, other)
    assert not resembles(frozenset(), KIND, "am")


def test_one_object_of_a_later_release_changes_nothing() -> None:
    early = {("am_correlation_configs", "component_name"), ("am_correlation_configs", "enabled")}
    assert found(stock("3.2.0") | early) == ["3.2.0"]
    assert found(stock("4.1.0") | frozenset(added("4.2.0", "4.1.0")[:14])) == ["4.1.0"]


def test_what_the_vendors_scripts_leave_out_changes_nothing() -> None:
    without_uma = frozenset(name for name in stock("3.2.0") if not name[0].startswith("idn_uma_"))
    assert found(without_uma) == ["3.2.0"]
    assert detect(without_uma, KIND, "am").clear


def test_left_overs_of_an_older_release_change_nothing() -> None:
    assert found(stock("4.2.0") | stock("4.0.0") | stock("3.2.0")) == ["4.2.0"]


def test_a_schema_between_two_releases_is_not_guessed() -> None:
    new = added("4.5.0", "4.4.0")
    detected = detect(stock("4.4.0") | frozenset(new[: len(new) * 6 // 10]), KIND, "am")
    assert (detected.clear, [str(each) for each in detected.candidates]) == (False, ["4.4.0", "4.5.0"])
    assert detected.seen == f"{len(new) * 6 // 10} of {len(new)} columns that 4.5.0 added"


def test_a_column_that_only_an_upgrade_removes_betrays_one_that_has_begun() -> None:
    detected = detect(stock("4.0.0") - {("am_key_manager", "tenant_domain")}, KIND, "am")
    assert (detected.clear, [str(each) for each in detected.candidates]) == (False, ["4.0.0", "4.1.0"])
    assert "am_key_manager.tenant_domain, which a later release removes" in detected.seen


def test_a_gap_in_the_middle_is_not_guessed() -> None:
    detected = detect(stock("4.3.0") - frozenset(added("4.2.0", "4.1.0")), KIND, "am")
    assert (detected.clear, [str(each) for each in detected.candidates]) == (False, ["4.1.0", "4.2.0", "4.3.0"])


def test_own_early_and_missing_objects_are_named() -> None:
    live = stock("4.0.0") | {("billing", "id"), ("am_correlation_configs", "enabled"), ("am_api", "organization")}
    live -= frozenset(name for name in live if name[0] == "am_webhooks_unsubscription") | {("am_api", "status")}
    own, ahead, missing = compared(live, KIND, "am", Release(4, 0, 0))
    assert own == ("billing",)
    assert ahead == ("am_api.organization", "am_correlation_configs")
    assert missing == ("am_api.status", "am_webhooks_unsubscription")


def test_columns_that_a_data_migration_fills_exist_from_their_release_on() -> None:
    for release, column in filled_columns():
        before = max(each for each in RELEASES if each < release)
        assert ("am_api", column) in stock(str(release)) - stock(str(before))
