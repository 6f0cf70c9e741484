"""
What differs from DBMS to DBMS when a database is opened, read about and explained: the port, and who fits it.

Each DBMS has a package of its own beside this module, with its session, its errors, its way of copying a database and
its embedded server.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.facts import ServerFacts, Since, TableFacts
from apim_upgrade.databases.mysql.dbms import MySQL
from apim_upgrade.databases.postgresql.dbms import PostgreSQL
from apim_upgrade.databases.session import Session
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem


class Dbms(Protocol):
    """One DBMS. Methods that talk to a server raise the driver's errors; :meth:`explain` makes sentences of them."""

    def engine(self, address: Address, person: str, pool: type[Pool]) -> Engine:
        """Return an engine; ``person`` is how its sessions call themselves on the server."""
        ...

    def writing(self, connection: Connection) -> AbstractContextManager[Session]:
        """Open one transaction: committed at the end of the block, rolled back on any error."""
        ...

    def reading(self, connection: Connection) -> AbstractContextManager[Session]:
        """Open one read-only transaction that sees one moment of the database."""
        ...

    def autocommit(self, connection: Connection) -> Session:
        """Return a session that is in no transaction, for statements such as CREATE DATABASE."""
        ...

    def explain(self, error: DBAPIError, where: str) -> ApimUpgradeError:
        """Return one sentence for a driver's error on the database called ``where``."""
        ...

    def version(self, session: Session) -> str:
        """Return the server's version, such as ``15.4``."""
        ...

    def tables(self, session: Session) -> dict[str, TableFacts]:
        """Return the facts of every table that the session sees, by its real name."""
        ...

    def server(self, session: Session) -> ServerFacts:
        """Ask the server about itself; an ordinary user may do it."""
        ...

    def moment(self, session: Session) -> str:
        """Return the present moment in the server's own terms. Ask in a writing transaction."""
        ...

    def written_since(self, session: Session, moment: str, name: str, columns: Mapping[str, str]) -> Since:
        """
        Return the condition that holds for rows of a table that were written after ``moment``.

        ``columns`` are name → type.
        """
        ...


_KNOWN: dict[str, Dbms] = {"postgresql": PostgreSQL(), "mysql": MySQL()}


def dbms_of(kind: str) -> Dbms:
    """Return the DBMS of an address. Raises EnvironmentProblem when it is not supported."""
    try:
        return _KNOWN[kind]
    except KeyError:
        raise EnvironmentProblem(
            f"{kind} is not supported.", hint="Use a PostgreSQL, MySQL or MariaDB database."
        ) from None
