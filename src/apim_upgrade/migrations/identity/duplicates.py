"""
Scopes, scope bindings and resource scopes that exist twice, of which the target's keys allow one.

3.2.0 has no unique key on any of the three tables, and databases that were upgraded by hand may lack it later too;
so the steps look at the rows and not at the release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, and_, case, delete, exists, func, insert, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.identity import RESOURCE_SCOPE, SCOPE, SCOPE_BINDING, SCOPE_CLAIM

_DOUBLE = stage_table(
    "double_scope",
    Column("scope_id", Integer, primary_key=True, autoincrement=False),
    Column("kept_id", Integer, nullable=False),
)
_BINDING = stage_table(
    "double_binding",
    Column("scope_id", Integer, nullable=False),
    Column("scope_binding", String(255), nullable=False),
    Column("binding_type", String(255), nullable=False),
    keys=[("scope_id",)],
)
_RESOURCE = stage_table(
    "double_resource",
    Column("resource_path", String(255), nullable=False),
    Column("scope_id", Integer, nullable=False),
    Column("tenant_id", Integer),
    keys=[("resource_path",)],
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps that leave one row of each; scopes come first, because merging them may double bindings."""
    database = upgrade.home("identity")
    return [_scopes(database), _bindings(database), _resources(database)]


def _scopes(database: str) -> Step:
    names = select(SCOPE.c.name).group_by(SCOPE.c.name, SCOPE.c.tenant_id).having(func.count() > 1).subquery()
    return Step(
        "identity/scope-duplicates",
        "Merge scopes of the same name in one tenant",
        database,
        Phase.MIGRATE,
        (
            Stage(_DOUBLE, _double_scopes, "scopes to merge, each with the one of its name that stays"),
            Sql(_merged(SCOPE_BINDING, "scope_binding", "binding_type"), "bindings of the one that stays"),
            Sql(_merged(SCOPE_CLAIM, "external_claim_id"), "claims of the one that stays"),
            Sql(
                update(RESOURCE_SCOPE)
                .values(scope_id=_DOUBLE.c.kept_id)
                .where(RESOURCE_SCOPE.c.scope_id == _DOUBLE.c.scope_id),
                "resources",
            ),
            *(
                Sql(delete(old).where(old.c.scope_id.in_(select(_DOUBLE.c.scope_id))), "what was merged")
                for old in (SCOPE_BINDING, SCOPE_CLAIM, SCOPE)
            ),
        ),
        touches=select(func.count()).select_from(names),
        tables=(SCOPE.name, SCOPE_BINDING.name, SCOPE_CLAIM.name, RESOURCE_SCOPE.name),
    )


def _double_scopes(work: Work) -> Iterator[Sequence[object]]:
    """
    Yield (scope, the one that stays in its place).

    The oldest stays, but a scope of OpenID Connect before any API scope: as an API scope it would give no claims.
    """
    oldest, oldest_oidc = func.min(SCOPE.c.scope_id), func.min(case((SCOPE.c.scope_type == "OIDC", SCOPE.c.scope_id)))
    kept = (
        select(SCOPE.c.name, SCOPE.c.tenant_id, func.coalesce(oldest_oidc, oldest).label("kept_id"))
        .group_by(SCOPE.c.name, SCOPE.c.tenant_id)
        .having(func.count() > 1)
        .subquery()
    )
    stays = SCOPE.alias("stays")
    query = (
        select(
            SCOPE.c.scope_id,
            SCOPE.c.name,
            SCOPE.c.tenant_id,
            SCOPE.c.scope_type.label("kind"),
            stays.c.scope_id.label("kept_id"),
            stays.c.scope_type.label("kept_kind"),
        )
        .join(kept, and_(kept.c.name == SCOPE.c.name, kept.c.tenant_id == SCOPE.c.tenant_id))
        .join(stays, stays.c.scope_id == kept.c.kept_id)
        .where(SCOPE.c.scope_id != kept.c.kept_id)
        .order_by(SCOPE.c.tenant_id, SCOPE.c.name, SCOPE.c.scope_id)
    )
    for row in work.own.stream(query):
        work.saw()
        if row.kind == row.kept_kind:
            reason, action = "existed more than once; merged into the oldest one", ""
        else:
            reason = f"existed as {row.kind} and as {row.kept_kind} scope; merged into the {row.kept_kind} scope"
            action = "Give the API scope another name if clients need both."
        work.noted(f"scope {row.name} of tenant {row.tenant_id}", reason, action)
        yield row.scope_id, row.kept_id


