"""
AsyncAPI documents as the product judges them: can its two JSON readers and its data model read the text?

The product checks a document against the JSON schema of AsyncAPI and ignores the outcome. What is left are exceptions:
its validation has practically no other way to say no, so every judgement that is not valid is marked ``aborted``, but
for texts that are not UTF-8, of which it is not known what the product does. The shapes below are what the data model
(apicurio-data-models 1.1.5) casts to an object without looking.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from apim_upgrade.definitions.model import Judgement, Kind, Message
from apim_upgrade.definitions.reader import escaped, printable
from apim_upgrade.definitions.text import Form, Text

LIMIT = 32 * 1024 * 1024
"""Bytes of a document that are looked at; the product has no limit."""

_DEPTH = 400
_MOST = 200
_BLANKS = "".join(map(chr, range(0x21)))
_ENVELOPE = "com.fasterxml.jackson.databind.node"
_VERSIONS = {"4.7.0": ("2.", "3.")}
_VERSION = ("2.",)

Pointer = tuple[str, ...]


class _Number(str):
    """A number as it was written; its value is of no interest."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Shape:
    """The fields of one kind of object that the data model reads on, each with the shape that it takes it for."""

    one: Mapping[str, str] = field(default_factory=dict)
    """An object, or null."""
    each: Mapping[str, str] = field(default_factory=dict)
    """An object of objects, or null."""
    some: Mapping[str, str] = field(default_factory=dict)
    """The same, but skipped where it is anything else."""
    items: Mapping[str, str] = field(default_factory=dict)
    """A list of objects; skipped where it is anything else."""
    loose: Mapping[str, str] = field(default_factory=dict)
    """An object, a list of objects, a boolean, or null."""


_ANY = "any"
_BASE = {"bindings": _ANY, "externalDocs": _ANY}
_MESSAGE = {**_BASE, "headers": _ANY, "correlationId": _ANY}
_FLOWS = ("implicit", "password", "clientCredentials", "authorizationCode")
_SHAPES = {
    _ANY: _Shape(),
    "document": _Shape(
        one={"components": "components", "info": "info", "externalDocs": _ANY},
        each={"channels": "channel", "servers": "server"},
        items={"tags": "tag"},
    ),
    "info": _Shape(one={"contact": _ANY, "license": _ANY}),
    "tag": _Shape(one={"externalDocs": _ANY}),
    "server": _Shape(one={"bindings": _ANY}, each={"variables": _ANY}, items={"security": _ANY}),
    "channel": _Shape(
        one={"subscribe": "operation", "publish": "operation", "bindings": _ANY}, some={"parameters": _ANY}
    ),
    "operation": _Shape(one={**_BASE, "message": "message"}, items={"tags": "tag", "traits": "operation trait"}),
    "operation trait": _Shape(one=_BASE, items={"tags": "tag"}),
    "message": _Shape(one=_MESSAGE, items={"tags": "tag", "traits": "message trait", "oneOf": "message"}),
    "message trait": _Shape(one=_MESSAGE, items={"tags": "tag"}),
    "components": _Shape(
        each={
            "schemas": "schema",
            "messages": "message",
            "securitySchemes": "security scheme",
            "operationTraits": "operation trait",
            "messageTraits": "message trait",
            **dict.fromkeys(("parameters", "correlationIds"), _ANY),
            **{f"{what}Bindings": _ANY for what in ("server", "channel", "operation", "message")},
        }
    ),
    "security scheme": _Shape(one={"flows": "flows"}),
    "flows": _Shape(one=dict.fromkeys(_FLOWS, "flow")),
    "flow": _Shape(one={"scopes": _ANY}),
    "schema": _Shape(
        one={"not": "schema"},
        each={"properties": "schema"},
        items=dict.fromkeys(("allOf", "oneOf", "anyOf"), "schema"),
        loose=dict.fromkeys(("items", "additionalProperties"), "schema"),
    ),
}
_KINDS = ((bool, "Boolean"), (_Number, "Numeric"), (str, "Text"), (list, "Array"))


