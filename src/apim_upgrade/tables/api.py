"""Tables of the section ``api``: APIs, revisions, deployments, applications, policies and their keys."""

from __future__ import annotations

from sqlalchemy import Boolean, DateTime, Integer, LargeBinary, String, column, table

API = table(
    "am_api",
    column("api_id", Integer),
    column("api_uuid", String),
    column("api_provider", String),
    column("api_name", String),
    column("api_version", String),
    column("context", String),
    column("context_template", String),
    column("api_tier", String),
    column("api_type", String),
    column("api_subtype", String),
    column("organization", String),
    column("gateway_vendor", String),
    column("status", String),
    column("version_comparable", String),
    column("is_egress", Integer),
    column("revisions_created", Integer),
    column("api_display_name", String),
)
API_CATEGORY = table(
    "am_api_categories",
    column("uuid", String),
    column("name", String),
    column("organization", String),
)
API_CLIENT_CERTIFICATE = table(
    "am_api_client_certificate",
    column("tenant_id", Integer),
    column("alias", String),
    column("api_id", Integer),
    column("certificate", LargeBinary),
    column("removed", Boolean),
    column("tier_name", String),
    column("key_type", String),
    column("revision_uuid", String),
)
API_DEFAULT_VERSION = table(
    "am_api_default_version",
    column("default_version_id", Integer),
    column("api_name", String),
    column("api_provider", String),
    column("default_api_version", String),
    column("published_default_api_version", String),
    column("organization", String),
)
API_OPERATION_POLICY = table(
    "am_api_operation_policy",
    column("policy_uuid", String),
    column("cloned_policy_uuid", String),
)
API_OPERATION_POLICY_MAPPING = table(
    "am_api_operation_policy_mapping",
    column("url_mapping_id", Integer),
    column("policy_uuid", String),
    column("policy_order", Integer),
    column("direction", String),
    column("parameters", String),
)
"""``parameters`` is text up to 4.5.0, then bytes."""

API_POLICY_MAPPING = table(
    "am_api_policy_mapping",
    column("api_uuid", String),
    column("revision_uuid", String),
    column("policy_uuid", String),
    column("policy_order", Integer),
    column("direction", String),
    column("parameters", String),
)
"""``parameters`` is text up to 4.5.0, then bytes."""

