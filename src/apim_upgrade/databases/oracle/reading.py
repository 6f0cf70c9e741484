"""How Oracle is read; fits the port :class:`apim_upgrade.databases.reading.Reading`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect
from sqlalchemy.dialects import oracle

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.sentences import Sentence, sentence
from apim_upgrade.errors import EnvironmentProblem

_UNREACHABLE = Sentence("{where} cannot be reached, or the connection was lost.", "Check host, port and listener.")
_NO_SERVICE = Sentence("The listener knows no service or SID of {where}.", "Check the end of the URL.")
_NO_RIGHT = Sentence("The user of {where} lacks a right.", "Log in as the owner of the tables.")
_TOO_OLD = Sentence(
    "The server of {where} asks for what the driver cannot do without Oracle's own client ({code}).",
    "It needs 12.1 or later, no native network encryption, and a password kept by other than the 10G verifier.",
)
_BY_CODE = {
    **dict.fromkeys(
        ("ORA-01017", "ORA-01005"),
        Sentence("The user or the password of {where} is wrong.", "Check the login in upgrade.toml."),
    ),
    "ORA-28000": Sentence("The user of {where} is locked.", "Have a DBA unlock it."),
    "ORA-28001": Sentence("The password of {where} has expired.", "Have it set anew."),
    **dict.fromkeys(("ORA-12514", "ORA-12505", "DPY-6001", "DPY-6003"), _NO_SERVICE),
    **dict.fromkeys(
        ("DPY-4000", "DPY-4026", "DPY-4027", "ORA-12154"),
        Sentence(
            "The alias of {where} is not known.", "Set TNS_ADMIN to the folder of tnsnames.ora, or give host and port."
        ),
    ),
    **dict.fromkeys(
        ("DPY-6000", "DPY-6005", "DPY-4011", "DPY-1001", "DPY-4024", "ORA-03113", "ORA-03114", "ORA-03135"),
        _UNREACHABLE,
    ),
    **dict.fromkeys(("ORA-12541", "ORA-12170", "ORA-12543", "ORA-12537"), _UNREACHABLE),
    **dict.fromkeys(("DPY-3001", "DPY-3010", "DPY-3015"), _TOO_OLD),
    "ORA-01555": Sentence(
        "The server of {where} no longer has the rows of the moment at which reading began.",
        "Stop the API-M server, or raise UNDO_RETENTION, and run again.",
    ),
    **dict.fromkeys(("ORA-00942", "ORA-01031", "ORA-01045"), _NO_RIGHT),
}


class OracleReading:
    """Oracle through oracledb, which needs no client of Oracle's."""

    driver = "oracledb"

    def dialect(self) -> Dialect:
        """See the port."""
        return oracle.dialect()  # type: ignore[no-untyped-call]

    def connect(self, driver: Any, address: Address, person: str) -> Any:
        """See the port."""
        # Contents come with their rows, not by a call each; numbers keep all their digits.
        driver.defaults.fetch_lobs = False
        driver.defaults.fetch_decimals = True
        options = dict(address.options)
        place: dict[str, Any] = {"dsn": options["dsn"]} if "dsn" in options else _place(address, options)
        # Who asks, and from where, the driver says by itself; of a program's name it takes plain words only.
        return driver.connect(user=address.username, password=address.password, program=person.split()[0], **place)

    def begin(self, cursor: Any, address: Address) -> str:
        """See the port; the transaction ends with the connection."""
        cursor.execute("SET TRANSACTION READ ONLY")
        return ""

    def explain(self, error: Exception, where: str) -> EnvironmentProblem:
        """See the port."""
        told = error.args[0] if error.args else None
        code = str(getattr(told, "full_code", "") or "")
        return sentence(_BY_CODE, code, str(getattr(told, "message", told) or ""), where)


def _place(address: Address, options: dict[str, str]) -> dict[str, Any]:
    name = {"sid": options["sid"]} if "sid" in options else {"service_name": address.database}
    secure = {"protocol": options["protocol"]} if "protocol" in options else {}
    return {"host": address.host, "port": address.port, **name, **secure, "tcp_connect_timeout": 10}
