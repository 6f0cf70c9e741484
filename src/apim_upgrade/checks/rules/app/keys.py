"""APP001–APP009: keys of applications, their OAuth clients and the key managers that issued them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.app.queries import applications
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import RESIDENT_KEY_MANAGER, blank
from apim_upgrade.tables.api import API, APPLICATION, APPLICATION_KEY_MAPPING, KEY_MANAGER, SUBSCRIBER
from apim_upgrade.tables.identity import CONSUMER_APP, OIDC_PROPERTY

_UUID_KNOWN = exists().where(KEY_MANAGER.c.uuid == APPLICATION_KEY_MAPPING.c.key_manager)
_NAME_KNOWN = exists().where(KEY_MANAGER.c.name == APPLICATION_KEY_MAPPING.c.key_manager)


@rule(
    "APP001",
    Severity.INFO,
    title="key manager of application keys named by its name",
    repair=Repair.AUTOMATIC,
    since="4.0.0",
    problems=("app-km-name-not-uuid",),
    sources=("wso2/product-apim#8709", "wso2/api-manager#700"),
)
def named_key_managers(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_APPLICATION_KEY_MAPPING names the key manager of some keys by name instead of by UUID, as 3.2.0 did when it
    came out.

    Why: From 4.0.0 on the developer portal looks key managers up by UUID only; it would not show these keys.

    How found: KEY_MANAGER is empty or the name of a row of AM_KEY_MANAGER, or it is "Resident Key Manager".

    How to mend: Nothing has to be done. The upgrade puts the UUID of the key manager of the OAuth client's tenant,
    else of the subscriber's, and makes the resident key manager of tenants that lack it.
    """
    subject.saw_rows("keys", "am", "am_application_key_mapping")
    named = or_(APPLICATION_KEY_MAPPING.c.key_manager == RESIDENT_KEY_MANAGER, and_(_NAME_KNOWN, ~_UUID_KNOWN))
    query = (
        select(APPLICATION_KEY_MAPPING.c.key_manager, func.count().label("keys"))
        .where(named)
        .group_by(APPLICATION_KEY_MAPPING.c.key_manager)
    )
    for row in subject.am.stream(query.order_by(APPLICATION_KEY_MAPPING.c.key_manager)):
        yield Finding(
            f"{row.keys:,} keys name their key manager {row.key_manager!r} by name; the upgrade puts its UUID.",
            place=Row("am", "AM_APPLICATION_KEY_MAPPING", "KEY_MANAGER", f"KEY_MANAGER={row.key_manager}"),
            item=row.key_manager,
        )


