"""Finds H2 itself: the jar of the pack, because only the release that wrote a file reads it for certain."""

from __future__ import annotations

import zipfile
from pathlib import Path

from apim_upgrade.errors import EnvironmentProblem

_DRIVER = "org/h2/Driver.class"
_FOLDERS = ("repository/components/plugins", "wso2/components/plugins", "wso2/lib", "repository/components/lib", "lib")
_HINT = "Give the pack's own jar (repository/components/plugins/*h2*.jar) with --h2-jar or as h2_jar in upgrade.toml."


def find_jar(named: Path | None, home: Path | None) -> Path:
    """
    Return H2's jar: the one that was named, or that of the product's pack at ``home``.

    Raises EnvironmentProblem when there is none, or when what was named is no jar of H2.
    """
    if named is not None:
        if not _is_h2(named):
            raise EnvironmentProblem(f"{named} is no jar of H2.", hint=_HINT)
        return named
    if home is not None:
        for folder in _FOLDERS:
            for jar in sorted((home / folder).glob("*h2*.jar")):
                if _is_h2(jar):
                    return jar
        raise EnvironmentProblem(f"There is no jar of H2 in the pack {home}.", hint=_HINT)
    raise EnvironmentProblem("Reading H2 files needs the jar of the H2 that wrote them.", hint=_HINT)


def pack_of(database: Path) -> Path | None:
    """Return the home of the pack in whose ``repository/database`` a database file lies, if it does."""
    folder = database.parent
    inside = folder.name == "database" and folder.parent.name == "repository"
    return folder.parents[1] if inside else None


def _is_h2(jar: Path) -> bool:
    try:
        with zipfile.ZipFile(jar) as packed:
            packed.getinfo(_DRIVER)
    except (OSError, zipfile.BadZipFile, KeyError):
        return False
    return True
