"""What is known of the files that servers put into every tenant's registry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.release import Release

_FILE = "registry_files.toml"


@dataclass(frozen=True, slots=True)
class TypeField:
    """A field that the type definition of API artifacts declares since a release; ``type`` is text or text-area."""

    since: Release
    table: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class StockFile:
    """A file as servers write it since a release; ``sha256`` are the first 32 hex digits, line ends being LF."""

    since: Release
    sha256: str


@cache
def type_fields() -> tuple[TypeField, ...]:
    """Return the fields that releases after 3.2.0 added to ``api.rxt``, oldest first."""
    return tuple(
        TypeField(Release.parse(entry["since"]), entry["table"], entry["type"], entry["name"])
        for entry in read_toml(_FILE)["field"]
    )


@cache
def stock_workflow_extensions() -> tuple[StockFile, ...]:
    """Return every form in which servers write ``workflow-extensions.xml``, oldest first."""
    return tuple(
        StockFile(Release.parse(entry["since"]), entry["sha256"]) for entry in read_toml(_FILE)["workflow_extensions"]
    )


@cache
def workflows() -> dict[str, Release]:
    """Return the elements of ``workflow-extensions.xml`` by name, with the release whose file has them first."""
    return {name: Release.parse(entry["since"]) for entry in read_toml(_FILE)["workflows"] for name in entry["names"]}
