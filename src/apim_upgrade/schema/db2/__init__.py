"""DB2: its types, its DDL for scripts, and the query for the shape of a database."""

from apim_upgrade.schema.db2.ddl import Db2

__all__ = ["Db2"]
