"""IDN030–IDN039: user stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from apim_upgrade.checks.home import Home
from apim_upgrade.checks.model import Finding, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.tables.user import UM_DOMAIN

_STOCK_DOMAINS = frozenset(
    {"PRIMARY", "INTERNAL", "SYSTEM", "APPLICATION", "WORKFLOW", "ATTRIBUTE", "SHARED", "ORGANIZATION", "CONSOLE"}
)
_OLD_CLASSES = frozenset(
    {
        "org.wso2.carbon.user.core.jdbc.JDBCUserStoreManager",
        "org.wso2.carbon.user.core.ldap.ActiveDirectoryUserStoreManager",
        "org.wso2.carbon.user.core.ldap.ReadOnlyLDAPUserStoreManager",
        "org.wso2.carbon.user.core.ldap.ReadWriteLDAPUserStoreManager",
    }
)
_ALLOWED = "user_store_mgt.allowed_user_stores"


@rule(
    "IDN030",
    Severity.MAJOR,
    title="secondary user store",
    problems=("us-secondary-not-loaded", "us-tenant-folder"),
    sources=("wso2/product-is#9373", "wso2/docs-apim#6239", "wso2/api-manager#674"),
)
def secondary_stores(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has users in a secondary user store.

    Why: Its configuration is a file of the old home, and its users lie in another database or directory; neither is
    part of this upgrade. Without the file none of its users can log in. Files of a tenant may only be put in place when
    the target's server has made the tenant's folder. A store in a database needs ids of users (UM_USER.UM_USER_ID).

    How found: Rows of UM_DOMAIN that are not the product's own. Where check.home is given and has the file, the finding
    names it; without the file it says that it is missing.

    How to mend: Copy the files below repository/deployment/server/userstores and repository/tenants/<id>/userstores to
    the target, with the key store that encrypted their passwords; for a JDBC store bring its own database up to the
    target's schema of users and fill UM_USER_ID. Log in as one user of each store.
    """
    home = subject.home("user")
    subject.saw_rows("user stores", home, "um_domain")
    name = UM_DOMAIN.c.um_domain_name
    query = (
        select(UM_DOMAIN.c.um_domain_id, name, UM_DOMAIN.c.um_tenant_id)
        .where(func.upper(name).not_in(sorted(_STOCK_DOMAINS)))
        .order_by(UM_DOMAIN.c.um_tenant_id, name)
    )
    files = {(store.tenant_id, store.domain.upper()): store.path for store in _stores(subject.inputs.home)}
    for row in subject.sessions[home].stream(query):
        domain = subject.domain(row.um_tenant_id)
        told = ""
        if subject.inputs.home is not None:
            path = files.get((row.um_tenant_id, row.um_domain_name.upper()))
            told = f", configured in {path}" if path else "; the old home that was given has no file of it"
        yield Finding(
            f"Tenant {domain} has the secondary user store {row.um_domain_name}{told}.",
            place=Row(home, "UM_DOMAIN", "UM_DOMAIN_NAME", f"UM_DOMAIN_ID={row.um_domain_id}"),
            tenant=domain,
            item=f"{domain}/{row.um_domain_name}",
        )


@rule(
    "IDN031",
    Severity.MAJOR,
    title="secondary user store with a class that the target does not offer",
    needs=("home",),
    since="4.0.0",
    problems=("us-class-names",),
    sources=("wso2/product-is#10136", "wso2/product-is#14755", "wso2/product-is#15373"),
)
def old_classes(subject: Subject) -> Iterator[Finding]:
    """
    What: The file of a secondary user store names one of the old classes of user stores, without unique ids, or a class
    that is not the product's.

    Why: From 4.0.0 on only the classes with unique ids are offered. A store of an old class cannot be seen in the
    console, and logins through it fail.

    How found: The class of every file in the userstores folders of check.home. Classes that
    user_store_mgt.allowed_user_stores of check.target_configuration lists are taken as they are.

    How to mend: Name the class with UniqueID in the file (the store's table of users needs UM_USER_ID with values), or
    list the old class under [user_store_mgt] allowed_user_stores of the target. A class of your own has to extend the
    one with unique ids, and be built for the target.
    """
    allowed = setting(subject.target_configuration, _ALLOWED, [])
    for store in _stores(subject.inputs.home):
        subject.saw("user stores")
        stranger = not store.class_name.startswith("org.wso2.carbon.")
        if (store.class_name in _OLD_CLASSES or stranger) and store.class_name not in allowed:
            domain = subject.domain(store.tenant_id)
            yield Finding(
                f"User store {store.domain} of tenant {domain} is of the class {store.class_name}.",
                place=Spot(store.path),
                tenant=domain,
                item=f"{domain}/{store.domain}",
            )


@dataclass(frozen=True, slots=True)
class _Store:
    """A file of a secondary user store; ``domain`` and the class are as it names them, ``path`` begins at the home."""

    tenant_id: int
    path: str
    domain: str
    class_name: str


def _stores(folder: Path | None) -> Iterator[_Store]:
    """The secondary user stores of a home, tenants' included. Raises ProjectError for a file that is none."""
    if folder is None:
        return
    home = Home(folder)
    for tenant_id, file in home.user_stores():
        root = home.xml(file)
        if root is None:
            raise ProjectError(f"{file} cannot be read as the configuration of a user store: it is no well-formed XML.")
        manager = root if root.get("class") else next(root.iterfind(".//*[@class]"), root)
        names = [each.text for each in root.iter("{*}Property") if each.get("name") == "DomainName"]
        # The product falls back on the file's name, in which it writes a dot as an underscore.
        domain = names[0] if names and names[0] else file.stem.replace("_", ".")
        yield _Store(tenant_id, home.name(file), domain, manager.get("class") or "")


@rule(
    "IDN032",
    Severity.MINOR,
    title="primary user store that is a directory, or of an own class",
    needs=("configuration",),
    problems=("us-ad-userid",),
    sources=("wso2/api-manager#628", "wso2/docs-is#1604"),
)
def directory(subject: Subject) -> Iterator[Finding]:
    """
    What: The primary user store is not the database but LDAP, Active Directory, or a class of your own.

    Why: Users of a directory get their ids from an attribute of it. The vendor's client fails where that attribute does
    not exist (Active Directory has none); this tool gives ids only to users of the database and leaves a directory
    alone. A directory needs the claim userid mapped to an attribute that it has, such as objectGuid or scimId.

    How found: user_store.type of check.configuration is set to something else than a database, or user_store.class is
    set.

    How to mend: Carry [user_store] over to the target, with the type that has unique ids
    (read_write_ldap_unique_id, active_directory_unique_id …), and map the claim http://wso2.org/claims/userid to an
    attribute of the directory. Rehearse a login.
    """
    subject.saw("settings", 2)
    kind = str(setting(subject.configuration, "user_store.type", "database"))
    if not kind.startswith("database"):
        yield Finding(f"The primary user store is of type {kind}.", tenant=SUPER_TENANT_DOMAIN, item="user_store.type")
    own = str(setting(subject.configuration, "user_store.class", ""))
    if own:
        yield Finding(f"The primary user store is of the class {own}.", tenant=SUPER_TENANT_DOMAIN, item=_CLASS)


_CLASS = "user_store.class"
