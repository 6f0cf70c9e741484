"""The result of a check: what every rule found, what could not be checked, and what was left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apim_upgrade.checks.model import Api, Place, Repair, Severity
from apim_upgrade.checks.rule import Rule
from apim_upgrade.releases import Release


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding with the rule that made it, everything settled; ``reason`` says why it is accepted, if it is."""

    rule: Rule
    message: str
    next: str
    place: Place | None
    api: Api | None
    tenant: str
    item: str
    severity: Severity
    repair: Repair
    reason: str = ""

    @property
    def code(self) -> str:
        """The rule's code."""
        return self.rule.code

    @property
    def fingerprint(self) -> str:
        """What is the same for the same finding in two checks, whatever its words."""
        return hashlib.sha256(f"{self.code} {self.item} {self.place}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule that could not be carried out; ``reason`` is one sentence."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule that was not carried out on purpose: it does not concern this jump, or what it needs was not given."""

    rule: Rule
    reason: str
    missing_input: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """What one rule found: all of it in numbers, as ``findings`` keeps only the first of very many."""

    rule: Rule
    found: int
    accepted: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check."""

    source: Release
    target: Release
    checked_at: datetime
    databases: Mapping[str, str]
    """Addresses by name, without secrets."""
    findings: tuple[Reported, ...]
    """Open ones, the worst first; at most :data:`~apim_upgrade.checks.runner.KEPT` of each rule."""
    accepted: tuple[Reported, ...]
    tallies: tuple[Tally, ...]
    counts: Mapping[Severity, int]
    """All open findings, kept or not."""
    unchecked: tuple[Unchecked, ...]
    left_out: tuple[LeftOut, ...]
    looked_at: Mapping[str, int]
    """Items by kind, such as ``APIs``."""
    remarks: tuple[str, ...] = field(default=())
    """On the baseline: acceptances that have expired or that nothing matches."""
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """How many findings are open."""
        return sum(self.counts.values())

    def at_or_above(self, severity: Severity) -> int:
        """How many open findings are as bad as ``severity`` or worse."""
        return sum(number for each, number in self.counts.items() if each >= severity)

    def exit_code(self, fail_on: Severity) -> int:
        """0: clean; 1: findings at or above ``fail_on``; 2: something could not be checked, whatever else was found."""
        if self.unchecked:
            return 2
        return 1 if self.at_or_above(fail_on) else 0
