"""
Where a rehearsal takes place, made ready and cleared away again.

Either copies beside the originals, or production dumps restored into a server of our own. Nothing of either
outlives the rehearsal unless it is kept; what a killed one left is found and removed by the next.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from apim_upgrade.databases import Address, Database, database_exists, drop_clone
from apim_upgrade.databases.dump_forms import size_of
from apim_upgrade.databases.dumps import restore, server_for
from apim_upgrade.engine import journal
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem, EstateError, ProjectError
from apim_upgrade.execution.moving import refuse_unmoved
from apim_upgrade.execution.order import Order, is_rehearsal
from apim_upgrade.execution.run import Say, refuse_too_little_room

SUFFIX = "_rehearsal"
_LONGEST = 54
"""Bytes that a copy's name may have: PostgreSQL's 63 less the suffix of a copy in the making."""
_SERVER, _KEPT = "server", "kept-server"


@dataclass(frozen=True, slots=True)
class Stand:
    """What is upgraded, and what making it ready has taken (seconds by database)."""

    order: Order
    place: str
    embedded: bool
    restored: Mapping[str, float] = field(default_factory=dict)
    kept: str = ""
    """How what is kept can be looked at."""


def rehearsal_names(order: Order) -> dict[str, str]:
    """
    Name the copies of a rehearsal: never the final ones.

    Raises ProjectError when such a name is too long or the name of something else.
    """
    names = {name: address.database + SUFFIX for name, address in order.addresses.items()}
    taken = {*order.clones.values(), *(address.database for address in order.addresses.values())}
    for part, name in names.items():
        if name in taken:
            raise ProjectError(
                f"A rehearsal wants to call its copy of {part} {name}, and upgrade.toml has a database of that name.",
                hint=f"Choose another clone name in [database.{part}].",
            )
        if len(name.encode()) > _LONGEST:
            raise ProjectError(
                f"A rehearsal's copy of {part} would be called {name}, longer than {_LONGEST} bytes.",
                hint="Rehearse with dumps: --dump AM.dump SHARED.dump.",
            )
    return names


@contextmanager
def copies(order: Order, folder: Path, identifier: str, *, keep: bool, say: Say) -> Iterator[Stand]:
    """Rehearse on copies beside the originals; they are made by the run itself, and dropped at the end."""
    names = rehearsal_names(order)
    drop_copies(order, names, say)
    refuse_unmoved(order)
    copied = replace(order, clones=names, runs=folder, environment=None, rehearsal=identifier, moved_from={})
    told = " and ".join(str(order.addresses[part].at(name)) for part, name in names.items())
    refuse_too_little_room(copied, say)
    kept = f"The copies {told} stay until the next rehearsal." if keep else ""
    try:
        yield Stand(copied, "copies beside the originals", embedded=False, kept=kept)
    finally:
        if not keep:
            try:
                drop_copies(order, names, lambda line: None)
            except ApimUpgradeError as error:
                say(f"warning: the copies could not be dropped ({error}); the next rehearsal does it")


def drop_copies(order: Order, names: Mapping[str, str], say: Say) -> None:
    """
    Drop what a rehearsal has left of its copies.

    Raises EstateError when a database of such a name is not of a rehearsal, EnvironmentProblem when one is at work.
    """
    for part, name in names.items():
        address = order.addresses[part]
        if database_exists(address, name):
            _refuse_foreign(Database(part, address.at(name)))
            say(f"Dropping {name}, which an earlier rehearsal left")
        drop_clone(address, name)


def _refuse_foreign(database: Database) -> None:
    with database.read() as session:
        record = journal.read_run(session)
    if record is None or not is_rehearsal(record):
        raise EstateError(
            f"Database {database.address.database} exists and is not a copy that a rehearsal made.",
            hint="Rename it: a rehearsal calls its copies so.",
        )
    holder = database.holder()
    if holder is not None:
        raise EnvironmentProblem(f"Another rehearsal is at work: {holder}.", hint="Wait for it, or stop it.")


@contextmanager
def dumps(
    order: Order, files: Mapping[str, Path], folder: Path, identifier: str, *, keep: bool, say: Say
) -> Iterator[Stand]:
    """Rehearse on dumps, restored into a server of our own whose data lie in ``folder``."""
    home = folder / (_KEPT if keep else _SERVER)
    made_server = server_for(files.values(), home.absolute())
    say(f"Starting a {made_server.called} of our own")
    try:
        with made_server as server:
            addresses: dict[str, Address] = {}
            restored: dict[str, float] = {}
            for part, file in files.items():
                say(f"Restoring {file} ({size_of(file) / 1e6:,.1f} MB) as {part}")
                began = time.monotonic()
                addresses[part] = restore(file, server, part, say)
                restored[part] = time.monotonic() - began
                _refuse_half_upgraded(Database(part, addresses[part]), file)
            # The restored databases are copies already: they are upgraded themselves.
            made = replace(order, addresses=addresses, clones={}, runs=folder, environment=None, rehearsal=identifier)
            where = f"{server.called}'s data in {server.data}, its programs in {server.binaries}"
            kept = f"The databases are kept: {where}." if keep else ""
            yield Stand(made, f"dumps in an embedded {server.called}", embedded=True, restored=restored, kept=kept)
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _refuse_half_upgraded(database: Database, file: Path) -> None:
    with database.read() as session:
        record = journal.read_run(session)
    if record is not None:
        raise EstateError(
            f"{file} is a dump of a database in the middle of an upgrade from {record.source} to {record.target}.",
            hint="Give a dump of the database as it was before.",
        )


def sweep(rehearsals: Path, finished: str) -> None:
    """Remove what rehearsals that were killed have left on the disk; ``finished`` is the file that others have."""
    for folder in [each for each in rehearsals.iterdir() if each.is_dir()]:
        shutil.rmtree(folder / _SERVER, ignore_errors=True)
        if not (folder / finished).exists() and not (folder / _KEPT).exists():
            shutil.rmtree(folder, ignore_errors=True)
