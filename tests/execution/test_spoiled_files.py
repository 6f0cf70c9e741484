"""What somebody else did to files and journals between two commands is told in a sentence, and mended by a sentence."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.engine import Runner, Step
from execution.site import Site, change

NOT_OURS = "is not what this tool wrote there"
SPOILED = {"plan.json": ("{}", '{"schema": "apim-upgrade/plan/1", "steps": [1]}'), "estimate.json": ('{"steps": [',)}
SOME = ("status", "run", "rollback")


def _begun(here: Site, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Begin a run and stop it in the middle; return its folder."""
    execute = Runner._execute

    def stopped(self: Runner, step: Step, *rest: object) -> None:
        if step.phase == "contract":
            signal.raise_signal(signal.SIGINT)
        execute(self, step, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_execute", stopped)
        assert here("run").code == 130
    (plan,) = here.runs.glob("*/plan.json")
    return plan.parent


def test_what_was_done_to_a_run_in_the_middle(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    folder = _begun(here, monkeypatch)
    for name, texts in SPOILED.items():
        kept = (folder / name).read_text(encoding="utf-8")
        for text in texts:
            (folder / name).write_text(text, encoding="utf-8")
            answer = here("run")
            assert (answer.code, f"{name} {NOT_OURS}" in answer.problem[0]) == (3, True), (name, text)
            assert "remove it" in answer.problem[1]
        (folder / name).unlink()
        assert here("status").code == 0
        (folder / name).write_text(kept, encoding="utf-8")

    monkeypatch.setattr(sys.modules["apim_upgrade.execution.run"], "__version__", "0.0.9")
    for command in SOME:
        answer = here(command, "--yes")
        assert answer.code == 3
        assert "was begun by apim-upgrade 0.1.0, and this is 0.0.9" in answer.problem[0]
    monkeypatch.undo()

    here.edit('target = "4.3.0"', 'target = "4.3.0"\noptions.admin_role = "boss"')
    answer = here("run")
    assert answer.code == 0
    assert "warning: options.admin_role is not what it was when the run began" in answer.err

    for name in ("journal.json", "rollback.json"):
        (folder / name).write_text("{}", encoding="utf-8")
        for command in ("status", "commit"):
            answer = here(command, "--yes")
            assert (answer.code, f"{name} {NOT_OURS}" in answer.problem[0]) == (3, True), (name, command)
            assert "remove" not in answer.problem[1]  # it says that the run is committed, or taken back
        (folder / name).unlink()
    change(here.upgraded.am, "DROP TABLE apim_upgrade_journal")
    error, hint = here("status").problem
    assert 'lacks a table: relation "apim_upgrade_journal" does not exist' in error
    assert "dropped" in hint
    for database in here.upgraded.by_name().values():
        change(database, "UPDATE apim_upgrade_run SET settings = '{}'")
    for command in SOME:
        answer = here(command, "--yes")
        assert answer.code == 3
        assert "apim_upgrade_run" in answer.problem[0]
