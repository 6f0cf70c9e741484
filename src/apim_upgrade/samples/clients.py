"""OAuth clients with their service providers and tokens: the IDN_OAUTH* and SP_* tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from apim_upgrade.samples import stock
from apim_upgrade.samples.estate import Estate, Tenant, key
from apim_upgrade.samples.tenants import hybrid_role

GRANTS = ("client_credentials", "password", "refresh_token")
_ENDED = ("EXPIRED", "INACTIVE", "REVOKED")
_PROPERTIES = (
    ("requestObjectSigned", "false"),
    ("idTokenEncrypted", "false"),
    ("idTokenEncryptionAlgorithm", "null"),
    ("idTokenEncryptionMethod", "null"),
    ("backChannelLogoutURL", None),
    ("frontchannelLogoutURL", None),
    ("tokenType", "JWT"),
    ("bypassClientCredentials", "false"),
    ("renewRefreshToken", None),
    ("tokenBindingType", None),
    ("tokenRevocationWithIDPSessionTermination", "false"),
    ("tokenBindingValidation", "false"),
)
_SCOPES_OF_REST_CLIENT = 12


@dataclass(frozen=True, slots=True)
class Client:
    """A client as others refer to it; ``number`` is its id in IDN_OAUTH_CONSUMER_APPS."""

    number: int
    title: str
    key: str
    secret: str
    callback: str


def add_client(estate: Estate, tenant: Tenant, user: str, title: str, *, rest: bool = False) -> Client:
    """Write a client; ``rest`` is one that calls API-M's own REST services for all tenants."""
    am, shape = estate.am, estate.shape
    number = am.number("idn_oauth_consumer_apps", "id")
    callbacks = [text for text in stock.words()["callbacks"] if text or not shape.revisions]
    client = Client(
        number,
        title,
        key(shape.seed, "consumer", number),
        key(shape.seed, "secret", number),
        callbacks[number % len(callbacks)],
    )
    am.add(
        "idn_oauth_consumer_apps",
        id=number,
        consumer_key=client.key,
        consumer_secret=client.secret,
        username=user,
        tenant_id=tenant.id,
        user_domain="PRIMARY",
        app_name=title,
        oauth_version="OAuth-2.0",
        callback_url=client.callback,
        grant_types=" ".join(GRANTS),
        pkce_mandatory="0",
        pkce_support_plain="0",
        app_state="ACTIVE",
        user_access_token_expire_time=3600,
        app_access_token_expire_time=3600,
        refresh_token_expire_time=86400,
        id_token_expire_time=3600,
    )
    for name, value in _PROPERTIES:
        am.add(
            "idn_oidc_property",
            id=am.number("idn_oidc_property", "id"),
            tenant_id=tenant.id,
            consumer_key=client.key,
            property_key=name,
            property_value="Default" if rest and name == "tokenType" else value,
        )
    _add_service_provider(estate, tenant, user, client, rest=rest)
    if shape.before("4.2.0"):
        hybrid_role(estate, tenant, f"Application/{title}", user)
    return client


def add_rest_client(estate: Estate, tenant: Tenant) -> None:
    """Write the client by which a pipeline calls API-M's REST services, with the token of its last call."""
    client = add_client(estate, tenant, "admin", "rest_api_pipeline", rest=True)
    scopes = tuple(scope["Name"] for scope in stock.rest_api_scopes(estate.shape.release)[:_SCOPES_OF_REST_CLIENT])
    add_token(estate, tenant, client, "admin", 0, scopes, grant="password")


def add_token(
    estate: Estate,
    tenant: Tenant,
    client: Client,
    user: str,
    index: int,
    scopes: tuple[str, ...],
    *,
    grant: str = "client_credentials",
) -> None:
    """Write the ``index``-th token of a client; the first is active, the others have ended."""
    am, shape, now = estate.am, estate.shape, estate.clock.now()
    token_id = shape.uuid("token", client.number, index)
    access, refresh = shape.uuid("access", client.number, index), shape.uuid("refresh", client.number, index)
    own = grant == "client_credentials"
    endless = index == 0 and client.number % 7 == 0
    subject = user if not own else None if shape.revisions else f"{user}@{tenant.domain}"
    am.add(
        "idn_oauth2_access_token",
        token_id=token_id,
        access_token=access,
        refresh_token=refresh,
        consumer_key_id=client.number,
        authz_user=user,
        tenant_id=tenant.id,
        user_domain="PRIMARY",
        user_type="APPLICATION" if own else "APPLICATION_USER",
        grant_type=grant,
        time_created=now,
        refresh_token_time_created=now,
        validity_period=2147483646000 if endless else 3600000,
        refresh_token_validity_period=86400000,
        token_scope_hash=hashlib.md5(" ".join(scopes).encode(), usedforsecurity=False).hexdigest(),
        token_state=_ENDED[index % 3] if index else "ACTIVE",
        token_state_id=shape.uuid("token state", client.number, index) if index else "NONE",
        subject_identifier=subject,
        access_token_hash=_hash(access),
        refresh_token_hash=_hash(refresh),
        idp_id=tenant.number,
        token_binding_ref="NONE",  # noqa: S106 - no binding
    )
    for scope in scopes:
        am.add("idn_oauth2_access_token_scope", token_id=token_id, token_scope=scope, tenant_id=tenant.id)
    if index == 2:
        am.add(
            "am_revoked_jwt",
            uuid=shape.uuid("revoked", client.number),
            signature=access,
            expiry_timestamp=1_709_290_000_000 + client.number,
            tenant_id=tenant.id,
            token_type="JWT",  # noqa: S106 - a kind of token
            time_created=now,
        )


def _add_service_provider(estate: Estate, tenant: Tenant, user: str, client: Client, *, rest: bool) -> None:
    am, shape, number = estate.am, estate.shape, estate.am.number("sp_app", "id")
    am.add(
        "sp_app",
        id=number,
        tenant_id=tenant.id,
        app_name=client.title,
        user_store="PRIMARY",
        username=user,
        description=f"Service Provider for application {client.title}",
        auth_type="default",
        is_local_claim_dialect="1",
        is_send_local_subject_id="0",
        is_send_auth_list_of_idps="0",
        is_use_tenant_domain_subject="0",
        is_use_user_domain_subject="0",
        enable_authorization="0",
        is_saas_app="1" if rest else "0",
        is_dumb_mode="0",
        uuid=shape.uuid("service provider", number),
        is_discoverable="0",
    )
    am.add(
        "sp_inbound_auth",
        id=am.number("sp_inbound_auth", "id"),
        tenant_id=tenant.id,
        inbound_auth_key=client.key,
        inbound_auth_type="oauth2",
        inbound_config_type="standardAPP",
        prop_name=None if shape.revisions else "oauthConsumerSecret",
        prop_value=None if shape.revisions else client.secret,
        app_id=number,
    )
    settings = [
        ("USE_DOMAIN_IN_ROLES", "true", "DOMAIN_IN_ROLES"),
        ("skipLogoutConsent", str(rest).lower(), "Skip Logout Consent"),
        ("skipConsent", str(rest).lower(), "Skip Consent"),
    ]
    if rest:
        settings += [("TokenType", "DEFAULT", ""), ("DisplayName", client.title, "")]
    for name, value, shown in settings:
        am.add(
            "sp_metadata",
            id=am.number("sp_metadata", "id"),
            sp_id=number,
            name=name,
            value=value,
            display_name=shown or None,
            tenant_id=tenant.id,
        )


def _hash(token: str) -> str:
    return f'{{"hash":"{hashlib.sha256(token.encode()).hexdigest()}","algorithm":"SHA-256"}}'
