"""On which line of a JSON or YAML text the places stand that JSON pointers lead to; the text is read for them alone."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

import yaml
from yaml._yaml import CParser

from apim_upgrade.definitions.reader import unescaped
from apim_upgrade.definitions.yaml_scalars import WORDS, key_text, number

BLANK = re.compile(r"[\x00-\x20]*").match
"""What the product passes over before and after a JSON value."""
_SPACE = re.compile(r"[ \t\n\r]*").match
_HERE = 0
"""Marks the end of a pointer among the keys that lead on; no key is a number."""


def _tree(pointers: Iterable[str]) -> dict[Any, Any]:
    """The pointers by their parts, so that one walk finds them all."""
    wanted: dict[Any, Any] = {}
    for pointer in pointers:
        branch = wanted
        for token in pointer.split("/")[1:]:
            branch = branch.setdefault(unescaped(token), {})
        branch[_HERE] = pointer
    return wanted


def lines_in_json(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """The lines, from 1, of what JSON pointers lead to; where a text breaks off, those before the break are known."""
    wanted = _tree(pointers)
    found: dict[str, int] = {}
    skip: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    counted_to, line = 0, 1

    def note(branch: dict[Any, Any], at: int) -> None:
        nonlocal counted_to, line
        if _HERE in branch and branch[_HERE] not in found:
            line += text.count("\n", counted_to, at)
            counted_to = at
            found[branch[_HERE]] = line

    def blank(at: int) -> int:
        return _SPACE(text, at).end()  # type: ignore[union-attr]

    def visit(branch: dict[Any, Any], at: int) -> int:
        """Go through one value, of which some parts are wanted; answers where it ends."""
        if text[at] == "{":
            at = blank(at + 1)
            while text[at] != "}":
                begin = at
                key, at = scanstring(text, at + 1, True)
                at = blank(blank(at) + 1)
                at = step(branch, key, begin, at)
            return at + 1
        if text[at] == "[":
            at = blank(at + 1)
            index = 0
            while text[at] != "]":
                at = step(branch, str(index), at, at)
                index += 1
            return at + 1
        return skip(text, at)[1]

    def step(branch: dict[Any, Any], token: str, begin: int, at: int) -> int:
        inner = branch.get(token)
        if inner is None:
            at = skip(text, at)[1]
        else:
            note(inner, begin)
            at = visit(inner, at) if len(inner) > (_HERE in inner) else skip(text, at)[1]
        at = blank(at)
        return blank(at + 1) if text[at] == "," else at

    start = BLANK(text).end()  # type: ignore[union-attr]
    note(wanted, start)
    # Lines are a courtesy: of a text that breaks off, those before the break are known.
    with contextlib.suppress(ValueError, IndexError, StopIteration, RecursionError):
        visit(wanted, start)
    return found


def lines_in_yaml(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """The same of YAML."""
    wanted = _tree(pointers)
    found: dict[str, int] = {}
    missing = _count(wanted)
    event_of: Callable[[], Any] = CParser(text).get_event
    empty: dict[Any, Any] = {}
    stack: list[tuple[dict[Any, Any], Any]] = []
    branch: dict[Any, Any] = {"": wanted}
    place: Any = ""  # The key waited for (None), the key whose value comes, or the index in a list.
    try:
        while missing:
            event = event_of()
            kind = type(event)
            if kind is yaml.StreamEndEvent:
                break
            if kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
                branch, place = stack.pop()
            elif kind in (yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent):
                if place is None:
                    # Only what is wanted is looked up, so that keys which are numbers or words match as they are.
                    value = event.value if kind is yaml.ScalarEvent else ""
                    if kind is yaml.ScalarEvent and not event.style and value not in branch:
                        value = key_text(WORDS[value] if value in WORDS else number(value))
                    place = value
                    inner = branch.get(value, empty)
                    if _HERE in inner and inner[_HERE] not in found:
                        found[inner[_HERE]] = event.start_mark.line + 1
                        missing -= 1
                    continue
                token = str(place) if isinstance(place, int) else place
                inner = branch.get(token, empty)
                if _HERE in inner and inner[_HERE] not in found:
                    found[inner[_HERE]] = event.start_mark.line + 1
                    missing -= 1
                after = place + 1 if isinstance(place, int) else None
                if kind is yaml.MappingStartEvent:
                    stack.append((branch, after))
                    branch, place = inner, None
                elif kind is yaml.SequenceStartEvent:
                    stack.append((branch, after))
                    branch, place = inner, 0
                else:
                    place = after
    except yaml.YAMLError:
        pass  # As above.
    return found


def _count(wanted: dict[Any, Any]) -> int:
    return sum(1 if key == _HERE else _count(inner) for key, inner in wanted.items())
