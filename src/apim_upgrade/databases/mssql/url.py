r"""
URLs of SQL Server: of Microsoft's JDBC driver, of jTDS, and of SQLAlchemy.

``jdbc:sqlserver://host:1433;databaseName=apim_db``, ``jdbc:sqlserver://host\instance;…``,
``jdbc:jtds:sqlserver://host:1433/apim_db``, ``mssql://user:pw@host:1433/apim_db``. A value in braces may hold ``;``.
"""

from __future__ import annotations

import re

from apim_upgrade.databases.place import Place, of_sqlalchemy
from apim_upgrade.errors import ProjectError

_PORT = 1433
_SERVER = re.compile(
    r"(?:jtds:)?sqlserver://(?P<server>[^;/]*)(?:/(?P<database>[^;]*))?(?P<properties>;.*)?", re.I | re.S
)
_PROPERTY = re.compile(r";\s*([A-Za-z]+)\s*=\s*(?:\{((?:[^}]|\}\})*)\}|([^;]*))")
_HINT = "Write it like jdbc:sqlserver://host:1433;databaseName=apim_db or mssql://user:$env{PW}@host/apim_db."
_YES = ("true", "yes", "strict", "mandatory")


def place_of(text: str) -> Place:
    """Return what a URL without ``jdbc:`` says. Raises ProjectError when it cannot be read."""
    match = _SERVER.fullmatch(text)
    if match is None:
        return _of_sqlalchemy(text)
    given = {
        name.lower(): braced.replace("}}", "}") or plain.strip()
        for name, braced, plain in _PROPERTY.findall(match["properties"] or "")
    }
    if given.get("integratedsecurity", "").lower() == "true" or given.get("authentication", "").lower().startswith(
        "activedirectory"
    ):
        raise ProjectError(
            "The URL of SQL Server wants a login of the domain, which this tool cannot give.",
            hint="Name a user of the server with username and password.",
        )
    server, _, port = (match["server"] or given.get("servername", "")).partition(":")
    host, _, instance = server.partition("\\")
    instance = instance or given.get("instancename", "") or given.get("instance", "")
    database = given.get("databasename") or given.get("database") or match["database"] or ""
    number = port or given.get("portnumber") or given.get("port") or str(_PORT)
    if not host or not database or not number.isdigit():
        raise ProjectError("The URL of SQL Server names no host or no database.", hint=_HINT)
    options = {"encryption": "require"} if given.get("encrypt", "").lower() in _YES else {}
    if instance and not (port or given.get("portnumber")):  # a port that is said comes first
        options["instance"] = instance
    user = given.get("user") or given.get("username") or ""
    return Place(host, int(number), database, user, given.get("password", ""), options=tuple(options.items()))


def _of_sqlalchemy(text: str) -> Place:
    try:
        place, _ = of_sqlalchemy(text, _PORT)
    except ValueError:
        raise ProjectError("The URL of SQL Server cannot be read.", hint=_HINT) from None
    if not place.database:
        raise ProjectError("The URL of SQL Server names no host or no database.", hint=_HINT)
    return place
