"""Schema changes as steps of an upgrade: one a table and phase, with names that are the same whenever computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Delete,
    Insert,
    and_,
    column,
    delete,
    exists,
    insert,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from apim_upgrade.engine import Phase, Sql, Step
from apim_upgrade.engine.journal import RUN
from apim_upgrade.releases import Release
from apim_upgrade.releases.model import Expression, Schema, SeedRow, Table, fold
from apim_upgrade.schema.alignment import Copy, Expansion, Fill, Presumed, contraction, expansion, removal
from apim_upgrade.schema.changes import Change, applied
from apim_upgrade.schema.describe import described
from apim_upgrade.schema.dialects import notation_of, written
from apim_upgrade.schema.known import target_of


def expand_steps(
    kind: str,
    live: Schema,
    target: Release,
    database: str,
    part: str,
    presumed: Presumed | None = None,
) -> list[Step]:
    """
    Return the steps that make room for the target's data.

    New tables, columns and sequences, renamed and widened columns, keys and NOT NULLs of old releases out of the way,
    seed rows. None of them can fail on the data that is there. ``live`` is the schema as it is now: after part of the
    steps, only the rest is returned (and steps that only test data, which find nothing to do). ``presumed`` holds
    values that rows already there get with a new column; a data step corrects the rows for which they are wrong.
    ``part`` is what the database holds of the product's tables, here and below.
    """
    wanted = target_of(kind, target, part)
    plan = expansion(live, wanted, presumed)
    groups = dict(plan.changes)
    for name in (*(copy.table for copy in plan.copies), *(fill.table for fill in plan.fills)):
        groups.setdefault(name, [])
    ddl = _ddl(kind, live, groups)
    steps = [
        Step(
            f"schema/{database}/expand/{group}",
            f"{group}: {_title(kind, live, changes)}",
            database,
            Phase.EXPAND,
            (*ddl[group], *_row_changes(plan, group)),
            tables=_tables(group),
        )
        for group, changes in groups.items()
    ]
    seeds = tuple(_seed_operations(wanted.wanted))
    if seeds:
        steps.append(
            Step(
                f"schema/{database}/expand/seed-rows",
                f"Rows that the stock script of {target} inserts, where missing",
                database,
                Phase.EXPAND,
                seeds,
                tables=tuple(wanted.wanted.seed_rows),
            )
        )
    return steps


def predicted_after_expand(kind: str, live: Schema, target: Release, part: str) -> Schema:
    """Return the schema as it will be after the expand steps, for planning what comes later."""
    return applied(live, expansion(live, target_of(kind, target, part)).all_changes())


def predicted_after_contract(kind: str, live: Schema, target: Release, part: str) -> Schema:
    """Return what :func:`predicted_after_expand` leads to, as it will be when *commit* may come."""
    groups = contraction(live, target_of(kind, target, part))
    return applied(live, [change for changes in groups.values() for change in changes])


def needs_fill(kind: str, source: Release, target: Release, part: str) -> list[tuple[str, str]]:
    """
    Return (table, column) of what the data steps have to fill between two stock releases.

    These columns are new, may not be NULL in the target and have no default; *contract* cannot succeed before.
    """
    stock = target_of(kind, source, part).wanted
    expanded = predicted_after_expand(kind, stock, target, part)
    wanted = target_of(kind, target, part).wanted
    return [
        (name, each.name)
        for name, item in wanted.tables.items()
        if stock.table(name) is not None
        for each in item.columns
        if not each.nullable and (found := expanded.tables[name].column(each.name)) is not None and found.nullable
    ]


def contract_steps(kind: str, live: Schema, target: Release, database: str, part: str) -> list[Step]:
    """
    Return the steps that make a migrated schema the target's: NOT NULL, keys, indexes, defaults, triggers.

    ``live`` is the schema as it is, or as :func:`predicted_after_expand` says it will be; what is left over from older
    releases stays until :func:`commit_steps`.
    """
    groups = contraction(live, target_of(kind, target, part))
    return list(_steps(kind, live, database, Phase.CONTRACT, groups))


def privilege_steps(kind: str, target: Release, database: str, part: str) -> list[Step]:
    """
    Return the step that lets the server's user at the new tables and sequences, where the DBMS needs one.

    He owns them where he owns the old ones; where a DBA owns those and granted rights on them, the new ones need the
    same grants.
    """
    wanted = target_of(kind, target, part).wanted
    names = sorted({*map(fold, wanted.tables), *map(fold, wanted.sequences)})
    statements = notation_of(kind).extend_privileges(names)
    if not statements:
        return []
    return [
        Step(
            f"schema/{database}/contract/privileges",
            "Let everybody use the new tables who may use the old ones",
            database,
            Phase.CONTRACT,
            tuple(Sql(statement, counts=False) for statement in statements),
        )
    ]


def commit_steps(kind: str, live: Schema, target: Release, database: str, part: str) -> list[Step]:
    """Return the steps that drop what only older releases used; there is no way back from them."""
    groups = removal(live, target_of(kind, target, part))
    return list(_steps(kind, live, database, Phase.COMMIT, groups))


def _steps(kind: str, live: Schema, database: str, phase: Phase, groups: Mapping[str, list[Change]]) -> Iterator[Step]:
    ddl = _ddl(kind, live, groups)
    for group, changes in groups.items():
        yield Step(
            f"schema/{database}/{phase.value}/{group}",
            f"{group}: {_title(kind, live, changes)}",
            database,
            phase,
            tuple(ddl[group]),
            tables=_tables(group),
        )


def _title(kind: str, live: Schema, changes: list[Change]) -> str:
    effect = notation_of(kind).effect(changes, live)
    return (described(changes) or "carry values over") + (f" ({effect})" if effect else "")


def _ddl(kind: str, live: Schema, groups: Mapping[str, list[Change]]) -> dict[str, list[Sql]]:
    notation = notation_of(kind)
    ddl: dict[str, list[Sql]] = {}
    for group, changes in groups.items():
        ddl[group] = [
            Sql(statement, _title(kind, live, [change]), counts=False)
            for change, statement in written(notation, live, changes)
        ]
        live = applied(live, changes)
    return ddl


def _tables(group: str) -> tuple[str, ...]:
    return () if group in ("sequences", "triggers") else (group.split("/")[0],)


def _row_changes(plan: Expansion, group: str) -> Iterator[Sql]:
    for copy in plan.copies:
        if fold(copy.table) == fold(group):
            yield _carried_over(copy)
    for fill in plan.fills:
        if fold(fill.table) == fold(group):
            yield _filled(fill)


def _carried_over(copy: Copy) -> Sql:
    before: ColumnClause[Any] = column(copy.before)
    after: ColumnClause[Any] = column(copy.after)
    return Sql(
        update(table(copy.table, before, after)).where(after.is_(None), before.is_not(None)).values({after: before}),
        f"{copy.before} was left beside {copy.after} by an upgrade that was not finished",
    )


def _filled(fill: Fill) -> Sql:
    target: ColumnClause[Any] = column(fill.column)
    return Sql(
        update(table(fill.table, target)).where(target.is_(None)).values({target: _default(fill.default)}),
        f"{fill.column} may not be NULL; its default is {fill.default}",
    )


def _default(text: str) -> ColumnElement[object]:
    return _run_start() if text.upper() == "CURRENT_TIMESTAMP" else literal_column(text)


def _run_start() -> ColumnElement[object]:
    """The run's clock, so that a rehearsal and the real run write the same."""
    return select(RUN.c.started).limit(1).scalar_subquery()


