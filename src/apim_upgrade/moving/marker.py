"""The tool's own table in a database that data is moved to: it says whose the tables are and whether they are whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, MetaData, String, Table, Text, insert, select, update
from sqlalchemy.schema import CreateTable

from apim_upgrade.engine import Session
from apim_upgrade.engine.journal import PREFIX

MOVE = Table(
    PREFIX + "move",
    MetaData(),
    Column("source", String(1000), nullable=False),
    Column("release", String(20), nullable=False),
    Column("state", String(10), nullable=False),
    Column("began", DateTime, nullable=False),
    Column("tables", Text, nullable=False),
)
_COPYING, _WHOLE = "copying", "whole"
_NEVER = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class MovedTable:
    """One table that was moved: its name there, how many rows, and the checksum that both sides have."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Move:
    """What the table says; ``tables`` are all that were to be made, and, once it is whole, what was found in them."""

    source: str
    release: str
    whole: bool
    began: datetime
    tables: tuple[MovedTable, ...]

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return {**asdict(self), "began": self.began.isoformat()}


def read_move(session: Session) -> Move | None:
    """Return what is known of a move into this database, None when there was none."""
    if not session.exists(MOVE.name):
        return None
    rows = session.all(select(MOVE))
    if not rows:
        return Move("", "", False, _NEVER, ())
    row = rows[0]
    tables = tuple(MovedTable(**table) for table in json.loads(row.tables))
    return Move(row.source, row.release, row.state == _WHOLE, row.began, tables)


def open_move(session: Session, source: str, release: str, names: Sequence[str], began: datetime) -> None:
    """Record which tables are about to be made, before the first of them is."""
    session.execute(CreateTable(MOVE))
    session.execute(
        insert(MOVE).values(
            source=source, release=release, state=_COPYING, began=began, tables=_text(dict.fromkeys(names, (0, "")))
        )
    )


def close_move(session: Session, found: Mapping[str, tuple[int, str]]) -> None:
    """Record that everything is there."""
    session.execute(update(MOVE).values(state=_WHOLE, tables=_text(found)))


def drop_move(session: Session) -> None:
    """Remove the table."""
    session.execute(f"DROP TABLE IF EXISTS {MOVE.name}")


def _text(tables: Mapping[str, tuple[int, str]]) -> str:
    return json.dumps([asdict(MovedTable(name, *figures)) for name, figures in tables.items()])
