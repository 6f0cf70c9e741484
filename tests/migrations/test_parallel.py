"""Work over several processes: in order, bounded, and gone when it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from apim_upgrade.migrations.parallel import in_order


def squared(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def refused(number: int) -> int:
    if number == 30:
        raise ValueError("thirty")
    return number


def test_few_items_are_worked_in_this_process() -> None:
    assert list(in_order(squared, range(10), few=10)) == [(number * number, os.getpid()) for number in range(10)]
    assert list(in_order(squared, range(0))) == []


def test_many_items_are_worked_elsewhere_and_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    results = list(in_order(squared, range(100), few=5, batch=3))
    assert [result for result, _ in results] == [number * number for number in range(100)]
    assert os.getpid() not in {process for _, process in results}


def test_items_are_taken_no_faster_than_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield number

    results = in_order(squared, items(), few=5, batch=5)
    for _ in range(10):
        next(results)
    assert taken <= 10 + 5 * 2 * 2
    results.close()  # type: ignore[attr-defined]


def test_an_error_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(ValueError, match="thirty"):
        list(in_order(refused, range(100), few=5, batch=5))
