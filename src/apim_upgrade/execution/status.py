"""How far a run is, told from the journals alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from apim_upgrade.databases import copy_in_the_making
from apim_upgrade.engine import RunRecord, Verdict, journal
from apim_upgrade.execution.committed import committed
from apim_upgrade.execution.folder import EXPORTED, JOURNAL, PLAN, RunFolder
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.rollback import way_back
from apim_upgrade.execution.rolled_back import rolled_back
from apim_upgrade.execution.run import find_run
from apim_upgrade.moving import Move, read_move
from apim_upgrade.releases import Release
from apim_upgrade.report import COMMITTED, DONE, IN_PROGRESS, ROLLED_BACK, STOPPED, read_journal, state_of_steps

_RESUME = "`apim-upgrade run` to resume."
_ROLLBACK = "`apim-upgrade rollback`, which was interrupted."
_ANEW = "`apim-upgrade run` to begin anew."
_COMMIT = "`apim-upgrade verify`, then `apim-upgrade commit`."
_RETRY = "Mend what failed (`apim-upgrade report` says how), then `apim-upgrade run --retry-failed`."


@dataclass(frozen=True, slots=True)
class Status:
    """
    ``state`` is one of ``not begun``, ``moved``, ``in progress``, ``stopped``, ``done``, ``committed``,
    ``rolled back``.

    ``next`` is what a person can do now; ``at_work`` names the process that is at it, if one is.
    """

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
    at_work: str = ""
    way_back: str = ""
    """How `rollback` would go about it; empty where there is nothing to take back, or somebody at work."""

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return asdict(self)


def status_of(order: Order) -> Status:
    """Read the journals of the target databases; never waits for a run that is at work."""
    record = find_run(order)
    if record is not None:
        return _of_run(order, record)
    before = committed(order)
    if before is None:
        return _moving(order) if order.moved_from else _copying(order) or _before_any(order)
    run, steps = before.journal["run"], len(before.journal["steps"])
    return Status(COMMITTED, before.hint, run["id"], run["source"], run["target"], run["started"], steps, steps)


def _of_run(order: Order, record: RunRecord) -> Status:
    databases = order.present()
    folder = RunFolder(order.runs / record.run_id)
    exported = folder.read_json(JOURNAL, *EXPORTED)
    document = exported or read_journal(databases)
    steps = document["steps"]
    failed = sum(item["verdict"] == Verdict.FAILED for item in document["items"])
    done = sum(step["state"] == journal.DONE for step in steps)
    stopped = next((step for step in steps if step["state"] == journal.FAILED), None)
    at_work = next((name for each in databases.values() if (name := each.holder())), "")
    state = state_of_steps(steps)
    taken_back = rolled_back(order)
    if taken_back is not None and not taken_back.done:
        following = _ROLLBACK
    elif exported is not None:
        following = "`apim-upgrade commit`, which was interrupted."
    elif state == STOPPED:
        following = f"Mend the cause, then {_RESUME}"
    elif state == IN_PROGRESS:
        following = _RESUME
    else:
        following = _RETRY if failed else _COMMIT
    plan = folder.read_json(PLAN, "steps")
    return Status(
        state,
        f"Wait for {at_work}." if at_work else following,
        record.run_id,
        record.source,
        record.target,
        record.started.isoformat(),
        done,
        done if state == DONE else max(len(plan["steps"]) if plan else 0, done),
        failed,
        stopped["step"] if stopped else "",
        stopped["note"] if stopped else "",
        at_work,
        "" if at_work or exported is not None else _way_back(order, record),
    )


def _way_back(order: Order, record: RunRecord) -> str:
    kind, why = way_back(order, Release.parse(record.target))
    return f"{kind.words}, because {why}" if why else kind.words


def _copying(order: Order) -> Status | None:
    """The state while the first copy is being made, which holds no journal yet."""
    for part, name in order.clones.items():
        maker = copy_in_the_making(order.addresses[part], name)
        if maker is not None:
            following = f"Wait for {maker}, which copies {part}." if maker else _RESUME
            return Status(IN_PROGRESS, following, target=str(order.target), at_work=maker)
    return None


def _before_any(order: Order, begin: str = "`apim-upgrade plan`, then `apim-upgrade run`.") -> Status:
    """The state where there is no run: there never was one, or it was rolled back."""
    found = rolled_back(order)
    if found is None:
        return Status("not begun", begin, target=str(order.target))
    run, steps = found.run, found.document["journal"]["steps"]
    done = sum(step["state"] == journal.DONE for step in steps)
    following = _ANEW if found.done else _ROLLBACK
    return Status(ROLLED_BACK, following, run["id"], run["source"], run["target"], run["started"], done, len(steps))


def _moving(order: Order) -> Status:
    """Of an estate that is moved to another DBMS first."""
    target = str(order.target)
    found: dict[str, Move | None] = {}
    for name, database in order.targets().items():
        with database.read() as session:
            found[name] = read_move(session)
        holder = database.holder()
        if holder:
            return Status(IN_PROGRESS, f"Wait for {holder}, which moves {name}.", target=target, at_work=holder)
    if not any(found.values()):
        return _before_any(order, "`apim-upgrade move` or `apim-upgrade run`.")
    if all(move is not None and move.whole for move in found.values()):
        return Status("moved", "`apim-upgrade plan`, then `apim-upgrade run`.", target=target)
    return Status(IN_PROGRESS, "`apim-upgrade move` or `apim-upgrade run`, which move the rest.", target=target)
