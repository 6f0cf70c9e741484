"""Subscribers, their applications, subscriptions and keys: most of the rows of an estate."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.samples import stock
from apim_upgrade.samples.clients import GRANTS, Client, add_client, add_token
from apim_upgrade.samples.estate import Estate, Tenant, key
from apim_upgrade.samples.governance import Governance
from apim_upgrade.samples.model import Api
from apim_upgrade.samples.reviews import write_review

_TOKENS_PER_KEY = 10
_STATES = {11: "BLOCKED", 17: "PROD_ONLY_BLOCKED", 23: "ON_HOLD", 29: "REJECTED", 31: "TIER_UPDATE_PENDING"}
"""Every so many-th subscription is not simply UNBLOCKED."""
_DEFAULT = "DefaultApplication"
_SCOPES = ("am_application_scope", "default")


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
            self._application(tenant, found[-1], _DEFAULT, "This is the default application", "Unlimited")

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
        if api.subscribable and api.id % 3 == 0:
            write_review(self._estate, api, subscribers[0].number, subscribers[0].name)

    def _application(
        self, tenant: Tenant, subscriber: _Subscriber, name: str, description: str, tier: str
    ) -> _Application:
        am, now = self._estate.am, self._estate.clock.now()
        number = am.number("am_application", "application_id")
        uuid = self._estate.shape.uuid("application", number)
        group: str | None = "" if name == _DEFAULT or not self._estate.shape.revisions else None
        if number % 12 == 0:
            group = "partners"
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
        """Keys of the resident key manager."""
        shape, tenant, user = self._estate.shape, application.tenant, application.subscriber.name
        middle = application.uuid if shape.revisions else application.name.replace(" ", "")
        client = add_client(self._estate, tenant, user, f"{user}_{middle}_{kind}")
        resident = self._governance[tenant.id].resident
        info = _information(client, kind, user)
        self._mapping(application, kind, client.key, "CREATED", info, resident)
        self._registration(application, kind, client.callback, user, resident)
        for index in range(tokens):
            add_token(self._estate, tenant, client, user, index, _SCOPES[1 if index else 0 :])

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
            "grant_types": ",".join(GRANTS),
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

    def _foreign_key(self, application: _Application) -> None:
        """Keys of a third-party key manager: known to API-M, not to its own OAuth server."""
        number = application.number
        client = Client(0, application.name, key(self._estate.shape.seed, "foreign", number), "", "")
        info = _information(client, "PRODUCTION", application.subscriber.name)
        manager = self._governance[application.tenant.id].third_party
        self._mapping(application, "PRODUCTION", client.key, "MAPPED", info, manager)


def _shares(total: int, parts: int) -> list[int]:
    """Split ``total`` into ``parts`` as evenly as whole numbers allow."""
    return [total // parts + (index < total % parts) for index in range(parts)] if parts else []


def _information(client: Client, kind: str, user: str) -> bytes:
    """AM_APPLICATION_KEY_MAPPING.APP_INFO; it holds the client's secret in clear, as in the product."""
    document = {
        "clientId": client.key,
        "clientName": client.title,
        "callBackURL": client.callback,
        "clientSecret": client.secret,
        "parameters": {
            "tokenScope": ["am_application_scope default"],
            "validityPeriod": "3600",
            "callback_url": client.callback,
            "grant_types": " ".join(GRANTS),
            "key_type": kind,
            "redirect_uris": client.callback,
            "client_name": client.title,
            "username": user,
        },
        "isSaasApplication": False,
        "appAttributes": {},
        "tokenType": "JWT",
    }
    return json.dumps(document, separators=(",", ":")).encode()
