"""Tables of the section ``identity``: claims, scopes, OAuth clients, tokens and service providers."""

from __future__ import annotations

from sqlalchemy import BigInteger, DateTime, Integer, String, column, table

ACCESS_TOKEN = table(
    "idn_oauth2_access_token",
    column("token_id", String),
    column("access_token", String),
    column("consumer_key_id", Integer),
    column("time_created", DateTime),
    column("refresh_token_time_created", DateTime),
    column("validity_period", BigInteger),
    column("refresh_token_validity_period", BigInteger),
    column("token_state", String),
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
CLAIM_DIALECT = table(
    "idn_claim_dialect",
    column("id", Integer),
    column("dialect_uri", String),
    column("tenant_id", Integer),
)
CLAIM_MAPPING = table(
    "idn_claim_mapping",
    column("ext_claim_id", Integer),
    column("mapped_local_claim_id", Integer),
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

CONSUMER_APP = table(
    "idn_oauth_consumer_apps",
    column("id", Integer),
    column("consumer_key", String),
    column("consumer_secret", String),
    column("tenant_id", Integer),
    column("app_name", String),
    column("callback_url", String),
    column("grant_types", String),
    column("user_access_token_expire_time", BigInteger),
    column("app_access_token_expire_time", BigInteger),
    column("refresh_token_expire_time", BigInteger),
)
IDP_METADATA = table(
    "idp_metadata",
    column("idp_id", Integer),
    column("name", String),
    column("value", String),
    column("tenant_id", Integer),
)
INBOUND_AUTH = table(
    "sp_inbound_auth",
    column("tenant_id", Integer),
    column("inbound_auth_key", String),
    column("inbound_auth_type", String),
    column("app_id", Integer),
)
OIDC_PROPERTY = table(
    "idn_oidc_property",
    column("tenant_id", Integer),
    column("consumer_key", String),
    column("property_key", String),
    column("property_value", String),
)
RESOURCE_SCOPE = table(
    "idn_oauth2_resource_scope",
    column("resource_path", String),
    column("scope_id", Integer),
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
SCOPE_CLAIM = table(
    "idn_oidc_scope_claim_mapping",
    column("scope_id", Integer),
    column("external_claim_id", Integer),
)
SERVICE_PROVIDER = table(
    "sp_app",
    column("id", Integer),
    column("tenant_id", Integer),
    column("app_name", String),
    column("access_url", String),
)
