"""How dumps are written, told from their first bytes; the lines of those that are text."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import ProjectError

_FORMS = (
    "Give what pg_dump writes (plain SQL, custom, directory or tar), or mysqldump or mariadb-dump; SQL may be packed "
    "(.sql.gz)."
)
_HEAD = 2000
_SAY_EVERY = 10.0


class Form(StrEnum):
    """How a dump is written."""

    PLAIN = "plain SQL"
    PACKED = "packed plain SQL"
    ARCHIVE = "an archive"
    TAR = "a tar archive"
    DIRECTORY = "a directory"
    MYSQL = "SQL of MySQL"
    MYSQL_PACKED = "packed SQL of MySQL"

    @property
    def dbms(self) -> str:
        """Of which DBMS such a dump is."""
        return "mysql" if self in (Form.MYSQL, Form.MYSQL_PACKED) else "postgresql"

    @property
    def packed(self) -> bool:
        """Whether its lines are packed by gzip."""
        return self in (Form.PACKED, Form.MYSQL_PACKED)


def form_of(dump: Path) -> Form:
    """Tell from its first bytes how a dump is written. Raises ProjectError when it is none that can be restored."""
    try:
        if dump.is_dir():
            if (dump / "toc.dat").is_file():
                return Form.DIRECTORY
            raise ProjectError(f"The folder {dump} is no dump: it has no toc.dat.", hint=_FORMS)
        with dump.open("rb") as file:
            head = file.read(_HEAD)
        packed = head.startswith(b"\x1f\x8b")
        if packed:
            with gzip.open(dump) as unpacked:
                head = unpacked.read(_HEAD)
    except FileNotFoundError:
        raise ProjectError(f"There is no dump {dump}.", hint="Check the path given to --dump.") from None
    except OSError as error:
        raise ProjectError(f"The dump {dump} cannot be read: {error.strerror or error}.", hint=_FORMS) from None
    except (EOFError, zlib.error):
        raise cut_off(dump) from None
    if not head.strip():
        raise ProjectError(f"The dump {dump} is empty.", hint="Make it anew.")
    if b"PostgreSQL database cluster dump" in head:
        raise ProjectError(
            f"{dump} is a dump of a whole server, made by pg_dumpall.", hint="Dump each database with pg_dump."
        )
    if b"PostgreSQL database dump" in head:
        return Form.PACKED if packed else Form.PLAIN
    if b"MySQL dump" in head or b"MariaDB dump" in head:
        return Form.MYSQL_PACKED if packed else Form.MYSQL
    if packed:
        what = (
            "a packed archive: unpack it first"
            if head.startswith(b"PGDMP")
            else "no dump that pg_dump or mysqldump wrote"
        )
        raise ProjectError(f"{dump} is {what}.", hint=_FORMS)
    if head.startswith(b"PGDMP"):
        return Form.ARCHIVE
    if head[257:262] == b"ustar":
        return Form.TAR
    raise ProjectError(f"{dump} is no dump that pg_dump or mysqldump wrote.", hint=_FORMS)


def size_of(dump: Path) -> int:
    """Bytes of a dump on the disk."""
    return sum(each.stat().st_size for each in dump.iterdir()) if dump.is_dir() else dump.stat().st_size


def lines_of(dump: Path, *, packed: bool, say: Say) -> Iterator[bytes]:
    """Yield the lines of a dump; ``say`` is told how far it is. Raises ProjectError when it is damaged."""
    total, began = dump.stat().st_size, time.monotonic()
    said = began
    try:
        with dump.open("rb") as raw, gzip.open(raw) if packed else raw as lines:
            for number, line in enumerate(lines):
                yield line
                if number % 10_000 == 0 and (now := time.monotonic()) - said >= _SAY_EVERY:
                    said = now
                    megabytes = f"{raw.tell() / 1e6:,.0f} of {total / 1e6:,.0f} MB"
                    say(f"Restoring {dump}: {megabytes} after {now - began:,.0f} s")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise cut_off(dump) from None
    except OSError as error:
        raise ProjectError(f"The dump {dump} cannot be read: {error.strerror}.", hint="Copy it once more.") from None


def cut_off(dump: Path) -> ProjectError:
    """The error for a dump whose end is not there."""
    return ProjectError(
        f"The dump {dump} is damaged, or only a part of one: its end is missing.",
        hint="Copy it once more and compare the checksums, or make it anew.",
    )
