"""
Where a database is and how to log in.

Accepts SQLAlchemy URLs (``postgresql://user:pw@host/db``) and JDBC URLs as they stand in ``deployment.toml``; of
PostgreSQL, MySQL and H2 here, of the others by the package that each of them has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from apim_upgrade.databases.db2 import url as db2
from apim_upgrade.databases.mssql import url as mssql
from apim_upgrade.databases.oracle import url as oracle
from apim_upgrade.errors import ProjectError

_KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_OTHERS = {
    "oracle": ("oracle", oracle),
    **dict.fromkeys(("sqlserver", "mssql", "jtds"), ("mssql", mssql)),
    **dict.fromkeys(("db2", "ibm_db_sa"), ("db2", db2)),
}
"""By the first word of a URL, the DBMSs that write their URLs in ways of their own, and who reads them."""
CALLED = {"h2": "H2", "oracle": "Oracle", "mssql": "SQL Server", "db2": "DB2"}
"""What is read and never written, as its makers call it."""
_SCHEMA_OF_USER = ("oracle", "db2")
"""Where users have their tables in a schema of their own name."""
_PORTS = {"postgresql": 5432, "mysql": 3306}
_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_MYSQL_OPTIONS = {"ssl_ca": "ssl_ca", "ssl_cert": "ssl_cert", "ssl_key": "ssl_key", "serverSslCert": "ssl_ca"}
_SSL_MODES = {
    "disable": "disable",
    "disabled": "disable",
    "preferred": "prefer",
    "prefer": "prefer",
    "trust": "require",
    "require": "require",
    "required": "require",
    "verify-ca": "verify-ca",
    "verify-full": "verify-full",
    "verify-identity": "verify-full",
}
"""What Connector/J, MariaDB's connector and libpq call the same."""
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class Address:
    """One database; the password never shows in its text."""

    kind: str
    host: str
    port: int
    database: str
    username: str
    password: str = field(default="", repr=False)
    schema: str = ""
    """Where the tables lie when it is not the connection's default."""
    options: tuple[tuple[str, str], ...] = ()
    """Connection options that the driver understands, such as ``sslmode``."""

    @classmethod
    def parse(cls, url: str, username: str | None = None, password: str | None = None) -> Address:
        """Read a SQLAlchemy or JDBC URL. Raises ProjectError when it is neither or names no database."""
        text = url.strip().removeprefix("jdbc:")
        first = re.split(r"[:+]", text)[0].lower()
        if first in _OTHERS:
            return _other(first, text, username, password)
        if text.lower().startswith("h2:"):
            return _h2(text[3:], username, password)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise ProjectError("A database URL in upgrade.toml cannot be read.", hint=_FORMS) from None
        kind = _KINDS.get(parts.scheme.split("+")[0].lower())
        if kind is None:
            raise ProjectError(
                f"The database URL begins with {parts.scheme or 'nothing'!r}, which this tool does not connect to.",
                hint=_FORMS,
            )
        query = dict(parse_qsl(parts.query))
        database = unquote(parts.path.lstrip("/"))
        if not database:
            raise ProjectError("The database URL names no database.", hint=_FORMS)
        user = username or unquote(parts.username or "") or query.get("user", "")
        secret = password if password is not None else unquote(parts.password or "") or query.get("password", "")
        schema = query.get("currentSchema", "")
        if schema and not _SCHEMA.fullmatch(schema):
            raise ProjectError(f"currentSchema={schema!r} in the database URL is not one plain schema name.")
        if kind == "mysql":
            options = tuple(sorted(_mysql_options(query).items()))
            socket = query.get("unix_socket") or query.get("localSocket") or query.get("host")
            host = socket or parts.hostname or "localhost"
            return cls(kind, host, port or _PORTS[kind], database, user, secret, "", options)
        options = tuple((name, query[name]) for name in _OPTIONS if name in query)
        if "host" in query:  # a socket folder, as libpq and SQLAlchemy write it
            return cls(kind, query["host"], port or _PORTS[kind], database, user, secret, schema, options)
        return cls(kind, parts.hostname or "localhost", port or _PORTS[kind], database, user, secret, schema, options)

    @property
    def only_read(self) -> bool:
        """Whether the tool reads this DBMS and never writes it: such an estate is moved while it is upgraded."""
        return self.kind in CALLED

    def at(self, database: str) -> Address:
        """The same server and login, another database."""
        return replace(self, database=database)

    def within(self, schema: str) -> Address:
        """The same database, with the tables in that schema."""
        return replace(self, schema=schema)

    def __str__(self) -> str:
        if not self.host:
            login = f"{self.username}@" if self.username and self.kind != "h2" else ""
            return f"{self.kind}:{login}{self.database}"
        return f"{self.kind}://{self.username}@{self.host}:{self.port}/{self.database}"


def _other(first: str, text: str, username: str | None, password: str | None) -> Address:
    kind, urls = _OTHERS[first]
    place = urls.place_of(text)
    user = username or place.user
    schema = place.schema or (user.upper() if kind in _SCHEMA_OF_USER else "")
    secret = password if password is not None else place.password
    return Address(kind, place.host, place.port, place.database, user, secret, schema, place.options)


def _mysql_options(query: Mapping[str, str]) -> dict[str, str]:
    """Return PyMySQL's options, and ``ssl_mode`` in libpq's words, for those of JDBC drivers."""
    options = {ours: query[theirs] for theirs, ours in _MYSQL_OPTIONS.items() if theirs in query}
    mode = query.get("sslMode") or query.get("ssl_mode") or query.get("sslmode")
    if mode:
        known = _SSL_MODES.get(mode.lower().replace("_", "-"))
        if known is None:
            raise ProjectError(
                f"sslMode={mode} in the database URL is none of the modes that there are.",
                hint=f"Use one of {', '.join(sorted(set(_SSL_MODES.values())))}.",
            )
        return options | {"ssl_mode": known}
    if query.get("useSSL", "").lower() == "false" or query.get("useSsl", "").lower() == "false":
        return options | {"ssl_mode": "disable"}
    if "true" in (query.get("requireSSL", "").lower(), query.get("useSSL", "").lower()):
        verified = query.get("verifyServerCertificate", "false").lower() == "true"
        return options | {"ssl_mode": "verify-ca" if verified else "require"}
    return options


_FORMS = "Write it like postgresql://user:$env{PW}@host/db, jdbc:mysql://host:3306/db or jdbc:h2:/folder/WSO2AM_DB."


def _h2(text: str, username: str | None, password: str | None) -> Address:
    """An H2 file; its path may start at a folder that only the caller knows. Settings are for a server, not for us."""
    path, *settings = text.split(";")
    path = path.removeprefix("file:").removesuffix(".mv.db")
    if path.split(":")[0].lower() in ("tcp", "ssl", "mem", "zip") or not path:
        raise ProjectError(
            "Only files of H2 can be read, not what an H2 server or an archive holds.",
            hint="Stop the server and name its file, like jdbc:h2:/opt/wso2am-4.2.0/repository/database/WSO2AM_DB.",
        )
    given = {name.strip().lower(): value for name, _, value in (setting.partition("=") for setting in settings)}
    if "cipher" in given:
        raise ProjectError(
            "The H2 file is encrypted (CIPHER), which this tool does not open.", hint="Decrypt it first."
        )
    return Address("h2", "", 0, path, username or given.get("user", ""), password or given.get("password", ""))
