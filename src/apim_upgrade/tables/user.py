"""Tables of the section ``user``: tenants, users, roles and their rights."""

from __future__ import annotations

from sqlalchemy import Boolean, Integer, LargeBinary, SmallInteger, String, column, table

UM_DOMAIN = table(
    "um_domain",
    column("um_domain_id", Integer),
    column("um_domain_name", String),
    column("um_tenant_id", Integer),
)
UM_GROUP_ROLE = table(
    "um_hybrid_group_role",
    column("um_group_name", String),
    column("um_role_id", Integer),
    column("um_tenant_id", Integer),
    column("um_domain_id", Integer),
)
UM_HYBRID_ROLE = table(
    "um_hybrid_role",
    column("um_id", Integer),
    column("um_role_name", String),
    column("um_tenant_id", Integer),
)
UM_PERMISSION = table(
    "um_permission",
    column("um_id", Integer),
    column("um_resource_id", String),
    column("um_action", String),
    column("um_tenant_id", Integer),
)
UM_ROLE = table(
    "um_role",
    column("um_id", Integer),
    column("um_role_name", String),
    column("um_tenant_id", Integer),
)
UM_ROLE_PERMISSION = table(
    "um_role_permission",
    column("um_id", Integer),
    column("um_permission_id", Integer),
    column("um_role_name", String),
    column("um_is_allowed", SmallInteger),
    column("um_tenant_id", Integer),
    column("um_domain_id", Integer),
)
UM_TENANT = table(
    "um_tenant",
    column("um_id", Integer),
    column("um_tenant_uuid", String),
    column("um_domain_name", String),
    column("um_active", Boolean),
    column("um_user_config", LargeBinary),
)
UM_USER = table(
    "um_user",
    column("um_id", Integer),
    column("um_user_id", String),
    column("um_user_name", String),
    column("um_tenant_id", Integer),
)
UM_USER_ATTRIBUTE = table(
    "um_user_attribute",
    column("um_id", Integer),
    column("um_attr_name", String),
    column("um_attr_value", String),
    column("um_profile_id", String),
    column("um_user_id", Integer),
    column("um_tenant_id", Integer),
)
"""``um_user_id`` is the *number* of the user here (UM_USER.UM_ID), not the UUID."""

UM_USER_DOMAIN = table(
    "um_uuid_domain_mapper",
    column("um_user_id", String),
    column("um_domain_id", Integer),
    column("um_tenant_id", Integer),
)
UM_USER_PERMISSION = table(
    "um_user_permission",
    column("um_permission_id", Integer),
    column("um_tenant_id", Integer),
)
