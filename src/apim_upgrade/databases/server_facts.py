"""What a database server says of itself: version, rights of the user, clock, connections, room on its disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apim_upgrade.databases.session import PostgresSession
from apim_upgrade.databases.table_facts import server_version


@dataclass(frozen=True, slots=True)
class Client:
    """Sessions of others on this database, by program and machine."""

    program: str
    machine: str
    sessions: int


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One server as the user of a session sees it; sizes in bytes."""

    version: str
    user: str
    superuser: bool
    may_create_databases: bool
    may_create_extensions: bool
    standby: bool
    read_only: bool
    """New transactions of this user cannot write unless they ask for it."""
    encoding: str
    loose_columns: tuple[str, ...]
    """``table.column`` of those whose text compares without regard to case."""
    unreadable: tuple[str, ...]
    """Tables that the user may not read."""
    extensions: tuple[str, ...]
    time_zone: str
    ahead: timedelta
    """How far the server's clock is ahead of this machine's."""
    connections: int
    connection_limit: int
    """Connections that ordinary users may have, on the whole server."""
    others: tuple[Client, ...]
    size: int
    free: int | None
    """Room on the disk of the data folder; None where it cannot be seen from here."""


_FACTS = """
SELECT current_user AS person, r.rolsuper AS superuser, r.rolcreatedb OR r.rolsuper AS may_create,
       has_database_privilege(current_database(), 'CREATE') AS may_extend,
       pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS read_only,
       pg_encoding_to_char(d.encoding) AS encoding, current_setting('TimeZone') AS zone,
       extract(epoch FROM clock_timestamp())::float8 AS clock,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS allowed,
       pg_database_size(d.oid) AS size, inet_server_addr() IS NOT DISTINCT FROM inet_client_addr() AS here,
       pg_has_role('pg_read_all_settings', 'USAGE') OR r.rolsuper AS may_see_folder
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"""

_LOOSE = """
SELECT c.relname || '.' || a.attname AS name
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY (current_schemas(false))
  AND a.attnum > 0 AND NOT a.attisdropped AND (t.typname = 'citext' OR NOT l.collisdeterministic)
ORDER BY 1"""

_CITEXT = _LOOSE.replace(" OR NOT l.collisdeterministic", "")
_LOOSE_SINCE = 12
"""From this PostgreSQL on a collation may be told to ignore case."""

_UNREADABLE = """
SELECT c.relname AS name FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY (current_schemas(false))
  AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY 1"""

_OTHERS = """
SELECT coalesce(nullif(application_name, ''), 'unnamed') AS program,
       coalesce(host(client_addr), 'the server itself') AS machine, count(*) AS sessions
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND application_name NOT LIKE 'apim-upgrade %'
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"""


def server_facts(session: PostgresSession) -> ServerFacts:
    """Ask the server; nothing is changed, and an ordinary user may do it."""
    (row,) = session.all(_FACTS)
    here = datetime.now(UTC).timestamp()
    return ServerFacts(
        server_version(session),
        row.person,
        row.superuser,
        row.may_create,
        row.superuser or row.may_extend,
        row.standby,
        row.read_only,
        row.encoding,
        tuple(each.name for each in session.all(_LOOSE if _major(session) >= _LOOSE_SINCE else _CITEXT)),
        tuple(each.name for each in session.all(_UNREADABLE)),
        tuple(each.extname for each in session.all("SELECT extname FROM pg_extension ORDER BY 1")),
        row.zone,
        timedelta(seconds=row.clock - here),
        row.connections,
        row.allowed,
        tuple(Client(each.program, each.machine, each.sessions) for each in session.all(_OTHERS)),
        row.size,
        _free(session) if row.here and row.may_see_folder else None,
    )


def _major(session: PostgresSession) -> int:
    return int(session.all("SHOW server_version_num")[0][0]) // 10_000


def _free(session: PostgresSession) -> int | None:
    """The room on the disk, when server and tool share a machine and the folder can be seen."""
    folder = Path(str(session.all("SHOW data_directory")[0][0]))
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
