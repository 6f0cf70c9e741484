"""
Claims that a tenant of the target has and an older tenant lacks.

A server writes claims for a tenant once, when the tenant is made, and never again: what is missing has to be added
before its first start. Claims that are there stay as they are, so that tokens and profiles keep their values: mapping
an existing claim anew, as a fresh tenant has it, would hide values that users stored or change what clients read.
What differs is reported, one line a claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, and_, distinct, exists, func, insert, literal, or_, select, true
from sqlalchemy.sql.selectable import Select

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.step import Rows
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.identity import stock
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.releases import Release
from apim_upgrade.tables.identity import CLAIM, CLAIM_ATTRIBUTE, CLAIM_DIALECT, CLAIM_MAPPING, CLAIM_PROPERTY

_USER_STORE = "PRIMARY"
_NAMED_OWN_CLAIMS = 20

FRESH = stage_table(
    "claim",
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("dialect", String(255), nullable=False),
    Column("claim", String(255), nullable=False),
    Column("attribute", String(255)),
    Column("local_claim", String(255)),
    keys=[("claim", "dialect")],
)
FRESH_PROPERTY = stage_table(
    "claim_property",
    Column("no", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    Column("value", String(255), nullable=False),
    keys=[("no",)],
)
MISSING = stage_table(
    "missing_claim", Column("no", Integer, nullable=False), Column("tenant_id", Integer, nullable=False)
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that adds the target's claims, if a release on the way changed the stock claims."""
    release = stock.claim_release(upgrade.target)
    if release is None or not upgrade.crosses(release):
        return []
    fresh = stock.claims(Release.parse(release))
    return [
        Step(
            f"{release}/identity/claims",
            "Add the claims that tenants lack",
            upgrade.home("identity"),
            Phase.MIGRATE,
            (
                Stage(FRESH, _claims(fresh), f"the claims of a new tenant of {release}"),
                Stage(FRESH_PROPERTY, _properties(fresh), "their properties"),
                findings("claim_difference", _differences(release), "claims that differ and stay as they are"),
                Stage(MISSING, _missing, "those that a tenant lacks"),
                Sql(_insert_dialects(), "dialects"),
                Sql(_insert_claims(), "claims"),
                Sql(_insert_attributes(), "attributes of local claims in the primary user store"),
                Sql(_insert_properties(), "properties"),
                Sql(_insert_mappings(), "mappings of external claims to local ones"),
            ),
            tables=(
                CLAIM_DIALECT.name,
                CLAIM.name,
                CLAIM_ATTRIBUTE.name,
                CLAIM_PROPERTY.name,
                CLAIM_MAPPING.name,
            ),
        )
    ]


def _claims(fresh: Sequence[stock.Claim]) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        for number, claim in enumerate(fresh):
            yield number, claim.dialect, claim.uri, claim.attribute, claim.local_claim

    return rows


def _properties(fresh: Sequence[stock.Claim]) -> Rows:
    def rows(work: Work) -> Iterator[Sequence[object]]:
        for number, claim in enumerate(fresh):
            for name, value in claim.properties.items():
                yield number, name, value

    return rows


def _missing(work: Work) -> Iterator[Sequence[object]]:
    known = exists(
        select(1)
        .select_from(CLAIM.join(CLAIM_DIALECT, _own_dialect()))
        .where(
            CLAIM_DIALECT.c.dialect_uri == FRESH.c.dialect,
            CLAIM.c.claim_uri == FRESH.c.claim,
            CLAIM.c.tenant_id == TENANT.c.tenant_id,
        )
    )
    query = (
        select(FRESH.c.no, TENANT.c.tenant_id)
        .select_from(FRESH)
        .join(TENANT, true())
        .where(~known.correlate(FRESH, TENANT))
        .order_by(TENANT.c.tenant_id, FRESH.c.no)
    )
    for row in work.own.stream(query):
        work.saw()
        yield row.no, row.tenant_id


def _own_dialect() -> Any:
    return and_(CLAIM.c.dialect_id == CLAIM_DIALECT.c.id, CLAIM.c.tenant_id == CLAIM_DIALECT.c.tenant_id)


