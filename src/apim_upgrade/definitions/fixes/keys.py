"""Keys and names that the product does not take."""

from __future__ import annotations

import re
from typing import Any

from apim_upgrade.definitions import templates
from apim_upgrade.definitions.fixes.case import Case, free, rename, set_aside
from apim_upgrade.definitions.reader import Node, escaped


def under_x(case: Case) -> str | None:
    """Move what stands under a key that the product does not take under an ``x-`` key beside it, but no operation."""
    if not isinstance(case.holder, dict) or case.key not in case.holder or case.path == ("paths",):
        return None
    if case.beside_reference and (case.key[:2] == "x-" or "$ref" not in case.holder):
        return None
    if case.path[:1] == ("paths",) and len(case.path) == 3 and case.key in templates.METHODS:
        return None
    return f"{case.key} is kept as {set_aside(case.holder, case.key)}"


def paths_extension(case: Case) -> str | None:
    """An extension directly under ``paths``, which Swagger 2.0 has no room for, goes to the root."""
    if case.path[:1] != ("paths",) or len(case.path) != 2 or not case.key.startswith("x-"):
        return None
    aside = free(case.document, case.key)
    case.document[aside] = case.holder.pop(case.key)
    return f"{case.key} is moved from the paths to the root as {aside}"


_NOTES = frozenset(("description", "title", "type", "example", "readOnly", "xml", "externalDocs"))


def wrap_reference(case: Case) -> str | None:
    """A reference with remarks beside it becomes the one part of an ``allOf`` that bears them."""
    node = case.holder
    if not isinstance(node, dict) or not isinstance(node.get("$ref"), str) or not case.is_swagger:
        return None
    if any(key not in _NOTES and key[:2] != "x-" for key in node if key != "$ref"):
        return None
    entries = {key: value for key, value in node.items() if key != "$ref"}
    reference = node["$ref"]
    node.clear()
    node["allOf"] = [{"$ref": reference}]
    node.update(entries)
    return f"the reference to {reference} is put into allOf, so that it may have remarks beside it"


def slash_first(case: Case) -> str | None:
    """A path begins with a slash."""
    if case.path[:1] != ("paths",) or len(case.path) != 2:
        return None
    wanted = "/" + case.key
    if wanted in case.holder:
        return None
    rename(case.holder, case.key, wanted)
    return f"the path {case.key!r} is {wanted}"


_NAME = re.compile(r"[^a-zA-Z0-9.\-_]+")


def rename_component(case: Case) -> str | None:
    """A name with characters that names must not have, and every reference to it."""
    if case.path[:1] != ("components",) or len(case.path) != 3 or not isinstance(case.holder, dict):
        return None
    name = free(case.holder, _NAME.sub("_", case.key).strip("_") or "unnamed")
    rename(case.holder, case.key, name)
    section = f"#/components/{case.path[1]}/"
    written = escaped(case.key)
    if "referring" not in case.memo:
        case.memo["referring"] = _referring(case.document)
    for old in {section + case.key, section + written, section + written.replace(" ", "%20")}:
        for node, key in case.memo["referring"].pop(old, ()):
            node[key] = section + name
    return f"the name {case.key!r} is {name}, wherever it is referred to"


def _referring(document: Node) -> dict[str, list[tuple[Node, str]]]:
    """Where texts that may refer to components stand: the objects and the keys in them, by text."""
    found: dict[str, list[tuple[Node, str]]] = {}
    pending: list[Any] = [document]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if not isinstance(node, (dict, list)) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and value.startswith("#/components/"):
                    found.setdefault(value, []).append((node, key))
            pending.extend(node.values())
        else:
            pending.extend(node)
    return found
