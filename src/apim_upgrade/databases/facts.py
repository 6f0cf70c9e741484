"""What a server says of itself and of its tables, whatever the DBMS: version, rights, clock, sizes, estimates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import ColumnElement


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: ``rows`` is the server's estimate (-1 when it has none), ``size`` in bytes with indexes."""

    rows: int
    size: int
    owned: bool
    """Whether the user may change the table's shape."""


@dataclass(frozen=True, slots=True)
class Client:
    """Sessions of others on this database, by program and machine."""

    program: str
    machine: str
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """One server as the user of a session sees it; sizes in bytes."""

    version: str
    user: str
    superuser: bool
    may_create_databases: bool
    leave_to_create: str
    """The statement by which a DBA lets the user create databases for copies and proofs."""
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
    folder: Path | None = None
    """The data folder, where it can be seen from here."""


@dataclass(frozen=True, slots=True)
class Since:
    """
    The rows of a table that were written since a moment.

    ``exact`` is false where the server cannot tell: ``condition`` holds for older rows too, and their keys have to be
    compared.
    """

    condition: ColumnElement[bool]
    exact: bool
