"""
Takes a backup before anything is changed, and proves it by restoring it.

Every database is dumped in one moment of it and restored beside the original, into a database that is dropped again;
only when every table there has the same rows, by count and by hash, the backup counts as proven. What was done before
an interruption is used again if the database has not changed since, and so is a whole backup of the same state.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from apim_upgrade import __version__
from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.backup import content_of, dump, prove_dump
from apim_upgrade.databases.content import deviations
from apim_upgrade.databases.facts import ServerFacts
from apim_upgrade.databases.telling import Say
from apim_upgrade.engine import journal
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.execution import disks
from apim_upgrade.execution.folder import one_at_a_time
from apim_upgrade.execution.manifest import PARTIAL, BackupFolder, backups_in, new_backup, piece

DEFAULT = "backups"
"""The folder of backups in the runs folder, where no other was named."""
_SMALLER = 0.5
"""A dump has no indexes and is compressed: it takes half of what the database takes, and hardly ever more."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A backup as it is ordered: the folder that backups lie in, and whether it has to be proven."""

    folder: Path
    prove: bool = True


def take_backup(databases: Mapping[str, Database], wish: Wish, release: str, say: Say) -> dict[str, Any]:
    """
    Back up the databases, or find a backup of what they hold now; return what the run has to remember of it.

    Raises EnvironmentProblem when a right, a program or room on a disk is missing, or when what was restored is not
    what was dumped. Nothing in the databases is changed, and no backup that is there already.
    """
    wish = replace(wish, folder=wish.folder.absolute())
    folder = wish.folder
    _make(folder)
    with one_at_a_time(folder):
        facts = disks.facts_of(databases)
        _refuse_hopeless(databases, facts, wish, say)
        backup = _found(databases, wish, say)
        if backup is None:
            backup = _begun(databases, folder, release)
            disks.require_room_in(
                folder,
                sum(facts[name].size for name in databases if name not in backup.pieces) * _SMALLER,
                "A backup of the databases",
            )
            for name, database in databases.items():
                if name not in backup.pieces:
                    _dump(backup, name, database, facts[name], say)
        if wish.prove:
            _prove(backup, databases, say)
        backup = _completed(backup)
        say(f"The backup is in {backup.path}{'' if backup.proven else ', and not proven'}")
        return {
            "folder": str(backup.path),
            "manifest": backup.fingerprint(),
            "moment": backup.document["moment"],
            "proven": backup.proven,
        }


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise EnvironmentProblem(
            f"No backup can be written to {folder}: {error.strerror}.", hint="Name another folder with --backup."
        ) from None


def _refuse_hopeless(databases: Mapping[str, Database], facts: Mapping[str, ServerFacts], wish: Wish, say: Say) -> None:
    """Find out before hours of dumping that the proof would fail."""
    if not wish.prove:
        return
    for name, database in databases.items():
        if not facts[name].may_create_databases:
            user, address = facts[name].user, database.address
            raise EnvironmentProblem(
                f"The user {user} may not create databases on {address.host}, so a backup of {name} cannot be "
                "proven by restoring it.",
                hint=f"A DBA can allow it: {facts[name].leave_to_create} --no-prove goes without the proof.",
            )
    # One after the other is restored and dropped, so the largest on each server is what has to have room.
    largest: dict[tuple[str, int], str] = {}
    for name in sorted(databases, key=lambda name: facts[name].size):
        largest[databases[name].address.host, databases[name].address.port] = name
    needed = {name: facts[name].size for name in largest.values()}
    disks.require_room_on_servers(databases, facts, needed, "Proving the backup by restoring it", say)


def _found(databases: Mapping[str, Database], wish: Wish, say: Say) -> BackupFolder | None:
    """A complete backup of what the databases hold now; only the newest can be."""
    newest = next((each for each in backups_in(wish.folder, _addresses(databases)) if each.complete), None)
    if newest is None or (wish.prove and not newest.proven):
        return None
    say(f"Looking whether the databases still hold what the backup in {newest.path} does")
    if all(content_of(database) == newest.content(name) for name, database in databases.items()):
        return newest
    return None


