"""The throw-away servers that upgrades are measured on, and how a DBA copies a database on each by hand."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import psycopg
import pymysql
from psycopg.rows import dict_row

from apim_upgrade.databases import Address, EmbeddedMariaDB, EmbeddedPostgres

_ROOMY = {"innodb-buffer-pool-size": "1G", "innodb-log-file-size": "1G"}
"""InnoDB keeps nothing in memory but its own pool; 128 MiB, enough for tests, would time the reading of files."""
_FETCHED = Path(__file__).parents[1] / ".servers" / "mariadb" / "usr" / "sbin"
"""Where `make servers` puts one."""
_OF_THE_PRODUCT = re.compile(r"\b(?:am|reg|um)_\w+")


class Connection(Protocol):
    """What the row-at-a-time loops ask of a connection: rows are dictionaries, names of columns in lower case."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...


class Server(ABC):
    """A server for the length of a ``with`` block."""

    called: str
    by_hand: str
    """How a database is copied by hand there, for the table."""
    _server: EmbeddedPostgres | EmbeddedMariaDB

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.__exit__(*raised)

    def address(self, database: str) -> Address:
        return self._server.address(database)

    def drop(self, database: str) -> None:
        self._do(f"DROP DATABASE {database}")

    @abstractmethod
    def create(self, database: str) -> None: ...

    @abstractmethod
    def size(self, database: str) -> int:
        """Bytes on the disk."""

    @abstractmethod
    def copy(self, database: str, copy: str) -> None:
        """Copy a database by the server's own means, and by nothing of the tool's."""

    @abstractmethod
    def rows_of(self, database: str) -> Connection:
        """A connection for the row-at-a-time loops."""

    @abstractmethod
    def _do(self, statement: str) -> None: ...


class OnPostgreSQL(Server):
    called = "PostgreSQL"
    by_hand = "`CREATE DATABASE … TEMPLATE`"

    def __init__(self) -> None:
        self._server = EmbeddedPostgres()

    def create(self, database: str) -> None:
        self._do(f"CREATE DATABASE {database}")

    def size(self, database: str) -> int:
        with self._server.connect() as connection:
            return int(connection.execute(f"SELECT pg_database_size('{database}')").fetchone()[0])

    def copy(self, database: str, copy: str) -> None:
        self._do(f"CREATE DATABASE {copy} TEMPLATE {database}")

    def rows_of(self, database: str) -> Connection:
        return psycopg.connect(host=str(self._server.folder), dbname=database, user="postgres", row_factory=dict_row)

    def _do(self, statement: str) -> None:
        with self._server.connect() as connection:
            connection.execute(statement.encode())


class OnMariaDB(Server):
    called = "MariaDB"
    by_hand = "`CREATE TABLE … LIKE`, `INSERT … SELECT`"

    def __init__(self) -> None:
        if _FETCHED.exists():
            os.environ.setdefault("APIM_UPGRADE_MARIADB_BIN", str(_FETCHED))
        self._server = EmbeddedMariaDB(settings=_ROOMY)

    def create(self, database: str) -> None:
        self._do(f"CREATE DATABASE {database} CHARACTER SET latin1")  # as the product's documentation has it

    def size(self, database: str) -> int:
        return sum(file.stat().st_size for file in (self._server.data / database).iterdir())

    def copy(self, database: str, copy: str) -> None:
        self.create(copy)
        with self._server.connect(copy) as connection, connection.cursor() as cursor:
            cursor.execute(f"SHOW FULL TABLES FROM {database} WHERE table_type = 'BASE TABLE'")
            for name, _ in cursor.fetchall():
                cursor.execute(f"CREATE TABLE {name} LIKE {database}.{name}")
                cursor.execute(f"INSERT INTO {name} SELECT * FROM {database}.{name}")

    def rows_of(self, database: str) -> Connection:
        return _Rows(self._server.connect(database))

    def _do(self, statement: str) -> None:
        with self._server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)


class _Rows:
    """The loops' statements on MariaDB, which knows the product's tables in upper case only."""

    def __init__(self, connection: pymysql.Connection[Any]) -> None:
        self._connection = connection
        self._connection.autocommit(False)
        self._cursor = connection.cursor()

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> _Rows:
        self._cursor.execute(_OF_THE_PRODUCT.sub(lambda word: word[0].upper(), statement), values or None)
        return self

    def fetchone(self) -> dict[str, Any] | None:
        row = self._cursor.fetchone()
        return None if row is None else self._named(row)

    def fetchall(self) -> list[dict[str, Any]]:
        return [self._named(row) for row in self._cursor.fetchall()]

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()

    def _named(self, row: tuple[Any, ...]) -> dict[str, Any]:
        return {column[0].lower(): value for column, value in zip(self._cursor.description, row, strict=True)}


SERVERS: dict[str, type[Server]] = {"postgresql": OnPostgreSQL, "mariadb": OnMariaDB}
"""By the word of ``--server``."""
