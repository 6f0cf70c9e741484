"""Rules about the operations of APIs: rows of AM_API_URL_MAPPING."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnClause, exists, func, select

from apim_upgrade.checks.definitions.stored import STREAMING
from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, such_as, working_copy
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.tables.api import API, API_URL_MAPPING

_KNOWN_SCHEMES = ("Any", "None", "Application & Application User", "Application_User")
_VERBS = ("SUBSCRIBE", "PUBLISH")


def _lacking(subject: Subject, what: ColumnClause[str], named: str) -> Iterator[Finding]:
    """Tell in one finding of all operations whose column is empty."""
    mapping = API_URL_MAPPING
    row = subject.am.all(
        select(
            func.count(mapping.c.url_mapping_id).label("operations"),
            func.count(mapping.c.api_id.distinct()).label("apis"),
            func.min(mapping.c.api_id).label("first"),
        ).where(blank(what))
    )[0]
    if row.operations:
        first = such_as([subject.api(row.first) or row.first])
        yield Finding(
            f"{plural(row.operations, 'operation')} of {plural(row.apis, 'API')} without {named}{first}.",
            place=Row("am", "AM_API_URL_MAPPING", what.name.upper()),
            item=f"AM_API_URL_MAPPING.{what.name.upper()}",
        )


@rule("API010", Severity.INFO, title="operation without a throttling tier", repair=Repair.AUTOMATIC)
def no_tier(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API_URL_MAPPING.THROTTLING_TIER is NULL or empty.

    Why: Servers of 4.0.0 to 4.3.0 mended such operations when they started, later ones do not. Whoever looks an
    operation up by its tier does not find it: the vendor's client loses operations of products and scopes that way.

    How found: Rows of AM_API_URL_MAPPING, revisions included.

    How to mend: Nothing: the upgrade gives such operations the tier Unlimited, by which they are treated already.
    """
    subject.saw_rows("operations", "am", API_URL_MAPPING.name)
    yield from _lacking(subject, API_URL_MAPPING.c.throttling_tier, "a tier")


