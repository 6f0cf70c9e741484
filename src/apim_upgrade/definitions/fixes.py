"""
Small mechanical changes that take one kind of message away each; ``repairs`` tries them and keeps what holds.

A fix changes the document in place and says in one sentence what it did; None means that it does not apply. Nothing
that a person wrote is thrown away: what the product does not take goes under an ``x-`` key, except copies of what
stands elsewhere. No fix invents behaviour: where a value is needed the laxest that says nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from apim_upgrade.definitions import templates, twins
from apim_upgrade.definitions.model import Message
from apim_upgrade.definitions.reader import Node, list_at, object_at

_METHODS = (*templates.METHODS, "trace")


@dataclass(frozen=True, slots=True)
class Case:
    """
    One message and the place in a document that it is about.

    ``holder`` is the object or list that the last part of the pointer, ``key``, leads into; ``node`` what it leads to.
    ``name`` and ``version`` are the API's own, empty where they are not known.
    """

    document: Node
    message: Message
    path: tuple[str, ...]
    holder: Any
    key: str
    node: Any
    name: str = ""
    version: str = ""
    beside_reference: bool = False
    """Whether the key stood beside a ``$ref`` when the message was said."""

    @property
    def is_swagger(self) -> bool:
        """Whether the document is Swagger 2.0."""
        return "openapi" not in self.document


Fix = Callable[[Case], str | None]


def fixes_for(message: Message) -> tuple[Fix, ...]:
    """The fixes to try for a message, best first."""
    if message.code == "missing":
        wanted = _WANTED(message.text)
        return _MISSING.get(wanted.group(1), ()) if wanted else ()
    return _FIXES.get(message.code, ())


_WANTED = re.compile(r".*?([^.\s]+) is missing$").fullmatch


# Keys.


def rename(node: Node, old: str, new: str) -> None:
    """Rename a key where it stands, so that the order of the others stays."""
    entries = [(new if key == old else key, value) for key, value in node.items()]
    node.clear()
    node.update(entries)


def _free(node: Node, wanted: str) -> str:
    """The wanted key, or the first of its numbered forms that the object does not have."""
    key, number = wanted, 2
    while key in node:
        key, number = f"{wanted}-{number}", number + 1
    return key


def _set_aside(node: Node, key: str) -> str:
    aside = _free(node, f"x-{key.lstrip('$')}")
    rename(node, key, aside)
    return aside


def under_x(case: Case) -> str | None:
    """Move what stands under a key that the product does not take under an ``x-`` key beside it, but no operation."""
    if not isinstance(case.holder, dict) or case.key not in case.holder or case.path == ("paths",):
        return None
    if case.beside_reference and (case.key[:2] == "x-" or "$ref" not in case.holder):
        return None
    if case.path[:1] == ("paths",) and len(case.path) == 3 and case.key in templates.METHODS:
        return None
    return f"{case.key} is kept as {_set_aside(case.holder, case.key)}"


def _paths_extension(case: Case) -> str | None:
    if case.path[:1] != ("paths",) or len(case.path) != 2 or not case.key.startswith("x-"):
        return None
    aside = _free(case.document, case.key)
    case.document[aside] = case.holder.pop(case.key)
    return f"{case.key} is moved from the paths to the root as {aside}"


_NOTES = frozenset(("description", "title", "type", "example", "readOnly", "xml", "externalDocs"))


def _wrap_reference(case: Case) -> str | None:
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


# Values of the wrong kind.

_EXPECTED = re.compile(r"is not of type `([^`]*)`").search
_LISTS = frozenset(("security", "parameters", "required", "tags", "consumes", "produces", "schemes", "servers", "enum"))


def _drop_null(case: Case) -> str | None:
    if case.node is not None or not isinstance(case.holder, dict) or case.key not in case.holder:
        return None
    if case.path == ("paths",):
        case.document["paths"] = {}
        return "paths, which was null, is empty"
    del case.holder[case.key]
    return f"{case.key}, which was null, is taken out"


def _swap_empty(case: Case) -> str | None:
    expected = _EXPECTED(case.message.text)
    if case.node not in ([], {}) or expected is None or not isinstance(case.holder, dict):
        return None
    case.holder[case.key] = [] if expected.group(1) == "array" else {}
    return f"{case.key} is an empty {expected.group(1)}"


def _into_list(case: Case) -> str | None:
    expected = _EXPECTED(case.message.text)
    if expected is None or expected.group(1) != "array" or not isinstance(case.holder, dict) or case.node is None:
        return None
    if case.key == "default" and not isinstance(case.node, (dict, list)):
        case.holder[case.key] = [case.node]
        return "the default of the array is a list of the one value it was"
    if case.key not in _LISTS or not isinstance(case.node, (dict, str)):
        return None
    if case.key == "parameters" and isinstance(case.node, dict) and "name" not in case.node:
        case.holder[case.key] = list(case.node.values())
        return "parameters is a list of what the object held"
    case.holder[case.key] = [case.node]
    return f"{case.key} is a list of the one value it was"


def _out_of_list(case: Case) -> str | None:
    if not isinstance(case.holder, dict) or not isinstance(case.node, list) or len(case.node) != 1:
        return None
    if not isinstance(case.node[0], dict):
        return None
    case.holder[case.key] = case.node[0]
    return f"{case.key} is the one object of the list it was"


def _one_type(case: Case) -> str | None:
    if case.key != "type" or not isinstance(case.node, list) or not isinstance(case.holder, dict):
        return None
    kinds = [kind for kind in case.node if kind not in ("null", None)]
    if len(kinds) != 1 or not isinstance(kinds[0], str):
        return None
    case.holder["type"] = kinds[0]
    if len(kinds) < len(case.node):
        case.holder.setdefault("x-nullable" if case.is_swagger else "nullable", True)
    return f"type is {kinds[0]}, with nullable for null" if len(kinds) < len(case.node) else f"type is {kinds[0]}"


def _describe(case: Case) -> str | None:
    if not isinstance(case.holder, dict) or not isinstance(case.node, str):
        return None
    case.holder[case.key] = {"description": case.node}
    return f"{case.key}, which was a text, is an object with that description"


def _replace_info(case: Case) -> str | None:
    if case.path != ("info",):
        return None
    if case.node is not None:
        _set_aside(case.document, "info")
    return _add_info(case)


def _replace_responses(case: Case) -> str | None:
    if case.key != "responses" or not isinstance(case.holder, dict):
        return None
    _set_aside(case.holder, "responses")
    return _add_responses(Case(case.document, case.message, case.path, None, "", case.holder))


def _replace_items(case: Case) -> str | None:
    if case.key != "items" or not isinstance(case.holder, dict):
        return None
    aside = _set_aside(case.holder, "items")
    case.holder["items"] = {}
    return f"items takes anything; what it was is kept as {aside}"


# What is missing.


def _add(key: str, value: object, what: str) -> Fix:
    def fix(case: Case) -> str | None:
        if not isinstance(case.node, dict) or case.node.get(key) is not None:
            return None
        case.node[key] = value() if callable(value) else value
        return what

    return fix


def _add_info(case: Case) -> str:
    title, version = case.name or "Untitled API", case.version or "1.0.0"
    entries = [(key, value) for key, value in case.document.items() if key != "info"]
    first = entries[:1]
    case.document.clear()
    case.document.update([*first, ("info", {"title": title, "version": version}), *entries[1:]])
    return f"info has the title {title} and the version {version}"


def _add_title(case: Case) -> str | None:
    if not isinstance(case.node, dict):
        return None
    case.node["title"] = case.name or "Untitled API"
    return f"the title is {case.node['title']}"


def _add_version(case: Case) -> str | None:
    if not isinstance(case.node, dict):
        return None
    case.node["version"] = case.version or "1.0.0"
    return f"the version is {case.node['version']}"


def _add_responses(case: Case) -> str | None:
    if not isinstance(case.node, dict):
        return None
    responses = case.node.get("responses")
    if isinstance(responses, dict):
        responses["200"] = {"description": "OK"}
    else:
        case.node["responses"] = {"200": {"description": "OK"}}
    return "the operation answers 200 OK"


def _add_description(case: Case) -> str | None:
    if not isinstance(case.node, dict):
        return None
    try:
        phrase = HTTPStatus(int(case.key)).phrase
    except ValueError:
        phrase = "The response"
    case.node["description"] = phrase
    return f"the response is described as {phrase!r}"


def _add_name(case: Case) -> str | None:
    node = case.node
    if not isinstance(node, dict):
        return None
    if case.path == ("info", "license"):
        url = node.get("url")
        node["name"] = url if isinstance(url, str) and url else "Unnamed"
        return f"the licence is called {node['name']}"
    if case.path[:1] == ("tags",):
        names = {tag.get("name") for tag in list_at(case.document, "tags") or () if isinstance(tag, dict)}
        number = 1
        while f"tag-{number}" in names:
            number += 1
        node["name"] = f"tag-{number}"
        return f"the tag is called {node['name']}"
    return None


_KNOWN_LICENCES = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "gpl-3.0": "GPL-3.0-only",
    "isc": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "the mit license": "MIT",
}
"""SPDX identifiers of names that licences are often given."""


def _add_identifier(case: Case) -> str | None:
    """An identifier instead of the url: 4.2.0 wants one whatever else there is, later releases one of the two."""
    if case.path != ("info", "license") or not isinstance(case.node, dict):
        return None
    name = str(case.node.get("name") or "Unnamed")
    plain = re.sub(r"[^a-zA-Z0-9.-]+", "-", name).strip("-") or "Unnamed"
    case.node["identifier"] = _KNOWN_LICENCES.get(name.strip().lower(), f"LicenseRef-{plain}")
    if "url" in case.node:
        _set_aside(case.node, "url")
    return f"the licence is identified as {case.node['identifier']}; a url is kept as x-url"


_SIMPLE = ("type", "format", "items", "default", "enum", "maximum", "minimum", "maxLength", "minLength", "pattern")


def _type_of_schema(case: Case) -> str | None:
    """A parameter of Swagger 2.0 that was given a schema, as in OpenAPI 3, says the same itself."""
    if not isinstance(case.node, dict) or "in" not in case.node:
        return None
    aside = next((key for key in ("schema", "x-schema") if key in case.node), None)
    schema = case.node.get(aside) if aside else None
    if not isinstance(schema, dict) or not isinstance(schema.get("type"), str) or schema["type"] == "object":
        return None
    for key in _SIMPLE:
        if key in schema:
            case.node.setdefault(key, schema[key])
    return "the parameter has the type of its schema"


def _add_type(case: Case) -> str | None:
    if not isinstance(case.node, dict) or "in" not in case.node:
        return None
    case.node["type"] = "string"
    return "the parameter is a string, as everything in a URL, header or form is"


def _add_schema(case: Case) -> str | None:
    node = case.node
    if not isinstance(node, dict) or "in" not in node:
        return None
    kind = node.get("type")
    if isinstance(kind, str):
        node["schema"] = {"type": kind, **{key: node[key] for key in _SIMPLE[1:] if key in node}}
        return "the parameter has a schema of the type it named itself"
    node["schema"] = {"type": "string"}
    return "the parameter is a string, as everything in a URL or header is"


def _add_content(case: Case) -> str | None:
    if not isinstance(case.node, dict) or "in" in case.node:
        return None
    case.node["content"] = {"*/*": {}}
    return "the body may be anything"


def _add_place(case: Case) -> str | None:
    name = case.node.get("name") if isinstance(case.node, dict) else None
    if len(case.path) < 2 or case.path[0] != "paths" or f"{{{name}}}" not in case.path[1]:
        return None
    case.node["in"] = "path"
    case.node["required"] = True
    return f"the parameter {name} is in the path, where it stands"


def _add_default(case: Case) -> str | None:
    node = case.node
    if not isinstance(node, dict):
        return None
    choices = list_at(node, "enum")
    node["default"] = choices[0] if choices else ""
    return f"the variable is {node['default']!r} by default"


def _parameter_list(case: Case) -> tuple[Node, list[Any], int] | None:
    """The operation or path, its list of parameters and the place in it, of a case that is about one of them."""
    at = next((index for index, part in enumerate(case.path) if part == "parameters"), None)
    if case.path[:1] != ("paths",) or at is None or len(case.path) <= at + 1 or not case.path[at + 1].isdigit():
        return None
    owner: Any = case.document
    for part in case.path[:at]:
        owner = owner.get(part) if isinstance(owner, dict) else None
    parameters = list_at(owner, "parameters") if isinstance(owner, dict) else None
    place = int(case.path[at + 1])
    return (owner, parameters, place) if parameters is not None and place < len(parameters) else None


def _parameter_aside(case: Case) -> str | None:
    """A parameter that the product cannot read."""
    found = _parameter_list(case)
    if found is None:
        return None
    owner, parameters, place = found
    aside = owner.setdefault("x-parameters", [])
    if not isinstance(aside, list):
        return None
    aside.append(parameters.pop(place))
    return "a parameter that cannot be read is kept under x-parameters"


def _into_body(case: Case) -> str | None:
    """Parameters of Swagger 2.0 in the body or a form, which OpenAPI 3 has a request body for."""
    found = _parameter_list(case)
    if found is None or case.is_swagger or len(case.path) < 3 or case.path[2] == "parameters":
        return None
    operation, parameters, _ = found
    moved = [each for each in parameters if isinstance(each, dict) and each.get("in") in ("body", "formData")]
    if not moved or "requestBody" in operation:
        return None
    body = [each for each in moved if each["in"] == "body"]
    if body and len(moved) > 1:
        return None
    operation["parameters"] = [each for each in parameters if all(each is not other for other in moved)]
    if body:
        schema = body[0].get("schema")
        content = {"application/json": {"schema": schema if isinstance(schema, dict) else {}}}
        required = body[0].get("required") is True
    else:
        content, required = _form(moved)
    operation["requestBody"] = {"content": content, **({"required": True} if required else {})}
    return f"the request body has what was in {'the body' if body else 'the form'}"


def _form(fields: list[Node]) -> tuple[Node, bool]:
    properties: Node = {}
    has_file = False
    for each in fields:
        schema = each.get("schema")
        kind = dict(schema) if isinstance(schema, dict) else {key: each[key] for key in _SIMPLE if key in each}
        if kind.get("type") == "file":
            kind = {**kind, "type": "string", "format": "binary"}
            has_file = True
        properties[str(each.get("name"))] = kind
    required = [str(each.get("name")) for each in fields if each.get("required") is True]
    whole: Node = {"type": "object", "properties": properties, **({"required": required} if required else {})}
    media = "multipart/form-data" if has_file else "application/x-www-form-urlencoded"
    return {media: {"schema": whole}}, bool(required)


def _put_parameter(case: Case) -> str | None:
    return _into_body(case) or _parameter_aside(case)


# References that lead nowhere.

_BRACES = re.compile(r"\{(.+?)\}").findall
_RELATIVE = re.compile(r"(?![a-zA-Z][a-zA-Z0-9+.-]*:|#/)").match


def _unlink(document: Node, path: tuple[str, ...], node: Node) -> None:
    """Keep a reference as ``x-ref``, with what an object at its place must have."""
    reference = node["$ref"]
    _set_aside(node, "$ref")
    around = path[-2] if len(path) > 1 else ""
    if around == "responses":
        node.setdefault("description", f"Defined in {reference}")
    elif path[-1:] == ("requestBody",) or around == "requestBodies":
        node.setdefault("content", {"*/*": {}})
    elif around == "headers" and "openapi" in document:
        node.setdefault("schema", {"type": "string"})


def _reference_aside(case: Case) -> str | None:
    """A reference whose target is missing or of another kind: anything may stand there."""
    if case.key != "$ref" or not isinstance(case.holder, dict) or not isinstance(case.node, str):
        return None
    _unlink(case.document, case.path[:-1], case.holder)
    return f"the reference to {case.node}, which leads nowhere, is kept as x-ref"


def _files_aside(case: Case) -> str | None:
    """All references to files, of which there is none beside a definition that API-M keeps."""
    if not isinstance(case.node, str) or not _RELATIVE(case.node):
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
            if isinstance(reference, str) and _RELATIVE(reference):
                unlinked.add(reference)
                _unlink(case.document, () if path[-2:-1] == ("properties",) else path, node)
            for parameters in _leading_away(node):
                unlinked.update(str(each["$ref"]) for each in parameters)
            pending.extend(((*path[-2:], key), value) for key, value in node.items() if key[:2] != "x-")
        elif isinstance(node, list):
            pending.extend(((*path[-2:], str(index)), value) for index, value in enumerate(node))
    for name, item in (object_at(case.document, "paths") or {}).items():
        if isinstance(item, dict):
            _declare_undeclared(case, name, item)
    return f"kept as x-ref, for there is no such file: {', '.join(sorted(unlinked))}"


def _leading_away(owner: Node) -> Iterator[list[Node]]:
    """Move the parameters of an operation or a path that stand in other files aside, and tell them."""
    parameters = list_at(owner, "parameters")
    if parameters is None or not isinstance(owner.get("x-parameters", []), list):
        return
    away = [each for each in parameters if isinstance(each, dict) and isinstance(each.get("$ref"), str)]
    away = [each for each in away if _RELATIVE(each["$ref"])]
    if away:
        parameters[:] = [each for each in parameters if all(each is not other for other in away)]
        owner.setdefault("x-parameters", []).extend(away)
        yield away


def _declare_undeclared(case: Case, path: str, item: Node) -> None:
    """Declare what a path whose parameters were set aside has in braces."""
    operations = [item[method] for method in _METHODS if isinstance(item.get(method), dict)]
    if all("x-parameters" not in each for each in (item, *operations)):
        return

    def declares(owner: Node, name: str) -> bool:
        parameters = [each for each in list_at(owner, "parameters") or () if isinstance(each, dict)]
        return any("$ref" in each or (each.get("name") == name and each.get("in") == "path") for each in parameters)

    for name in _BRACES(path):
        if not declares(item, name) and not all(declares(operation, name) for operation in operations):
            item.setdefault("parameters", []).append(_path_parameter(case, name))


def _path_parameter(case: Case, name: str) -> Node:
    kind = {"type": "string"}
    return {"name": name, "in": "path", "required": True, **(kind if case.is_swagger else {"schema": kind})}


def _docs_aside(case: Case) -> str | None:
    if not isinstance(case.holder, dict) or case.key != "externalDocs":
        return None
    return f"documentation without a url is kept as {_set_aside(case.holder, 'externalDocs')}"


def _scheme_aside(case: Case) -> str | None:
    """A security scheme that the product cannot read; names of schemes are never looked up but for API-M's own."""
    where = ("securityDefinitions",) if case.is_swagger else ("components", "securitySchemes")
    size = len(where)
    if case.path[:size] != where or len(case.path) <= size:
        return None
    name = case.path[size]
    if name in (templates.DEFAULT_SCHEME, templates.FALLBACK_SCHEME):
        return None
    parent = case.document if case.is_swagger else object_at(case.document, "components")
    schemes = object_at(parent, where[-1]) if parent is not None else None
    if parent is None or schemes is None or name not in schemes:
        return None
    aside = parent.setdefault(f"x-{where[-1]}", {})
    if not isinstance(aside, dict):
        return None
    aside[_free(aside, name)] = schemes.pop(name)
    return f"the security scheme {name} is kept under x-{where[-1]}"


