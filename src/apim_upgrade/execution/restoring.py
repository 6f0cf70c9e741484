"""
The way back of an upgrade in place: the backup is restored beside the databases, and then they change places.

Until they do, which is one transaction for all databases of a server, nothing of the upgraded ones is changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Database
from apim_upgrade.databases.backup import drop_aside, obstacle_to_swap, restore_beside, swap_in
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem, EstateError, NeedsConsent
from apim_upgrade.execution import disks
from apim_upgrade.execution.backup import comparing
from apim_upgrade.execution.manifest import BackupFolder, read_backup
from apim_upgrade.execution.order import Order


def restored(
    order: Order, run: Mapping[str, Any], moved_to: Path | None, *, accept_unproven: bool, say: Say
) -> dict[str, Database]:
    """
    Restore the backup of a run, as reports tell it, beside its databases; return what was restored, by their names.

    Everything is compared with what was backed up. Raises EstateError, EnvironmentProblem or NeedsConsent where there
    is no backup of this run, where it was changed since, or was never proven; nothing is changed then.
    """
    note = _note(run)
    if not note["proven"] and not accept_unproven:
        raise NeedsConsent(
            f"The backup in {note['folder']} was never proven by restoring it.",
            hint="Give --accept-unproven to rely on it all the same; what is restored is compared before it is used.",
        )
    backup = backup_of_run(order, run, moved_to)
    say(f"Reading the backup in {backup.path}")
    damage = list(backup.damage())
    if damage:
        raise EnvironmentProblem(
            f"The backup is damaged: {'; '.join(damage[:3])}.",
            hint="Restore these files from where you keep copies of the backup; nothing was changed.",
        )
    databases = order.targets()
    for database in databases.values():
        obstacle = obstacle_to_swap(database.address)
        if obstacle is not None:
            raise EnvironmentProblem(f"{obstacle[0]}.", hint=obstacle[1])
    sizes = {name: float(backup.pieces[name]["bytes"]) for name in databases}
    disks.require_room_on_servers(databases, disks.facts_of(databases), sizes, "Restoring the backup", say)
    made = {}
    for name, database in databases.items():
        say(f"Restoring {name} beside {database.address}")
        address = restore_beside(database.address, backup.dump(name), comparing(backup, name), say)
        made[name] = Database(name, address)
    return made


def replace_by_restored(order: Order, say: Say) -> None:
    """Let the restored databases take the place of the upgraded ones, which are dropped; may be done again."""
    say("Putting the restored databases in their place")
    swap_in(order.addresses.values())
    for name, address in order.addresses.items():
        say(f"Dropping what was upgraded of {name}")
        drop_aside(address)


def _note(run: Mapping[str, Any]) -> Mapping[str, Any]:
    note: Mapping[str, Any] | None = run["backup"]
    if note is None:
        raise EstateError(
            f"Run {run['id']} changed the databases themselves and was begun without a backup.",
            hint="Restore one of yours by hand.",
        )
    return note


def backup_of_run(order: Order, run: Mapping[str, Any], moved_to: Path | None) -> BackupFolder:
    """Return the backup of a run. Raises EnvironmentProblem or EstateError where it is not there, or is another's."""
    note = _note(run)
    backup = read_backup(moved_to or Path(note["folder"]))
    if backup.fingerprint() != note["manifest"] or not backup.is_of(order.addresses):
        raise EstateError(
            f"{backup.path} holds another backup than the one of run {run['id']}.",
            hint=f"That one was taken at {note['moment']} UTC and written to {note['folder']}.",
        )
    return backup
