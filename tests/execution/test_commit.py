"""Commit: refused until everything is done and proven, resumable between every two things it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, Step, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.execution import RunFolder, commit, committed, finish, run
from apim_upgrade.schema import introspect
from conftest import Pair
from execution.site import Site, change


class Crash(BaseException):
    """The process is gone."""


def _tables_of_ours(pair: Pair) -> list[str]:
    found = []
    for database in pair.by_name().values():
        with database.read() as session:
            found += [name for name in introspect(session).tables if name.startswith("apim_upgrade_")]
    return found


def test_commit_asks_and_then_cleans_up_and_says_so_ever_after(site: Callable[..., Site]) -> None:
    here = site()
    assert here("commit", "--yes").code == 3
    assert here("run").code == 0
    asked = here("commit")
    assert asked.code == 5
    assert "for good" in asked.problem[0]
    assert "--yes" in asked.problem[1]
    assert _tables_of_ours(here.upgraded) != []
    originals = here.originals()

    report = here("report", "--format", "json").document
    first = here("commit", "--yes", "--format", "json")
    assert (first.code, first.document["state"]) == (0, "committed")
    assert _tables_of_ours(here.upgraded) == []
    assert here.originals() == originals

    content = here.content()
    again = here("commit", "--format", "json")
    assert (again.code, again.document["state"]) == (0, "committed")
    ran = here("run")
    assert ran.code == 0
    assert "is committed already" in ran.out
    assert here("run", "--dry-run", "--format", "json").document["state"] == "committed"
    assert here("status", "--format", "json").document["state"] == "committed"
    assert here("verify", "--format", "json").document["state"] == "committed"
    later = here("report", "--format", "json").document
    assert later["tables"] == report["tables"]
    assert later["estate"] == report["estate"]
    assert here.content() == content


def test_a_committed_run_of_another_target_or_of_dropped_copies_does_not_count(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run").code == 0
    assert here("commit", "--yes").code == 0
    here.edit('target = "4.3.0"', 'target = "4.4.0"')
    answer = here("run")
    assert answer.code == 3
    assert "holds no journal of a run in progress" in answer.problem[0]
    here.edit('target = "4.4.0"', 'target = "4.3.0"')
    here.drop()
    assert here("status", "--format", "json").document["state"] == "not begun"
    assert here("run").code == 0


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("UPDATE apim_upgrade_journal SET state = 'failed' WHERE step = 'schema/am/expand/seed-rows'", "stopped"),
        (
            "INSERT INTO apim_upgrade_item VALUES ('schema/am/expand/seed-rows', 'x', 'failed', 'because', 'do')",
            "items failed",
        ),
        ("DELETE FROM am_application_registration; DELETE FROM am_subscription", "row count no step explains"),
        ("DROP TABLE am_user", "differences of am"),
        ("UPDATE am_api SET status = NULL", "without status"),
    ],
)
def test_commit_refuses_what_is_not_done_and_proven(site: Callable[..., Site], spoil: str, told: str) -> None:
    here = site()
    assert here("run").code == 0
    change(here.upgraded.am, *(f"{statement}{' CASCADE' * ('DROP' in statement)}" for statement in spoil.split("; ")))
    tables = _tables_of_ours(here.upgraded)
    answer = here("commit", "--yes")
    assert answer.code == 3
    assert told in answer.problem[0]
    assert _tables_of_ours(here.upgraded) == tables
    assert here("status", "--format", "json").document["state"] in ("done", "stopped")


def test_commit_and_verify_refuse_a_run_that_is_not_finished_but_its_report_is_written(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    execute = Runner._execute

    def killed(self: Runner, step: Step, *rest: object) -> None:
        if step.name == "finish/reindex":
            raise KeyboardInterrupt
        execute(self, step, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_execute", killed)
        assert here("run").code == 130
    for command in ("commit", "verify"):
        answer = here(command, "--yes")
        assert answer.code == 3
        assert "The run is not finished" in answer.problem[0]
    document = here("report", "--format", "json").document
    assert (document["state"], document["proofs"]) == ("in progress", [])
    status = here("status", "--format", "json").document
    assert status["state"] == "in progress"
    assert status["done"] == status["total"] - 1
    assert here("run").code == 0
    assert here("commit", "--yes").code == 0


def _actions(monkeypatch: pytest.MonkeyPatch, crash_at: int) -> list[str]:
    """Crash before the action of that number; every write to a database or to the run folder is an action."""
    done: list[str] = []

    def counted(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def hooked(*arguments: object, **options: object) -> object:
            if len(done) == crash_at:
                raise Crash
            done.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, hooked)

    counted(Database, "write")
    counted(RunFolder, "write")
    counted(Runner, "_execute")
    counted(journal, "drop_journal")
    counted(finish, "_write")
    return done


def test_a_crash_between_any_two_actions_of_commit_is_resumed(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run for each place to crash would take minutes: the crashes come one after the other on one estate."""
    plain = site()
    assert plain("run").code == 0
    assert plain("commit", "--yes").code == 0
    expected = {name for database in plain.upgraded.by_name().values() for name in _names(database)}

    here = site()
    assert here("run").code == 0
    for crash_at in range(1000):
        with monkeypatch.context() as patched:
            done = _actions(patched, crash_at)
            try:
                assert here("commit", "--yes").code == 0
            except Crash:
                pass
            else:
                break
        assert len(done) == crash_at
        state = here("status", "--format", "json").document["state"]
        assert state in ("done", "committed")
        if state == "committed":
            continue
        ran = here("run")
        assert ran.code == 0 or "Finish it with `apim-upgrade commit`" in ran.problem[1]
    assert here("status", "--format", "json").document["state"] == "committed"
    assert _tables_of_ours(here.upgraded) == []
    assert {name for database in here.upgraded.by_name().values() for name in _names(database)} == expected
    assert here("verify").code == 0


def _names(database: Database) -> set[str]:
    with database.read() as session:
        return {
            f"{database.name}.{name}.{column.name}"
            for name, table in introspect(session).tables.items()
            for column in table.columns
        }


def test_a_commit_step_that_stops_is_taken_again_by_commit(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, sample_estate: Callable[..., Pair]
) -> None:
    here = site(sample_estate("4.0.0", apis=6, tenants=1), "4.3.0")
    assert here("run").code == 0
    record = journal.record_step

    def refused(session: object, entry: journal.Entry, *rest: object, **options: object) -> None:
        if entry.phase == "commit" and entry.state == journal.DONE:
            raise EstateError("The server is tired.", hint="Let it sleep.")
        record(session, entry, *rest, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(journal, "record_step", refused)
        answer = here("commit", "--yes")
    assert answer.code == 4
    assert "The server is tired." in answer.problem[0]
    assert here("commit", "--yes").code == 0


def test_the_library_refuses_what_the_command_line_tells(site: Callable[..., Site]) -> None:
    from apim_upgrade.cli.ordering import order_from
    from apim_upgrade.cli.output import Output
    from apim_upgrade.cli.settings import OutputFormat, Settings

    here = site()
    assert here("run").code == 0
    assert here("commit", "--yes").code == 0
    order = order_from(Settings(here.file, OutputFormat.TEXT, True, False, Output(json=False)))
    assert committed(order) is not None
    with pytest.raises(EstateError, match="is committed already"):
        commit(order, lambda event: None)
    with pytest.raises(EstateError, match="is committed already"):
        run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)
