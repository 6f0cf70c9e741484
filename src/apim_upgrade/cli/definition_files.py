"""Files with API definitions: which ones a path names, and what a release says of each; many at once, in order."""

from __future__ import annotations

import errno
import os
import signal
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from apim_upgrade.errors import EnvironmentProblem

if TYPE_CHECKING:
    from apim_upgrade.definitions import Judgement

LARGEST = 64 * 1024 * 1024
"""Bytes of a file; a larger one is not read."""

_KINDS = {
    ".json": None,
    ".yaml": None,
    ".yml": None,
    ".graphql": "graphql",
    ".graphqls": "graphql",
    ".gql": "graphql",
    ".sdl": "graphql",
    ".wsdl": "wsdl",
    ".zip": "wsdl",
}
"""The endings that are looked for in folders; None where the text tells what it is."""

_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every file; ``kind`` None: by the file's ending, or else by its text."""

    release: str
    kind: str | None
    relaxed: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one file: a judgement, or the reason why there is none, with a code of its own."""

    file: str
    judgement: Judgement | None
    code: str = ""
    reason: str = ""


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """
    Give the files that are named, and those with a known ending in the folders that are named, in name order.

    Hidden files and folders are passed over, links to folders are not followed. A folder that cannot be listed is given
    itself, so that it is told of.
    """
    unlisted: list[Path] = []
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, files in os.walk(path, onerror=lambda error: unlisted.append(Path(error.filename))):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and Path(name).suffix.lower() in _KINDS:
                    yield Path(folder, name)
        yield from unlisted
        unlisted.clear()


def ask(paths: Iterable[Path], question: Question, jobs: int) -> Iterator[Answer]:
    """Ask for every file, over ``jobs`` processes; the answers come in the order of the files."""
    paths = iter(paths)
    first = list(islice(paths, 2))
    paths = chain(first, paths)
    if jobs == 1 or len(first) == 1:
        yield from (answer(path, question) for path in paths)
        return
    pool = ProcessPoolExecutor(jobs, initializer=_leave_interrupts_to_the_parent)
    waiting: deque[Future[Answer]] = deque()
    try:
        for path in paths:
            waiting.append(pool.submit(answer, path, question))
            if len(waiting) >= jobs * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise EnvironmentProblem(
            "A process that judged definitions was ended from outside.",
            hint="Memory may have run out: give fewer --jobs.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def answer(path: Path, question: Question) -> Answer:
    """Ask for one file; whatever is wrong with it is told by the answer."""
    try:
        text = _read(path)
    except OSError as error:
        return Answer(str(path), None, "unreadable", error.strerror or type(error).__name__)
    if len(text) > LARGEST:
        return Answer(str(path), None, "too-large", f"larger than the {LARGEST:,} bytes that are read")
    try:
        return Answer(str(path), _judge(text, path, question))
    except Exception as error:
        # A fault of ours in one file must not hide what can be said of the others.
        return Answer(str(path), None, "internal", f"a fault of this tool: {type(error).__name__}: {error}")


def _judge(text: bytes, path: Path, question: Question) -> Judgement:
    from apim_upgrade.definitions import Kind, judge

    name = question.kind or _KINDS.get(path.suffix.lower())
    return judge(text, question.release, kind=Kind(name) if name else None, relaxed=question.relaxed)


def _read(path: Path) -> bytes:
    """At most one byte more than is allowed; never waits for a pipe that nobody writes to."""
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read(LARGEST + 1)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
