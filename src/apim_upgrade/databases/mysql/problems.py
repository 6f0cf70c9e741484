"""Turns an error of MySQL or MariaDB into one sentence a person can act on; values of rows and secrets stay out."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.telling import LOOK_THERE, MISSING
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem

_LOST = ("The connection to {where} cannot be made or was lost.", "Check that the server is up and reachable.")
_FULL = ("The disk of {where} is full.", "Free space on the database server.")
_RIGHT = ("The user of {where} lacks a right: {detail}.", "Grant it, or use the owner of the database.")
_LOGIN = ("The password for {where} is wrong.", "Check the password in upgrade.toml or the variable it names.")
_LOCK = ("A lock on {where} could not be had.", "Find the session that holds it: SHOW PROCESSLIST.")
_BUSY = ("The server of {where} has no connection left.", "Close sessions or raise max_connections.")
_READ_ONLY = ("{where} is read only.", "Use the primary server.")
_CANCELLED = ("A statement on {where} was cancelled: {detail}.", "Raise the limit for statements of this user.")
_ROWS = ("{where}: rows do not fit ({detail}).", "The rows have to be mended first.")
_BY_NUMBER = {
    1045: _LOGIN,
    1698: ("The login to {where} is refused.", "Give a user who logs in with a password."),
    1044: _RIGHT,
    1142: _RIGHT,
    1143: _RIGHT,
    1227: _RIGHT,
    1370: _RIGHT,
    1049: ("There is no {where}.", "Check the URL in upgrade.toml."),
    1146: ("{where} lacks a table: {detail}.", MISSING),
    1040: _BUSY,
    1203: _BUSY,
    1226: _BUSY,
    1205: _LOCK,
    1213: _LOCK,
    3572: _LOCK,
    1021: _FULL,
    1114: _FULL,
    1290: _READ_ONLY,
    1792: _READ_ONLY,
    1836: _READ_ONLY,
    1317: _CANCELLED,
    1969: _CANCELLED,
    3024: _CANCELLED,
    1037: ("The server of {where} is out of memory.", "Give it memory or stop other work."),
    1153: ("A row is larger than {where} takes.", "Raise max_allowed_packet on the server, to 64M or more."),
    1071: ("{where}: a key is too long for the character set of its columns ({detail}).", "See the check's findings."),
    1366: ("{where}: text does not fit the character set of a column ({detail}).", "See the check's findings."),
    1305: (
        "The server of {where} has not got a function that the upgrade needs ({detail}).",
        "From MySQL 9.6 on MD5 is a part of its own: INSTALL COMPONENT 'file://component_classic_hashing';",
    ),
    2003: _LOST,
    2006: _LOST,
    2013: _LOST,
    1053: _LOST,
    1927: _LOST,
    1062: _ROWS,
    1048: _ROWS,
    1406: _ROWS,
    1451: _ROWS,
    1452: _ROWS,
}
DISK_FULL = re.compile(r"\berror:? 28\b|errno:? (?:28|135)\b|No space left|No more room|table '[^']*' is full", re.I)
"""How the server and its programs call a disk that is full, whatever the number of the error."""
_VALUES = re.compile(r"(Duplicate entry|Incorrect [a-z]+ value:) '.*?'(?= for )", re.S)
_HOST = ("name or service not known", "temporary failure in name resolution", "nodename nor servname")


def explain(error: DBAPIError, where: str) -> ApimUpgradeError:
    """Return the typed error for a driver error on the database called ``where``."""
    arguments: tuple[object, ...] = getattr(error.orig, "args", ())
    number = next((part for part in arguments[:1] if isinstance(part, int)), 0)
    return sentence(number, "".join(str(part) for part in arguments[1:2]), where, lost=error.connection_invalidated)


def sentence(number: int, text: str, where: str, *, lost: bool = False) -> EnvironmentProblem:
    """Return the typed error for an error by its number (0: unknown) and text; ``lost``: the connection is gone."""
    # The server quotes values of rows; only what they collide with may be told.
    detail = _VALUES.sub(r"\1 …", text)
    if DISK_FULL.search(detail):
        message, hint = _FULL
    elif any(fragment in detail.lower() for fragment in _HOST):
        message, hint = "The host of {where} is not known.", "Check the URL in upgrade.toml."
    elif number in _BY_NUMBER:
        message, hint = _BY_NUMBER[number]
    elif lost or 2000 <= number < 3000:
        message, hint = _LOST
    else:
        answer = number or "without a number"
        return EnvironmentProblem(
            f"{where}: the server answered {answer}: {detail.rstrip('.') or 'no text'}.", hint=LOOK_THERE
        )
    return EnvironmentProblem(message.format(where=where, detail=detail.rstrip(".")), hint=hint)
