"""
Restores the dumps that mysqldump and mariadb-dump write into a MariaDB of our own.

They are text, and a row is on one line: lines of rows pass unchanged. What a dump says about another database of its
own, or about replication, is left out; collations that only MySQL 8 has become the nearest that MariaDB has.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pymysql

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.dump_forms import Form, cut_off, lines_of
from apim_upgrade.databases.mysql.embedded import EmbeddedMariaDB
from apim_upgrade.databases.mysql.problems import DISK_FULL
from apim_upgrade.databases.piping import feed
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem, ProjectError

_COMPLETE = b"-- Dump completed"
_CHARSET = re.compile(rb"^\) ENGINE=.* DEFAULT CHARSET=(\w+)(?: COLLATE=(\w+))?")
_MYSQL_8 = re.compile(rb"\butf8mb4_0900_(?:ai_ci|as_ci)\b")
_NEAREST = b"utf8mb4_unicode_ci"
_MYSQL_8_BINARY, _BINARY = b"utf8mb4_0900_bin", b"utf8mb4_bin"
_OTHER_DATABASE = re.compile(rb"(?:/\*!\d+ )?(?:CREATE DATABASE|DROP DATABASE|USE) ", re.I)
_REPLICATION = (b"SET @@GLOBAL.GTID_PURGED", b"SET @@SESSION.SQL_LOG_BIN", b"SET @@GLOBAL.gtid_slave_pos")
_ERROR = re.compile(r"ERROR \d+ \(\w+\) at line \d+: (.*)")


def restore_mysql(dump: Path, form: Form, server: EmbeddedMariaDB, name: str, say: Say) -> Address:
    """
    Restore a dump into the new database ``name`` of an embedded server, with the character set of its tables.

    Raises ProjectError when the dump is cut off or the server refuses it, EnvironmentProblem when the disk is full or
    the client program is missing.
    """
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{name}`")
        lines = _Lines(dump, form, name, cursor, say)
        with tempfile.TemporaryFile() as complaints:
            process = _client(server, name, complaints)
            try:
                if feed(process, lines) != 0 and (lines.complete or not lines.ended):
                    raise _refused(dump, complaints)
            finally:
                if process.poll() is None:
                    process.kill()
                process.communicate()
    if not lines.complete:
        raise cut_off(dump)
    return server.address(name)


class _Lines:
    """The lines of a dump as the client is to get them."""

    def __init__(self, dump: Path, form: Form, name: str, cursor: pymysql.cursors.Cursor, say: Say) -> None:
        self._dump, self._form, self._name, self._cursor, self._say = dump, form, name, cursor, say
        self.complete = self.ended = False

    def __iter__(self) -> Iterator[bytes]:
        leaving_out = known = False
        last: deque[bytes] = deque(maxlen=5)
        for line in lines_of(self._dump, packed=self._form.packed, say=self._say):
            last.append(line[:200])
            if line.startswith(b"INSERT "):
                yield line
                continue
            leaving_out = leaving_out or line.startswith(_REPLICATION)
            if leaving_out:
                leaving_out = not line.rstrip().endswith(b";")
                continue
            if _OTHER_DATABASE.match(line):
                continue
            fitting = _MYSQL_8.sub(_NEAREST, line).replace(_MYSQL_8_BINARY, _BINARY)
            if not known and (charset := _CHARSET.match(fitting)):
                known = True
                self._default(charset[1].decode(), charset[2].decode() if charset[2] else None)
            yield fitting
        self.complete = any(_COMPLETE in line for line in last)
        self.ended = True

    def _default(self, charset: str, collation: str | None) -> None:
        """Tables that the upgrade adds are to have the character set of those that are there."""
        collate = f" COLLATE {collation}" if collation else ""
        self._cursor.execute(f"ALTER DATABASE `{self._name}` CHARACTER SET {charset}{collate}")


def _client(server: EmbeddedMariaDB, name: str, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
    # In binary mode no text of a row can be taken for a command of the client.
    options = ["--no-defaults", f"--socket={server.socket}", "--user=root", "--binary-mode", "--max-allowed-packet=1G"]
    try:
        return subprocess.Popen(
            [server.program("mariadb"), *options, name],
            env=server.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
    except OSError:
        raise EnvironmentProblem(
            "The client program mariadb was not found beside MariaDB's server.", hint="Install mariadb-client-core."
        ) from None


def _refused(dump: Path, complaints: IO[bytes]) -> ApimUpgradeError:
    complaints.seek(0)
    text = complaints.read(100_000).decode(errors="replace")
    found = _ERROR.search(text)
    complaint = (found[1] if found else text.strip() or "no reason given")[:300].rstrip(".")
    if DISK_FULL.search(complaint):
        return EnvironmentProblem(
            f"The disk was full when {dump} was restored.", hint="Set run_folder in upgrade.toml to a larger disk."
        )
    return ProjectError(
        f"The dump {dump} cannot be restored: {complaint}.",
        hint="Make the dump anew with mysqldump of the whole database: schema and data.",
    )
