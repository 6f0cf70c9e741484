"""What becomes of keys of ``deployment.toml`` from release to release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.release import Release

_FILE = "configuration_changes.toml"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key that a release does not read any more; ``to`` is its new name, empty where there is none."""

    since: Release
    key: str
    to: str
    advice: str


@dataclass(frozen=True, slots=True)
class DefaultChange:
    """A default that a release changed; ``keep`` is the value, as TOML, that keeps the old behaviour."""

    since: Release
    key: str
    keep: str
    what: str


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that a release does not know any more: text that it contains, in any case."""

    since: Release
    key: str
    contains: str
    advice: str


@cache
def key_changes() -> tuple[KeyChange, ...]:
    """Return every key that went or was renamed."""
    return tuple(_key_changes())


def _key_changes() -> Iterator[KeyChange]:
    for entry in _entries("gone"):
        for key in entry["keys"]:
            yield KeyChange(Release.parse(entry["since"]), key, "", entry["advice"])
    for entry in _entries("renamed"):
        yield KeyChange(Release.parse(entry["since"]), entry["from"], entry["to"], f"Write it as {entry['to']}.")


@cache
def default_changes() -> tuple[DefaultChange, ...]:
    """Return every default whose change is felt."""
    return tuple(
        DefaultChange(Release.parse(entry["since"]), entry["key"], entry["keep"], entry["what"])
        for entry in _entries("default")
    )


@cache
def value_changes() -> tuple[ValueChange, ...]:
    """Return every value that is not known any more."""
    return tuple(
        ValueChange(Release.parse(entry["since"]), entry["key"], entry["contains"], entry["advice"])
        for entry in _entries("value")
    )


def _entries(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = read_toml(_FILE)[name]
    return entries
