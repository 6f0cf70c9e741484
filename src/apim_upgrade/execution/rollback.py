"""
The way back, until ``commit``: the databases are again as they were before the upgrade.

What servers of the new release wrote in the meantime is put into files first. A note of the rollback is in the run
folder before the first thing goes and says at the end that it is done: an interrupted rollback can only be finished,
and what is known of the run outlives its databases.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Database, copy_in_the_making, drop_clone
from apim_upgrade.databases.backup import content_of
from apim_upgrade.databases.content import deviations
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import Client
from apim_upgrade.databases.telling import Say
from apim_upgrade.engine import journal
from apim_upgrade.errors import EnvironmentProblem, EstateError
from apim_upgrade.execution.aftermath import Written, write_aftermath
from apim_upgrade.execution.committed import committed, database_names
from apim_upgrade.execution.finish import Checked, report_rolled_back
from apim_upgrade.execution.folder import JOURNAL, ROLLBACK, RunFolder, one_at_a_time
from apim_upgrade.execution.moving import drop_moved
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.restoring import backup_of_run, replace_by_restored, restored
from apim_upgrade.execution.rolled_back import BEGUN, DONE, FORM, Kind, RolledBack, rolled_back
from apim_upgrade.execution.run import find_run
from apim_upgrade.execution.undoing import obstacle_to_undo, undo
from apim_upgrade.moving import open_source, readable
from apim_upgrade.releases import Release
from apim_upgrade.report import read_journal

AFTERMATH = "aftermath"
_ASKED = "you asked for it"
_PATIENCE = 2.0
"""Seconds: a session that was closed a moment ago is still listed for a while."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a person wants to go back; ``export`` is where to keep what servers wrote, instead of the run folder."""

    export: Path | None = None
    backup: Path | None = None
    """Where the backup lies now, if it was moved since."""
    accept_unproven: bool = False
    """A backup that was never restored is good enough."""
    from_backup: bool = False
    """In place, restore the backup although the steps could be undone."""


def foretold(order: Order, way: Way) -> str:
    """Say what :func:`rollback` would do to which databases, and why this way; nothing where no run was begun."""
    before = rolled_back(order)
    if before is not None and not before.done:
        words = _kind(order, before).words
        return f"The rollback of run {before.run['id']} {words} was interrupted and will be finished."
    names = " and ".join(str(address) for address in order.addresses.values())
    if order.moved_from:
        return f"What was moved to {names}, and upgraded there, will be dropped; the originals were only read."
    if not order.in_place:
        return f"The upgraded copies {' and '.join(order.clones.values())} will be dropped."
    record = find_run(order)
    if record is None:
        return ""
    chosen, why = way_back(order, Release.parse(record.target), from_backup=way.from_backup)
    if chosen == Kind.UNDO:
        return (
            f"The databases {names} will be changed back by undoing every step; then they are compared with their "
            "backup."
        )
    return f"The databases {names} will be replaced by what their backup holds, because {why}."


def rollback(order: Order, way: Way, say: Say) -> Checked | None:
    """
    Take an upgrade back, or finish a rollback that was interrupted; returns the report of the run.

    Returns None when there were only unfinished copies of databases, which are dropped: they hold no run yet. Rows
    that servers wrote after the upgrade go to ``<export>/<run id>``, or to the run folder. Raises EstateError or
    EnvironmentProblem when there is nothing to take back, when the run is committed, while servers are connected to
    the databases that go, or when the backup of a run in place is needed and not what it should be; nothing is changed
    then.
    """
    with one_at_a_time(order.runs):
        found = rolled_back(order)
        if found is None or found.done:
            record = find_run(order)
            if record is None:
                _drop_unfinished(order, found, say)
                return None
            found = _begin(order, record.run_id, way, say)
        if _kind(order, found) == Kind.UNDO:
            _undo(order, found, way, say)
        match _kind(order, found):
            case Kind.MOVED:
                drop_moved(order, Release.parse(found.run["target"]), say)
            case Kind.COPIES:
                _drop_copies(order, say)
            case Kind.BACKUP:
                replace_by_restored(order, say)
        found.document["state"] = DONE
        checked = report_rolled_back(found)
        found.folder.write_json(ROLLBACK, found.document)
        return checked


def _begin(order: Order, run_id: str, way: Way, say: Say) -> RolledBack:
    """See that there is a way back, save what would be lost, and write down that it is begun."""
    folder = RunFolder(order.runs / run_id)
    if folder.file(JOURNAL).exists():
        raise EstateError(
            f"The commit of run {run_id} was begun, and that is the point of no return.",
            hint="Finish it with `apim-upgrade commit`. " + _what_is_left(order),
        )
    databases = order.present()
    for database in databases.values():
        _refuse_in_use(database)
    with ExitStack() as stack:
        for database in databases.values():
            stack.enter_context(database.lock("rollback"))
        exported = read_journal(databases)
        chosen, why = way_back(order, Release.parse(exported["run"]["target"]), from_backup=way.from_backup)
        where = way.export / run_id if way.export is not None else folder.file(AFTERMATH)
        written = _saved(order, exported["run"], chosen, databases, where, way, say)
    for each in written:
        say(f"Written since the upgrade: {each.sentence()} ({each.file or 'counted only'})")
    document = {
        "schema": FORM,
        "state": BEGUN,
        "moment": journal.now().isoformat(sep=" ", timespec="seconds"),
        "way": chosen,
        "why": why,
        "compared": chosen == Kind.BACKUP,
        "databases": database_names(order),
        "written": [each.as_json() for each in written],
        "folder": str(where) if written else "",
        "journal": exported,
    }
    folder.write_json(ROLLBACK, document)
    return RolledBack(folder, document)


