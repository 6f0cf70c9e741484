"""In place, as long as every step has an undo: after any of them the databases become what they were."""

from __future__ import annotations

import multiprocessing
import os
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import ColumnClause, column, table, update

from apim_upgrade.databases import Database
from apim_upgrade.databases.backup import content_of
from apim_upgrade.engine import Phase, Runner, RunRecord, Sql, Step, journal
from apim_upgrade.errors import StepFailed
from apim_upgrade.execution.undoing import obstacle_to_undo, undo
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Tenant, Upgrade
from apim_upgrade.planning import closing_steps, opening_steps
from apim_upgrade.releases import Release
from apim_upgrade.schema import Schema, create_statements, introspect
from apim_upgrade.schema.noted import noted
from conftest import Pair

_KILLS = int(os.environ.get("APIM_UPGRADE_KILLS", "0")) // 5 or 3
STARTED = datetime(2026, 3, 1, 12, 0, 0)


class Opened:
    """An estate in the middle of an upgrade in place, without backup: as far as the test takes it."""

    def __init__(self, databases: Mapping[str, Database], source: str, target: str) -> None:
        tenants = (Tenant(SUPER_TENANT_ID, SUPER_TENANT_DOMAIN),)
        self.databases, self.target = databases, Release.parse(target)
        self.upgrade = Upgrade(Release.parse(source), self.target, STARTED, tenants)
        self.record = RunRecord("r", "0", source, target, "f", STARTED, "{}")

    def schemas(self) -> dict[str, Schema]:
        found = {}
        for name, database in self.databases.items():
            with database.read() as session:
                found[name] = replace(introspect(session), sizes={})
        return found

    def steps(self) -> list[Step]:
        return opening_steps(self.upgrade, self.databases["am"].kind, self.schemas())

    def begin(self) -> None:
        for database in self.databases.values():
            with database.write() as session:
                shape = noted(introspect(session))
                journal.open_journal(session, self.record)
                journal.record_shape(session, shape)

    def run(self, steps: list[Step]) -> None:
        Runner(self.databases, self.record).run(steps)

    def state(self) -> tuple[dict[str, Schema], dict[str, object]]:
        return self.schemas(), {name: content_of(each) for name, each in self.databases.items()}

    def obstacle(self) -> str:
        return obstacle_to_undo(self.databases, self.target)

    def undo(self) -> None:
        assert self.obstacle() == ""
        undo(self.databases, self.target, lambda text: None)


def _every(steps: list[Step]) -> list[int]:
    """After so many steps: some of them, and all; ``APIM_UPGRADE_ROLLBACKS=all`` takes each."""
    spread = 1 if os.environ.get("APIM_UPGRADE_ROLLBACKS") == "all" else 8
    return [*range(0, len(steps), spread), len(steps)]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["4.2.0", "4.2.0/mysql"])
def test_after_every_step_that_has_one_the_undo_leads_back(real_estate: Callable[[str], Pair], which: str) -> None:
    with real_estate(which).connected() as databases:
        here = Opened(databases, "4.2.0", "4.3.0")
        before = here.state()
        steps = here.steps()
        for done in _every(steps):
            here.begin()
            here.run(steps[:done])
            here.undo()
            assert here.state() == before, steps[done - 1].name


@pytest.mark.thorough
def test_a_long_way_is_undone_on_postgresql(sample_estate: Callable[..., Pair]) -> None:
    with sample_estate("4.0.0", apis=6, tenants=1).connected() as databases:
        here = Opened(databases, "4.0.0", "4.7.0")
        _undo_all_of(here)


@pytest.mark.thorough
def test_a_long_way_is_undone_on_mariadb_and_what_became_bytes_is_text_again(
    real_estate: Callable[[str], Pair],
) -> None:
    with real_estate("3.2.0/mysql").connected() as databases:
        with databases["am"].autocommit() as session:
            session.execute("SET FOREIGN_KEY_CHECKS = 0")
            session.execute(
                "INSERT INTO AM_APPLICATION_REGISTRATION (SUBSCRIBER_ID, WF_REF, APP_ID, TOKEN_TYPE, TOKEN_SCOPE, "
                "INPUTS, ALLOWED_DOMAINS, VALIDITY_PERIOD, KEY_MANAGER) "
                "VALUES (1, 'w', 1, 't', 's', 'Zürich', 'a', 1, 'k')"
            )
        here = Opened(databases, "3.2.0", "4.7.0")
        _undo_all_of(here)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_the_schema_becomes_what_it_was_after_its_constraints_were_changed_too(
    kind: str, empty_database: Callable[[str], Database], mysql_database: Callable[..., Database]
) -> None:
    parts = [empty_database(part) if kind == "postgresql" else mysql_database(part) for part in ("am", "shared")]
    for database in parts:
        with database.write() as session:
            for statement in create_statements(kind, Release.parse("3.2.0"), database.name):
                session.execute(statement)
    with Pair(*parts).connected() as databases:
        here = Opened(databases, "3.2.0", "4.7.0")
        before = here.schemas()
        here.begin()
        here.run(here.steps())
        here.run(closing_steps(here.upgrade, kind, here.schemas()))
        undo(databases, here.target, lambda text: None)
        assert _but_for_names_of_links(here.schemas()) == _but_for_names_of_links(before)


