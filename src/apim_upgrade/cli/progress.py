"""Shows how a run goes on: a bar on a terminal, otherwise a line at most every ten seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from apim_upgrade.engine import Event


class Progress(Protocol):
    """A listener of the engine that can also be told a sentence."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        ...

    def say(self, text: str) -> None:
        """Show a sentence without spoiling what is drawn."""
        ...


@contextmanager
def show_progress(stream: TextIO | None = None, *, noun: str = "steps") -> Iterator[Progress]:
    """Show progress on standard error (or ``stream``) for the length of the block; ``noun`` says of what."""
    from apim_upgrade.cli.progress_views import Bar, Lines

    out = stream or sys.stderr
    with Bar(out, noun=noun) if out.isatty() else Lines(out, noun=noun) as listener:
        yield listener
