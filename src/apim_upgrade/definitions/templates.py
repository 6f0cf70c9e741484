"""
Reading the operations of a definition with their scopes, as the publisher and the product's own upgrade do it.

The product stops at the first thing it cannot read, with an exception; so at most one finding comes of a definition.
What is asked here is only what the product's code casts and looks up, not what its extensions mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from apim_upgrade.definitions.reader import Findings, Node, list_at, object_at, unescaped
from apim_upgrade.definitions.rules import Rules

Major = Literal[2, 3]
"""Swagger 2 or OpenAPI 3.x."""

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
"""The methods that become operations of an API, in the order in which the product reads them; ``trace`` does not."""

DEFAULT_SCHEME = "default"
"""The security scheme that API-M writes itself."""
FALLBACK_SCHEME = "OAuth2Security"
"""The security scheme looked at where there is no ``default``."""

_TEXTS = ("x-auth-type", "x-throttling-tier", "x-mediation-script", "x-amzn-resource-name")
_SMALLEST_LONG = 2**31


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the path key it stands under, its method in lower case, and the object that describes it."""

    path: str
    method: str
    node: Node


class _Unreadable(Exception):
    """What the product would throw; ``about`` and ``key`` say where."""

    def __init__(self, code: str, text: str, about: object, key: str | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.about = about
        self.key = key


def operations(document: Node) -> Iterator[Operation]:
    """All operations that the product makes templates of, path by path in the order of the document."""
    for path, item in (object_at(document, "paths") or {}).items():
        if path[:2] == "x-":
            continue
        methods = path_item(document, item)
        for method in METHODS:
            node = methods.get(method)
            if isinstance(node, dict):
                yield Operation(path, method, node)


def path_item(document: Node, item: object) -> Node:
    """The path item itself, or the one inside the document that it refers to; empty where there is none."""
    if not isinstance(item, dict):
        return {}
    target = item.get("$ref")
    if target is None:
        return item
    found: object = None
    if isinstance(target, str) and target.startswith("#/"):
        found = document
        for part in target[2:].split("/"):
            found = found.get(unescaped(part)) if isinstance(found, dict) else None
    return found if isinstance(found, dict) and "$ref" not in found else {}


def check(document: Node, findings: Findings, rules: Rules, *, major: Major) -> None:
    """Say what would stop the product from reading the operations, if anything; before 4.2.0 nothing asked for it."""
    if not rules.swagger_templates_tested:
        return
    try:
        if not isinstance(document.get("paths"), dict):
            raise _Unreadable("null-pointer", "java.lang.NullPointerException: there are no paths", document)
        declared = _declared_scopes(document, major)
        own_scheme = DEFAULT_SCHEME if major == 3 else scheme_of_swagger(document)
        for operation in operations(document):
            for scopes in _scopes_of(operation.node, own_scheme, major):
                for scope in _undeclared(scopes, declared):
                    what = "Scope" if len(scopes) == 1 else "Resource Scope"
                    raise _Unreadable("scope-undeclared", f"{what} '{scope}' not found.", operation.node)
            _cast_extensions(operation.node, rules, major)
    except _Unreadable as end:
        findings.say(end.code, end.text, end.about, end.key)


def undeclared_scopes(document: Node, major: Major) -> Iterator[str]:
    """All scopes that operations need and nothing declares, operation by operation; empty where none can be read."""
    try:
        declared = _declared_scopes(document, major)
        own_scheme = DEFAULT_SCHEME if major == 3 else scheme_of_swagger(document)
        for operation in operations(document):
            for scopes in _scopes_of(operation.node, own_scheme, major):
                yield from _undeclared(scopes, declared)
    except _Unreadable:
        return


def scheme_of_swagger(document: Node) -> str | None:
    """The security definition of Swagger 2 whose scopes count, None where it has neither of the two."""
    schemes = object_at(document, "securityDefinitions") or {}
    for name in (DEFAULT_SCHEME, FALLBACK_SCHEME):
        if (object_at(schemes, name) or {}).get("type") == "oauth2":
            return name
    return None


def scopes_of_scheme(document: Node, major: Major) -> Node | None:
    """The scopes of the security scheme that the product reads them from, None where it reads none there."""
    if major == 2:
        name = scheme_of_swagger(document)
        return object_at(document["securityDefinitions"][name], "scopes") if name else None
    schemes = object_at(object_at(document, "components") or {}, "securitySchemes") or {}
    for name, flow in ((DEFAULT_SCHEME, "implicit"), (FALLBACK_SCHEME, "password")):
        flows = object_at(object_at(schemes, name) or {}, "flows") or {}
        if (scopes := object_at(object_at(flows, flow) or {}, "scopes")) is not None:
            return scopes
    return None


def _declared_scopes(document: Node, major: Major) -> set[str]:
    names = {name for name in scopes_of_scheme(document, major) or () if name[:2] != "x-"}
    return names or _scopes_of_extension(document)


def _scopes_of_extension(document: Node) -> set[str]:
    """The scopes of ``x-wso2-security``; it must be an object of objects whose scopes are lists of objects."""
    if "x-wso2-security" not in document:
        return set()
    definitions = _cast(document, "x-wso2-security", dict)
    found: set[str] = set()
    for name in definitions:
        definition = _cast(definitions, name, dict)
        if "x-wso2-scopes" not in definition:
            continue
        for scope in _cast(definition, "x-wso2-scopes", list):
            if not isinstance(scope, dict):
                raise _class_cast(scope, dict, definition, "x-wso2-scopes")
            key = scope.get("key")
            if isinstance(key, str):
                found.add(key)
            elif key is not None:
                raise _class_cast(key, str, scope, "key")
    return found


def _scopes_of(operation: Node, own_scheme: str | None, major: Major) -> Iterator[list[str]]:
    """The scopes the product looks up: those of its scheme or ``x-scope``, else those of the other scheme."""
    scopes = _scopes_at(operation, own_scheme)
    if scopes:
        yield scopes
    elif major == 3:
        yield _scopes_at(operation, FALLBACK_SCHEME)


def _scopes_at(operation: Node, scheme: str | None) -> list[str]:
    if scheme is not None:
        for requirement in list_at(operation, "security") or ():
            scopes = requirement.get(scheme) if isinstance(requirement, dict) else None
            if isinstance(scopes, list):
                return [scope for scope in scopes if isinstance(scope, str)]
    if "x-scope" not in operation:
        return []
    parts: list[str] = _cast(operation, "x-scope", str).split(",")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _undeclared(scopes: list[str], declared: set[str]) -> Iterator[str]:
    return (scope for scope in scopes if scope not in declared and scope.strip())


def _cast_extensions(operation: Node, rules: Rules, major: Major) -> None:
    for key in _TEXTS:
        if operation.get(key) is not None:
            _cast(operation, key, str)
    timeout = operation.get("x-amzn-resource-timeout")
    if timeout is not None:
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise _class_cast(timeout, int, operation, "x-amzn-resource-timeout")
        if major == 2 and (isinstance(timeout, float) or -_SMALLEST_LONG <= timeout < _SMALLEST_LONG):
            # The product takes the number for a long; JSON and YAML give it an integer where that is wide enough.
            raise _class_cast(timeout, int, operation, "x-amzn-resource-timeout")
    if rules.encode_flag_is_boolean and operation.get("x-amzn-resource-content-encode") is not None:
        _cast(operation, "x-amzn-resource-content-encode", bool)


_JAVA_TYPES: dict[type, str] = {
    str: "java.lang.String",
    bool: "java.lang.Boolean",
    int: "java.lang.Integer",
    float: "java.lang.Double",
    list: "java.util.ArrayList",
    dict: "java.util.LinkedHashMap",
}


def _cast(node: Node, key: str, expected: type) -> Any:
    value = node[key]
    if value is None:
        raise _Unreadable("null-pointer", f"java.lang.NullPointerException: {key} is null", node, key)
    if not isinstance(value, expected):
        raise _class_cast(value, expected, node, key)
    return value


def _class_cast(value: object, expected: type, about: Node, key: str) -> _Unreadable:
    have = _JAVA_TYPES.get(type(value), "null")
    text = f"java.lang.ClassCastException: class {have} cannot be cast to class {_JAVA_TYPES[expected]}"
    return _Unreadable("class-cast", text, about, key)
