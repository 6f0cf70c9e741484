"""
Where a database is and how to log in.

Accepts SQLAlchemy URLs (``postgresql://user:pw@host/db``) and JDBC URLs as they stand in ``deployment.toml``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from apim_upgrade.errors import ProjectError

_KINDS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_PORTS = {"postgresql": 5432, "mysql": 3306}
_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
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
        options = tuple((name, query[name]) for name in _OPTIONS if name in query)
        if "host" in query:  # a socket folder, as libpq and SQLAlchemy write it
            return cls(kind, query["host"], port or _PORTS[kind], database, user, secret, schema, options)
        return cls(kind, parts.hostname or "localhost", port or _PORTS[kind], database, user, secret, schema, options)

    def at(self, database: str) -> Address:
        """The same server and login, another database."""
        return replace(self, database=database)

    def __str__(self) -> str:
        return f"{self.kind}://{self.username}@{self.host}:{self.port}/{self.database}"


_FORMS = "Write it like postgresql://user:$env{PW}@host/db or jdbc:postgresql://host:5432/db."
