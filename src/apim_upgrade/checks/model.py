"""What rules say: severities, places, findings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum
from typing import TypeAlias


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
class Acceptance:
    """One entry of a baseline: findings of ``code`` whose item fits ``item`` (``*`` and ``?`` as in file names)."""

    code: str
    reason: str
    item: str = "*"
    expires: date | None = None
