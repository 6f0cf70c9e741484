"""
The text of an OpenAPI or Swagger definition: JSON or YAML, read safely and once; lines only when asked for.

Plain Python values come out: ``dict`` with text keys, ``list``, ``str``, ``int``, ``float``, ``bool``, None. YAML is
read from libyaml's events with a constructor of our own: the types of YAML 1.1 without timestamps, aliases counted
before they multiply, no cycles, no objects, bounded depth.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml
from yaml._yaml import CParser

from apim_upgrade.definitions.lines import BLANK, lines_in_json, lines_in_yaml
from apim_upgrade.definitions.reader import Node
from apim_upgrade.definitions.yaml_scalars import STARTS_OF_NUMBERS, TAGS, WORDS, key_text, number

LARGEST_JSON = 32 * 2**20
"""Characters of JSON that are read; the product has no limit, memory has."""
LARGEST_YAML = 16 * 2**20
"""Characters of YAML that are read where the product has no limit."""
PRODUCT_YAML_LIMIT = 3_145_728
"""Characters of YAML that the product's reader takes since 4.2.0."""
DEEPEST = 400
"""Objects and lists within each other."""
MOST_NODES = 2_000_000
"""Values of a YAML text with every alias written out."""


class Form(StrEnum):
    """How a text is written."""

    JSON = "json"
    YAML = "yaml"


@dataclass(slots=True)
class Duplicate:
    """A key that stands twice in one object."""

    holder: Node
    key: str


@dataclass(slots=True)
class Text:
    """
    A text that was read.

    ``document`` is its value, None where nothing could be read of it. ``problem`` says what is wrong with the text for
    every reader (``too_large``: only its size), ``remark`` what only the stricter of the product's two YAML readers
    refuses, ``trailing`` that something follows the end of the JSON value.
    """

    text: str
    form: Form
    document: Any = None
    problem: str | None = None
    problem_line: int | None = None
    too_large: bool = False
    remark: str | None = None
    trailing: bool = False
    duplicates: list[Duplicate] = field(default_factory=list)

    def lines(self, pointers: Iterable[str]) -> dict[str, int]:
        """The line, from 1, of the value or key that each JSON pointer leads to; what cannot be found is left out."""
        find = lines_in_json if self.form is Form.JSON else lines_in_yaml
        return find(self.text, pointers)


class _Unreadable(Exception):
    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read(raw: bytes | str, *, longest_yaml: int = LARGEST_YAML) -> Text:
    """
    Read a text, which never fails: what is wrong with it is told by the answer. YAML is read up to ``longest_yaml``
    characters.

    JSON is what begins with ``{`` after blanks and control characters; all else is YAML, so JSON after a byte-order
    mark is read as YAML, as the product does.
    """
    if isinstance(raw, bytes):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            return Text("", Form.YAML, problem=f"not UTF-8 at byte {error.start}", problem_line=line)
    else:
        text = raw
    start = BLANK(text).end()  # type: ignore[union-attr]
    form = Form.JSON if text.startswith("{", start) else Form.YAML
    answer = Text(text, form)
    if start == len(text):
        return answer
    limit = LARGEST_JSON if form is Form.JSON else longest_yaml
    if len(text) > limit:
        answer.too_large = True
        answer.problem = f"longer than the {limit:,} characters that are read"
        return answer
    try:
        if form is Form.JSON:
            _read_json(answer, start)
        else:
            _read_yaml(answer)
    except RecursionError:
        answer.problem = "objects and lists are nested too deeply"
    except _Unreadable as unreadable:
        answer.problem, answer.problem_line = unreadable.message, unreadable.line
    if answer.problem:
        answer.document = None
    return answer


def _read_json(answer: Text, start: int) -> None:
    duplicates = answer.duplicates

    def node(pairs: list[tuple[str, Any]]) -> Node:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    duplicates.append(Duplicate(made, key))
                seen.add(key)
        return made

    decoder = json.JSONDecoder(object_pairs_hook=node, parse_constant=_refuse_constant)
    try:
        answer.document, end = decoder.raw_decode(answer.text, start)
    except json.JSONDecodeError as error:
        raise _Unreadable(f"{error.msg} at line {error.lineno}, column {error.colno}", error.lineno) from None
    except ValueError as error:
        raise _Unreadable(str(error)) from None
    answer.trailing = BLANK(answer.text, end).end() < len(answer.text)  # type: ignore[union-attr]


def _refuse_constant(name: str) -> None:
    raise _Unreadable(f"{name} is no JSON")


# -- YAML --------------------------------------------------------------------------------------------------------------

