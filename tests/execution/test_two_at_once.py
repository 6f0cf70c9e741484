"""Two runs at once: the second is refused, naming the first, whatever phase the first is in."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module

import pytest

from apim_upgrade.databases import copy_in_the_making
from apim_upgrade.databases import locks as database_locks
from apim_upgrade.engine import Runner, Step
from conftest import Pair
from execution.site import Answer, Site

run_module = import_module("apim_upgrade.execution.run")
clone_module = import_module("apim_upgrade.databases.clone")
postgres_clone = import_module("apim_upgrade.databases.postgresql.clone")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_locks, "_PATIENCE", 0.2)


def test_while_steps_run(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    elsewhere = site(here.pair)  # another run folder, as on another machine
    answers: list[Answer] = []
    execute = Runner._execute

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        if step.phase == "migrate" and not answers:
            answers.extend([here("run"), elsewhere("run"), here("commit", "--yes"), here("status", "--format", "json")])
        execute(self, step, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Runner, "_execute", hooked)
    assert here("run").code == 0
    same_folder, other_folder, commit, status = answers
    assert same_folder.code == other_folder.code == commit.code == 3
    assert f"process {os.getpid()}" in same_folder.problem[0]
    assert f"pid {os.getpid()}" in other_folder.problem[0]
    assert f"pid {os.getpid()}" in status.document["at_work"]
    assert status.document["next"].startswith("Wait for apim-upgrade ")
    assert status.document["state"] == "in progress"


def test_while_the_copies_are_made(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    elsewhere = site(here.pair)
    answers: list[Answer] = []
    open_journal = run_module.journal.open_journal

    def hooked(*arguments: object) -> None:
        if not answers:  # the first copy is made, and has not got its name yet
            answers.extend([here("run"), elsewhere("run"), elsewhere("status", "--format", "json")])
        open_journal(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module.journal, "open_journal", hooked)
    assert here("run").code == 0
    same_folder, other_folder, status = answers
    assert same_folder.code == other_folder.code == 3
    assert "Another run is at work" in same_folder.problem[0]
    assert f"pid {os.getpid()}" in other_folder.problem[0]
    assert "is being copied" in other_folder.problem[0]
    assert status.document["state"] == "in progress"
    assert f"pid {os.getpid()}" in status.document["next"]


def test_an_unfinished_copy_that_nobody_works_on_is_made_anew(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    name = here.upgraded.am.address.database

    class Crash(BaseException):
        pass

    def crash(*arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(postgres_clone, "carry_over", crash)
        patched.setattr(clone_module, "try_to_drop", lambda *rest: None)
        with pytest.raises(Crash):
            here("run")
    assert copy_in_the_making(here.pair.am.address, name) == ""
    status = here("status", "--format", "json").document
    assert (status["state"], status["next"]) == ("in progress", "`apim-upgrade run` to resume.")
    assert here("run").code == 0
    assert copy_in_the_making(here.pair.am.address, name) is None


def test_a_run_that_another_began_in_the_meantime_is_not_mixed_up(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    elsewhere = site(here.pair)
    clone = run_module.clone
    inner: list[Answer] = []

    def hooked(*arguments: object) -> str:
        if not inner:
            inner.append(Answer(0, "", ""))
            inner.append(elsewhere("run"))
        return clone(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "clone", hooked)
    answer = here("run")
    assert inner[1].code == 0
    assert answer.code == 3
    assert "exists on" in answer.problem[0]
    assert here("run").code == 0


def test_copies_of_two_runs_are_told_apart(
    site: Callable[..., Site], sample_estate: Callable[..., Pair], one_clock: None
) -> None:
    one, two = site(), site()
    assert one("run").code == two("run").code == 0
    mixed = site(Pair(one.pair.am, two.pair.shared))
    answer = mixed("run")
    assert answer.code == 3
    assert "belong to different runs" in answer.problem[0]