API_PRODUCT_MAPPING = table(
    "am_api_product_mapping",
    column("api_product_mapping_id", Integer),
    column("api_id", Integer),
    column("url_mapping_id", Integer),
    column("revision_uuid", String),
)
API_RESOURCE_SCOPE_MAPPING = table(
    "am_api_resource_scope_mapping",
    column("scope_name", String),
    column("url_mapping_id", Integer),
    column("tenant_id", Integer),
)
API_REVISION_METADATA = table(
    "am_api_revision_metadata",
    column("api_uuid", String),
    column("revision_uuid", String),
    column("api_tier", String),
)
API_SCOPE = table(
    "am_scope",
    column("scope_id", Integer),
    column("name", String),
    column("tenant_id", Integer),
)
API_SCOPE_BINDING = table(
    "am_scope_binding",
    column("scope_id", Integer),
    column("scope_binding", String),
)
API_URL_MAPPING = table(
    "am_api_url_mapping",
    column("url_mapping_id", Integer),
    column("api_id", Integer),
    column("http_method", String),
    column("auth_scheme", String),
    column("url_pattern", String),
    column("throttling_tier", String),
    column("mediation_script", LargeBinary),
    column("revision_uuid", String),
)
APPLICATION = table(
    "am_application",
    column("application_id", Integer),
    column("name", String),
    column("subscriber_id", Integer),
    column("application_tier", String),
    column("callback_url", String),
    column("group_id", String),
    column("token_type", String),
    column("organization", String),
    column("shared_organization", String),
)
APPLICATION_KEY_MAPPING = table(
    "am_application_key_mapping",
    column("uuid", String),
    column("application_id", Integer),
    column("consumer_key", String),
    column("key_type", String),
    column("key_manager", String),
)
APPLICATION_REGISTRATION = table(
    "am_application_registration",
    column("reg_id", Integer),
    column("app_id", Integer),
    column("token_type", String),
    column("key_manager", String),
)
BLOCK_CONDITION = table(
    "am_block_conditions",
    column("condition_id", Integer),
    column("type", String),
    column("block_condition", String),
    column("enabled", String),
    column("domain", String),
    column("value", String),
)
CERTIFICATE_METADATA = table(
    "am_certificate_metadata",
    column("tenant_id", Integer),
    column("alias", String),
    column("end_point", String),
    column("certificate", LargeBinary),
)
DEPLOYMENT = table(
    "am_deployment_revision_mapping",
    column("name", String),
    column("vhost", String),
    column("revision_uuid", String),
    column("revision_status", String),
    column("display_on_devportal", Boolean),
    column("deployed_time", DateTime),
)
GATEWAY_ARTIFACT = table(
    "am_gw_api_artifacts",
    column("api_id", String),
    column("revision_id", String),
    column("artifact", LargeBinary),
    column("time_stamp", DateTime),
)
GATEWAY_DEPLOYMENT = table(
    "am_gw_api_deployments",
    column("api_id", String),
    column("revision_id", String),
    column("label", String),
    column("vhost", String),
)
GATEWAY_ENVIRONMENT = table(
    "am_gateway_environment",
    column("id", Integer),
    column("uuid", String),
    column("name", String),
    column("display_name", String),
    column("description", String),
    column("provider", String),
    column("gateway_type", String),
    column("organization", String),
    column("tenant_domain", String),
)
GRAPHQL_COMPLEXITY = table(
    "am_graphql_complexity",
    column("uuid", String),
    column("api_id", Integer),
    column("type", String),
    column("field", String),
    column("complexity_value", Integer),
    column("revision_uuid", String),
)
KEY_MANAGER = table(
    "am_key_manager",
    column("uuid", String),
    column("name", String),
    column("description", String),
    column("type", String),
    column("configuration", LargeBinary),
    column("enabled", Boolean),
    column("organization", String),
    column("token_type", String),
    column("tenant_domain", String),
)
LABEL = table(
    "am_labels",
    column("label_id", String),
    column("name", String),
    column("description", String),
    column("tenant_domain", String),
)
LABEL_URL = table(
    "am_label_urls",
    column("label_id", String),
    column("access_url", String),
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
    column("organization", String),
    column("policy_category", String),
)
OPERATION_POLICY_DEFINITION = table(
    "am_operation_policy_definition",
    column("policy_uuid", String),
    column("policy_definition", LargeBinary),
    column("gateway_type", String),
    column("definition_md5", String),
)
PUBLISHED_API = table(
    "am_gw_published_api_details",
    column("api_id", String),
    column("tenant_domain", String),
    column("api_provider", String),
    column("api_name", String),
    column("api_version", String),
    column("api_type", String),
)
REVISION = table(
    "am_revision",
    column("id", Integer),
    column("api_uuid", String),
    column("revision_uuid", String),
    column("description", String),
    column("created_time", DateTime),
    column("created_by", String),
)
SHARED_SCOPE = table(
    "am_shared_scope",
    column("name", String),
    column("tenant_id", Integer),
)
SUBSCRIBER = table(
    "am_subscriber",
    column("subscriber_id", Integer),
    column("user_id", String),
    column("tenant_id", Integer),
)
SUBSCRIPTION = table(
    "am_subscription",
    column("subscription_id", Integer),
    column("tier_id", String),
    column("api_id", Integer),
    column("application_id", Integer),
)
SYSTEM_CONFIG = table(
    "am_system_configs",
    column("organization", String),
    column("config_type", String),
    column("configuration", LargeBinary),
)
TENANT_THEME = table(
    "am_tenant_themes",
    column("tenant_id", Integer),
)
VHOST = table(
    "am_gw_vhost",
    column("gateway_env_id", Integer),
    column("host", String),
    column("http_context", String),
    column("http_port", String),
    column("https_port", String),
    column("ws_port", String),
    column("wss_port", String),
)