_MISSING_SCHEMA = re.compile(r".*[.]#/components/schemas/(.+) is missing$").fullmatch
_UNKNOWN_SCHEMA = re.compile(r"#/components/schemas/([^/]+)").fullmatch


def _add_missing_schema(case: Case) -> str | None:
    reference = case.node if isinstance(case.node, str) else ""
    found = _UNKNOWN_SCHEMA(reference)
    if found is None:
        return None
    components = case.document.setdefault("components", {})
    schemas = components.setdefault("schemas", {}) if isinstance(components, dict) else None
    name = found.group(1).replace("~1", "/").replace("~0", "~")
    if not isinstance(schemas, dict) or name in schemas:
        return None
    schemas[name] = {"description": "Referred to, but not defined."}
    return f"the schema {name}, which is referred to, takes anything"


_MISSING: dict[str, tuple[Fix, ...]] = {
    "info": (_add_info,),
    "paths": (_add("paths", dict, "there are no paths"),),
    "title": (_add_title,),
    "version": (_add_version,),
    "responses": (_add_responses,),
    "description": (_add_description,),
    "name": (_add_name, _parameter_aside, _scheme_aside),
    "type": (_type_of_schema, _add_type, _scheme_aside),
    "content": (_add_schema, _add_content),
    "schema": (_add_schema,),
    "in": (_add_place, _parameter_aside, _scheme_aside),
    "items": (_add("items", dict, "the items of the array may be anything"),),
    "default": (_add_default,),
    "identifier": (_add_identifier,),
    "url": (_docs_aside, _add("url", "/", "the server's url is /")),
    "scopes": (_add("scopes", dict, "the flow has no scopes"),),
    "authorizationUrl": (_scheme_aside,),
    "tokenUrl": (_scheme_aside,),
    "flows": (_scheme_aside,),
    "scheme": (_scheme_aside,),
    "openIdConnectUrl": (_scheme_aside,),
}


