"""What a database weighs and what its server has written: for those who want to know what some work costs."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

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
    )
}
_UNKNOWN = ("", "", "")


def volume_of(session: Session) -> Volume:
    """Ask the server; ``session`` has to be in no transaction."""
    return Volume(*(_ask(session, query) for query in _QUERIES.get(session.kind, _UNKNOWN)))


def _ask(session: Session, query: str) -> int | None:
    if not query:
        return None
    try:
        return int(session.all(query)[0][0] or 0)
    except DBAPIError:
        return None
