"""
The way back, until ``commit``: the databases are again as they were before the upgrade.

What servers of the new release wrote in the meantime is put into files first. A note of the rollback is in the run
folder before the first thing goes and says at the end that it is done: an interrupted rollback can only be finished,
and what is known of the run outlives its databases.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from apim_upgrade.databases import Database, copy_in_the_making, drop_clone
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import Client
from apim_upgrade.databases.telling import Say
from apim_upgrade.engine import RunRecord, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.execution.aftermath import write_aftermath
from apim_upgrade.execution.committed import committed, database_names
from apim_upgrade.execution.finish import Checked, report_rolled_back
from apim_upgrade.execution.folder import JOURNAL, ROLLBACK, RunFolder, one_at_a_time
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.restoring import replace_by_restored, restored
from apim_upgrade.execution.rolled_back import BEGUN, DONE, FORM, RolledBack, rolled_back
from apim_upgrade.execution.run import find_run
from apim_upgrade.report import read_journal

AFTERMATH = "aftermath"
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


def rollback(order: Order, way: Way, say: Say) -> Checked | None:
    """
    Take an upgrade back, or finish a rollback that was interrupted; returns the report of the run.

    Returns None when there were only unfinished copies of databases, which are dropped: they hold no run yet. Rows
    that servers wrote after the upgrade go to ``<export>/<run id>``, or to the run folder. Raises EstateError or
    EnvironmentProblem when there is nothing to take back, when the run is committed, while servers are connected to
    the databases that go, or when the backup of a run in place is not what it should be; nothing is changed then.
    """
    with one_at_a_time(order.runs):
        found = rolled_back(order)
        if found is None or found.done:
            record = find_run(order)
            if record is None:
                _drop_unfinished(order, found, say)
                return None
            found = _begin(order, record, way, say)
        if order.in_place:
            replace_by_restored(order, say)
        else:
            _drop_copies(order, say)
        found.document["state"] = DONE
        checked = report_rolled_back(found)
        found.folder.write_json(ROLLBACK, found.document)
        return checked


def _begin(order: Order, record: RunRecord, way: Way, say: Say) -> RolledBack:
    """See that there is a way back, save what would be lost, and write down that it is begun."""
    folder = RunFolder(order.runs / record.run_id)
    if folder.file(JOURNAL).exists():
        raise EstateError(
            f"The commit of run {record.run_id} was begun, and that is the point of no return.",
            hint="Finish it with `apim-upgrade commit`. " + _what_is_left(order),
        )
    if order.moved_from:
        raise EstateError(
            f"Run {record.run_id} works on databases that the data was moved to; the originals were only read.",
            hint="Point the old servers at the originals, and drop the new databases by hand.",
        )
    databases = order.present()
    for database in databases.values():
        _refuse_in_use(database)
    with ExitStack() as stack:
        for database in databases.values():
            stack.enter_context(database.lock("rollback"))
        exported = read_journal(databases)
        if order.in_place:
            before = restored(order, record, way.backup, accept_unproven=way.accept_unproven, say=say)
        else:
            before = order.originals()
        where = way.export / record.run_id if way.export is not None else folder.file(AFTERMATH)
        say("Looking for what was written since the upgrade")
        written = write_aftermath(before, databases, where)
    for each in written:
        say(f"Written since the upgrade: {each.sentence()} ({each.file or 'counted only'})")
    document = {
        "schema": FORM,
        "state": BEGUN,
        "moment": journal.now().isoformat(sep=" ", timespec="seconds"),
        "databases": database_names(order),
        "written": [each.as_json() for each in written],
        "folder": str(where) if written else "",
        "journal": exported,
    }
    folder.write_json(ROLLBACK, document)
    return RolledBack(folder, document)


def _drop_copies(order: Order, say: Say) -> None:
    for name, clone in order.clones.items():
        say(f"Dropping the copy of {name}, {clone}")
        drop_clone(order.addresses[name], clone)


def _drop_unfinished(order: Order, before: RolledBack | None, say: Say) -> None:
    """Drop copies that were never ended. Raises EstateError when there are none: then there is nothing to take back."""
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
