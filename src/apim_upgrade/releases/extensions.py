"""What jars and files of one's own meet in a release: classes that are gone, what Java reads, stock files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases.knowledge import read_toml, release_facts
from apim_upgrade.releases.release import Release

_FILE = "class_references.toml"


@dataclass(frozen=True, slots=True)
class Removal:
    """A class, package or beginning of names that is missing since a release; ``moved_to`` is where a class went."""

    since: Release
    why: str
    moved_to: str = ""


def removal_of(name: str) -> Removal | None:
    """Return what became of a class of the product's, by internal name (with slashes); None for one that is there."""
    return removed_classes().get(name) or removed_packages().get(name.rpartition("/")[0])


@cache
def removed_classes() -> Mapping[str, Removal]:
    """Return the product's classes that went after 3.2.0, by internal name."""
    return {
        name: Removal(
            Release.parse(entry[0]), f"It is {entry[1]} now." if len(entry) > 1 else "It is gone.", *entry[1:]
        )
        for name, entry in _document("removed_classes.json")["classes"].items()
    }


@cache
def removed_packages() -> Mapping[str, Removal]:
    """Return the product's packages that went as a whole after 3.2.0, by internal name."""
    return {
        name: Removal(Release.parse(release), "The whole package is gone.")
        for name, release in _document("removed_classes.json")["packages"].items()
    }


@cache
def missing_prefixes() -> Mapping[str, Removal]:
    """Return what Java and libraries do not have any more, by the beginning of internal names."""
    return {
        prefix: Removal(Release.parse(entry["since"]), entry["why"])
        for entry in read_toml(_FILE)["reference"]
        for prefix in entry["prefixes"]
    }


def newest_class_file(release: Release) -> int | None:
    """Return the version of class files that the newest Java which ``release`` runs on reads."""
    known = {int(java): version for java, version in read_toml(_FILE)["class_files"].items()}
    accepted = " ".join(release_facts()[release].jdk_accepted).replace("1.", "").split()
    numbers = [int(word) for word in accepted if word.isdigit()]
    return known.get(max(numbers)) if numbers else None


def exported_version(release: Release) -> tuple[int, ...]:
    """Return the version that ``release`` exports API-M's packages with: that of the component they are from."""
    return tuple(int(part) for part in (release_facts()[release].carbon_apimgt or "0").split(".")[:2])


@cache
def shipped_files() -> Mapping[str, frozenset[str]]:
    """Return the first 16 hex digits of SHA-256 of files that packs bring, by path: one for each form since 3.2.0."""
    return {path: frozenset(digests) for path, digests in _document("shipped_files.json").items()}


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__package__).joinpath("data", name).read_text(encoding="utf-8"))
    return document
