"""Catalogues, introspection, the difference between them, and the DDL that closes it."""

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import Schema
from apim_upgrade.schema.build import create_statements
from apim_upgrade.schema.compare import Deviation, Difference, Standing, compare, differences_to_target
from apim_upgrade.schema.dialects import dialect_of
from apim_upgrade.schema.known import target_of
from apim_upgrade.schema.steps import (
    commit_steps,
    contract_steps,
    expand_steps,
    needs_fill,
    predicted_after_contract,
    predicted_after_expand,
    privilege_steps,
)
from apim_upgrade.schema.views import LostColumn, lost_to_views
from apim_upgrade.schema.violations import Violation, quarantine_steps, violations


def introspect(session: Session) -> Schema:
    """Read the schema that a session sees, in the form of the catalogues."""
    return dialect_of(session.kind).introspect(session)


__all__ = [
    "Deviation",
    "Difference",
    "LostColumn",
    "Schema",
    "Standing",
    "Violation",
    "commit_steps",
    "compare",
    "contract_steps",
    "create_statements",
    "differences_to_target",
    "expand_steps",
    "introspect",
    "lost_to_views",
    "needs_fill",
    "predicted_after_contract",
    "predicted_after_expand",
    "privilege_steps",
    "quarantine_steps",
    "target_of",
    "violations",
]
