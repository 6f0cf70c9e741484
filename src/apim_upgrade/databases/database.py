"""A database of the estate: connections, transactions, and the lock that keeps a second writer out."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from apim_upgrade.databases import locks
from apim_upgrade.databases.address import Address
from apim_upgrade.databases.ownership import as_owner
from apim_upgrade.databases.problems import explain
from apim_upgrade.databases.session import PostgresSession
from apim_upgrade.errors import EnvironmentProblem

_DRIVERS = {"postgresql": "postgresql+psycopg"}


class Database:
    """
    One database, by the estate's name for it (``am``, ``shared``).

    Every transaction takes a connection of its own, because an idle one would keep the server from copying the
    database; ``keep_connections`` is for a run of many short transactions, and :meth:`close` ends it.
    """

    def __init__(self, name: str, address: Address, *, keep_connections: bool = False) -> None:
        if address.kind not in _DRIVERS:
            raise EnvironmentProblem(f"{address.kind} is not supported yet.", hint="Use a PostgreSQL database.")
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
        address = self.address
        # A folder is a Unix socket and goes into the query part, as libpq wants it.
        folder = address.host.startswith("/")
        url = URL.create(
            _DRIVERS[address.kind],
            address.username or None,
            address.password or None,
            None if folder else address.host,
            address.port,
            address.database,
            {**dict(address.options), **({"host": address.host} if folder else {})},
        )
        engine = create_engine(
            url,
            poolclass=self._pool,
            hide_parameters=True,  # values of rows have no business in a log
            connect_args={
                "application_name": f"apim-upgrade {getpass.getuser()}@{socket.gethostname()} pid {os.getpid()}",
                "connect_timeout": 10,
            },
        )
        if address.schema:

            @event.listens_for(engine, "connect")
            def _search_path(connection: Any, _: object) -> None:
                connection.execute(f'SET search_path TO "{address.schema}"')
                connection.commit()

        return engine

    def close(self) -> None:
        """Close the connections that were kept."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[PostgresSession]:
        """Open one transaction; see the engine's port of this name."""
        with self._connection() as connection, connection.begin(), as_owner(connection):
            yield PostgresSession(connection)

    @contextmanager
    def read(self) -> Iterator[PostgresSession]:
        """Open one read-only transaction that sees one moment of the database."""
        with self._connection() as connection:
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with connection.begin():
                yield PostgresSession(connection)

    @contextmanager
    def autocommit(self) -> Iterator[PostgresSession]:
        """Open a session outside any transaction, for statements such as CREATE DATABASE."""
        with self._connection() as connection:
            yield PostgresSession(connection.execution_options(isolation_level="AUTOCOMMIT"))

    @contextmanager
    def lock(self, owner: str) -> Iterator[None]:
        """Hold the one-writer lock of this database for the length of the block; it falls with the process."""
        with self.autocommit() as session:
            locks.take(session, locks.WHOLE, f"Database {self.name} ({self.address}) is being upgraded")
            yield

    def holder(self) -> str | None:
        """Name the process that holds the one-writer lock, if any does."""
        with self.read() as session:
            return locks.holder(session, locks.WHOLE)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise explain(error, f"database {self.name} ({self.address})") from error
