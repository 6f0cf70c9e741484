"""The rows that artifacts are made from, as tables to select from; columns that not every release has are marked."""

from __future__ import annotations

from sqlalchemy import Boolean, DateTime, Integer, LargeBinary, String, column, table

API = table(
    "am_api",
    column("api_id", Integer),
    column("api_uuid", String),
    column("api_provider", String),
    column("api_name", String),
    column("api_version", String),
    column("api_type", String),
    column("context", String),
    column("context_template", String),
    column("api_tier", String),
    column("gateway_vendor", String),
    column("api_subtype", String),
    column("is_egress", Integer),
    column("api_display_name", String),
)
API_SINCE = ("gateway_vendor", "api_subtype", "is_egress", "api_display_name")
"""Columns of AM_API that only newer releases have."""

REVISION = table("am_revision", column("id", Integer), column("api_uuid", String), column("revision_uuid", String))
REVISION_TIER = table(
    "am_api_revision_metadata", column("api_uuid", String), column("revision_uuid", String), column("api_tier", String)
)
DEFAULT_VERSION = table(
    "am_api_default_version",
    column("api_name", String),
    column("api_provider", String),
    column("default_api_version", String),
)
URL_MAPPING = table(
    "am_api_url_mapping",
    column("url_mapping_id", Integer),
    column("api_id", Integer),
    column("http_method", String),
    column("auth_scheme", String),
    column("url_pattern", String),
    column("throttling_tier", String),
    column("revision_uuid", String),
)
RESOURCE_SCOPE = table("am_api_resource_scope_mapping", column("scope_name", String), column("url_mapping_id", Integer))
SHARED_SCOPE = table("am_shared_scope", column("name", String), column("tenant_id", Integer))
PRODUCT_MAPPING = table(
    "am_api_product_mapping",
    column("api_product_mapping_id", Integer),
    column("api_id", Integer),
    column("url_mapping_id", Integer),
    column("revision_uuid", String),
)
CLIENT_CERTIFICATE = table(
    "am_api_client_certificate",
    column("alias", String),
    column("api_id", Integer),
    column("certificate", LargeBinary),
    column("removed", Boolean),
    column("tier_name", String),
    column("key_type", String),
    column("revision_uuid", String),
)
ENDPOINT_CERTIFICATE = table(
    "am_certificate_metadata",
    column("tenant_id", Integer),
    column("alias", String),
    column("end_point", String),
    column("certificate", LargeBinary),
)
COMPLEXITY = table(
    "am_graphql_complexity",
    column("api_id", Integer),
    column("type", String),
    column("field", String),
    column("complexity_value", Integer),
    column("revision_uuid", String),
)
OPERATION_POLICY_MAPPING = table(
    "am_api_operation_policy_mapping",
    column("url_mapping_id", Integer),
    column("policy_uuid", String),
    column("policy_order", Integer),
    column("direction", String),
    column("parameters", String),
)
API_POLICY_MAPPING = table(
    "am_api_policy_mapping",
    column("api_uuid", String),
    column("revision_uuid", String),
    column("policy_uuid", String),
    column("policy_order", Integer),
    column("direction", String),
    column("parameters", String),
)
API_OPERATION_POLICY = table(
    "am_api_operation_policy", column("policy_uuid", String), column("cloned_policy_uuid", String)
)
OPERATION_POLICY = table(
    "am_operation_policy",
    column("policy_uuid", String),
    column("policy_name", String),
    column("policy_version", String),
    column("display_name", String),
    column("policy_description", String),
    column("applicable_flows", String),
    column("gateway_types", String),
    column("api_types", String),
    column("policy_parameters", LargeBinary),
    column("policy_category", String),
)
OPERATION_POLICY_DEFINITION = table(
    "am_operation_policy_definition",
    column("policy_uuid", String),
    column("policy_definition", LargeBinary),
    column("gateway_type", String),
)

TENANT = table("um_tenant", column("um_id", Integer), column("um_domain_name", String))
PATH = table(
    "reg_path", column("reg_path_id", Integer), column("reg_path_value", String), column("reg_tenant_id", Integer)
)
RESOURCE = table(
    "reg_resource",
    column("reg_path_id", Integer),
    column("reg_name", String),
    column("reg_tenant_id", Integer),
    column("reg_uuid", String),
    column("reg_content_id", Integer),
    column("reg_created_time", DateTime),
    column("reg_last_updated_time", DateTime),
)
CONTENT = table(
    "reg_content",
    column("reg_content_id", Integer),
    column("reg_content_data", LargeBinary),
    column("reg_tenant_id", Integer),
)
RESOURCE_PROPERTY = table(
    "reg_resource_property",
    column("reg_property_id", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
PROPERTY = table(
    "reg_property",
    column("reg_id", Integer),
    column("reg_name", String),
    column("reg_value", String),
    column("reg_tenant_id", Integer),
)
RESOURCE_TAG = table(
    "reg_resource_tag",
    column("reg_tag_id", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
TAG = table("reg_tag", column("reg_id", Integer), column("reg_tag_name", String), column("reg_tenant_id", Integer))
