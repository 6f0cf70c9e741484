"""Rules about scopes of APIs; the roles they are bound to are IDN's."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, exists, func, or_, select

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, working_copy
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.tables.api import API, API_RESOURCE_SCOPE_MAPPING, API_SCOPE, API_URL_MAPPING, SHARED_SCOPE
from apim_upgrade.tables.identity import SCOPE


@rule(
    "API040",
    Severity.MAJOR,
    title="scope of an operation that does not exist",
    problems=("api-scope-not-in-definition", "api-scope-empty-string", "api-scope-key-vs-name"),
    sources=("wso2/product-apim#12783", "wso2/api-manager#530"),
)
def missing_scope(subject: Subject) -> Iterator[Finding]:
    """
    What: An operation asks for a scope that the tenant does not have, or for one without a name.

    Why: Nobody can get a token with such a scope, so the operation cannot be called; and a gateway artifact with a
    scope that is not declared cannot be deployed. Old publishers wrote a scope's display name in the place of its key,
    or an empty text.

    How found: Scopes in AM_API_RESOURCE_SCOPE_MAPPING of working copies that are neither in AM_SCOPE nor in
    IDN_OAUTH2_SCOPE of the tenant. Scopes that only a definition names are found by the rules of the family DEF.

    How to mend: Open the API in the publisher of the old release, give the operation a scope that exists, or make the
    scope anew, and save.
    """
    used, operation = API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING
    subject.saw_rows("scopes", "am", API_SCOPE.name)
    known = [exists().where(API_SCOPE.c.name == used.c.scope_name, API_SCOPE.c.tenant_id == used.c.tenant_id)]
    if subject.has("am", SCOPE.name):
        known.append(exists().where(SCOPE.c.name == used.c.scope_name, SCOPE.c.tenant_id == used.c.tenant_id))
    query = (
        select(operation.c.api_id, used.c.scope_name, used.c.tenant_id, func.count().label("number"))
        .join_from(used, operation, operation.c.url_mapping_id == used.c.url_mapping_id)
        .where(working_copy(subject, operation), or_(blank(used.c.scope_name), and_(*(~each for each in known))))
        .group_by(operation.c.api_id, used.c.scope_name, used.c.tenant_id)
        .order_by(operation.c.api_id, used.c.scope_name)
    )
    for row in subject.am.stream(query):
        api = subject.api(row.api_id)
        name = (row.scope_name or "").strip()
        what = (
            f"scope {name}, which {subject.domain(row.tenant_id)} does not have" if name else "a scope without a name"
        )
        yield Finding(
            f"{api or row.api_id}: {plural(row.number, 'operation asks', 'operations ask')} for {what}.",
            place=Row("am", "AM_API_RESOURCE_SCOPE_MAPPING", "SCOPE_NAME", f"API_ID={row.api_id}, SCOPE_NAME={name}"),
            api=api,
            item=f"{api.item if api else row.api_id}/{name}",
            severity=by_state(api),
        )


@rule(
    "API041",
    Severity.MINOR,
    title="scope of several APIs that is not shared",
    problems=("api-shared-by-several-scope-local",),
    sources=("wso2/product-apim#8986",),
)
def unshared_scope(subject: Subject) -> Iterator[Finding]:
    """
    What: Operations of several APIs use a scope that AM_SHARED_SCOPE does not have. Up to 3.1.0 each API had scopes of
    its own; since then a scope belongs to one API unless it is shared.

    Why: Tokens and gateways work as before. But saving one of the APIs in a publisher fails, because the scope is
    assigned to another API.

    How found: Scope names in AM_API_RESOURCE_SCOPE_MAPPING of a tenant that belong to working copies of APIs with
    different names. Versions of one API may have a scope in common.

    How to mend: Insert a row into AM_SHARED_SCOPE with the name, a new UUID and the tenant, in the old database; or
    give one of the APIs another scope.
    """
    used, operation = API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING
    subject.saw_rows("scopes", "am", API_SCOPE.name)
    query = (
        select(
            used.c.scope_name,
            used.c.tenant_id,
            func.count(API.c.api_name.distinct()).label("number"),
            func.min(API.c.api_name).label("first"),
            func.max(API.c.api_name).label("last"),
        )
        .join_from(used, operation, operation.c.url_mapping_id == used.c.url_mapping_id)
        .join(API, API.c.api_id == operation.c.api_id)
        .where(
            working_copy(subject, operation),
            ~blank(used.c.scope_name),
            ~exists().where(SHARED_SCOPE.c.name == used.c.scope_name, SHARED_SCOPE.c.tenant_id == used.c.tenant_id),
        )
        .group_by(used.c.scope_name, used.c.tenant_id)
        .having(func.count(API.c.api_name.distinct()) > 1)
        .order_by(used.c.tenant_id, used.c.scope_name)
    )
    for row in subject.am.stream(query):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Scope {row.scope_name} of {domain} is used by {row.number} APIs, such as {row.first} and {row.last}, and "
            "is not shared.",
            place=Row("am", "AM_SHARED_SCOPE", "NAME", f"NAME={row.scope_name}, TENANT_ID={row.tenant_id}"),
            tenant=domain,
            item=f"{domain}/{row.scope_name}",
        )
