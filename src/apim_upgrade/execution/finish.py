"""After the last step: prove, report, and, when the operator says so, commit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Database
from apim_upgrade.engine import Listener, Runner, RunRecord, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.execution.committed import Committed, committed, database_names
from apim_upgrade.execution.folder import EXPORTED, JOURNAL, PAGE, REPORT, RunFolder
from apim_upgrade.execution.order import Order, upgrade_of
from apim_upgrade.execution.quarantine import export_quarantine
from apim_upgrade.execution.rolled_back import Kind, RolledBack, refuse_half_rolled_back, rolled_back
from apim_upgrade.execution.run import find_run
from apim_upgrade.migrations import workspace
from apim_upgrade.moving import drop_move
from apim_upgrade.releases import part_of
from apim_upgrade.report import (
    DONE,
    read_journal,
    render,
    report_document,
    rolled_back_document,
    state_of_steps,
)
from apim_upgrade.schema import commit_steps, introspect
from apim_upgrade.verify import Verification, verify

_NOTHING = Verification((), {})
_INDISPENSABLE = ("schema/", "rows/")
"""Proofs without which nothing is dropped, whatever is accepted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The proofs of an upgraded estate and where its report lies."""

    verification: Verification
    document: dict[str, Any]
    page: Path


def prove(order: Order) -> Checked:
    """
    Verify the upgraded databases and write ``report.json`` and ``report.html``; reads only.

    Raises EstateError when no run was begun, or when it is not finished: a schema half way proves nothing.
    """
    record = find_run(order)
    if record is None:
        before = _committed_or_refuse(order)
        started = datetime.fromisoformat(before.journal["run"]["started"])
        return _prove(order, started, before.folder, before.journal, committed=True)
    refuse_half_rolled_back(order)
    folder, exported = _journal_of(order, record)
    _refuse_unfinished(exported)
    return _prove(order, record.started, folder, exported, committed=folder.file(JOURNAL).exists())


def report(order: Order) -> Checked:
    """Write the report of a run as far as it is: with its proofs when it is finished, without them before."""
    record = find_run(order)
    if record is not None:
        folder, exported = _journal_of(order, record)
        if state_of_steps(exported["steps"]) != DONE:
            return _write(folder, exported, _NOTHING, committed=False)
    elif committed(order) is None and (before := rolled_back(order)) is not None:
        return report_rolled_back(before)
    return prove(order)


def report_rolled_back(before: RolledBack) -> Checked:
    """Write the report of a run that was rolled back: what its databases told last, and that they are gone."""
    known = before.folder.read_json(REPORT) or report_document(before.document["journal"], _NOTHING, committed=False)
    told = {key: before.document.get(key) for key in ("moment", "folder", "written", "way", "why", "compared")}
    words = Kind(told["way"]).words if told["way"] else ""
    document = rolled_back_document(known, {**told, "words": words})
    before.folder.write_json(REPORT, document)
    return Checked(_NOTHING, document, before.folder.write(PAGE, render(document)))


def commit(order: Order, listener: Listener, *, accept_failed: bool = False) -> Checked:
    """
    Drop what only the old release used, export the journal, remove the tool's tables: the point of no return.

    Raises EstateError when the run is not finished, has failed items or proofs, or was committed before. With
    ``accept_failed`` items that failed, and the invariants of the product that fail with them, are accepted; a schema
    or a row count that is not proven never is. A crash in the middle is resumed by calling it again: the export is
    written before the first of the tool's tables goes.
    """
    record = find_run(order)
    if record is None:
        before = _committed_or_refuse(order)
        raise EstateError(before.sentence, hint=before.hint)
    refuse_half_rolled_back(order)
    databases = order.targets()
    folder = RunFolder(order.runs / record.run_id)
    with ExitStack() as stack:
        for database in databases.values():
            stack.enter_context(database.lock("commit"))
        exported = folder.read_json(JOURNAL, *EXPORTED)
        if exported is None:
            checked = _refuse_unproven(order, record, folder, accept_failed=accept_failed)
            _drop_leftovers(order, record, databases, listener)
            exported = {
                **read_journal(databases),
                "databases": database_names(order),
                # A report that is written later finds no counts in the databases any more.
                "tables": checked.document["tables"],
            }
            folder.write_json(JOURNAL, exported)
        final = _prove(order, record.started, folder, exported, committed=True)
        for name, database in databases.items():
            with database.write() as session:
                export_quarantine(session, name, folder)
                drop_move(session)
                for table in (workspace.ARTIFACT, workspace.TENANT):
                    session.execute(f"DROP TABLE IF EXISTS {table.name}")
                journal.drop_journal(session)
    return final


def _refuse_unproven(order: Order, record: RunRecord, folder: RunFolder, *, accept_failed: bool) -> Checked:
    """Raise EstateError, and drop nothing, unless everything is done and proven."""
    exported = read_journal(order.targets())
    _refuse_unfinished(exported)
    checked = _prove(order, record.started, folder, exported, committed=False)
    wrong = [
        proof
        for proof in checked.verification.proofs
        if not proof.holds and not (accept_failed and not proof.name.startswith(_INDISPENSABLE))
    ]
    if wrong:
        raise EstateError(
            f"The upgraded estate is not proven ({wrong[0].found:,} {wrong[0].title}), so nothing was dropped.",
            hint=f"See {checked.page}.",
        )
    failed = checked.document["totals"]["failed"]
    if failed and not accept_failed:
        raise EstateError(
            f"{failed:,} items failed, so nothing was dropped.",
            hint=f"Mend them, then `apim-upgrade run --retry-failed`; {checked.page} says how. Those that cannot be "
            "mended can be accepted with `apim-upgrade commit --accept-failed`.",
        )
    return checked


def _committed_or_refuse(order: Order) -> Committed:
    found = committed(order)
    if found is not None:
        return found
    refuse_half_rolled_back(order)
    if (before := rolled_back(order)) is not None:
        raise EstateError(before.sentence, hint="Begin anew with `apim-upgrade run`.")
    present = order.present()
    missing = [name for part, name in order.clones.items() if part not in present]
    why = f"database {missing[0]} does not exist" if missing else "the databases hold no journal of one"
    raise EstateError(f"No run to {order.target} was begun: {why}.", hint="Begin with `apim-upgrade run`.")


def _journal_of(order: Order, record: RunRecord) -> tuple[RunFolder, dict[str, Any]]:
    """The journal as it is; once exported, the export, because the databases may have dropped theirs already."""
    folder = RunFolder(order.runs / record.run_id)
    return folder, folder.read_json(JOURNAL, *EXPORTED) or read_journal(order.present())


def _refuse_unfinished(exported: Mapping[str, Any]) -> None:
    state = state_of_steps(exported["steps"])
    if state == DONE:
        return
    stopped = [step["step"] for step in exported["steps"] if step["state"] == journal.FAILED]
    where = f"step {stopped[0]} stopped" if stopped else f"{len(exported['steps'])} steps are done, others are not"
    raise EstateError(f"The run is not finished: {where}.", hint="Go on with `apim-upgrade run`.")


def _drop_leftovers(order: Order, record: RunRecord, databases: Mapping[str, Database], listener: Listener) -> None:
    upgrade = upgrade_of(record, order.choices)
    steps = []
    for name, database in databases.items():
        with database.read() as session:
            part = part_of(name, databases)
            steps += commit_steps(database.kind, introspect(session), upgrade.target, name, part)
    Runner(databases, record, listener).run(steps)


def _prove(
    order: Order,
    started: datetime,
    folder: RunFolder,
    exported: Mapping[str, Any],
    *,
    committed: bool,
) -> Checked:
    databases = order.targets()
    verification = verify(databases, databases["am"].kind, order.target, started=started, committed=committed)
    return _write(folder, exported, verification, committed=committed)


def _write(folder: RunFolder, exported: Mapping[str, Any], verification: Verification, *, committed: bool) -> Checked:
    document = report_document(exported, verification, committed=committed)
    folder.write_json(REPORT, document)
    return Checked(verification, document, folder.write(PAGE, render(document)))