@rule(
    "APP002",
    Severity.MAJOR,
    title="application key of a key manager that does not exist",
    problems=("app-km-name-not-uuid",),
    sources=("wso2/product-apim#8709",),
)
def unknown_key_managers(subject: Subject) -> Iterator[Finding]:
    """
    What: A key of an application names a key manager that AM_KEY_MANAGER does not have, neither by UUID nor by name.

    Why: The developer portal cannot show the key, and the target cannot tell who validates its tokens.

    How found: AM_APPLICATION_KEY_MAPPING.KEY_MANAGER is compared with UUID and NAME of AM_KEY_MANAGER over all tenants:
    a UUID may be that of another tenant's key manager, where an application subscribes across tenants.

    How to mend: Make the key manager in the admin portal of the old release, or remove the key in the developer portal.
    """
    subject.saw_rows("keys", "am", "am_application_key_mapping")
    unknown = and_(
        or_(
            APPLICATION_KEY_MAPPING.c.key_manager.is_(None),
            APPLICATION_KEY_MAPPING.c.key_manager != RESIDENT_KEY_MANAGER,
        ),
        ~_UUID_KNOWN,
        ~_NAME_KNOWN,
    )
    query = applications(APPLICATION_KEY_MAPPING.c.key_type, APPLICATION_KEY_MAPPING.c.key_manager).join(
        APPLICATION_KEY_MAPPING, APPLICATION_KEY_MAPPING.c.application_id == APPLICATION.c.application_id
    )
    for row in subject.am.stream(query.where(unknown).order_by(APPLICATION_KEY_MAPPING.c.key_type)):
        domain = subject.domain(row.tenant_id)
        named = f"the key manager {row.key_manager!r}, which does not exist" if row.key_manager else "no key manager"
        yield Finding(
            f"The {row.key_type} key of application {row.name} of tenant {domain} names {named}.",
            place=Row("am", "AM_APPLICATION_KEY_MAPPING", "KEY_MANAGER", f"APPLICATION_ID={row.application_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}/{row.key_type}",
        )


@rule(
    "APP003",
    Severity.MAJOR,
    title="application key that no OAuth client stands behind",
    problems=("app-third-party-km-keys",),
    sources=("wso2/api-manager#607",),
)
def keys_without_client(subject: Subject) -> Iterator[Finding]:
    """
    What: A key of the resident key manager has a consumer key that IDN_OAUTH_CONSUMER_APPS does not know.

    Why: It gives no tokens, in the old release as in the target. Either its client was deleted, or it was issued by a
    third-party key manager before 3.2.0, which could not say so: then it has to be given to a key manager of its own.

    How found: Consumer keys of AM_APPLICATION_KEY_MAPPING are looked up among OAuth clients of all tenants, because
    clients of applications that subscribe across tenants lie in the API's tenant. Single keys give a minor finding;
    if no key at all has a client, the estate used a key manager of its own, and one major finding says so.

    How to mend: Remove the key in the developer portal of the old release and generate a new one; if it is a key of a
    third-party key manager, make that key manager in the admin portal and put its UUID into
    AM_APPLICATION_KEY_MAPPING.KEY_MANAGER.
    """
    subject.saw_rows("keys", "am", "am_application_key_mapping")
    resident = exists().where(
        KEY_MANAGER.c.name == RESIDENT_KEY_MANAGER,
        or_(
            KEY_MANAGER.c.uuid == APPLICATION_KEY_MAPPING.c.key_manager,
            KEY_MANAGER.c.name == APPLICATION_KEY_MAPPING.c.key_manager,
        ),
    )
    issued = and_(
        ~blank(APPLICATION_KEY_MAPPING.c.consumer_key),
        or_(resident, APPLICATION_KEY_MAPPING.c.key_manager == RESIDENT_KEY_MANAGER),
    )
    identity = subject.sessions[subject.home("identity")]
    query = (
        applications(APPLICATION_KEY_MAPPING.c.key_type, APPLICATION_KEY_MAPPING.c.consumer_key)
        .join(APPLICATION_KEY_MAPPING, APPLICATION_KEY_MAPPING.c.application_id == APPLICATION.c.application_id)
        .where(issued)
        .order_by(APPLICATION_KEY_MAPPING.c.key_type)
    )
    if identity is subject.am:
        query = query.where(~exists().where(CONSUMER_APP.c.consumer_key == APPLICATION_KEY_MAPPING.c.consumer_key))
        clients = None
    else:
        clients = {row.consumer_key for row in identity.stream(select(CONSUMER_APP.c.consumer_key))}
    total = subject.am.all(select(func.count()).select_from(APPLICATION_KEY_MAPPING).where(issued))[0][0]
    lonely = [row for row in subject.am.stream(query) if clients is None or row.consumer_key not in clients]
    if total > 1 and len(lonely) == total:
        yield Finding(
            f"None of the {total:,} keys of the resident key manager has an OAuth client in this database.",
            "Say which key manager issued them: make it in the admin portal, put its UUID into "
            "AM_APPLICATION_KEY_MAPPING.KEY_MANAGER, and bring its connector to the target.",
            Row("am", "AM_APPLICATION_KEY_MAPPING", "CONSUMER_KEY"),
            item="all keys",
        )
        return
    for row in lonely:
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"The {row.key_type} key of application {row.name} of tenant {domain} has no OAuth client.",
            place=Row("am", "AM_APPLICATION_KEY_MAPPING", "CONSUMER_KEY", f"APPLICATION_ID={row.application_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}/{row.key_type}",
            severity=Severity.MINOR,
        )


@rule(
    "APP004",
    Severity.MINOR,
    title="application and OAuth client that disagree on the type of tokens",
    problems=("app-token-type-flips",),
    sources=("wso2/api-manager#458", "wso2/product-apim#11888"),
)
def token_types_disagree(subject: Subject) -> Iterator[Finding]:
    """
    What: An application is of token type JWT, and its OAuth client issues opaque tokens, or the other way round.

    Why: The next time that somebody edits the application or its keys, the server brings the two together, and callers
    get tokens of another kind than before.

    How found: AM_APPLICATION.TOKEN_TYPE is compared with the property tokenType of the client (IDN_OIDC_PROPERTY).

    How to mend: Decide which of the two is right, and save the application's keys once in the old release.
    """
    subject.saw_rows("keys", "am", "am_application_key_mapping")
    for row, issued in _token_types(subject):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Application {row.name} of tenant {domain} is of token type {row.token_type}, its {row.key_type} client "
            f"issues tokens of type {issued or 'Default'}.",
            place=Row("am", "AM_APPLICATION", "TOKEN_TYPE", f"APPLICATION_ID={row.application_id}"),
            tenant=domain,
            item=f"{domain}/{row.name}/{row.key_type}",
        )