# Paths, operations, parameters.

_UNDECLARED = re.compile(r"Declared path parameter (.+) needs to be defined as a path parameter").search


def _declare_path_parameter(case: Case) -> str | None:
    found = _UNDECLARED(case.message.text)
    item = (object_at(case.document, "paths") or {}).get(case.path[1]) if len(case.path) > 1 else None
    if found is None or not isinstance(item, dict) or not isinstance(item.get("parameters", []), list):
        return None
    name = found.group(1)
    parameters = item.setdefault("parameters", [])
    if any(isinstance(each, dict) and each.get("name") == name and each.get("in") == "path" for each in parameters):
        return None
    parameters.append(_path_parameter(case, name))
    return f"the path declares its parameter {name}"


def _require_path_parameters(case: Case) -> str | None:
    lists = [case.node.get("parameters") if isinstance(case.node, dict) else None]
    if isinstance(case.node, dict) and case.node.get("in") == "path":
        lists = [[case.node]]
    changed = []
    for parameters in lists:
        for parameter in parameters if isinstance(parameters, list) else ():
            if isinstance(parameter, dict) and parameter.get("in") == "path" and parameter.get("required") is not True:
                parameter["required"] = True
                changed.append(str(parameter.get("name")))
    return f"required is true for the path parameter {', '.join(changed)}" if changed else None


