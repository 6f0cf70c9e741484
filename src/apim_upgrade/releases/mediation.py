"""What mediation sequences and operation policies may name; see ``data/mediation.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases.release import Release


@dataclass(frozen=True, slots=True)
class GoneClass:
    """A class, or with a dot at its end a package, that a release no longer has."""

    name: str
    since: Release
    moved_to: str = ""

    def covers(self, name: str) -> bool:
        """Say whether a class is meant."""
        return name.startswith(self.name) if self.name.endswith(".") else name == self.name


@dataclass(frozen=True, slots=True)
class Allowed:
    """What gateways accept from ``since`` on; ``mediators`` in lower case, ``script_classes`` beginnings of names."""

    since: Release
    mediators: frozenset[str]
    script_classes: tuple[str, ...]


@cache
def gone_classes() -> tuple[GoneClass, ...]:
    """Return what is gone."""
    return tuple(
        GoneClass(entry["class"], Release.parse(entry["since"]), entry.get("moved_to", "")) for entry in _data()["gone"]
    )


@cache
def allowed_mediation() -> Allowed:
    """Return what is allowed."""
    data = _data()["allowed"]
    return Allowed(Release.parse(data["since"]), frozenset(data["mediators"]), tuple(data["script_classes"]))


@cache
def _data() -> Mapping[str, Any]:
    text = files(__package__).joinpath("data", "mediation.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