def _but_for_names_of_links(schemas: Mapping[str, Schema]) -> list[Schema]:
    """MySQL numbers foreign keys that it names itself."""
    return [
        replace(
            schema,
            tables={
                name: replace(
                    table,
                    foreign_keys=tuple(
                        sorted((replace(key, name=None) for key in table.foreign_keys), key=lambda key: key.columns)
                    ),
                )
                for name, table in schema.tables.items()
            },
        )
        for schema in schemas.values()
    ]


def _undo_all_of(here: Opened) -> None:
    before = here.state()
    here.begin()
    here.run(here.steps())
    assert here.schemas() != before[0]
    here.undo()
    assert here.state() == before


@pytest.mark.parametrize("which", ["4.2.0", "4.2.0/mysql"])
def test_an_undo_that_is_killed_goes_on_where_it_was(real_estate: Callable[[str], Pair], which: str) -> None:
    with real_estate(which).connected() as databases:
        here = Opened(databases, "4.2.0", "4.7.0")
        before = here.state()
        here.begin()
        here.run(here.steps())
    here.databases = real = {name: Database(name, each.address) for name, each in databases.items()}
    chance = random.Random(7)
    for _ in range(_KILLS):
        process = multiprocessing.get_context("fork").Process(target=undo, args=(real, here.target, lambda text: None))
        process.start()
        process.join(chance.uniform(0.1, 1.5))
        process.kill()
        process.join()
    undo(real, here.target, lambda text: None)
    assert here.state() == before


def test_a_step_that_changed_rows_and_one_that_failed_again_have_no_undo(sample_estate: Callable[..., Pair]) -> None:
    with sample_estate("4.2.0", apis=6, tenants=1).connected() as databases:
        here = Opened(databases, "4.2.0", "4.3.0")
        here.begin()
        here.run(here.steps())
        organization: ColumnClause[str] = column("organization")
        api = table("am_api", organization)
        nobody = update(api).where(organization == "nobody's").values(organization="else")
        broken = Sql("SELECT no_such_column FROM am_api")

        def step(name: str, *operations: Sql) -> Step:
            return Step(name, name, "am", Phase.MIGRATE, operations)

        here.run([step("nothing", Sql(nobody))])
        with pytest.raises(StepFailed):
            here.run([step("failing", Sql(update(api).values(organization="x")), broken)])
        assert here.obstacle() == ""
        here.run([step("failing", Sql(update(api).values(organization="x")))])
        assert here.obstacle() == "step failing has no undo"
        with databases["am"].write() as session:
            journal.mark_again(session, ["failing"])
        with pytest.raises(StepFailed):
            here.run([step("failing", broken)])
        assert here.obstacle() == "step failing has no undo"


def test_what_a_type_cannot_give_back_has_no_undo(sample_estate: Callable[..., Pair]) -> None:
    with sample_estate("3.2.0", apis=6, tenants=1).connected() as databases:
        here = Opened(databases, "3.2.0", "4.7.0")
        here.begin()
        here.run(here.steps())
        assert here.obstacle() == (
            "am: the values of am_gw_api_artifacts.time_stamp were converted to a type that cannot hold all of them"
        )


def test_a_table_of_somebody_else_is_left_alone(sample_estate: Callable[..., Pair]) -> None:
    with sample_estate("4.2.0", apis=6, tenants=1).connected() as databases:
        here = Opened(databases, "4.2.0", "4.3.0")
        before = here.schemas()["am"]
        here.begin()
        here.run(here.steps())
        with databases["am"].write() as session:
            session.execute("CREATE TABLE somebodys (id integer)")
        here.undo()
        after = here.schemas()["am"]
        assert {name for name in after.tables if name not in before.tables} == {"somebodys"}
        assert {**before.tables, "somebodys": after.tables["somebodys"]} == after.tables