@rule("API011", Severity.INFO, title="operation without an authentication scheme", repair=Repair.AUTOMATIC)
def no_scheme(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API_URL_MAPPING.AUTH_SCHEME is NULL or empty, as servers of 4.x leave it for imported operations whose
    definition does not name one.

    Why: Such an operation asks for a token, as one of scheme Any does. Servers up to 4.2.0 lose it when a product that
    offers it is saved.

    How found: Rows of AM_API_URL_MAPPING, revisions included.

    How to mend: Nothing: the upgrade writes Any, by which such operations are treated already.
    """
    subject.saw_rows("operations", "am", API_URL_MAPPING.name)
    yield from _lacking(subject, API_URL_MAPPING.c.auth_scheme, "an authentication scheme")


@rule(
    "API012",
    Severity.MAJOR,
    title="operation with an authentication scheme that is gone",
    problems=("api-resource-auth-application-user",),
    sources=("wso2/api-manager#601",),
)
def gone_scheme(subject: Subject) -> Iterator[Finding]:
    """
    What: An operation has a scheme other than Any, None and Application & Application User. Releases of 2.x let one ask
    for tokens of applications only, or of users only.

    Why: Gateways of today take such an operation for one that any valid token may call: more callers are let in than
    its owner wanted.

    How found: AM_API_URL_MAPPING.AUTH_SCHEME of the working copies, grouped by API.

    How to mend: Ask the owner of the API. Set the operation to Application & Application User, and keep others out by a
    scope.
    """
    subject.saw_rows("operations", "am", API_URL_MAPPING.name)
    mapping = API_URL_MAPPING
    query = (
        select(mapping.c.api_id, mapping.c.auth_scheme, func.count().label("number"))
        .where(~blank(mapping.c.auth_scheme), mapping.c.auth_scheme.not_in(_KNOWN_SCHEMES))
        .where(working_copy(subject, mapping))
        .group_by(mapping.c.api_id, mapping.c.auth_scheme)
        .order_by(mapping.c.api_id, mapping.c.auth_scheme)
    )
    for row in subject.am.stream(query):
        api = subject.api(row.api_id)
        yield Finding(
            f"{api or row.api_id}: {plural(row.number, 'operation')} of scheme {row.auth_scheme!r}.",
            place=Row("am", "AM_API_URL_MAPPING", "AUTH_SCHEME", f"API_ID={row.api_id}"),
            api=api,
            severity=by_state(api),
        )


@rule(
    "API013",
    Severity.MAJOR,
    title="open operation behind mandatory mutual TLS",
    since="4.1.0",
)
def open_behind_mutual_tls(subject: Subject) -> Iterator[Finding]:
    """
    What: An API asks for a client certificate from everybody, and some of its operations are of authentication type
    None.

    Why: Up to 4.0.0 a gateway refuses a call to such an operation without a certificate. Newer gateways do not look at
    security for it at all: the operation is open to everybody once the upgrade is done.

    How found: The artifact says `mutualssl` and `mutualssl_mandatory`; operations of the working copy have the scheme
    None. The difference was seen on running servers of 4.0.0 and 4.2.0.

    How to mend: Set the operations to ask for authentication, unless they may really be called by anybody, and deploy
    the API. Operations that ask for authentication are guarded as before.
    """
    guarded = {
        found.api.id: found.api
        for found in subject.artifacts
        if {"mutualssl", "mutualssl_mandatory"} <= found.security and found.api.id is not None
    }
    subject.saw("APIs", len(subject.apis))
    mapping = API_URL_MAPPING
    query = (
        select(mapping.c.api_id, func.count().label("number"), func.min(mapping.c.url_pattern).label("pattern"))
        .where(mapping.c.auth_scheme == "None", working_copy(subject, mapping))
        .group_by(mapping.c.api_id)
        .order_by(mapping.c.api_id)
    )
    for row in subject.am.stream(query) if guarded else ():
        if row.api_id in guarded:
            api = guarded[row.api_id]
            yield Finding(
                f"{api}: {plural(row.number, 'open operation')} behind mandatory mutual TLS, such as {row.pattern}.",
                place=Row("am", "AM_API_URL_MAPPING", "AUTH_SCHEME", f"API_ID={row.api_id}"),
                api=api,
                severity=by_state(api),
            )


@rule(
    "API014",
    Severity.MAJOR,
    title="streaming API without topics",
    problems=("ws-url-mapping-missing",),
    sources=("wso2/product-apim#9083",),
)
def streaming(subject: Subject) -> Iterator[Finding]:
    """
    What: A WebSocket API or another streaming API has no operation; or, from 4.0.0 on, none to subscribe or publish to.
    Whether it has its AsyncAPI document is told by DEF004.

    Why: A gateway cannot deploy it, and its revision cannot be made or exported.

    How found: Types WS, SSE, WEBSUB, ASYNC and WEBHOOK in AM_API without rows in AM_API_URL_MAPPING (from 4.0.0 on: of
    the methods SUBSCRIBE or PUBLISH).

    How to mend: Open the API in the publisher, add a topic and save it. Before 4.0.0 nothing has to be done: the
    upgrade gives every WebSocket API one topic and writes its document.
    """
    streams = {api.id: api for api in subject.apis if api.type in STREAMING}
    subject.saw("APIs", len(subject.apis))
    if not streams:
        return
    described = subject.has("am", "am_api", "api_uuid")
    mapping = API_URL_MAPPING
    works = [mapping.c.api_id == API.c.api_id, working_copy(subject, mapping)]
    if described:
        works.append(mapping.c.http_method.in_(_VERBS))
    lacking = (
        select(API.c.api_id)
        .where(func.upper(API.c.api_type).in_(STREAMING), ~exists().where(*works))
        .order_by(API.c.api_id)
    )
    for row in subject.am.stream(lacking):
        api = streams.get(row.api_id)
        yield Finding(
            f"{api or row.api_id}: it has no operation{' to subscribe or publish to' if described else ''}.",
            "" if described else "Nothing: the upgrade gives it the topic /* to subscribe to.",
            Row("am", "AM_API_URL_MAPPING", key=f"API_ID={row.api_id}"),
            api,
            severity=by_state(api) if described else Severity.INFO,
            repair=None if described else Repair.AUTOMATIC,
        )
