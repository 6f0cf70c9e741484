"""After the last step: prove, report, and, when the operator says so, commit."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Database, database_exists
from apim_upgrade.engine import Listener, Runner, RunRecord, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.execution.folder import RunFolder, latest
from apim_upgrade.execution.order import Order, upgrade_of
from apim_upgrade.execution.run import find_run
from apim_upgrade.migrations import workspace
from apim_upgrade.releases import Release
from apim_upgrade.report import read_journal, render, report_document
from apim_upgrade.schema import commit_steps, introspect
from apim_upgrade.verify import Verification, verify

JOURNAL = "journal.json"


@dataclass(frozen=True, slots=True)
class Checked:
    """The proofs of an upgraded estate and where its report lies."""

    verification: Verification
    document: dict[str, Any]
    page: Path


def prove(order: Order) -> Checked:
    """Verify the upgraded databases and write ``report.json`` and ``report.html``; reads only."""
    record = find_run(order)
    if record is not None:
        return _prove(order, record, read_journal(order.targets()), committed=False)
    folder, exported = committed_run(order)
    run = exported["run"]
    verification = verify(
        order.targets(),
        order.targets()["am"].kind,
        Release.parse(run["target"]),
        started=datetime.fromisoformat(run["started"]),
        committed=True,
    )
    return _write(folder, exported, verification, committed=True)


def commit(order: Order, listener: Listener) -> Checked:
    """
    Drop what only the old release used, export the journal, remove the tool's tables: the point of no return.

    Raises EstateError when the run is not finished, has failed proofs, or was committed before. A crash in the middle
    is resumed by calling it again: the export is written before the first of the tool's tables goes.
    """
    record = find_run(order)
    if record is None:
        folder, _ = committed_run(order)
        raise EstateError(f"The run in {folder.path} is committed already.", hint="There is nothing left to commit.")
    databases = order.targets()
    folder = RunFolder(order.runs / record.run_id)
    with ExitStack() as stack:
        for database in databases.values():
            stack.enter_context(database.lock("commit"))
        if folder.read_json(JOURNAL) is None:
            before = _prove(order, record, read_journal(databases), committed=False)
            _refuse_unproven(before, folder)
            _drop_leftovers(order, record, databases, listener)
            folder.write_json(JOURNAL, {**read_journal(databases), "clones": dict(order.clones)})
        # Counts of rows are proven while the journal is there; the proof after it is gone is that of the schema.
        checked = _prove(order, record, folder.read_json(JOURNAL) or {}, committed=True)
        for name, database in databases.items():
            with database.write() as session:
                if name == "am":
                    for table in (workspace.ARTIFACT, workspace.TENANT):
                        session.execute(f"DROP TABLE IF EXISTS {table.name}")
                journal.drop_journal(session)
    return checked


def committed_run(order: Order) -> tuple[RunFolder, dict[str, Any]]:
    """The newest committed run of this order. Raises EstateError when there is none."""
    folder = latest(order.runs)
    exported = folder.read_json(JOURNAL) if folder else None
    if folder is None or exported is None:
        missing = [
            order.clones[name]
            for name, address in order.addresses.items()
            if not order.in_place and not database_exists(address, order.clones[name])
        ]
        raise EstateError(
            f"No run was begun: {'database ' + missing[0] + ' does not exist' if missing else 'no journal was found'}.",
            hint="Begin with `apim-upgrade run`.",
        )
    return folder, exported


def _drop_leftovers(order: Order, record: RunRecord, databases: Mapping[str, Database], listener: Listener) -> None:
    upgrade = upgrade_of(record, order.choices)
    runner = Runner(databases, record, listener)
    steps = []
    for name, database in databases.items():
        with database.read() as session:
            steps += commit_steps(database.kind, introspect(session), upgrade.source, upgrade.target, name)
    runner.run(steps)


def _refuse_unproven(checked: Checked, folder: RunFolder) -> None:
    state = checked.document["state"]
    unfinished = [step["step"] for step in checked.document["steps"] if step["state"] != journal.DONE]
    if unfinished:
        raise EstateError(
            f"The run is not finished: step {unfinished[0]} stopped.", hint="Run `apim-upgrade run` first."
        )
    if not checked.verification.holds:
        wrong = next(proof for proof in checked.verification.proofs if not proof.holds)
        raise EstateError(
            f"The upgraded estate is not proven ({wrong.found} {wrong.title}), so nothing was dropped.",
            hint=f"See {folder.file('report.html')}.",
        )
    if state == "done with failed items":
        raise EstateError(
            f"{checked.document['totals']['failed']} items failed.",
            hint="Mend them and run with --retry-failed; the report says how.",
        )


def _prove(order: Order, record: RunRecord, exported: Mapping[str, Any], *, committed: bool) -> Checked:
    databases = order.targets()
    verification = verify(
        databases, databases["am"].kind, Release.parse(record.target), started=record.started, committed=committed
    )
    return _write(RunFolder(order.runs / record.run_id), exported, verification, committed=committed)


def _write(folder: RunFolder, exported: Mapping[str, Any], verification: Verification, *, committed: bool) -> Checked:
    document = report_document(exported, folder.read_json("estate.json") or {}, verification, committed=committed)
    folder.write_json("report.json", document)
    return Checked(verification, document, folder.write("report.html", render(document)))
