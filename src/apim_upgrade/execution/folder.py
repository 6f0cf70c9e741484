"""The run folder: what a run leaves on the operator's disk, written so that a crash never leaves half a file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apim_upgrade.errors import EnvironmentProblem


@dataclass(frozen=True, slots=True)
class RunFolder:
    """``<runs>/<run id>/``: plan, estate before, journal, report, each one file."""

    path: Path

    def file(self, name: str) -> Path:
        """The path of one file in it."""
        return self.path / name

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            target = self.file(name)
            partial = target.with_suffix(target.suffix + ".partial")
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            raise EnvironmentProblem(
                f"The run folder {self.path} cannot be written: {error.strerror}.", hint="Make room or set run_folder."
            ) from None
        return target

    def write_json(self, name: str, document: Mapping[str, Any]) -> Path:
        """Write a JSON document."""
        return self.write(name, json.dumps(document, indent=2, default=str) + "\n")

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Read a JSON document; None when it is not there."""
        try:
            document: dict[str, Any] = json.loads(self.file(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return document


def latest(runs: Path) -> RunFolder | None:
    """The folder of the newest run under ``runs``, by the time its plan was written."""
    plans = sorted(runs.glob("*/plan.json"), key=lambda path: path.stat().st_mtime)
    return RunFolder(plans[-1].parent) if plans else None


@contextmanager
def one_at_a_time(runs: Path) -> Iterator[None]:
    """Keep a second process out of the same runs folder; needed until the clones exist and can be locked themselves."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        lock = (runs / ".lock").open("a+")
    except OSError as error:
        raise EnvironmentProblem(f"The run folder {runs} cannot be written: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise EnvironmentProblem(
                f"Another run is at work in {runs} (process {lock.read().strip() or 'unknown'}).",
                hint="Wait for it, or stop it and run again to resume.",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield
