"""
Databases that are read and never written: Oracle, SQL Server and DB2, each through its own driver.

The drivers are optional parts of the tool and asked for as late as can be. What is sent is SELECT alone, and what
begins and ends a transaction; statements are written by SQLAlchemy's dialect of the DBMS.
"""

from __future__ import annotations

import getpass
import importlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import partial
from types import ModuleType
from typing import Any, Protocol

from sqlalchemy import Dialect, Select

from apim_upgrade.databases.address import CALLED, Address
from apim_upgrade.databases.db2.reading import Db2Reading
from apim_upgrade.databases.mssql.reading import SqlServerReading
from apim_upgrade.databases.oracle.reading import OracleReading
from apim_upgrade.errors import EnvironmentProblem

_ROWS = 1000
_LONG_ROWS = 20
"""Rows a fetch where they may hold contents of megabytes."""


class Reading(Protocol):
    """How one of these DBMSs is read; ``driver`` is its Python module, ``Any`` because it may be absent."""

    @property
    def driver(self) -> str:
        """The name of the driver's module."""
        ...

    def dialect(self) -> Dialect:
        """Return SQLAlchemy's dialect, by which statements are written."""
        ...

    def connect(self, driver: Any, address: Address, person: str) -> Any:
        """Connect; ``person`` is how the session calls itself on the server. Raises the driver's errors."""
        ...

    def begin(self, cursor: Any, address: Address) -> str:
        """
        Begin to read, at one moment where the server has that.

        Return why rows may be of several moments, as a clause; an empty text where they are of one.
        """
        ...

    def explain(self, error: Exception, where: str) -> EnvironmentProblem:
        """Return one sentence for a driver's error on the database called ``where``; no secret, no value of a row."""
        ...


_KNOWN: dict[str, Reading] = {"oracle": OracleReading(), "mssql": SqlServerReading(), "db2": Db2Reading()}


class ReadOnlyDatabase:
    """One database, by the estate's name for it (``am``, ``shared``)."""

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self.address = address
        self._reading = _KNOWN[address.kind]

    @contextmanager
    def read(self) -> Iterator[ReadOnlySession]:
        """
        Open the database, at one moment where the DBMS has that.

        Raises EnvironmentProblem when the driver is not installed, and for whatever the server refuses.
        """
        driver = self._driver()
        person = f"apim-upgrade {getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}"
        explained = partial(self._explained, driver.Error)
        with explained():
            connection = self._reading.connect(driver, self.address, person)
        try:
            with explained(), closing(connection.cursor()) as cursor:
                unsettled = self._reading.begin(cursor, self.address)
            yield ReadOnlySession(self.address.kind, connection, self._reading.dialect(), explained, unsettled)
        finally:
            with suppress(driver.Error):  # one that is lost cannot be closed, and that is no news by then
                connection.close()

    def _driver(self) -> ModuleType:
        try:
            return importlib.import_module(self._reading.driver)
        except ImportError:
            raise EnvironmentProblem(
                f"Reading {CALLED[self.address.kind]} needs a driver that is not installed, or lacks a library.",
                hint=f"pip install 'apim-upgrade[{self.address.kind}]'",
            ) from None

    @contextmanager
    def _explained(self, errors: type[Exception]) -> Iterator[None]:
        try:
            yield
        except errors as error:
            raise self._reading.explain(error, f"database {self.name} ({self.address})") from None


class ReadOnlySession:
    """A connection that reads; one statement at a time."""

    def __init__(
        self,
        kind: str,
        connection: Any,
        dialect: Dialect,
        explained: Callable[[], AbstractContextManager[None]],
        unsettled: str,
    ) -> None:
        self.kind = kind
        self.unsettled = unsettled
        """Why rows may be of several moments; empty where all are of one."""
        self._connection = connection
        self._dialect = dialect
        self._explained = explained

    def stream(self, query: Select[Any] | str, *, long: bool = False) -> Iterator[Sequence[Any]]:
        """
        Run a query of any size in bounded memory; ``long`` where single rows may hold megabytes.

        Raises EnvironmentProblem for whatever the server refuses.
        """
        text = query if isinstance(query, str) else str(query.compile(dialect=self._dialect))
        with self._explained(), closing(self._connection.cursor()) as cursor:
            cursor.arraysize = _LONG_ROWS if long else _ROWS
            cursor.execute(text)
            while rows := cursor.fetchmany(cursor.arraysize):
                yield from rows
