"""IDN010–IDN019: tenants' configurations, with the roles and scopes that they name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select

from apim_upgrade.checks.model import Finding, Place, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.rules.idn.known_roles import known_roles
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import ORGANIZATIONS
from apim_upgrade.migrations.v4_1_0.configuration_document import merge, read
from apim_upgrade.migrations.v4_1_0.tenant_configuration import TENANT_CONF
from apim_upgrade.registry import files, split
from apim_upgrade.releases.tenant_defaults import TenantDefaults, tenant_defaults
from apim_upgrade.tables.api import SYSTEM_CONFIG
from apim_upgrade.tables.registry import PATH, RESOURCE


@rule(
    "IDN010",
    Severity.MAJOR,
    title="tenant configuration that cannot be read",
    problems=("db-am-system-configs-blob",),
    sources=("wso2/api-manager#700", "wso2/api-manager#194"),
)
def unreadable_configurations(subject: Subject) -> Iterator[Finding]:
    """
    What: The configuration of a tenant is no JSON object, or its list of scopes has another form than servers write.

    Why: The upgrade cannot bring it up to the target, and the target's server would use its default instead: roles that
    the tenant gave to scopes of the portals would be lost, and people locked out.

    How found: tenant-conf.json of every tenant's registry up to 4.0.0, the rows of AM_SYSTEM_CONFIGS from 4.1.0 on,
    are read and merged with the target's default as the upgrade does it.

    How to mend: Correct it in the advanced settings of the old release's admin portal. The finding says what is wrong.
    """
    for tenant_id, place, content in _configurations(subject):
        subject.saw("tenant configurations")
        domain = subject.domain(tenant_id)
        try:
            merge(read(content), _stock(subject, subject.source), _stock(subject, subject.target))
        except ValueError as error:
            yield Finding(f"The configuration of tenant {domain} cannot be read: {error}.", place=place, tenant=domain)


@rule(
    "IDN011",
    Severity.INFO,
    title="tenant configuration without scopes of the target",
    repair=Repair.AUTOMATIC,
    problems=("cfg-tenant-conf-scopes", "db-am-system-configs-blob", "id-login-fails-after-migration"),
    sources=("wso2/api-manager#3575", "wso2/carbon-apimgt commit 64ee390dbb8", "wso2/api-manager#975"),
)
def missing_scopes(subject: Subject) -> Iterator[Finding]:
    """
    What: The configuration of a tenant lacks scopes that the target's portals ask for.

    Why: Pages are hidden, or answer 403, until the scopes are there with the roles that may have them. Servers add only
    some of them by themselves.

    How found: RESTAPIScopes of every tenant is compared with the default of the target. Scopes whose default roles
    changed while the tenant has roles of its own are told as well.

    How to mend: Nothing has to be done for a target of 4.1.0 or later: the upgrade adds the scopes with their default
    roles and keeps what the tenant has changed. Look through the roles of new scopes if you replaced the default roles
    by your own.
    """
    stays = subject.target < ORGANIZATIONS
    for tenant_id, place, content in _configurations(subject):
        subject.saw("tenant configurations")
        domain = subject.domain(tenant_id)
        try:
            document = read(content)
            merged = merge(document, _stock(subject, subject.source), _stock(subject, subject.target))
        except ValueError:
            continue  # IDN010 tells of it
        lacking = sorted(_names(merged.document) - _names(document))
        kept = f"; it keeps its own roles of {', '.join(merged.kept)}" if merged.kept else ""
        if lacking:
            yield Finding(
                f"The configuration of tenant {domain} lacks {plural(len(lacking), 'scope')} of {subject.target}, such "
                f"as {', '.join(lacking[:3])}{kept}.",
                "Add the scopes to the tenant's configuration after the upgrade." if stays else "",
                place,
                tenant=domain,
                repair=Repair.MANUAL if stays else None,
            )


@rule(
    "IDN012",
    Severity.MINOR,
    title="role in a tenant configuration that does not exist",
    problems=("cfg-tenant-conf-scopes", "id-login-fails-after-migration"),
    sources=("wso2/api-manager#3575",),
)
def roles_of_configurations(subject: Subject) -> Iterator[Finding]:
    """
    What: A scope or a role mapping in the configuration of a tenant names a role that the tenant does not have.

    Why: Nobody gets the scope through that role: if a role was renamed or removed, its people miss pages of the
    portals.

    How found: Roles of RESTAPIScopes and values of RoleMappings are looked up among the internal roles and those of the
    primary user store, without regard to case. Roles of secondary user stores, of directories, and those that servers
    make when they load a tenant are taken to exist. Roles that the stock configuration names are not told.

    How to mend: Make the role again, or take it out of the tenant's configuration in the admin portal.
    """
    roles = known_roles(subject)
    for tenant_id, place, content in _configurations(subject):
        subject.saw("tenant configurations")
        domain = subject.domain(tenant_id)
        try:
            document = read(content)
        except ValueError:
            continue  # IDN010 tells of it
        usual = _usual_roles(subject, document)
        named: dict[str, list[str]] = defaultdict(list)
        for scope, listed in _roles(document):
            for role in listed:
                if role.lower() not in usual and not roles.may_exist(tenant_id, role):
                    named[role].append(scope)
        for role, scopes in sorted(named.items()):
            such = ", ".join(dict.fromkeys(scopes[:3]))
            yield Finding(
                f"The configuration of tenant {domain} names the role {role}, which does not exist, in {such}.",
                place=place,
                tenant=domain,
                item=f"{domain}/{role}",
            )


def _configurations(subject: Subject) -> Iterator[tuple[int, Place, bytes]]:
    """Yield (tenant id, where it lies, content) of every tenant that has one."""
    if subject.source >= ORGANIZATIONS:
        ids = {domain: tenant_id for tenant_id, domain in subject.domains.items()}
        query = select(SYSTEM_CONFIG).where(SYSTEM_CONFIG.c.config_type == "TENANT")
        for row in subject.am.stream(query.order_by(SYSTEM_CONFIG.c.organization), batch=50):
            if row.organization in ids:
                place = Row("am", "AM_SYSTEM_CONFIGS", "CONFIGURATION", f"ORGANIZATION={row.organization}")
                yield ids[row.organization], place, bytes(row.configuration or b"")
        return
    folder, name = split(TENANT_CONF)
    here = files().where(PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name)
    for row in subject.sessions[subject.home("config")].stream(here.order_by(RESOURCE.c.reg_tenant_id), batch=50):
        if row.tenant_id in subject.domains:
            yield row.tenant_id, Spot(TENANT_CONF), bytes(row.content or b"")


def _stock(subject: Subject, release: Any) -> TenantDefaults:
    return tenant_defaults(release, subject.choices.admin_role)


def _scopes(document: dict[str, Any]) -> list[dict[str, Any]]:
    holder = document.get("RESTAPIScopes")
    scopes = holder.get("Scope") if isinstance(holder, dict) else None
    return [scope for scope in scopes if isinstance(scope, dict)] if isinstance(scopes, list) else []


def _names(document: dict[str, Any]) -> set[str]:
    return {str(scope.get("Name")) for scope in _scopes(document)}


def _roles(document: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield (what names them, roles)."""
    for scope in _scopes(document):
        yield str(scope.get("Name")), _listed(scope.get("Roles"))
    mappings = document.get("RoleMappings")
    if isinstance(mappings, dict):
        for role, own in mappings.items():
            yield f"RoleMappings of {role}", _listed(own)


def _listed(roles: object) -> list[str]:
    return [role.strip() for role in str(roles or "").split(",") if role.strip()]


def _usual_roles(subject: Subject, document: dict[str, Any]) -> set[str]:
    """Roles that a stock configuration names, or that servers make: in lower case."""
    stock = (tenant_defaults(release) for release in (subject.source, subject.target))
    names = {role for defaults in stock for roles in defaults.scopes.values() for role in _listed(roles)}
    made = document.get("DefaultRoles")
    for each in made.values() if isinstance(made, dict) else ():
        if isinstance(each, dict) and each.get("RoleName"):
            names |= {str(each["RoleName"]), f"Internal/{each['RoleName']}"}
    return {name.lower() for name in names | {subject.choices.admin_role}}
