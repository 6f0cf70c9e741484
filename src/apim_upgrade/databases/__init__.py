"""Connections, sessions and what differs from DBMS to DBMS; the embedded PostgreSQL."""

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.clone import clone, copy_in_the_making, database_exists, drop_clone
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.mysql.embedded import EmbeddedMariaDB
from apim_upgrade.databases.naming import name_uuid, name_uuid_of
from apim_upgrade.databases.postgresql.embedded import EmbeddedPostgres

__all__ = [
    "Address",
    "Database",
    "EmbeddedMariaDB",
    "EmbeddedPostgres",
    "clone",
    "copy_in_the_making",
    "database_exists",
    "drop_clone",
    "name_uuid",
    "name_uuid_of",
]
