"""Work that keeps a processor busy, over all of them, with results in order and memory bounded."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol, TypeVar

from apim_upgrade.errors import EnvironmentProblem

Item = TypeVar("Item")
Result = TypeVar("Result")

_FEW = 500
_BATCH = 20


class Workers(Protocol):
    """Who does work that keeps a processor busy."""

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, few: int, batch: int
    ) -> Iterator[Result]:
        """
        Yield ``function(item)`` for every item, in order, a bounded number of batches ahead.

        Up to ``few`` items are done sooner than processes start. Function, items and results must be picklable. Raises
        EnvironmentProblem when workers are lost.
        """
        ...


@dataclass(frozen=True, slots=True)
class Processes:
    """Processes of this machine; one a processor without a number."""

    number: int | None = None

    def in_order(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, few: int, batch: int
    ) -> Iterator[Result]:
        """Work few items here and more in processes that end with the work."""
        return in_order(function, items, few=few, batch=batch, processes=self.number)


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    few: int = _FEW,
    batch: int = _BATCH,
    processes: int | None = None,
) -> Iterator[Result]:
    """
    Yield ``function(item)`` for every item, in order.

    Up to ``few`` items are worked here; more go to as many processes as ``processes`` says (one a processor without
    it), ``batch`` at a time, no more than two batches waiting for each. Function, items and results must be picklable.
    Raises EnvironmentProblem when a worker process is ended from outside.
    """
    source = iter(items)
    first = list(islice(source, few + 1))
    processes = processes or os.cpu_count() or 1
    if len(first) <= few or processes == 1:
        yield from map(function, chain(first, source))
        return
    rest = chain(first, source)
    del first
    context = multiprocessing.get_context("spawn")  # a fork would share the databases' connections
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        try:
            while part := list(islice(rest, batch)):
                waiting.append(pool.submit(_each, function, part))
                if len(waiting) >= 2 * processes:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise EnvironmentProblem(
                "A worker process was ended from outside, most likely because memory ran out.",
                hint="Free memory on this machine.",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _each(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


def _prepare() -> None:
    """Leave interruption to the parent, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