def _begun(databases: Mapping[str, Database], folder: Path, release: str) -> BackupFolder:
    """The backup that was interrupted, with what of it still holds, or a new one."""
    begun = next((each for each in backups_in(folder, _addresses(databases)) if not each.complete), None)
    if begun is not None:
        for name in list(begun.pieces):
            if content_of(databases[name]) != begun.content(name):
                del begun.pieces[name]
        begun.store()
        return begun
    moment = journal.now()
    path = folder / f"{moment:%Y%m%dT%H%M%S}"
    number = 1
    while path.exists() or path.with_name(path.name + PARTIAL).exists():
        number += 1
        path = folder / f"{moment:%Y%m%dT%H%M%S}-{number}"
    backup = new_backup(
        path.with_name(path.name + PARTIAL),
        _addresses(databases),
        tool=__version__,
        release=release,
        moment=_text(moment),
    )
    backup.path.mkdir(mode=0o700)  # what is in it is as secret as the databases
    backup.store()
    return backup


def _dump(backup: BackupFolder, name: str, database: Database, facts: ServerFacts, say: Say) -> None:
    """Add the dump of one database: the manifest names it when it is whole and on the disk."""
    say(f"Backing up {name} ({database.address}), {disks.size(facts.size)}")
    # A name of its own: a dump that outlived a killed process must not find its folder again.
    folder = backup.path / f"{name}.{os.getpid()}-{time.time_ns()}"
    for left in (*backup.path.glob(f"{name}.*"), backup.dump(name)):
        shutil.rmtree(left, ignore_errors=True)
    moment = journal.now()
    try:
        dumped = dump(database, folder, say, lambda: disks.watch(backup.path))
        _flush(folder)
        known = piece(
            folder,
            server=facts.version,
            program=dumped.program,
            size=facts.size,
            tables=dumped.content,
            moment=_text(moment),
        )
        folder.rename(backup.dump(name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a full disk is not kept full
        raise
    backup.pieces[name] = known
    backup.store()


def _prove(backup: BackupFolder, databases: Mapping[str, Database], say: Say) -> None:
    """Restore every dump that was not proven yet, and compare."""
    for name, database in databases.items():
        if backup.pieces[name]["proof"] is None:
            say(f"Proving the backup of {name} by restoring it beside {database.address.database}")
            began = time.monotonic()
            prove_dump(database.address, backup.dump(name), comparing(backup, name), say)
            seconds = round(time.monotonic() - began, 1)
            backup.pieces[name]["proof"] = {"moment": _text(journal.now()), "seconds": seconds}
            backup.store()


def comparing(backup: BackupFolder, name: str) -> Callable[[Address], None]:
    """Return what sees that a restored database holds what the backup says; raises EnvironmentProblem if not."""

    def compare(restored: Address) -> None:
        wrong = list(deviations(backup.content(name), content_of(Database(name, restored))))
        if wrong:
            raise EnvironmentProblem(
                f"What was restored from {backup.dump(name)} is not what was backed up: {'; '.join(wrong[:5])}.",
                hint="Do not rely on this backup. Look for faults of the disk, and take another.",
            )

    return compare


def _completed(backup: BackupFolder) -> BackupFolder:
    """Take ``.partial`` off the name."""
    if backup.complete:
        return backup
    path = backup.path.with_name(backup.path.name.removesuffix(PARTIAL))
    try:
        backup.path.rename(path)
    except OSError as error:
        raise EnvironmentProblem(f"{backup.path} cannot be renamed to {path}: {error.strerror}.") from None
    return BackupFolder(path, backup.document)


def _flush(folder: Path) -> None:
    """See that the dump is on the disk and not only on its way there."""
    for path in folder.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _addresses(databases: Mapping[str, Database]) -> dict[str, Address]:
    return {name: database.address for name, database in databases.items()}


def _text(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="seconds")
