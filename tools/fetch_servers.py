"""
Fetches what the tests run against and no Python package carries: Debian's packages, unpacked, not installed.

It needs ``apt-get`` and ``dpkg-deb`` and no root; apt's state is a private one, nothing on the system changes. What is
unpacked already stays. ``python tools/fetch_servers.py`` fetches all of :data:`WANTED` into ``.servers``.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".servers"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """Packages that are unpacked into one folder; ``any_of`` are names a library has in different releases."""

    packages: tuple[str, ...]
    any_of: tuple[str, ...] = ()
    installed: tuple[Path, ...] = ()
    """Files of an installed package that make fetching needless."""
    release: str = ""
    """An older release of Debian that has them; a machine that cannot reach it does without."""


WANTED = {
    "mariadb": Unpacked(
        ("mariadb-server-core", "mariadb-client-core", "mariadb-client", "mariadb-common"),
        ("libaio1", "libaio1t64", "libnuma1", "liburing2"),
        (Path("/usr/sbin/mariadbd"),),
    ),
    "h2": Unpacked(("libh2-java",), installed=(Path("/usr/share/java/h2.jar"),)),
    "h2-1.4": Unpacked(("libh2-java",), release="bullseye"),
}
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MIRROR = re.compile(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(\S+/debian)/?(?:\s|$)", re.MULTILINE)


class CannotFetch(Exception):
    """Why the packages cannot be had, in one sentence."""


def fetch(name: str) -> Path:
    """
    Return the folder with the unpacked packages of ``name``, fetching them if need be; ``/`` where they are installed.

    Raises CannotFetch. Two processes may ask at once.
    """
    wanted = WANTED[name]
    if wanted.installed and all(path.exists() for path in wanted.installed):
        return Path("/")
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = FOLDER / name
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER) as work:
                _unpack(wanted, Path(work)).rename(folder)
    return folder


def _unpack(wanted: Unpacked, work: Path) -> Path:
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise CannotFetch(f"{program} is needed to fetch {wanted.packages[0]}; install that package instead.")
    options = _private_state(work) + (_older(work, wanted.release) if wanted.release else [])
    _run(["apt-get", *options, "update"], work, may_fail=True)  # one source of several may be out of reach
    known = [name for name in wanted.any_of if _run(["apt-cache", *options, "show", name], work, may_fail=True)]
    _run(["apt-get", *options, "download", *wanted.packages, *known], work)
    root = work / "root"
    for file in sorted(work.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(file), str(root)], work)
    return root


def _private_state(work: Path) -> list[str]:
    for part in ("lists/partial", "cache/archives/partial"):
        (work / part).mkdir(parents=True)
    settings = {
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work / "cache",
        "Acquire::Languages": "none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        "APT::Sandbox::User": "root",
    }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def _older(work: Path, release: str) -> list[str]:
    """Read another release from the mirror that the system has."""
    lists = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    found = [match for path in lists if path.is_file() for match in _MIRROR.findall(path.read_text())]
    if not found:
        raise CannotFetch(f"No mirror of Debian is known that could have {release}.")
    (work / "sources.list").write_text(f"deb [signed-by={_KEYS}] {found[0]} {release} main\n")
    return ["-o", f"Dir::Etc::SourceList={work / 'sources.list'}", "-o", "Dir::Etc::SourceParts=-"]


def _run(command: Sequence[str], work: Path, *, may_fail: bool = False) -> bool:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=600)
    if done.returncode != 0 and not may_fail:
        said = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg-deb: error"))]
        raise CannotFetch(f"{' '.join(command[:1])} failed: {'; '.join(said) or 'no reason given'}")
    return done.returncode == 0


def main() -> int:
    """Fetch everything; return 1 when apt is there and cannot, so that no test is left out unseen."""
    for name, wanted in WANTED.items():
        try:
            fetch(name)
        except CannotFetch as problem:
            print(f"{name}: {problem} Without it the tests that need it are skipped.", file=sys.stderr)
            if shutil.which("apt-get") and not wanted.release:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
