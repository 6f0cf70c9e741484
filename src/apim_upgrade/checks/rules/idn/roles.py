"""IDN020–IDN029: roles, rights and internal scopes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import and_, exists, func, select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural, such_as
from apim_upgrade.checks.rules.idn.known_roles import known_roles
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID
from apim_upgrade.tables.api import API_SCOPE, API_SCOPE_BINDING
from apim_upgrade.tables.identity import SCOPE
from apim_upgrade.tables.user import (
    UM_HYBRID_ROLE,
    UM_PERMISSION,
    UM_ROLE,
    UM_ROLE_PERMISSION,
    UM_USER,
    UM_USER_PERMISSION,
)


@rule("IDN020", Severity.MINOR, title="scope of a role that does not exist")
def scopes_of_lost_roles(subject: Subject) -> Iterator[Finding]:
    """
    What: A scope of an API is bound to a role that its tenant does not have.

    Why: Nobody gets the scope through that role; operations that ask for the scope stay closed, or an error is met
    when the API is saved with that scope.

    How found: AM_SCOPE_BINDING is looked up among the internal roles and those of the primary user store. Roles of
    secondary user stores and of directories are taken to exist.

    How to mend: Make the role again, or bind the scope to another one in the publisher of the old release.
    """
    subject.saw_rows("scopes", "am", "am_scope")
    roles = known_roles(subject)
    query = (
        select(
            API_SCOPE.c.tenant_id,
            API_SCOPE_BINDING.c.scope_binding,
            func.count().label("scopes"),
            func.min(API_SCOPE.c.name),
        )
        .join(API_SCOPE_BINDING, API_SCOPE_BINDING.c.scope_id == API_SCOPE.c.scope_id)
        .where(API_SCOPE_BINDING.c.scope_binding.is_not(None), API_SCOPE_BINDING.c.scope_binding != "")
        .group_by(API_SCOPE.c.tenant_id, API_SCOPE_BINDING.c.scope_binding)
        .order_by(API_SCOPE.c.tenant_id, API_SCOPE_BINDING.c.scope_binding)
    )
    for row in subject.am.stream(query):
        tenant_id, role, scopes, example = tuple(row)
        if not roles.may_exist(tenant_id, role):
            domain = subject.domain(tenant_id)
            yield Finding(
                f"{plural(scopes, 'scope')} of tenant {domain} {'is' if scopes == 1 else 'are'} bound to the role "
                f"{role}, which does not exist, such as {example}.",
                place=Row("am", "AM_SCOPE_BINDING", "SCOPE_BINDING", f"SCOPE_BINDING={role}"),
                tenant=domain,
                item=f"{domain}/{role}",
            )


@rule("IDN021", Severity.MINOR, title="API that only roles may see which do not exist")
def visible_to_lost_roles(subject: Subject) -> Iterator[Finding]:
    """
    What: An API is restricted to roles of which some do not exist.

    Why: Nobody sees it in the developer portal through such a role, and the publisher refuses to save the API while it
    names one ("Invalid user roles found").

    How found: visibleRoles of artifacts with restricted visibility, looked up like the roles of scopes (IDN020).

    How to mend: Make the role again, or take it out of the visibility of the API in the old release.
    """
    subject.saw("APIs", len(subject.artifacts))
    roles = known_roles(subject)
    for artifact in subject.artifacts:
        lost = [role for role in artifact.visible_roles if not roles.may_exist(artifact.tenant_id, role)]
        if lost:
            yield Finding(
                f"{artifact.api} is visible to {', '.join(dict.fromkeys(lost))}, which "
                f"{'does' if len(lost) == 1 else 'do'} not exist.",
                place=Spot(artifact.path),
                api=artifact.api,
            )


@rule(
    "IDN022",
    Severity.MAJOR,
    title="administrators' role in two domains",
    since="4.0.0",
    problems=("id-login-fails-after-migration",),
    sources=("API-M documentation: upgrade of roles",),
)
def admin_role_twice(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has its administrators' role in the primary user store and among the internal roles.

    Why: From 4.0.0 on groups and roles are apart, and the server takes the internal one for the administrators' role.
    Administrators may then find themselves without rights.

    How found: options.admin_role in UM_ROLE and in UM_HYBRID_ROLE of one tenant. Where options say that groups and
    roles shall be apart, the upgrade makes the internal role on purpose, and nothing is told.

    How to mend: Rename the internal role in UM_HYBRID_ROLE, and in those rows of UM_ROLE_PERMISSION that have the
    domain INTERNAL.
    """
    home, role = subject.home("user"), subject.choices.admin_role
    subject.saw("tenants", len(subject.tenants))
    if subject.choices.separate_groups_and_roles:
        return
    query = (
        select(UM_HYBRID_ROLE.c.um_id, UM_HYBRID_ROLE.c.um_tenant_id)
        .join(
            UM_ROLE,
            and_(
                UM_ROLE.c.um_tenant_id == UM_HYBRID_ROLE.c.um_tenant_id,
                func.lower(UM_ROLE.c.um_role_name) == func.lower(UM_HYBRID_ROLE.c.um_role_name),
            ),
        )
        .where(func.lower(UM_HYBRID_ROLE.c.um_role_name) == role.lower())
        .order_by(UM_HYBRID_ROLE.c.um_tenant_id)
    )
    for row in subject.sessions[home].stream(query):
        domain = subject.domain(row.um_tenant_id)
        yield Finding(
            f"Tenant {domain} has the role {role} in the primary user store and among the internal roles.",
            place=Row(home, "UM_HYBRID_ROLE", "UM_ROLE_NAME", f"UM_ID={row.um_id}"),
            tenant=domain,
        )


