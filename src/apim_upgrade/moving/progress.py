"""Says how far a move is: a sentence now and then, with rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Say = Callable[[str], None]

_EVERY = 10.0
_LOOK = 1000


class Progress:
    """
    Counts rows of one database, first while they are copied, then while they are compared.

    ``watch`` is called every now and then and may raise to break it off.
    """

    def __init__(self, name: str, total: int, say: Say, watch: Callable[[], None]) -> None:
        self._watch = watch
        self._name = name
        self._total = total
        self._say = say
        self._began = self._said = time.monotonic()
        self._done = 0
        self._what = "Copying"
        self.table = ""
        """The table that is read at present."""

    def compare(self) -> None:
        """Begin to count anew: the rows are read back now."""
        self._what = "Comparing"
        self._began = self._said = time.monotonic()
        self._done = 0

    def counting(self, items: Iterator[Item], table: str) -> Iterator[Item]:
        """Yield rows as they come, saying at most every ten seconds how far it is."""
        self.table = table
        for item in items:
            yield item
            self._done += 1
            if self._done % _LOOK == 0:
                self._watch()
                self._tell()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._said < _EVERY:
            return
        self._said = now
        rate = self._done / (now - self._began)
        left = max(self._total - self._done, 0) / rate
        self._say(
            f"{self._what} {self._name}: {self._done:,} of {self._total:,} rows, {rate:,.0f} a second, "
            f"about {_duration(left)} left ({self.table})"
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min" if minutes else "a minute"
