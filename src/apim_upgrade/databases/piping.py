"""Runs a program, or one into another as dump into restore, and tells how far it is."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

SAY_EVERY = 10.0
"""Seconds between two lines about a long copy."""
_LOOK_EVERY = 1.0
_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start; no secret is in ``command``. ``files`` are open file descriptors that it is to inherit."""

    command: Sequence[str]
    environment: Mapping[str, str]
    files: tuple[int, ...] = ()


def pipe(
    producer: Program,
    consumer: Program,
    waiting: Callable[[float], None],
    watch: Callable[[], None] = lambda: None,
    *,
    writes: IO[bytes] | None = None,
) -> str | None:
    """
    Run ``producer`` into ``consumer``; return None, or what the two complained of when one failed.

    ``waiting`` is told the seconds that have passed, every :data:`SAY_EVERY`; ``watch`` is called every second and may
    raise to break it off. ``consumer`` ``writes`` to this file, or nothing. Whatever happens, both have ended then.
    """
    with tempfile.TemporaryFile() as complaints:
        first = subprocess.Popen(
            list(producer.command),
            env=dict(producer.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            pass_fds=producer.files,
        )
        second = subprocess.Popen(
            list(consumer.command),
            env=dict(consumer.environment),
            stdin=first.stdout,
            stdout=writes or subprocess.DEVNULL,
            stderr=complaints,
            pass_fds=consumer.files,
        )
        assert first.stdout is not None  # noqa: S101 - asked for above
        first.stdout.close()  # so that the producer ends when the consumer does
        try:
            _wait(second, waiting, watch)
            failed = second.returncode != 0 or first.wait() != 0
        finally:
            for process in (first, second):
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if not failed:
            return None
        complaints.seek(0)
        return complaints.read(_KEPT).decode(errors="replace")


def run(
    program: Program,
    waiting: Callable[[float], None],
    watch: Callable[[], None] = lambda: None,
) -> str | None:
    """
    Run a program to its end; return None, or what it complained of when it failed.

    ``waiting`` is told the seconds that have passed, every :data:`SAY_EVERY`; ``watch`` is called every second and may
    raise to break it off.
    """
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            list(program.command),
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            pass_fds=program.files,
        )
        try:
            _wait(process, waiting, watch)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode == 0:
            return None
        complaints.seek(0)
        return complaints.read(_KEPT).decode(errors="replace")


def feed(process: subprocess.Popen[bytes], lines: Iterable[bytes]) -> int:
    """
    Write ``lines`` to the standard input of a process and close it; return the exit code.

    A process that stops before it has read them all says why itself.
    """
    assert process.stdin is not None  # noqa: S101 - started so
    try:
        for line in lines:
            process.stdin.write(line)
        process.stdin.close()
    except BrokenPipeError:
        pass
    return process.wait()


def _wait(
    process: subprocess.Popen[bytes], waiting: Callable[[float], None], watch: Callable[[], None] = lambda: None
) -> None:
    began = said = time.monotonic()
    while True:
        try:
            process.wait(min(_LOOK_EVERY, SAY_EVERY))
            return
        except subprocess.TimeoutExpired:
            watch()
            now = time.monotonic()
            if now - said >= SAY_EVERY:
                said = now
                waiting(now - began)
