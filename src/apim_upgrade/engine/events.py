"""What the runner tells its listeners: terminal, dashboard, logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class StepsForetold:
    """What the steps to come are expected to take, in seconds; said before the first."""

    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step begins; ``position`` of ``total``. ``expected`` is the number of items the plan counted, if it did."""

    step: str
    title: str
    position: int
    total: int
    expected: int | None


@dataclass(frozen=True, slots=True)
class StepProgress:
    """``seen`` items so far."""

    step: str
    seen: int


@dataclass(frozen=True, slots=True)
class StepRemark:
    """The server does a statement of a step otherwise than asked, such as by a copy of the table; ``text`` says so."""

    step: str
    position: int
    total: int
    statement: str
    text: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step is done and recorded."""

    step: str
    position: int
    total: int
    seen: int
    changed: int
    skipped: int
    failed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step was done by an earlier execution of this run."""

    step: str
    position: int
    total: int


Event: TypeAlias = StepsForetold | StepStarted | StepProgress | StepRemark | StepFinished | StepSkipped
Listener: TypeAlias = Callable[[Event], None]
