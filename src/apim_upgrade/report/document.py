"""The report as a document: what was found, what was done, what is left to do. HTML and JSON are made from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from apim_upgrade.engine import Database, Entry, ItemVerdict, Phase, RunRecord, Verdict, journal
from apim_upgrade.verify import TableCount, Verification

FORM = "apim-upgrade/report/1"
IN_PROGRESS, STOPPED, DONE, COMMITTED = "in progress", "stopped", "done", "committed"
ROLLED_BACK = "rolled back"


def read_journal(databases: Mapping[str, Database]) -> dict[str, Any]:
    """The journals of all databases of a run as one document; also what ``commit`` exports."""
    entries: list[dict[str, Any]] = []
    verdicts: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    record: RunRecord | None = None
    for name, database in databases.items():
        with database.read() as session:
            found = journal.read_run(session)
            if found is None:
                continue
            record = found
            entries += [_entry(name, entry) for entry in journal.read_entries(session)]
            verdicts += [_verdict(step, verdict) for step, verdict in journal.read_verdicts(session)]
            rows += [
                {"database": name, "step": step, "table": table, "inserted": inserted, "deleted": deleted}
                for step, table, inserted, deleted in journal.read_rows(session)
            ]
    entries.sort(key=lambda entry: entry["started"])
    settings = json.loads(record.settings) if record else {}
    return {
        "run": _run(record, settings) if record else {},
        "estate": settings.get("estate", {}),
        "steps": entries,
        "items": verdicts,
        "rows": rows,
    }


def state_of_steps(steps: Iterable[Mapping[str, Any]]) -> str:
    """How far the steps of a run are (``commit`` apart): ``in progress``, ``stopped`` or ``done``."""
    states = [(step["phase"], step["state"]) for step in steps if step["phase"] != Phase.COMMIT]
    if any(state == journal.FAILED for _, state in states):
        return STOPPED
    return DONE if (Phase.FINISH, journal.DONE) in states else IN_PROGRESS


def report_document(
    journal_document: Mapping[str, Any], verification: Verification, *, committed: bool
) -> dict[str, Any]:
    """
    Put the parts together; everything in it is plain data, no secret among it.

    After ``commit`` the counts of rows are those that the exported journal holds: the databases have none any more.
    """
    items = journal_document["items"]
    tally = Counter(item["verdict"] for item in items)
    steps = journal_document["steps"]
    return {
        "schema": FORM,
        "run": journal_document["run"],
        "state": _state(steps, tally, verification, committed),
        "totals": {
            "steps": len(steps),
            "seconds": round(sum(step["seconds"] for step in steps), 3),
            "changed": sum(step["changed"] for step in steps),
            "failed": tally[Verdict.FAILED.value],
            "skipped": tally[Verdict.SKIPPED.value],
            "noted": tally[Verdict.NOTED.value],
        },
        "estate": journal_document["estate"],
        "steps": steps,
        "items": items,
        "tables": journal_document.get("tables")
        or [
            _count(part, count)
            for part, counts in verification.counts.items()
            for count in counts
            if count.before or count.after
        ],
        "proofs": [
            {
                "name": proof.name,
                "title": proof.title,
                "holds": proof.holds,
                "found": proof.found,
                "seen": proof.seen,
                "sample": list(proof.sample),
            }
            for proof in verification.proofs
        ],
        "remarks": list(verification.remarks),
        "rollback": None,
    }


def rolled_back_document(document: Mapping[str, Any], rollback: Mapping[str, Any]) -> dict[str, Any]:
    """
    The report of a run that was rolled back.

    ``rollback`` says when (``moment``), how (``way``, ``words``, ``why``), whether what the databases hold was
    ``compared`` with their backup, and by table what servers had ``written``, kept in ``folder``.
    """
    return {**document, "state": ROLLED_BACK, "rollback": dict(rollback)}


def _state(steps: list[dict[str, Any]], tally: Counter[str], verification: Verification, committed: bool) -> str:
    state = state_of_steps(steps)
    if state != DONE:
        return state
    if not verification.holds:
        return "not proven"
    if tally[Verdict.FAILED.value]:
        return "done with failed items"
    return COMMITTED if committed else DONE


def _run(record: RunRecord, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": record.run_id,
        "tool": record.tool,
        "source": record.source,
        "target": record.target,
        "started": record.started.isoformat(),
        "fingerprint": record.fingerprint,
        "tenants": settings["tenants"],
        "environment": settings.get("environment"),
        "backup": settings.get("backup"),
    }


def _entry(database: str, entry: Entry) -> dict[str, Any]:
    return {
        "step": entry.step,
        "title": entry.title,
        "database": database,
        "phase": entry.phase,
        "state": entry.state,
        "started": entry.started.isoformat(),
        "seconds": round((entry.ended - entry.started).total_seconds(), 3),
        "seen": entry.seen,
        "changed": entry.changed,
        "note": entry.note,
    }


def _verdict(step: str, item: ItemVerdict) -> dict[str, Any]:
    return {
        "step": step,
        "item": item.item,
        "verdict": item.verdict.value,
        "reason": item.reason,
        "action": item.action,
    }


def _count(part: str, count: TableCount) -> dict[str, Any]:
    return {
        "database": part,
        "table": count.table,
        "before": count.before,
        "after": count.after,
        "unexplained": count.unexplained,
        "steps": [{"step": step, "inserted": added, "deleted": taken} for step, added, taken in count.steps],
    }
