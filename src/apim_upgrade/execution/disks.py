"""Room on disks: told before work that needs it, and watched while it goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from apim_upgrade.databases import Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import ServerFacts
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

_RESERVE = 0.02
"""The part of a disk that is left to others: a server whose disk is full stops, and with it every database on it."""
_MOST = 1 << 30
"""Nobody needs more in reserve than this, in bytes."""


def size(number: float) -> str:
    """A number of bytes in words."""
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.1f} MB"


def facts_of(databases: Mapping[str, Database]) -> dict[str, ServerFacts]:
    """What the server of each database says of itself."""
    found = {}
    for name, database in databases.items():
        with database.read() as session:
            found[name] = dbms_of(database.kind).server(session)
    return found


def require_room_in(folder: Path, needed: float, what: str) -> None:
    """Raise EnvironmentProblem when a folder's disk has not ``needed`` bytes free; ``what`` begins the sentence."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EnvironmentProblem(
            f"{what} takes up to {size(needed)}, and the disk of {folder} has {size(free)} left.",
            hint="Make room there, or name another folder.",
        )


def watch(folder: Path) -> None:
    """Raise EnvironmentProblem when the disk of a folder is about to be full."""
    usage = shutil.disk_usage(folder)
    if usage.free < min(usage.total * _RESERVE, _MOST):
        raise EnvironmentProblem(
            f"Stopped before the disk of {folder} is full: {size(usage.free)} are left.",
            hint="Make room there and run again.",
        )


def watch_servers(databases: Mapping[str, Database]) -> Callable[[], None]:
    """Return what raises EnvironmentProblem when the disk of a server is about to be full, as far as it can be seen."""
    folders = {facts.folder for facts in facts_of(databases).values() if facts.folder is not None}

    def look() -> None:
        for folder in folders:
            watch(folder)

    return look


def require_room_on_servers(
    databases: Mapping[str, Database],
    facts: Mapping[str, ServerFacts],
    needed: Mapping[str, float],
    what: str,
    say: Say,
) -> None:
    """
    Raise EnvironmentProblem when a server's disk has not the room for ``needed`` bytes beside each database.

    Where the room cannot be seen, because the server is on another machine, say so with what will be needed.
    """
    servers: dict[tuple[str, int], list[str]] = {}
    for name in needed:
        address = databases[name].address
        servers.setdefault((address.host, address.port), []).append(name)
    for (host, _), names in servers.items():
        wanted, free = sum(needed[name] for name in names), facts[names[0]].free
        if free is None:
            say(
                f"{what} takes about {size(wanted)} on the disk of the server on {host}; its free room cannot be seen "
                "from here"
            )
        elif free < wanted:
            raise EnvironmentProblem(
                f"{what} takes about {size(wanted)} on the disk of the server on {host}, which has {size(free)} left.",
                hint="Free space on the database server.",
            )
