"""SQL Server: its types, its DDL for scripts, and the query for the shape of a database."""

from apim_upgrade.schema.mssql.ddl import SqlServer

__all__ = ["SqlServer"]
