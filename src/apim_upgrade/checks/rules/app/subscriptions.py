"""APP030–APP039: tiers of applications, subscriptions and APIs, subscriptions across tenants, deny conditions."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Integer, String, TableClause, column, func, or_, select, table

from apim_upgrade.checks.definitions.stored import STREAMING
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.app.queries import applications
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import API, API_URL_MAPPING, APPLICATION, BLOCK_CONDITION, SUBSCRIBER, SUBSCRIPTION

_BUILT_IN = frozenset({"Unlimited", "Unauthenticated", "DefaultSubscriptionless", "AsyncDefaultSubscriptionless"})
"""Plans that servers know without a row."""
_ASYNC = frozenset({"AsyncGold", "AsyncSilver", "AsyncBronze", "AsyncUnlimited"})


def _policies(name: str) -> TableClause:
    return table(name, column("name", String), column("tenant_id", Integer))


_PLANS, _APPLICATION_TIERS, _API_TIERS = (
    _policies(name) for name in ("am_policy_subscription", "am_policy_application", "am_api_throttle_policy")
)


@rule(
    "APP030",
    Severity.MAJOR,
    title="application or subscription without a tier",
    sources=("wso2/product-apim#11507",),
)
def without_tier(subject: Subject) -> Iterator[Finding]:
    """
    What: APPLICATION_TIER of an application, or TIER_ID of a subscription, is empty.

    Why: Gateways cannot throttle calls of it, and pages of the portals that list it fail.

    How found: The two columns are NULL or the empty text; counted by tenant of the subscriber.

    How to mend: Edit the application, or subscribe anew, in the developer portal of the old release, or set the column
    to a tier that the tenant has.
    """
    subject.saw_rows("applications", "am", "am_application")
    subject.saw_rows("subscriptions", "am", "am_subscription")
    for row in subject.am.stream(applications().where(blank(APPLICATION.c.application_tier))):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Application {row.name} of tenant {domain} has no tier.",
            place=Row("am", "AM_APPLICATION", "APPLICATION_TIER", f"APPLICATION_ID={row.application_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}",
        )
    query = (
        applications(SUBSCRIPTION.c.subscription_id, SUBSCRIPTION.c.api_id)
        .join(SUBSCRIPTION, SUBSCRIPTION.c.application_id == APPLICATION.c.application_id)
        .where(blank(SUBSCRIPTION.c.tier_id))
        .order_by(SUBSCRIPTION.c.subscription_id)
    )
    for row in subject.am.stream(query):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"The subscription of application {row.name} of tenant {domain} to {subject.api(row.api_id)} has no tier.",
            place=Row("am", "AM_SUBSCRIPTION", "TIER_ID", f"SUBSCRIPTION_ID={row.subscription_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}/{row.api_id}",
        )


@rule(
    "APP031",
    Severity.MAJOR,
    title="tier that does not exist",
    problems=("thr-missing-tier",),
    sources=("wso2/api-manager#4599", "wso2/product-apim#11507", "wso2/product-apim#11527"),
)
def missing_tiers(subject: Subject) -> Iterator[Finding]:
    """
    What: Applications, subscriptions, APIs or operations name a throttling policy that their tenant does not have.

    Why: Old releases let a policy be deleted while it was in use. Lists of the portals then fail, APIs cannot be saved
    ("Invalid x-throttling tier"), and calls are not throttled as meant.

    How found: APPLICATION_TIER is looked up in AM_POLICY_APPLICATION; TIER_ID of subscriptions in
    AM_POLICY_SUBSCRIPTION of the API's or the subscriber's tenant; API_TIER and THROTTLING_TIER in
    AM_API_THROTTLE_POLICY; the plans that an artifact offers in AM_POLICY_SUBSCRIPTION. Plans that servers know by
    themselves, such as Unlimited, need no row. Case counts. A policy that only an artifact offers gives a minor
    finding: nobody has subscribed to it.

    How to mend: Make the policy again in the admin portal of the old release, with the limits that were meant, or
    change what names it to another one.
    """
    subject.saw_rows("applications", "am", "am_application")
    subject.saw_rows("subscriptions", "am", "am_subscription")
    subject.saw("APIs", len(subject.apis))
    plans, application_tiers, api_tiers = (
        _by_tenant(subject, policies) for policies in (_PLANS, _APPLICATION_TIERS, _API_TIERS)
    )
    yield from _missing(_application_tiers(subject), application_tiers, _APPLICATION_TIERS)
    yield from _missing(_subscribed_plans(subject, plans), {}, _PLANS)
    yield from _missing(_tiers_of_apis(subject), api_tiers, _API_TIERS)
    yield from _missing(_offered_plans(subject), plans, _PLANS, Severity.MINOR)


_Use: TypeAlias = "tuple[str, str, str, str, str, int]"
"""Tenant, tier, what names it, table and column of that, an example, how often."""


def _missing(
    uses: Iterator[_Use],
    known: Mapping[str, frozenset[str]],
    policies: TableClause,
    severity: Severity | None = None,
) -> Iterator[Finding]:
    """One finding for each (tenant, tier, place) that ``known`` lacks."""
    totals: Counter[tuple[str, str, str, str]] = Counter()
    examples: dict[tuple[str, str, str, str], str] = {}
    for domain, tier, kind, place, example, number in uses:
        if tier not in known.get(domain, frozenset()):
            key = domain, tier, kind, place
            totals[key] += number
            examples.setdefault(key, example)
    for key, number in sorted(totals.items()):
        domain, tier, kind, place = key
        name, _, column_name = place.partition(".")
        yield Finding(
            f"{plural(number, kind)} of tenant {domain} {'names' if number == 1 else 'name'} the tier {tier}, which "
            f"{policies.name.upper()} does not have, such as {examples[key]}.",
            place=Row("am" if name.startswith("AM_") else "shared", name, column_name, f"{column_name}={tier}"),
            tenant=domain,
            item=f"{domain}/{tier}/{kind}",
            severity=severity,
        )


def _by_tenant(subject: Subject, policies: TableClause) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = defaultdict(lambda: set(_BUILT_IN))
    for domain in subject.domains.values():
        names[domain]
    for row in subject.am.stream(select(policies.c.name, policies.c.tenant_id)):
        names[subject.domain(row.tenant_id)].add(row.name)
    return {domain: frozenset(found) for domain, found in names.items()}


def _application_tiers(subject: Subject) -> Iterator[_Use]:
    tier = APPLICATION.c.application_tier
    query = (
        select(SUBSCRIBER.c.tenant_id, tier, func.count().label("many"), func.min(APPLICATION.c.name).label("one"))
        .select_from(APPLICATION)
        .join(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
        .where(~blank(tier))
        .group_by(SUBSCRIBER.c.tenant_id, tier)
    )
    for row in subject.am.stream(query):
        domain = subject.domain(row.tenant_id)
        example = f"application {row.one}"
        yield domain, row.application_tier, "application", "AM_APPLICATION.APPLICATION_TIER", example, row.many


def _subscribed_plans(subject: Subject, plans: Mapping[str, frozenset[str]]) -> Iterator[_Use]:
    """Only those that neither the API's nor the subscriber's tenant has; named after the API's."""
    for row in subject.am.stream(_subscriptions(SUBSCRIPTION.c.tier_id).where(~blank(SUBSCRIPTION.c.tier_id))):
        api, subscriber = subject.api(row.api_id), subject.domain(row.tenant_id)
        domain = api.tenant if api else subscriber
        if row.tier_id not in plans.get(domain, frozenset()) | plans.get(subscriber, frozenset()):
            example = f"application {row.one} to {api}"
            yield domain, row.tier_id, "subscription", "AM_SUBSCRIPTION.TIER_ID", example, row.many


