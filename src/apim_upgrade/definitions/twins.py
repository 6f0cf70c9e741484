"""Paths that differ in a slash at the end alone: since 4.4.0 two operations must not differ in nothing else."""

from __future__ import annotations

from apim_upgrade.definitions.reader import Findings, Node, object_at
from apim_upgrade.definitions.rules import Rules
from apim_upgrade.definitions.templates import Major, path_item

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
"""The methods compared, in the order of the product; ``trace`` is not."""
_NAMES: dict[Major, str] = {2: "swagger", 3: "openapi"}


def check(document: Node, findings: Findings, rules: Rules, *, major: Major) -> None:
    """Say which is the first method that two such paths share, where the release looks at it; asked in strict mode."""
    if not rules.slash_twins_refused:
        return
    paths = object_at(document, "paths") or {}
    for path, item in paths.items():
        bare = path[:-1]
        if path[-1:] != "/" or bare not in paths:
            continue
        one, other = path_item(document, item), path_item(document, paths[bare])
        for method in METHODS:
            if isinstance(one.get(method), dict) and isinstance(other.get(method), dict):
                text = f"Multiple {method.upper()} operations with the same resource path {bare} found in the "
                findings.say("trailing-slash-twin", f"{text}{_NAMES[major]} definition", paths, path)
                return
