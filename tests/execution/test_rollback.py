"""Rollback side by side: the copies go, the originals were never touched, and nothing that servers wrote is lost."""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Callable
from importlib import import_module

import psycopg
import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, Step
from conftest import Pair
from execution.conftest import SOURCE
from execution.site import Site, change

rollback_module = import_module("apim_upgrade.execution.rollback")


class Crash(BaseException):
    """The process is gone."""


def _copies(here: Site) -> list[str]:
    return [name for name in here.made if here.exists(name)]


def test_rollback_asks_drops_the_copies_keeps_the_report_and_lets_a_run_begin_anew(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    originals = here.originals()
    refused = here("rollback", "--yes")
    assert refused.code == 3
    assert "No run to 4.3.0 was begun" in refused.problem[0]
    assert here("run").code == 0
    first = here("status", "--format", "json").document["run"]
    late = here("run", "--backup", str(here.folder / "late"))
    assert late.code == 3
    assert "was begun without a backup, and it is too late for one" in late.problem[0]
    asked = here("rollback")
    assert asked.code == 5
    assert "will be dropped" in asked.problem[0]
    monkeypatch.setattr(rollback_module, "_PATIENCE", 0.2)
    address = here.upgraded.am.address
    with psycopg.connect(host=address.host, dbname=address.database, user="postgres", application_name="api-manager"):
        in_use = here("rollback", "--yes")
    assert in_use.code == 3
    assert "api-manager" in in_use.problem[0]
    assert here("status", "--format", "json").document["state"] == "done"

    answer = here("rollback", "--yes", "--format", "json")
    assert answer.code == 0
    assert (answer.document["state"], answer.document["written"]) == ("rolled back", [])
    assert _copies(here) == []
    assert here.originals() == originals
    status = here("status", "--format", "json").document
    assert (status["state"], status["run"], status["next"]) == (
        "rolled back",
        first,
        "`apim-upgrade run` to begin anew.",
    )
    report = here("report", "--format", "json").document
    assert report["state"] == "rolled back"
    assert report["proofs"]
    page = (here.runs / first / "report.html").read_text(encoding="utf-8")
    assert "No server had written anything" in page
    again = here("rollback")
    assert again.code == 0
    assert "is rolled back" in again.out
    for command in ("verify", "commit"):
        told = here(command, "--yes")
        assert told.code == 3
        assert "is rolled back" in told.problem[0]

    assert here("run").code == 0
    second = here("status", "--format", "json").document
    assert second["state"] == "done"
    assert second["run"] != first
    assert here("commit", "--yes").code == 0
    too_late = here("rollback", "--yes")
    assert too_late.code == 3
    assert "is committed already" in too_late.problem[0]


def test_there_is_no_way_back_from_a_commit(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    assert here("run").code == 0
    content = here.content()
    finish = import_module("apim_upgrade.execution.finish")

    def crash(*arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(finish, "export_quarantine", crash)
        with pytest.raises(Crash):
            here("commit", "--yes")
    half = here("rollback", "--yes")
    assert half.code == 3
    assert "point of no return" in half.problem[0]
    assert here("commit", "--yes").code == 0
    whole = here("rollback", "--yes")
    assert whole.code == 3
    assert "is committed already" in whole.problem[0]
    assert "The originals are as they were" in whole.problem[1]
    assert here.content() == content


def test_a_run_that_stopped_half_way_is_taken_back(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    execute = Runner._execute

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        if step.phase == "contract":
            raise Crash
        execute(self, step, *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Runner, "_execute", hooked)
        with pytest.raises(Crash):
            here("run")
    change(here.upgraded.am, "UPDATE am_api SET api_tier = 'none'")  # nobody's: the upgrade had not ended
    answer = here("rollback", "--yes")
    assert answer.code == 0
    assert "Nothing had been written" in answer.out
    assert _copies(here) == []
    assert "before it was finished" in (here.runs / _only_run(here) / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.thorough
def test_after_a_step_of_every_phase_the_copies_go_and_the_originals_are_as_they_were(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above stops in *contract*."""
    here = site()
    originals = here.originals()
    execute, stopped = Runner._execute, list[str]()

    def hooked(self: Runner, step: Step, *rest: object) -> None:
        execute(self, step, *rest)  # type: ignore[arg-type]
        if step.phase not in (*stopped, "contract"):
            stopped.append(step.phase)
            raise Crash

    monkeypatch.setattr(Runner, "_execute", hooked)
    for phase in ("prepare", "expand", "migrate", "finish"):
        with pytest.raises(Crash):
            here("run")
        assert stopped[-1] == phase
        assert here("status", "--format", "json").document["way_back"] == "by dropping the copies"
        assert here("rollback", "--yes").code == 0
        assert _copies(here) == []
        assert here.originals() == originals


def _only_run(here: Site) -> str:
    (found,) = here.runs.glob("*/rollback.json")
    return found.parent.name


def test_unfinished_copies_are_dropped(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    clone_module = import_module("apim_upgrade.databases.clone")

    def crash(*arguments: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(clone_module.PostgresCopying, "publish", crash)
        patched.setattr(clone_module, "try_to_drop", lambda *rest: None)
        with pytest.raises(Crash):
            here("run")
    assert _copies(here) != []
    answer = here("rollback", "--yes")
    assert answer.code == 0
    assert "Unfinished copies were dropped" in answer.out
    assert _copies(here) == []
    assert here("status", "--format", "json").document["state"] == "not begun"


def _traffic(database: Database) -> None:
    """What a server of the new release does: a person comes, makes an application, subscribes; another is renamed."""
    change(
        database,
        "INSERT INTO am_subscriber (user_id, tenant_id, date_subscribed, created_time) "
        "VALUES ('newcomer', -1234, now(), now())",
        "INSERT INTO am_application (name, subscriber_id, created_time, uuid, organization) "
        "SELECT 'made since', max(subscriber_id), now(), 'u-since', 'carbon.super' FROM am_subscriber",
        "INSERT INTO am_application_key_mapping (uuid, application_id, consumer_key, key_type, state, key_manager) "
        "SELECT 'k-since', max(application_id), 'the-key', 'PRODUCTION', 'COMPLETED', 'km' FROM am_application",
        "UPDATE am_application SET description = 'touched since' "
        "WHERE application_id = (SELECT min(application_id) FROM am_application)",
        "INSERT INTO idn_auth_session_store (session_id, session_type, operation, time_created) "
        "VALUES ('s', 't', 'STORE', 1)",
    )


def test_what_servers_wrote_since_is_kept_in_files(
    site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> None:
    here = site(sample_estate(SOURCE, apis=6, tenants=1))
    assert here("run").code == 0
    _traffic(here.upgraded.am)
    assert here("run").code == 1  # by mistake; it changes nothing, and what was written before it is found all the same
    told = here("rollback", "--yes", "--export", str(here.folder / "kept"), "--format", "json")
    assert told.code == 0
    written = {table["table"]: (table["new"], table["changed"], table["file"]) for table in told.document["written"]}
    assert written == {
        "am_application": (1, 1, "am-am_application.jsonl"),
        "am_subscriber": (1, 0, "am-am_subscriber.jsonl"),
        "am_application_key_mapping": (1, 0, "am-am_application_key_mapping.jsonl"),
        "idn_auth_session_store": (1, 0, ""),
    }
    folder = here.folder / "kept" / told.document["run"]["id"]
    assert told.document["folder"] == str(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {file for _, _, file in written.values() if file} | {"summary.txt"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())
    lines = [json.loads(line) for line in (folder / "am-am_application.jsonl").read_text().splitlines()]
    assert {(line["what"], line["row"]["name"] == "made since") for line in lines} == {
        ("new", True),
        ("changed", False),
    }
    summary = (folder / "summary.txt").read_text(encoding="utf-8")
    assert summary.index("applications: 1 new, 1 changed") < summary.index("subscribers: 1 new, 0 changed")
    assert "made since" in summary
    assert "the-key" not in summary
    assert _copies(here) == []
    page = (here.runs / told.document["run"]["id"] / "report.html").read_text(encoding="utf-8")
    assert "am-am_application.jsonl" in page


def test_an_interrupted_rollback_can_only_be_finished(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    assert here("run").code == 0
    drop, report = rollback_module.drop_clone, rollback_module.report_rolled_back

    def drop_until(crashing: int) -> Callable[[object, str], None]:
        calls = itertools.count(1)

        def hooked(source: object, name: str) -> None:
            if next(calls) == crashing:
                raise Crash
            drop(source, name)

        return hooked

    def crash(*arguments: object) -> None:
        raise Crash

    for dropping, reporting in ((drop_until(1), report), (drop_until(2), report), (drop, crash)):
        with monkeypatch.context() as patched:
            patched.setattr(rollback_module, "drop_clone", dropping)
            patched.setattr(rollback_module, "report_rolled_back", reporting)
            with pytest.raises(Crash):
                here("rollback", "--yes")
        assert "rollback" in here("status", "--format", "json").document["next"]
        for command in ("run", "commit", "verify"):
            answer = here(command, "--yes")
            assert answer.code == 3
            assert "was interrupted" in answer.problem[0]
    assert here("rollback", "--yes").code == 0
    assert _copies(here) == []
    assert here("status", "--format", "json").document["state"] == "rolled back"
