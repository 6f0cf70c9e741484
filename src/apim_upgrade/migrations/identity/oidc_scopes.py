"""
What newer releases give the scopes of OpenID Connect: claims, names for people, the scope ``groups``.

As with claims, a server writes them for a tenant once, when the tenant is made. Only additions are made: ``openid``
lost its claims with 4.2.0, but clients of an upgraded estate may read them from their ID tokens, so they stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    String,
    and_,
    distinct,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.step import Rows
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.identity import stock
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.tables.identity import CLAIM, CLAIM_DIALECT, SCOPE, SCOPE_CLAIM

_OIDC, _OPENID = "OIDC", "openid"
_CHANGED = stage_table(
    "oidc_scope",
    Column("name", String(255), primary_key=True),
    Column("display_name", String(255), nullable=False),
    Column("description", String(512), nullable=False),
    Column("is_new", Boolean, nullable=False),
)
_GIVEN = stage_table(
    "oidc_scope_claim", Column("scope", String(255), nullable=False), Column("claim", String(255), nullable=False)
)
_CONCERNED = stage_table(
    "oidc_scope_of_tenant",
    Column("tenant_id", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("is_new", Boolean, nullable=False),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return one step for every release on the way that changed the stock scopes."""
    return [
        _step(upgrade, release, scopes) for release, scopes in stock.oidc_scope_changes() if upgrade.crosses(release)
    ]


def _step(upgrade: Upgrade, release: str, scopes: Sequence[stock.OidcScope]) -> Step:
    return Step(
        f"{release}/identity/oidc-scopes",
        "Give the scopes of OpenID Connect what the release adds",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (
            Stage(_CHANGED, _changed(scopes), f"scopes that {release} adds or changes"),
            Stage(_GIVEN, _given(scopes), "claims that it adds to them"),
            Stage(_CONCERNED, _concerned(release), "the tenants' scopes that this concerns"),
            *(
                findings("openid_claim", _openid, "claims of the scope openid, which stay")
                for scope in scopes
                if scope.name == _OPENID
            ),
            Sql(_insert_scopes(), "new scopes"),
            Sql(_insert_claims(), "claims of scopes"),
            Sql(_name_scopes(), "names and descriptions, where nobody has given any"),
        ),
        tables=(SCOPE.name, SCOPE_CLAIM.name),
    )


def _changed(scopes: Sequence[stock.OidcScope]) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        for scope in scopes:
            yield scope.name, scope.display_name, scope.description, scope.new

    return rows


def _given(scopes: Sequence[stock.OidcScope]) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        for scope in scopes:
            for claim in scope.claims:
                yield scope.name, claim

    return rows


def _concerned(release: str) -> Rows:
    """
    Yield the tenants' scopes to add or to change.

    A tenant without the scope ``openid`` has none of the stock scopes: the one new scope alone would help nobody.
    """

    def rows(work: Work) -> Iterator[Sequence[object]]:
        session = work.own
        openid, same = SCOPE.alias("openid"), SCOPE.alias("same")
        query = (
            select(TENANT.c.tenant_id, _CHANGED.c.name, _CHANGED.c.is_new, same.c.scope_id, same.c.scope_type)
            .select_from(TENANT)
            .join(
                openid,
                and_(
                    openid.c.tenant_id == TENANT.c.tenant_id,
                    openid.c.name == _OPENID,
                    openid.c.scope_type == _OIDC,
                ),
            )
            .join(_CHANGED, true())
            .outerjoin(same, and_(same.c.tenant_id == TENANT.c.tenant_id, same.c.name == _CHANGED.c.name))
            .order_by(TENANT.c.tenant_id, _CHANGED.c.name)
        )
        for row in session.stream(query):
            work.saw()
            if row.is_new and row.scope_id is not None and row.scope_type != _OIDC:
                work.noted(
                    f"scope {row.name} of tenant {row.tenant_id}",
                    f"an API scope has the name of the OpenID Connect scope that {release} adds; it stays alone",
                    "Rename the API scope and add the OpenID Connect scope if clients need it.",
                )
            elif (row.scope_id is None) == row.is_new:
                yield row.tenant_id, row.name, row.is_new

    return rows


def _openid(work: Work) -> None:
    (row,) = work.own.all(
        select(
            func.count(distinct(SCOPE_CLAIM.c.external_claim_id)).label("claims"),
            func.count(distinct(SCOPE.c.tenant_id)).label("tenants"),
        )
        .join(SCOPE, SCOPE.c.scope_id == SCOPE_CLAIM.c.scope_id)
        .where(SCOPE.c.name == _OPENID, SCOPE.c.scope_type == _OIDC)
    )
    if row.claims:
        work.noted(
            "scope openid",
            f"keeps its claims ({row.claims} in {row.tenants} tenants); a new tenant has none there from 4.2.0 on",
            "Nothing is needed; take claims from it in the management console for smaller ID tokens.",
        )


def _insert_scopes() -> Any:
    rows = (
        select(
            _CHANGED.c.name,
            _CHANGED.c.display_name,
            _CHANGED.c.description,
            _CONCERNED.c.tenant_id,
            literal(_OIDC, String),
        )
        .join(_CONCERNED, _CONCERNED.c.name == _CHANGED.c.name)
        .where(_CONCERNED.c.is_new)
        .order_by(_CONCERNED.c.tenant_id, _CHANGED.c.name)
    )
    return insert(SCOPE).from_select(["name", "display_name", "description", "tenant_id", "scope_type"], rows)


def _insert_claims() -> Any:
    has = SCOPE_CLAIM.alias("has")
    rows = (
        select(SCOPE.c.scope_id, CLAIM.c.id)
        .select_from(_CONCERNED)
        .join(
            SCOPE,
            and_(
                SCOPE.c.tenant_id == _CONCERNED.c.tenant_id,
                SCOPE.c.name == _CONCERNED.c.name,
                SCOPE.c.scope_type == _OIDC,
            ),
        )
        .join(_GIVEN, _GIVEN.c.scope == SCOPE.c.name)
        .join(CLAIM, and_(CLAIM.c.tenant_id == SCOPE.c.tenant_id, CLAIM.c.claim_uri == _GIVEN.c.claim))
        .join(
            CLAIM_DIALECT,
            and_(CLAIM_DIALECT.c.id == CLAIM.c.dialect_id, CLAIM_DIALECT.c.dialect_uri == stock.OIDC_DIALECT),
        )
        .where(
            ~exists(
                select(1).where(has.c.scope_id == SCOPE.c.scope_id, has.c.external_claim_id == CLAIM.c.id)
            ).correlate(SCOPE, CLAIM)
        )
        .order_by(SCOPE.c.tenant_id, SCOPE.c.name, CLAIM.c.claim_uri)
    )
    return insert(SCOPE_CLAIM).from_select(["scope_id", "external_claim_id"], rows)


def _name_scopes() -> Any:
    return (
        update(SCOPE)
        .values(display_name=_CHANGED.c.display_name, description=_CHANGED.c.description)
        .where(
            SCOPE.c.name == _CHANGED.c.name,
            SCOPE.c.scope_type == _OIDC,
            or_(blank(SCOPE.c.display_name), SCOPE.c.display_name == SCOPE.c.name),
            blank(SCOPE.c.description),
        )
    )
