"""The report as plain values: the published form, and what the other forms are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apim_upgrade import __version__
from apim_upgrade.checks.model import Api, Place, Row, Severity
from apim_upgrade.checks.report import Report, Reported
from apim_upgrade.checks.rule import FAMILIES, Rule

FORM = "apim-upgrade/check/1"


def document(report: Report, fail_on: Severity) -> dict[str, Any]:
    """Return the whole report; every value is text, a number, a list or a mapping."""
    return {
        "schema": FORM,
        "tool": __version__,
        "source": str(report.source),
        "target": str(report.target),
        "checked_at": f"{report.checked_at.isoformat()}Z",
        "databases": dict(report.databases),
        "result": {
            "exit_code": report.exit_code(fail_on),
            "fail_on": str(fail_on),
            "complete": not report.unchecked,
            "open": {str(severity): number for severity, number in report.counts.items()},
            "accepted": sum(tally.accepted for tally in report.tallies),
            "seconds": round(report.seconds, 3),
        },
        "looked_at": dict(report.looked_at),
        "findings": [finding(each) for each in report.findings],
        "accepted": [{**finding(each), "reason": each.reason} for each in report.accepted],
        "unchecked": [
            {"code": each.rule.code, "title": each.rule.title, "reason": each.reason} for each in report.unchecked
        ],
        "left_out": [
            {"code": each.rule.code, "reason": each.reason, "missing_input": each.missing_input}
            for each in report.left_out
        ],
        "baseline": list(report.remarks),
        "rules": [
            {
                **described(tally.rule),
                "found": tally.found,
                "accepted": tally.accepted,
                "seconds": round(tally.seconds, 3),
            }
            for tally in report.tallies
        ],
    }


def finding(each: Reported) -> dict[str, Any]:
    """Return one finding."""
    return {
        "code": each.code,
        "family": each.rule.family,
        "severity": str(each.severity),
        "message": each.message,
        "next": each.next,
        "repair": str(each.repair),
        "tenant": each.tenant,
        "item": each.item,
        "api": None if each.api is None else _api(each.api),
        "place": None if each.place is None else _place(each.place),
        "fingerprint": each.fingerprint,
    }


def described(rule: Rule) -> dict[str, Any]:
    """Return what a rule says of itself."""
    return {
        "code": rule.code,
        "family": rule.family,
        "about": FAMILIES[rule.family],
        "title": rule.title,
        "severity": str(rule.severity),
        "repair": str(rule.repair),
        "concerns": rule.window.words(),
        "needs": list(rule.needs),
        "what": rule.what,
        "why": rule.why,
        "how_found": rule.how_found,
        "how_to_mend": rule.how_to_mend,
        "problems": list(rule.problems),
        "sources": list(rule.sources),
    }


def closing_lines(report: Report) -> Sequence[str]:
    """Say what was looked at, what was not, and the sum: a check never ends silently."""
    lines = [f"{number:,} {kind} checked" for kind, number in report.looked_at.items()]
    lines.append(
        f"{len(report.tallies):,} rules carried out in {report.seconds:.1f} s, "
        f"{sum(not each.missing_input for each in report.left_out):,} do not concern {report.source} to {report.target}"
    )
    lacking: dict[str, list[str]] = {}
    for each in report.left_out:
        if each.missing_input:
            lacking.setdefault(each.reason, []).append(each.rule.code)
    lines += [f"not checked: {', '.join(codes)}: {reason}" for reason, codes in lacking.items()]
    numbers = [f"{number:,} {severity}" for severity, number in report.counts.items() if number]
    accepted = sum(tally.accepted for tally in report.tallies)
    lines.append(
        f"Found: {', '.join(numbers) or 'nothing'}{f'; {accepted:,} accepted by the baseline' if accepted else ''}"
    )
    if report.unchecked:
        lines.append(f"{len(report.unchecked):,} rules could not be carried out: this check is not complete")
    return lines


def _api(api: Api) -> dict[str, Any]:
    return {
        "name": api.name,
        "version": api.version,
        "provider": api.provider,
        "tenant": api.tenant,
        "state": api.state,
        "type": api.type,
        "uuid": api.uuid,
        "context": api.context,
    }


def _place(place: Place) -> dict[str, Any]:
    if isinstance(place, Row):
        return {"database": place.database, "table": place.table, "column": place.column, "key": place.key}
    return {"path": place.path, "pointer": place.pointer, "line": place.line}
