"""What several rules on applications and their clients read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from apim_upgrade.checks.subject import Subject
from apim_upgrade.tables.api import APPLICATION, KEY_MANAGER, SUBSCRIBER
from apim_upgrade.tables.identity import ACCESS_TOKEN

ACTIVE = ACCESS_TOKEN.c.token_state == "ACTIVE"  # noqa: S105 - a state, not a secret


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
    has = subject.has("am", KEY_MANAGER.name, "organization")
    return KEY_MANAGER.c.organization if has else KEY_MANAGER.c.tenant_domain
