"""The report as one HTML file that needs nothing beside it: mailable, filterable, readable on a phone."""

from __future__ import annotations

from typing import Any

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.outputs.document import closing_lines, document
from apim_upgrade.checks.report import Report
from apim_upgrade.checks.rule import FAMILIES
from apim_upgrade.html import page

_SHOWN = 5000
"""Findings on the page; a browser shows no list of a hundred thousand."""


def render(report: Report, fail_on: Severity) -> str:
    """Return the page; everything from the estate is escaped."""
    whole = document(report, fail_on)
    rules = {rule["code"]: rule for rule in whole["rules"]}
    shown = whole["findings"][:_SHOWN]
    groups: dict[str, dict[str, Any]] = {}
    for each in shown:
        groups.setdefault(each["code"], {"rule": rules[each["code"]], "findings": []})["findings"].append(each)
    return page(
        "apim_upgrade.checks.outputs",
        "check.html",
        report=whole,
        groups=list(groups.values()),
        hidden=report.total - len(shown),
        families={each["family"]: FAMILIES[each["family"]] for each in shown},
        tenants=sorted({each["tenant"] for each in shown if each["tenant"]}),
        closing=closing_lines(report),
    )
