"""
A rehearsal: every check, the whole upgrade and every proof, on databases that are thrown away.

What it leaves lies in one folder: the plan, the inventory, the reports of check and run, and ``rehearsal.json`` with
``rehearsal.html``, which say what failed, how long everything took, and what it cost. ``estimate`` learns from them.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apim_upgrade import __version__
from apim_upgrade.checks import Report, Severity, all_rules, check, open_subject, read_baseline
from apim_upgrade.checks.outputs import render as render_check
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.engine import Listener, journal
from apim_upgrade.errors import EstateError, StepFailed
from apim_upgrade.estate import Estate, read_estate, require_path
from apim_upgrade.execution.finish import Checked, prove
from apim_upgrade.execution.folder import PLAN, REHEARSAL, RunFolder, one_at_a_time
from apim_upgrade.execution.meter import Costs, Meter
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.run import RunResult, Say, run
from apim_upgrade.execution.stand import Stand, copies, dumps, sweep
from apim_upgrade.report import read_journal, render_rehearsal

FORM = "apim-upgrade/rehearsal/1"
PAGE = "rehearsal.html"
REFUSED, STOPPED = "refused", "stopped"
_SHOWN = 1000
"""Findings and items of the document; all of them are in the reports beside it."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A rehearsal that came to an end, good or bad."""

    folder: RunFolder
    document: dict[str, Any]

    @property
    def page(self) -> Path:
        """Its report for people."""
        return self.folder.file(PAGE)

    @property
    def passed(self) -> bool:
        """Whether `run` would begin, end, and prove its result, and nothing was found that is as bad as ``fail_on``."""
        return self.document["state"] == "done" and not self.document["check"]["exit_code"]


def rehearse(
    order: Order, source: str | None, files: Mapping[str, Path], *, keep: bool, listener: Listener, say: Say
) -> Rehearsed:
    """
    Rehearse on copies beside the originals or, where ``files`` names dumps by database, on these.

    What goes wrong in the upgrade is a result, and told as one. Raises ProjectError for a dump that is none,
    EstateError for databases that are no estate, EnvironmentProblem when a server or a disk fails: then nothing is
    left behind.
    """
    rehearsals = order.rehearsals
    with one_at_a_time(rehearsals):
        sweep(rehearsals, REHEARSAL)
        folder = _new_folder(rehearsals)
        identifier = folder.path.name
        stand: AbstractContextManager[Stand]
        if files:
            stand = dumps(order, files, folder.path, identifier, keep=keep, say=say)
        else:
            stand = copies(order, folder.path, identifier, keep=keep, say=say)
        try:
            with stand as ready:
                return _carry_out(ready, source, folder, files, listener, say)
        except BaseException:
            if not folder.file(REHEARSAL).exists():
                shutil.rmtree(folder.path, ignore_errors=True)
            raise


def _new_folder(rehearsals: Path) -> RunFolder:
    began = f"{journal.now():%Y%m%d-%H%M%S}"
    names = (began, *(f"{began}-{number}" for number in range(2, 1000)))
    return RunFolder(next(rehearsals / name for name in names if not (rehearsals / name).exists()))


def _carry_out(
    stand: Stand, source: str | None, folder: RunFolder, files: Mapping[str, Path], listener: Listener, say: Say
) -> Rehearsed:
    order, began = stand.order, journal.now()
    say("Reading the estate")
    originals = order.originals()
    estate = read_estate(originals, source or order.source)
    require_path(estate.release, order.target)
    say("Looking for what would break")
    report = _check(order, estate, folder, listener)
    failure: dict[str, str] | None = None
    result: RunResult | None = None
    checked: Checked | None = None
    proving = 0.0
    started = time.monotonic()
    with Meter(order.targets(), listener) as meter:
        try:
            result = run(order, source, retry_failed=False, listener=meter, say=say)
        except (StepFailed, EstateError) as error:
            failure = {"message": error.message, "hint": error.hint if isinstance(error, EstateError) else ""}
    upgrading = time.monotonic() - started
    if failure is None:
        say("Proving the result")
        started = time.monotonic()
        checked = prove(order)
        proving = time.monotonic() - started
    exported = checked.document if checked else read_journal(order.present())
    document = {
        "schema": FORM,
        "rehearsal": order.rehearsal,
        "tool": __version__,
        "begun": began.isoformat(),
        "source": str(estate.release),
        "target": str(order.target),
        "state": _state(checked, exported),
        "failure": failure,
        "place": stand.place,
        "embedded": stand.embedded,
        "kept": stand.kept,
        "server": _server(order, estate),
        "dumps": {part: str(file) for part, file in files.items()},
        "check": _of_check(report, order, folder),
        "seconds": {
            "restoring": round(sum(stand.restored.values()), 3),
            "checking": round(report.seconds, 3),
            "copying": round(sum(result.copying.values()), 3) if result else None,
            "upgrading": round(upgrading, 3),
            "proving": round(proving, 3),
        },
        "disk": {key: value for key, value in asdict(meter.costs).items() if key != "by_step"},
        "estate": {"apis": estate.api_count, "sizes": {each.name: each.size for each in estate.databases}},
        "steps": _steps(exported["steps"], meter.costs),
        "items": exported["items"][:_SHOWN],
        "proofs": checked.document["proofs"] if checked else [],
        "report": str(checked.page.relative_to(folder.path)) if checked else None,
        "measured": _measured(order, folder, estate, exported["steps"], report, result, proving if checked else None),
    }
    folder.write(PAGE, render_rehearsal(document))
    folder.write_json(REHEARSAL, document)
    return Rehearsed(folder, document)


