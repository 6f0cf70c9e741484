"""
How DB2 is read; fits the port :class:`apim_upgrade.databases.reading.Reading`.

DB2 keeps no older rows for readers. Its one way to see a single moment is to lock what was read until the end
(REPEATABLE READ), which would stop a server at work for hours; so rows are read as they are committed, and whoever
reads learns that they may be of several moments.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Dialect

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.db2.dialect import db2_dialect
from apim_upgrade.databases.sentences import Sentence, sentence
from apim_upgrade.errors import EnvironmentProblem

_CODE = re.compile(r"\b(SQL\d{4,5}|CLI\d{4})[NCWE]\b")
_UNREACHABLE = Sentence("{where} cannot be reached, or the connection was lost.", "Check host, port and TLS settings.")
_BUSY = Sentence("A lock on {where} could not be had.", "Stop the API-M server and run again.")
_BY_CODE = {
    "SQL30082": Sentence("The user or the password of {where} is wrong.", "Check the login in upgrade.toml."),
    **dict.fromkeys(("SQL1013", "SQL30061"), Sentence("There is no {where}.", "Check the end of the URL.")),
    **dict.fromkeys(("SQL0551", "SQL0552"), Sentence("The user of {where} lacks a right.", "Grant it SELECT.")),
    **dict.fromkeys(("SQL0911", "SQL0913", "SQL0952"), _BUSY),
    **dict.fromkeys(("SQL30081", "SQL30108", "SQL1224", "SQL1336", "CLI0106", "CLI0108"), _UNREACHABLE),
}


class Db2Reading:
    """DB2 through ibm_db, which brings its own client."""

    driver = "ibm_db_dbi"

    def dialect(self) -> Dialect:
        """See the port."""
        return db2_dialect()

    def connect(self, driver: Any, address: Address, person: str) -> Any:
        """See the port."""
        said = {
            "DATABASE": address.database,
            "HOSTNAME": address.host,
            "PORT": str(address.port),
            "PROTOCOL": "TCPIP",
            "CONNECTTIMEOUT": "10",
            "UID": address.username,
            "PWD": address.password,
            "CURRENTSCHEMA": address.schema,  # what is not said the driver sets to nothing
            **dict(address.options),
        }
        return driver.connect("".join(f"{name}={_braced(value)};" for name, value in said.items()))

    def begin(self, cursor: Any, address: Address) -> str:
        """See the port."""
        cursor.execute("SET CURRENT SCHEMA = '{}'".format(address.schema.replace("'", "''")))
        return "DB2 has no moment that readers see without holding others up"

    def explain(self, error: Exception, where: str) -> EnvironmentProblem:
        """See the port; the code stands somewhere in the text."""
        text = str(error)
        match = _CODE.search(text)
        return sentence(_BY_CODE, match[1] if match else "", text, where)


def _braced(value: str) -> str:
    """A value as the connection string takes it, also one with a semicolon."""
    return f"{{{value}}}" if ";" in value else value
