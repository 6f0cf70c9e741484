"""
URLs of DB2: of its JDBC driver and of SQLAlchemy.

``jdbc:db2://host:50000/APIM:currentSchema=WSO2;sslConnection=true;`` and ``db2://user:pw@host:50000/APIM``.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from apim_upgrade.databases.place import Place
from apim_upgrade.errors import ProjectError

_PORT = 50000
_URL = re.compile(
    r"(?:db2|ibm_db_sa)(?:\+\w+)?://(?:(?P<login>.*)@)?(?P<host>[^:/@]+)(?::(?P<port>\d+))?/(?P<database>\w+)"
    r"(?:[:?](?P<properties>.*))?",
    re.I | re.S,
)
_HINT = "Write it like jdbc:db2://host:50000/APIM or db2://user:$env{PW}@host:50000/APIM."


def place_of(text: str) -> Place:
    """Return what a URL without ``jdbc:`` says. Raises ProjectError when it cannot be read."""
    match = _URL.fullmatch(text)
    if match is None:
        raise ProjectError("The URL of DB2 names no host or no database.", hint=_HINT)
    user, _, password = (match["login"] or "").partition(":")
    pairs = (each.partition("=") for each in re.split("[;&]", match["properties"] or ""))
    given = {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs}
    options = {}
    if given.get("sslconnection", "").lower() == "true" or given.get("security", "").lower() == "ssl":
        options["Security"] = "SSL"
        certificate = given.get("sslcertlocation") or given.get("sslservercertificate")
        if certificate:
            options["SSLServerCertificate"] = certificate
    return Place(
        match["host"],
        int(match["port"] or _PORT),
        match["database"],
        unquote(user) or given.get("user", ""),
        unquote(password) or given.get("password", ""),
        given.get("currentschema", "").strip('"'),
        tuple(options.items()),
    )