def _operations(document: Node) -> Iterator[Node]:
    for item in (object_at(document, "paths") or {}).values():
        for method in _METHODS:
            operation = item.get(method) if isinstance(item, dict) else None
            if isinstance(operation, dict):
                yield operation


def _new_operation_id(case: Case) -> str | None:
    if case.key != "operationId" or not isinstance(case.holder, dict) or not isinstance(case.node, (str, int)):
        return None
    taken = {str(operation.get("operationId")) for operation in _operations(case.document)}
    number = 2
    while f"{case.node}_{number}" in taken:
        number += 1
    case.holder["operationId"] = f"{case.node}_{number}"
    return f"the operationId {case.node}, used before, is {case.holder['operationId']}"


def _merge_tags(case: Case) -> str | None:
    tags = list_at(case.document, "tags")
    if tags is None or case.path[:1] not in ((), ("tags",)):
        return None
    kept: dict[str, Node] = {}
    aside = []
    for tag in list(tags):
        name = tag.get("name") if isinstance(tag, dict) else None
        if not isinstance(name, str) or name not in kept:
            if isinstance(name, str):
                kept[name] = tag
            continue
        tags[:] = [each for each in tags if each is not tag]
        if any(kept[name].get(key) != value for key, value in tag.items()):
            aside.append(tag)
    if aside:
        case.document[_free(case.document, "x-repeated-tags")] = aside
    return "tags given twice are given once" + ("; what differed is kept as x-repeated-tags" if aside else "")


