"""Subscribers, applications, subscriptions, keys and tokens: most of the rows of an estate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.samples import stock
from apim_upgrade.samples.estate import Estate, Tenant, key
from apim_upgrade.samples.governance import Governance
from apim_upgrade.samples.model import Api
from apim_upgrade.samples.tenants import hybrid_role

_TOKENS_PER_KEY = 10
_GRANTS = ("client_credentials", "password", "refresh_token")
_STATES = {11: "BLOCKED", 17: "PROD_ONLY_BLOCKED", 23: "ON_HOLD", 29: "REJECTED", 31: "TIER_UPDATE_PENDING"}
"""Every so many-th subscription is not simply UNBLOCKED."""
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


@dataclass(frozen=True, slots=True)
class _Subscriber:
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class _Application:
    number: int
    uuid: str
    name: str
    subscriber: _Subscriber
    tenant: Tenant


class Applications:
    """Writes the applications that use APIs, with all they hold."""

    def __init__(self, estate: Estate, governance: Mapping[int, Governance]) -> None:
        self._estate = estate
        self._governance = governance
        self._subscribers: dict[int, list[_Subscriber]] = {}
        self._last: dict[int, Api] = {}
        self._providers = {tenant.id: number for number, tenant in enumerate(estate.tenants, 1)}
        """IDP.ID of the resident identity provider, which is written once per tenant, in this order."""

    def write_subscribers(self, tenant: Tenant) -> None:
        """Write a tenant's subscribers with their default applications."""
        am, clock = self._estate.am, self._estate.clock
        found = self._subscribers[tenant.id] = []
        for name in tenant.subscribers:
            number, now = am.number("am_subscriber", "subscriber_id"), clock.now()
            am.add(
                "am_subscriber",
                subscriber_id=number,
                user_id=tenant.user(name),
                tenant_id=tenant.id,
                email_address="",
                date_subscribed=now,
                created_by=tenant.user(name),
                created_time=now,
                updated_by=None,
                updated_time=now,
            )
            found.append(_Subscriber(number, name))
            self._application(tenant, found[-1], "DefaultApplication", "This is the default application", "Unlimited")

    def write(self, api: Api) -> None:
        """Write the applications that use an API (or, where it takes no subscribers, the tenant's one before it)."""
        shape, tenant = self._estate.shape, api.tenant
        before = self._last.get(tenant.id)
        if api.subscribable:
            self._last[tenant.id] = api
        used = api if api.subscribable else before
        words, subscribers = stock.words()["applications"], self._subscribers[tenant.id]
        keyed = min(shape.applications_per_api, max(2, -(-shape.tokens_per_api // _TOKENS_PER_KEY)))
        shares = _shares(shape.tokens_per_api, keyed)
        for index in range(shape.applications_per_api):
            subscriber = subscribers[(api.id * 7 + index) % len(subscribers)]
            name = f"{words[index % len(words)]} {api.id}-{index}"
            tier = ("Unlimited", "50PerMin", "5PerMin")[index % 3]
            application = self._application(tenant, subscriber, name, "" if index % 2 else "Made to use APIs", tier)
            if used is not None:
                self._subscribe(application, used)
                if index % 5 == 0 and before is not None and before is not used:
                    self._subscribe(application, before)
            if index < keyed:
                self._key(application, "PRODUCTION", shares[index])
                if index % 5 == 1:
                    self._key(application, "SANDBOX", 0)
            elif index == keyed and api.id % 3 == 0:
                self._foreign_key(application)
        self._review(api)

    def _application(
        self, tenant: Tenant, subscriber: _Subscriber, name: str, description: str, tier: str
    ) -> _Application:
        am, now = self._estate.am, self._estate.clock.now()
        number = am.number("am_application", "application_id")
        uuid = self._estate.shape.uuid("application", number)
        group = "partners" if number % 12 == 0 else ""
        user = tenant.user(subscriber.name)
        am.add(
            "am_application",
            application_id=number,
            name=name,
            subscriber_id=subscriber.number,
            application_tier=tier,
            callback_url=None,
            description=description,
            application_status="APPROVED",
            group_id=group,
            created_by=user,
            created_time=now,
            updated_by=None,
            updated_time=now,
            uuid=uuid,
            token_type="JWT",  # noqa: S106 - a kind of token
            organization=tenant.domain,
        )
        if group:
            am.add("am_application_group_mapping", application_id=number, group_id=group, tenant=tenant.domain)
        if number % 10 == 0:
            am.add(
                "am_application_attributes",
                application_id=number,
                name="department",
                value="sales",
                app_attribute="sales",
                tenant_id=tenant.id,
            )
        return _Application(number, uuid, name, subscriber, tenant)

    def _subscribe(self, application: _Application, api: Api) -> None:
        am, shape, now = self._estate.am, self._estate.shape, self._estate.clock.now()
        number = am.number("am_subscription", "subscription_id")
        tier = api.tiers[number % len(api.tiers)]
        state = next((state for every, state in _STATES.items() if number % every == 0), "UNBLOCKED")
        user = application.tenant.user(application.subscriber.name)
        am.add(
            "am_subscription",
            subscription_id=number,
            tier_id=tier,
            tier_id_pending=api.tiers[0] if state == "TIER_UPDATE_PENDING" else tier,
            api_id=api.id,
            last_accessed=None,
            application_id=application.number,
            sub_status=state,
            subs_create_state="SUBSCRIBE",
            created_by=user,
            created_time=now,
            updated_by=None,
            updated_time=now,
            uuid=shape.uuid("subscription", number),
        )
        if state in ("BLOCKED", "PROD_ONLY_BLOCKED") and shape.before("4.2.0"):
            value = f"{api.context}:{api.version}:{user}-{application.name}:PRODUCTION"
            am.add(
                "am_block_conditions",
                condition_id=am.number("am_block_conditions", "condition_id"),
                type="SUBSCRIPTION",
                value=value,
                block_condition=value,
                enabled="true",
                domain=application.tenant.domain,
                uuid=shape.uuid("block condition", number),
            )

    def _key(self, application: _Application, kind: str, tokens: int) -> None:
        """Keys of the resident key manager: OAuth client, service provider and tokens."""
        am, shape, tenant = self._estate.am, self._estate.shape, application.tenant
        user = application.subscriber.name
        number = am.number("idn_oauth_consumer_apps", "id")
        consumer, hidden = key(shape.seed, "consumer", number), key(shape.seed, "secret", number)
        middle = application.uuid if shape.revisions else application.name.replace(" ", "")
        title = f"{user}_{middle}_{kind}"
        words = stock.words()["callbacks"]
        callback = words[number % len(words)]
        resident = self._governance[tenant.id].resident
        am.add(
            "idn_oauth_consumer_apps",
            id=number,
            consumer_key=consumer,
            consumer_secret=hidden,
            username=user,
            tenant_id=tenant.id,
            user_domain="PRIMARY",
            app_name=title,
            oauth_version="OAuth-2.0",
            callback_url=callback,
            grant_types=" ".join(_GRANTS),
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
                consumer_key=consumer,
                property_key=name,
                property_value=value,
            )
        self._provider(application, number, title, consumer, hidden)
        info = _information(consumer, hidden, title, callback, kind, user)
        self._mapping(application, kind, consumer, "CREATED", info, resident)
        self._registration(application, kind, callback, user, resident)
        for index in range(tokens):
            self._token(number, tenant, user, index)

    def _mapping(
        self, application: _Application, kind: str, consumer: str, mode: str, info: bytes, manager: str
    ) -> None:
        self._estate.am.add(
            "am_application_key_mapping",
            uuid=self._estate.shape.uuid("key mapping", application.number, kind),
            application_id=application.number,
            consumer_key=consumer,
            key_type=kind,
            state="COMPLETED",
            create_mode=mode,
            app_info=info,
            key_manager=manager,
        )

    def _registration(self, application: _Application, kind: str, callback: str, user: str, manager: str) -> None:
        am, number = self._estate.am, self._estate.am.number("am_application_registration", "reg_id")
        inputs = {
            "tokenScope": "am_application_scope default",
            "validityPeriod": "2147483646" if number % 7 == 0 else "3600",
            "callback_url": callback,
            "grant_types": ",".join(_GRANTS),
            "key_type": kind,
            "additionalProperties": '{"application_access_token_expiry_time":"N\\/A"}',
            "username": user,
        }
        text = json.dumps(inputs, separators=(",", ":"))
        am.add(
            "am_application_registration",
            reg_id=number,
            subscriber_id=application.subscriber.number,
            wf_ref=self._estate.shape.uuid("registration", number),
            app_id=application.number,
            token_type=kind,
            token_scope="am_application_scope default",  # noqa: S106 - a scope
            inputs=text if self._estate.shape.before("4.6.0") else text.encode(),
            allowed_domains="ALL",
            validity_period=0,
            key_manager=manager,
        )

    def _provider(self, application: _Application, number: int, title: str, consumer: str, hidden: str) -> None:
        am, shape, tenant = self._estate.am, self._estate.shape, application.tenant
        am.add(
            "sp_app",
            id=number,
            tenant_id=tenant.id,
            app_name=title,
            user_store="PRIMARY",
            username=application.subscriber.name,
            description=f"Service Provider for application {title}",
            auth_type="default",
            is_local_claim_dialect="1",
            is_send_local_subject_id="0",
            is_send_auth_list_of_idps="0",
            is_use_tenant_domain_subject="0",
            is_use_user_domain_subject="0",
            enable_authorization="0",
            is_saas_app="0",
            is_dumb_mode="0",
            uuid=shape.uuid("service provider", number),
            is_discoverable="0",
        )
        am.number("sp_app", "id")
        am.add(
            "sp_inbound_auth",
            id=number,
            tenant_id=tenant.id,
            inbound_auth_key=consumer,
            inbound_auth_type="oauth2",
            inbound_config_type="standardAPP",
            prop_name=None if shape.revisions else "oauthConsumerSecret",
            prop_value=None if shape.revisions else hidden,
            app_id=number,
        )
        am.number("sp_inbound_auth", "id")
        for name, value, shown in (
            ("USE_DOMAIN_IN_ROLES", "true", "DOMAIN_IN_ROLES"),
            ("skipLogoutConsent", "false", "Skip Logout Consent"),
            ("skipConsent", "false", "Skip Consent"),
        ):
            am.add(
                "sp_metadata",
                id=am.number("sp_metadata", "id"),
                sp_id=number,
                name=name,
                value=value,
                display_name=shown,
                tenant_id=tenant.id,
            )
        if shape.before("4.2.0"):
            hybrid_role(self._estate, tenant, f"Application/{title}", application.subscriber.name)

    def _foreign_key(self, application: _Application) -> None:
        """Keys of a third-party key manager: known to API-M, not to its own OAuth server."""
        number = application.number
        consumer = key(self._estate.shape.seed, "foreign", number)
        info = _information(consumer, "", application.name, "", "PRODUCTION", application.subscriber.name)
        manager = self._governance[application.tenant.id].third_party
        self._mapping(application, "PRODUCTION", consumer, "MAPPED", info, manager)

    def _token(self, client: int, tenant: Tenant, user: str, index: int) -> None:
        am, shape, now = self._estate.am, self._estate.shape, self._estate.clock.now()
        token_id = shape.uuid("token", client, index)
        access, refresh = shape.uuid("access", client, index), shape.uuid("refresh", client, index)
        scopes = ("am_application_scope", "default") if index == 0 else ("default",)
        endless = index == 0 and client % 7 == 0
        am.add(
            "idn_oauth2_access_token",
            token_id=token_id,
            access_token=access,
            refresh_token=refresh,
            consumer_key_id=client,
            authz_user=user,
            tenant_id=tenant.id,
            user_domain="PRIMARY",
            user_type="APPLICATION",
            grant_type="client_credentials",
            time_created=now,
            refresh_token_time_created=now,
            validity_period=2147483646000 if endless else 3600000,
            refresh_token_validity_period=86400000,
            token_scope_hash=hashlib.md5(" ".join(scopes).encode(), usedforsecurity=False).hexdigest(),
            token_state=_ENDED[index % 3] if index else "ACTIVE",
            token_state_id=shape.uuid("token state", client, index) if index else "NONE",
            subject_identifier=None if shape.revisions else f"{user}@{tenant.domain}",
            access_token_hash=_hash(access),
            refresh_token_hash=_hash(refresh),
            idp_id=self._providers[tenant.id],
            token_binding_ref="NONE",  # noqa: S106 - no binding
        )
        for scope in scopes:
            am.add("idn_oauth2_access_token_scope", token_id=token_id, token_scope=scope, tenant_id=tenant.id)
        if index == 3:
            am.add(
                "am_revoked_jwt",
                uuid=shape.uuid("revoked", client),
                signature=shape.uuid("signature", client),
                expiry_timestamp=1_709_290_000_000 + client,
                tenant_id=tenant.id,
                token_type="JWT",  # noqa: S106 - a kind of token
                time_created=now,
            )

    def _review(self, api: Api) -> None:
        if not api.subscribable or api.id % 3:
            return
        am, shape, tenant = self._estate.am, self._estate.shape, api.tenant
        subscriber = self._subscribers[tenant.id][0]
        user = tenant.user(subscriber.name)
        am.add(
            "am_api_ratings",
            rating_id=shape.uuid("rating", api.id),
            api_id=api.id,
            rating=1 + api.id % 5,
            subscriber_id=subscriber.number,
        )
        first = shape.uuid("comment", api.id)
        for reply, (uuid, text, parent) in enumerate(
            ((first, "Works well ❤", None), (shape.uuid("reply", api.id), "Thanks", first))
        ):
            now = self._estate.clock.now()
            am.add(
                "am_api_comments",
                comment_id=uuid,
                comment_text=text,
                commented_user=user,
                date_commented=now,
                created_by=user,
                created_time=now,
                updated_time=None,
                api_id=api.id,
                parent_comment_id=parent,
                entry_point="DEVPORTAL",
                category=None if reply else "general",
            )


def _shares(total: int, parts: int) -> list[int]:
    """Split ``total`` into ``parts`` as evenly as whole numbers allow."""
    return [total // parts + (index < total % parts) for index in range(parts)] if parts else []


def _hash(token: str) -> str:
    return f'{{"hash":"{hashlib.sha256(token.encode()).hexdigest()}","algorithm":"SHA-256"}}'


def _information(consumer: str, hidden: str, title: str, callback: str, kind: str, user: str) -> bytes:
    """AM_APPLICATION_KEY_MAPPING.APP_INFO; it holds the client's secret in clear, as in the product."""
    document = {
        "clientId": consumer,
        "clientName": title,
        "callBackURL": callback,
        "clientSecret": hidden,
        "parameters": {
            "tokenScope": ["am_application_scope default"],
            "validityPeriod": "3600",
            "callback_url": callback,
            "grant_types": " ".join(_GRANTS),
            "key_type": kind,
            "redirect_uris": callback,
            "client_name": title,
            "username": user,
        },
        "isSaasApplication": False,
        "appAttributes": {},
        "tokenType": "JWT",
    }
    return json.dumps(document, separators=(",", ":")).encode()
