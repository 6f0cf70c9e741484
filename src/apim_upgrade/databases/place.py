"""What a URL of Oracle, SQL Server or DB2 says: each vendor writes them in a way of its own."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is, before anybody else's word for the login is heard."""

    host: str
    port: int
    database: str
    """The service, SID or alias of Oracle; the name of the database elsewhere."""
    user: str = ""
    password: str = ""
    schema: str = ""
    """Where the tables lie, where the URL says so."""
    options: tuple[tuple[str, str], ...] = ()
    """What the driver is told besides."""


def of_sqlalchemy(text: str, port: int) -> tuple[Place, dict[str, str]]:
    """
    Return what a URL in SQLAlchemy's form says, and its query; ``port`` is the usual one.

    Raises ValueError when it cannot be read or names no host.
    """
    parts = urlsplit(text)
    if not parts.hostname:
        raise ValueError("there is no host")
    login = unquote(parts.username or ""), unquote(parts.password or "")
    place = Place(parts.hostname, parts.port or port, unquote(parts.path.lstrip("/")), *login)
    return place, dict(parse_qsl(parts.query))