def _merge_parameters(case: Case) -> str | None:
    holder = next((each for each in (case.node, case.holder) if isinstance(each, list)), None)
    if holder is None and isinstance(case.node, dict):
        holder = list_at(case.node, "parameters")
    if holder is None:
        return None
    seen: set[tuple[str, str]] = set()
    kept = []
    for parameter in holder:
        target = parameter
        reference = parameter.get("$ref") if isinstance(parameter, dict) else None
        if isinstance(reference, str):
            target = templates.path_item(case.document, parameter)
        who = (str(target.get("name")), str(target.get("in"))) if isinstance(target, dict) and target else None
        if who is None or who not in seen:
            kept.append(parameter)
        if who is not None:
            seen.add(who)
    if len(kept) == len(holder):
        return None
    holder[:] = kept
    return "parameters given twice are given once, as they were first"


def _slash_first(case: Case) -> str | None:
    if case.path[:1] != ("paths",) or len(case.path) != 2:
        return None
    wanted = "/" + case.key
    if wanted in case.holder:
        return None
    rename(case.holder, case.key, wanted)
    return f"the path {case.key!r} is {wanted}"


def _part_slash_twins(case: Case) -> str | None:
    paths = object_at(case.document, "paths") or {}
    told = []
    for path, item in paths.items():
        bare = paths.get(path[:-1])
        if path[-1:] != "/" or not isinstance(item, dict) or not isinstance(bare, dict):
            continue
        for method in twins.METHODS:
            if not isinstance(item.get(method), dict) or not isinstance(bare.get(method), dict):
                continue
            if _same_but_name(item[method], bare[method]):
                del item[method]
                told.append(f"{method} {path}")
            else:
                told.append(f"{method} {path} (kept as {_set_aside(item, method)})")
    return f"left to the path without the slash: {', '.join(told)}" if told else None


