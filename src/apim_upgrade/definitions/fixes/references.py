"""References that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from apim_upgrade.definitions import swagger2
from apim_upgrade.definitions.fixes.case import Case, set_aside
from apim_upgrade.definitions.fixes.parameters import METHODS, path_parameter
from apim_upgrade.definitions.openapi3.references import outside_of
from apim_upgrade.definitions.reader import Node, list_at, names_in_braces, object_at, text_at, unescaped

_HAS_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:").match


def _is_file(document: Node, reference: object) -> bool:
    """Whether a reference leads to a file, as the parser of its language sees it: a bare name may be a component."""
    if not isinstance(reference, str) or _HAS_SCHEME(reference):
        return False
    if "openapi" not in document:
        return swagger2.is_external(reference)
    if (text_at(document, "openapi") or "").startswith("3.1"):
        return not reference.startswith("#") and reference != ""
    return outside_of(reference) == "RELATIVE"


def _unlink(document: Node, path: tuple[str, ...], node: Node) -> None:
    """Keep a reference as ``x-ref``, with what an object at its place must have."""
    reference = node["$ref"]
    set_aside(node, "$ref")
    around = path[-2] if len(path) > 1 else ""
    if around == "responses":
        node.setdefault("description", f"Defined in {reference}")
    elif path[-1:] == ("requestBody",) or around == "requestBodies":
        node.setdefault("content", {"*/*": {}})
    elif around == "headers" and "openapi" in document:
        node.setdefault("schema", {"type": "string"})


def reference_aside(case: Case) -> str | None:
    """A reference whose target is missing or of another kind: anything may stand there."""
    if case.key != "$ref" or not isinstance(case.holder, dict) or not isinstance(case.node, str):
        return None
    _unlink(case.document, case.path[:-1], case.holder)
    return f"the reference to {case.node}, which leads nowhere, is kept as x-ref"


def files_aside(case: Case) -> str | None:
    """All references to files, of which there is none beside a definition that API-M keeps."""
    if not _is_file(case.document, case.node):
        return None
    unlinked: set[str] = set()
    pending: list[tuple[tuple[str, ...], Any]] = [((), case.document)]
    seen: set[int] = set()
    while pending:
        path, node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            reference = node.get("$ref")
            if _is_file(case.document, reference):
                unlinked.add(str(reference))
                _unlink(case.document, () if path[-2:-1] == ("properties",) else path, node)
            for parameters in _leading_away(case.document, node):
                unlinked.update(str(each["$ref"]) for each in parameters)
            pending.extend(((*path[-2:], key), value) for key, value in node.items() if key[:2] != "x-")
        elif isinstance(node, list):
            pending.extend(((*path[-2:], str(index)), value) for index, value in enumerate(node))
    for name, item in (object_at(case.document, "paths") or {}).items():
        if isinstance(item, dict):
            _declare_undeclared(case, name, item)
    return f"kept as x-ref, for there is no such file: {', '.join(sorted(unlinked))}"


def _leading_away(document: Node, owner: Node) -> Iterator[list[Node]]:
    """Move the parameters of an operation or a path that stand in other files aside, and tell them."""
    parameters = list_at(owner, "parameters")
    if parameters is None or not isinstance(owner.get("x-parameters", []), list):
        return
    away = [each for each in parameters if isinstance(each, dict) and _is_file(document, each.get("$ref"))]
    if away:
        parameters[:] = [each for each in parameters if all(each is not other for other in away)]
        owner.setdefault("x-parameters", []).extend(away)
        yield away


def _declare_undeclared(case: Case, path: str, item: Node) -> None:
    """Declare what a path whose parameters were set aside has in braces."""
    operations = [item[method] for method in METHODS if isinstance(item.get(method), dict)]
    if all("x-parameters" not in each for each in (item, *operations)):
        return

    def declares(owner: Node, name: str) -> bool:
        parameters = [each for each in list_at(owner, "parameters") or () if isinstance(each, dict)]
        return any("$ref" in each or (each.get("name") == name and each.get("in") == "path") for each in parameters)

    for name in names_in_braces(path):
        if not declares(item, name) and not all(declares(operation, name) for operation in operations):
            item.setdefault("parameters", []).append(path_parameter(case, name))


_UNKNOWN_SCHEMA = re.compile(r"#/components/schemas/([^/]+)").fullmatch


def add_missing_schema(case: Case) -> str | None:
    """A schema that is referred to and missing."""
    reference = case.node if isinstance(case.node, str) else ""
    found = _UNKNOWN_SCHEMA(reference)
    if found is None:
        return None
    components = case.document.setdefault("components", {})
    schemas = components.setdefault("schemas", {}) if isinstance(components, dict) else None
    name = unescaped(found.group(1))
    if not isinstance(schemas, dict) or name in schemas:
        return None
    schemas[name] = {"description": "Referred to, but not defined."}
    return f"the schema {name}, which is referred to, takes anything"
