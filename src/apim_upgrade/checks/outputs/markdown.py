"""The report as Markdown, for tickets and merge requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.outputs.document import closing_lines
from apim_upgrade.checks.report import Report, Reported

_SHOWN = 100
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render(report: Report, fail_on: Severity) -> str:
    """Return one document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# Check: API Manager {report.source} to {report.target}"
    yield ""
    yield f"{report.checked_at:%Y-%m-%d %H:%M} UTC; {', '.join(map(_plain, report.databases.values()))}"
    yield ""
    yield "| severity | open |"
    yield "| --- | ---: |"
    yield from (f"| {severity} | {number:,} |" for severity, number in report.counts.items())
    yield ""
    for severity, findings in groupby(report.findings, lambda each: each.severity):
        yield f"## {str(severity).capitalize()}"
        yield ""
        for code, group in groupby(findings, lambda each: each.code):
            of_rule = list(group)
            yield f"### {code}: {_plain(of_rule[0].rule.title)}"
            yield ""
            yield from (_finding(each) for each in of_rule[:_SHOWN])
            if len(of_rule) > _SHOWN:
                yield f"- … and {len(of_rule) - _SHOWN:,} more"
            yield ""
    if report.unchecked:
        yield "## Could not be checked"
        yield ""
        yield from (
            f"- **{each.rule.code}** {_plain(each.rule.title)}: {_plain(each.reason)}" for each in report.unchecked
        )
        yield ""
    if report.remarks:
        yield "## Baseline"
        yield ""
        yield from (f"- {_plain(remark)}" for remark in report.remarks)
        yield ""
    yield "## What was looked at"
    yield ""
    yield from (f"- {_plain(line)}" for line in closing_lines(report))


def _finding(each: Reported) -> str:
    place = f" At {_plain(str(each.place))}." if each.place is not None else ""
    return f"- {_plain(each.message)}{place} **Next:** {_plain(each.next)} ({each.repair})"


def _plain(text: str) -> str:
    """Text from the estate means nothing to Markdown, and stays on its line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
