"""A database of the estate: connections, transactions, and the lock that keeps a second writer out."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from apim_upgrade.databases import locks
from apim_upgrade.databases.address import Address
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.session import Session


class Database:
    """
    One database, by the estate's name for it (``am``, ``shared``).

    Every transaction takes a connection of its own, because an idle one would keep the server from copying the
    database; ``keep_connections`` is for a run of many short transactions, and :meth:`close` ends it.
    Raises EnvironmentProblem when the DBMS is not supported.
    """

    def __init__(self, name: str, address: Address, *, keep_connections: bool = False) -> None:
        self._dbms = dbms_of(address.kind)
        self.name = name
        self.address = address
        self._pool = QueuePool if keep_connections else NullPool

    @property
    def kind(self) -> str:
        """The DBMS, by the name its schema catalogues have."""
        return self.address.kind

    @cached_property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        person = f"apim-upgrade {getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}"
        return self._dbms.engine(self.address, person, self._pool)

    def close(self) -> None:
        """Close the connections that were kept."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one transaction; see the engine's port of this name."""
        with self._connection() as connection, self._dbms.writing(connection) as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open one read-only transaction that sees one moment of the database."""
        with self._connection() as connection, self._dbms.reading(connection) as session:
            yield session

    @contextmanager
    def autocommit(self) -> Iterator[Session]:
        """Open a session outside any transaction, for statements such as CREATE DATABASE."""
        with self._connection() as connection:
            yield self._dbms.autocommit(connection)

    @contextmanager
    def lock(self, owner: str) -> Iterator[None]:
        """Hold the one-writer lock of this database for the length of the block; it falls with the process."""
        with self.autocommit() as session:
            locks.take(session, locks.WHOLE, f"Database {self.name} ({self.address}) is being upgraded")
            yield

    def holder(self) -> str | None:
        """Name the process that holds the one-writer lock, if any does."""
        with self.read() as session:
            return session.lock_holder(locks.WHOLE)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
            try:
                yield connection
            except BaseException:
                with suppress(DBAPIError):  # a connection that was lost fails at its end again: the first is to be told
                    connection.close()
                raise
            connection.close()
        except DBAPIError as error:
            raise self._dbms.explain(error, f"database {self.name} ({self.address})") from error
