"""Advisory locks that keep a second process out; they fall with the session that holds them."""

from __future__ import annotations

import time

from apim_upgrade.databases.session import Session
from apim_upgrade.errors import EnvironmentProblem

_PATIENCE = 3.0
WHOLE = ""
"""The lock of a database itself; any other subject has a lock of its own in the same database."""


def take(session: Session, subject: str, what: str) -> None:
    """
    Take the lock of ``subject`` for the rest of the session.

    Raises EnvironmentProblem, naming the holder, when it is taken; ``what`` begins that sentence, such as
    ``Database am is being upgraded``.
    """
    # A server needs a moment to notice that a killed process is gone, and keeps its lock until then.
    deadline = time.monotonic() + _PATIENCE
    while not session.try_lock(subject):
        if time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise EnvironmentProblem(
            f"{what} by {session.lock_holder(subject) or 'another process'}.",
            hint="Wait for it, or stop it and run again to resume.",
        )
