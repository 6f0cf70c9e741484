"""Finds PostgreSQL's client programs and gives them a login without a password on any command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.postgresql.embedded import find_binaries
from apim_upgrade.errors import EnvironmentProblem

_DISTRIBUTION = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """A folder that holds pg_dump and pg_restore of one major version."""

    folder: Path
    major: int

    @property
    def dump(self) -> str:
        """The path of pg_dump."""
        return str(self.folder / "pg_dump")

    @property
    def restore(self) -> str:
        """The path of pg_restore."""
        return str(self.folder / "pg_restore")


def find_programs(server_major: int) -> Programs:
    """
    Return the programs that fit a server best: its own version, else the nearest newer one.

    pg_dump refuses a server newer than itself, and a far newer pg_restore may send settings that an old server lacks.
    Raises EnvironmentProblem when none will do.
    """
    found = [programs for folder in _folders() if (programs := _programs(folder)) is not None]
    fitting = sorted((programs for programs in found if programs.major >= server_major), key=lambda item: item.major)
    if fitting:
        return fitting[0]
    have = ", ".join(sorted({str(programs.major) for programs in found})) or "none"
    raise EnvironmentProblem(
        f"pg_dump and pg_restore {server_major} or newer are needed and were not found (found: {have}).",
        hint=f"Install postgresql-client-{server_major}, or close all sessions so that the server can copy by itself.",
    )


def login(address: Address) -> dict[str, str]:
    """Return the environment for a client program: the present one with this login."""
    environment = {
        **os.environ,
        "PGHOST": address.host,
        "PGPORT": str(address.port),
        "PGDATABASE": address.database,
        "PGAPPNAME": "apim-upgrade clone",
        "PGCONNECT_TIMEOUT": "10",
        "LC_MESSAGES": "C",
    }
    # What is not given here is found by the programs where our own connections find it: PGPASSWORD, ~/.pgpass …
    given = {"PGUSER": address.username, "PGPASSWORD": address.password}
    given |= {f"PG{name.upper()}": value for name, value in address.options}
    return environment | {name: value for name, value in given.items() if value}


def first_error(complaint: str) -> str:
    """Return the programs' own words; lines that quote rows (DETAIL, CONTEXT) stay out."""
    lines = complaint.splitlines()
    return next((line.partition(" error: ")[2] for line in lines if " error: " in line), "no reason given")[:300]


def dump_problem(source: Address, said: str, doing: str = "Copying {source} with pg_dump") -> EnvironmentProblem:
    """Return the error for what pg_dump or pg_restore said while they were ``doing`` something with a database."""
    if "No space left" in said or "could not extend file" in said:
        return EnvironmentProblem(
            f"The disk of the server of {source} is full.", hint="Free space on the database server."
        )
    if "permission denied" in said:
        return EnvironmentProblem(
            f"The user of {source} lacks a right to copy it: {said}.",
            hint="Use the owner of the objects, or grant SELECT on all of them.",
        )
    return EnvironmentProblem(f"{doing.format(source=source)} failed: {said}.", hint="Mend that and run again.")


def _folders() -> list[Path]:
    on_path = shutil.which("pg_dump")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += [path.parent for path in sorted(_DISTRIBUTION.glob("*/bin/pg_dump"))]
    with suppress(EnvironmentProblem):
        folders.insert(0, find_binaries())
    return list(dict.fromkeys(folders))


def _programs(folder: Path) -> Programs | None:
    if not (folder / "pg_restore").is_file():
        return None
    try:
        answer = subprocess.run([str(folder / "pg_dump"), "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"(\d+)(?:\.\d+)*", answer.stdout)
    return Programs(folder, int(version[1])) if version and answer.returncode == 0 else None
