"""
A backup on the operator's disk: a folder with a dump of each database and ``manifest.json``, which says what is in it.

The folder bears ``.partial`` in its name until everything in it is dumped and, unless that was declined, proven. A
complete one is never changed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Address
from apim_upgrade.databases.content import TableContent
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.execution.folder import RunFolder

FORM = "apim-upgrade/backup/1"
MANIFEST = "manifest.json"
PARTIAL = ".partial"
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """One backup; ``document`` is its manifest."""

    path: Path
    document: dict[str, Any]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing in it."""
        return not self.path.name.endswith(PARTIAL)

    @property
    def proven(self) -> bool:
        """Whether every dump in it was restored and compared."""
        return all(piece["proof"] is not None for piece in self.pieces.values())

    @property
    def pieces(self) -> dict[str, dict[str, Any]]:
        """What is known of the dump of each database, by the estate's names."""
        pieces: dict[str, dict[str, Any]] = self.document["databases"]
        return pieces

    def dump(self, name: str) -> Path:
        """Where the dump of a database lies."""
        return self.path / name

    def is_of(self, addresses: Mapping[str, Address]) -> bool:
        """Whether these are the databases that it is a backup of."""
        return bool(self.document["of"] == {name: place(address) for name, address in addresses.items()})

    def content(self, name: str) -> dict[str, TableContent]:
        """What the dump of a database holds."""
        return {table: TableContent(**each) for table, each in self.pieces[name]["tables"].items()}

    def store(self) -> None:
        """Write the manifest. Raises EnvironmentProblem."""
        RunFolder(self.path).write_json(MANIFEST, self.document)

    def fingerprint(self) -> str:
        """The SHA-256 of the manifest, and so of everything in it."""
        return hashlib.sha256((self.path / MANIFEST).read_bytes()).hexdigest()

    def damage(self) -> Iterator[str]:
        """Read every file and yield a phrase for each that is not what it was when it was written."""
        for name, piece in self.pieces.items():
            found = {path.name for path in self.dump(name).glob("*")}
            for file, wanted in piece["files"].items():
                path = self.dump(name) / file
                if file not in found:
                    yield f"{path} is missing"
                elif checksum(path) != wanted:
                    yield f"{path} was changed"


def place(address: Address) -> str:
    """A database as a manifest names it: where it is, not who logs in."""
    return f"{address.kind}://{address.host}:{address.port}/{address.database}"


def checksum(path: Path) -> dict[str, Any]:
    """Size and SHA-256 of a file. Raises EnvironmentProblem when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
            return {"bytes": file.tell(), "sha256": digest.hexdigest()}
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be read: {error.strerror}.") from None


def new_backup(path: Path, addresses: Mapping[str, Address], *, tool: str, release: str, moment: str) -> BackupFolder:
    """A backup that holds nothing yet."""
    of = {name: place(address) for name, address in addresses.items()}
    return BackupFolder(
        path, {"schema": FORM, "tool": tool, "release": release, "moment": moment, "of": of, "databases": {}}
    )


def piece(
    folder: Path, *, server: str, program: str, size: int, tables: Mapping[str, TableContent], moment: str
) -> dict[str, Any]:
    """What a manifest says of one dump; reads every file of it."""
    return {
        "moment": moment,
        "server": server,
        "program": program,
        "bytes": size,
        "files": {path.name: checksum(path) for path in sorted(folder.iterdir())},
        "tables": {name: asdict(each) for name, each in tables.items()},
        "proof": None,
    }


def read_backup(path: Path) -> BackupFolder:
    """Read the backup in a folder. Raises EnvironmentProblem when there is none, or its manifest cannot be read."""
    document = RunFolder(path).read_json(MANIFEST, "schema")
    if document is None:
        raise EnvironmentProblem(
            f"There is no backup in {path}: it holds no {MANIFEST}.", hint="Name the folder that the manifest is in."
        )
    if document.get("schema") != FORM:
        raise EnvironmentProblem(f"{path / MANIFEST} is no manifest of a backup that this tool can read.")
    return BackupFolder(path, document)


def backups_in(folder: Path, addresses: Mapping[str, Address]) -> list[BackupFolder]:
    """The backups of these databases under a folder, the newest first; what cannot be read is somebody else's."""
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            backup = read_backup(path.parent)
        except EnvironmentProblem:
            continue
        if backup.is_of(addresses):
            found.append(backup)
    return found
