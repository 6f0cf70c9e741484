"""How long work tells what it is doing: one line at a time, to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Say: TypeAlias = Callable[[str], None]


def quiet(line: str) -> None:
    """Listen to nothing."""
