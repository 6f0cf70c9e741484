"""Which rows were written since a moment, as far as the server of the database can tell."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    String,
    cast,
    column,
    false,
    func,
    literal,
    literal_column,
    or_,
    true,
)
from sqlalchemy.types import UserDefinedType

from apim_upgrade.databases.session import Session

_WRAP = 1 << 32
"""PostgreSQL numbers transactions with 64 bits and keeps the lower half in each row."""
_TIMES = ("time_created", "created_time", "created", "reg_last_updated_time", "reg_created_time")
_ZONES = timedelta(hours=14)
"""The product writes times of its own zone, and which one that is no column says."""


@dataclass(frozen=True, slots=True)
class Since:
    """
    The rows of a table that were written since a moment.

    ``exact`` is false where the server cannot tell: ``condition`` holds for older rows too, and their keys have to be
    compared.
    """

    condition: ColumnElement[bool]
    exact: bool


class _Xid(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid"


def moment_of(session: Session) -> str:
    """Return the present moment in the server's own terms. Ask in a writing transaction."""
    if session.kind == "postgresql":
        return str(session.all("SELECT txid_current()")[0][0])
    now = datetime.now(UTC).replace(tzinfo=None)
    last = _last_numbers(session)
    return json.dumps({"now": now.isoformat(), "last": last, "sums": _sums(session, last)})


def written_since(session: Session, moment: str, name: str, columns: Mapping[str, str]) -> Since:
    """
    Return the condition that holds for rows of a table that were written after ``moment``; ``columns`` are name → type.

    On PostgreSQL an update counts as writing, and the answer stays true through VACUUM and restarts, not through dump
    and restore: then every row counts as written. MySQL keeps no such mark: there it holds for rows with a later
    generated number, else with a later time of creation, else for all of them unless the table is what it was then.
    """
    if session.kind == "postgresql":
        # age() counts back from now, so it is safe where the 32 bits of a row's number have begun anew.
        mark = cast(cast(literal(int(moment) % _WRAP, BigInteger), String), _Xid())
        return Since(func.age(literal_column("xmin", _Xid())) < func.age(mark), exact=True)
    known = json.loads(moment)
    if name.lower() in known["last"]:
        number, last = known["last"][name.lower()]
        return Since(column(number, BigInteger) > last, exact=False)
    for each, kind in columns.items():
        if each.lower() in _TIMES and kind.lower().startswith(("timestamp", "datetime")):
            time = column(each, DateTime)
            return Since(or_(time.is_(None), time > datetime.fromisoformat(known["now"]) - _ZONES), exact=False)
    then = known.get("sums", {}).get(name.lower())
    if then is not None and then == _sum(session, name):
        return Since(false(), exact=False)
    return Since(true(), exact=False)


def _last_numbers(session: Session) -> dict[str, tuple[str, int]]:
    """The last generated number of every table of MySQL's that generates one, with its column."""
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
    """MySQL's checksums of the tables whose rows bear neither a generated number nor a time."""
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
