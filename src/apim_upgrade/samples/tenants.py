"""Tenants, user stores, users, roles and rights: the UM_* tables."""

from __future__ import annotations

from collections.abc import Iterable

from apim_upgrade.samples import stock
from apim_upgrade.samples.estate import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Estate, Tenant, secret

_DOMAINS = ("PRIMARY", "SYSTEM", "INTERNAL", "APPLICATION", "WORKFLOW")
_HYBRID_ROLES = ("everyone", "publisher", "creator", "devops", "analytics", "subscriber", "system")
_LATER_ROLES = ("observer", "integration_dev")
_OF_ADMIN = ("publisher", "creator", "devops", "analytics", "subscriber")
RESERVED_USER = "apim_reserved_user"
CUSTOM_ROLE = "API_CREATORS"
"""A role of the user store with permissions of its own, in every tenant."""
_OF_CUSTOM_ROLE = ("/permission/admin/login", "/permission/admin/manage/api/create")
_APPLICATIONS_PER_SUBSCRIBER = 100
_REGISTRY_ACTIONS = "http://www.wso2.org/projects/registry/actions/"
_REALM = (
    '<UserManager><Realm name="org.wso2.carbon.user.core.common.DefaultRealm"><Configuration><AddAdmin>true</AddAdmin>'
    "<AdminUser><UserName>admin</UserName><Password>dummy</Password></AdminUser><AdminRole>admin</AdminRole>"
    "<EveryOneRoleName>everyone</EveryOneRoleName></Configuration>"
    '<UserStoreManager class="org.wso2.carbon.user.core.jdbc.UniqueIDJDBCUserStoreManager">'
    '<Property name="PasswordDigest">SHA-256</Property><Property name="StoreSaltedPassword">true</Property>'
    "</UserStoreManager></Realm></UserManager>"
)


def write_tenants(estate: Estate) -> None:
    """Make the tenants with their users, roles and general rights."""
    domains = stock.words()["domains"]
    for index in range(estate.shape.tenants + 1):
        number, turn = (index - 1) % len(domains), (index - 1) // len(domains)
        name = SUPER_TENANT_DOMAIN if index == 0 else domains[number] if turn == 0 else f"{turn}.{domains[number]}"
        _write_tenant(estate, SUPER_TENANT_ID if index == 0 else index, name)


def grant(
    estate: Estate, tenant: Tenant, path: str, action: str, allowed: Iterable[str], denied: Iterable[str] = ()
) -> None:
    """Write a right: one permission with a row per role."""
    shared = estate.shared
    number = shared.number("um_permission", "um_id")
    shared.add(
        "um_permission", um_id=number, um_resource_id=path, um_action=action, um_tenant_id=tenant.id, um_module_id=0
    )
    for is_allowed, roles in ((1, allowed), (0, denied)):
        for role in roles:
            name, domain = tenant.role(role)
            shared.add(
                "um_role_permission",
                um_id=shared.number("um_role_permission", "um_id"),
                um_permission_id=number,
                um_role_name=name,
                um_is_allowed=is_allowed,
                um_tenant_id=tenant.id,
                um_domain_id=domain,
            )


def registry_action(action: str) -> str:
    """The text of a registry action such as ``get``."""
    return _REGISTRY_ACTIONS + action


def hybrid_role(estate: Estate, tenant: Tenant, name: str, *members: str) -> None:
    """Write an internal role with its members."""
    shared = estate.shared
    number = shared.number("um_hybrid_role", "um_id")
    shared.add(
        "um_hybrid_role",
        um_id=number,
        um_role_name=name,
        um_tenant_id=tenant.id,
    )
    for member in members:
        shared.add(
            "um_hybrid_user_role",
            um_id=shared.number("um_hybrid_user_role", "um_id"),
            um_user_name=member,
            um_role_id=number,
            um_tenant_id=tenant.id,
            um_domain_id=tenant.domain_ids["PRIMARY"],
        )


