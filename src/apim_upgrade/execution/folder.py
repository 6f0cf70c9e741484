"""The run folder: what a run leaves on the operator's disk, written so that a crash never leaves half a file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apim_upgrade.errors import EnvironmentProblem

PLAN = "plan.json"
ESTATE = "estate.json"
JOURNAL = "journal.json"
"""The exported journals: that it is there says that the run is committed, or was about to be."""
EXPORTED = ("run", "databases", "steps", "items")
"""What exported journals have."""
ROLLBACK = "rollback.json"
"""What is kept of a run that was rolled back, or was about to be."""
ESTIMATE = "estimate.json"
"""How long the run was expected to take when it began."""
REHEARSAL = "rehearsal.json"
"""What a rehearsal found; written last, so that it is there says that the rehearsal came to its end."""
REPORT = "report.json"
PAGE = "report.html"
_SPARE = (PLAN, ESTIMATE, REPORT, REHEARSAL)
"""What the tool can do without: to figures of progress, or to a report that is written anew."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """``<runs>/<run id>/``: plan, estate before, journal, report, each one file."""

    path: Path

    def file(self, name: str) -> Path:
        """The path of one file in it."""
        return self.path / name

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all. Raises EnvironmentProblem."""
        return self.write_lines(name, (text,))

    def write_lines(self, name: str, lines: Iterable[str], *, private: bool = False) -> Path:
        """Write a file of any size whole or not at all; ``private`` for its owner alone. Raises EnvironmentProblem."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            target = self.file(name)
            partial = target.with_suffix(target.suffix + ".partial")
            with partial.open("w", encoding="utf-8") as file:
                if private:
                    os.fchmod(file.fileno(), 0o600)
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            raise _unwritable(self.path, error) from None
        return target

    def write_json(self, name: str, document: Mapping[str, Any]) -> Path:
        """Write a JSON document."""
        return self.write(name, json.dumps(document, indent=2, default=str) + "\n")

    def read_json(self, name: str, *keys: str) -> dict[str, Any] | None:
        """
        Read a JSON document; None when it is not there.

        Raises EnvironmentProblem when it cannot be read, or lacks one of the ``keys`` that it was written with.
        """
        try:
            document = json.loads(self.file(name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise EnvironmentProblem(f"{self.file(name)} cannot be read: {error.strerror}.") from None
        except ValueError:
            document = None
        if not isinstance(document, dict) or not document.keys() >= set(keys):
            raise self.spoiled(name)
        return document

    def spoiled(self, name: str) -> EnvironmentProblem:
        """The error for a file that somebody else has written to; only what nothing hangs on may be removed."""
        hint = "Restore the file, or remove it." if name in _SPARE else "Restore the file from where you keep copies."
        return EnvironmentProblem(f"{self.file(name)} is not what this tool wrote there.", hint=hint)


def committed_folders(runs: Path) -> list[RunFolder]:
    """The folders of all runs under ``runs`` that were committed, the newest first."""
    return _folders_with(runs, JOURNAL)


def rolled_back_folders(runs: Path) -> list[RunFolder]:
    """The folders of all runs under ``runs`` that were rolled back, or half so, the newest first."""
    return _folders_with(runs, ROLLBACK)


def _folders_with(runs: Path, name: str) -> list[RunFolder]:
    found = sorted(runs.glob(f"*/{name}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [RunFolder(path.parent) for path in found]


@contextmanager
def one_at_a_time(runs: Path) -> Iterator[None]:
    """Keep a second process out of the same runs folder; needed until the clones exist and can be locked themselves."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        lock = (runs / ".lock").open("ab+", buffering=0)  # what is buffered would fail once more when it is closed
    except OSError as error:
        raise _unwritable(runs, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise EnvironmentProblem(
                f"Another run is at work in {runs} (process {lock.read().decode().strip() or 'unknown'}).",
                hint="Wait for it, or stop it and run again to resume.",
            ) from None
        try:
            lock.truncate(0)
            lock.write(str(os.getpid()).encode())
        except OSError as error:
            raise _unwritable(runs, error) from None
        yield


def _unwritable(folder: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"The run folder {folder} cannot be written: {error.strerror}.", hint="Make room, or set another run_folder."
    )
