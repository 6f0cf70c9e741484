"""What several rules on deployments and environments read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select

from apim_upgrade.tables.api import API, DEPLOYMENT, REVISION

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
