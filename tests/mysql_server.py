"""A MySQL in the place of the MariaDB that the tests start, where ``APIM_UPGRADE_MYSQL_BIN`` names its programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pymysql

from apim_upgrade.databases import EmbeddedMariaDB
from apim_upgrade.databases.embedded import EmbeddedServer

_THROW_AWAY = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-flush-method": "nosync",
    "skip-log-bin": "",
    "innodb-buffer-pool-size": "256M",
    "loose-innodb-redo-log-capacity": "256M",
    "max-connections": "60",
    "max-allowed-packet": "64M",
    "loose-mysqlx": "OFF",
    "secure-file-priv": "NULL",
}
_CLIENTS = {"mariadb": "mysql", "mariadb-dump": "mysqldump"}
_HASHING = "INSTALL COMPONENT 'file://component_classic_hashing'"
"""From MySQL 9.6 on MD5 is a part of its own."""
_NO_SUCH_FUNCTION = 1305


class EmbeddedMySQL(EmbeddedMariaDB):
    """
    A MySQL 5.7 or later for the length of a ``with`` block.

    Programs that were unpacked and not installed need a script each that finds their libraries and ``--basedir``.
    """

    called = "MySQL"

    def __init__(self, home: Path | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        EmbeddedServer.__init__(self, home)
        self.binaries = Path(os.environ["APIM_UPGRADE_MYSQL_BIN"])
        self._settings = _THROW_AWAY | dict(settings or {})

    def program(self, name: str) -> str:
        return str(self.binaries / _CLIENTS.get(name, name))

    def _prepare(self) -> None:
        if not (self.data / "mysql").exists():
            self._program([*self._server(), "--initialize-insecure"])

    def _start(self) -> None:
        super()._start()
        with self.connect("mysql") as connection, connection.cursor() as cursor:
            try:
                cursor.execute("SELECT MD5('')")
            except pymysql.OperationalError as error:
                if error.args[0] != _NO_SUCH_FUNCTION:
                    raise
                cursor.execute(_HASHING)

    def _server(self) -> list[str]:
        return [
            str(self.binaries / "mysqld"),
            "--no-defaults",
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            f"--pid-file={self.folder / 'pid'}",
            *(f"--{name}={value}" if value else f"--{name}" for name, value in self._settings.items()),
        ]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "LD_LIBRARY_PATH": ""}
