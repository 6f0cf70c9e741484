"""Measures what a run costs while it goes on: time, bytes written, and the most that the databases ever had on disk."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.volume import volume_of
from apim_upgrade.engine import Event, Listener, StepFinished
from apim_upgrade.errors import ApimUpgradeError

_EVERY = 0.5
"""Seconds between two looks; a table that is rewritten lies there twice for the length of one step only."""


@dataclass(slots=True)
class Costs:
    """Bytes; None where the servers cannot tell."""

    before: int | None = None
    after: int | None = None
    peak: int | None = None
    written: int | None = None
    """By all databases of the servers."""
    temporary: int | None = None
    by_step: dict[str, int] = field(default_factory=dict)
    """Bytes written while a step was at work."""


class Meter:
    """
    A listener that measures, and passes every event on.

    It connects with the first step and not before: the server does not copy a database to which somebody is connected.
    """

    def __init__(self, databases: Mapping[str, Database], listener: Listener) -> None:
        self.costs = Costs()
        self._databases = databases
        self._listener = listener
        self._stack = ExitStack()
        self._begun = False
        self._over = threading.Event()
        self._sessions: list[tuple[Address, Session]] = []
        self._start = self._last = _Sum()

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        try:
            if self._begun:
                self._finish()
        except ApimUpgradeError:
            pass  # the server is gone, and the run says so
        finally:
            self._stack.close()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if not self._begun:
            self._begun = True
            self._begin()
        if isinstance(event, StepFinished):
            now = self._look(self._sessions)
            if now.written is not None and self._last.written is not None:
                self.costs.by_step[event.step] = now.written - self._last.written
            self._last = now
        self._listener(event)

    def _begin(self) -> None:
        self._sessions = self._open(self._stack)
        self._start = self._last = self._look(self._sessions)
        self.costs.before = self.costs.peak = self._start.size
        watcher = threading.Thread(target=self._watch, name="meter", daemon=True)
        watcher.start()
        self._stack.callback(watcher.join)

    def _finish(self) -> None:
        now = self._look(self._sessions)
        self.costs.after = now.size
        self._higher(now.size)
        if now.written is not None and self._start.written is not None:
            self.costs.written = now.written - self._start.written
        if now.temporary is not None and self._start.temporary is not None:
            self.costs.temporary = now.temporary - self._start.temporary

    def _watch(self) -> None:
        """Look again and again, through connections of its own: those of the steps are busy."""
        try:
            with ExitStack() as stack:
                sessions = self._open(stack)
                while not self._over.wait(_EVERY):
                    self._higher(self._look(sessions).size)
        except ApimUpgradeError:
            return

    def _open(self, stack: ExitStack) -> list[tuple[Address, Session]]:
        return [(each.address, stack.enter_context(each.autocommit())) for each in self._databases.values()]

    def _look(self, sessions: list[tuple[Address, Session]]) -> _Sum:
        volumes = [(address, volume_of(session)) for address, session in sessions]
        # Databases of one server share its log.
        logs = {(address.kind, address.host, address.port): volume.written for address, volume in volumes}
        return _Sum(
            _sum([volume.size for _, volume in volumes]),
            _sum(list(logs.values())),
            _sum([volume.temporary for _, volume in volumes]),
        )

    def _higher(self, size: int | None) -> None:
        if size is not None and self.costs.peak is not None:
            self.costs.peak = max(self.costs.peak, size)


@dataclass(frozen=True, slots=True)
class _Sum:
    size: int | None = None
    written: int | None = None
    temporary: int | None = None


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