def _same_but_name(one: Node, other: Node) -> bool:
    return {**one, "operationId": None} == {**other, "operationId": None}


# Components, scopes, addresses, extensions.

_NAME = re.compile(r"[^a-zA-Z0-9.\-_]+")


def _rename_component(case: Case) -> str | None:
    if case.path[:1] != ("components",) or len(case.path) != 3 or not isinstance(case.holder, dict):
        return None
    name = _free(case.holder, _NAME.sub("_", case.key).strip("_") or "unnamed")
    rename(case.holder, case.key, name)
    section = f"#/components/{case.path[1]}/"
    escaped = case.key.replace("~", "~0").replace("/", "~1")
    old = {section + case.key, section + escaped, section + escaped.replace(" ", "%20")}
    pending: list[Any] = [case.document]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if not isinstance(node, (dict, list)) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            for key, value in node.items():
                if isinstance(value, str) and value in old:
                    node[key] = section + name
            pending.extend(node.values())
        else:
            pending.extend(node)
    return f"the name {case.key!r} is {name}, wherever it is referred to"


def _declare_scopes(case: Case) -> str | None:
    undeclared = list(dict.fromkeys(templates.undeclared_scopes(case.document, 2 if case.is_swagger else 3)))
    if not undeclared:
        return None
    scopes = _scopes_place(case)
    if scopes is not None:
        scopes.update(dict.fromkeys(undeclared, ""))
        return f"declared without roles: {', '.join(undeclared)}"
    extension = case.document.setdefault("x-wso2-security", {})
    apim = extension.setdefault("apim", {}) if isinstance(extension, dict) else None
    listed = apim.setdefault("x-wso2-scopes", []) if isinstance(apim, dict) else None
    if not isinstance(listed, list):
        return None
    listed.extend({"key": scope, "name": scope, "roles": "", "description": ""} for scope in undeclared)
    return f"declared without roles in x-wso2-security: {', '.join(undeclared)}"


