"""
A database server of the tool's own, from unpacked binaries, for the demo, rehearsals and tests.

It listens on a Unix socket only and ends with the process that started it. Socket paths are short on purpose: they
may have 107 bytes at most.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from apim_upgrade.databases.address import Address
from apim_upgrade.errors import EnvironmentProblem

_START_SECONDS = 60
_FOLDERS, _PREFIX, _IN_USE = Path("/tmp"), "apg-", "in-use"  # noqa: S108 - socket paths have to be short


def _mark_in_use(folder: Path) -> IO[bytes]:
    """Lock a file in the folder; the server inherits it, so the lock lasts as long as either process lives."""
    held = (folder / "making").open("wb")
    fcntl.flock(held, fcntl.LOCK_EX)
    (folder / "making").rename(folder / _IN_USE)
    return held


def _sweep() -> None:
    """Remove the folders of processes that were killed, once their servers have ended too."""
    for mark in _FOLDERS.glob(f"{_PREFIX}*/{_IN_USE}"):
        try:
            with mark.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(mark.parent, ignore_errors=True)
        except OSError:
            continue  # in use, somebody else's, or gone already


class EmbeddedServer(ABC):
    """
    A server for the length of a ``with`` block.

    ``home`` keeps its data between blocks when given; else a folder under ``/tmp`` is made and removed. ``durable``
    false trades crash safety for speed. Raises EnvironmentProblem when it cannot be started.
    """

    called: str
    """How messages call it."""
    end: signal.Signals
    """The signal that breaks sessions off and ends the server cleanly."""

    def __init__(self, home: Path | None = None, *, durable: bool = False) -> None:
        self._kept = home
        self._durable = durable
        self._spawn: dict[str, Any] = {}

    def __enter__(self) -> Self:
        _sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_FOLDERS))
        self._in_use = _mark_in_use(self.folder)
        self.data = (self._kept or self.folder) / "data"
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self._prepare()
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._in_use.close()

    @abstractmethod
    def address(self, database: str = ...) -> Address:
        """The address of one of its databases, as its superuser."""

    def stop(self, how: signal.Signals | None = None) -> None:
        """End the server; other signals than :attr:`end` may be a crash."""
        if self._process.poll() is None:
            self._process.send_signal(how or self.end)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def restart(self) -> None:
        """Start again after :meth:`stop`."""
        self._start()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder if there is none, and get ready to start."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """The command line of the server."""

    @abstractmethod
    def _environment(self) -> Mapping[str, str]:
        """The environment of the server and its programs."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes connections: it does not yet, or not any more."""

    def _program(self, command: Sequence[str | Path], **options: Any) -> None:
        """Run one of the server's programs that prepare its data."""
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            env=self._environment(),
            cwd=self.folder,
            check=False,
            **self._spawn,
            **options,
        )
        if done.returncode != 0:
            reason = done.stderr.decode(errors="replace").strip()[-300:]
            raise EnvironmentProblem(f"The embedded {self.called} cannot make its data folder: {reason}")

    def _start(self) -> None:
        log = self.folder / "log"
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            list(self._command()),
            env=self._environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            pass_fds=[self._in_use.fileno()],
            **self._spawn,
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if self.answers():
                return
            time.sleep(0.02)
        raise EnvironmentProblem(
            f"The embedded {self.called} did not start: {log.read_text(errors='replace')[-500:].strip()}"
        )

    def _guard(self) -> list[str]:
        """The words before a command that end it with this process, where the system has them."""
        return ["setpriv", "--pdeathsig", self.end.name.removeprefix("SIG")] if shutil.which("setpriv") else []


def environment_without(folder: Path, *names: str) -> dict[str, str]:
    """Return this process's environment for a server at home in ``folder``, without these variables."""
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
