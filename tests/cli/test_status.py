"""``status``, and the JSON of every command: each parses and says what form it has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from execution.conftest import site
from execution.site import Site, change

__all__ = ["site"]


def test_every_command_gives_json_of_a_named_form_in_every_state(site: Callable[..., Site]) -> None:
    here = site()
    seen = []

    def state() -> str:
        answer = here("status", "--format", "json")
        assert answer.document["schema"] == "apim-upgrade/status/1"
        text = here("status")
        assert f"State: {answer.document['state']}" in text.out
        assert f"Next: {answer.document['next']}"[:40] in text.out.replace("\n", " ")
        seen.append(answer.document["state"])
        return answer.document["next"]

    def form(command: str, *arguments: str, code: int = 0) -> None:
        answer = here(command, *arguments, "--format", "json")
        assert answer.code == code
        assert answer.document["schema"] == f"apim-upgrade/{command}/1"

    assert "apim-upgrade plan" in state()
    form("plan")
    form("run", "--dry-run")
    for command in ("verify", "report", "commit"):
        refused = here(command, "--yes")
        assert refused.code == 3
        assert "No run to 4.3.0 was begun" in refused.problem[0]
    form("run")
    assert "apim-upgrade commit" in state()
    form("run", "--dry-run")
    assert "Would go on with run" in here("run", "--dry-run").out
    form("verify")
    form("report")

    change(
        here.upgraded.am,
        "INSERT INTO apim_upgrade_item VALUES "
        "('schema/am/expand/seed-rows', 'an item', 'failed', 'because', 'do this')",
    )
    assert "--retry-failed" in state()
    form("verify", code=1)
    told = here("verify")
    assert "failed: an item: because do this" in told.out
    change(here.upgraded.am, "UPDATE apim_upgrade_journal SET state = 'failed', note = 'tired' WHERE position = 9")
    assert "to resume" in state()
    assert "Stopped at " in here("status").out
    form("run", "--retry-failed")
    form("commit", "--yes")
    state()
    form("run")
    form("verify")
    form("report")
    form("commit")
    assert seen == ["not begun", "done", "done", "stopped", "committed"]


@pytest.mark.parametrize("command", ["plan", "run", "status", "verify", "report", "commit", "rollback"])
def test_a_wrong_target_option_is_told(site: Callable[..., Site], command: str) -> None:
    answer = site()(command, "--to", "soon")
    assert answer.code == 2
    assert "--to" in answer.problem[0]


def test_a_run_under_another_target_is_refused(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run").code == 0
    answer = here("run", "--to", "4.4.0")
    assert answer.code == 3
    assert "in the middle of an upgrade from 4.2.0 to 4.3.0" in answer.problem[0]


def test_a_run_folder_that_cannot_be_written_is_told(site: Callable[..., Site]) -> None:
    here = site()
    here.runs.write_text("a file", encoding="utf-8")
    for command in ("plan", "run"):
        answer = here(command)
        assert answer.code == 3
        assert "cannot be written" in answer.problem[0]