def _insert_dialects() -> Any:
    lacks = ~exists(
        select(1).where(
            CLAIM_DIALECT.c.dialect_uri == FRESH.c.dialect, CLAIM_DIALECT.c.tenant_id == MISSING.c.tenant_id
        )
    ).correlate(FRESH, MISSING)
    rows = (
        select(FRESH.c.dialect, MISSING.c.tenant_id)
        .distinct()
        .where(FRESH.c.no == MISSING.c.no, lacks)
        .order_by(MISSING.c.tenant_id, FRESH.c.dialect)
    )
    return insert(CLAIM_DIALECT).from_select(["dialect_uri", "tenant_id"], rows)


def _insert_claims() -> Any:
    rows = (
        select(CLAIM_DIALECT.c.id, FRESH.c.claim, MISSING.c.tenant_id)
        .where(
            FRESH.c.no == MISSING.c.no,
            CLAIM_DIALECT.c.dialect_uri == FRESH.c.dialect,
            CLAIM_DIALECT.c.tenant_id == MISSING.c.tenant_id,
        )
        .order_by(MISSING.c.tenant_id, FRESH.c.no)
    )
    return insert(CLAIM).from_select(["dialect_id", "claim_uri", "tenant_id"], rows)


def _added(*columns: Any) -> Select[Any]:
    """Select from the claims that this step has just written."""
    return (
        select(*columns)
        .select_from(CLAIM.join(CLAIM_DIALECT, _own_dialect()))
        .join(FRESH, and_(FRESH.c.dialect == CLAIM_DIALECT.c.dialect_uri, FRESH.c.claim == CLAIM.c.claim_uri))
        .join(MISSING, and_(MISSING.c.no == FRESH.c.no, MISSING.c.tenant_id == CLAIM.c.tenant_id))
    )


def _insert_attributes() -> Any:
    rows = (
        _added(CLAIM.c.id, literal(_USER_STORE, String), FRESH.c.attribute, CLAIM.c.tenant_id)
        .where(FRESH.c.attribute.is_not(None))
        .order_by(MISSING.c.tenant_id, FRESH.c.no)
    )
    return insert(CLAIM_ATTRIBUTE).from_select(
        ["local_claim_id", "user_store_domain_name", "attribute_name", "tenant_id"], rows
    )


def _insert_properties() -> Any:
    rows = (
        _added(CLAIM.c.id, FRESH_PROPERTY.c.name, FRESH_PROPERTY.c.value, CLAIM.c.tenant_id)
        .join(FRESH_PROPERTY, FRESH_PROPERTY.c.no == FRESH.c.no)
        .order_by(MISSING.c.tenant_id, FRESH.c.no, FRESH_PROPERTY.c.name)
    )
    return insert(CLAIM_PROPERTY).from_select(["local_claim_id", "property_name", "property_value", "tenant_id"], rows)


def _insert_mappings() -> Any:
    local, dialect = CLAIM.alias("local_claim"), CLAIM_DIALECT.alias("local_dialect")
    rows = (
        _added(CLAIM.c.id, local.c.id, CLAIM.c.tenant_id)
        .join(local, and_(local.c.claim_uri == FRESH.c.local_claim, local.c.tenant_id == CLAIM.c.tenant_id))
        .join(dialect, and_(dialect.c.id == local.c.dialect_id, dialect.c.dialect_uri == stock.LOCAL_DIALECT))
        .order_by(MISSING.c.tenant_id, FRESH.c.no)
    )
    return insert(CLAIM_MAPPING).from_select(["ext_claim_id", "mapped_local_claim_id", "tenant_id"], rows)


def _differences(release: str) -> Callable[[Work], None]:
    def look(work: Work) -> None:
        session = work.own
        texts: dict[tuple[str, str], list[str]] = defaultdict(list)
        for query, wording in (
            (_other_attribute(), "attribute {fresh} ({here} here)"),
            (_other_mapping(), "mapping to {fresh} ({here} here)"),
            (_other_property(), "property {fresh}"),
        ):
            for row in session.all(query):
                here = wording.format(fresh=row.fresh, here=row.here or "none")
                texts[row.dialect, row.claim].append(f"{here} in {_tenants(row.tenants)}")
        for (dialect, claim), differences in sorted(texts.items()):
            work.noted(
                f"claim {claim}" if claim.startswith(dialect) else f"claim {dialect} {claim}",
                f"kept as it is; a new tenant of {release} has another {'; another '.join(differences)}",
                "Nothing is needed; change it in the management console if the new value is wanted.",
            )
        own = session.all(_own_claims())
        if own:
            named = ", ".join(f"{row.claim_uri} ({_tenants(row.tenants)})" for row in own[:_NAMED_OWN_CLAIMS])
            more = f" and {len(own) - _NAMED_OWN_CLAIMS} more" if len(own) > _NAMED_OWN_CLAIMS else ""
            work.noted("claims of the estate's own", f"kept; a new tenant of {release} has no {named}{more}")

    return look


