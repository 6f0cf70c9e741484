"""Turns a driver's error into one sentence a person can act on; values of rows and secrets stay out."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.telling import LOOK_THERE, MISSING
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem

_BY_STATE = {
    "28P01": ("The password for {where} is wrong.", "Check the password in upgrade.toml or the variable it names."),
    "28000": ("The login to {where} is refused.", "Check user, pg_hba.conf and TLS settings."),
    "3D000": ("There is no {where}.", "Check the URL in upgrade.toml."),
    "42501": ("The user of {where} lacks a right: {detail}.", "Grant it, or use the owner of the objects."),
    "42P01": ("{where} lacks a table: {detail}.", MISSING),
    "53100": ("The disk of {where} is full.", "Free space on the database server."),
    "53200": ("The server of {where} is out of memory.", "Give it memory or stop other work."),
    "53300": ("The server of {where} has no connection left.", "Close sessions or raise max_connections."),
    "55006": ("{where} is in use by other sessions.", "Close them, or choose cloning by dump."),
    "55P03": ("A lock on {where} could not be had.", "Find the session that holds it."),
    "57014": ("A statement on {where} was cancelled: {detail}.", "Raise statement_timeout for this user."),
    "25006": ("{where} is read only.", "Use the primary server."),
}


def explain(error: DBAPIError, where: str) -> ApimUpgradeError:
    """Return the typed error for a driver error on the database called ``where``."""
    original = error.orig
    state = str(getattr(original, "sqlstate", None) or "")
    diagnosis = getattr(original, "diag", None)
    detail = str(getattr(diagnosis, "message_primary", None) or "")
    if state in _BY_STATE:
        message, hint = _BY_STATE[state]
        return EnvironmentProblem(message.format(where=where, detail=detail), hint=hint)
    if error.connection_invalidated or state[:2] in ("08", "57") or (not state and _is_operational(error)):
        text = str(original).lower()
        for fragment, code in (
            ("password authentication failed", "28P01"),
            ("no password supplied", "28P01"),
            ('role "', "28000"),
            ("pg_hba.conf", "28000"),
            ("permission denied", "42501"),
            ("does not exist", "3D000"),
            ("too many", "53300"),
        ):
            if fragment in text:
                message, hint = _BY_STATE[code]
                return EnvironmentProblem(message.format(where=where, detail=detail or "CONNECT"), hint=hint)
        if "could not translate host name" in text or "resolve host" in text or "name or service not known" in text:
            return EnvironmentProblem(f"The host of {where} is not known.", hint="Check the URL in upgrade.toml.")
        return EnvironmentProblem(
            f"The connection to {where} cannot be made or was lost.", hint="Check that the server is up and reachable."
        )
    if state[:2] == "23":
        constraint = getattr(diagnosis, "constraint_name", None) or "a constraint"
        table = getattr(diagnosis, "table_name", None) or "a table"
        return EnvironmentProblem(
            f"{where}: rows of {table} do not fit {constraint} ({detail}).", hint="The rows have to be mended first."
        )
    answer = state or type(original).__name__
    return EnvironmentProblem(f"{where}: the server answered {answer}: {detail or 'no text'}.", hint=LOOK_THERE)


def _is_operational(error: DBAPIError) -> bool:
    return type(error.orig).__name__ in ("OperationalError", "InterfaceError", "ConnectionTimeout", "AdminShutdown")
