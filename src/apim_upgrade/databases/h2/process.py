"""
The process in which Java runs: one a database file, spoken to over a socket.

A Java virtual machine cannot be started twice in one process, holds one release of H2 only, and does not survive a
fork. So it never runs in the tool's own process. Started as ``python -m apim_upgrade.databases.h2.process FD``; ends
when the other side of the socket does. Its answers are ``("ok", value)``, ``("rows", list)`` … ``("end", None)``, or
``("error", (code, text))``; code 0 is no error of H2's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any

_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED")
_BATCH_ROWS = 1000
_BATCH_BYTES = 4 * 1024 * 1024
_BINARY = {-2, -3, -4, 2004}
_TEXT = {-16, -15, -9, -1, 1, 12, 2005, 2011}
_WHOLE = {-7, -6, -5, 4, 5}
_EXACT = {2, 3}
_INEXACT = {6, 7, 8}
_BOOLEAN = 16
_DATE, _TIME, _STAMP = 91, 92, 93
"""Numbers of java.sql.Types."""


class _Unreadable(Exception):
    """A column of a type that is not read."""


def serve(channel: Connection) -> None:
    """Answer requests, each a tuple of a name and its arguments, until the other side ends."""
    served = _Server()
    while True:
        try:
            name, *arguments = channel.recv()
        except EOFError:
            return
        try:
            if name == "rows":
                for batch in served.rows(*arguments):
                    channel.send(("rows", batch))
                channel.send(("end", None))
            else:
                channel.send(("ok", getattr(served, name)(*arguments)))
        except _Unreadable as error:
            channel.send(("error", (0, str(error))))
        except Exception as error:
            channel.send(("error", _told(error)))


def _told(error: Exception) -> tuple[int, str]:
    """The number and text of an error; the text only where H2 gives none of its own, because it may quote values."""
    code = getattr(error, "getErrorCode", None)
    return (int(code()), "") if code is not None else (0, f"{type(error).__name__}: {str(error)[:300]}")


class _Server:
    """The requests."""

    def open(self, library: str, jar: str, url: str, username: str, password: str) -> str:
        """Start Java and open the database; return the version of H2."""
        import jpype

        jpype.startJVM(
            library,
            *_OPTIONS,
            classpath=[jar],
            convertStrings=True,
            ignoreUnrecognized=True,  # what one release of Java needs, another does not know
        )
        login = jpype.JClass("java.util.Properties")()
        login.setProperty("user", username)
        login.setProperty("password", password)
        self._connection: Any = jpype.JClass("org.h2.Driver")().connect(url, login)
        return str(self._connection.getMetaData().getDatabaseProductVersion()).split()[0]

    def facts(self, what: str, *arguments: Any) -> list[dict[str, Any]]:
        """Return the answer of one method of java.sql.DatabaseMetaData, such as ``getColumns``, a dictionary a row."""
        answer = getattr(self._connection.getMetaData(), what)(*arguments)
        about = answer.getMetaData()
        names = [str(about.getColumnLabel(number)) for number in range(1, about.getColumnCount() + 1)]
        rows = []
        while answer.next():
            values = [answer.getString(number) for number in range(1, len(names) + 1)]
            rows.append({name: None if text is None else str(text) for name, text in zip(names, values, strict=True)})
        answer.close()
        return rows

    def rows(self, query: str) -> Iterator[list[tuple[Any, ...]]]:
        """Run a query; yield its rows in batches that memory can hold."""
        statement = self._connection.createStatement()
        try:
            answer = statement.executeQuery(query)
            about = answer.getMetaData()
            readers = [
                _reader(answer, number, int(about.getColumnType(number)), str(about.getColumnLabel(number)))
                for number in range(1, about.getColumnCount() + 1)
            ]
            batch: list[tuple[Any, ...]] = []
            size = 0
            while answer.next():
                row = tuple(read() for read in readers)
                batch.append(row)
                size += sum(len(value) for value in row if isinstance(value, (str, bytes)))
                if len(batch) >= _BATCH_ROWS or size >= _BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch
        finally:
            statement.close()


def _reader(answer: Any, number: int, kind: int, name: str) -> Callable[[], Any]:
    """Return a function that reads one column of the present row as a plain Python value."""

    def by_text(make: Callable[[str], Any]) -> Callable[[], Any]:
        def read() -> Any:
            text = answer.getString(number)
            return None if text is None else make(str(text))

        return read

    def by_object(make: Callable[[Any], Any]) -> Callable[[], Any]:
        def read() -> Any:
            value = answer.getObject(number)
            return None if value is None else make(value)

        return read

    def binary() -> Any:
        value = answer.getBytes(number)
        return None if value is None else bytes(value)

    if kind in _BINARY:
        return binary
    if kind in _TEXT:
        return by_text(str)
    if kind in _WHOLE:
        return by_object(int)
    if kind == _BOOLEAN:
        return by_object(bool)
    if kind == _STAMP:
        return by_text(datetime.fromisoformat)
    if kind == _DATE:
        return by_text(date.fromisoformat)
    if kind == _TIME:
        return by_text(time.fromisoformat)
    if kind in _EXACT:
        return by_text(Decimal)
    if kind in _INEXACT:
        return by_object(float)
    raise _Unreadable(f"column {name} is of a type that is not read ({kind})")


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
