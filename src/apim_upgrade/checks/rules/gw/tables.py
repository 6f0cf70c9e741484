"""Tables of deployments and environments, as far as rules read them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, Select, String, column, select, table

from apim_upgrade.migrations.am_tables import API
from apim_upgrade.migrations.v4_0_0.deployments import DEPLOYMENT

REVISION = table("am_revision", column("id", Integer), column("api_uuid", String), column("revision_uuid", String))
ENVIRONMENT = table(
    "am_gateway_environment",
    column("id", Integer),
    column("name", String),
    column("tenant_domain", String),
    column("organization", String),
)
NONE = "none"
"""What stands in the place of an environment's name where there is none."""
NEVER = frozenset({"CREATED", "RETIRED"})
"""States in which the upgrade makes no deployment of its own."""


def deployed(*columns: Any) -> Select[Any]:
    """Select APIs (``api_id``) with the environments (``name``) of their deployed revisions, and more columns."""
    return (
        select(API.c.api_id, DEPLOYMENT.c.name, *columns)
        .join_from(DEPLOYMENT, REVISION, REVISION.c.revision_uuid == DEPLOYMENT.c.revision_uuid)
        .join(API, API.c.api_uuid == REVISION.c.api_uuid)
        .order_by(API.c.api_id, DEPLOYMENT.c.name)
    )