def _tenants(count: int) -> str:
    return "1 tenant" if count == 1 else f"{count} tenants"


def _existing(*columns: Any) -> Select[Any]:
    return (
        select(FRESH.c.dialect, FRESH.c.claim, func.count(distinct(CLAIM.c.tenant_id)).label("tenants"), *columns)
        .select_from(CLAIM.join(CLAIM_DIALECT, _own_dialect()))
        .join(FRESH, and_(FRESH.c.dialect == CLAIM_DIALECT.c.dialect_uri, FRESH.c.claim == CLAIM.c.claim_uri))
    )


def _other_attribute() -> Select[Any]:
    attribute = CLAIM_ATTRIBUTE.c.attribute_name
    return (
        _existing(FRESH.c.attribute.label("fresh"), func.min(attribute).label("here"))
        .outerjoin(
            CLAIM_ATTRIBUTE,
            and_(
                CLAIM_ATTRIBUTE.c.local_claim_id == CLAIM.c.id,
                CLAIM_ATTRIBUTE.c.user_store_domain_name == _USER_STORE,
            ),
        )
        .where(FRESH.c.attribute.is_not(None), or_(attribute.is_(None), attribute != FRESH.c.attribute))
        .group_by(FRESH.c.dialect, FRESH.c.claim, FRESH.c.attribute)
    )


def _other_mapping() -> Select[Any]:
    local = CLAIM.alias("local_claim")
    return (
        _existing(FRESH.c.local_claim.label("fresh"), func.min(local.c.claim_uri).label("here"))
        .outerjoin(CLAIM_MAPPING, CLAIM_MAPPING.c.ext_claim_id == CLAIM.c.id)
        .outerjoin(local, local.c.id == CLAIM_MAPPING.c.mapped_local_claim_id)
        .where(
            FRESH.c.local_claim.is_not(None),
            or_(local.c.claim_uri.is_(None), local.c.claim_uri != FRESH.c.local_claim),
        )
        .group_by(FRESH.c.dialect, FRESH.c.claim, FRESH.c.local_claim)
    )


def _other_property() -> Select[Any]:
    value = CLAIM_PROPERTY.c.property_value
    return (
        _existing(FRESH_PROPERTY.c.name.label("fresh"), func.min(value).label("here"))
        .join(FRESH_PROPERTY, FRESH_PROPERTY.c.no == FRESH.c.no)
        .outerjoin(
            CLAIM_PROPERTY,
            and_(
                CLAIM_PROPERTY.c.local_claim_id == CLAIM.c.id,
                CLAIM_PROPERTY.c.property_name == FRESH_PROPERTY.c.name,
            ),
        )
        .where(
            FRESH_PROPERTY.c.name != stock.MAPPED_LOCAL_CLAIM,
            or_(value.is_(None), value != FRESH_PROPERTY.c.value),
        )
        .group_by(FRESH.c.dialect, FRESH.c.claim, FRESH_PROPERTY.c.name)
        .order_by(FRESH.c.dialect, FRESH.c.claim, FRESH_PROPERTY.c.name)
    )


def _own_claims() -> Select[Any]:
    return (
        select(CLAIM.c.claim_uri, func.count(distinct(CLAIM.c.tenant_id)).label("tenants"))
        .select_from(CLAIM.join(CLAIM_DIALECT, _own_dialect()))
        .where(
            ~exists(
                select(1).where(FRESH.c.dialect == CLAIM_DIALECT.c.dialect_uri, FRESH.c.claim == CLAIM.c.claim_uri)
            ).correlate(CLAIM, CLAIM_DIALECT)
        )
        .group_by(CLAIM_DIALECT.c.dialect_uri, CLAIM.c.claim_uri)
        .order_by(CLAIM_DIALECT.c.dialect_uri, CLAIM.c.claim_uri)
    )
