"""The runner against a real database: work and record commit together, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Column, Integer, String, column, func, insert, literal, select, table, update

from apim_upgrade.databases import Database, name_uuid, name_uuid_of
from apim_upgrade.engine import Load, Phase, Runner, RunRecord, Sql, Stage, Step, Work, journal, stage_table
from apim_upgrade.errors import EnvironmentProblem, StepFailed

RECORD = RunRecord("run-1", "0.1.0", "4.0.0", "4.4.0", "f" * 64, datetime(2026, 1, 2, 3, 4, 5), "{}")
THING = table("thing", column("id", Integer), column("name", String))


@pytest.fixture
def am(empty_database: Callable[[str], Database]) -> Database:
    database = empty_database("am")
    with database.write() as session:
        session.execute("CREATE TABLE thing (id integer PRIMARY KEY, name text)")
        journal.open_journal(session, RECORD)
    return database


def _load(work: Work) -> Iterator[Sequence[object]]:
    for number in range(25_000):
        work.saw()
        if number == 7:
            work.failed("7", "unlucky", "pick another number")
            continue
        if work.wants(str(number)):
            yield number, f"thing {number}"


LOAD = Step("1/load", "Load things", "am", Phase.MIGRATE, (Load(table("thing"), ("id", "name"), _load, "numbers"),))


def test_a_step_is_recorded_with_its_counts_and_rows(am: Database) -> None:
    outcome = Runner({"am": am}, RECORD).run([LOAD])
    assert (outcome.done, outcome.failed_items) == (1, 1)
    with am.read() as session:
        (entry,) = journal.read_entries(session)
        assert (entry.state, entry.seen, entry.changed) == ("done", 25_000, 24_999)
        assert journal.read_rows(session) == [("1/load", "thing", 24_999, 0)]
        assert journal.read_verdicts(session)[0][1].reason == "unlucky"


def test_a_second_run_does_nothing(am: Database) -> None:
    Runner({"am": am}, RECORD).run([LOAD])
    outcome = Runner({"am": am}, RECORD).run([LOAD])
    assert (outcome.done, outcome.already_done) == (0, 1)


def test_a_stage_is_joined_and_gone(am: Database) -> None:
    stage = stage_table("names", Column("id", Integer), Column("name", String))

    def rows(work: Work) -> Iterator[Sequence[object]]:
        for row in work.sessions["am"].stream(select(THING), batch=100):
            yield row.id, row.name.upper()

    step = Step(
        "2/upper",
        "Upper case",
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "names in upper case"),
            Sql(update(THING).values(name=stage.c.name).where(THING.c.id == stage.c.id)),
        ),
    )
    runner = Runner({"am": am}, RECORD)
    runner.run([LOAD, step])
    with am.read() as session:
        assert session.all(select(THING.c.name).where(THING.c.id == 3))[0][0] == "THING 3"
        assert not session.exists(stage.name)


def test_rows_that_a_statement_inserts_are_accounted_for(am: Database) -> None:
    copies = insert(THING).from_select(["id", "name"], select(THING.c.id + 100_000, THING.c.name))
    step = Step("2/copy", "Copy", "am", Phase.MIGRATE, (Sql(copies),))
    Runner({"am": am}, RECORD).run([LOAD, step])
    with am.read() as session:
        assert journal.read_rows(session)[1] == ("2/copy", "thing", 24_999, 0)
        assert journal.read_entries(session)[1].changed == 24_999


def test_the_planner_gets_fresh_figures_of_a_table_that_grew_or_changed(am: Database) -> None:
    fill = insert(THING).from_select(["id", "name"], select(func.generate_series(30_001, 50_000), literal("x")))
    step = Step("2/fill", "Fill", "am", Phase.MIGRATE, (Sql(fill), Sql(update(THING).values(name="y"))))
    Runner({"am": am}, RECORD).run([LOAD, step])
    with am.read() as session:
        assert session.all("select reltuples from pg_class where relname = 'thing'")[0][0] == 44_999
        assert session.all("select most_common_vals from pg_stats where attname = 'name'")[0][0] == "{y}"


def test_a_failing_step_leaves_no_trace_but_its_note(am: Database) -> None:
    step = Step(
        "3/bad",
        "Bad",
        "am",
        Phase.MIGRATE,
        (Sql(insert(THING).values(id=1, name="x")), Sql("CREATE TABLE thing (id integer)")),
    )
    with pytest.raises(StepFailed) as caught:
        Runner({"am": am}, RECORD).run([step])
    assert "Traceback" not in str(caught.value)
    with am.read() as session:
        assert not session.all(select(THING))
        assert [(entry.step, entry.state) for entry in journal.read_entries(session)] == [("3/bad", "failed")]


def test_two_writers_are_refused_by_name(am: Database) -> None:
    with am.lock("first"), pytest.raises(EnvironmentProblem, match="pid"), am.lock("second"):
        pass


def test_uuids_of_names_agree_between_python_and_the_server(am: Database) -> None:
    with am.write() as session:
        session.execute(insert(THING).values(id=41, name="x"))
        (row,) = session.all(select(name_uuid_of("tenant", THING.c.id, "x")))
    assert row[0] == name_uuid("tenant", 41, "x")
