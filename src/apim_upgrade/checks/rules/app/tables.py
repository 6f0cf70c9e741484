"""Tables of applications and their clients, as far as rules read them; columns of every release side by side."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    DateTime,
    Integer,
    LargeBinary,
    Select,
    String,
    column,
    select,
    table,
)

from apim_upgrade.checks.subject import Subject

APPLICATION = table(
    "am_application",
    column("application_id", Integer),
    column("name", String),
    column("subscriber_id", Integer),
    column("application_tier", String),
    column("callback_url", String),
    column("group_id", String),
    column("token_type", String),
)
SUBSCRIBER = table(
    "am_subscriber", column("subscriber_id", Integer), column("user_id", String), column("tenant_id", Integer)
)
SUBSCRIPTION = table(
    "am_subscription",
    column("subscription_id", Integer),
    column("tier_id", String),
    column("api_id", Integer),
    column("application_id", Integer),
)
KEY = table(
    "am_application_key_mapping",
    column("application_id", Integer),
    column("consumer_key", String),
    column("key_type", String),
    column("key_manager", String),
)
KEY_MANAGER = table(
    "am_key_manager",
    column("uuid", String),
    column("name", String),
    column("type", String),
    column("configuration", LargeBinary),
    column("enabled", Boolean),
    column("tenant_domain", String),
    column("organization", String),
    column("token_type", String),
)
CLIENT = table(
    "idn_oauth_consumer_apps",
    column("id", Integer),
    column("consumer_key", String),
    column("app_name", String),
    column("tenant_id", Integer),
    column("callback_url", String),
    column("grant_types", String),
    column("user_access_token_expire_time", BigInteger),
    column("app_access_token_expire_time", BigInteger),
    column("refresh_token_expire_time", BigInteger),
)
CLIENT_PROPERTY = table(
    "idn_oidc_property",
    column("consumer_key", String),
    column("property_key", String),
    column("property_value", String),
)
TOKEN = table(
    "idn_oauth2_access_token",
    column("token_id", String),
    column("access_token", String),
    column("consumer_key_id", Integer),
    column("token_state", String),
    column("time_created", DateTime),
    column("validity_period", BigInteger),
    column("refresh_token_validity_period", BigInteger),
)

ACTIVE = TOKEN.c.token_state == "ACTIVE"  # noqa: S105 - a state, not a secret
RESIDENT = "Resident Key Manager"


def applications(*columns: Any) -> Select[Any]:
    """Select applications with the tenant of their subscriber (``tenant_id``) and more columns."""
    return (
        select(APPLICATION.c.application_id, APPLICATION.c.name, SUBSCRIBER.c.tenant_id, *columns)
        .select_from(APPLICATION)
        .join(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
        .order_by(APPLICATION.c.application_id)
    )


def owner_of_key_managers(subject: Subject) -> Any:
    """Return the column of AM_KEY_MANAGER that names the tenant."""
    return (
        KEY_MANAGER.c.organization
        if subject.has("am", "am_key_manager", "organization")
        else (KEY_MANAGER.c.tenant_domain)
    )
