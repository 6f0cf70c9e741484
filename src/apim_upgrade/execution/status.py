"""How far a run is, told from the journals alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from apim_upgrade.engine import Entry, Verdict, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.execution.finish import committed_run
from apim_upgrade.execution.folder import RunFolder
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.run import find_run


@dataclass(frozen=True, slots=True)
class Status:
    """``state`` is one of ``not begun``, ``in progress``, ``stopped``, ``done``, ``committed``."""

    state: str
    next: str
    run: str | None = None
    source: str = ""
    target: str = ""
    started: str = ""
    done: int = 0
    total: int = 0
    failed_items: int = 0
    stopped: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return asdict(self)


def status_of(order: Order) -> Status:
    """Read the journals of the target databases; never waits for a run that is at work."""
    record = find_run(order)
    if record is None:
        try:
            folder, exported = committed_run(order)
        except EstateError:
            return Status("not begun", "apim-upgrade run")
        run = exported["run"]
        steps = len(exported["steps"])
        return Status(
            "committed",
            "Nothing is left to do.",
            folder.path.name,
            run["source"],
            run["target"],
            run["started"],
            steps,
            steps,
        )
    entries: list[Entry] = []
    failed = 0
    for database in order.targets().values():
        with database.read() as session:
            if session.exists(journal.JOURNAL.name):
                entries += journal.read_entries(session)
                failed += sum(verdict.verdict is Verdict.FAILED for _, verdict in journal.read_verdicts(session))
    done = sum(entry.state == journal.DONE for entry in entries)
    stopped = next((entry for entry in entries if entry.state == journal.FAILED), None)
    plan = RunFolder(order.runs / record.run_id).read_json("plan.json")
    total = max(len(plan["steps"]) if plan else 0, done)
    finished = any(entry.phase == "finish" and entry.state == journal.DONE for entry in entries) and stopped is None
    state, following = "in progress", "Wait for it, or `apim-upgrade run` to resume."
    if stopped is not None:
        state, following = "stopped", "Mend the cause, then `apim-upgrade run` to resume."
    elif finished:
        state = "done"
        following = (
            "`apim-upgrade run --retry-failed`" if failed else "`apim-upgrade verify`, then `apim-upgrade commit`"
        )
    return Status(
        state,
        following,
        record.run_id,
        record.source,
        record.target,
        record.started.isoformat(),
        done,
        done if finished else total,
        failed,
        stopped.step if stopped else "",
        stopped.note if stopped else "",
    )
