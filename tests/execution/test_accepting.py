"""What cannot be mended can be accepted; what was moved aside is handed over."""

from __future__ import annotations

import json
from collections.abc import Callable

from conftest import Pair
from execution.site import Site, change
from execution.test_commit import _tables_of_ours


def test_failed_items_are_accepted_only_when_said(
    site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> None:
    here = site(sample_estate("3.2.0", apis=6, tenants=1), "4.4.0")  # its endpoint certificates need a truststore
    assert here("run").code == 1
    refused = here("commit", "--yes")
    assert refused.code == 3
    assert "items failed" in refused.problem[0]
    assert "--accept-failed" in refused.problem[1]
    accepted = here("commit", "--yes", "--accept-failed", "--format", "json")
    assert accepted.code == 0
    assert accepted.document["totals"]["failed"] > 0
    assert _tables_of_ours(here.upgraded) == []


def test_rows_that_no_step_explains_are_never_accepted(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run").code == 0
    change(here.upgraded.am, "DELETE FROM am_api_comments", "DELETE FROM am_alert_types")
    refused = here("commit", "--yes", "--accept-failed")
    assert refused.code == 3
    assert "not proven" in refused.problem[0]


def test_rows_that_were_moved_aside_are_exported_and_leave_no_table(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run").code == 0
    change(
        here.upgraded.am,
        "CREATE TABLE apim_upgrade_quarantine_am_revision (id integer, api_uuid text, made timestamp, blob bytea)",
        "INSERT INTO apim_upgrade_quarantine_am_revision "
        "VALUES (1, 'Zürich', '2026-01-02', '\\x00ff'), (2, NULL, NULL, NULL)",
    )
    assert here("commit", "--yes").code == 0
    assert _tables_of_ours(here.upgraded) == []
    (file,) = here.runs.glob("*/quarantine/am-am_revision.jsonl")
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == [
        {"id": 1, "api_uuid": "Zürich", "made": "2026-01-02 00:00:00", "blob": "AP8="},
        {"id": 2, "api_uuid": None, "made": None, "blob": None},
    ]
