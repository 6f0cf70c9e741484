"""Settings of service providers and identity providers that newer releases read under another name or place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Column, Integer, String, and_, exists, func, insert, literal, or_, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.registry import C, join, linked_path, linked_property
from apim_upgrade.tables.identity import IDP_METADATA, INBOUND_AUTH, OIDC_PROPERTY, SERVICE_PROVIDER
from apim_upgrade.tables.registry import PATH, PROPERTY, RESOURCE_PROPERTY

_BINDING_TYPE, _BINDING_VALIDATION, _COOKIE = "tokenBindingType", "tokenBindingValidation", "cookie"
_LOCK_BEFORE = "account.lock.handler.enable"
_LOCK_SINCE = "account.lock.handler.lock.on.max.failed.attempts.enable"
_URLS_FOLDER, _URLS_NAME = join(join(C, "identity"), "config"), "relyingPartyRedirectUrls"
_URL = stage_table(
    "relying_party_url",
    Column("tenant_id", Integer, nullable=False),
    Column("relying_party", String(255), nullable=False),
    Column("url", String(1000), nullable=False),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps of the releases on the way, oldest first."""
    found = []
    if upgrade.crosses("4.0.0"):
        found.append(_token_binding(upgrade))
    if upgrade.crosses("4.2.0"):
        found += [_account_lock(upgrade), _access_urls(upgrade)]
    return found


def _token_binding(upgrade: Upgrade) -> Step:
    """Applications whose tokens are bound to a cookie were checked always; 4.0.0 asks a setting whether to check."""
    has = OIDC_PROPERTY.alias("has")
    bound = (
        select(OIDC_PROPERTY.c.tenant_id, OIDC_PROPERTY.c.consumer_key)
        .distinct()
        .where(
            OIDC_PROPERTY.c.property_key == _BINDING_TYPE,
            OIDC_PROPERTY.c.property_value == _COOKIE,
            ~exists(
                select(1).where(
                    has.c.consumer_key == OIDC_PROPERTY.c.consumer_key, has.c.property_key == _BINDING_VALIDATION
                )
            ).correlate(OIDC_PROPERTY),
        )
    )
    lacking = bound.subquery()
    rows = select(
        lacking.c.tenant_id, lacking.c.consumer_key, literal(_BINDING_VALIDATION, String), literal("true", String)
    ).order_by(lacking.c.tenant_id, lacking.c.consumer_key)
    return Step(
        "4.0.0/identity/token-binding",
        "Keep checking tokens that are bound to a cookie",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (
            Sql(
                insert(OIDC_PROPERTY).from_select(
                    ["tenant_id", "consumer_key", "property_key", "property_value"], rows
                ),
                "the setting, where an application lacks it",
            ),
        ),
        touches=select(func.count()).select_from(bound.subquery()),
        tables=(OIDC_PROPERTY.name,),
    )


def _account_lock(upgrade: Upgrade) -> Step:
    # MySQL lets no subquery read the table that an UPDATE writes, unless DISTINCT makes it put the answer aside.
    has = select(IDP_METADATA.c.idp_id).where(IDP_METADATA.c.name == _LOCK_SINCE).distinct().subquery("has")
    renamed = and_(
        IDP_METADATA.c.name == _LOCK_BEFORE,
        ~exists().where(has.c.idp_id == IDP_METADATA.c.idp_id),
    )
    return Step(
        "4.2.0/identity/account-lock",
        "Rename the setting that locks accounts after failed logins",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (Sql(update(IDP_METADATA).values(name=_LOCK_SINCE).where(renamed), "under the name that 4.2.0 reads"),),
        touches=select(func.count()).select_from(IDP_METADATA).where(renamed),
        tables=(IDP_METADATA.name,),
    )


def _access_urls(upgrade: Upgrade) -> Step:
    """Redirect URLs of relying parties lay in the registry; 4.2.0 reads the application's access URL."""

    def update_of(kind: str) -> Any:
        return (
            update(SERVICE_PROVIDER)
            .values(access_url=_URL.c.url)
            .where(
                blank(SERVICE_PROVIDER.c.access_url),
                SERVICE_PROVIDER.c.tenant_id == _URL.c.tenant_id,
                INBOUND_AUTH.c.app_id == SERVICE_PROVIDER.c.id,
                INBOUND_AUTH.c.inbound_auth_type == kind,
                INBOUND_AUTH.c.inbound_auth_key == _URL.c.relying_party,
            )
        )

    return Step(
        "4.2.0/identity/access-urls",
        "Move redirect URLs of relying parties to their applications",
        upgrade.home("identity"),
        Phase.MIGRATE,
        (
            Stage(
                _URL,
                partial(_urls, registry=upgrade.home("config")),
                "redirect URLs in the registry; they stay there, too",
            ),
            Sql(update_of("oauth2"), "applications by consumer key"),
            Sql(update_of("samlsso"), "applications by SAML issuer"),
        ),
        tables=("sp_app",),
    )


def _urls(work: Work, registry: str) -> Iterator[Sequence[object]]:
    as_file = and_(PATH.c.reg_path_value == _URLS_FOLDER, RESOURCE_PROPERTY.c.reg_resource_name == _URLS_NAME)
    as_folder = and_(
        PATH.c.reg_path_value == join(_URLS_FOLDER, _URLS_NAME), blank(RESOURCE_PROPERTY.c.reg_resource_name)
    )
    party, url = PROPERTY.c.reg_name, func.min(PROPERTY.c.reg_value)
    query = (
        select(PATH.c.reg_tenant_id, party, url)
        .select_from(PATH)
        .join(RESOURCE_PROPERTY, linked_path())
        .join(PROPERTY, linked_property())
        .where(or_(as_file, as_folder), ~blank(PROPERTY.c.reg_value))
        .group_by(PATH.c.reg_tenant_id, party)
        .order_by(PATH.c.reg_tenant_id, party)
    )
    for row in work.sessions[registry].stream(query):
        work.saw()
        yield tuple(row)
