"""How work tells what it is doing, one line at a time, and what every DBMS says in the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]

LOOK_THERE = "The server's log may say more; mend the cause."
"""What to do about an error of a server that nobody foresaw."""
MISSING = "If somebody dropped it, put it back from a backup; copies can be dropped and made anew."
"""What to do about a table that is not there."""


def quiet(line: str) -> None:
    """Listen to nothing."""
