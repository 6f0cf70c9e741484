"""What has to be there and is not."""

from __future__ import annotations

import re
from http import HTTPStatus

from apim_upgrade.definitions import templates
from apim_upgrade.definitions.fixes.case import Case, Fix, free, set_aside
from apim_upgrade.definitions.reader import list_at, object_at


def add(key: str, value: object, what: str) -> Fix:
    """A fix that gives an object a key which it lacks."""

    def fix(case: Case) -> str | None:
        if not isinstance(case.node, dict) or case.node.get(key) is not None:
            return None
        case.node[key] = value() if callable(value) else value
        return what

    return fix


def add_info(case: Case) -> str:
    """An ``info`` with the title and version of the API."""
    title, version = case.name or "Untitled API", case.version or "1.0.0"
    entries = [(key, value) for key, value in case.document.items() if key != "info"]
    first = entries[:1]
    case.document.clear()
    case.document.update([*first, ("info", {"title": title, "version": version}), *entries[1:]])
    return f"info has the title {title} and the version {version}"


def add_title(case: Case) -> str | None:
    """A title, the name of the API where that is known."""
    if not isinstance(case.node, dict):
        return None
    case.node["title"] = case.name or "Untitled API"
    return f"the title is {case.node['title']}"


def add_version(case: Case) -> str | None:
    """A version, that of the API where it is known."""
    if not isinstance(case.node, dict):
        return None
    case.node["version"] = case.version or "1.0.0"
    return f"the version is {case.node['version']}"


def add_responses(case: Case) -> str | None:
    """A response, for the product wants at least one."""
    if not isinstance(case.node, dict):
        return None
    responses = case.node.get("responses")
    if isinstance(responses, dict):
        responses["200"] = {"description": "OK"}
    else:
        case.node["responses"] = {"200": {"description": "OK"}}
    return "the operation answers 200 OK"


def add_description(case: Case) -> str | None:
    """A description of a response, by its code."""
    if not isinstance(case.node, dict):
        return None
    try:
        phrase = HTTPStatus(int(case.key)).phrase
    except ValueError:
        phrase = "The response"
    case.node["description"] = phrase
    return f"the response is described as {phrase!r}"


def add_name(case: Case) -> str | None:
    """A name for a licence or a tag."""
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


def add_identifier(case: Case) -> str | None:
    """An identifier instead of the url: 4.2.0 wants one whatever else there is, later releases one of the two."""
    if case.path != ("info", "license") or not isinstance(case.node, dict):
        return None
    name = str(case.node.get("name") or "Unnamed")
    plain = re.sub(r"[^a-zA-Z0-9.-]+", "-", name).strip("-") or "Unnamed"
    case.node["identifier"] = _KNOWN_LICENCES.get(name.strip().lower(), f"LicenseRef-{plain}")
    told = f"the licence is identified as {case.node['identifier']}"
    return f"{told}; its url is kept as {set_aside(case.node, 'url')}" if "url" in case.node else told


SIMPLE = ("type", "format", "items", "default", "enum", "maximum", "minimum", "maxLength", "minLength", "pattern")


def type_of_schema(case: Case) -> str | None:
    """A parameter of Swagger 2.0 that was given a schema, as in OpenAPI 3, says the same itself."""
    if not isinstance(case.node, dict) or "in" not in case.node:
        return None
    aside = next((key for key in ("schema", "x-schema") if key in case.node), None)
    schema = case.node.get(aside) if aside else None
    if not isinstance(schema, dict) or not isinstance(schema.get("type"), str) or schema["type"] == "object":
        return None
    for key in SIMPLE:
        if key in schema:
            case.node.setdefault(key, schema[key])
    return "the parameter has the type of its schema"


def add_type(case: Case) -> str | None:
    """A type for a parameter of Swagger 2.0."""
    if not isinstance(case.node, dict) or "in" not in case.node:
        return None
    case.node["type"] = "string"
    return "the parameter is a string, as everything in a URL, header or form is"


def add_schema(case: Case) -> str | None:
    """A schema for a parameter of OpenAPI 3, of the type that it names in the manner of Swagger 2.0."""
    node = case.node
    if not isinstance(node, dict) or "in" not in node:
        return None
    # Another fix of the same round may have set the type aside already.
    said = {key: node[each] for key in SIMPLE for each in (key, f"x-{key}") if each in node}
    if isinstance(said.get("type"), str) and said["type"] != "file":
        node["schema"] = said
        return "the parameter has a schema of the type it named itself"
    node["schema"] = {"type": "string"}
    return "the parameter is a string, as everything in a URL or header is"


def add_content(case: Case) -> str | None:
    """A content for a request body."""
    if not isinstance(case.node, dict) or "in" in case.node:
        return None
    case.node["content"] = {"*/*": {}}
    return "the body may be anything"


def add_place(case: Case) -> str | None:
    """The place of a parameter that stands in braces in the path."""
    name = case.node.get("name") if isinstance(case.node, dict) else None
    if len(case.path) < 2 or case.path[0] != "paths" or f"{{{name}}}" not in case.path[1]:
        return None
    case.node["in"] = "path"
    case.node["required"] = True
    return f"the parameter {name} is in the path, where it stands"


def add_default(case: Case) -> str | None:
    """The default of a server variable."""
    node = case.node
    if not isinstance(node, dict):
        return None
    choices = list_at(node, "enum")
    node["default"] = choices[0] if choices else ""
    return f"the variable is {node['default']!r} by default"


def docs_aside(case: Case) -> str | None:
    """Documentation without a url."""
    if not isinstance(case.holder, dict) or case.key != "externalDocs":
        return None
    return f"documentation without a url is kept as {set_aside(case.holder, 'externalDocs')}"


def scheme_aside(case: Case) -> str | None:
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
    aside[free(aside, name)] = schemes.pop(name)
    return f"the security scheme {name} is kept under x-{where[-1]}"


def no_paths(case: Case) -> str | None:
    """A definition of webhooks or components alone, whose operations the product reads all the same."""
    if case.document.get("paths") is not None or "openapi" not in case.document:
        return None
    case.document["paths"] = {}
    return "paths is there, and empty"


def whole_version(case: Case) -> str | None:
    """A version of OpenAPI with its last part left out."""
    version = str(case.document.get("openapi"))
    if version not in ("3", "3.0", "3.1"):
        return None
    case.document["openapi"] = {"3": "3.0.0"}.get(version, f"{version}.0")
    return f"the version of OpenAPI is {case.document['openapi']}"
