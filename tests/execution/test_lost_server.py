"""The server goes away, its disk fills up, a right is taken: a sentence, an exit code, and `run` again resumes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from apim_upgrade import samples
from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.engine import Runner, Step, journal
from apim_upgrade.execution import disks
from apim_upgrade.releases import Release
from conftest import Pair, Server
from execution.conftest import SOURCE
from execution.site import Site, change
from execution.test_bad_input import give_to, role

__all__ = ["role"]
_OF_THE_SAMPLE = "shared.um_org"
"""Its time of creation is that of the sample, which servers of a test's own make anew."""


@pytest.fixture
def before_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Step], bool], Callable[[], None]], None]:
    """Do something once, inside the transaction of the first step that is wanted, before its first statement."""

    def arrange(wanted: Callable[[Step], bool], action: Callable[[], None]) -> None:
        execute = Runner._execute
        fired: list[str] = []

        def hooked(self: Runner, step: Step, *rest: object) -> None:
            if not fired and wanted(step):
                fired.append(step.name)
                action()
            execute(self, step, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(Runner, "_execute", hooked)

    return arrange


@pytest.fixture
def expected(site: Callable[..., Site], sample_estate: Callable[..., Pair], one_clock: None) -> dict[str, str]:
    """What an uninterrupted run makes."""
    plain = site()
    assert plain("run").code == 0
    return plain.content()


def _same(one: dict[str, str], other: dict[str, str]) -> bool:
    return {**one, _OF_THE_SAMPLE: ""} == {**other, _OF_THE_SAMPLE: ""}


def _expand(step: Step) -> bool:
    return step.name.startswith("schema/am/expand/")


def test_terminated_backends_in_a_step(
    site: Callable[..., Site], expected: dict[str, str], databases: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    record = journal.record_step

    def terminated(session: object, entry: journal.Entry, *rest: object, **options: object) -> None:
        if entry.phase == "migrate" and entry.state == journal.DONE:
            monkeypatch.setattr(journal, "record_step", record)
            with databases.postgres.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE %s",
                    (f"{here.pair.am.address.database}%",),
                )
        record(session, entry, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "record_step", terminated)
    answer = here("run")
    assert answer.code in (3, 4)
    assert "was lost" in answer.problem[0] or "57P01" in answer.problem[0]
    assert here("status", "--format", "json").document["state"] in ("in progress", "stopped")
    assert here("run").code == 0
    assert here.content() == expected


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    """``own_server(folder)``: a server for one test, with a small estate in it."""
    running: list[EmbeddedPostgres] = []

    def start(home: Path) -> EmbeddedPostgres:
        server = EmbeddedPostgres(home, durable=True)
        server.__enter__()
        running.append(server)
        pair = {}
        for name in ("am", "shared"):
            with server.connect() as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            pair[name] = Database(name, server.address(name))
        samples.write(Release.parse(SOURCE), pair["am"], pair["shared"], apis=6, tenants=1)
        return server

    yield start
    for server in running:
        server.__exit__()


def _pair(server: EmbeddedPostgres) -> Pair:
    return Pair(Database("am", server.address("am")), Database("shared", server.address("shared")))


def test_a_server_that_crashes_and_comes_back(
    site: Callable[..., Site],
    expected: dict[str, str],
    own_server: Callable[[Path], EmbeddedPostgres],
    before_step: Callable[..., None],
    tmp_path: Path,
) -> None:
    server = own_server(tmp_path / "crashing")
    here = site(_pair(server))
    before_step(lambda step: step.phase == "migrate", lambda: server.stop(signal.SIGQUIT))
    answer = here("run")
    assert answer.code in (3, 4)
    assert "cannot be made or was lost" in answer.problem[0]
    assert here("status").code == 3
    server.restart()
    assert here("status", "--format", "json").document["state"] == "in progress"
    assert here("run").code == 0
    assert _same(here.content(), expected)


def test_a_server_that_crashes_in_the_middle_of_a_statement(
    site: Callable[..., Site],
    expected: dict[str, str],
    own_server: Callable[[Path], EmbeddedPostgres],
    before_step: Callable[..., None],
    tmp_path: Path,
) -> None:
    server = own_server(tmp_path / "crashing")
    here = site(_pair(server))
    timer = threading.Timer(0.15, lambda: server.stop(signal.SIGQUIT))
    before_step(_expand, timer.start)
    answer = here("run")
    timer.join()
    assert answer.code in (3, 4)
    assert "cannot be made or was lost" in answer.problem[0]
    server.restart()
    assert here("run").code == 0
    assert _same(here.content(), expected)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``small_disk("200m")``: a folder on a disk of that size; asked again, the same with another size."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def make(size: str) -> Path:
        how = ["-o", f"remount,size={size}"] if folder.is_mount() else ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
        made = subprocess.run(["mount", *how, str(folder)], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"a small disk cannot be mounted here: {made.stderr.strip()}")
        return folder

    yield make
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(server: EmbeddedPostgres, leave: int) -> Path:
    """Use the disk up to some MB with something that is not the database's."""
    ballast = server.data.parent / "ballast"
    free = shutil.disk_usage(server.data.parent).free - leave * 1_048_576
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        for _ in range(free // 4096 + (0 if leave else 100)):
            file.write(b"\x01" * 4096)
    return ballast


def _wake(server: EmbeddedPostgres) -> None:
    """Start it again if it gave up: without room for its log a server cannot go on."""
    try:
        server.connect().close()
    except psycopg.OperationalError:
        server.stop(signal.SIGQUIT)
        server.restart()


def test_a_disk_that_is_full_while_copying(
    site: Callable[..., Site],
    expected: dict[str, str],
    own_server: Callable[[Path], EmbeddedPostgres],
    small_disk: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = own_server(small_disk("600m"))
    here = site(_pair(server))
    ballast = _fill(server, 12)
    answer = here("run")
    assert answer.code == 3
    assert "Copying the databases takes about" in answer.problem[0]
    with monkeypatch.context() as patched:  # as where the room cannot be seen
        patched.setattr(disks, "require_room_on_servers", lambda *arguments: None)
        answer = here("run")
    assert answer.code == 3
    assert "is full" in answer.problem[0]
    ballast.unlink()
    _wake(server)
    assert here("run").code == 0
    assert _same(here.content(), expected)


def test_a_disk_that_is_full_in_a_step(
    site: Callable[..., Site],
    expected: dict[str, str],
    own_server: Callable[[Path], EmbeddedPostgres],
    small_disk: Callable[[str], Path],
    before_step: Callable[..., None],
) -> None:
    server = own_server(small_disk("600m"))
    here = site(_pair(server))
    before_step(_expand, lambda: _fill(server, 0) and None)
    answer = here("run")
    assert answer.code in (3, 4)
    assert "is full" in answer.problem[0] or "was lost" in answer.problem[0]
    assert "--" not in answer.problem[0]
    small_disk("900m")
    _wake(server)
    assert here("run").code == 0
    assert _same(here.content(), expected)


def test_a_run_folder_that_is_full(site: Callable[..., Site], small_disk: Callable[[str], Path]) -> None:
    here, folder = site(), small_disk("64k")
    here.edit('target = "4.3.0"', f'target = "4.3.0"\nrun_folder = "{folder}"')
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(b"\x01" * 4096)
    for command in ("run", "rehearse", "plan"):
        answer = here(command)
        assert answer.code == 3
        assert f"The run folder {folder}" in answer.problem[0]
        assert answer.problem[0].endswith("cannot be written: No space left on device.")
        assert answer.problem[1].startswith("Make room")


def test_rights_that_are_taken_in_the_middle(
    site: Callable[..., Site],
    expected: dict[str, str],
    role: Callable[[str, str], str],
    sample_estate: Callable[..., Pair],
    before_step: Callable[..., None],
) -> None:
    owner = role("owner_for_now", "LOGIN CREATEDB")
    pair = sample_estate(SOURCE, apis=6, tenants=1)
    for database in pair.by_name().values():
        give_to(database, owner)
    here = site(pair, user=owner)
    before_step(
        lambda step: step.name.startswith("schema/am/contract/"),
        lambda: change(here.upgraded.am, "ALTER TABLE am_api OWNER TO postgres"),
    )
    answer = here("run")
    assert answer.code == 4
    assert "lacks a right" in answer.problem[0]
    status = here("status", "--format", "json").document
    assert status["state"] == "stopped"
    assert status["stopped"].startswith("schema/am/")
    change(here.upgraded.am, f"ALTER TABLE am_api OWNER TO {owner}")
    assert here("run").code == 0
    assert here.content() == expected


def test_a_lost_right_to_connect(site: Callable[..., Site], role: Callable[[str, str], str]) -> None:
    owner = role("shut_out", "LOGIN CREATEDB")
    here = site(user=owner)
    for database in here.pair.by_name().values():
        give_to(database, owner)
    assert here("run").code == 0
    name = here.upgraded.am.address.database
    give_to(here.upgraded.am, "postgres")
    change(here.pair.am, f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
    answer = here("run")
    assert answer.code == 3
    assert "lacks a right: CONNECT" in answer.problem[0]
