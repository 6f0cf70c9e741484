"""How a MySQL or MariaDB database is opened; fits the port :class:`apim_upgrade.databases.dbms.Dbms`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Pool, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.facts import ServerFacts, Since, TableFacts
from apim_upgrade.databases.mysql import moments
from apim_upgrade.databases.mysql.dialect import OurMySQL
from apim_upgrade.databases.mysql.facts import server_facts, server_version, table_facts
from apim_upgrade.databases.mysql.problems import explain
from apim_upgrade.databases.mysql.session import MySQLSession
from apim_upgrade.databases.session import Session
from apim_upgrade.errors import ApimUpgradeError

registry.register("mysql.apim_upgrade", OurMySQL.__module__, OurMySQL.__name__)
_SETTINGS = {
    # Values that do not fit are an error, 0 is a number like any other. NO_ZERO_DATE and the like stay out: rows that
    # hold such dates since long have to survive an ALTER TABLE. ANSI_QUOTES and the like would change what SQL means.
    "sql_mode": "'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
    "time_zone": "'+00:00'",
    "foreign_key_checks": "1",
    "unique_checks": "1",
    # Sessions that hold a lock, or wait while rows are computed, may be silent for hours.
    "wait_timeout": "604800",
    "net_write_timeout": "3600",
    # By default a statement waits for a day, or a year, until another session lets go of a table.
    "lock_wait_timeout": "120",
}


class MySQL:
    """MySQL and MariaDB through PyMySQL."""

    def engine(self, address: Address, person: str, pool: type[Pool]) -> Engine:
        """Return an engine; the sessions bear ``person`` as their ``program_name``, where the server keeps it."""
        socket = address.host.startswith("/")
        url = URL.create(
            "mysql+apim_upgrade",
            address.username or None,
            None,
            None if socket else address.host,
            None if socket else address.port,
            address.database,
        )
        settings = ", ".join(f"SESSION {name} = {value}" for name, value in _SETTINGS.items())
        return create_engine(
            url,
            poolclass=pool,
            hide_parameters=True,  # values of rows have no business in a log
            isolation_level="REPEATABLE READ",
            connect_args={
                **_login(address),
                "charset": "utf8mb4",
                "program_name": person,
                "connect_timeout": 10,
                "init_command": f"SET {settings}",
            },
        )

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[Session]:
        """Open one transaction; see :class:`MySQLSession` for what DDL does to it."""
        try:
            with connection.begin():
                session = MySQLSession(connection, writing=True)
                yield session
                session.end()
        except BaseException:
            connection.invalidate()  # and with it what temporary tables there are
            raise
        session.after()

    @contextmanager
    def reading(self, connection: Connection) -> Iterator[Session]:
        """Open one read-only transaction that sees one moment of the database."""
        with connection.begin():
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield MySQLSession(connection)

    def autocommit(self, connection: Connection) -> Session:
        """Return a session that is in no transaction."""
        return MySQLSession(connection.execution_options(isolation_level="AUTOCOMMIT"))

    def explain(self, error: DBAPIError, where: str) -> ApimUpgradeError:
        """Return one sentence for an error, by its number."""
        return explain(error, where)

    def version(self, session: Session) -> str:
        """Return the server's version, such as ``8.0.44`` or ``10.11.19-MariaDB``."""
        return server_version(session)

    def tables(self, session: Session) -> dict[str, TableFacts]:
        """Return the facts of every table of the database, by its name in lower case."""
        return table_facts(session)

    def server(self, session: Session) -> ServerFacts:
        """Ask the server about itself."""
        return server_facts(session)

    def moment(self, session: Session) -> str:
        """See :mod:`~apim_upgrade.databases.mysql.moments`."""
        return moments.moment(session)

    def written_since(self, session: Session, moment: str, name: str, columns: Mapping[str, str]) -> Since:
        """See :mod:`~apim_upgrade.databases.mysql.moments`."""
        return moments.written_since(session, moment, name, columns)


def _login(address: Address) -> dict[str, Any]:
    given: dict[str, Any] = {"password": address.password.encode()} if address.password else {}
    if address.host.startswith("/"):
        # Nobody listens on a socket file, and to get ready for TLS takes longer than most statements.
        return {**given, "unix_socket": address.host, "ssl_disabled": True}
    options = dict(address.options)
    mode = options.pop("ssl_mode", "")
    if mode == "disable":
        given["ssl_disabled"] = True
    elif mode.startswith("verify"):
        given |= {**options, "ssl_verify_cert": True, "ssl_verify_identity": mode == "verify-full"}
    elif options or mode == "require":
        given |= {**options, "ssl": {"verify_mode": "none"}}
    return given