_COLLECTION_TAGS = frozenset((None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"))
_NO_KEY = object()
_MERGE = object()


def _read_yaml(answer: Text) -> None:
    try:
        _build(answer)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise _Unreadable(f"{said}{where}", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise _Unreadable(str(error).splitlines()[0]) from None


def _build(answer: Text) -> None:
    """Make values of libyaml's events, without recursion."""
    event_of: Callable[[], Any] = CParser(answer.text).get_event
    scalar_event, alias_event = yaml.ScalarEvent, yaml.AliasEvent
    mapping_start, sequence_start = yaml.MappingStartEvent, yaml.SequenceStartEvent
    mapping_end, sequence_end = yaml.MappingEndEvent, yaml.SequenceEndEvent

    words, numbers = WORDS, STARTS_OF_NUMBERS
    anchors: dict[str, Any] = {}
    weights: dict[str, int] = {}
    merges: dict[int, list[Any]] = {}
    stack: list[tuple[Any, Any, str | None, int]] = []
    node: Any = []
    key: Any = None  # Of the object being read; None while a list is.
    opened: str | None = None
    begun = total = 0

    while True:
        event = event_of()
        kind = type(event)
        total += 1
        if kind is scalar_event:
            value = event.value
            tag = event.tag
            if tag is None or tag == "!":
                if not event.style and tag is None:
                    if value in words:
                        value = words[value]
                    elif value[0] in numbers:
                        value = number(value)
                    elif value == "<<" and key is _NO_KEY:
                        key = _MERGE
                        continue
            elif (made := TAGS.get(tag)) is not None:
                value = made(value)
            else:
                answer.remark = answer.remark or f"could not determine a constructor for the tag {tag}"
            if event.anchor is not None:
                anchors[event.anchor] = value
                weights[event.anchor] = 1
        elif kind is mapping_start or kind is sequence_start:
            if len(stack) >= DEEPEST:
                raise _Unreadable(f"nested deeper than {DEEPEST} objects and lists", event.start_mark.line + 1)
            if key is _NO_KEY:
                raise _Unreadable("a key that is no scalar", event.start_mark.line + 1)
            if event.tag not in _COLLECTION_TAGS:
                answer.remark = answer.remark or f"could not determine a constructor for the tag {event.tag}"
            value = {} if kind is mapping_start else []
            if key is None:
                node.append(value)
            elif key is _MERGE:
                merges.setdefault(id(node), []).append(value)
            else:
                node[key] = value
            stack.append((node, None if key is None else _NO_KEY, opened, begun))
            node, key, opened, begun = value, _NO_KEY if kind is mapping_start else None, event.anchor, total
            if opened is not None:
                anchors[opened] = value
                weights.pop(opened, None)
            continue
        elif kind is mapping_end or kind is sequence_end:
            if merges and (merged := merges.pop(id(node), None)):
                _merge(node, merged, answer)
            if opened is not None:
                weights[opened] = total - begun
            node, key, opened, begun = stack.pop()
            continue
        elif kind is alias_event:
            anchor = event.anchor
            if anchor not in weights:
                what = "leads into itself" if anchor in anchors else "is not defined"
                raise _Unreadable(f"the alias {anchor} {what}", event.start_mark.line + 1)
            value = anchors[anchor]
            total += weights[anchor]
            if total > MOST_NODES:
                raise _Unreadable(
                    f"more than {MOST_NODES:,} values with the aliases written out", event.start_mark.line + 1
                )
            if key is _NO_KEY and type(value) in (dict, list):
                raise _Unreadable("a key that is no scalar", event.start_mark.line + 1)
        elif kind is yaml.StreamEndEvent:
            break
        else:
            if kind is yaml.DocumentStartEvent and node:
                answer.remark = answer.remark or "expected a single document in the stream, but found another document"
                break
            continue
        # A scalar, or what an alias stands for.
        if key is None:
            node.append(value)
        elif key is _NO_KEY:
            key = value if type(value) is str else key_text(value)
            if key in node:
                answer.duplicates.append(Duplicate(node, key))
        elif key is _MERGE:
            merges.setdefault(id(node), []).append(value)
            key = _NO_KEY
        else:
            node[key] = value
            key = _NO_KEY
    answer.document = node[0] if node else None


def _merge(node: Node, merged: list[Any], answer: Text) -> None:
    """Take over what ``<<`` names; own keys win, then those named first."""
    for value in merged:
        for source in value if type(value) is list else [value]:
            if type(source) is not dict:
                answer.remark = answer.remark or "expected a mapping or list of mappings for merging"
                continue
            for key, inherited in source.items():
                node.setdefault(key, inherited)
