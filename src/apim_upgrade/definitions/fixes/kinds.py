"""Values of the wrong kind."""

from __future__ import annotations

import re

from apim_upgrade.definitions.fixes.case import Case, set_aside
from apim_upgrade.definitions.fixes.missing import add_info, add_responses

_EXPECTED = re.compile(r"is not of type `([^`]*)`").search


_LISTS = frozenset(("security", "parameters", "required", "tags", "consumes", "produces", "schemes", "servers", "enum"))


def drop_null(case: Case) -> str | None:
    """A null where an object or a list belongs says nothing."""
    if case.node is not None or not isinstance(case.holder, dict) or case.key not in case.holder:
        return None
    if case.path == ("paths",):
        case.document["paths"] = {}
        return "paths, which was null, is empty"
    del case.holder[case.key]
    return f"{case.key}, which was null, is taken out"


def swap_empty(case: Case) -> str | None:
    """An empty list where an object belongs, or the other way round."""
    expected = _EXPECTED(case.message.text)
    if case.node not in ([], {}) or expected is None or not isinstance(case.holder, dict):
        return None
    case.holder[case.key] = [] if expected.group(1) == "array" else {}
    return f"{case.key} is an empty {expected.group(1)}"


def into_list(case: Case) -> str | None:
    """One value where a list of such values belongs."""
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


def out_of_list(case: Case) -> str | None:
    """A list of one object where the object belongs."""
    if not isinstance(case.holder, dict) or not isinstance(case.node, list) or len(case.node) != 1:
        return None
    if not isinstance(case.node[0], dict):
        return None
    case.holder[case.key] = case.node[0]
    return f"{case.key} is the one object of the list it was"


def one_type(case: Case) -> str | None:
    """A list of types, which only OpenAPI 3.1 has, where it amounts to one type."""
    if case.key != "type" or not isinstance(case.node, list) or not isinstance(case.holder, dict):
        return None
    kinds = [kind for kind in case.node if kind not in ("null", None)]
    if len(kinds) != 1 or not isinstance(kinds[0], str):
        return None
    case.holder["type"] = kinds[0]
    if len(kinds) < len(case.node):
        case.holder.setdefault("x-nullable" if case.is_swagger else "nullable", True)
    return f"type is {kinds[0]}, with nullable for null" if len(kinds) < len(case.node) else f"type is {kinds[0]}"


def describe(case: Case) -> str | None:
    """A text where an object belongs that can be described by it."""
    if not isinstance(case.holder, dict) or not isinstance(case.node, str):
        return None
    case.holder[case.key] = {"description": case.node}
    return f"{case.key}, which was a text, is an object with that description"


def replace_info(case: Case) -> str | None:
    """An ``info`` that is no object."""
    if case.path != ("info",):
        return None
    if case.node is not None:
        set_aside(case.document, "info")
    return add_info(case)


def replace_responses(case: Case) -> str | None:
    """Responses that are no object."""
    if case.key != "responses" or not isinstance(case.holder, dict):
        return None
    set_aside(case.holder, "responses")
    return add_responses(Case(case.document, case.message, case.path, None, "", case.holder))


def replace_items(case: Case) -> str | None:
    """Items that are no schema, such as a list of several."""
    if case.key != "items" or not isinstance(case.holder, dict):
        return None
    aside = set_aside(case.holder, "items")
    case.holder["items"] = {}
    return f"items takes anything; what it was is kept as {aside}"
