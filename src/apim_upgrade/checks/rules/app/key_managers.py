"""APP010–APP019: key managers besides the resident one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from apim_upgrade.checks.home import Home
from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.app.queries import owner_of_key_managers
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import RESIDENT_KEY_MANAGER
from apim_upgrade.tables.api import APPLICATION, APPLICATION_KEY_MAPPING, KEY_MANAGER, SUBSCRIBER
from apim_upgrade.tables.identity import CONSUMER_APP

_DEFAULT = "default"
_IS_7 = "WSO2-IS-7"


@rule(
    "APP010",
    Severity.INFO,
    title="key manager of a third party, whose connector has to fit the target",
    problems=("km-connector-version", "app-third-party-km-keys"),
    sources=("wso2/docs-apim#7064", "wso2/docs-apim#2256"),
)
def third_party_key_managers(subject: Subject) -> Iterator[Finding]:
    """
    What: An enabled key manager of a type other than "default", such as Okta, Keycloak or WSO2-IS.

    Why: It works through a connector, a jar that is made for one release. Without the one that fits the target its
    applications get no keys, and gateways refuse its tokens. Wrong versions show as 401 on keymanager-operations.

    How found: Enabled rows of AM_KEY_MANAGER whose TYPE is not "default", with the number of keys that name them. Where
    check.home is given, jars of connectors in repository/components/dropins are listed.

    How to mend: Get the connector that names the target release, put it into repository/components/dropins of the
    target before its first start, and generate a token with each key manager before you let traffic in. Where the
    Identity Server is the key manager, its own connector jars and keymanager-operations.war have to be exchanged, too.
    """
    subject.saw_rows("key managers", "am", "am_key_manager")
    jars = _connectors(subject.inputs.home)
    told = f" The old server's dropins have {', '.join(jars)}." if jars else ""
    counted = select(APPLICATION_KEY_MAPPING.c.key_manager, func.count().label("keys")).group_by(
        APPLICATION_KEY_MAPPING.c.key_manager
    )
    keys = {row.key_manager: row.keys for row in subject.am.stream(counted)}
    for row in _key_managers(subject, KEY_MANAGER.c.type != _DEFAULT):
        many = keys.get(row.uuid, 0)
        yield Finding(
            f"Key manager {row.name} of tenant {row.owner} is of type {row.type} and has {many:,} keys.{told}",
            place=_place(row),
            tenant=row.owner,
            item=f"{row.owner}/{row.name}",
        )


def _connectors(folder: Path | None) -> list[str]:
    """Names of the jars that the old server's connectors came in."""
    jars = Home(folder).files("repository/components/dropins", "*.jar", deep=False) if folder else ()
    return [jar.name for jar in jars if "key" in jar.name.lower() and "manager" in jar.name.lower()]


@rule(
    "APP011",
    Severity.MAJOR,
    title="additional key manager of the own type without address",
    target_since="4.2.0",
    sources=("seen on servers of 4.2.0 and 4.5.0",),
)
def key_managers_without_address(subject: Subject) -> Iterator[Finding]:
    """
    What: An enabled additional key manager of type "default" has no ServerURL in its configuration.

    Why: The server cannot make its client (keyManagerServiceUrl is null). From then on every page of an application or
    its keys in the developer portal of that tenant answers 500.

    How found: CONFIGURATION of enabled rows of AM_KEY_MANAGER of type "default", but for the resident one, is searched
    for ServerURL.

    How to mend: Give the key manager its service URL in the admin portal, or disable it there.
    """
    subject.saw_rows("key managers", "am", "am_key_manager")
    additional = (KEY_MANAGER.c.type == _DEFAULT, KEY_MANAGER.c.name != RESIDENT_KEY_MANAGER)
    for row in _key_managers(subject, *additional):
        if not _server_url(row.configuration):
            yield Finding(
                f"Key manager {row.name} of tenant {row.owner} is enabled and has no ServerURL.",
                place=_place(row),
                tenant=row.owner,
                item=f"{row.owner}/{row.name}",
            )


def _server_url(configuration: bytes | memoryview | None) -> str:
    """The address in a configuration, which holds secrets besides; empty where it cannot be read."""
    try:
        document = json.loads(bytes(configuration or b""))
    except (ValueError, RecursionError):
        return ""
    return str(document.get("ServerURL") or "") if isinstance(document, dict) else ""


