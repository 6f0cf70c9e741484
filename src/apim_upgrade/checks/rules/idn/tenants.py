"""IDN001–IDN009: tenants and their realms."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from sqlalchemy import select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID
from apim_upgrade.registry import xml_parser
from apim_upgrade.tables.registry import PATH
from apim_upgrade.tables.user import UM_TENANT

_SYSTEM = frozenset({0, -1})
"""Ids that the registry may use for itself."""


@rule(
    "IDN001",
    Severity.INFO,
    title="inactive tenant",
    repair=Repair.AUTOMATIC,
    problems=("reg-inactive-tenant-no-artifacts",),
    sources=("wso2/api-manager#1103", "wso2/product-apim#10225"),
)
def inactive_tenants(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant is deactivated.

    Why: The vendor's client stops at such tenants or leaves them half done. A server does nothing for them until they
    are activated.

    How found: UM_TENANT.UM_ACTIVE.

    How to mend: Nothing has to be done. This tool upgrades inactive tenants like active ones, so that they can be
    activated later; delete those that nobody will want again.
    """
    subject.saw("tenants", len(subject.tenants))
    for tenant in subject.tenants:
        if not tenant.active:
            yield Finding(
                f"Tenant {tenant.domain} ({tenant.id}) is inactive.",
                place=Row(subject.home("user"), "UM_TENANT", "UM_ACTIVE", f"UM_ID={tenant.id}"),
                tenant=tenant.domain,
            )


@rule(
    "IDN002",
    Severity.INFO,
    title="tenant that was never loaded",
    repair=Repair.AUTOMATIC,
    problems=("reg-inactive-tenant-no-artifacts",),
    sources=("wso2/api-manager#1103",),
)
def never_loaded_tenants(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has nothing in the registry.

    Why: The vendor's client fails on it (it finds no type definition of APIs there). It has no APIs to lose.

    How found: The root folder of the tenant's registry, which the first load of the tenant makes, is not there.

    How to mend: Nothing has to be done. The target's server makes all that a new tenant needs when it is first used.
    """
    subject.saw("tenants", len(subject.tenants))
    loaded = _tenants_with_registry(subject)
    for tenant in subject.tenants:
        if tenant.id not in loaded:
            yield Finding(
                f"Tenant {tenant.domain} ({tenant.id}) was never loaded: it has nothing in the registry.",
                place=Row("shared", "REG_PATH", "REG_TENANT_ID", f"REG_TENANT_ID={tenant.id}"),
                tenant=tenant.domain,
            )


@rule("IDN003", Severity.MINOR, title="registry of a tenant that does not exist")
def registries_of_nobody(subject: Subject) -> Iterator[Finding]:
    """
    What: The registry has resources of a tenant that UM_TENANT does not have.

    Why: They are what a deleted tenant left, or UM_TENANT was restored from another day than the registry. No server
    can show them; the upgrade leaves them as they are.

    How found: Tenants of the root folders in REG_PATH are looked up in UM_TENANT.

    How to mend: See that both databases are of the same moment; if the tenant was deleted, delete its rows in the REG_
    tables.
    """
    subject.saw("tenants", len(subject.tenants))
    for tenant_id in sorted(_tenants_with_registry(subject) - subject.domains.keys() - _SYSTEM):
        yield Finding(
            f"The registry has resources of tenant {tenant_id}, which UM_TENANT does not have.",
            place=Row("shared", "REG_PATH", "REG_TENANT_ID", f"REG_TENANT_ID={tenant_id}"),
            item=f"tenant {tenant_id}",
        )


def _tenants_with_registry(subject: Subject) -> set[int]:
    roots = select(PATH.c.reg_tenant_id).where(PATH.c.reg_path_value == "/")
    return {row.reg_tenant_id for row in subject.shared.stream(roots)}


@rule(
    "IDN004",
    Severity.MAJOR,
    title="realm of a tenant that cannot be built",
    problems=("id-tenant-realm",),
    sources=("wso2/product-is#14528",),
)
def broken_realms(subject: Subject) -> Iterator[Finding]:
    """
    What: The realm configuration of an active tenant is no XML, names no user store, or names a class that is not the
    product's.

    Why: The server builds the tenant's users and roles from it. Without it nobody of the tenant can log in ("Error
    occurred while getting tenant user realm").

    How found: UM_TENANT.UM_USER_CONFIG of active tenants is parsed; it has to have a UserStoreManager with a class. A
    class that is not one of org.wso2.carbon gives a minor finding: it has to be brought to the target.

    How to mend: Correct the configuration after the example of another tenant; bring the jar of a class of your own to
    the target, built for its release.
    """
    home = subject.home("user")
    subject.saw("tenants", len(subject.tenants))
    query = (
        select(UM_TENANT.c.um_id, UM_TENANT.c.um_domain_name, UM_TENANT.c.um_user_config)
        .where(UM_TENANT.c.um_active, UM_TENANT.c.um_id != SUPER_TENANT_ID)
        .order_by(UM_TENANT.c.um_id)
    )
    for row in subject.sessions[home].stream(query, batch=50):
        fault, own = _fault(row.um_user_config)
        if fault:
            yield Finding(
                f"The realm of tenant {row.um_domain_name} {fault}.",
                place=Row(home, "UM_TENANT", "UM_USER_CONFIG", f"UM_ID={row.um_id}"),
                tenant=row.um_domain_name,
                severity=Severity.MINOR if own else None,
            )


def _fault(content: bytes | memoryview | None) -> tuple[str, bool]:
    """What is wrong with a realm, in one clause, and whether it only names a class of the customer's own."""
    try:
        root = etree.fromstring(bytes(content or b""), xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        return "is no well-formed XML", False
    stores = [element for element in root.iter("{*}UserStoreManager", "UserStoreManager") if element.get("class")]
    if not stores:
        return "names no user store", False
    strangers = sorted({store.get("class", "") for store in stores} - {""})
    strangers = [name for name in strangers if not name.startswith("org.wso2.carbon.")]
    return (f"names the class {strangers[0]}", True) if strangers else ("", False)
