"""The tables of users, claims, scopes and service providers, as far as identity steps read or write them."""

from __future__ import annotations

from sqlalchemy import Integer, SmallInteger, String, column, table

CLAIM_DIALECT = table(
    "idn_claim_dialect", column("id", Integer), column("dialect_uri", String), column("tenant_id", Integer)
)
CLAIM = table(
    "idn_claim",
    column("id", Integer),
    column("dialect_id", Integer),
    column("claim_uri", String),
    column("tenant_id", Integer),
)
CLAIM_ATTRIBUTE = table(
    "idn_claim_mapped_attribute",
    column("local_claim_id", Integer),
    column("user_store_domain_name", String),
    column("attribute_name", String),
    column("tenant_id", Integer),
)
CLAIM_PROPERTY = table(
    "idn_claim_property",
    column("local_claim_id", Integer),
    column("property_name", String),
    column("property_value", String),
    column("tenant_id", Integer),
)
"""Properties of local *and* of external claims, whatever the column's name says."""
CLAIM_MAPPING = table(
    "idn_claim_mapping",
    column("ext_claim_id", Integer),
    column("mapped_local_claim_id", Integer),
    column("tenant_id", Integer),
)

SCOPE = table(
    "idn_oauth2_scope",
    column("scope_id", Integer),
    column("name", String),
    column("display_name", String),
    column("description", String),
    column("tenant_id", Integer),
    column("scope_type", String),
)
SCOPE_BINDING = table(
    "idn_oauth2_scope_binding",
    column("scope_id", Integer),
    column("scope_binding", String),
    column("binding_type", String),
)
SCOPE_CLAIM = table("idn_oidc_scope_claim_mapping", column("scope_id", Integer), column("external_claim_id", Integer))
RESOURCE_SCOPE = table(
    "idn_oauth2_resource_scope",
    column("resource_path", String),
    column("scope_id", Integer),
    column("tenant_id", Integer),
)

OIDC_PROPERTY = table(
    "idn_oidc_property",
    column("tenant_id", Integer),
    column("consumer_key", String),
    column("property_key", String),
    column("property_value", String),
)
IDP_METADATA = table(
    "idp_metadata",
    column("idp_id", Integer),
    column("name", String),
    column("value", String),
    column("tenant_id", Integer),
)
APPLICATION = table("sp_app", column("id", Integer), column("tenant_id", Integer), column("access_url", String))
INBOUND_AUTH = table(
    "sp_inbound_auth",
    column("app_id", Integer),
    column("tenant_id", Integer),
    column("inbound_auth_key", String),
    column("inbound_auth_type", String),
)

UM_TENANT = table(
    "um_tenant", column("um_id", Integer), column("um_domain_name", String), column("um_tenant_uuid", String)
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
UM_DOMAIN = table(
    "um_domain", column("um_domain_id", Integer), column("um_domain_name", String), column("um_tenant_id", Integer)
)
UM_HYBRID_ROLE = table(
    "um_hybrid_role", column("um_id", Integer), column("um_role_name", String), column("um_tenant_id", Integer)
)
UM_GROUP_ROLE = table(
    "um_hybrid_group_role",
    column("um_group_name", String),
    column("um_role_id", Integer),
    column("um_tenant_id", Integer),
    column("um_domain_id", Integer),
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