def _check(order: Order, estate: Estate, folder: RunFolder, listener: Listener) -> Report:
    everything = all_rules()
    baseline = read_baseline(order.check.baseline, everything, journal.now().date())
    with open_subject(order.originals(), estate, order.target, order.choices, order.check) as subject:
        report = check(subject, everything, baseline=baseline, listener=listener)
    least = Severity.named(order.check.fail_on)
    for form in ("html", "json"):
        folder.write(f"check.{form}", render_check(report, form, least))
    return report


def _of_check(report: Report, order: Order, folder: RunFolder) -> dict[str, Any]:
    findings = [
        {"code": each.code, "severity": str(each.severity), "message": each.message, "next": each.next}
        for each in report.findings
    ]
    return {
        "exit_code": report.exit_code(Severity.named(order.check.fail_on)),
        "fail_on": order.check.fail_on,
        "open": {str(severity): number for severity, number in report.counts.items()},
        "findings": findings[:_SHOWN],
        "unchecked": [{"code": each.rule.code, "reason": each.reason} for each in report.unchecked],
        "report": "check.html",
    }


def _state(checked: Checked | None, exported: Mapping[str, Any]) -> str:
    if checked is not None:
        return str(checked.document["state"])
    return STOPPED if exported["steps"] else REFUSED


def _server(order: Order, estate: Estate) -> dict[str, Any]:
    am = order.originals()["am"]
    with am.autocommit() as session:
        version = dbms_of(am.kind).version(session)
    return {"dbms": estate.kind, "version": version, "processors": os.cpu_count()}


def _steps(steps: Sequence[Mapping[str, Any]], costs: Costs) -> list[dict[str, Any]]:
    return [{**step, "written": costs.by_step.get(step["step"])} for step in steps]


def _measured(
    order: Order,
    folder: RunFolder,
    estate: Estate,
    steps: Sequence[Mapping[str, Any]],
    report: Report,
    result: RunResult | None,
    proving: float | None,
) -> list[dict[str, Any]]:
    """Seconds of every step that was done, with the rows (items, where counted) and bytes it had to do with."""
    apis, size = estate.api_count, sum(each.size for each in estate.databases)
    measured = [_one("check", "check", report.seconds, apis, size)]
    if result is not None:
        sizes = {each.name: each.size for each in estate.databases}
        measured += [_one(f"copy/{name}", "copy", took, 0, sizes[name]) for name, took in result.copying.items()]
    plans = list(folder.path.glob(f"*/{PLAN}"))
    planned = {each["name"]: each for path in plans for each in (RunFolder(path.parent).read_json(PLAN) or {})["steps"]}
    for step in steps:
        plan = planned.get(step["step"])
        if plan is not None and step["state"] == journal.DONE:
            rows = plan["items"] if plan["items"] is not None else plan["rows"]
            measured.append(_one(step["step"], step["phase"], step["seconds"], rows, plan["size"]))
    if proving is not None:
        measured.append(_one("prove", "prove", proving, apis, size))
    return measured


def _one(step: str, phase: str, seconds: float, rows: int, size: int) -> dict[str, Any]:
    return {"step": step, "phase": phase, "seconds": round(seconds, 4), "rows": rows, "size": size}
