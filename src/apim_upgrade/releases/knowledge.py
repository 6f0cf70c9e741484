"""What the tool knows about releases besides their schema, read once from the files in ``data``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.release import Release


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """
    What is known of one release; None and empty mean *not known*, never *none*.

    Texts are as the vendor's pages have them, with a remark in brackets where a value was inferred.
    """

    version: str
    released: date | None = None
    carbon_apimgt: str | None = None
    carbon_kernel: str | None = None
    identity_framework: str | None = None
    identity_level: str | None = None
    h2: str | None = None
    """The embedded database's engine; files of 1.x cannot be read by 2.x."""
    jdk_accepted: tuple[str, ...] = ()
    """What the start script lets pass."""
    jdk_tested: tuple[str, ...] = ()
    dbms_tested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    os_tested: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    start_script: str | None = None
    sources: tuple[str, ...] = ()
    """The releases that the vendor's upgrade guide of this release starts from."""
    key_managers: tuple[str, ...] = ()
    configuration: str | None = None
    rest_api: Mapping[str, str] = field(default_factory=dict)

    @property
    def release(self) -> Release:
        """The release that these are the facts of."""
        return Release.parse(self.version)


@cache
def release_facts() -> Mapping[Release, ReleaseFacts]:
    """Return the facts of every release that can be upgraded from or to, oldest first."""
    facts = [ReleaseFacts(**_tuples(entry)) for entry in read_toml("releases.toml")["release"]]
    return {fact.release: fact for fact in sorted(facts, key=lambda fact: fact.release)}


def known_releases() -> tuple[Release, ...]:
    """Return every release that can be upgraded from or to, oldest first; any may go to any later one."""
    return tuple(release_facts())


def sources() -> tuple[Release, ...]:
    """Return every release that can be upgraded from."""
    return known_releases()[:-1]


def targets(source: Release) -> tuple[Release, ...]:
    """Return every release that ``source`` can be upgraded to."""
    return tuple(release for release in known_releases() if release > source)


def hops(source: Release, target: Release) -> tuple[tuple[Release, Release], ...]:
    """Return the pairs of neighbours that lie between two releases."""
    return tuple(pairwise(release for release in known_releases() if source <= release <= target))


@dataclass(frozen=True, slots=True)
class Rename:
    """A column that a release renamed and that keeps its values; names in upper case."""

    release: Release
    table: str
    before: str
    after: str


@cache
def renames() -> tuple[Rename, ...]:
    """Return every rename, oldest first."""
    return tuple(
        sorted(
            (
                Rename(Release.parse(entry["release"]), entry["table"], entry["before"], entry["after"])
                for entry in read_toml("renames.toml")["rename"]
            ),
            key=lambda rename: rename.release,
        )
    )


@dataclass(frozen=True, slots=True)
class Remedy:
    """What becomes of rows that a coming constraint refuses."""

    remedy: str
    """``repair``, ``quarantine`` or ``stop``."""
    advice: str
    keep: str = ""
    """The column whose lowest value says which of several equal rows stays."""


def remedy_for(table: str, about: str) -> Remedy:
    """Return the remedy for rows of ``table`` that are against a constraint of a kind (``key``, ``foreign key`` …)."""
    for entry in read_toml("remedies.toml")["remedy"]:
        if entry["table"].lower() == table.lower() and entry["about"] == about:
            return Remedy(entry["remedy"], entry["advice"], entry.get("keep", ""))
    if about == "foreign key":
        return Remedy("quarantine", "They refer to rows that do not exist and are moved aside.")
    return Remedy("stop", "Mend them in the old release.")


def function_body(kind: str, name: str) -> str:
    """Return the body of a stored function of the stock schema. Raises KnowledgeError when it is not known."""
    try:
        body: str = read_toml("functions.toml")[kind][name.lower()]["body"]
    except KeyError:
        raise KnowledgeError(f"The body of function {name} on {kind} is not known.") from None
    return body


def trigger_body(kind: str, name: str) -> str:
    """Return what a trigger of the stock schema does, as it is created. Raises KnowledgeError when it is not known."""
    try:
        body: str = read_toml("triggers.toml")[kind][name.lower()]["body"]
    except KeyError:
        raise KnowledgeError(f"The body of trigger {name} on {kind} is not known.") from None
    return body.strip()


@cache
def read_toml(name: str) -> dict[str, Any]:
    """Return a data file of this package."""
    return tomllib.loads(files(__package__).joinpath("data", name).read_text(encoding="utf-8"))


def _tuples(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else _tuples(value) if isinstance(value, dict) else value
        for name, value in entry.items()
    }
