"""What every server writes by itself for a tenant: typed access to ``data/stock.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases import Release

_OLDEST = "3.2.0"


@dataclass(frozen=True, slots=True)
class Policy:
    """A throttling policy: ``quota`` requests or events per ``time`` (number, unit)."""

    name: str
    description: str
    quota: int
    type: str = "requestCount"
    time: tuple[int, str] = (1, "min")
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Right:
    """A right on a registry path or permission; roles of the user store stand plain, others with their domain."""

    path: str
    action: str
    allowed: tuple[str, ...]
    denied: tuple[str, ...]


@cache
def document(name: str = "stock") -> dict[str, Any]:
    """One of the data files of this room, as it is."""
    return tomllib.loads(files(__package__).joinpath("data", f"{name}.toml").read_text(encoding="utf-8"))


@cache
def policies(kind: str, release: Release) -> tuple[Policy, ...]:
    """The policies of a ``kind`` (``subscription``, ``application``, ``api``) that ``release`` writes."""
    return tuple(
        Policy(
            entry["name"],
            entry["description"],
            entry["quota"],
            entry.get("type", "requestCount"),
            tuple(entry.get("time", (1, "min"))),
            entry.get("connections", 0),
        )
        for entry in document()[f"{kind}_policies"]
        if Release.parse(entry.get("since", _OLDEST)) <= release
    )


def rest_api_scopes(release: Release) -> list[dict[str, str]]:
    """The list RESTAPIScopes.Scope of a tenant configuration."""
    return [
        {"Name": name, "Roles": roles}
        for since, scopes in document()["rest_api_scopes"].items()
        if Release.parse(since) <= release
        for name, roles in scopes
    ]


@cache
def rights() -> tuple[Right, ...]:
    """The rights that a tenant's first load leaves."""
    return tuple(
        Right(path, action, tuple(allowed), tuple(denied))
        for path, action, allowed, denied in document()["rights"]["rows"]
    )


@cache
def words() -> dict[str, list[str]]:
    """Names to make things up from."""
    named: dict[str, list[str]] = document("words")
    return named