def _merged(table: Any, *columns: str) -> Any:
    """Give the scope that stays every row of the ones to merge that it does not have."""
    has = table.alias("has")
    rows = (
        select(_DOUBLE.c.kept_id, *(table.c[name] for name in columns))
        .distinct()
        .join(_DOUBLE, _DOUBLE.c.scope_id == table.c.scope_id)
        .where(
            ~exists(
                select(1).where(
                    has.c.scope_id == _DOUBLE.c.kept_id, *(has.c[name] == table.c[name] for name in columns)
                )
            ).correlate(_DOUBLE, table)
        )
        .order_by(_DOUBLE.c.kept_id, *(table.c[name] for name in columns))
    )
    return insert(table).from_select(["scope_id", *columns], rows)


def _bindings(database: str) -> Step:
    key = (SCOPE_BINDING.c.scope_id, SCOPE_BINDING.c.scope_binding, SCOPE_BINDING.c.binding_type)
    doubles = select(*key).group_by(*key).having(func.count() > 1)

    def rows(work: Work) -> Iterator[Sequence[object]]:
        for row in work.own.stream(doubles.order_by(*key)):
            work.saw()
            yield tuple(row)

    return Step(
        "identity/scope-binding-duplicates",
        "Keep one of equal scope bindings",
        database,
        Phase.MIGRATE,
        (
            Stage(_BINDING, rows, "bindings that exist more than once"),
            *_replaced(SCOPE_BINDING, _BINDING, ("scope_id", "scope_binding", "binding_type")),
        ),
        touches=select(func.count()).select_from(doubles.subquery()),
        tables=(SCOPE_BINDING.name,),
    )


def _resources(database: str) -> Step:
    path, scope_id = RESOURCE_SCOPE.c.resource_path, RESOURCE_SCOPE.c.scope_id
    doubles = select(path, func.min(scope_id).label("scope_id")).group_by(path).having(func.count() > 1)

    def rows(work: Work) -> Iterator[Sequence[object]]:
        kept = doubles.subquery()
        query = (
            select(path, scope_id, func.min(RESOURCE_SCOPE.c.tenant_id).label("tenant_id"), SCOPE.c.name)
            .join(kept, and_(kept.c.resource_path == path, kept.c.scope_id == scope_id))
            .outerjoin(SCOPE, SCOPE.c.scope_id == scope_id)
            .group_by(path, scope_id, SCOPE.c.name)
            .order_by(path)
        )
        for row in work.own.stream(query):
            work.saw()
            reason = f"had more than one scope row; the oldest scope, {row.name}, stays"
            work.noted(f"resource {row.resource_path}", reason)
            yield row.resource_path, row.scope_id, row.tenant_id

    return Step(
        "identity/resource-scope-duplicates",
        "Keep one scope of each resource path",
        database,
        Phase.MIGRATE,
        (
            Stage(_RESOURCE, rows, "resource paths that exist more than once, with the oldest scope"),
            *_replaced(RESOURCE_SCOPE, _RESOURCE, ("resource_path",)),
        ),
        touches=select(func.count()).select_from(doubles.subquery()),
        tables=(RESOURCE_SCOPE.name,),
    )


def _replaced(table: Any, stage: Any, key: tuple[str, ...]) -> tuple[Sql, Sql]:
    """Replace all rows of each key by the staged one; the tables have no other way to tell equal rows apart."""
    columns = [column.name for column in stage.columns]
    same = exists(select(1).where(*(stage.c[name] == table.c[name] for name in key))).correlate(table)
    rows = select(*stage.columns).order_by(*(stage.c[name] for name in key))
    return (
        Sql(delete(table).where(same), "all of them"),
        Sql(insert(table).from_select(columns, rows), "one of each", counts=False),
    )
