"""
A MariaDB of the tool's own, from unpacked binaries.

It runs as root or not. Binaries are taken, in this order, from ``APIM_UPGRADE_MARIADB_BIN`` (the folder of
``mariadbd``), the distribution's folder, the PATH. Unpacked packages bring their libraries and messages along; they
are found beside the binaries.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pymysql

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.embedded import EmbeddedServer, environment_without
from apim_upgrade.errors import EnvironmentProblem

_THROW_AWAY = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-flush-method": "nosync",
    "sync-frm": "0",
}
_ALWAYS = {
    "innodb-buffer-pool-size": "128M",
    "innodb-log-file-size": "64M",
    "max-connections": "60",
    "max-allowed-packet": "64M",
}
_TABLES = ("system_tables.sql", "performance_tables.sql", "system_tables_data.sql")
_PREFIXES = ("mysql_", "mariadb_")
"""What the scripts of the system tables are called before :data:`_TABLES`: up to MariaDB 10.11, and later."""


def find_binaries() -> Path:
    """Return the folder of ``mariadbd``. Raises EnvironmentProblem, naming the package, when there is none."""
    named = os.environ.get("APIM_UPGRADE_MARIADB_BIN")
    if named:
        return Path(named)
    installed = Path("/usr/sbin/mariadbd")
    if installed.exists():
        return installed.parent
    on_path = shutil.which("mariadbd")
    if on_path:
        return Path(on_path).resolve().parent
    raise EnvironmentProblem(
        "No MariaDB server program was found.",
        hint="Install mariadb-server-core, or name the folder of mariadbd in APIM_UPGRADE_MARIADB_BIN.",
    )


def library_path(binaries: Path) -> str:
    """Return the folders of libraries that were unpacked with programs; empty for installed ones."""
    prefix = binaries.parent
    own = [] if prefix == Path("/usr") else sorted((prefix / "lib").glob("*-linux-gnu"))
    return ":".join(str(folder) for folder in own)


class EmbeddedMariaDB(EmbeddedServer):
    """A MariaDB for the length of a ``with`` block; ``settings`` are options of mariadbd, in its own spelling."""

    called = "MariaDB"
    end = signal.SIGTERM

    def __init__(
        self, home: Path | None = None, *, durable: bool = False, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(home, durable=durable)
        self.binaries = find_binaries()
        self._settings = dict(settings or {})

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "s"

    def address(self, database: str = "mysql") -> Address:
        """The address of one of its databases, as its superuser."""
        return Address("mysql", str(self.socket), 3306, database, "root")

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """Open a plain connection that commits every statement."""
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, autocommit=True, charset="utf8mb4"
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which its client programs find their libraries."""
        return self._environment()

    def program(self, name: str) -> str:
        """The path of one of MariaDB's client programs: beside the server, or on the PATH."""
        folders = (self.binaries, self.binaries.parent / "bin")
        return str(next((folder / name for folder in folders if (folder / name).exists()), Path(name)))

    def run(self, program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run one of MariaDB's client programs against this server."""
        return subprocess.run(
            [self.program(program), "--no-defaults", f"--socket={self.socket}", "--user=root", *arguments],
            check=True,
            env=self._environment(),
            **options,
        )

    def _prepare(self) -> None:
        if (self.data / "mysql").exists():
            return
        scripts = self._scripts()
        (self.data / "mysql").mkdir(parents=True)
        script = b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n"
        script += b"".join(file.read_bytes() for file in scripts)
        self._program(
            [*self._server(), "--bootstrap", "--skip-grant-tables", "--log-warnings=0"],
            input=script,
        )

    def _command(self) -> list[str]:
        return [*self._guard(), *self._server(), "--skip-networking", f"--socket={self.socket}"]

    def _server(self) -> list[str]:
        share = self._scripts()[0].parent
        settings = _ALWAYS | ({} if self._durable else _THROW_AWAY) | self._settings
        return [
            str(self.binaries / "mariadbd"),
            "--no-defaults",
            *(["--user=root"] if os.geteuid() == 0 else []),
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            f"--pid-file={self.folder / 'pid'}",
            f"--lc-messages-dir={share}",
            f"--character-sets-dir={share / 'charsets'}",
            *(f"--{name}={value}" for name, value in settings.items()),
        ]

    def _scripts(self) -> tuple[Path, ...]:
        """The scripts that make the system tables; the server's other files lie beside them."""
        for name in ("mysql", "mariadb", "."):
            for prefix in _PREFIXES:
                files = tuple(self.binaries.parent / "share" / name / f"{prefix}{each}" for each in _TABLES)
                if all(file.is_file() for file in files):
                    return files
        raise EnvironmentProblem(
            "MariaDB's system tables (mysql_system_tables.sql or mariadb_system_tables.sql) were not found "
            f"beside {self.binaries}.",
            hint="Install mariadb-server-core whole.",
        )

    def _environment(self) -> dict[str, str]:
        environment = environment_without(self.folder, "MYSQL_HOME", "MYSQL_UNIX_PORT", "MYSQL_TCP_PORT", "LD_PRELOAD")
        own = library_path(self.binaries)
        return {**environment, "LD_LIBRARY_PATH": own} if own else environment

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True
