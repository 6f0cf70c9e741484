"""Progress: a bar for eyes, and few lines for logs however many events come."""

from __future__ import annotations

import io

import pytest

from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.progress_views import Lines, Remaining, duration, pace
from apim_upgrade.engine import Event, StepFinished, StepProgress, StepRemark, StepsForetold, StepSkipped, StepStarted


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def finished(step: str, failed: int = 0) -> Event:
    return StepFinished(step, 2, 3, 10, 9, 0, failed, 1.0)


def test_a_log_gets_a_line_at_most_every_ten_seconds() -> None:
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock) as listener:
        listener(StepSkipped("a", 1, 3))
        listener(StepStarted("b", "Fill organizations", 2, 3, 4000))
        for seen in range(1, 2001):
            clock.now += 0.01
            listener(StepProgress("b", seen))
        listener(finished("b", failed=2))
        listener(StepStarted("c", "Quick", 3, 3, None))
        listener(finished("c"))
    assert out.getvalue().splitlines() == [
        "[2/3] Fill organizations",
        "[2/3] Fill organizations: 1,000 of 4,000, 100/s, 30 s left",
        "[2/3] Fill organizations: 2,000 of 4,000, 100/s, 20 s left",
        "[2/3] b: 2 items failed",
        "2 steps done, 1 done before, 2 items failed in 20 s",
    ]


def test_a_statement_that_is_done_in_a_harder_way_is_told_at_once() -> None:
    out = io.StringIO()
    listener = Lines(out, Clock())
    text = "Asked for ALGORITHM=INSTANT, goes on with ALGORITHM=INPLACE, LOCK=NONE: Too many columns."
    listener(StepRemark("schema/am/expand/AM_API", 2, 3, "ALTER TABLE `AM_API` ADD COLUMN " + "x" * 1000, text))
    (line,) = out.getvalue().splitlines()
    assert line.startswith(f"[2/3] schema/am/expand/AM_API: {text} ALTER TABLE `AM_API` ADD COLUMN xx")
    assert len(line) < 400


def test_nothing_is_summed_up_when_nothing_was_done() -> None:
    out = io.StringIO()
    with show_progress(out) as listener:
        listener.say("Reading the estate")
    assert out.getvalue() == "Reading the estate\n"


def test_a_terminal_gets_a_bar_and_the_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    with show_progress(out) as listener:
        listener.say("Reading the estate")
        listener(StepStarted("b", "Fill organizations", 2, 3, 4000))
        for seen in range(1, 200_001):
            listener(StepProgress("b", seen))
        listener(finished("b", failed=2))
        listener(StepSkipped("c", 3, 3))
    text = out.getvalue()
    assert "Reading the estate" in text
    assert "[2/3] Fill organizations" in text
    assert "[2/3] b: 2 items failed" in text
    assert text.splitlines()[-1].partition(" in ")[0].endswith("1 steps done, 1 done before, 2 items failed")
    assert len(text) < 50_000


def test_pace_and_durations_are_readable() -> None:
    assert pace(0, 10, 5) == ""
    assert pace(500, None, 5) == "500, 100/s"
    assert pace(12, 10, 2) == "12 of 10, 6/s"
    assert [duration(seconds) for seconds in (0.4, 59, 61, 3725)] == ["0 s", "59 s", "1 min 1 s", "1 h 2 min"]


def test_the_time_that_is_left_follows_what_was_foretold_and_the_pace_of_what_is_done() -> None:
    left = Remaining()
    assert left.words("a", 0.0) == ""
    left.count(StepsForetold({"a": 10.0, "b": 100.0, "c": 50.0, "d": 7.0}))
    assert left.words("a", 4.0) == "about 2 min 43 s left in all"
    left.count(StepSkipped("d", 1, 4))
    left.count(StepFinished("a", 2, 4, 0, 0, 0, 0, 20.0))
    assert left.seconds("b", 0.0) == 300.0, "the first took twice as long as foretold"
    assert left.seconds("b", 150.0) == 150.0
    assert left.seconds("b", 900.0) == 100.0, "a step that takes longer than foretold does not shorten the others"
    left.count(StepFinished("never foretold", 3, 4, 0, 0, 0, 0, 20.0))
    left.count(StepFinished("b", 3, 4, 0, 0, 0, 0, 200.0))
    left.count(StepFinished("c", 4, 4, 0, 0, 0, 0, 100.0))
    assert left.seconds("", 0.0) is None


def test_a_log_says_how_much_is_left_in_all() -> None:
    out, clock = io.StringIO(), Clock()
    with Lines(out, clock) as listener:
        listener(StepsForetold({"a": 60.0, "b": 30.0}))
        listener(StepStarted("a", "Fill", 1, 2, 100))
        clock.now += 20
        listener(StepProgress("a", 50))
    assert out.getvalue().splitlines() == [
        "[1/2] Fill: about 1 min 30 s left in all",
        "[1/2] Fill: 50 of 100, 2/s, 20 s left; about 1 min 10 s left in all",
    ]
