"""Values of a deployment.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def setting(document: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """Return the value at a dotted key such as ``apim.devportal.enable_legacy_api_keys``, else ``default``."""
    found: Any = document
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return default
        found = found[part]
    return found


def switched_on(document: Mapping[str, Any], key: str, *, default: bool = False) -> bool:
    """Say whether a switch is on; packs take ``true`` and ``"true"`` alike."""
    return str(setting(document, key, default)).lower() == "true"


def flat(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return every value by its dotted key; an array of tables is ``name[]``, and its tables are put together."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        segment = name if _BARE.fullmatch(name) else f'"{name}"'
        key = f"{before}.{segment}" if before else segment
        if isinstance(value, Mapping):
            found |= flat(value, key)
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            for each in value:
                if isinstance(each, Mapping):
                    found |= flat(each, f"{key}[]")
        else:
            found[key] = value
    return found


def pointer(key: str) -> str:
    """Return the place of a key that :func:`flat` gave, as a JSON pointer."""
    return "/" + "/".join(part.strip('"').removesuffix("[]") for part in re.findall(r'"[^"]*"|[^.]+', key))