def _token_types(subject: Subject) -> Iterator[tuple[Any, str | None]]:
    """Yield (key of an application, token type of its client) where the two disagree."""
    mine, theirs = APPLICATION.c.token_type, OIDC_PROPERTY.c.property_value
    keys = applications(APPLICATION_KEY_MAPPING.c.key_type, APPLICATION_KEY_MAPPING.c.consumer_key, mine).join(
        APPLICATION_KEY_MAPPING, APPLICATION_KEY_MAPPING.c.application_id == APPLICATION.c.application_id
    )
    keys = keys.where(~blank(mine), ~blank(APPLICATION_KEY_MAPPING.c.consumer_key)).order_by(
        APPLICATION_KEY_MAPPING.c.key_type
    )
    is_type = OIDC_PROPERTY.c.property_key == "tokenType"
    if subject.home("identity") == "am":
        same = or_(
            and_(func.upper(mine) == _JWT, func.upper(func.coalesce(theirs, "")) == _JWT),
            and_(func.upper(mine) != _JWT, func.upper(func.coalesce(theirs, "")) != _JWT),
        )
        joined = keys.add_columns(theirs).join(
            OIDC_PROPERTY, OIDC_PROPERTY.c.consumer_key == APPLICATION_KEY_MAPPING.c.consumer_key
        )
        for row in subject.am.stream(joined.where(is_type, ~same)):
            yield row, row.property_value
        return
    query = select(OIDC_PROPERTY.c.consumer_key, theirs).where(is_type)
    types = {row.consumer_key: row.property_value for row in subject.sessions["identity"].stream(query)}
    for row in subject.am.stream(keys):
        if row.consumer_key in types:
            issued = types[row.consumer_key]
            if (row.token_type.upper() == _JWT) != ((issued or "").upper() == _JWT):
                yield row, issued


_JWT = "JWT"


@rule(
    "APP005",
    Severity.MINOR,
    title="OAuth client whose tokens never expire",
    since="4.4.0",
    problems=("app-negative-expiry",),
    sources=("wso2/carbon-apimgt commit 679bc93f1bf",),
)
def endless_clients(subject: Subject) -> Iterator[Finding]:
    """
    What: An OAuth client has a negative lifetime of tokens, or the largest number there is: the old way to say "never".

    Why: From 4.4.0 on the resident key manager refuses such a lifetime; the application's keys cannot be saved any
    more. Tokens are given as before.

    How found: The three expiry columns of IDN_OAUTH_CONSUMER_APPS are below zero or 9223372036854775807.

    How to mend: Set a long lifetime (up to 2147483647 seconds) for the keys in the developer portal.
    """
    subject.saw_rows("keys", subject.home("identity"), "idn_oauth_consumer_apps")
    columns = {
        "USER_ACCESS_TOKEN_EXPIRE_TIME": CONSUMER_APP.c.user_access_token_expire_time,
        "APP_ACCESS_TOKEN_EXPIRE_TIME": CONSUMER_APP.c.app_access_token_expire_time,
        "REFRESH_TOKEN_EXPIRE_TIME": CONSUMER_APP.c.refresh_token_expire_time,
    }
    endless = or_(*(or_(each < 0, each >= _FOREVER) for each in columns.values()))
    query = select(CONSUMER_APP.c.id, CONSUMER_APP.c.app_name, CONSUMER_APP.c.tenant_id, *columns.values()).where(
        endless
    )
    for row in subject.sessions[subject.home("identity")].stream(query.order_by(CONSUMER_APP.c.id)):
        domain = subject.domain(row.tenant_id)
        names = [name for name, value in zip(columns, tuple(row)[3:], strict=True) if _is_endless(value)]
        yield Finding(
            f"OAuth client {row.app_name} of tenant {domain} never lets tokens expire ({', '.join(names)}).",
            place=Row(subject.home("identity"), "IDN_OAUTH_CONSUMER_APPS", names[0], f"ID={row.id}"),
            tenant=domain,
            item=f"{domain}/{row.app_name}",
        )


_FOREVER = 2**63 - 1


def _is_endless(seconds: int | None) -> bool:
    return seconds is not None and (seconds < 0 or seconds >= _FOREVER)


