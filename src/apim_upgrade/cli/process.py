"""What may happen to the process around a command: somebody ends it, or nobody reads its remarks any more."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TextIO, cast

_ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """
    Take ``kill`` and a terminal that went away for what Ctrl-C is, so that open work is put in order and told.

    What is ignored already (``nohup``) stays ignored, and processes that are forked here end as ever.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler == signal.SIG_DFL:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler == signal.SIG_DFL:
                signal.signal(number, handler)


class _Remarks:
    """A stream that goes on where nothing can be written: an upgrade does not stop because its log is full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def unheard_remarks() -> Iterator[None]:
    """Let standard error fail without a word for the length of the block: a full disk, a pipe that nobody reads."""
    stream = sys.stderr
    sys.stderr = cast(TextIO, _Remarks(stream))
    try:
        yield
    finally:
        sys.stderr = stream
        try:
            stream.flush()
        except OSError:  # the interpreter would fail at its own flush, and spoil the exit code
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
