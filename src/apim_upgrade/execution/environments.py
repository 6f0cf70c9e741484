"""
Which plan has succeeded in which environment, and whether it is the turn of the next.

It is written down in one small file that all environments of a project share. People read it and keep it under version
control, so it is TOML, an entry for each success, the newest at the end.
"""

from __future__ import annotations

import fcntl
import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apim_upgrade.engine import journal
from apim_upgrade.errors import EnvironmentProblem, NeedsConsent, ProjectError
from apim_upgrade.execution.folder import PLAN, RunFolder
from apim_upgrade.execution.order import Order

_HEAD = "# Which plan has succeeded in which environment. Written by apim-upgrade; keep it with upgrade.toml.\n"


@dataclass(frozen=True, slots=True)
class Success:
    """A run that was done and proven; ``plan`` is the fingerprint of its plan, ``at`` is UTC."""

    environment: str
    plan: str
    source: str
    target: str
    run: str
    at: str


def read_successes(file: Path) -> tuple[Success, ...]:
    """Return what was written down, the oldest first. Raises ProjectError when somebody spoiled the file."""
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("succeeded", [])
        return tuple(Success(**{key: str(value) for key, value in entry.items()}) for entry in entries)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise EnvironmentProblem(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, AttributeError):
        raise ProjectError(
            f"{file} is not what this tool wrote there.", hint="Restore it from version control, or remove it."
        ) from None


def record_success(order: Order, run: str) -> None:
    """Write down that a run was done and proven; nothing where the project has no environments."""
    plan = RunFolder(order.runs / run).read_json(PLAN, "fingerprint", "source", "target")
    if order.environment is None or plan is None:
        return
    now = journal.now().replace(microsecond=0).isoformat()
    success = Success(order.environment.name, plan["fingerprint"], plan["source"], plan["target"], run, f"{now}Z")
    history = order.environment.history
    try:
        history.parent.mkdir(parents=True, exist_ok=True)
        with history.with_name(f".{history.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two environments may end at one moment
            known = read_successes(history)
            if any((each.environment, each.run) == (success.environment, run) for each in known):
                return
            entries = "".join(_entry(each) for each in (*known, success))
            RunFolder(history.parent).write(history.name, _HEAD + entries)
    except OSError as error:
        raise EnvironmentProblem(f"{history} cannot be written: {error.strerror}.") from None


def untried(order: Order, plan: str) -> tuple[str, ...]:
    """Name the environments before this one in which the plan of this fingerprint has not succeeded yet."""
    if order.environment is None:
        return ()
    done = {each.environment for each in read_successes(order.environment.history) if each.plan == plan}
    return tuple(name for name in order.environment.before if name not in done)


def out_of_order(order: Order, plan: str) -> str:
    """Say that it is not the turn of this environment; empty when it is."""
    missing = untried(order, plan)
    if not missing or order.environment is None:
        return ""
    where = " and ".join(missing)
    return f"It is not the turn of {order.environment.name}: this plan has not succeeded in {where} yet."


def take_turn(order: Order, plan: str) -> dict[str, Any]:
    """
    Return what the journal is to keep of the environment of a run that begins.

    Raises NeedsConsent when its plan has not succeeded in the environments before and no reason was given. A reason
    without a need for one is no mistake.
    """
    environment = order.environment
    if environment is None:
        return {}
    missing = untried(order, plan)
    if missing and environment.reason is None:
        raise NeedsConsent(
            out_of_order(order, plan),
            hint='Upgrade there first, or give --override-order "REASON", which is kept in journal and report.',
        )
    kept = {"name": environment.name, "untried": list(missing), "reason": environment.reason if missing else None}
    return {"environment": kept}


def _entry(success: Success) -> str:
    # A JSON string is a TOML string too.
    lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in asdict(success).items())
    return f"\n[[succeeded]]\n{lines}"
