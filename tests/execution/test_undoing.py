"""Rollback in place: by undoing the steps while each has an undo, and else by the backup; it says which, and why."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from apim_upgrade.engine import Runner, Step, journal
from execution.site import Site, change

undoing = import_module("apim_upgrade.execution.undoing")


class Crash(BaseException):
    """The process is gone."""


def _stop_in(monkeypatch: pytest.MonkeyPatch, here: Site, phase: str, *arguments: str) -> None:
    """Begin a run in place and kill it after the second step of a phase."""
    execute, seen = Runner._execute, list[str]()

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        execute(self, step, *rest)  # type: ignore[arg-type]
        seen.append(step.phase)
        if seen.count(phase) == 2:
            raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_execute", hooked)
        with pytest.raises(Crash):
            here("run", "--yes", *arguments)


def _backup(here: Site) -> Path:
    (found,) = (here.runs / "backups").glob("2*")
    return found


def test_a_run_that_only_widened_the_schema_is_undone_and_compared_with_the_backup(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    _stop_in(monkeypatch, here, "expand")
    assert here.originals().keys() != before.keys()
    assert here("status", "--format", "json").document["way_back"] == "by undoing every step"
    assert "Way back: by undoing every step" in here("status").out
    asked = here("rollback")
    assert asked.code == 5
    assert "will be changed back by undoing every step" in asked.problem[0]
    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    assert (answer.document["way"], answer.document["why"], answer.document["compared"]) == ("undo", "", True)
    assert "Restoring" not in answer.err
    assert here.originals() == before
    status = here("status", "--format", "json").document
    assert (status["state"], status["way_back"]) == ("rolled back", "")
    page = (here.runs / status["run"] / "report.html").read_text(encoding="utf-8")
    assert "by undoing every step" in page
    assert "Every table holds again what it held" in page

    _stop_in(monkeypatch, here, "expand")
    forced = here("rollback", "--from-backup")
    assert forced.code == 5
    assert "will be replaced by what their backup holds, because you asked for it" in forced.problem[0]
    answer = here("rollback", "--from-backup", "--yes")
    assert answer.code == 0
    assert "rolled back by the backup" in answer.out
    assert here.originals() == before

    _stop_in(monkeypatch, here, "contract")
    assert "by the backup, because step " in here("status", "--format", "json").document["way_back"]
    asked = here("rollback")
    assert "has no undo" in asked.problem[0]
    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    assert answer.document["way"] == "backup"
    assert "has no undo" in answer.document["why"]
    assert here.originals() == before


def test_where_undoing_does_not_lead_back_the_backup_does(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    _stop_in(monkeypatch, here, "expand")
    change(here.pair.am, "UPDATE am_api SET api_tier = 'somebody was here'")
    answer = here("rollback", "--yes")
    assert answer.code == 0
    assert "Going back by the backup: undone, the databases are not what they were (public.am_api has" in answer.err
    assert here.originals() == before

    _stop_in(monkeypatch, here, "expand")
    change(here.pair.am, "ALTER TABLE am_subscriber ADD COLUMN somebodys integer")
    with monkeypatch.context() as patched:
        patched.setattr(undoing, "reversal", lambda *arguments: _never_ending(*arguments))
        answer = here("rollback", "--yes")
    assert answer.code == 0
    assert "Going back by the backup: The schema of am has not become what it was" in answer.err
    assert here.originals() == before


def _never_ending(*arguments: object) -> list[object]:
    """As if a server did not do what it was told."""
    changes = import_module("apim_upgrade.schema.changes")
    return [changes.AlterTable("am_api", (changes.SetNullable("api_tier", True),))]


def test_without_its_backup_a_run_is_undone_and_that_nothing_was_compared_is_said(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    _stop_in(monkeypatch, here, "expand")
    _backup(here).rename(here.folder / "elsewhere")
    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    assert not answer.document["compared"]
    assert "was not compared with their backup. There is no backup in" in answer.err
    assert here.originals() == before
    page = (here.runs / answer.document["run"]["id"] / "report.html").read_text(encoding="utf-8")
    assert "was not compared with their backup" in page


def test_an_undo_that_is_interrupted_can_only_be_finished(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    _stop_in(monkeypatch, here, "expand")
    forget, calls = journal.forget_step, list[str]()

    def crash(session: object, step: str) -> None:
        calls.append(step)
        if len(calls) == 3:
            raise Crash
        forget(session, step)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(journal, "forget_step", crash)
        with pytest.raises(Crash):
            here("rollback", "--yes")
    for command in ("run", "commit", "verify"):
        assert "was interrupted" in here(command, "--yes").problem[0]
    asked = here("rollback")
    assert "by undoing every step was interrupted and will be finished" in asked.problem[0]
    drop = journal.drop_journal
    with monkeypatch.context() as patched:
        dropped = list[object]()

        def crash_after(session: object) -> None:
            drop(session)  # type: ignore[arg-type]
            dropped.append(session)
            if len(dropped) == 2:
                raise Crash

        patched.setattr(journal, "drop_journal", crash_after)
        with pytest.raises(Crash):
            here("rollback", "--yes")
    assert "rollback" in here("status", "--format", "json").document["next"]
    answer = here("rollback", "--yes")
    assert answer.code == 0
    assert "Every table holds again what it held" in answer.out
    assert here.originals() == before
