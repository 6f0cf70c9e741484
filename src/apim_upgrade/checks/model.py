"""What a check says: severities, places, findings, and the report that holds them all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from apim_upgrade.releases import Release

if TYPE_CHECKING:
    from apim_upgrade.checks.rule import Rule


class Severity(IntEnum):
    """How bad it is; ordered, so that "at or above" can be asked."""

    INFO = 0
    """Good to know; nothing breaks."""
    MINOR = 1
    """Something small is lost or has to be redone by hand."""
    MAJOR = 2
    """Something breaks for some users, or a person has to work on it."""
    BLOCKER = 3
    """The upgrade fails, or the target does not serve; ``run`` refuses to begin."""

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def named(cls, name: str) -> Severity:
        """Return the severity of a name in lower case. Raises KeyError."""
        return cls[name.upper()]


class Repair(StrEnum):
    """Who can mend it."""

    AUTOMATIC = "automatic"
    """The tool does, in the upgrade; nothing is to be done."""
    MANUAL = "needs work"
    """A person has to."""
    IMPOSSIBLE = "impossible"
    """Nobody can; it has to be accepted or worked around."""


@dataclass(frozen=True, slots=True)
class Row:
    """A place in a database: table and column in upper case, and what tells the row, such as ``API_ID=12``."""

    database: str
    table: str
    column: str = ""
    key: str = ""

    def __str__(self) -> str:
        name = f"{self.database}.{self.table}{f'.{self.column}' if self.column else ''}"
        return f"{name} ({self.key})" if self.key else name


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file or a registry resource: a JSON pointer (RFC 6901) and a line, where they can be told."""

    path: str
    pointer: str = ""
    line: int | None = None

    def __str__(self) -> str:
        pointer = f"#{self.pointer}" if self.pointer else ""
        return f"{self.path}{pointer}{f', line {self.line}' if self.line else ''}"


Place: TypeAlias = Row | Spot


@dataclass(frozen=True, slots=True)
class Api:
    """An API or product as a person knows it; ``tenant`` is the domain, ``state`` in upper case."""

    tenant: str
    name: str
    version: str
    provider: str
    state: str = ""
    type: str = ""
    uuid: str = ""
    id: int | None = None
    """AM_API.API_ID; None for an artifact without a row."""
    context: str = ""

    @property
    def item(self) -> str:
        """How baselines name it: ``tenant/name/version``."""
        return f"{self.tenant}/{self.name}/{self.version}"

    def __str__(self) -> str:
        state = f", {self.state}" if self.state else ""
        return f"{self.name} {self.version} of {self.provider} ({self.tenant}{state})"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that a rule found.

    ``message`` is one sentence that names the exact place. ``next`` is the next step; empty takes the rule's own.
    ``item`` is what baselines match and what stays the same from one check to the next; empty takes the API, then the
    place. ``severity`` may only be lower than the rule's, ``repair`` may differ.
    """

    message: str
    next: str = ""
    place: Place | None = None
    api: Api | None = None
    tenant: str = ""
    item: str = ""
    severity: Severity | None = None
    repair: Repair | None = None


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


@dataclass(frozen=True, slots=True)
class Acceptance:
    """One entry of a baseline: findings of ``code`` whose item fits ``item`` (``*`` and ``?`` as in file names)."""

    code: str
    reason: str
    item: str = "*"
    expires: date | None = None
