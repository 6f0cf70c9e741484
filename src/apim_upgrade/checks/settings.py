"""Values of a deployment.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
