"""The life cycle of APIs that packs ship; see ``data/life_cycle.toml``."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any


def is_stock_life_cycle(content: bytes) -> bool:
    """Say whether a life-cycle file is one that some release ships, line ends apart."""
    text = content.replace(b"\r\n", b"\n")
    digest = hashlib.sha256(text).hexdigest()
    return any(len(text) == stock["length"] and digest.startswith(stock["sha256"]) for stock in _data()["stock"])


def stock_states() -> list[dict[str, Any]]:
    """Return the states of the stock life cycle, in the form of the tenant configuration."""
    return [
        {
            "State": state["name"],
            "CheckItems": list(state["check_items"]),
            "Transitions": [{"Event": event, "Target": target} for event, target in state["transitions"]],
        }
        for state in _data()["state"]
    ]


@cache
def _data() -> dict[str, Any]:
    text = files(__package__).joinpath("data", "life_cycle.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
