"""Where data is moved from: any DBMS that the tool can read, behind one port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import ColumnClause, Select, column, func, select, table
from sqlalchemy.sql.elements import quoted_name

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.h2 import H2Database, H2Session
from apim_upgrade.databases.reading import ReadOnlyDatabase, ReadOnlySession
from apim_upgrade.engine import Session
from apim_upgrade.moving.forms import Sort, form_of
from apim_upgrade.moving.h2_schema import h2_schema
from apim_upgrade.releases.model import Schema
from apim_upgrade.schema import introspect
from apim_upgrade.schema.shapes import live_shape


class Source(Protocol):
    """One moment of one database; tables and columns are called by their real names."""

    @property
    def kind(self) -> str:
        """The DBMS, by the name its schema catalogues have."""
        ...

    @property
    def unsettled(self) -> str:
        """Why tables may be read as of several moments, as a clause; empty where all are of one."""
        ...

    def schema(self) -> Schema:
        """Read what is there."""
        ...

    def count(self, name: str, filled: str = "") -> int:
        """Count the rows of a table, or those that have a value in the column ``filled``."""
        ...

    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """Read a table of any size in bounded memory."""
        ...


class SqlSource:
    """A database on a server that the tool also writes to."""

    unsettled = ""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def kind(self) -> str:
        """See the port."""
        return self._session.kind

    def schema(self) -> Schema:
        """See the port."""
        return introspect(self._session)

    def count(self, name: str, filled: str = "") -> int:
        """See the port."""
        return int(self._session.all(_counting(name, filled))[0][0])

    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """See the port."""
        return self._session.stream(_reading(name, columns))


class ReadOnlySource:
    """A database on a server that is only read: Oracle, SQL Server, DB2."""

    def __init__(self, session: ReadOnlySession, where: str) -> None:
        self._session = session
        self._where = where

    @property
    def kind(self) -> str:
        """See the port."""
        return self._session.kind

    @property
    def unsettled(self) -> str:
        """See the port."""
        return self._session.unsettled

    @cached_property
    def _schema(self) -> Schema:
        return live_shape(self.kind, self._session.stream, self._where)

    def schema(self) -> Schema:
        """See the port."""
        return self._schema

    def count(self, name: str, filled: str = "") -> int:
        """See the port."""
        (row,) = self._session.stream(_counting(name, filled))
        return int(row[0])

    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """See the port."""
        return self._session.stream(_reading(name, columns), long=self._is_long(name))

    def _is_long(self, name: str) -> bool:
        """Whether single rows of a table may be very large."""
        forms = [form_of(self.kind, each.type) for each in self._schema.tables[name].columns]
        return any(form is not None and form.sort in (Sort.TEXT, Sort.BYTES) and form.size is None for form in forms)


def _counting(name: str, filled: str) -> Select[Any]:
    every = select(func.count()).select_from(table(quoted_name(name, True)))
    # Not every DBMS counts a column of long values; all can tell whether there is one.
    return every.where(column(quoted_name(filled, True)).is_not(None)) if filled else every


def _reading(name: str, columns: Sequence[str]) -> Select[Any]:
    wanted: list[ColumnClause[Any]] = [column(quoted_name(each, True)) for each in columns]
    return select(*wanted).select_from(table(quoted_name(name, True)))


class H2Source:
    """An H2 file."""

    kind = "h2"
    unsettled = ""

    def __init__(self, session: H2Session) -> None:
        self._session = session

    def schema(self) -> Schema:
        """See the port."""
        return h2_schema(self._session)

    def count(self, name: str, filled: str = "") -> int:
        """See the port."""
        (row,) = self._session.stream(f"SELECT COUNT({_quoted(filled) if filled else '*'}) FROM {_quoted(name)}")
        return int(row[0])

    def rows(self, name: str, columns: Sequence[str]) -> Iterator[Sequence[Any]]:
        """See the port."""
        return self._session.stream(f"SELECT {', '.join(map(_quoted, columns))} FROM {_quoted(name)}")


@contextmanager
def open_source(name: str, address: Address) -> Iterator[Source]:
    """Open a database of the estate for reading. Raises EnvironmentProblem when it cannot be."""
    if address.kind == H2Source.kind:
        with H2Database(name, address).read() as file:
            yield H2Source(file)
    elif address.only_read:
        with ReadOnlyDatabase(name, address).read() as reader:
            yield ReadOnlySource(reader, f"The data dictionary of {name} ({address})")
    else:
        with Database(name, address).read() as session:
            by_servers_clock(session)
            yield SqlSource(session)


def by_servers_clock(session: Session) -> None:
    """
    Read and write times as the product's server does.

    MySQL keeps a TIMESTAMP as a moment and shows it in the session's time zone; other DBMSs keep the digits that were
    written. The product's sessions have the time zone of the server, and the digits they see are what has to stay.
    """
    if session.kind == "mysql":
        session.execute("SET time_zone = @@GLOBAL.time_zone")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
