"""
The report as JUnit XML, the form that CI servers read: a suite a family, a case a rule.

Open findings at or above the severity that fails make a case fail; milder ones are its output.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from lxml import etree

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.outputs.document import closing_lines
from apim_upgrade.checks.report import LeftOut, Report, Reported
from apim_upgrade.checks.rule import FAMILIES

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def render(report: Report, fail_on: Severity) -> str:
    """Return one XML document."""
    root = etree.Element("testsuites", name="apim-upgrade check", time=f"{report.seconds:.3f}")
    by_rule: dict[str, list[Reported]] = {}
    for each in report.findings:
        by_rule.setdefault(each.code, []).append(each)
    reasons = {each.rule.code: each.reason for each in report.unchecked}
    seconds = {tally.rule.code: tally.seconds for tally in report.tallies}
    left_out = {each.rule.code: each for each in report.left_out}
    rules = sorted(
        [tally.rule for tally in report.tallies] + [each.rule for each in report.left_out], key=lambda rule: rule.code
    )
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for family, members in groupby(rules, lambda rule: rule.family):
        suite = etree.SubElement(root, "testsuite", name=f"{family} {FAMILIES[family]}")
        counts = dict.fromkeys(totals, 0)
        for rule in members:
            case = etree.SubElement(
                suite,
                "testcase",
                classname=f"apim-upgrade.{family}",
                name=f"{rule.code} {_clean(rule.title)}",
                time=f"{seconds.get(rule.code, 0.0):.3f}",
            )
            kind = _fill(case, by_rule.get(rule.code, []), reasons.get(rule.code), left_out.get(rule.code), fail_on)
            counts["tests"] += 1
            if kind:
                counts[kind] += 1
        for name, number in counts.items():
            suite.set(name, str(number))
            totals[name] += number
        suite.set("timestamp", report.checked_at.isoformat())
        suite.set("time", f"{sum(seconds.get(case.get('name', '')[: len(family) + 3], 0.0) for case in suite):.3f}")
    for name, number in totals.items():
        root.set(name, str(number))
    etree.SubElement(root, "system-out").text = _clean("\n".join(closing_lines(report)))
    text: str = etree.tostring(root, encoding="unicode", pretty_print=True)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


def _fill(
    case: etree._Element,
    findings: Sequence[Reported],
    failure: str | None,
    left_out: LeftOut | None,
    fail_on: Severity,
) -> str:
    """Say in a case how its rule went; return which number of the suite it adds to."""
    bad = [each for each in findings if each.severity >= fail_on]
    mild = [each for each in findings if each.severity < fail_on]
    if left_out is not None:
        etree.SubElement(case, "skipped", message=_clean(left_out.reason))
        return "skipped"
    kind = ""
    if failure is not None:
        etree.SubElement(case, "error", type="unchecked", message=_clean(failure))
        kind = "errors"
    elif bad:
        worst = max(each.severity for each in bad)
        told = etree.SubElement(case, "failure", type=str(worst), message=f"{len(bad):,} findings")
        told.text = _lines(bad)
        kind = "failures"
    if mild:
        etree.SubElement(case, "system-out").text = _lines(mild)
    return kind


def _lines(findings: Sequence[Reported]) -> str:
    return _clean("\n".join(f"{each.severity}: {each.message} Next: {each.next}" for each in findings))


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
