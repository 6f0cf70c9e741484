"""
Blemishes that estates carry from release to release, mended or told before anything builds on them.

NULL tiers and schemes come first of all data steps: products and revisions find operations by equality, and the
start-up code that mended NULL tiers is gone in 4.4.0.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, and_, case, exists, func, literal, or_, select, update

from apim_upgrade.engine import Phase, Sql, Step, Work
from apim_upgrade.migrations.conventions import PRODUCT, RESIDENT_KEY_MANAGER, blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.oauth_clients import oauth_clients
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID, Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.tables.api import API, API_URL_MAPPING, APPLICATION, APPLICATION_KEY_MAPPING, KEY_MANAGER


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps that mend operations and tell what is odd about APIs and application keys."""
    return [_operations(), _apis(), _application_keys(upgrade)]


def _operations() -> Step:
    mapping = API_URL_MAPPING
    lacking = or_(blank(mapping.c.throttling_tier), blank(mapping.c.auth_scheme))
    tier = case((blank(mapping.c.throttling_tier), "Unlimited"), else_=mapping.c.throttling_tier)
    scheme = case((blank(mapping.c.auth_scheme), "Any"), else_=mapping.c.auth_scheme)
    return Step(
        "repairs/operations",
        "Give operations without tier or scheme the ones they are treated by",
        "am",
        Phase.MIGRATE,
        (Sql(update(mapping).values(throttling_tier=tier, auth_scheme=scheme).where(lacking)),),
        touches=select(func.count()).select_from(mapping).where(lacking),
        tables=(mapping.name,),
    )


def _apis() -> Step:
    return Step(
        "repairs/apis",
        "Look at contexts and names of APIs",
        "am",
        Phase.MIGRATE,
        (findings("odd_api", _odd_apis, "contexts and names that users may stumble over"),),
        touches=select(func.count()).select_from(API),
    )


def _odd_apis(work: Work) -> None:
    """Products are left out: their contexts have other forms in every release."""
    session = work.sessions["am"]
    work.saw(session.all(select(func.count()).select_from(ARTIFACT))[0][0])
    described = (
        select(TENANT.c.domain, ARTIFACT.c.provider, ARTIFACT.c.name, ARTIFACT.c.version, ARTIFACT.c.context)
        .join_from(ARTIFACT, TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
        .where(ARTIFACT.c.type != PRODUCT)
        .order_by(ARTIFACT.c.tenant_id, ARTIFACT.c.api_uuid)
    )
    rooted = ARTIFACT.c.context.like("/%")
    prefix = literal("/t/") + TENANT.c.domain + literal("/")
    in_tenant = func.substr(ARTIFACT.c.context, 1, func.length(prefix)) == prefix
    for row in session.stream(described.where(~rooted)):
        _note(work, row, f"Its context {row.context!r} does not begin with a slash")
    for row in session.stream(described.where(rooted, ARTIFACT.c.tenant_id != SUPER_TENANT_ID, ~in_tenant)):
        _note(work, row, f"Its context {row.context!r} does not begin with /t/{row.domain}/, as a tenant's should")
    other = ARTIFACT.alias("other")
    twin = exists().where(other.c.api_uuid != ARTIFACT.c.api_uuid, other.c.type != PRODUCT)
    for row in session.stream(described.where(twin.where(other.c.context == ARTIFACT.c.context))):
        _note(work, row, f"Another API has its context {row.context!r} too")
    same_name = and_(
        other.c.tenant_id == ARTIFACT.c.tenant_id,
        other.c.name == ARTIFACT.c.name,
        other.c.version == ARTIFACT.c.version,
        other.c.provider != ARTIFACT.c.provider,
    )
    for row in session.stream(described.where(twin.where(same_name))):
        _note(work, row, "Another provider of the tenant has an API of this name and version")


def _note(work: Work, row: Row[Any], reason: str) -> None:
    item = f"{row.domain}/{row.provider}/{row.name}/{row.version}"
    known = work.verdicts.get(item)
    work.noted(
        item,
        f"{known.reason} {reason}." if known else f"{reason}.",
        "It is carried over as it is; look at it in the publisher.",
    )


def _application_keys(upgrade: Upgrade) -> Step:
    keys = APPLICATION_KEY_MAPPING
    clients, staged = oauth_clients(upgrade)

    def look(work: Work) -> None:
        resident = exists().where(
            KEY_MANAGER.c.name == RESIDENT_KEY_MANAGER,
            or_(KEY_MANAGER.c.uuid == keys.c.key_manager, KEY_MANAGER.c.name == keys.c.key_manager),
        )
        stale = (
            select(APPLICATION.c.application_id, APPLICATION.c.name, keys.c.key_type)
            .join_from(keys, APPLICATION, APPLICATION.c.application_id == keys.c.application_id)
            .where(
                ~blank(keys.c.consumer_key),
                resident,
                ~exists().where(clients.c.consumer_key == keys.c.consumer_key),
            )
        )
        for row in work.sessions["am"].stream(stale.order_by(APPLICATION.c.application_id, keys.c.key_type)):
            work.noted(
                f"application {row.application_id} {row.key_type}",
                f"The {row.key_type} key of application {row.name!r} has no OAuth client; it gives no tokens.",
                "Remove the keys in the developer portal and generate new ones.",
            )

    return Step(
        "repairs/application-keys",
        "Look for application keys without OAuth client",
        "am",
        Phase.MIGRATE,
        (*staged, findings("stale_key", look, "keys of the resident key manager that nothing stands behind")),
        touches=select(func.count()).select_from(keys),
    )
