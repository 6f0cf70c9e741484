"""Backups before a run, and the way back of a run in place: proven, resumable, never taken for another's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.engine import Runner, Step
from apim_upgrade.execution import disks
from execution.site import Site, change, scalar
from execution.test_bad_input import give_to, role
from execution.test_lost_server import _pair, own_server
from execution.test_rollback import _traffic

__all__ = ["own_server", "role"]
restoring = import_module("apim_upgrade.execution.restoring")
backups = import_module("apim_upgrade.databases.backup")


class Crash(BaseException):
    """The process is gone."""


def _crash(*arguments: object) -> None:
    raise Crash


def _backups(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _manifest(backup: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((backup / "manifest.json").read_text(encoding="utf-8"))
    return document


def _leftovers(here: Site) -> list[str]:
    """Databases beside those of the site that the tool made."""
    names = [each.address.database for each in here.pair.by_name().values()]
    return [
        name + suffix
        for name in names
        for suffix in ("__proof__partial", "__restored__partial", "__restored", "__upgraded")
        if here.exists(name + suffix)
    ]


def test_a_run_in_place_begins_with_a_proven_backup_and_rollback_restores_it(site: Callable[..., Site]) -> None:
    here = site(in_place=True)
    before = here.originals()
    assert here("run", "--yes").code == 0
    (backup,) = _backups(here.runs / "backups")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o700
    manifest = _manifest(backup)
    am = manifest["databases"]["am"]
    assert am["proof"] is not None
    assert am["tables"]["public.am_api"]["rows"] > 0
    assert (backup / "am" / "toc.dat").stat().st_size == am["files"]["toc.dat"]["bytes"]
    report = here("report", "--format", "json").document
    assert report["run"]["backup"] == {
        "folder": str(backup),
        "manifest": report["run"]["backup"]["manifest"],
        "moment": manifest["moment"],
        "proven": True,
    }
    assert here.originals() != before
    _traffic(here.pair.am)

    asked = here("rollback")
    assert asked.code == 5
    assert "will be replaced by what their backup holds" in asked.problem[0]
    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    assert {table["table"]: table["new"] for table in answer.document["written"]}["am_application"] == 1
    assert here.originals() == before
    assert _leftovers(here) == []
    assert here("status", "--format", "json").document["state"] == "rolled back"


def test_a_backup_that_was_interrupted_goes_on_and_an_old_one_is_never_touched(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    folder = here.folder / "kept"
    take = import_module("apim_upgrade.execution.backup")
    dump, calls = take.dump, []

    def dump_one(database: Database, *rest: object) -> object:
        calls.append(database.name)
        if len(calls) == 2:
            raise Crash
        return dump(database, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(take, "dump", dump_one)
        with pytest.raises(Crash):
            here("run", "--backup", str(folder))
        (partial,) = _backups(folder)
        assert partial.name.endswith(".partial")
        assert [*_manifest(partial)["databases"]] == calls[:1]
    with monkeypatch.context() as patched:
        patched.setattr(take, "dump", lambda database, *rest: calls.append(database.name) or dump(database, *rest))
        patched.setattr(take, "prove_dump", _crash)
        with pytest.raises(Crash):
            here("run", "--backup", str(folder))
    assert calls == ["am", "shared", "shared"]
    assert here("status", "--format", "json").document["state"] == "not begun"

    change(here.pair.am, "DELETE FROM am_api_lc_event")
    assert here("run", "--backup", str(folder)).code == 0
    (first,) = _backups(folder)
    assert _manifest(first)["databases"]["am"]["tables"]["public.am_api_lc_event"]["rows"] == 0
    assert here("run", "--backup", str(folder)).code == 0  # the same command resumes, and finds everything done
    assert here("rollback", "--yes").code == 0
    change(here.pair.am, "UPDATE am_api SET api_tier = 'another'")
    text = (first / "manifest.json").read_text(encoding="utf-8")
    assert here("run", "--backup", str(folder), "--no-prove").code == 0
    assert len(_backups(folder)) == 2
    assert (first / "manifest.json").read_text(encoding="utf-8") == text
    told = here("report", "--format", "json").document["run"]["backup"]
    assert not told["proven"]
    page = (here.runs / here("status", "--format", "json").document["run"] / "report.html").read_text(encoding="utf-8")
    assert "never proven by restoring it" in page
    assert _leftovers(here) == []


def test_a_backup_that_cannot_be_taken_is_told_before_anything_is_changed(
    site: Callable[..., Site], role: Callable[[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    originals = here.originals()
    (here.folder / "file").write_text("x", encoding="utf-8")
    told = here("run", "--backup", str(here.folder / "file"))
    assert told.code == 3
    assert "No backup can be written to" in told.problem[0]
    assert here("run", "--no-prove").code == 2

    usage = shutil.disk_usage(here.folder)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1_000_000))
        answer = here("run", "--in-place", "--yes")
        assert answer.code == 3
        assert "has 1.0 MB left" in answer.problem[0]
    with monkeypatch.context() as patched:
        patched.setattr(disks, "require_room_on_servers", lambda *arguments: None)
        patched.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1_000_000))
        answer = here("run", "--in-place", "--yes")
        assert answer.code == 3
        assert "A backup of the databases takes up to" in answer.problem[0]

    owner = role("no_creator", "LOGIN")
    for database in here.pair.by_name().values():
        give_to(database, owner)
    elsewhere = site(here.pair, user=owner, in_place=True)
    answer = elsewhere("run", "--yes")
    assert answer.code == 3
    assert "cannot be proven by restoring it" in answer.problem[0]
    assert "--no-prove" in answer.problem[1]
    assert here.originals() == originals
    assert _leftovers(here) == []

    # Whoever does not own the databases is warned: the run is possible, its way back is not.
    creator = role("mere_creator", f"LOGIN CREATEDB IN ROLE {owner}")
    for database in here.pair.by_name().values():
        name = database.address.database
        change(database, f'ALTER DATABASE "{name}" OWNER TO postgres', f"GRANT CREATE ON SCHEMA public TO {owner}")
    warned = site(here.pair, user=creator, in_place=True)
    begun = warned("run", "--yes")
    assert begun.code == 0
    assert "is not possible as things are: The user mere_creator does not own the database" in begun.err
    stuck = warned("rollback", "--yes")
    assert stuck.code == 3
    assert "OWNER TO mere_creator" in stuck.problem[1].replace('"', "")
    assert _leftovers(here) == []
    for database in here.pair.by_name().values():
        change(database, f'ALTER DATABASE "{database.address.database}" OWNER TO {creator}')
    assert warned("rollback", "--yes").code == 0
    assert here.originals() == originals
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert scalar(here.pair.am, owners) == owner


def test_what_was_restored_is_compared_before_it_counts(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    postgres = import_module("apim_upgrade.databases.postgresql.backup")
    restore = postgres.PostgresBackups.restore

    def restore_less(self: Any, session: Any, source: Any, dump: Any, name: str, say: Any) -> None:
        restore(self, session, source, dump, name, say)
        change(Database("copy", source.at(f"{name}__partial")), "DELETE FROM am_api_lc_event")

    with monkeypatch.context() as patched:
        patched.setattr(postgres.PostgresBackups, "restore", restore_less)
        answer = here("run", "--yes")
    assert answer.code == 3
    assert "is not what was backed up: public.am_api_lc_event has 0 of" in answer.problem[0]
    assert _leftovers(here) == []
    assert here.originals() == before
    assert here("status", "--format", "json").document["state"] == "not begun"


def test_rollback_relies_on_no_backup_but_the_runs_own_and_sound_one(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site(in_place=True)
    before = here.originals()
    assert here("run", "--yes", "--no-prove").code == 0
    upgraded = here.originals()
    refused = here("rollback", "--yes")
    assert refused.code == 5
    assert "--accept-unproven" in refused.problem[1]
    (backup,) = _backups(here.runs / "backups")

    toc = backup / "am" / "toc.dat"
    sound = toc.read_bytes()
    toc.write_bytes(sound[:-1] + b"?")
    damaged = here("rollback", "--yes", "--accept-unproven")
    assert damaged.code == 3
    assert f"The backup is damaged: {toc} was changed" in damaged.problem[0]
    toc.unlink()
    assert "is missing" in here("rollback", "--yes", "--accept-unproven").problem[0]
    toc.write_bytes(sound)

    moved = here.folder / "moved"
    backup.rename(moved)
    lost = here("rollback", "--yes", "--accept-unproven")
    assert lost.code == 3
    assert "There is no backup in" in lost.problem[0]
    text = (moved / "manifest.json").read_text(encoding="utf-8")
    (moved / "manifest.json").write_text(text.replace("am_api", "am_ipa"), encoding="utf-8")
    other = here("rollback", "--yes", "--accept-unproven", "--backup", str(moved))
    assert other.code == 3
    assert "holds another backup than the one of run" in other.problem[0]
    (moved / "manifest.json").write_text(text, encoding="utf-8")
    assert here.originals() == upgraded
    assert _leftovers(here) == []

    # Interrupted wherever it may be: before and after the databases change places.
    for module, name in ((backups, "try_to_drop"), (restoring, "swap_in"), (restoring, "drop_aside")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, _crash)
            if name == "try_to_drop":
                patched.setattr(backups, "_restore", _crash)
            with pytest.raises(Crash):
                here("rollback", "--yes", "--accept-unproven", "--backup", str(moved))
        if name != "try_to_drop":
            assert "was interrupted" in here("run", "--yes").problem[0]
    assert here.originals() == before
    assert here("rollback", "--yes").code == 0
    assert here.originals() == before
    assert _leftovers(here) == []


@pytest.mark.slow
def test_a_server_that_crashes_while_a_backup_is_proven_or_restored(
    site: Callable[..., Site],
    own_server: Callable[[Path], EmbeddedPostgres],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server = own_server(tmp_path / "crashing")
    here = site(_pair(server), in_place=True)
    before = here.originals()
    postgres = import_module("apim_upgrade.databases.postgresql.backup")
    restore, run_program = postgres.PostgresBackups.restore, postgres.run

    def crashing(*arguments: object, **options: object) -> str | None:
        server.stop(signal.SIGQUIT)
        answer: str | None = run_program(*arguments, **options)
        return answer

    def restore_crashing(*arguments: object) -> None:
        monkeypatch.setattr(postgres, "run", crashing)
        restore(*arguments)

    for command in ("run", "rollback"):
        with monkeypatch.context() as patched:
            patched.setattr(postgres.PostgresBackups, "restore", restore_crashing)
            answer = here(command, "--yes")
        monkeypatch.setattr(postgres, "run", run_program)
        assert answer.code == 3
        assert "with pg_restore failed: connection to server" in answer.problem[0]
        server.restart()
        assert here(command, "--yes").code == 0
    assert here.originals() == before
    with server.connect() as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE '%!_!_%' ESCAPE '!'").fetchall()
    assert rows == []


@pytest.mark.slow
def test_after_every_step_rollback_gives_back_what_was_there(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first step of every phase; ``APIM_UPGRADE_ROLLBACKS=all`` takes every step."""
    every = os.environ.get("APIM_UPGRADE_ROLLBACKS") == "all"
    here = site(in_place=True)
    before = here.originals()
    execute = Runner._execute
    stopped: list[str] = []

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        execute(self, step, *rest)  # type: ignore[arg-type]
        at = step.name if every else str(step.phase)
        if at not in stopped:
            stopped.append(at)
            raise Crash

    monkeypatch.setattr(Runner, "_execute", hooked)
    ended: int | None = None
    while ended is None:
        try:
            ended = here("run", "--yes").code
        except Crash:
            ended = None
        assert here("rollback", "--yes").code == 0
        assert here.originals() == before, stopped[-1]
    assert ended == 0
    assert len(stopped) > 20 if every else stopped == ["prepare", "expand", "migrate", "contract", "finish"]
    assert len(_backups(here.runs / "backups")) == 1
