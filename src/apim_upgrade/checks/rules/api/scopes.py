"""Rules about scopes of APIs and the roles they ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import Integer, String, and_, column, exists, func, or_, select, table

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, such_as, working_copy
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.am_tables import API, API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING, blank
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID

_SCOPE = table("am_scope", column("scope_id", Integer), column("name", String), column("tenant_id", Integer))
_BINDING = table("am_scope_binding", column("scope_id", Integer), column("scope_binding", String))
_SHARED = table("am_shared_scope", column("name", String), column("tenant_id", Integer))
_OAUTH2 = table("idn_oauth2_scope", column("name", String), column("tenant_id", Integer))
_ROLE = table("um_role", column("um_role_name", String), column("um_tenant_id", Integer))
_HYBRID = table("um_hybrid_role", column("um_role_name", String), column("um_tenant_id", Integer))


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
    subject.saw_rows("scopes", "am", _SCOPE.name)
    known = [exists().where(_SCOPE.c.name == used.c.scope_name, _SCOPE.c.tenant_id == used.c.tenant_id)]
    if subject.has("am", _OAUTH2.name):
        known.append(exists().where(_OAUTH2.c.name == used.c.scope_name, _OAUTH2.c.tenant_id == used.c.tenant_id))
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
    subject.saw_rows("scopes", "am", _SCOPE.name)
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
            ~exists().where(_SHARED.c.name == used.c.scope_name, _SHARED.c.tenant_id == used.c.tenant_id),
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


@rule("API042", Severity.MINOR, title="role that a scope or an API asks for and that does not exist")
def missing_role(subject: Subject) -> Iterator[Finding]:
    """
    What: A scope is bound to a role, or an API is visible to a role, that the tenant does not have.

    Why: Nobody has such a role. Who counted on it does not get the scope, or does not see the API. The role may also
    come back one day with another meaning.

    How found: Roles in AM_SCOPE_BINDING and in the artifacts of APIs with restricted visibility are looked up in
    UM_HYBRID_ROLE (`Internal/…`, `Application/…`) and UM_ROLE, without case. Roles of secondary user stores and of a
    primary user store outside the database cannot be looked up and are left out.

    How to mend: Make the role, or take it off the scope or the API, in the old release or after the upgrade.
    """
    subject.saw_rows("scopes", "am", _SCOPE.name)
    if not (subject.has("shared", _ROLE.name) and subject.has("shared", _HYBRID.name)):
        return
    asked: dict[tuple[int, str], list[str]] = defaultdict(list)
    bindings = select(_SCOPE.c.name, _SCOPE.c.tenant_id, _BINDING.c.scope_binding).join_from(
        _BINDING, _SCOPE, _SCOPE.c.scope_id == _BINDING.c.scope_id
    )
    for row in subject.am.stream(bindings.order_by(_SCOPE.c.tenant_id, _SCOPE.c.name)):
        for role in (row.scope_binding or "").split(","):
            if role.strip():
                asked[row.tenant_id, role.strip().lower()].append(f"scope {row.name}")
    for found in subject.artifacts:
        for role in found.visible_roles:
            asked[found.tenant_id, role.lower()].append(f"{found.api.name} {found.api.version}")
    subject.saw("roles", len(asked))
    if not asked:
        return
    primary = _roles(subject, "um_role")
    hybrid = _roles(subject, "um_hybrid_role")
    in_database = {tenant for tenant, _ in primary}
    for (tenant, role), users in sorted(asked.items()):
        domain_of_role, slash, name = role.partition("/")
        if domain_of_role == "internal":
            there = (tenant, name) in hybrid
        elif domain_of_role == "application":
            there = (tenant, role) in hybrid or (tenant, name) in hybrid
        elif slash or tenant not in in_database:
            continue
        else:
            there = (tenant, role) in primary or (tenant, role) in hybrid
        if not there:
            domain = subject.domain(tenant)
            yield Finding(
                f"Role {role} of {domain} does not exist; {plural(len(users), 'place asks', 'places ask')} for it"
                f"{such_as(users)}.",
                place=Row("shared", "UM_ROLE", "UM_ROLE_NAME", f"UM_TENANT_ID={tenant}"),
                tenant=domain,
                item=f"{domain}/{role}",
            )


def _roles(subject: Subject, name: str) -> set[tuple[int, str]]:
    roles = table(name, column("um_role_name", String), column("um_tenant_id", Integer))
    return {
        (row.um_tenant_id, (row.um_role_name or "").lower())
        for row in subject.shared.stream(select(roles.c.um_role_name, roles.c.um_tenant_id))
    }


@rule(
    "API043",
    Severity.INFO,
    title="tenant that lacks internal scopes of the super tenant",
    repair=Repair.AUTOMATIC,
    source_until="4.2.0",
    problems=("id-scopes-tenant-internal",),
    sources=("wso2/product-is#10505",),
)
def missing_internal_scopes(subject: Subject) -> Iterator[Finding]:
    """
    What: IDN_OAUTH2_SCOPE has fewer scopes `internal_…` for a tenant than for the super tenant.

    Why: They guard the product's own REST APIs up to 4.1.0; users of the tenant are refused there. From 4.2.0 on a
    server reads them from a file for all tenants.

    How found: Rows of IDN_OAUTH2_SCOPE whose names begin with `internal_`, counted by tenant.

    How to mend: Nothing: the upgrade gives every tenant the scopes that a target before 4.2.0 needs, and later ones do
    not ask for them.
    """
    if not subject.has("am", _OAUTH2.name):
        return
    subject.saw("tenants", len(subject.tenants))
    counted = {
        row.tenant_id: row.number
        for row in subject.am.all(
            select(_OAUTH2.c.tenant_id, func.count().label("number"))
            .where(_OAUTH2.c.name.startswith("internal_", autoescape=True))
            .group_by(_OAUTH2.c.tenant_id)
        )
    }
    wanted = counted.get(SUPER_TENANT_ID, 0)
    for tenant in subject.tenants:
        has = counted.get(tenant.id, 0)
        if has < wanted:
            yield Finding(
                f"Tenant {tenant.domain} has {has} internal scopes, the super tenant {wanted}.",
                place=Row("am", "IDN_OAUTH2_SCOPE", "NAME", f"TENANT_ID={tenant.id}"),
                tenant=tenant.domain,
                item=tenant.domain,
            )
