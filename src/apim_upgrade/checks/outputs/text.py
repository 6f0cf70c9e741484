"""The report for a terminal: the worst first, one finding a paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.outputs.document import closing_lines
from apim_upgrade.checks.report import Report, Reported

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""What may move a terminal's cursor or change its colours has no business in a name."""
_SHOWN = 20
"""Findings of one rule that are printed; the other forms have more."""


def render(report: Report, fail_on: Severity) -> str:
    """Return plain text."""
    return "\n".join(_CONTROL.sub("\ufffd", line) for line in _lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    totals = {tally.rule.code: tally.found - tally.accepted for tally in report.tallies}
    for severity, findings in groupby(report.findings, lambda each: each.severity):
        yield f"{str(severity).upper()} ({report.counts[severity]:,})"
        for code, group in groupby(findings, lambda each: each.code):
            of_rule = list(group)
            yield f"  {code} {of_rule[0].rule.title}"
            for each in of_rule[:_SHOWN]:
                yield from _finding(each)
            if len(of_rule) > _SHOWN:
                more = len(of_rule) - _SHOWN
                yield f"    … and {more:,} more ({totals[code]:,} of {code} in all; --format json or html has them)"
        yield ""
    if report.unchecked:
        yield "COULD NOT BE CHECKED"
        yield from (f"  {each.rule.code} {each.rule.title}: {each.reason}" for each in report.unchecked)
        yield ""
    if report.remarks:
        yield "BASELINE"
        yield from (f"  {remark}" for remark in report.remarks)
        yield ""
    yield f"API Manager {report.source} to {report.target}"
    yield from closing_lines(report)


def _finding(each: Reported) -> Iterator[str]:
    yield f"    {each.message}"
    if each.place is not None and str(each.place) not in each.message:
        yield f"      at    {each.place}"
    yield f"      next  {each.next} [{each.repair}]"
