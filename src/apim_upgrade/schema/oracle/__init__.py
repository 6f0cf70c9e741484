"""Oracle: its types, its DDL for scripts, and the query for the shape of a database."""

from apim_upgrade.schema.oracle.ddl import Oracle

__all__ = ["Oracle"]