def _write_tenant(estate: Estate, number: int, domain: str) -> None:
    shape, shared, words = estate.shape, estate.shared, stock.words()
    domain_ids = {}
    if number != SUPER_TENANT_ID:
        shared.add(
            "um_tenant",
            um_id=shared.number("um_tenant", "um_id"),
            um_tenant_uuid=shape.uuid("tenant", domain),
            um_domain_name=domain,
            um_email=f"admin@{domain}",
            um_active=True,
            um_created_date=estate.clock.now(),
            um_user_config=_REALM.encode(),
        )
    for name in _DOMAINS:
        domain_ids[name] = shared.number("um_domain", "um_domain_id")
        shared.add("um_domain", um_domain_id=domain_ids[name], um_domain_name=name, um_tenant_id=number)
    wanted = shape.apis * shape.applications_per_api // (shape.tenants + 1) // _APPLICATIONS_PER_SUBSCRIBER
    names = words["subscribers"]
    subscribers = tuple(
        names[index] if index < len(names) else f"{names[index % len(names)]}{index // len(names)}"
        for index in range(max(2, wanted))
    )
    position = len(estate.tenants) + 1
    tenant = Tenant(number, position, domain, domain_ids, tuple(words["creators"]), words["publishers"][0], subscribers)
    estate.tenants.append(tenant)
    _write_roles_and_users(estate, tenant)
    permission = "/permission" if tenant.is_super else "/permission/admin"
    for right in stock.rights():
        path = right.path.format(permission=permission)
        action = right.action if right.action == "ui.execute" else registry_action(right.action)
        custom = (CUSTOM_ROLE,) if path in _OF_CUSTOM_ROLE else ()
        grant(estate, tenant, path, action, right.allowed + custom, right.denied)


def _write_roles_and_users(estate: Estate, tenant: Tenant) -> None:
    shared = estate.shared
    roles = {}
    for name in ("admin", CUSTOM_ROLE):
        roles[name] = shared.number("um_role", "um_id")
        shared.add(
            "um_role",
            um_id=roles[name],
            um_role_name=name,
            um_tenant_id=tenant.id,
            um_shared_role=False,
        )
    people: dict[str, tuple[str, ...]] = {"admin": _OF_ADMIN, RESERVED_USER: ()}
    people |= dict.fromkeys(tenant.creators, ("creator",))
    people[tenant.publisher] = ("publisher", "creator")
    people |= dict.fromkeys(tenant.subscribers, ("subscriber",))
    for name in people:
        user_roles = (
            (roles["admin"],) if name == "admin" else (roles[CUSTOM_ROLE],) if name == tenant.creators[0] else ()
        )
        _write_user(estate, tenant, name, user_roles)
    wanted = _HYBRID_ROLES + (_LATER_ROLES if estate.shape.configuration_in_database else ())
    for role in wanted:
        members = [name for name, held in people.items() if role in held or (name == "admin" and role in _LATER_ROLES)]
        hybrid_role(estate, tenant, role, *members)
    system_role = shared.number("um_system_role", "um_id")
    shared.add("um_system_role", um_id=system_role, um_role_name="wso2.anonymous.role", um_tenant_id=tenant.id)
    shared.add(
        "um_system_user",
        um_id=shared.number("um_system_user", "um_id"),
        um_user_name="wso2.anonymous.user",
        um_user_password=secret("anonymous", tenant.id),
        um_salt_value=secret("anonymous salt", tenant.id)[:24],
        um_require_change=False,
        um_changed_time=estate.clock.now(),
        um_tenant_id=tenant.id,
    )
    shared.add(
        "um_system_user_role",
        um_id=shared.number("um_system_user_role", "um_id"),
        um_user_name="wso2.anonymous.user",
        um_role_id=system_role,
        um_tenant_id=tenant.id,
    )


def _write_user(estate: Estate, tenant: Tenant, name: str, roles: Iterable[int]) -> None:
    shared, number = estate.shared, estate.shared.number("um_user", "um_id")
    uuid = estate.shape.uuid("user", tenant.id, name)
    shared.add(
        "um_user",
        um_id=number,
        um_user_id=uuid,
        um_user_name=name,
        um_user_password=secret("password", tenant.id, name),
        um_salt_value=secret("salt", tenant.id, name)[:24],
        um_require_change=False,
        um_changed_time=estate.clock.now(),
        um_tenant_id=tenant.id,
    )
    for role in roles:
        shared.add(
            "um_user_role",
            um_id=shared.number("um_user_role", "um_id"),
            um_role_id=role,
            um_user_id=number,
            um_tenant_id=tenant.id,
        )
    attributes = {"uid": name, "scimId": uuid}
    if name == "admin" and not tenant.is_super:
        attributes |= {"mail": f"admin@{tenant.domain}", "givenName": "Ad", "sn": "Min"}
    for attribute, value in attributes.items():
        shared.add(
            "um_user_attribute",
            um_id=shared.number("um_user_attribute", "um_id"),
            um_attr_name=attribute,
            um_attr_value=value,
            um_profile_id=RESERVED_USER if name == RESERVED_USER else "default",
            um_user_id=number,
            um_tenant_id=tenant.id,
        )
    shared.add(
        "um_uuid_domain_mapper",
        um_id=shared.number("um_uuid_domain_mapper", "um_id"),
        um_user_id=uuid,
        um_domain_id=tenant.domain_ids["PRIMARY"],
        um_tenant_id=tenant.id,
    )