def _subscriptions(*keys: ColumnElement[Any]) -> Any:
    """Subscriptions by API and the subscriber's tenant: how ``many``, and the name of ``one`` application."""
    by = (SUBSCRIPTION.c.api_id, SUBSCRIBER.c.tenant_id, *keys)
    return (
        select(*by, func.count().label("many"), func.min(APPLICATION.c.name).label("one"))
        .select_from(SUBSCRIPTION)
        .join(APPLICATION, APPLICATION.c.application_id == SUBSCRIPTION.c.application_id)
        .join(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
        .group_by(*by)
        .order_by(*by)
    )


def _tiers_of_apis(subject: Subject) -> Iterator[_Use]:
    for row in subject.am.stream(select(API.c.api_id, API.c.api_tier).where(~blank(API.c.api_tier))):
        api = subject.api(row.api_id)
        yield _tenant(api), row.api_tier, "API", "AM_API.API_TIER", str(api), 1
    tier = API_URL_MAPPING.c.throttling_tier
    by = (API_URL_MAPPING.c.api_id, tier)
    query = select(*by, func.count().label("many")).where(~blank(tier), tier.not_in(_BUILT_IN)).group_by(*by)
    for row in subject.am.stream(query):
        api = subject.api(row.api_id)
        place = "AM_API_URL_MAPPING.THROTTLING_TIER"
        yield _tenant(api), row.throttling_tier, "operation", place, f"one of {api}", row.many


def _offered_plans(subject: Subject) -> Iterator[_Use]:
    for artifact in subject.artifacts:
        for tier in artifact.tiers:
            yield artifact.api.tenant, tier, "artifact", "REG_CONTENT.REG_CONTENT_DATA", str(artifact.api), 1


def _tenant(api: Api | None) -> str:
    return api.tenant if api else ""


@rule(
    "APP032",
    Severity.MAJOR,
    title="subscription to an API of another tenant",
    problems=("app-cross-tenant-subs",),
    sources=("wso2/api-manager#614", "wso2/api-manager#2269", "wso2/api-manager#5198"),
)
def across_tenants(subject: Subject) -> Iterator[Finding]:
    """
    What: An application of one tenant subscribes to an API of another one.

    Why: From 4.0.0 on keys are made in the tenant of the application and are not known to the API's tenant: calls may
    be refused (900908), and the portal shows no keys. New keys or a global key manager are needed. 4.6.0 lists such
    subscriptions in another way.

    How found: Subscriptions whose subscriber is of another tenant than the API, one finding for each API and
    subscribing tenant. Major where the upgrade passes into 4.0.0, else minor.

    How to mend: Agree with the subscribers on new keys after the upgrade, or plan a global key manager. The upgrade
    keeps the subscriptions as they are, and finds the key manager by the tenant in which the OAuth client lies.
    """
    subject.saw_rows("subscriptions", "am", "am_subscription")
    severity = None if subject.crosses("4.0.0") else Severity.MINOR
    for row in subject.am.stream(_subscriptions()):
        api, domain = subject.api(row.api_id), subject.domain(row.tenant_id)
        if api and api.tenant != domain:
            yield Finding(
                f"{plural(row.many, 'application')} of tenant {domain} subscribe{'s' if row.many == 1 else ''} to "
                f"{api}, such as {row.one}.",
                place=Row("am", "AM_SUBSCRIPTION", "API_ID", f"API_ID={row.api_id}"),
                api=api,
                tenant=domain,
                item=f"{domain} to {api.item}",
                severity=severity,
            )


_READS_OLD_FORM = Release(4, 4, 0)


@rule(
    "APP033",
    Severity.MAJOR,
    title="deny policy in the old form",
    target_since="4.2.0",
    problems=("thr-ip-deny-format",),
    sources=("wso2/api-manager#2894", "wso2/carbon-apimgt commit 8690ea336dd"),
)
def old_deny_conditions(subject: Subject) -> Iterator[Finding]:
    """
    What: A deny policy on an IP address has its address as plain text, such as carbon.super:1.2.3.4, not as JSON.

    Why: Gateways ask for all deny policies at once. One in the old form makes the answer fail with 500
    (JsonSyntaxException), and then no deny policy at all is in force: what was blocked is open.

    How found: Rows of AM_BLOCK_CONDITIONS of type IP or IPRANGE whose value is no JSON object. Targets from 4.4.0 on
    read the old form; for them it is a minor finding.

    How to mend: Delete the policy in the admin portal of the old release and make it anew, or set its value to
    {"fixedIp":"1.2.3.4","invert":false}.
    """
    subject.saw_rows("policies", "am", "am_block_conditions")
    value = BLOCK_CONDITION.c.block_condition
    if not subject.has("am", "am_block_conditions", "block_condition"):
        value = BLOCK_CONDITION.c.value
    query = (
        select(BLOCK_CONDITION.c.condition_id, BLOCK_CONDITION.c.type, BLOCK_CONDITION.c.domain, value.label("text"))
        .where(or_(BLOCK_CONDITION.c.type == "IP", BLOCK_CONDITION.c.type == "IPRANGE"))
        .order_by(BLOCK_CONDITION.c.condition_id)
    )
    severity = Severity.MINOR if subject.target >= _READS_OLD_FORM else None
    for row in subject.am.stream(query):
        if not _is_object(row.text):
            yield Finding(
                f"Deny policy {row.condition_id} of tenant {row.domain} has {row.text!r} in the old form.",
                place=Row("am", "AM_BLOCK_CONDITIONS", value.name.upper(), f"CONDITION_ID={row.condition_id}"),
                tenant=row.domain or "",
                item=f"{row.domain}/{row.condition_id}",
                severity=severity,
            )


def _is_object(text: str | None) -> bool:
    try:
        return isinstance(json.loads(text or ""), dict)
    except (ValueError, RecursionError):
        return False


@rule(
    "APP034",
    Severity.INFO,
    title="tenant without plans for streaming APIs",
    repair=Repair.AUTOMATIC,
    problems=("ws-async-policies-missing",),
    sources=("wso2/api-manager#586", "wso2/api-manager#597"),
)
def async_plans(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant with streaming APIs has none of the plans that are made for them (AsyncGold and so on).

    Why: Streaming APIs of 4.0.0 and later may only be published with such plans.

    How found: AM_POLICY_SUBSCRIPTION of tenants that have an API of type WS, WEBSUB, SSE, ASYNC or WEBHOOK.

    How to mend: Nothing has to be done; the target's server makes them when it loads the tenant. Look for them in the
    admin portal before you publish a streaming API.
    """
    subject.saw("tenants", len(subject.tenants))
    query = select(_PLANS.c.tenant_id).where(_PLANS.c.name.in_(_ASYNC)).distinct()
    having = {subject.domain(row.tenant_id) for row in subject.am.stream(query)}
    streaming = Counter(api.tenant for api in subject.apis if api.type in STREAMING)
    for domain, number in sorted(streaming.items()):
        if domain not in having:
            yield Finding(
                f"Tenant {domain} has {plural(number, 'streaming API')} and no plan that is made for them.",
                place=Row("am", "AM_POLICY_SUBSCRIPTION", "NAME"),
                tenant=domain,
            )
