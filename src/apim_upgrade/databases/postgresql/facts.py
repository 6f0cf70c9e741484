"""What a PostgreSQL says of itself and of its tables: all of it at no cost, however large they are."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apim_upgrade.databases.facts import Client, ServerFacts, TableFacts
from apim_upgrade.databases.session import Session

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


def server_version(session: Session) -> str:
    """Return the server's version, such as ``15.4``."""
    return str(session.all("SHOW server_version")[0][0]).split()[0]


def table_facts(session: Session) -> dict[str, TableFacts]:
    """Return the facts of every table on the search path."""
    rows = session.all(
        "SELECT c.relname AS name, c.reltuples::bigint AS estimate, pg_total_relation_size(c.oid) AS size, "
        "pg_has_role(c.relowner, 'USAGE') AS owned FROM pg_class c "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY (current_schemas(false)) "
        "AND pg_table_is_visible(c.oid)"
    )
    return {row.name: TableFacts(row.estimate, row.size, row.owned) for row in rows}


def server_facts(session: Session) -> ServerFacts:
    """Ask the server; nothing is changed, and an ordinary user may do it."""
    (row,) = session.all(_FACTS)
    here = datetime.now(UTC).timestamp()
    folder = _folder(session) if row.here and row.may_see_folder else None
    return ServerFacts(
        version=server_version(session),
        user=row.person,
        superuser=row.superuser,
        may_create_databases=row.may_create,
        leave_to_create=f'ALTER ROLE "{row.person}" CREATEDB;',
        may_create_extensions=row.superuser or row.may_extend,
        standby=row.standby,
        read_only=row.read_only,
        encoding=row.encoding,
        loose_columns=tuple(each.name for each in session.all(_LOOSE if _major(session) >= _LOOSE_SINCE else _CITEXT)),
        unreadable=tuple(each.name for each in session.all(_UNREADABLE)),
        extensions=tuple(each.extname for each in session.all("SELECT extname FROM pg_extension ORDER BY 1")),
        time_zone=row.zone,
        ahead=timedelta(seconds=row.clock - here),
        connections=row.connections,
        connection_limit=row.allowed,
        others=tuple(Client(each.program, each.machine, each.sessions) for each in session.all(_OTHERS)),
        size=row.size,
        free=None if folder is None else shutil.disk_usage(folder).free,
        folder=folder,
    )


def _major(session: Session) -> int:
    return int(session.all("SHOW server_version_num")[0][0]) // 10_000


def _folder(session: Session) -> Path | None:
    """The data folder, when server and tool share a machine and it can be seen."""
    folder = Path(str(session.all("SHOW data_directory")[0][0]))
    try:
        shutil.disk_usage(folder)
    except OSError:
        return None
    return folder
