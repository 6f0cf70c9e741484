"""
The report as SARIF 2.1.0 (OASIS), the form that code-scanning services read.

Accepted findings are results with a suppression; rules that could not be carried out are notifications.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from apim_upgrade import __version__
from apim_upgrade.checks.model import Severity, Spot
from apim_upgrade.checks.outputs.document import finding
from apim_upgrade.checks.report import Report, Reported
from apim_upgrade.checks.rule import FAMILIES, Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.BLOCKER: "error",
    Severity.MAJOR: "error",
    Severity.MINOR: "warning",
    Severity.INFO: "note",
}


def render(report: Report, fail_on: Severity) -> str:
    """Return one SARIF log with one run."""
    rules = [tally.rule for tally in report.tallies]
    places = {rule: position for position, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "apim-upgrade",
                "version": __version__,
                "semanticVersion": f"{__version__}",
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.unchecked,
                "exitCode": report.exit_code(fail_on),
                "endTimeUtc": f"{report.checked_at.isoformat()}Z",
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": f"{each.rule.code} could not be checked: {each.reason}"},
                        "associatedRule": {"id": each.rule.code, "index": places[each.rule]},
                    }
                    for each in report.unchecked
                ],
            }
        ],
        "results": [_result(each, places[each.rule]) for each in (*report.findings, *report.accepted)],
        "columnKind": "unicodeCodePoints",
        "properties": {"source": str(report.source), "target": str(report.target), "looked_at": dict(report.looked_at)},
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title[0].upper() + rule.title[1:]},
        "fullDescription": {"text": f"{rule.what}\n\n{rule.why}"},
        "help": {"text": rule.how_to_mend, "markdown": f"## How to mend\n\n{rule.how_to_mend}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"tags": [rule.family, FAMILIES[rule.family]], "severity": str(rule.severity)},
    }


def _result(each: Reported, position: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": each.code,
        "ruleIndex": position,
        "kind": "fail",
        "level": _LEVELS[each.severity],
        "message": {"text": f"{each.message} {each.next}".strip()},
        "locations": [_location(each)],
        "partialFingerprints": {"apimUpgrade/v1": each.fingerprint},
        "properties": {key: value for key, value in finding(each).items() if key not in ("code", "message")},
    }
    if each.reason:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": each.reason}]
    return result


def _location(each: Reported) -> dict[str, Any]:
    logical: dict[str, Any] = {"fullyQualifiedName": each.item or each.code, "kind": "resource"}
    if not isinstance(each.place, Spot):
        if each.place is not None:
            logical["name"] = str(each.place)
        return {"logicalLocations": [logical]}
    if each.place.pointer:
        logical["name"] = each.place.pointer
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(each.place.path.lstrip("/"))}}
    if each.place.line:
        place["region"] = {"startLine": each.place.line}
    return {"physicalLocation": place, "logicalLocations": [logical]}
