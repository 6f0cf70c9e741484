"""What must be unique among operations, tags and paths."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.definitions import twins
from apim_upgrade.definitions.fixes.case import Case, free, set_aside
from apim_upgrade.definitions.fixes.parameters import METHODS
from apim_upgrade.definitions.reader import Node, list_at, object_at


def _operations(document: Node) -> Iterator[Node]:
    for item in (object_at(document, "paths") or {}).values():
        for method in METHODS:
            operation = item.get(method) if isinstance(item, dict) else None
            if isinstance(operation, dict):
                yield operation


def new_operation_id(case: Case) -> str | None:
    """An operationId that another operation has."""
    if case.key != "operationId" or not isinstance(case.holder, dict) or not isinstance(case.node, (str, int)):
        return None
    if "operationIds" not in case.memo:
        given = (str(operation.get("operationId")) for operation in _operations(case.document))
        case.memo["operationIds"] = dict.fromkeys(given, 2)
    next_number: dict[str, int] = case.memo["operationIds"]
    number = next_number.setdefault(str(case.node), 2)
    while f"{case.node}_{number}" in next_number:
        number += 1
    next_number[str(case.node)] = number + 1
    case.holder["operationId"] = f"{case.node}_{number}"
    next_number[f"{case.node}_{number}"] = 2
    return f"the operationId {case.node}, used before, is {case.holder['operationId']}"


def merge_tags(case: Case) -> str | None:
    """Tags given twice."""
    tags = list_at(case.document, "tags")
    if tags is None or case.path[:1] not in ((), ("tags",)):
        return None
    first: dict[str, Node] = {}
    kept, aside = [], []
    for tag in tags:
        name = tag.get("name") if isinstance(tag, dict) else None
        if not isinstance(name, str) or name not in first:
            kept.append(tag)
            if isinstance(name, str):
                first[name] = tag
        elif any(first[name].get(key) != value for key, value in tag.items()):
            aside.append(tag)
    if len(kept) == len(tags):
        return None
    tags[:] = kept
    if aside:
        case.document[free(case.document, "x-repeated-tags")] = aside
    return "tags given twice are given once" + ("; what differed is kept as x-repeated-tags" if aside else "")


def part_slash_twins(case: Case) -> str | None:
    """Methods that two paths share which differ in a slash at the end alone."""
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
                told.append(f"{method} {path} (kept as {set_aside(item, method)})")
    return f"left to the path without the slash: {', '.join(told)}" if told else None


def _same_but_name(one: Node, other: Node) -> bool:
    return {**one, "operationId": None} == {**other, "operationId": None}
