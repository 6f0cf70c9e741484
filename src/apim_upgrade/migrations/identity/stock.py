"""
What a server of each release writes for a tenant by itself: claims, OpenID Connect scopes, internal scopes.

The data files say where their rows were read; they hold rows of real servers, which equal the packs' own files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases import Release

LOCAL_DIALECT = "http://wso2.org/claims"
OIDC_DIALECT = "http://wso2.org/oidc/claim"
MAPPED_LOCAL_CLAIM = "MappedLocalClaim"
"""The property of an external claim that repeats its mapping; the product reads both."""
_CLAIM_RELEASES = ("4.0.0", "4.2.0")


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of one dialect: a local one has an attribute of the user store, any other maps to a local one."""

    dialect: str
    uri: str
    attribute: str | None
    local_claim: str | None
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OidcScope:
    """A scope of OpenID Connect and the claims that the release added to it; ``new`` if the whole scope is."""

    name: str
    display_name: str
    description: str
    claims: tuple[str, ...] = ()
    new: bool = False


@dataclass(frozen=True, slots=True)
class InternalScope:
    """A scope of the product's own REST APIs, bound to one permission; ``since`` is None for those of 3.2.0."""

    name: str
    display_name: str
    permission: str
    since: Release | None = field(default=None)


def claim_release(release: Release) -> str | None:
    """Return the newest release up to ``release`` that changed the stock claims, or None before the first known."""
    return max((known for known in _CLAIM_RELEASES if Release.parse(known) <= release), default=None)


@cache
def claims(release: Release) -> tuple[Claim, ...]:
    """Return every claim of a new tenant of ``release`` (4.0.0 or later), in order of dialect and URI."""
    found: dict[tuple[str, str], Claim] = {}
    for known in _CLAIM_RELEASES:
        if Release.parse(known) > release:
            break
        document = _read(f"claims-{known}.json")
        for gone in document["gone"]:
            del found[gone["dialect"], gone["claim"]]
        for row in document["claims"]:
            local = row.get("local_claim")
            properties = dict(row.get("properties", {}))
            if local is not None:
                properties[MAPPED_LOCAL_CLAIM] = local
            key = row["dialect"], row["claim"]
            found[key] = Claim(*key, row.get("attribute"), local, properties)
    return tuple(found[key] for key in sorted(found))


@cache
def oidc_scope_changes() -> tuple[tuple[str, tuple[OidcScope, ...]], ...]:
    """Return (release, scopes that it added, renamed or gave more claims), oldest release first."""
    return tuple(
        (
            change["release"],
            tuple(OidcScope(**{**scope, "claims": tuple(scope.get("claims", ()))}) for scope in change["scopes"]),
        )
        for change in _read("oidc-scopes.json")["changes"]
    )


@cache
def internal_scopes(release: Release) -> tuple[InternalScope, ...]:
    """Return the internal scopes of a new tenant of ``release`` (3.2.0 to 4.1.0), in order of name."""
    scopes = (
        InternalScope(
            row["name"],
            row["display_name"],
            row["permission"],
            Release.parse(row["since"]) if "since" in row else None,
        )
        for row in _read("internal-scopes.json")["scopes"]
    )
    return tuple(scope for scope in scopes if scope.since is None or scope.since <= release)


def _read(name: str) -> dict[str, Any]:
    path = files("apim_upgrade.releases").joinpath("data", "identity", name)
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
