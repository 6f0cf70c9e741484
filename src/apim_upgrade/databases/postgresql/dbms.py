"""How a PostgreSQL database is opened; fits the port :class:`apim_upgrade.databases.dbms.Dbms`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Pool, create_engine, event
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.facts import ServerFacts, Since, TableFacts
from apim_upgrade.databases.postgresql import moments
from apim_upgrade.databases.postgresql.facts import server_facts, server_version, table_facts
from apim_upgrade.databases.postgresql.ownership import as_owner
from apim_upgrade.databases.postgresql.problems import explain
from apim_upgrade.databases.postgresql.session import PostgresSession
from apim_upgrade.databases.session import Session
from apim_upgrade.errors import ApimUpgradeError


class PostgreSQL:
    """PostgreSQL through psycopg."""

    def engine(self, address: Address, person: str, pool: type[Pool]) -> Engine:
        """Return an engine; the sessions bear ``person`` as their ``application_name``."""
        # A folder is a Unix socket and goes into the query part, as libpq wants it.
        folder = address.host.startswith("/")
        url = URL.create(
            "postgresql+psycopg",
            address.username or None,
            address.password or None,
            None if folder else address.host,
            address.port,
            address.database,
            {**dict(address.options), **({"host": address.host} if folder else {})},
        )
        engine = create_engine(
            url,
            poolclass=pool,
            hide_parameters=True,  # values of rows have no business in a log
            connect_args={"application_name": person, "connect_timeout": 10},
        )
        if address.schema:

            @event.listens_for(engine, "connect")
            def _search_path(connection: Any, _: object) -> None:
                connection.execute(f'SET search_path TO "{address.schema}"')
                connection.commit()

        return engine

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[Session]:
        """Open one transaction, in the role that owns the tables."""
        with connection.begin(), as_owner(connection):
            yield PostgresSession(connection)

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[Session]:
        """Open one read-only transaction that sees one moment of the database."""
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield PostgresSession(connection)

    def autocommit(self, connection: Connection) -> Session:
        """Return a session that is in no transaction."""
        return PostgresSession(connection.execution_options(isolation_level="AUTOCOMMIT"))

    def explain(self, error: DBAPIError, where: str) -> ApimUpgradeError:
        """Return one sentence for an error, by its SQLSTATE."""
        return explain(error, where)

    def version(self, session: Session) -> str:
        """Return the server's version, such as ``15.4``."""
        return server_version(session)

    def tables(self, session: Session) -> dict[str, TableFacts]:
        """Return the facts of every table on the search path."""
        return table_facts(session)

    def server(self, session: Session) -> ServerFacts:
        """Ask the server about itself."""
        return server_facts(session)

    def moment(self, session: Session) -> str:
        """See :mod:`~apim_upgrade.databases.postgresql.moments`."""
        return moments.moment(session)

    def written_since(self, session: Session, moment: str, name: str, columns: Mapping[str, str]) -> Since:
        """See :mod:`~apim_upgrade.databases.postgresql.moments`."""
        return moments.written_since(moment)
