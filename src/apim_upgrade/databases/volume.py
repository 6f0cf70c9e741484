"""What a database weighs and what its server has written: for those who want to know what some work costs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, PendingRollbackError

from apim_upgrade.databases.session import Session


@dataclass(frozen=True, slots=True)
class Volume:
    """Bytes; None where this server or this user cannot tell."""

    size: int | None
    """What the database has on the disk, indexes included."""
    written: int | None
    """The server's log of changes since its beginning, of all its databases: only differences mean something."""
    temporary: int | None
    """What sorts and hashes of this database have put aside on the disk, since the statistics begin."""


_QUERIES = {
    "postgresql": (
        "SELECT pg_database_size(current_database())",
        "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint",
        "SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()",
    ),
    "mysql": (
        "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables "
        "WHERE table_schema = DATABASE()",
        "SHOW GLOBAL STATUS WHERE Variable_name = 'Innodb_os_log_written'",
        "",
    ),
}
_UNKNOWN = ("", "", "")


def volume_of(session: Session) -> Volume:
    """Ask the server; ``session`` has to be in no transaction."""
    return Volume(*(_ask(session, query) for query in _QUERIES.get(session.kind, _UNKNOWN)))


def _ask(session: Session, query: str) -> int | None:
    if not query:
        return None
    try:
        rows = session.all(query)
    except (DBAPIError, PendingRollbackError):  # the second: the connection was lost at an earlier question
        return None
    return int(rows[0][-1] or 0) if rows else None
