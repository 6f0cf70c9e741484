"""Tables of the API-M database, as far as data steps read or write them; columns of every release side by side."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    LargeBinary,
    String,
    TableClause,
    column,
    or_,
    table,
)

from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.releases import Release

API = table(
    "am_api",
    column("api_id", Integer),
    column("api_uuid", String),
    column("api_provider", String),
    column("api_name", String),
    column("api_version", String),
    column("context", String),
    column("api_type", String),
    column("api_tier", String),
    column("status", String),
    column("revisions_created", Integer),
    column("organization", String),
)
API_DEFAULT_VERSION = table(
    "am_api_default_version",
    column("default_version_id", Integer),
    column("api_name", String),
    column("api_provider", String),
    column("organization", String),
)
API_PRODUCT_MAPPING = table(
    "am_api_product_mapping",
    column("api_product_mapping_id", Integer),
    column("api_id", Integer),
    column("url_mapping_id", Integer),
    column("revision_uuid", String),
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
API_RESOURCE_SCOPE_MAPPING = table(
    "am_api_resource_scope_mapping",
    column("scope_name", String),
    column("url_mapping_id", Integer),
    column("tenant_id", Integer),
)
APPLICATION = table(
    "am_application",
    column("application_id", Integer),
    column("name", String),
    column("subscriber_id", Integer),
    column("organization", String),
    column("shared_organization", String),
)
SUBSCRIBER = table("am_subscriber", column("subscriber_id", Integer), column("tenant_id", Integer))
APPLICATION_KEY_MAPPING = table(
    "am_application_key_mapping",
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
CERTIFICATE_METADATA = table(
    "am_certificate_metadata",
    column("tenant_id", Integer),
    column("alias", String),
    column("end_point", String),
    column("certificate", LargeBinary),
)
CONSUMER_APP = table("idn_oauth_consumer_apps", column("consumer_key", String), column("tenant_id", Integer))
GATEWAY_ENVIRONMENT = table(
    "am_gateway_environment",
    column("id", Integer),
    column("uuid", String),
    column("name", String),
    column("display_name", String),
    column("description", String),
    column("tenant_domain", String),
    column("organization", String),
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
GATEWAY_ARTIFACT = table("am_gw_api_artifacts", column("api_id", String), column("revision_id", String))
PUBLISHED_API = table("am_gw_published_api_details", column("api_id", String))
KEY_MANAGER = table(
    "am_key_manager",
    column("uuid", String),
    column("name", String),
    column("description", String),
    column("type", String),
    column("configuration", LargeBinary),
    column("enabled", Boolean),
    column("tenant_domain", String),
    column("organization", String),
)
LABEL = table(
    "am_labels",
    column("label_id", String),
    column("name", String),
    column("description", String),
    column("tenant_domain", String),
)
LABEL_URL = table("am_label_urls", column("label_id", String), column("access_url", String))
SYSTEM_CONFIG = table(
    "am_system_configs",
    column("organization", String),
    column("config_type", String),
    column("configuration", LargeBinary),
)

PRODUCT = "APIProduct"
"""AM_API.API_TYPE of an API product."""
RESIDENT_KEY_MANAGER = "Resident Key Manager"
ORGANIZATIONS = Release(4, 1, 0)
"""From this release on rows name their tenant by ORGANIZATION."""


def blank(value: ColumnElement[str]) -> ColumnElement[bool]:
    """Say that a text is absent: NULL and empty text are the same everywhere in an estate."""
    return or_(value.is_(None), value == "")


def owner_column(of: TableClause, upgrade: Upgrade) -> ColumnElement[str]:
    """Return the column of an environment or key manager that names its tenant, as the target spells it."""
    return of.c.organization if upgrade.target >= ORGANIZATIONS else of.c.tenant_domain
