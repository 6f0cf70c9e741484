"""A zip archive of WSDLs and schemas, read in memory, within bounds, and never written anywhere."""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
import zlib
from urllib.parse import unquote, urlsplit

_FILES = 2000
_BYTES = 64 * 1024 * 1024
_CHUNK = 1024 * 1024
_BROKEN = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,  # a password is needed
    ValueError,
)


class ArchiveFault(Exception):
    """Why an archive cannot be looked at; ``code`` is that of the finding."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Archive:
    """
    The files of an archive by name. Raises ArchiveFault, also when read.

    All that is read of one archive is counted: it is refused where it unpacks to too much, whatever its index says.
    """

    def __init__(self, text: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(text))
            files = [info for info in self._zip.infolist() if not info.is_dir()]
        except _BROKEN as error:
            raise _unreadable(error) from error
        if len(files) > _FILES:
            raise ArchiveFault("too-large", f"archives of more than {_FILES:,} files are not looked at")
        for info in files:
            if _leads_out(info.filename):
                raise ArchiveFault("unsafe-archive", f"the archive has a file that leads out of it: {info.filename!r}")
        self._files = {info.filename: info for info in files}
        self._left = _BYTES

    @property
    def names(self) -> list[str]:
        """The names of all files, in the order of the alphabet."""
        return sorted(self._files)

    def beside(self, file: str, location: str) -> str | None:
        """The file that a location in another file leads to, None where it leads to none of this archive."""
        try:
            parts = urlsplit(location)
        except ValueError:
            return None
        if parts.scheme or parts.netloc:
            return None
        for path in (parts.path, unquote(parts.path)):
            found = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
            if found in self._files:
                return found
        return None

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        pieces = []
        try:
            with self._zip.open(self._files[name]) as file:
                while piece := file.read(min(_CHUNK, self._left + 1)):
                    self._left -= len(piece)
                    if self._left < 0:
                        break
                    pieces.append(piece)
        except _BROKEN as error:
            raise _unreadable(error) from error
        if self._left < 0:
            raise ArchiveFault("too-large", f"archives that unpack to more than {_BYTES:,} bytes are not looked at")
        return b"".join(pieces)


def _unreadable(error: Exception) -> ArchiveFault:
    return ArchiveFault("unreadable-archive", f"the archive cannot be read: {error or type(error).__name__}")


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return not parts[0] or parts[0].endswith(":") or ".." in parts
