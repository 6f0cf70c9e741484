"""Carries rules out, one after the other; what goes wrong in one never stops the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from sqlalchemy.exc import DBAPIError

from apim_upgrade.checks.baseline import Baseline
from apim_upgrade.checks.model import Finding, Severity
from apim_upgrade.checks.report import LeftOut, Report, Reported, Tally, Unchecked
from apim_upgrade.checks.rule import INPUTS, Rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.engine import Listener, StepFinished, StepProgress, StepStarted
from apim_upgrade.errors import ApimUpgradeError

KEPT = 2000
"""Findings of one rule that are kept; more are only counted, so that memory stays bounded."""


def check(subject: Subject, rules: Sequence[Rule], *, baseline: Baseline, listener: Listener) -> Report:
    """
    Carry the rules out and return what they found.

    A rule that fails becomes an :class:`Unchecked`. Raises EnvironmentProblem when a connection is lost.
    """
    began = time.monotonic()
    left_out: list[LeftOut] = []
    due: list[Rule] = []
    for rule in rules:
        reason = _not_due(subject, rule)
        if reason is None:
            due.append(rule)
        else:
            left_out.append(reason)
    work = _Work(subject, baseline, listener, len(due))
    for position, rule in enumerate(due, 1):
        work.carry_out(rule, position)
    failed = {each.rule for each in work.unchecked}
    order = sorted(work.open, key=lambda each: (-each.severity, each.code, each.tenant, each.item))
    return Report(
        subject.source,
        subject.target,
        subject.now,
        {facts.name: facts.address for facts in subject.estate.databases},
        tuple(order),
        tuple(work.accepted),
        tuple(work.tallies),
        {severity: work.counts[severity] for severity in reversed(Severity)},
        tuple(work.unchecked),
        tuple(left_out),
        dict(sorted(work.looked_at.items())),
        baseline.remarks(rule for rule in due if rule not in failed),
        time.monotonic() - began,
    )


def _not_due(subject: Subject, rule: Rule) -> LeftOut | None:
    if not rule.window.admits(subject.source, subject.target):
        return LeftOut(rule, f"{rule.window.words()}: not {subject.source} to {subject.target}")
    if rule.kinds and subject.kind not in rule.kinds:
        return LeftOut(rule, f"about {', '.join(rule.kinds)}, not {subject.kind}")
    missing = [INPUTS[name] for name in rule.needs if not subject.given(name)]
    if missing:
        return LeftOut(rule, f"{', '.join(missing)} of upgrade.toml is not given", missing_input=True)
    return None


class _Work:
    """What has come together so far."""

    def __init__(self, subject: Subject, baseline: Baseline, listener: Listener, total: int) -> None:
        self._subject, self._baseline, self._listener, self._total = subject, baseline, listener, total
        self.open: list[Reported] = []
        self.accepted: list[Reported] = []
        self.tallies: list[Tally] = []
        self.counts: Counter[Severity] = Counter()
        self.unchecked: list[Unchecked] = []
        self.looked_at: dict[str, int] = {}

    def carry_out(self, rule: Rule, position: int) -> None:
        subject, listener = self._subject, self._listener
        began = time.monotonic()
        subject.seen = Counter()
        title = f"{rule.code} {rule.title}"
        subject.on_seen = lambda seen: listener(StepProgress(rule.code, seen))
        subject.on_expected = lambda many: listener(StepStarted(rule.code, title, position, self._total, many))
        listener(StepStarted(rule.code, title, position, self._total, None))
        found = accepted = 0
        try:
            with ExitStack() as stack:
                for session in subject.sessions.values():
                    stack.enter_context(session.attempt())
                for finding in rule.function(subject):
                    found += 1
                    accepted += self._take(_settled(rule, finding, self._baseline), found)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            self.unchecked.append(Unchecked(rule, dbms_of(subject.kind).explain(error, "the database").message))
        except ApimUpgradeError as error:
            self.unchecked.append(Unchecked(rule, str(error)))
        except Exception as error:  # a fault of one rule; the others still have something to say
            self.unchecked.append(Unchecked(rule, f"a fault of the rule itself, {type(error).__name__}: {error}"))
        for kind, number in subject.seen.items():
            self.looked_at[kind] = max(number, self.looked_at.get(kind, 0))
        seconds = time.monotonic() - began
        self.tallies.append(Tally(rule, found, accepted, seconds))
        listener(StepFinished(rule.code, position, self._total, subject.seen.total(), 0, 0, 0, seconds))

    def _take(self, reported: Reported, number: int) -> int:
        """Keep or only count one; return 1 when it is accepted."""
        if reported.reason:
            if number <= KEPT:
                self.accepted.append(reported)
            return 1
        self.counts[reported.severity] += 1
        if number <= KEPT:
            self.open.append(reported)
        return 0


def _settled(rule: Rule, finding: Finding, baseline: Baseline) -> Reported:
    severity = rule.severity if finding.severity is None else finding.severity
    if severity > rule.severity:
        raise ValueError(f"it gives {severity}, worse than its own {rule.severity}")
    item = finding.item or (finding.api.item if finding.api else str(finding.place or finding.tenant or rule.code))
    return Reported(
        rule,
        finding.message,
        finding.next or first_sentence(rule.how_to_mend),
        finding.place,
        finding.api,
        finding.tenant or (finding.api.tenant if finding.api else ""),
        item,
        severity,
        finding.repair or rule.repair,
        baseline.reason(rule.code, item),
    )


def first_sentence(text: str) -> str:
    """The first sentence of a paragraph."""
    head, stop, _ = text.partition(". ")
    return head + "." if stop else text
