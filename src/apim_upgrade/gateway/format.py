"""The form of the artifact by release: which members and features it has, from ``releases/data/gateway``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases import Release


@dataclass(frozen=True, slots=True)
class Format:
    """The form that a server of one release writes."""

    version: str
    """The ``version`` of every file's envelope, such as ``v4.4.0``."""
    later: Mapping[str, frozenset[str]]
    """Members that this release does not have yet, by kind: ``api``, ``product``, ``operation``."""
    features: Mapping[str, bool]
    """Whether this release has a feature, for every feature that is known."""
    cors: Mapping[str, Any]
    websub: Mapping[str, Any]

    def has(self, feature: str) -> bool:
        """Say whether the release has a feature, by its name in ``formats.toml``."""
        return self.features[feature]

    def only(self, kind: str, members: dict[str, Any]) -> dict[str, Any]:
        """Return the members that the release knows of; a value of None is not written."""
        later = self.later[kind]
        return {name: value for name, value in members.items() if value is not None and name not in later}


@cache
def format_of(release: Release) -> Format:
    """Return the form that a server of ``release`` writes."""
    known = tomllib.loads(files("apim_upgrade.releases").joinpath("data/gateway/formats.toml").read_text("utf-8"))
    defaults, features = known.pop("defaults"), known.pop("feature")
    later = {
        kind: frozenset(name for name, since in members.items() if Release.parse(since) > release)
        for kind, members in known.items()
    }
    has = {name: Release.parse(since) <= release for name, since in features.items()}
    return Format(f"v{release}", later, has, defaults["cors"], defaults["websub"])
