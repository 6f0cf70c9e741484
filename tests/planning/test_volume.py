"""What a step has to do with: the tables that its statements name, and what the servers know of their size."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Integer, column, func, insert, select, table, update

from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import Load, Operation, Phase, Sql, Stage, Step, stage_table
from apim_upgrade.planning.volume import Volume, volume_of

FACTS = {
    "am": {
        "am_api": TableFacts(50, 5_000, True),
        "am_app": TableFacts(7, 700, True),
        "uncounted": TableFacts(-1, 900, True),
    },
    "shared": {"reg_log": TableFacts(1000, 90_000, True), "am_app": TableFacts(1, 1, True)},
}
API, APP, LOG = table("am_api", column("id")), table("am_app", column("id")), table("reg_log", column("id"))
NEW = stage_table("new", Column("id", Integer))


def _step(*operations: Operation, tables: tuple[str, ...] = (), database: str = "am") -> Step:
    return Step("a/step", "A step", database, Phase.MIGRATE, operations, tables=tables)


@pytest.mark.parametrize(
    ("step", "rows", "size"),
    [
        (_step(Sql("ALTER TABLE AM_API ADD COLUMN x int")), 50, 5_000),
        (_step(Sql("CREATE INDEX am_app_x ON uncounted (x)")), 9, 900),
        (_step(Sql(update(API).values(id=1).where(API.c.id.in_(select(APP.c.id))))), 57, 5_700),
        (_step(Sql(insert(APP).from_select(["id"], select(func.max(LOG.c.id))))), 1007, 90_700),
        (_step(Sql(update(APP).values(id=1)), database="shared"), 1, 1),
        (_step(Load(table("am_app"), ("id",), lambda work: iter(()), "rows")), 7, 700),
        (_step(Sql("SELECT 1"), tables=("REG_LOG",)), 1000, 90_000),
        (_step(Sql("SELECT 1")), 0, 0),
        (_step(Stage(NEW, lambda work: iter(()), "rows")), 50, 5_000),
        (_step(Load(table("not_there_yet"), ("id",), lambda work: iter(()), "rows")), 50, 5_000),
    ],
)
def test_the_volume_is_that_of_the_tables_a_step_names(step: Step, rows: int, size: int) -> None:
    assert volume_of(step, FACTS) == Volume(rows, size)


def test_without_facts_nothing_is_known() -> None:
    assert volume_of(_step(Stage(NEW, lambda work: iter(()), "rows")), {}) == Volume(0, 0)
