"""What mediation sequences and operation policies may name; see ``data/mediation.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.release import Release


@dataclass(frozen=True, slots=True)
class Allowed:
    """What gateways accept from ``since`` on; ``mediators`` in lower case, ``script_classes`` beginnings of names."""

    since: Release
    mediators: frozenset[str]
    script_classes: tuple[str, ...]


@cache
def allowed_mediation() -> Allowed:
    """Return what is allowed."""
    data = read_toml("mediation.toml")["allowed"]
    return Allowed(Release.parse(data["since"]), frozenset(data["mediators"]), tuple(data["script_classes"]))