@rule(
    "IDN023",
    Severity.MAJOR,
    title="administrator or administrators' role that the databases do not have",
    problems=("id-login-fails-after-migration", "id-super-admin-name-hardcoded"),
    sources=("wso2/api-manager#755", "wso2/api-manager#975"),
)
def administrator(subject: Subject) -> Iterator[Finding]:
    """
    What: The super tenant has no role of the name that administrators are said to have; or the administrator that the
    target's deployment.toml names is not there; or he is not called "admin".

    Why: The server gives its rights to that role and starts its own work as that user. If one is missing it makes a new
    one, with the password of deployment.toml, and the old administrators cannot log in to the portals. The vendor's
    client works with the literal name "admin" only; this tool does not depend on it.

    How found: options.admin_role is looked up in UM_ROLE and UM_HYBRID_ROLE, super_admin.username of
    check.target_configuration (else "admin") in UM_USER. Where the primary user store is a directory, nothing can be
    told. A missing "admin" is only information while no configuration is given.

    How to mend: Set options.admin_role of upgrade.toml, and [super_admin] of the target's deployment.toml, to what the
    old deployment.toml has.
    """
    home, role = subject.home("user"), subject.choices.admin_role
    session = subject.sessions[home]
    subject.saw_rows("users", home, "um_user")
    known = known_roles(subject)
    judged = known.primary.get(SUPER_TENANT_ID, frozenset())
    if judged and not (known.may_exist(SUPER_TENANT_ID, role) or known.may_exist(SUPER_TENANT_ID, f"Internal/{role}")):
        yield Finding(
            f"The super tenant has no role {role}, which administrators are said to have.",
            place=Row(home, "UM_ROLE", "UM_ROLE_NAME"),
            item="admin role",
        )
    name = str(setting(subject.target_configuration, "super_admin.username", "admin"))
    query = select(UM_USER.c.um_user_name).where(UM_USER.c.um_tenant_id == SUPER_TENANT_ID)
    if judged and name != "${admin.username}" and not session.all(query.where(UM_USER.c.um_user_name == name)):
        configured = subject.given("target_configuration")
        yield Finding(
            f"The super tenant has no user {name}{', whom the target makes its administrator' if configured else ''}.",
            "" if configured else "Name the administrator in [super_admin] of the target's deployment.toml.",
            Row(home, "UM_USER", "UM_USER_NAME"),
            item="administrator",
            severity=None if configured else Severity.INFO,
        )


@rule(
    "IDN024",
    Severity.INFO,
    title="rights that nobody has",
    repair=Repair.AUTOMATIC,
)
def rights_of_nobody(subject: Subject) -> Iterator[Finding]:
    """
    What: Rows of UM_PERMISSION that are given to no role and no user, such as rights on APIs that were deleted.

    Why: They are litter that servers leave behind. They do no harm.

    How found: UM_PERMISSION without a row of UM_ROLE_PERMISSION or UM_USER_PERMISSION that names it.

    How to mend: Nothing has to be done; the upgrade leaves them as they are.
    """
    home = subject.home("user")
    subject.saw_rows("rights", home, "um_permission")
    given = (
        exists().where(
            each.c.um_permission_id == UM_PERMISSION.c.um_id, each.c.um_tenant_id == UM_PERMISSION.c.um_tenant_id
        )
        for each in (UM_ROLE_PERMISSION, UM_USER_PERMISSION)
    )
    query = (
        select(func.count().label("rights"), func.min(UM_PERMISSION.c.um_resource_id).label("one"))
        .select_from(UM_PERMISSION)
        .where(*(~each for each in given))
    )
    (row,) = subject.sessions[home].all(query)
    if row.rights:
        yield Finding(
            f"{plural(row.rights, 'right')} {'is' if row.rights == 1 else 'are'} given to no role and no user, such as "
            f"the one on {row.one}.",
            place=Row(home, "UM_PERMISSION"),
            item="rights",
        )


@rule(
    "IDN025",
    Severity.INFO,
    title="tenant with fewer internal scopes than the super tenant",
    repair=Repair.AUTOMATIC,
    source_until="4.2.0",
    problems=("id-scopes-tenant-internal",),
    sources=("wso2/product-is#10505",),
)
def internal_scopes(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant lacks scopes of the product's own REST APIs (internal_…) that the super tenant has.

    Why: REST clients of that tenant are refused (403) where such a scope is asked for.

    How found: Names of IDN_OAUTH2_SCOPE that begin with internal_ are compared with those of the super tenant.

    How to mend: Nothing has to be done: for a target before 4.2.0 the upgrade adds them, from 4.2.0 on servers read
    them from a file for all tenants.
    """
    home = subject.home("identity")
    subject.saw_rows("scopes", home, "idn_oauth2_scope")
    names: dict[int, set[str]] = defaultdict(set)
    internal = SCOPE.c.name.startswith("internal_", autoescape=True)
    for row in subject.sessions[home].stream(select(SCOPE.c.tenant_id, SCOPE.c.name).where(internal)):
        names[row.tenant_id].add(row.name)
    for tenant in subject.tenants:
        lacking = names[SUPER_TENANT_ID] - names[tenant.id]
        if lacking:
            yield Finding(
                f"Tenant {tenant.domain} lacks {plural(len(lacking), 'internal scope')} of the super tenant"
                f"{such_as(sorted(lacking))}.",
                place=Row(home, "IDN_OAUTH2_SCOPE", "NAME", f"TENANT_ID={tenant.id}"),
                tenant=tenant.domain,
            )
