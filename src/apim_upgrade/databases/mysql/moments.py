"""
Which rows were written since a moment, as far as it can be told: MySQL keeps no mark of it.

What can be told is which rows have a later generated number, or a later time of creation, and which tables without
either are what they were then.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, DateTime, column, false, or_, true

from apim_upgrade.databases.facts import Since
from apim_upgrade.databases.session import Session

_TIMES = ("time_created", "created_time", "created", "reg_last_updated_time", "reg_created_time")
_ZONES = timedelta(hours=14)
"""The product writes times of its own zone, and which one that is no column says."""


def moment(session: Session) -> str:
    """Return the time, the last generated numbers, and the checksums of tables that have neither."""
    now = datetime.now(UTC).replace(tzinfo=None)
    last = _last_numbers(session)
    return json.dumps({"now": now.isoformat(), "last": last, "sums": _sums(session, last)})


def written_since(session: Session, then: str, name: str, columns: Mapping[str, str]) -> Since:
    """
    Return the condition that holds for rows of a table that were written after ``then``; ``columns`` are name → type.

    It holds for rows with a later generated number, else with a later time of creation, else for all of them unless the
    table is what it was then.
    """
    known = json.loads(then)
    if name.lower() in known["last"]:
        number, last = known["last"][name.lower()]
        return Since(column(number, BigInteger) > last, exact=False)
    for each, kind in columns.items():
        if each.lower() in _TIMES and kind.lower().startswith(("timestamp", "datetime")):
            time = column(each, DateTime)
            return Since(or_(time.is_(None), time > datetime.fromisoformat(known["now"]) - _ZONES), exact=False)
    before = known.get("sums", {}).get(name.lower())
    if before is not None and before == _sum(session, name):
        return Since(false(), exact=False)
    return Since(true(), exact=False)


def _last_numbers(session: Session) -> dict[str, tuple[str, int]]:
    """The last generated number of every table that generates one, with its column."""
    rows = session.all(
        "SELECT table_name AS name, column_name AS part FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND extra LIKE '%auto_increment%'"
    )
    found = {}
    for row in rows:
        (last,) = session.all(f"SELECT COALESCE(MAX(`{row.part}`), 0) AS number FROM `{row.name}`")
        found[str(row.name).lower()] = (str(row.part), int(last.number))
    return found


def _sums(session: Session, numbered: Container[str]) -> dict[str, int]:
    """Checksums of the tables whose rows bear neither a generated number nor a time."""
    times = ", ".join(f"'{name}'" for name in _TIMES)
    rows = session.all(
        "SELECT t.table_name AS name FROM information_schema.tables t "
        "WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND NOT EXISTS ("
        "SELECT 1 FROM information_schema.columns c WHERE c.table_schema = t.table_schema "
        f"AND c.table_name = t.table_name AND lower(c.column_name) IN ({times}) "
        "AND c.data_type IN ('timestamp', 'datetime'))"
    )
    return {row.name.lower(): _sum(session, row.name) for row in rows if row.name.lower() not in numbered}


def _sum(session: Session, table: str) -> int:
    (row,) = session.all(f"CHECKSUM TABLE `{table}`")
    return int(row.Checksum or 0)
