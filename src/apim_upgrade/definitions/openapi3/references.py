"""Where references lead: 3.0 loads what lies outside the document, 3.1 follows every one."""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from apim_upgrade.definitions.openapi3.parts import PartReading
from apim_upgrade.definitions.openapi3.reading import ABSENT, IDENTIFIED, Reference
from apim_upgrade.definitions.openapi3.tables import SECTIONS
from apim_upgrade.definitions.reader import Broken, Finding, Findings, Node, unescaped

_ILLEGAL_IN_URI = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})").search


def load(reading: PartReading) -> None:
    """Load what lies outside a document of 3.0; the first reference that cannot be loaded ends it."""
    for holder, target, _expected in reading.references:
        outside = outside_of(target)
        if outside:
            file = _munged(target).partition("#")[0]
            folder = "null" if file.startswith("..") else "."
            text = f"Unable to load {outside} ref: {file} path: {folder}"
            finding = Finding("external-ref-unloadable", text, holder, "$ref")
            if reading.rules.loading_failure_stands_alone:
                reading.findings.only(finding)
            else:
                reading.findings.add(finding)
            return


def follow(reading: PartReading, document: Node, unread: set[int]) -> None:
    """
    Follow every reference of 3.1, and read what it leads to as what it should be.

    ``unread`` are the objects (by ``id``) of which nothing was made, so that no reference finds them.
    """
    followed: set[tuple[str, str]] = set()
    pending = list(reading.references)
    while pending:
        reference = pending.pop()
        holder, target, expected = reference
        if (target, expected) in followed or not target.strip() or expected == "Callback":
            continue
        followed.add((target, expected))
        outside, _, pointer = target.partition("#")
        if illegal := _ILLEGAL_IN_URI(target):
            where = "fragment" if illegal.start() > len(outside) else "path"
            text = f"Illegal character in {where} at index {illegal.start()}: {target}"
            reading.findings.say("bad-url", text, holder, "$ref")
        elif outside or expected == IDENTIFIED:
            reading.findings.say("external-ref-unloadable", _unloadable(outside or "local"), holder, "$ref")
        else:
            found = _at(document, urllib.parse.unquote(pointer))
            if found is ABSENT and expected == "Schema" and pointer and "/" not in pointer:
                found = _anchored(document, pointer)
            if found is ABSENT or id(found) in unread:
                text = f"Could not find {pointer} in contents of {target}"
                reading.findings.say("ref-target-not-found", text, holder, "$ref")
            elif not _read_in_place(pointer, expected):
                pending += _read_again(reading, found, reference, pointer)


def _read_in_place(pointer: str, expected: str) -> bool:
    """Whether the walk has read, as what it should be, what stands at a pointer."""
    tokens = pointer.split("/")
    return len(tokens) == 4 and tokens[1] == "components" and tokens[2] == SECTIONS[expected][0]


def _read_again(reading: PartReading, found: Any, reference: Reference, pointer: str) -> list[Reference]:
    """Read what a reference leads to as what it should be; answers the references met there."""
    holder, target, expected = reference
    if not isinstance(found, dict):
        text = f"the target of {target} cannot be cast to class ObjectNode"
        reading.findings.say("class-cast", text, holder, "$ref")
        return []
    again = PartReading(Findings(), reading.rules, v31=True)
    read: dict[str, Callable[[Node, str], object]] = {
        "Schema": again.schema31,
        "Response": again.response,
        "Parameter/Header": again.parameter,
        "Header/Parameter": again.header,
        "RequestBody": again.body,
        "Examples": again.example,
        "Link": again.link,
        "securitySchemes": again.security_scheme,
        "PathItem": again.path_item,
    }
    try:
        read[expected](found, urllib.parse.unquote(pointer).replace("/", "."))
    except Broken as broken:
        again.findings.only(broken.finding)
    for said in again.findings.items:
        reading.findings.say(said.code, f"{said.text} ({target})", said.about, said.key)
    return again.references


def _munged(target: str) -> str:
    relative = ":" not in target and not target.startswith(("#", "/")) and target.find(".") > 0
    return f"./{target}" if relative else target


def outside_of(target: str) -> str | None:
    """What kind of place outside the document a reference of 3.0 leads to, if it does."""
    if target.startswith("http"):
        return "URL"
    if target.startswith("#/"):
        return None
    munged = _munged(target)
    return "RELATIVE" if munged.startswith((".", "/")) or "#" in munged else None


def _unloadable(outside: str) -> str:
    scheme = outside.partition(":")[0] if ":" in outside else ""
    if scheme.startswith("http"):
        return f"Unable to load URL ref: {outside}"
    if scheme and scheme not in ("file", "classpath"):
        return f"scheme not supported for uri: {outside}"
    return f"Could not find {posixpath.normpath(outside)} on the classpath"


def _at(document: Node, pointer: str) -> Any:
    """What a JSON pointer leads to; empty steps are passed over, as the parser does."""
    value: Any = document
    for token in pointer.split("/"):
        if not token.strip():
            continue
        name = unescaped(token)
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


def _anchored(document: Node, anchor: str) -> Any:
    """The object with an ``$anchor``, wherever it stands."""
    pending: list[Any] = [document]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            if node.get("$anchor") == anchor:
                return node
            pending += [value for value in node.values() if isinstance(value, (dict, list))]
        else:
            pending += [value for value in node if isinstance(value, (dict, list))]
    return ABSENT
