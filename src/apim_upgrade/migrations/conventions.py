"""What values in the API-M database mean, for every data step that reads or writes them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, TableClause, or_

from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.releases import Release

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