def judge(text: bytes, release: str) -> Judgement:
    """Judge a document, which the product stores as JSON; ``release`` as ``4.2.0``."""
    if len(text) > LIMIT:
        return _aborted("too-large", f"documents of more than {LIMIT:,} bytes are not looked at")
    try:
        whole = text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return Judgement(Kind.ASYNCAPI, False, (Message("syntax", f"not UTF-8 at byte {error.start}", line=line),))
    content = whole.lstrip(_BLANKS)
    if not content.startswith("{"):
        return _aborted(
            "syntax", "org.json.JSONException: A JSONObject text must begin with '{' at character 1", line=1
        )
    try:
        document, _ = _DECODER.raw_decode(content)
    except _Duplicate as error:
        return _aborted("duplicate-key", printable(f'org.json.JSONException: Duplicate key "{error.key}"'))
    except json.JSONDecodeError as error:
        skipped = whole.count("\n") - content.count("\n")
        return _aborted("syntax", f"org.json.JSONException: {error.msg}", line=error.lineno + skipped)
    except RecursionError:
        return _aborted("too-deep", "the document is nested too deeply to be looked at")
    judgement = _judge(document, release)
    wanted = [message.pointer for message in judgement.messages if message.pointer]
    if not wanted:
        return judgement
    lines = Text(content, Form.JSON).lines(wanted)
    skipped = whole.count("\n") - content.count("\n")
    placed = []
    for message in judgement.messages:
        at = lines.get(message.pointer)
        pointer = printable(message.pointer)
        placed.append(replace(message, pointer=pointer, line=None if at is None else at + skipped))
    return replace(judgement, messages=tuple(placed))


def _judge(document: dict[str, Any], release: str) -> Judgement:
    version = document.get("asyncapi")
    if not (isinstance(version, str) and version.startswith(_VERSIONS.get(release, _VERSION))):
        text = "java.lang.RuntimeException: Unknown data model type or version."
        return _aborted("bad-spec-version", text, "/asyncapi" if "asyncapi" in document else "")
    faults = list(islice(_faults(document), _MOST))
    if document.get("info") is None:
        text = 'java.lang.NullPointerException: Cannot read field "title" because "info" is null'
        faults.append(Message("null-pointer", text, "/info" if "info" in document else ""))
    return Judgement(Kind.ASYNCAPI, not faults, tuple(faults), aborted=bool(faults))


def _faults(document: dict[str, Any]) -> Iterable[Message]:
    """Everything that is no object where the data model takes it for one; the product stops at the first."""
    waiting: list[tuple[Any, str, Pointer]] = [(document, "document", ())]
    while waiting:
        node, name, pointer = waiting.pop()
        if not isinstance(node, dict):
            yield _no_object(node, pointer)
        elif len(pointer) > _DEPTH:
            yield Message("too-deep", "the document is nested too deeply to be looked at", _written(pointer))
            return
        else:
            waiting.extend(_below(node, _SHAPES[name], pointer))


def _below(node: dict[str, Any], shape: _Shape, pointer: Pointer) -> Iterable[tuple[Any, str, Pointer]]:
    for key, name in shape.one.items():
        if node.get(key) is not None:
            yield node[key], name, (*pointer, key)
    for key, name in (*shape.each.items(), *shape.some.items()):
        value = node.get(key)
        if isinstance(value, dict):
            yield from ((item, name, (*pointer, key, own)) for own, item in value.items())
        elif value is not None and key in shape.each:
            yield value, name, (*pointer, key)
    for key, name in shape.items.items():
        yield from _list(node.get(key), name, (*pointer, key))
    for key, name in shape.loose.items():
        value = node.get(key)
        if isinstance(value, list):
            yield from _list(value, name, (*pointer, key))
        elif value is not None and not isinstance(value, bool):
            yield value, name, (*pointer, key)


def _list(value: Any, name: str, pointer: Pointer) -> Iterable[tuple[Any, str, Pointer]]:
    if isinstance(value, list):
        yield from ((item, name, (*pointer, str(number))) for number, item in enumerate(value))


def _no_object(node: Any, pointer: Pointer) -> Message:
    if node is None:
        return Message("null-pointer", "java.lang.NullPointerException: an object is null", _written(pointer))
    kind = next(name for known, name in _KINDS if isinstance(node, known))
    text = f"class {_ENVELOPE}.{kind}Node cannot be cast to class {_ENVELOPE}.ObjectNode"
    return Message("class-cast", f"java.lang.ClassCastException: {text}", _written(pointer))


def _written(pointer: Pointer) -> str:
    return "".join(f"/{escaped(part)}" for part in pointer)


def _aborted(code: str, text: str, pointer: str = "", *, line: int | None = None) -> Judgement:
    return Judgement(Kind.ASYNCAPI, False, (Message(code, text, pointer, line),), aborted=True)


class _Duplicate(Exception):
    """A key that an object has twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Duplicate(key)
            seen.add(key)
    return made


def _refuse(constant: str) -> Any:
    raise json.JSONDecodeError(f"Unrecognized token '{constant}'", "", 0)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_Number, parse_float=_Number, parse_constant=_refuse)
