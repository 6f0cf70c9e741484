"""
URLs of Oracle: those of its JDBC driver, of which there are many forms, and those of SQLAlchemy.

``jdbc:oracle:thin:@//host:1521/service``, ``@host:1521/service``, ``@host:1521:SID``, ``@tcps://host:2484/service``,
``@(DESCRIPTION=…)`` and ``@ALIAS`` of a tnsnames.ora in the folder that TNS_ADMIN names.
"""

from __future__ import annotations

import re
from dataclasses import replace

from apim_upgrade.databases.place import Place, of_sqlalchemy
from apim_upgrade.errors import ProjectError

_PORT = 1521
_JDBC = re.compile(r"oracle:(?:thin|oci8?):(.*)", re.I | re.S)
_SID = re.compile(r"(?P<host>[^:/@()]+):(?P<port>\d+):(?P<sid>[\w$#]+)")
_SERVICE = re.compile(
    r"(?:(?P<protocol>tcps?):)?(?://)?(?P<host>[^:/@()?]+)(?::(?P<port>\d+))?/(?P<service>[\w$#.-]+)\S*", re.I
)
_ALIAS = re.compile(r"[A-Za-z][\w.-]*")
_IN_DESCRIPTION = r"\(\s*{}\s*=\s*([^()\s]+)\s*\)"
_HINT = "Write it like jdbc:oracle:thin:@//host:1521/service or jdbc:oracle:thin:@host:1521:SID."


def place_of(text: str) -> Place:
    """Return what a URL without ``jdbc:`` says. Raises ProjectError when it cannot be read."""
    match = _JDBC.fullmatch(text)
    if match is None:
        return _of_sqlalchemy(text)
    login, _, where = match[1].partition("@") if match[1].startswith("@") else match[1].rpartition("@")
    user, _, password = login.partition("/")
    place = _located(where.strip())
    return replace(place, user=user, password=password)


def _located(where: str) -> Place:
    """The part behind the @."""
    if where.startswith("("):
        host, port, service, sid = (_described(where, word) for word in ("HOST", "PORT", "SERVICE_NAME", "SID"))
        if host and (service or sid):
            number = int(port) if port.isdigit() else _PORT
            return Place(host, number, service or sid, options=(("dsn", where),))
    elif match := _SID.fullmatch(where):
        return Place(match["host"], int(match["port"]), match["sid"], options=(("sid", match["sid"]),))
    elif match := _SERVICE.fullmatch(where):
        secure = (match["protocol"] or "").lower() == "tcps"
        options = (("protocol", "tcps"),) if secure else ()
        return Place(match["host"], int(match["port"] or _PORT), match["service"], options=options)
    elif _ALIAS.fullmatch(where):
        return Place("", 0, where, options=(("dsn", where),))
    raise ProjectError("The URL of Oracle cannot be read.", hint=_HINT)


def _described(description: str, word: str) -> str:
    match = re.search(_IN_DESCRIPTION.format(word), description, re.I)
    return match[1] if match else ""


def _of_sqlalchemy(text: str) -> Place:
    try:
        place, query = of_sqlalchemy(text, _PORT)
    except ValueError:
        raise ProjectError("The URL of Oracle cannot be read.", hint=_HINT) from None
    sid = query.get("sid", "")
    service = sid or query.get("service_name") or place.database
    if not service:
        raise ProjectError("The URL of Oracle names no service.", hint=_HINT)
    return replace(place, database=service, options=(("sid", sid),) if sid else ())
