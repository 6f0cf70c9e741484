"""One database: what gets into logs and verdicts, who holds its lock, and what a retry leaves standing."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Integer, String, column, insert, table

from apim_upgrade.databases import Database, locks
from apim_upgrade.databases.volume import Volume, volume_of
from apim_upgrade.engine import Load, Phase, Runner, RunRecord, Sql, Step, Verdict, Work, journal
from apim_upgrade.errors import EnvironmentProblem, StepFailed

RECORD = RunRecord("run-1", "0.1.0", "4.0.0", "4.4.0", "f" * 64, datetime(2026, 1, 2), "{}")
THING = table("thing", column("id", Integer), column("name", String))


@pytest.fixture
def am(empty_database: Callable[[str], Database]) -> Database:
    database = empty_database("am")
    with database.write() as session:
        session.execute("CREATE TABLE thing (id integer PRIMARY KEY, name text)")
        journal.open_journal(session, RECORD)
    return database


def test_no_value_of_a_row_gets_into_a_log_or_an_error(am: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "sqlalchemy.engine"), am.write() as session:
        session.execute(insert(THING).values(id=1, name="a token"))
    assert "INSERT INTO thing" in caplog.text
    assert "a token" not in caplog.text
    with pytest.raises(EnvironmentProblem) as caught, am.write() as session:
        session.execute(insert(THING).values(id=1, name="a token"))
    assert "a token" not in str(caught.value) + repr(caught.value.__cause__)


def test_the_holder_of_the_lock_is_named(am: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_PATIENCE", 0.2)
    assert am.holder() is None
    with am.lock("run"):
        assert str(os.getpid()) in str(am.holder())
        with pytest.raises(EnvironmentProblem, match=f"is being upgraded by .* pid {os.getpid()}"), am.lock("commit"):
            pass
    assert am.holder() is None


def _steps(good: bool, crash: bool = False) -> list[Step]:
    def first(work: Work) -> Iterator[Sequence[object]]:
        if work.wants("one"):
            work.noted("one", "old")
        if work.wants("two"):
            if not good:
                work.failed("two", "bad \x00 text \ud800", "mend it")
                return
            yield 2, "two"

    def second(work: Work) -> Iterator[Sequence[object]]:
        if crash:
            raise StepFailed("2", "gone")
        known = {row.id for row in work.sessions["am"].all("SELECT id FROM thing WHERE name = 'made'")}
        for row in work.sessions["am"].all("SELECT id FROM thing WHERE name <> 'made'"):
            if row.id + 100 not in known:
                yield row.id + 100, "made"

    return [
        Step("1", "First", "am", Phase.MIGRATE, (Load(table("thing"), ("id", "name"), first, ""),)),
        Step("2", "Second", "am", Phase.MIGRATE, (Load(table("thing"), ("id", "name"), second, ""),)),
        Step("3", "Third", "am", Phase.CONTRACT, (Sql("CREATE INDEX thing_name ON thing (name)"),)),
    ]


def test_a_retry_reaches_what_builds_on_it_keeps_remarks_and_survives_a_crash(am: Database) -> None:
    runner = Runner({"am": am}, RECORD)
    assert runner.run(_steps(good=False)).failed_items == 1
    with pytest.raises(StepFailed):
        runner.run(_steps(good=True, crash=True), retry_failed=True)
    outcome = runner.run(_steps(good=True))
    assert (outcome.done, outcome.already_done, outcome.failed_items) == (1, 2, 0)
    with am.read() as session:
        assert [row.id for row in session.all("SELECT id FROM thing ORDER BY id")] == [2, 102]
        assert [(step, item.item) for step, item in journal.read_verdicts(session)] == [("1", "one")]
        assert journal.read_rows(session) == [("1", "thing", 1, 0), ("2", "thing", 1, 0)]


def test_garbage_in_a_verdict_is_written_down_readably(am: Database) -> None:
    Runner({"am": am}, RECORD).run(_steps(good=False))
    with am.read() as session:
        (failed,) = [item for _, item in journal.read_verdicts(session) if item.verdict is Verdict.FAILED]
    assert failed.reason == "bad \ufffd text ?"


def test_what_work_costs_is_not_known_any_more_when_the_server_has_ended_the_session(am: Database) -> None:
    with am.autocommit() as session, am.autocommit() as other:
        assert volume_of(session).size
        (row,) = session.all("SELECT pg_backend_pid() AS pid")
        other.execute(f"SELECT pg_terminate_backend({row.pid}, 5000)")
        assert volume_of(session) == volume_of(session) == Volume(None, None, None)
