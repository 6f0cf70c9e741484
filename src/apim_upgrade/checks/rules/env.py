"""Rules about the way from release to release, ENV001 to ENV009."""

from __future__ import annotations

import re
from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Repair, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.knowledge import release_facts


@rule(
    "ENV001",
    Severity.INFO,
    title="the vendor's guides know no direct way between these releases",
    repair=Repair.AUTOMATIC,
)
def path_of_no_guide(subject: Subject) -> Iterator[Finding]:
    """
    What: The vendor's upgrade guide of the target does not start from the release of these databases.

    Why: The vendor's way leads over releases between, each with its own server and client. This tool goes directly; who
    compares the two should know that they differ. Support for questions may depend on it as well.

    How found: The release, read off the schema, is looked up among those that the guide of the target starts from.

    How to mend: Nothing has to be done. Rehearse the upgrade side by side before you do it for good.
    """
    subject.saw("releases", 2)
    guided = release_facts()[subject.target].sources
    if guided and not any(_covers(entry, subject.source) for entry in guided):
        yield Finding(
            f"The vendor's guide of {subject.target} starts from {', '.join(guided)}, not from {subject.source}.",
            item=f"{subject.source} to {subject.target}",
        )


def _covers(entry: str, source: Release) -> bool:
    """Whether an entry such as ``4.2.0``, ``4.2.0-4.6.0 (inferred)`` or ``3.2.0 (…)`` means a release."""
    ends = [Release.parse(text) for text in _RELEASES.findall(entry.partition(" ")[0])]
    return bool(ends) and ends[0] <= source <= ends[-1]


_RELEASES = re.compile(r"\d+\.\d+\.\d+")


@rule("ENV002", Severity.MAJOR, title="support of the target has ended or ends soon", repair=Repair.MANUAL)
def target_out_of_support(subject: Subject) -> Iterator[Finding]:
    """
    What: The vendor's support of the target has ended, or ends within half a year.

    Why: No security fix comes after that day, and the next upgrade is due at once.

    How found: From the days that `check.end_of_support` of upgrade.toml gives for releases; the vendor's table is not
    carried by the tool, because it changes and depends on the contract. Without an entry for the target nothing is
    said.

    How to mend: Choose a later target, or agree with the vendor on longer support.
    """
    subject.saw("releases")
    end = subject.inputs.end_of_support.get(subject.target)
    if end is None:
        return
    left = (end - subject.now.date()).days
    if left <= _HALF_A_YEAR:
        when = f"ended on {end}" if left < 0 else f"ends on {end}, in {left} days"
        yield Finding(
            f"Support of {subject.target} {when}.",
            item=str(subject.target),
            severity=None if left < 0 else Severity.MINOR,
        )


_HALF_A_YEAR = 183