def _seed_operations(wanted: Schema) -> Iterator[Sql]:
    for name, rows in wanted.seed_rows.items():
        stock = wanted.tables[name]
        for row in rows:
            yield Sql(_seed(stock, row), "only where missing", undo=_unseed(stock, row))


def _seed(stock: Table, row: SeedRow) -> Insert:
    row = {fold(name): value for name, value in row.items()}
    target = table(fold(stock.name), *(column(name) for name in row))
    values = [_default(value.sql) if isinstance(value, Expression) else literal(value) for value in row.values()]
    there = exists(select(literal(1)).select_from(target).where(_same_row(stock, row, target.c)))
    return insert(target).from_select(list(row), select(*values).where(not_(there)))


def _unseed(stock: Table, row: SeedRow) -> Delete:
    """A row that was inserted because none of its keys was there is the only one that has any of them."""
    row = {fold(name): value for name, value in row.items()}
    target = table(fold(stock.name), *(column(name) for name in row))
    return delete(target).where(_same_row(stock, row, target.c))


def _same_row(
    stock: Table, row: SeedRow, columns: ReadOnlyColumnCollection[str, ColumnClause[Any]]
) -> ColumnElement[bool]:
    """A seed row is there when a row of one of its keys is; a table whose keys it does not name is compared whole."""
    named = frozenset(row)
    keys = [key for key in stock.unique_keys() if key <= named]
    if not keys:
        keys = [frozenset(name for name, value in row.items() if not isinstance(value, Expression))]
    return or_(*(and_(*(columns[name] == row[name] for name in sorted(key))) for key in keys))
