"""An API's endpoint configuration: the JSON in ``overview_endpointConfig`` and the addresses in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.model import Unbuildable

_LISTS = ("production_endpoints", "sandbox_endpoints", "production_failovers", "sandbox_failovers")


def read_config(text: str) -> dict[str, Any] | None:
    """Return the configuration as an object; None when there is none. Raises ValueError when it is no JSON object."""
    if not text.strip() or text.strip() == "null":
        return None
    config = json.loads(text)
    if not isinstance(config, dict):
        raise ValueError("the endpoint configuration is no JSON object")  # noqa: TRY004 - one error for every bad text
    return config


def config_of(fields: Fields) -> dict[str, Any] | None:
    """Return the configuration that an artifact holds. Raises Unbuildable when it is no JSON object."""
    try:
        return read_config(fields.text("endpointConfig"))
    except ValueError as error:
        raise Unbuildable(
            "The endpoint configuration of this API is not a JSON object.",
            "Set the endpoints in the Publisher portal, then make and deploy a revision there.",
        ) from error


def urls(config: dict[str, Any], *names: str) -> Iterator[str]:
    """Yield the addresses under members such as ``production_endpoints`` (default: all), one object or a list."""
    for name in names or _LISTS:
        item = config.get(name)
        for endpoint in item if isinstance(item, list) else [item]:
            if isinstance(endpoint, dict) and endpoint.get("url"):
                yield str(endpoint["url"])


def serves(certified: str, url: str) -> bool:
    """
    Say whether a certificate registered for one address is meant for an endpoint's address.

    It is for the same address, and for one that continues it by a path, a query or a fragment (seen in a 4.5.0
    artifact: registered ``https://h/prod``, endpoint ``https://h/prod?a=1&b=2``).
    """
    if not certified or not url.startswith(certified):
        return False
    return certified.endswith("/") or url[len(certified) :][:1] in ("", "/", "?", "#")
