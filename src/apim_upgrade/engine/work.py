"""What a step's row-computing functions are given: the sessions, the run, and a place for verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from apim_upgrade.engine.ports import Session


class Verdict(StrEnum):
    """What became of one item that was not simply done."""

    FAILED = "failed"
    SKIPPED = "skipped"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """One item with its verdict, the reason, and what a person can do about it."""

    item: str
    verdict: Verdict
    reason: str
    action: str = ""


@dataclass(slots=True)
class Work:
    """
    One execution of one step.

    ``sessions`` holds the step's own database (the writing transaction) and every other one (read only).
    ``started`` is the run's recorded start, the only clock a step may use. ``only`` restricts a retry to these items.
    """

    step: str
    database: str
    sessions: Mapping[str, Session]
    started: datetime
    only: frozenset[str] | None = None
    tick: Callable[[int], None] = lambda count: None
    seen: int = 0
    verdicts: dict[str, ItemVerdict] = field(default_factory=dict)

    @property
    def own(self) -> Session:
        """The session of the database that the step writes to."""
        return self.sessions[self.database]

    def wants(self, item: str) -> bool:
        """Say whether an item is part of this execution (a retry takes only what failed before)."""
        return self.only is None or item in self.only

    def saw(self, count: int = 1) -> None:
        """Count items that were looked at; drives progress."""
        self.seen += count
        self.tick(self.seen)

    def failed(self, item: str, reason: str, action: str) -> None:
        """Record that an item could not be done; the step goes on with the others, the run's exit code says so."""
        self.verdicts[item] = ItemVerdict(item, Verdict.FAILED, reason, action)

    def skipped(self, item: str, reason: str, action: str = "") -> None:
        """Record that an item was left alone on purpose."""
        self.verdicts[item] = ItemVerdict(item, Verdict.SKIPPED, reason, action)

    def noted(self, item: str, reason: str, action: str = "") -> None:
        """Record something a person should know about an item that was done."""
        self.verdicts[item] = ItemVerdict(item, Verdict.NOTED, reason, action)
