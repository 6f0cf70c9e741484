"""Room on disks: told before it is needed, watched while work goes on, and said where it cannot be seen."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.execution import disks
from apim_upgrade.moving import progress
from conftest import Pair
from execution.conftest import SOURCE
from execution.site import Site, scalar

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


def test_a_rehearsal_on_copies_looks_for_room_before_it_checks(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    usage = shutil.disk_usage(here.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1_000_000))
    answer = here("rehearse")
    assert answer.code == 3
    assert "Copying the databases takes about" in answer.problem[0]
    assert "Looking for what would break" not in answer.err


def test_a_move_looks_for_room_before_it_begins_and_while_it_copies(
    site: Callable[..., Site], empty_database: Callable[[str], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    targets = {part: empty_database(part) for part in ("am", "shared")}
    for part, target in targets.items():
        clone = f'clone = "{here.pair.by_name()[part].address.database}_up"'
        url = f"postgresql://postgres@/{target.address.database}?host={target.address.host}"
        here.edit(clone, f'[database.{part}.move_to]\nurl = "{url}"')
    usage = shutil.disk_usage(here.folder)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1_000_000))
        before = here("move")
    assert before.code == 3
    assert "Moving the databases takes about" in before.problem[0]
    assert scalar(targets["am"], "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    with monkeypatch.context() as patched:
        patched.setattr(disks, "_MOST", float("inf"))
        patched.setattr(disks, "_RESERVE", 1.0)
        patched.setattr(progress, "_LOOK", 10)
        during = here("move")
    assert during.code == 3
    assert "Stopped before the disk of" in during.problem[0]
    assert here("status", "--format", "json").document["state"] == "in progress"
    assert here("move").code == 0
