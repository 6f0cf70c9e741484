"""Catalogues, introspection, the difference between them, and the DDL that closes it."""

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import Schema
from apim_upgrade.schema.build import create_statements
from apim_upgrade.schema.dialects import dialect_of


def introspect(session: Session) -> Schema:
    """Read the schema that a session sees, in the form of the catalogues."""
    return dialect_of("postgresql").introspect(session)


__all__ = ["Schema", "create_statements", "introspect"]
