"""How SQL Server is read; fits the port :class:`apim_upgrade.databases.reading.Reading`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import mssql

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.sentences import Sentence, sentence
from apim_upgrade.errors import EnvironmentProblem

_SNAPSHOT = "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()"
_ALLOWED = 1
_UNREACHABLE = Sentence("{where} cannot be reached, or the connection was lost.", "Check host, port and TLS settings.")
_NO_DATABASE = Sentence("There is no {where}, or its user may not open it.", "Check databaseName in the URL.")
_BUSY = Sentence("A lock on {where} could not be had.", "Stop the API-M server and run again.")
_BY_CODE = {
    "18456": Sentence("The user or the password of {where} is wrong.", "Check the login in upgrade.toml."),
    "18452": Sentence("{where} wants a login of the domain.", "Name a user of the server with a password of its own."),
    **dict.fromkeys(("4060", "911"), _NO_DATABASE),
    **dict.fromkeys(("229", "230"), Sentence("The user of {where} lacks a right.", "Grant it SELECT on the schema.")),
    **dict.fromkeys(("1205", "1222"), _BUSY),
    **dict.fromkeys(("20002", "20003", "20004", "20006", "20009", "20017", "20047"), _UNREACHABLE),
}


class SqlServerReading:
    """SQL Server through pymssql, which brings its own client."""

    driver = "pymssql"

    def dialect(self) -> Dialect:
        """See the port."""
        return mssql.dialect()  # type: ignore[no-untyped-call]

    def connect(self, driver: Any, address: Address, person: str) -> Any:
        """See the port."""
        options = dict(address.options)
        instance = options.pop("instance", "")
        # An instance is asked for its port by its name.
        where = {"server": f"{address.host}\\{instance}"} if instance else _place(address)
        return driver.connect(
            **where,
            **options,
            user=address.username,
            password=address.password,
            database=address.database,
            appname=person[:128],
            login_timeout=10,
            tds_version="7.3",  # before it, times of day and DATETIME2 come as text
            autocommit=True,  # a transaction has to begin after its isolation level is said
            charset="UTF-8",
        )

    def begin(self, cursor: Any, address: Address) -> str:
        """See the port; the transaction ends with the connection."""
        cursor.execute(_SNAPSHOT)
        if [state for (state,) in cursor.fetchall()] != [_ALLOWED]:
            return "ALLOW_SNAPSHOT_ISOLATION is off in this database"
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        cursor.execute("BEGIN TRANSACTION")
        return ""

    def explain(self, error: Exception, where: str) -> EnvironmentProblem:
        """See the port; the driver gives (number, text), at times one within the other."""
        said: Any = error.args
        while isinstance(said, tuple) and said and isinstance(said[0], tuple):
            said = said[0]
        number = str(said[0]) if said and isinstance(said[0], int) else ""
        text = said[1] if number and len(said) > 1 else " ".join(map(str, said))
        plain = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        return sentence(_BY_CODE, number, plain, where)


def _place(address: Address) -> dict[str, str]:
    return {"server": address.host, "port": str(address.port)}
