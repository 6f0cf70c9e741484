"""Parameters of paths and operations."""

from __future__ import annotations

import re
from typing import Any

from apim_upgrade.definitions import templates
from apim_upgrade.definitions.fixes.case import Case
from apim_upgrade.definitions.fixes.missing import SIMPLE
from apim_upgrade.definitions.reader import Node, list_at, object_at

METHODS = (*templates.METHODS, "trace")
"""All methods that a path may have."""


def _parameter_list(case: Case) -> tuple[Node, list[Any], Node] | None:
    """The operation or path, its list of parameters and the one in it that a case is about."""
    at = next((index for index, part in enumerate(case.path) if part == "parameters"), None)
    if case.path[:1] != ("paths",) or at is None:
        return None
    owner: Any = case.document
    for part in case.path[:at]:
        owner = owner.get(part) if isinstance(owner, dict) else None
    parameters = list_at(owner, "parameters") if isinstance(owner, dict) else None
    for parameter in parameters or ():
        if parameter is case.node or parameter is case.holder:
            return owner, parameters or [], parameter
    return None


def parameter_aside(case: Case) -> str | None:
    """A parameter that the product cannot read."""
    found = _parameter_list(case)
    if found is None:
        return None
    owner, parameters, unreadable = found
    aside = owner.setdefault("x-parameters", [])
    if not isinstance(aside, list):
        return None
    parameters[:] = [each for each in parameters if each is not unreadable]
    aside.append(unreadable)
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
        kind = dict(schema) if isinstance(schema, dict) else {key: each[key] for key in SIMPLE if key in each}
        if kind.get("type") == "file":
            kind = {**kind, "type": "string", "format": "binary"}
            has_file = True
        properties[str(each.get("name"))] = kind
    required = [str(each.get("name")) for each in fields if each.get("required") is True]
    whole: Node = {"type": "object", "properties": properties, **({"required": required} if required else {})}
    media = "multipart/form-data" if has_file else "application/x-www-form-urlencoded"
    return {media: {"schema": whole}}, bool(required)


def put_parameter(case: Case) -> str | None:
    """A parameter at a place that OpenAPI 3 does not have."""
    return _into_body(case) or parameter_aside(case)


def path_parameter(case: Case, name: str) -> Node:
    """The declaration of a parameter in the path."""
    kind = {"type": "string"}
    return {"name": name, "in": "path", "required": True, **(kind if case.is_swagger else {"schema": kind})}


_UNDECLARED = re.compile(r"Declared path parameter (.+) needs to be defined as a path parameter").search


def declare_path_parameter(case: Case) -> str | None:
    """A name in braces that the path or an operation does not declare."""
    found = _UNDECLARED(case.message.text)
    item = (object_at(case.document, "paths") or {}).get(case.path[1]) if len(case.path) > 1 else None
    if found is None or not isinstance(item, dict) or not isinstance(item.get("parameters", []), list):
        return None
    name = found.group(1)
    parameters = item.setdefault("parameters", [])
    if any(isinstance(each, dict) and each.get("name") == name and each.get("in") == "path" for each in parameters):
        return None
    parameters.append(path_parameter(case, name))
    return f"the path declares its parameter {name}"


def require_path_parameters(case: Case) -> str | None:
    """Path parameters that are not required."""
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


def merge_parameters(case: Case) -> str | None:
    """Parameters given twice in one list."""
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