def _scopes_place(case: Case) -> Node | None:
    """Where the product reads the scopes of a document from, if that is a security scheme with scopes."""
    found = None
    if case.is_swagger:
        schemes = object_at(case.document, "securityDefinitions") or {}
        name = templates.scheme_of_swagger(case.document)
        found = object_at(schemes[name], "scopes") if name else None
    else:
        schemes = object_at(object_at(case.document, "components") or {}, "securitySchemes") or {}
        for name, flow in ((templates.DEFAULT_SCHEME, "implicit"), (templates.FALLBACK_SCHEME, "password")):
            flows = object_at(object_at(schemes, name) or {}, "flows") or {}
            found = object_at(object_at(flows, flow) or {}, "scopes")
            if found is not None:
                break
    # The extension is read where the scheme has no scopes; a first one would hide those of the extension.
    return None if not found and "x-wso2-security" in case.document else found


_HOST = re.compile(r"(?:[a-zA-Z0-9-]+\.)+[a-zA-Z]{2,}(?::\d+)?(?:[/?#]\S*)?").fullmatch


def _whole_url(case: Case) -> str | None:
    if not isinstance(case.node, str) or not isinstance(case.holder, dict) or not _HOST(case.node.strip()):
        return None
    case.holder[case.key] = f"https://{case.node.strip()}"
    return f"the url is {case.holder[case.key]}"


