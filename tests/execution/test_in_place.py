"""In place: asked for first, resumable, and the same result as side by side."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, Step, journal
from conftest import Pair
from execution.conftest import SOURCE
from execution.site import Site, change


class Crash(BaseException):
    """The process is gone."""


def _crash_at(monkeypatch: pytest.MonkeyPatch, wanted: Callable[[Step], bool]) -> None:
    execute = Runner._execute

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        if wanted(step):
            raise Crash
        execute(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "_execute", hooked)


def test_in_place_ends_like_side_by_side_whatever_interrupts_it(
    site: Callable[..., Site],
    sample_estate: Callable[..., Pair],
    monkeypatch: pytest.MonkeyPatch,
    one_clock: None,
) -> None:
    beside = site()
    assert beside("run").code == 0
    here = site(in_place=True)
    before = here.originals()
    asked = here("run")
    assert asked.code == 5
    assert "after a backup of them was written to" in asked.problem[0]
    assert here.originals() == before
    assert here("status", "--format", "json").document["state"] == "not begun"

    def crash(*arguments: object) -> None:
        raise Crash

    opened = journal.open_journal
    with monkeypatch.context() as patched:
        patched.setattr(
            journal, "open_journal", lambda session, record: opened(session, record) if not _begun(here) else crash()
        )
        with pytest.raises(Crash):
            here("run", "--yes")
    for wanted in ("expand", "migrate", "contract", "finish"):
        with monkeypatch.context() as patched:
            _crash_at(patched, lambda step, wanted=wanted: step.phase == wanted)  # type: ignore[misc]
            with pytest.raises(Crash):
                here("run")
        assert here("status", "--format", "json").document["state"] == "in progress"
    assert here("run").code == 0
    assert here.content() == beside.content()
    assert here("run", "--dry-run").code == 0
    assert here("verify").code == 0
    assert here("commit", "--yes").code == 0
    for command in ("run", "commit"):
        answer = here(command, "--yes")
        assert answer.code == 0
        assert "is committed already" in answer.out
    assert here("status", "--format", "json").document["state"] == "committed"


def _begun(here: Site) -> bool:
    with here.pair.am.read() as session:
        return session.exists(journal.RUN.name)


def test_an_upgrade_in_place_is_not_taken_for_an_original(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run", "--in-place", "--yes").code == 0
    answer = here("run")
    assert answer.code == 3
    assert "in the middle of an upgrade in place" in answer.problem[0]
    assert "--in-place" in answer.problem[1]
    assert here("status", "--in-place", "--format", "json").document["state"] == "done"
    assert here("verify", "--in-place").code == 0
    assert here("report", "--in-place").code == 0
    assert here("commit", "--in-place", "--yes").code == 0


def test_a_backup_that_was_restored_after_a_commit_is_upgraded_anew(
    site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> None:
    here = site(in_place=True)
    assert here("run", "--yes").code == 0
    assert here("commit", "--yes").code == 0
    backup = sample_estate(SOURCE, apis=6, tenants=1)
    for restored, part in zip(backup.by_name().values(), here.pair.by_name().values(), strict=True):
        _rename(restored, part)
    assert here("status", "--format", "json").document["state"] == "not begun"
    assert here("run", "--yes").code == 0


def _rename(one: Database, other: Database) -> None:
    """Let the second name lead to the first database."""
    name = other.address.database
    elsewhere = Database("any", one.address.at("postgres"))
    with elsewhere.autocommit() as session:
        session.execute(f'DROP DATABASE "{name}"')
        session.execute(f'ALTER DATABASE "{one.address.database}" RENAME TO "{name}"')


def test_a_journal_that_was_lost_is_not_begun_anew(site: Callable[..., Site]) -> None:
    here = site(in_place=True)
    assert here("run", "--yes").code == 0
    change(here.pair.am, *(f"DROP TABLE {table.name}" for table in journal.ALL))
    answer = here("run")
    assert answer.code == 3
    assert "holds no journal of a run in progress" in answer.problem[0]
