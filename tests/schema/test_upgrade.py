"""Every pair of releases: expand, contract and commit on a real database end at the target's catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, RunRecord, Step, journal
from apim_upgrade.releases import KNOWN_RELEASES, Release, Schema
from apim_upgrade.schema import (
    commit_steps,
    contract_steps,
    differences_to_target,
    expand_steps,
    introspect,
    predicted_after_expand,
)

KIND = "postgresql"
PAIRS = [(source, target) for source in KNOWN_RELEASES for target in KNOWN_RELEASES if source < target]


def record(source: Release, target: Release) -> RunRecord:
    return RunRecord("run-1", "0", str(source), str(target), "f" * 64, datetime(2026, 1, 2, 3, 4, 5), "{}")


def live(database: Database) -> Schema:
    with database.read() as session:
        return introspect(session)


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=str)
def test_a_stock_schema_becomes_that_of_every_later_release(
    stock: Callable[[Release, str], Database], source: Release, target: Release, part: str
) -> None:
    database = stock(source, part)
    with database.write() as session:
        journal.open_journal(session, record(source, target))
    runner = Runner({part: database}, record(source, target))
    before = live(database)
    predicted = predicted_after_expand(KIND, before, source, target, part)
    runner.run(expand_steps(KIND, before, source, target, part))
    expanded = live(database)
    assert _shape(expanded) == _shape(predicted)
    planned = contract_steps(KIND, predicted, source, target, part)
    steps = contract_steps(KIND, expanded, source, target, part)
    assert [step.name for step in planned] == [step.name for step in steps]
    runner.run(steps)
    assert differences_to_target(KIND, live(database), target, part, leftovers=True) == []
    runner.run(commit_steps(KIND, live(database), source, target, part))
    done = live(database)
    assert differences_to_target(KIND, done, target, part) == []
    again: Sequence[Step] = [
        *expand_steps(KIND, done, source, target, part),
        *contract_steps(KIND, done, source, target, part),
        *commit_steps(KIND, done, source, target, part),
    ]
    assert {step.name for step in again} <= {f"schema/{part}/expand/seed-rows"}


def _shape(schema: Schema) -> dict[str, object]:
    return {
        name: (
            sorted((column.name, column.type, column.nullable, column.default) for column in table.columns),
            sorted(map(sorted, table.unique_keys())),
            sorted((key.columns, key.ref_table, key.on_delete) for key in table.foreign_keys),
            sorted(index.columns for index in table.indexes),
        )
        for name, table in schema.tables.items()
        if not name.startswith(journal.PREFIX)
    }
