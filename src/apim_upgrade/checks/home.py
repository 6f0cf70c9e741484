"""
Files of the old server's home, read safely: nothing outside the folder, nothing large, no entities.

A home may be a copy that somebody sent; links in it are not followed out of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from lxml import etree

from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID
from apim_upgrade.registry import xml_parser

_TEXT_LIMIT = 4 * 1024 * 1024
_FILES_LIMIT = 1_000_000
"""More files than that below one folder are no home's; a gateway of 3.x keeps several for each API."""
_TENANTS = "repository/tenants"


@dataclass(frozen=True, slots=True)
class Home:
    """A server's home folder."""

    folder: Path

    def has(self, path: str) -> bool:
        """Say whether there is such a file or folder inside the home."""
        return self._inside(self.folder / path) is not None

    def files(self, below: str, pattern: str = "*", *, deep: bool = True) -> Iterator[Path]:
        """
        Every file below a folder whose name fits a pattern, in order of path; without links that lead outside.

        Raises ProjectError where a folder cannot be read or holds far too many files.
        """
        start = self._inside(self.folder / below)
        if start is None or not start.is_dir():
            return
        waiting, number = [start], 0
        while waiting:
            for entry in _entries(waiting.pop()):
                number += 1
                if number > _FILES_LIMIT:
                    raise ProjectError(
                        f"{start} holds more than {_FILES_LIMIT:,} files.", hint="Is it a server's home?"
                    )
                if entry.is_symlink() and self._inside(entry) is None:
                    continue
                if entry.is_dir():
                    if deep and not entry.is_symlink():
                        waiting.append(entry)
                elif entry.is_file() and fnmatchcase(entry.name, pattern):
                    yield entry

    def read(self, file: Path) -> bytes:
        """The content of a file as far as the limit of text files; empty when it is larger or cannot be read."""
        try:
            with file.open("rb") as opened:
                content = opened.read(_TEXT_LIMIT + 1)
        except OSError:
            return b""
        return content if len(content) <= _TEXT_LIMIT else b""

    def xml(self, file: Path) -> etree._Element | None:
        """The root of an XML file; None when it is none."""
        try:
            return etree.fromstring(self.read(file), xml_parser())
        except (etree.XMLSyntaxError, ValueError):
            return None

    def user_stores(self) -> Iterator[tuple[int, Path]]:
        """Every file of a secondary user store, with its tenant's id."""
        for file in self.files("repository/deployment/server/userstores", "*.xml", deep=False):
            yield SUPER_TENANT_ID, file
        tenants = self._inside(self.folder / _TENANTS)
        for tenant in _entries(tenants) if tenants is not None and tenants.is_dir() else ():
            if tenant.name.isdecimal():
                for file in self.files(f"{_TENANTS}/{tenant.name}/userstores", "*.xml", deep=False):
                    yield int(tenant.name), file

    def name(self, file: Path) -> str:
        """The path of a file from the home on, as it is told."""
        return file.relative_to(self.folder).as_posix()

    def _inside(self, path: Path) -> Path | None:
        """The path, when it exists and lies in the home once links are followed."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return None
        return path if real.is_relative_to(self.folder.resolve()) else None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise ProjectError(f"The folder {folder} cannot be read: {error.strerror}.") from None