def way_back(order: Order, target: Release, *, from_backup: bool = False) -> tuple[Kind, str]:
    """Return the way back of a run to ``target``, and in a phrase why not a shorter one."""
    if order.moved_from:
        return Kind.MOVED, ""
    if not order.in_place:
        return Kind.COPIES, ""
    why = _ASKED if from_backup else obstacle_to_undo(order.targets(), target)
    return (Kind.BACKUP, why) if why else (Kind.UNDO, "")


def _kind(order: Order, found: RolledBack) -> Kind:
    """As noted; one that an earlier version of this tool began knew only one way for either strategy."""
    return Kind(found.document.get("way", Kind.BACKUP if order.in_place else Kind.COPIES))


def _saved(
    order: Order,
    run: Mapping[str, Any],
    chosen: Kind,
    databases: Mapping[str, Database],
    where: Path,
    way: Way,
    say: Say,
) -> list[Written]:
    """Write what servers wrote since the upgrade to files; first see that what was before is there, or make it."""
    if chosen == Kind.UNDO:
        return []  # the upgrade had not ended
    with ExitStack() as stack:
        if chosen == Kind.BACKUP:
            before = restored(order, run, way.backup, accept_unproven=way.accept_unproven, say=say)
        elif chosen == Kind.MOVED:
            _see_originals(order)
            if not any(map(_ended, databases.values())):
                return []
            before = stack.enter_context(readable(order.moved_from, run["source"], journal.now(), say))
        else:
            before = order.originals()
        say("Looking for what was written since the upgrade")
        return write_aftermath(before, databases, where)


def _see_originals(order: Order) -> None:
    """Raise EnvironmentProblem unless all that was moved can still be read where it came from."""
    for name, address in order.moved_from.items():
        with open_source(name, address):
            pass


def _ended(database: Database) -> bool:
    with database.read() as session:
        return journal.read_end(session) is not None


def _undo(order: Order, found: RolledBack, way: Way, say: Say) -> None:
    """Undo the steps and compare with the backup; where that does not lead back, make the backup the way."""
    document = found.document
    why = _ASKED if way.from_backup else ""
    if not why:
        databases = order.targets(keep_connections=True)
        with ExitStack() as stack:
            for database in databases.values():
                stack.callback(database.close)
                _refuse_in_use(database)
                stack.enter_context(database.lock("rollback"))
            try:
                undo(databases, Release.parse(found.run["target"]), say)
            except EstateError as error:
                why = error.message
    if not why:
        wrong = _differences(order, found, way, say)
        document["compared"] = wrong is not None
        why = f"undone, the databases are not what they were ({'; '.join(wrong[:3])})" if wrong else ""
    if why:
        say(f"Going back by the backup: {why}")
        restored(order, found.run, way.backup, accept_unproven=way.accept_unproven, say=say)
        document |= {"way": Kind.BACKUP, "why": why, "compared": True}
        found.folder.write_json(ROLLBACK, document)


def _differences(order: Order, found: RolledBack, way: Way, say: Say) -> list[str] | None:
    """What the databases hold and did not before, by their backup; None where it is lost: nothing was needed of it."""
    try:
        backup = backup_of_run(order, found.run, way.backup)
    except (EnvironmentProblem, EstateError) as error:
        say(f"warning: What the databases hold was not compared with their backup. {error}")
        return None
    say("Comparing every table with what was backed up")
    return [
        phrase
        for name, database in order.targets().items()
        for phrase in deviations(backup.content(name), content_of(database))
    ]


def _drop_copies(order: Order, say: Say) -> None:
    for name, clone in order.clones.items():
        say(f"Dropping the copy of {name}, {clone}")
        drop_clone(order.addresses[name], clone)


def _drop_unfinished(order: Order, before: RolledBack | None, say: Say) -> None:
    """
    Drop copies that were never ended, or what was moved and not upgraded yet.

    Raises EstateError when there is nothing of the kind: then there is nothing to take back.
    """
    if order.moved_from:
        for database in order.targets().values():
            _refuse_in_use(database)
        _see_originals(order)
        if drop_moved(order, order.target, say):
            return
    unfinished = {
        name: clone
        for name, clone in order.clones.items()
        if copy_in_the_making(order.addresses[name], clone) is not None
    }
    if not unfinished:
        done = committed(order)
        if done is not None:
            raise EstateError(done.sentence, hint="There is no way back from a commit. " + _what_is_left(order))
        if before is not None:
            raise EstateError(before.sentence, hint="Begin anew with `apim-upgrade run`.")
        raise EstateError(f"No run to {order.target} was begun.", hint="There is nothing to take back.")
    for name, clone in unfinished.items():
        say(f"Dropping the unfinished copy of {name}, {clone}")
        drop_clone(order.addresses[name], clone)


def _what_is_left(order: Order) -> str:
    if order.in_place:
        return "The backup that the report names can be restored by hand."
    return "The originals are as they were: point the old servers at them, and drop the copies by hand."


def _refuse_in_use(database: Database) -> None:
    """Raise EstateError while somebody else is connected: what he writes now would be lost unseen."""
    until = time.monotonic() + _PATIENCE
    while others := _others(database):
        if time.monotonic() < until:
            time.sleep(0.1)
            continue
        who = ", ".join(f"{each.program} on {each.machine} ({each.sessions})" for each in others[:5])
        raise EstateError(
            f"Others are connected to database {database.name} ({database.address}): {who}.",
            hint="Stop the servers that use it; what they write while it goes would be lost.",
        )


def _others(database: Database) -> tuple[Client, ...]:
    with database.read() as session:
        return dbms_of(database.kind).server(session).others
