"""Scopes as a definition declares them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

JsonObject = dict[str, Any]


def declared(definition: JsonObject, shared: Collection[str]) -> list[JsonObject]:
    """Return the scopes that a definition declares, by name, as the Publisher API writes them."""
    flow = _flow(definition)
    bindings = _object(flow.get("x-scopes-bindings"))
    scopes = {
        name: (name, description, bindings.get(name)) for name, description in _object(flow.get("scopes")).items()
    }
    legacy = _object(_object(definition.get("x-wso2-security")).get("apim")).get("x-wso2-scopes")
    for item in legacy if isinstance(legacy, list) else ():
        key = _object(item).get("key")
        if key and key not in scopes:
            scopes[key] = (item.get("name") or key, item.get("description"), item.get("roles"))
    return [
        {
            "scope": {
                "name": key,
                "displayName": display,
                "description": str(description or ""),
                "bindings": [role.strip() for role in str(roles or "").split(",") if role.strip()],
            },
            "shared": key in shared,
        }
        for key, (display, description, roles) in sorted(scopes.items())
    ]


def _flow(definition: JsonObject) -> JsonObject:
    """The OAuth2 flow by which API-M keeps an API's scopes: OpenAPI 3, AsyncAPI 2, or Swagger 2."""
    schemes = _object(_object(definition.get("components")).get("securitySchemes"))
    scheme = _object(schemes.get("default")) or _object(schemes.get("oauth2"))
    if scheme:
        return _object(_object(scheme.get("flows")).get("implicit"))
    return _object(_object(definition.get("securityDefinitions")).get("default"))


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
