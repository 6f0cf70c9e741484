"""
The two ways to show progress: plain lines and a bar.

Events come as often as items are looked at, millions of times; what is shown changes at a pace that eyes follow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from apim_upgrade.cli.output import console
from apim_upgrade.engine import Event, StepFinished, StepProgress, StepRemark, StepsForetold, StepSkipped, StepStarted

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_EVERY = 10.0
_DRAW_EVERY = 0.1
_STATEMENT = 200
"""Characters of a statement that tell which it is."""
_TRUSTED = 5.0
"""Seconds of foretold steps that have to be done before their real pace is taken for that of the others."""


class Remaining:
    """How much time the steps to come will take: as foretold, at the pace of those that are done."""

    def __init__(self) -> None:
        self._left: dict[str, float] = {}
        self._told = self._took = 0.0

    def count(self, event: Event) -> None:
        """Take an event into account."""
        match event:
            case StepsForetold(seconds=seconds):
                self._left = dict(seconds)
            case StepFinished(step=step, seconds=seconds) if step in self._left:
                self._told += self._left.pop(step)
                self._took += seconds
            case StepSkipped(step=step):
                self._left.pop(step, None)

    def seconds(self, step: str, elapsed: float) -> float | None:
        """Seconds until the last step is done, when ``step`` has been at work for ``elapsed``; None if not foretold."""
        if not self._left:
            return None
        pace = self._took / self._told if self._told >= _TRUSTED else 1.0
        this = self._left.get(step, 0.0) * pace
        return (sum(self._left.values()) * pace - this) + max(this - elapsed, 0.0)

    def words(self, step: str, elapsed: float) -> str:
        """The same as words; empty if not foretold."""
        left = self.seconds(step, elapsed)
        return "" if left is None else f"about {duration(left)} left in all"


class Lines:
    """Plain lines for logs; ``clock`` gives seconds."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, noun: str = "steps") -> None:
        self._stream = stream
        self._noun = noun
        self._clock = clock
        self._began = self._step_began = clock()
        self._said = self._began - _LINE_EVERY
        self._step: StepStarted | None = None
        self._done = self._skipped = self._failed = 0
        self.remaining = Remaining()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        if self._done or self._skipped:
            before = f", {self._skipped} done before" if self._skipped else ""
            failed = f", {self._failed:,} items failed" if self._failed else ""
            self.say(f"{self._done} {self._noun} done{before}{failed} in {duration(self._clock() - self._began)}")

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event:
            case StepStarted():
                self._step, self._step_began = event, self._clock()
                self._line_if_due(0)
            case StepProgress(seen=seen):
                self._line_if_due(seen)
            case StepFinished() | StepRemark():
                told(event, self.say)
        self.count(event)

    def count(self, event: Event) -> None:
        """Take an event into the sums and into the time that is left, and show nothing."""
        self.remaining.count(event)
        match event:
            case StepFinished(failed=failed):
                self._done += 1
                self._failed += failed
            case StepSkipped():
                self._skipped += 1

    def say(self, text: str) -> None:
        """Write one line."""
        print(text, file=self._stream, flush=True)

    def _line_if_due(self, seen: int) -> None:
        now = self._clock()
        if now - self._said < _LINE_EVERY or self._step is None:
            return
        self._said = now
        step = self._step
        how = pace(seen, step.expected, now - self._step_began)
        left = self.remaining.words(step.step, now - self._step_began)
        told = "; ".join(part for part in (how, left) if part)
        self.say(f"[{step.position}/{step.total}] {step.title}{f': {told}' if told else ''}")


class Bar:
    """One bar for the steps and one for the items of the step at work."""

    def __init__(self, stream: TextIO, noun: str = "steps") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._lines = Lines(stream, noun=noun)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[how]}"),
            TextColumn("{task.fields[left]}"),
            console=console(stream),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar: TaskID = self._progress.add_task("", total=None, how="", left="")
        self._step: StepStarted | None = None
        self._step_began = self._drawn = 0.0

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        self._lines.__exit__()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        now = time.monotonic()
        match event:
            case StepStarted():
                self._step, self._step_began, self._drawn = event, now, now
                self._progress.reset(
                    self._bar,
                    description=f"[{event.position}/{event.total}] {event.title[:60]}",
                    total=event.expected or None,
                    how="",
                    left=self._lines.remaining.words(event.step, 0.0),
                )
            case StepProgress(seen=seen):
                if now - self._drawn >= _DRAW_EVERY and self._step is not None:
                    self._drawn = now
                    how = pace(seen, self._step.expected, now - self._step_began)
                    left = self._lines.remaining.words(self._step.step, now - self._step_began)
                    self._progress.update(self._bar, completed=seen, how=how, left=left)
            case StepFinished() | StepRemark():
                told(event, self.say)
        self._lines.count(event)

    def say(self, text: str) -> None:
        """Write one line above the bar."""
        self._progress.console.print(text)


def told(event: StepFinished | StepRemark, say: Callable[[str], None]) -> None:
    """Say what should not be missed of a step: items that failed, a statement that is done in a harder way."""
    where = f"[{event.position}/{event.total}] {event.step}"
    if isinstance(event, StepRemark):
        say(f"{where}: {event.text} {event.statement[:_STATEMENT]}")
    elif event.failed:
        say(f"{where}: {event.failed:,} items failed")


def pace(seen: int, expected: int | None, seconds: float) -> str:
    """Return count, rate and the time left, as far as they can be told; empty when nothing was seen."""
    if not seen:
        return ""
    rate = seen / max(seconds, 0.001)
    told = f"{seen:,} of {expected:,}" if expected else f"{seen:,}"
    left = f", {duration((expected - seen) / rate)} left" if expected and expected > seen else ""
    return f"{told}, {rate:,.0f}/s{left}"


def duration(seconds: float) -> str:
    """Return a time span in the two largest units: ``1 h 5 min``, ``2 min 3 s``, ``4 s``."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
