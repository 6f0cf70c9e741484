"""Reads what is there: release, tenants, counts. Read only."""

from apim_upgrade.estate.model import (
    ApiCount,
    Count,
    DatabaseFacts,
    Environment,
    Estate,
    KeyManager,
    TenantFacts,
    drift,
)
from apim_upgrade.estate.read import read_estate, release_by_schema, require_path
from apim_upgrade.estate.shapes import release_of

__all__ = [
    "ApiCount",
    "Count",
    "DatabaseFacts",
    "Environment",
    "Estate",
    "KeyManager",
    "TenantFacts",
    "drift",
    "read_estate",
    "release_by_schema",
    "release_of",
    "require_path",
]
