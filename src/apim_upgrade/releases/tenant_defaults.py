"""The tenant configuration that a server of each release writes by itself; see ``data/tenant_configuration.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.releases.release import Release

STOCK_ADMIN_ROLE = "admin"


@dataclass(frozen=True, slots=True)
class TenantDefaults:
    """Scopes with their roles (comma list) in the order of the file, default roles, and the other top-level keys."""

    scopes: Mapping[str, str]
    default_roles: Mapping[str, Any]
    settings: Mapping[str, Any]


@cache
def tenant_defaults(release: Release, admin_role: str = STOCK_ADMIN_ROLE) -> TenantDefaults:
    """Return the defaults of a release, for a realm whose administrators have ``admin_role``."""
    data = _data()
    scopes = {}
    for scope in data["scope"]:
        texts = [text for since, text in scope["roles"].items() if Release.parse(since) <= release]
        if texts:
            scopes[scope["name"]] = _with_admin(texts[-1], admin_role)
    return TenantDefaults(scopes, _since(data["default_role"], release), _since(data["setting"], release))


def _since(entries: list[dict[str, Any]], release: Release) -> dict[str, Any]:
    return {entry["name"]: deepcopy(entry["value"]) for entry in entries if Release.parse(entry["since"]) <= release}


def _with_admin(roles: str, admin_role: str) -> str:
    if admin_role == STOCK_ADMIN_ROLE:
        return roles
    return ",".join(admin_role if role == STOCK_ADMIN_ROLE else role for role in roles.split(","))


@cache
def _data() -> dict[str, Any]:
    text = files(__package__).joinpath("data", "tenant_configuration.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
