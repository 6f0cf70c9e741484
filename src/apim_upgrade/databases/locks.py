"""
Advisory locks that keep a second process out; they fall with the session that holds them.

PostgreSQL keeps them per database. The holder is named by the ``application_name`` of its connection.
"""

from __future__ import annotations

import time
import zlib

from apim_upgrade.databases.session import PostgresSession
from apim_upgrade.errors import EnvironmentProblem

_LOCK = 0x41504D55  # "APMU"
_PATIENCE = 3.0
WHOLE = ""
"""The lock of a database itself; any other subject has a lock of its own in the same database."""


def take(session: PostgresSession, subject: str, what: str) -> None:
    """
    Take the lock of ``subject`` for the rest of the session.

    Raises EnvironmentProblem, naming the holder, when it is taken; ``what`` begins that sentence, such as
    ``Database am is being upgraded``.
    """
    # A server needs a moment to notice that a killed process is gone, and keeps its lock until then.
    deadline = time.monotonic() + _PATIENCE
    while not session.all(f"SELECT pg_try_advisory_lock({_key(subject)})")[0][0]:
        if time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise EnvironmentProblem(
            f"{what} by {holder(session, subject) or 'another process'}.",
            hint="Wait for it, or stop it and run again to resume.",
        )


def holder(session: PostgresSession, subject: str) -> str | None:
    """Name the process that holds the lock of ``subject``, if any does."""
    rows = session.all(
        "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
        "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() "
        f"WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
        f"AND l.objid = {_LOCK} AND l.classid = {_number(subject)}"
    )
    return str(rows[0][0]) if rows else None


def _key(subject: str) -> int:
    return _number(subject) << 32 | _LOCK


def _number(subject: str) -> int:
    return zlib.crc32(subject.encode()) & 0x7FFFFFFF
