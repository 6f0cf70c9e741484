"""
A tenant's configuration as a JSON document: read, brought up to a newer release's default, written.

Bringing up is a three-way merge: what the tenant never changed follows the new default, what it changed stays, what is
new is added, and nothing is taken away. Pure: no database, no files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from apim_upgrade.releases.tenant_defaults import TenantDefaults

_SCOPES, _SCOPE, _ROLES = "RESTAPIScopes", "Scope", "DefaultRoles"
_NOT_COMPARED = ("Notifications", "Meta", _SCOPES, _ROLES)
# The server's JSON writer (Gson) escapes what could end a script element or attribute.
_ESCAPES = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "=": "\\u003d",
        "'": "\\u0027",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


class NotAConfiguration(ValueError):
    """The bytes or a part of the document are not what a tenant configuration is."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged document; ``kept`` are scopes whose default changed while the tenant has roles of its own."""

    document: dict[str, Any]
    kept: tuple[str, ...]


def read(content: bytes) -> dict[str, Any]:
    """Return the document. Raises ValueError when it is no JSON, NotAConfiguration when it is no JSON object."""
    try:
        document = json.loads(content)
    except RecursionError:
        raise NotAConfiguration("it is nested too deeply") from None
    if not isinstance(document, dict):
        raise NotAConfiguration("it is no JSON object")
    return document


def write(document: Mapping[str, Any]) -> bytes:
    """Return the document as the server stores it: two blanks, UTF-8, its escapes."""
    return json.dumps(document, indent=2, ensure_ascii=False).translate(_ESCAPES).encode()


def merge(
    document: Mapping[str, Any], old: TenantDefaults, new: TenantDefaults, stock: TenantDefaults | None = None
) -> Merged:
    """
    Bring a document that grew from the defaults ``old`` up to the defaults ``new``.

    Where the realm has an admin role of its own, ``stock`` are the old defaults with the stock role, as a pack has
    them: roles that equal either are the tenant's unchanged default.
    Merging again changes nothing. Raises NotAConfiguration when scopes or default roles have another form.
    """
    merged = deepcopy(dict(document))
    kept = _merge_scopes(merged, old, new, stock or old)
    roles = merged.setdefault(_ROLES, {})
    if not isinstance(roles, dict):
        raise NotAConfiguration(f"{_ROLES} is no JSON object")
    _merge_settings(roles, old.default_roles, new.default_roles)
    _merge_settings(merged, old.settings, new.settings)
    return Merged(merged, kept)


def is_default(document: Mapping[str, Any], defaults: TenantDefaults) -> bool:
    """Say whether a document holds nothing but a release's defaults; order, mail templates and markers apart."""
    try:
        scopes = {scope["Name"]: _role_set(scope["Roles"]) for scope in _scope_list(dict(document))}
    except (KeyError, ValueError):
        return False
    settings = {name: value for name, value in document.items() if name not in _NOT_COMPARED}
    return (
        scopes == {name: _role_set(roles) for name, roles in defaults.scopes.items()}
        and document.get(_ROLES) == defaults.default_roles
        and settings == defaults.settings
    )


def _merge_scopes(
    document: dict[str, Any], old: TenantDefaults, new: TenantDefaults, stock: TenantDefaults
) -> tuple[str, ...]:
    scopes = _scope_list(document)
    places = {scope.get("Name"): scope for scope in scopes}
    kept = []
    before: dict[str, Any] | None = None
    for name, roles in new.scopes.items():
        scope = places.get(name)
        if scope is None:
            scope = {"Name": name, "Roles": roles}
            at = next((at for at, other in enumerate(scopes) if other is before), len(scopes) - 1)
            scopes.insert(at + 1, scope)
        elif name in old.scopes and _role_set(old.scopes[name]) != _role_set(roles):
            mine = _role_set(scope.get("Roles"))
            if mine in (_role_set(old.scopes[name]), _role_set(stock.scopes[name])):
                scope["Roles"] = roles
            elif mine != _role_set(roles):
                kept.append(name)
        before = scope
    return tuple(kept)


def _scope_list(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The scopes, in place; an absent list is an empty one."""
    holder = document.setdefault(_SCOPES, {})
    scopes = holder.setdefault(_SCOPE, []) if isinstance(holder, dict) else None
    if not isinstance(scopes, list) or not all(isinstance(scope, dict) for scope in scopes):
        raise NotAConfiguration(f"{_SCOPES}.{_SCOPE} is no list of objects")
    return scopes


def _role_set(roles: object) -> frozenset[str]:
    return frozenset(role.strip() for role in str(roles or "").split(",") if role.strip())


def _merge_settings(mine: dict[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    for name, value in new.items():
        if name not in mine or (name in old and mine[name] == old[name]):
            mine[name] = deepcopy(value)
