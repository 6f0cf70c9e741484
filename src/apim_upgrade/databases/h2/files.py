"""An H2 database file, read and never written."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.h2.jar import find_jar, pack_of
from apim_upgrade.databases.h2.java import find_java
from apim_upgrade.errors import EnvironmentProblem

_SETTINGS = ";IFEXISTS=TRUE;ACCESS_MODE_DATA=r;TRACE_LEVEL_FILE=0;LAZY_QUERY_EXECUTION=1"
"""Nothing is made, written or logged, and answers are not gathered in memory. The operator's own are for a server."""
_SUFFIX = ".mv.db"
_OLD_SUFFIX = ".h2.db"
_IN_USE, _OTHER_FORMAT, _WRONG_LOGIN = {90020}, {90030, 90048, 50000, 90028}, {28000, 8004}


class H2Database:
    """One database file, by the estate's name for it; ``address.database`` is its path without ``.mv.db``."""

    kind = "h2"

    def __init__(self, name: str, address: Address) -> None:
        self.name = name
        self.address = address

    @contextmanager
    def read(self) -> Iterator[H2Session]:
        """
        Open the file read only, as it was when its server stopped.

        Raises EnvironmentProblem when it cannot be: it is absent or in use, the login is wrong, the jar is of another
        format, or Java, H2 or the extra ``h2`` is missing.
        """
        if importlib.util.find_spec("jpype") is None:
            raise EnvironmentProblem(
                "Reading H2 files needs a part that is not installed.", hint="pip install 'apim-upgrade[h2]'"
            )
        path = Path(self.address.database)
        self._refuse_absent(path)
        named = dict(self.address.options).get("jar")
        jar = find_jar(Path(named) if named else None, pack_of(path))
        java = find_java()
        with tempfile.TemporaryFile() as complaints, _process(complaints) as channel:
            session = H2Session(self, channel, jar)
            session.version = session._ask(
                "open", str(java), str(jar), f"jdbc:h2:{path}{_SETTINGS}", self.address.username, self.address.password
            )
            yield session

    def size(self) -> int:
        """Return how many bytes the file has. Raises EnvironmentProblem when it is absent."""
        path = Path(self.address.database)
        self._refuse_absent(path)
        return path.with_name(path.name + _SUFFIX).stat().st_size

    def _refuse_absent(self, path: Path) -> None:
        if path.with_name(path.name + _SUFFIX).is_file():
            return
        if path.with_name(path.name + _OLD_SUFFIX).is_file():
            raise EnvironmentProblem(
                f"{path}{_OLD_SUFFIX} has the file format of H2 1.3, which this tool does not read.",
                hint="Only packs older than 3.0.0 wrote it; let H2's own Script tool export it first.",
            )
        raise EnvironmentProblem(
            f"There is no H2 file {path}{_SUFFIX}.", hint=f"Correct the URL of [database.{self.name}] in upgrade.toml."
        )


class H2Session:
    """An open file."""

    def __init__(self, database: H2Database, channel: Connection, jar: Path) -> None:
        self._database = database
        self._channel = channel
        self._jar = jar
        self.version = ""
        """The version of H2 that reads it."""

    def facts(self, what: str, *arguments: object) -> list[dict[str, Any]]:
        """Return what a method of java.sql.DatabaseMetaData such as ``getColumns`` answers, a dictionary a row."""
        found: list[dict[str, Any]] = self._ask("facts", what, *arguments)
        return found

    def stream(self, query: str) -> Iterator[tuple[Any, ...]]:
        """Run a query of any size; yield plain Python values row by row. One query at a time: read it to its end."""
        self._send("rows", query)
        while True:
            state, value = self._receive()
            if state == "end":
                return
            yield from value

    def _ask(self, *request: object) -> Any:
        self._send(*request)
        return self._receive()[1]

    def _send(self, *request: object) -> None:
        try:
            self._channel.send(request)
        except OSError:
            raise self._gone() from None

    def _receive(self) -> tuple[str, Any]:
        try:
            state, value = self._channel.recv()
        except (EOFError, OSError):
            raise self._gone() from None
        if state == "error":
            raise self._problem(*value)
        return state, value

    def _gone(self) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"Java ended while it read {self._database.address}.",
            hint="Give the machine memory, or name another Java runtime with JAVA_HOME.",
        )

    def _problem(self, code: int, text: str) -> EnvironmentProblem:
        file = f"{self._database.address.database}{_SUFFIX}"
        if code in _IN_USE:
            return EnvironmentProblem(
                f"{file} is in use: its server runs, or did not stop cleanly.",
                hint=f"Stop the server; if none runs, remove {self._database.address.database}.lock.db.",
            )
        if code in _OTHER_FORMAT:
            return EnvironmentProblem(
                f"{file} is of another format than {self._jar.name} reads, or is damaged.",
                hint="Give the H2 jar of the pack that wrote it, with --h2-jar or as h2_jar in upgrade.toml.",
            )
        if code in _WRONG_LOGIN:
            return EnvironmentProblem(
                f"The user or the password of {file} is wrong.",
                hint=f"Packs ship with wso2carbon for both; correct [database.{self._database.name}].",
            )
        return EnvironmentProblem(f"{file} cannot be read: {text or f'H2 answered error {code}'}.")


@contextmanager
def _process(complaints: IO[bytes]) -> Iterator[Connection]:
    """Start the process that runs Java; it ends with the block, and with this process."""
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(
            [sys.executable, "-m", "apim_upgrade.databases.h2.process", str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=complaints,
            stderr=complaints,
            start_new_session=True,  # Ctrl-C is for the tool, which then ends it
        )
    channel = Connection(ours.detach())
    try:
        yield channel
    finally:
        channel.close()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
