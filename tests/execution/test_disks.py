"""Room on disks: told before it is needed, watched while work goes on, and said where it cannot be seen."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.execution import disks
from conftest import Pair
from execution.conftest import SOURCE
from execution.site import Site

Usage = namedtuple("Usage", "total used free")


def test_work_stops_before_a_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for total, free, full in ((100e9, 1.1e9, False), (100e9, 1.0e9, True), (1e9, 21e6, False), (1e9, 19e6, True)):
        usage = Usage(total, total - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, usage=usage: usage)
        if full:
            with pytest.raises(EnvironmentProblem, match=r"Stopped before the disk of .* is full"):
                disks.watch(tmp_path)
        else:
            disks.watch(tmp_path)


def test_room_on_a_server_is_told_by_server_and_said_where_it_cannot_be_seen(
    sample_estate: Callable[..., Pair],
) -> None:
    databases = sample_estate(SOURCE, apis=6, tenants=1).by_name()
    facts = disks.facts_of(databases)
    assert facts["am"].folder is not None
    assert facts["am"].free == pytest.approx(shutil.disk_usage(facts["am"].folder).free, rel=0.1)
    said: list[str] = []
    needed = dict.fromkeys(databases, 6000000000.0)
    small = {name: replace(each, free=10_000_000_000) for name, each in facts.items()}
    with pytest.raises(EnvironmentProblem, match=r"Copying takes about 12\.0 GB .* which has 10\.0 GB left"):
        disks.require_room_on_servers(databases, small, needed, "Copying", said.append)
    assert said == []
    unseen = {name: replace(each, free=None, folder=None) for name, each in facts.items()}
    disks.require_room_on_servers(databases, unseen, needed, "Copying", said.append)
    assert len(said) == 1
    assert "takes about 12.0 GB" in said[0]
    assert "cannot be seen" in said[0]


def test_a_run_stops_between_two_steps_and_goes_on_when_there_is_room(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    looks: list[Path] = []
    watch = disks.watch

    def fuller(folder: Path) -> None:
        looks.append(folder)
        if len(looks) == 10:
            monkeypatch.setattr(disks, "_MOST", float("inf"))
            monkeypatch.setattr(disks, "_RESERVE", 1.0)
        watch(folder)

    with monkeypatch.context() as patched:
        patched.setattr(disks, "watch", fuller)
        answer = here("run")
    assert answer.code == 3
    assert "Stopped before the disk of" in answer.problem[0]
    monkeypatch.undo()
    status = here("status", "--format", "json").document
    assert (status["state"], status["done"]) == ("in progress", 9)
    assert here("run").code == 0