@rule(
    "APP006",
    Severity.MINOR,
    title="OAuth client with a callback URL that cannot be used",
    problems=("app-callback-null",),
    sources=("wso2/product-apim#8668",),
)
def unusable_callbacks(subject: Subject) -> Iterator[Finding]:
    """
    What: An OAuth client has the text "null" as its callback URL, or may use the authorization code grant and has none.

    Why: The server refuses to save the keys of such an application (400), and no one can log in through it.

    How found: CALLBACK_URL of IDN_OAUTH_CONSUMER_APPS is "null", or empty where GRANT_TYPES has authorization_code.

    How to mend: Give the keys a callback URL in the developer portal, or take the authorization code grant away.
    """
    home = subject.home("identity")
    subject.saw_rows("keys", home, "idn_oauth_consumer_apps")
    coded = func.coalesce(CONSUMER_APP.c.grant_types, "").like("%authorization_code%")
    query = select(
        CONSUMER_APP.c.id, CONSUMER_APP.c.app_name, CONSUMER_APP.c.tenant_id, CONSUMER_APP.c.callback_url
    ).where(or_(func.lower(CONSUMER_APP.c.callback_url) == "null", and_(coded, blank(CONSUMER_APP.c.callback_url))))
    for row in subject.sessions[home].stream(query.order_by(CONSUMER_APP.c.id)):
        domain = subject.domain(row.tenant_id)
        told = "the text 'null' as its callback URL" if row.callback_url else "no callback URL, which its grants need"
        yield Finding(
            f"OAuth client {row.app_name} of tenant {domain} has {told}.",
            place=Row(home, "IDN_OAUTH_CONSUMER_APPS", "CALLBACK_URL", f"ID={row.id}"),
            tenant=domain,
            item=f"{domain}/{row.app_name}",
        )


@rule(
    "APP007",
    Severity.MAJOR,
    title="application whose subscriber or tenant does not exist",
)
def applications_of_nobody(subject: Subject) -> Iterator[Finding]:
    """
    What: An application belongs to a subscriber that AM_SUBSCRIBER does not have, or to one of a tenant that UM_TENANT
    does not have.

    Why: From 4.1.0 on every application belongs to an organization, the domain of its subscriber's tenant. Without one
    nobody can see it, and its keys are lost.

    How found: AM_APPLICATION is joined with AM_SUBSCRIBER, whose TENANT_ID is looked up among the tenants.

    How to mend: Delete the application in the old release, or bring its subscriber or tenant back.
    """
    subject.saw_rows("applications", "am", "am_application")
    known = SUBSCRIBER.c.tenant_id.in_(sorted(subject.domains))
    query = (
        select(APPLICATION.c.application_id, APPLICATION.c.name, SUBSCRIBER.c.user_id, SUBSCRIBER.c.tenant_id)
        .select_from(APPLICATION)
        .outerjoin(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
        .where(or_(SUBSCRIBER.c.subscriber_id.is_(None), ~known))
        .order_by(APPLICATION.c.application_id)
    )
    for row in subject.am.stream(query):
        whose = f"subscriber {row.user_id} of tenant {row.tenant_id}" if row.user_id else "a subscriber"
        yield Finding(
            f"Application {row.name} ({row.application_id}) belongs to {whose}, which does not exist.",
            place=Row("am", "AM_APPLICATION", "SUBSCRIBER_ID", f"APPLICATION_ID={row.application_id}"),
            item=f"application {row.application_id}",
        )


@rule(
    "APP008",
    Severity.INFO,
    title="empty texts beside NULL",
    repair=Repair.AUTOMATIC,
)
def empty_texts(subject: Subject) -> Iterator[Finding]:
    """
    What: A column has both NULL and the empty text for "none": GROUP_ID of applications, API_TIER of APIs.

    Why: Servers treat both alike. Scripts of your own that compare the two databases may stumble over it.

    How found: Rows with the empty text are counted where others have NULL.

    How to mend: Nothing has to be done; the upgrade treats both alike and leaves them as they are.
    """
    subject.saw_rows("applications", "am", "am_application")
    for texts, key, each in ((APPLICATION, "GROUP_ID", APPLICATION.c.group_id), (API, "API_TIER", API.c.api_tier)):
        none, empty = func.count(case((each.is_(None), 1))), func.count(case((each == "", 1)))
        (row,) = subject.am.all(select(none.label("none"), empty.label("empty")).select_from(texts))
        if row.none and row.empty:
            name = texts.name.upper()
            yield Finding(
                f"{name}.{key} is the empty text in {row.empty:,} rows and NULL in {row.none:,}; both mean none.",
                place=Row("am", name, key),
            )