@rule(
    "APP012",
    Severity.MINOR,
    title="keys of the resident key manager beside an Identity Server 7",
    target_since="4.3.0",
    problems=("km-is7-remap",),
    sources=("wso2/docs-apim#8339", "wso2/api-manager#2748"),
)
def identity_server_7(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has a key manager of type WSO2-IS-7, and keys of the resident key manager whose OAuth clients are not
    in this database.

    Why: From release 7 on the Identity Server is a third party that shares no database. Keys that moved there with it
    still name the resident key manager, which cannot give tokens for them.

    How found: Tenants with such a row in AM_KEY_MANAGER; their keys of the resident key manager without a row in
    IDN_OAUTH_CONSUMER_APPS are counted.

    How to mend: Put the UUID of the WSO2-IS-7 key manager into AM_APPLICATION_KEY_MAPPING.KEY_MANAGER of exactly the
    keys whose clients lie in the Identity Server.
    """
    subject.saw_rows("key managers", "am", "am_key_manager")
    own = owner_of_key_managers(subject)
    managers = list(_key_managers(subject, KEY_MANAGER.c.type == _IS_7))
    if not managers:
        return
    identity = subject.sessions[subject.home("identity")]
    known = {row.consumer_key for row in identity.stream(select(CONSUMER_APP.c.consumer_key))}
    for manager in managers:
        tenant = next((each.id for each in subject.tenants if each.domain == manager.owner), None)
        resident = select(KEY_MANAGER.c.uuid).where(own == manager.owner, KEY_MANAGER.c.name == RESIDENT_KEY_MANAGER)
        query = (
            select(APPLICATION_KEY_MAPPING.c.consumer_key)
            .join(APPLICATION, APPLICATION.c.application_id == APPLICATION_KEY_MAPPING.c.application_id)
            .join(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
            .where(
                SUBSCRIBER.c.tenant_id == tenant,
                APPLICATION_KEY_MAPPING.c.key_manager.in_(resident),
                APPLICATION_KEY_MAPPING.c.consumer_key.is_not(None),
            )
        )
        gone = sum(row.consumer_key not in known for row in subject.am.stream(query))
        if gone:
            yield Finding(
                f"Tenant {manager.owner} has the key manager {manager.name} of type {_IS_7}, and {gone:,} keys of the "
                f"resident key manager without OAuth client here.",
                place=_place(manager),
                tenant=manager.owner,
                item=f"{manager.owner}/{manager.name}",
            )


@rule(
    "APP013",
    Severity.MINOR,
    title="key manager that exchanges tokens of another issuer",
    source_since="4.1.0",
    target_since="4.4.0",
    problems=("tok-typ-at-jwt",),
    sources=("wso2/api-manager#4989",),
)
def token_exchange(subject: Subject) -> Iterator[Finding]:
    """
    What: A key manager is there to exchange tokens that another issuer gave (TOKEN_TYPE EXCHANGED or BOTH).

    Why: The library that reads tokens in 4.4.0 takes only the type JWT in their header; tokens of type at+jwt are
    refused until an update brings the repair.

    How found: Enabled rows of AM_KEY_MANAGER with one of these types. Tokens of the issuer are in no database.

    How to mend: Look at the header of a token of this issuer; if its typ is at+jwt, bring the target to a recent update
    level and try the exchange before you switch over.
    """
    subject.saw_rows("key managers", "am", "am_key_manager")
    if not subject.has("am", "am_key_manager", "token_type"):
        return
    for row in _key_managers(subject, KEY_MANAGER.c.token_type.in_(("EXCHANGED", "BOTH"))):
        yield Finding(
            f"Key manager {row.name} of tenant {row.owner} exchanges tokens of another issuer.",
            place=_place(row),
            tenant=row.owner,
            item=f"{row.owner}/{row.name}",
        )


@rule(
    "APP014",
    Severity.MAJOR,
    title="key manager outside this server, in the configuration",
    needs=("configuration",),
    problems=("app-third-party-km-keys", "km-is7-remap", "km-connector-version"),
    sources=("wso2/docs-apim#3798",),
)
def external_key_manager(subject: Subject) -> Iterator[Finding]:
    """
    What: The old deployment.toml names another server, or an implementation of your own, as its key manager.

    Why: Users, OAuth clients and tokens may then lie in that server's databases, which this upgrade does not touch. It
    has to be upgraded to a release that goes with the target, with the connector of the target.

    How found: apim.key_manager.service_url is not this host, or apim.key_manager.type or configuration.impl is set to
    something else than the default.

    How to mend: Upgrade the other server by its own guide at the same time, and give the identity database that it
    shares with API-M to this tool if there is one.
    """
    subject.saw("settings", 3)
    url = str(setting(subject.configuration, "apim.key_manager.service_url", ""))
    if url and not any(own in url for own in _OWN_HOST):
        yield Finding(f"The key manager is at {url}.", item="apim.key_manager.service_url")
    for key, usual in (("type", "default"), ("configuration.impl", "")):
        value = str(setting(subject.configuration, f"apim.key_manager.{key}", usual))
        if value != usual:
            yield Finding(f"apim.key_manager.{key} is {value}.", item=f"apim.key_manager.{key}")


_OWN_HOST = ("localhost", "127.0.0.1", "${mgt.transport.https.host}", "${carbon.host}")


def _key_managers(subject: Subject, *where: Any) -> Iterator[Any]:
    """Enabled key managers with their tenant (``owner``)."""
    own = owner_of_key_managers(subject)
    query = select(
        KEY_MANAGER.c.uuid, KEY_MANAGER.c.name, KEY_MANAGER.c.type, KEY_MANAGER.c.configuration, own.label("owner")
    )
    yield from subject.am.all(query.where(KEY_MANAGER.c.enabled, *where).order_by(own, KEY_MANAGER.c.name))


def _place(row: Any) -> Row:
    return Row("am", "AM_KEY_MANAGER", key=f"UUID={row.uuid}")
