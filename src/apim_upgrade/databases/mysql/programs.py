"""Finds the client programs of MySQL or MariaDB and gives them a login that no other process can see."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.mysql.embedded import find_binaries, library_path
from apim_upgrade.errors import EnvironmentProblem

_DUMP = ("mariadb-dump", "mysqldump")
_CLIENT = ("mariadb", "mysql")


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that dump a database and that execute a dump; both of one vendor."""

    dump: str
    client: str
    mariadb: bool

    def dump_command(self, login: str, *options: str) -> list[str]:
        """Return the command that writes a database of one moment to its output, without locking anybody out."""
        foreign = [] if self.mariadb else ["--set-gtid-purged=OFF", "--column-statistics=0"]
        return [
            self.dump,
            f"--defaults-file={login}",
            "--single-transaction",
            "--quick",
            "--routines",
            "--triggers",
            "--hex-blob",
            "--no-tablespaces",
            "--skip-comments",
            "--skip-add-drop-table",
            "--skip-add-locks",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
            *foreign,
            *options,
        ]

    def client_command(self, login: str, database: str) -> list[str]:
        """Return the command that executes what it reads."""
        options = ["--batch", "--default-character-set=utf8mb4", "--max-allowed-packet=1G"]
        return [self.client, f"--defaults-file={login}", *options, database]

    @property
    def environment(self) -> dict[str, str]:
        """The environment to run them in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MYSQL_", "MARIADB_"))}
        own = library_path(Path(self.dump).parent)
        return {**kept, "LC_ALL": "C.UTF-8", **({"LD_LIBRARY_PATH": own} if own else {})}


def find_programs(*, mariadb: bool) -> Programs:
    """
    Return the programs that fit a server best: those of its own vendor, else the other's.

    Raises EnvironmentProblem when there are none.
    """
    found = [programs for folder in _folders() if (programs := _programs(folder)) is not None]
    for programs in sorted(found, key=lambda each: each.mariadb != mariadb):
        return programs
    wanted = "mariadb-dump and mariadb" if mariadb else "mysqldump and mysql"
    package = "mariadb-client" if mariadb else "mysql-client (or mariadb-client)"
    raise EnvironmentProblem(
        f"{wanted} are needed to copy a database and were not found.", hint=f"Install {package} on this machine."
    )


@contextmanager
def login_file(address: Address) -> Iterator[tuple[str, int]]:
    """
    Give the name of a file with the login, and its descriptor for the programs to inherit.

    The file is in memory and has no name of its own: nobody else can read it, and it falls with the processes.
    """
    server = {"socket": address.host} if address.host.startswith("/") else {"host": address.host, "protocol": "tcp"}
    given = {**server, "port": str(address.port), "user": address.username, "password": address.password}
    lines = [f'{name}="{_escaped(value)}"' for name, value in given.items() if value]
    descriptor = os.memfd_create("login", 0)
    try:
        os.fchmod(descriptor, 0o600)  # what all may write to is passed over
        os.write(descriptor, "\n".join(["[client]", *lines, *_tls(address), ""]).encode())
        yield f"/dev/fd/{descriptor}", descriptor
    finally:
        os.close(descriptor)


def _tls(address: Address) -> Iterator[str]:
    options = dict(address.options)
    mode = options.pop("ssl_mode", "")
    for name, value in options.items():
        yield f'{name.replace("_", "-")}="{_escaped(value)}"'
    # The two vendors have different words; what one does not know it passes over.
    if mode == "disable":
        yield from ("loose-ssl-mode=DISABLED", "loose-skip-ssl")
    elif mode in ("", "prefer", "require"):
        yield from (
            f"loose-ssl-mode={'REQUIRED' if mode == 'require' else 'PREFERRED'}",
            "loose-ssl-verify-server-cert=0",
        )
    else:
        name = "VERIFY_IDENTITY" if mode == "verify-full" else "VERIFY_CA"
        yield from (f"loose-ssl-mode={name}", f"loose-ssl-verify-server-cert={int(mode == 'verify-full')}")


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _folders() -> list[Path]:
    on_path = [Path(found).resolve().parent for name in _DUMP if (found := shutil.which(name))]
    folders = []
    with suppress(EnvironmentProblem):
        server = find_binaries()
        folders = [server, server.parent / "bin"]
    return list(dict.fromkeys([*folders, *on_path]))


def _programs(folder: Path) -> Programs | None:
    dump = next((folder / name for name in _DUMP if (folder / name).is_file()), None)
    client = next((folder / name for name in _CLIENT if (folder / name).is_file()), None)
    if dump is None or client is None:
        return None
    programs = Programs(str(dump), str(client), mariadb=False)
    try:
        answer = subprocess.run(
            [str(dump), "--version"], capture_output=True, text=True, timeout=20, env=programs.environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    return Programs(str(dump), str(client), mariadb=re.search("mariadb", answer.stdout, re.I) is not None)
