"""
Scopes of the product's own REST APIs (``internal_…``), each bound to a permission.

Up to 4.1.0 every tenant has them in the database. From 4.2.0 on a server reads them from a file for all tenants, unless
``[oauth] enable_system_level_internal_scope_management`` is false: then nothing is added, old rows stay as harmless
litter, and tenants that had edited them are reported, because their edits no longer count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, and_, distinct, exists, func, insert, literal, null, select, true

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.step import Rows
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.identity import stock
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.releases import Release
from apim_upgrade.tables.identity import SCOPE, SCOPE_BINDING

_PREFIX = "internal_"
_OAUTH2, _PERMISSION = "OAUTH2", "PERMISSION"
_FROM_FILE = "4.2.0"
_LAST_KNOWN = Release.parse("4.1.0")
_STOCK = stage_table(
    "internal_scope",
    Column("name", String(255), primary_key=True),
    Column("display_name", String(255), nullable=False),
    Column("permission", String(255), nullable=False),
)
_MISSING = stage_table(
    "missing_internal_scope",
    Column("tenant_id", Integer, nullable=False),
    Column("name", String(255), nullable=False),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that adds missing scopes, or the one that reports edits which stop counting, or none."""
    if upgrade.target < Release.parse(_FROM_FILE):
        return [_add(upgrade, "4.0.0", upgrade.target, note="")] if upgrade.crosses("4.0.0") else []
    if upgrade.choices.internal_scopes_per_tenant:
        return [_add(upgrade, _FROM_FILE, _LAST_KNOWN, note=_INCOMPLETE)]
    return [_report(upgrade)] if upgrade.crosses(_FROM_FILE) else []


_INCOMPLETE = "the scopes of 4.1.0 are in every tenant; the target's oauth-scope-bindings.xml lists more"


def _add(upgrade: Upgrade, release: str, known: Release, *, note: str) -> Step:
    return Step(
        f"{release}/identity/internal-scopes",
        "Add the internal scopes that tenants lack",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (
            Stage(_STOCK, _stock(known), f"internal scopes of {known}"),
            Stage(_MISSING, _missing(note), "those that a tenant lacks"),
            Sql(_insert_scopes(), "scopes"),
            Sql(_insert_bindings(), "their permissions"),
        ),
        tables=(SCOPE.name, SCOPE_BINDING.name),
    )


def _report(upgrade: Upgrade) -> Step:
    return Step(
        f"{_FROM_FILE}/identity/internal-scopes",
        "Report internal scopes whose edits no longer count",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (
            Stage(_STOCK, _stock(upgrade.source), f"internal scopes of {upgrade.source}"),
            findings("edited_internal_scope", _edited, "scopes with other permissions, which are left alone"),
        ),
    )


def _stock(release: Release) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        for scope in stock.internal_scopes(release):
            yield scope.name, scope.display_name, scope.permission

    return rows


def _missing(note: str) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        if note:
            work.noted("internal scopes", note, "Add those in the management console if REST clients ask for them.")
        named = exists(
            select(1).where(SCOPE.c.name == _STOCK.c.name, SCOPE.c.tenant_id == TENANT.c.tenant_id)
        ).correlate(_STOCK, TENANT)
        query = (
            select(TENANT.c.tenant_id, _STOCK.c.name)
            .select_from(TENANT)
            .join(_STOCK, true())
            .where(~named)
            .order_by(TENANT.c.tenant_id, _STOCK.c.name)
        )
        for row in work.own.stream(query):
            work.saw()
            yield row.tenant_id, row.name

    return rows


def _insert_scopes() -> Any:
    rows = (
        select(_STOCK.c.name, _STOCK.c.display_name, null(), _MISSING.c.tenant_id, literal(_OAUTH2, String))
        .join(_MISSING, _MISSING.c.name == _STOCK.c.name)
        .order_by(_MISSING.c.tenant_id, _STOCK.c.name)
    )
    return insert(SCOPE).from_select(["name", "display_name", "description", "tenant_id", "scope_type"], rows)


def _insert_bindings() -> Any:
    rows = (
        select(SCOPE.c.scope_id, _STOCK.c.permission, literal(_PERMISSION, String))
        .join(_MISSING, and_(_MISSING.c.name == SCOPE.c.name, _MISSING.c.tenant_id == SCOPE.c.tenant_id))
        .join(_STOCK, _STOCK.c.name == SCOPE.c.name)
        .order_by(SCOPE.c.scope_id)
    )
    return insert(SCOPE_BINDING).from_select(["scope_id", "scope_binding", "binding_type"], rows)


def _edited(work: Work) -> None:
    found: Counter[str] = Counter()
    for query in (_lost(), _gained()):
        for row in work.own.all(query):
            found[row.name] = max(found[row.name], row.tenants)
    for name, tenants in sorted(found.items()):
        work.saw()
        work.noted(
            f"scope {name}",
            f"its permissions were edited in {tenants} tenant{'s' if tenants != 1 else ''}; "
            f"from {_FROM_FILE} on the server's file decides for every tenant",
            "Edit oauth-scope-bindings.xml of the target, or choose internal scopes per tenant.",
        )


def _lost() -> Any:
    """Stock permissions that a tenant with internal scopes no longer has."""
    bound = exists(
        select(1)
        .select_from(SCOPE.join(SCOPE_BINDING, SCOPE_BINDING.c.scope_id == SCOPE.c.scope_id))
        .where(
            SCOPE.c.tenant_id == TENANT.c.tenant_id,
            SCOPE.c.name == _STOCK.c.name,
            SCOPE_BINDING.c.scope_binding == _STOCK.c.permission,
            SCOPE_BINDING.c.binding_type == _PERMISSION,
        )
    ).correlate(TENANT, _STOCK)
    any_scope = SCOPE.alias("any_scope")
    has_any = exists(
        select(1).where(
            any_scope.c.tenant_id == TENANT.c.tenant_id, any_scope.c.name.startswith(_PREFIX, autoescape=True)
        )
    ).correlate(TENANT)
    return (
        select(_STOCK.c.name, func.count(TENANT.c.tenant_id).label("tenants"))
        .select_from(TENANT)
        .join(_STOCK, true())
        .where(has_any, ~bound)
        .group_by(_STOCK.c.name)
    )


def _gained() -> Any:
    """Permissions of internal scopes that are not the stock ones."""
    is_stock = exists(
        select(1).where(_STOCK.c.name == SCOPE.c.name, _STOCK.c.permission == SCOPE_BINDING.c.scope_binding)
    ).correlate(SCOPE, SCOPE_BINDING)
    return (
        select(SCOPE.c.name, func.count(distinct(SCOPE.c.tenant_id)).label("tenants"))
        .join(SCOPE_BINDING, SCOPE_BINDING.c.scope_id == SCOPE.c.scope_id)
        .where(
            SCOPE_BINDING.c.binding_type == _PERMISSION,
            SCOPE.c.name.startswith(_PREFIX, autoescape=True),
            ~is_stock,
        )
        .group_by(SCOPE.c.name)
    )