def _name_kind(case: Case) -> str | None:
    """Extensions that must be texts, numbers or flags, given as another scalar that says the same."""
    if not isinstance(case.holder, dict) or isinstance(case.node, (dict, list)) or case.node is None:
        return None
    value: object = None
    if case.key == "x-auth-type" and isinstance(case.node, bool):
        value = "Any" if case.node else "None"
    elif case.key == "x-amzn-resource-timeout" and isinstance(case.node, str) and case.node.strip().isdigit():
        value = int(case.node)
    elif case.key == "x-amzn-resource-content-encode":
        value = str(case.node).lower() == "true"
    elif not isinstance(case.node, str):
        value = str(case.node).lower() if isinstance(case.node, bool) else str(case.node)
    if value is None:
        return None
    case.holder[case.key] = value
    return f"{case.key} is {value!r}"


def _no_paths(case: Case) -> str | None:
    if case.document.get("paths") is not None or "openapi" not in case.document:
        return None
    case.document["paths"] = {}
    return "paths is there, and empty"


def _whole_version(case: Case) -> str | None:
    version = str(case.document.get("openapi"))
    if version not in ("3", "3.0", "3.1"):
        return None
    case.document["openapi"] = {"3": "3.0.0"}.get(version, f"{version}.0")
    return f"the version of OpenAPI is {case.document['openapi']}"


_FIXES: dict[str, tuple[Fix, ...]] = {
    "unexpected-key": (_wrap_reference, under_x),
    "reserved-key": (under_x,),
    "unsupported": (_paths_extension, _add_content),
    "wrong-type": (
        _drop_null,
        _swap_empty,
        _one_type,
        _into_list,
        _out_of_list,
        _replace_info,
        _replace_responses,
        _replace_items,
        _parameter_aside,
        under_x,
        _describe,
    ),
    "bad-security-type": (_scheme_aside,),
    "path-schema-ref-missing": (_add_missing_schema,),
    "component-schema-ref-missing": (_add_missing_schema, _reference_aside),
    "ref-target-not-found": (_reference_aside, _parameter_aside),
    "ref-wrong-section": (_reference_aside, _parameter_aside),
    "external-ref-unloadable": (_files_aside,),
    "bad-url": (_files_aside,),
    "oas2-exception": (_files_aside,),
    "bad-parameter-in": (_put_parameter, _parameter_aside),
    "path-param-undeclared": (_declare_path_parameter,),
    "path-param-not-required": (_require_path_parameters,),
    "repeated": (_new_operation_id, _merge_tags),
    "duplicate-parameter": (_merge_parameters,),
    "path-without-slash": (_slash_first,),
    "empty-path-key": (_slash_first,),
    "trailing-slash-twin": (_part_slash_twins,),
    "bad-component-name": (_rename_component,),
    "scope-undeclared": (_declare_scopes,),
    "class-cast": (_name_kind,),
    "null-pointer": (_no_paths, _whole_version),
    "bad-contact-or-license-url": (_whole_url, under_x),
    "example-and-examples": (under_x,),
    "value-and-external-value": (under_x,),
    "read-and-write-only": (under_x,),
    "bad-multiple-of": (under_x,),
    "empty-enum": (under_x,),
    "bad-spec-version": (_whole_version,),
}
