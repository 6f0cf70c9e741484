"""
Writing a document back as it was written: JSON with the indentation it had, YAML with its comments and its layout.

YAML is not written anew: the lines of every entry that did not change are copied, and only what changed is written.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

import yaml

from apim_upgrade.definitions.reader import Node, printable
from apim_upgrade.definitions.text import Form, read

_INDENT = re.compile(r"\{\r?\n([ \t]+)\"").match
_WIDE = 4096


def write(document: Node, before: Node, text: str, form: Form) -> tuple[str, bool]:
    """
    ``document`` as a text in the manner of ``text``, whose value is ``before``; and whether its layout was kept.

    Raises ``ValueError`` for values that the form cannot express, such as infinite numbers in JSON.
    """
    if form is Form.JSON:
        return write_json(document, text), write_json(before, text) == text
    written = _write_yaml(document, before, text)
    if written is not None and same(read(written).document, document):
        return written, True
    return _dump(document), False


def difference(before: str, after: str, name: str) -> str:
    """
    A unified diff, empty where nothing changed.

    Where the result is JSON, both sides are shown as indented JSON, as far as they can be read, for JSON often stands
    in one line; where they hold the same values, a line says so instead.
    """
    if before == after:
        return ""
    heads = f"{name} (as it is)", f"{name} (repaired)"
    sides = [before, after]
    if read(after).form is Form.JSON:
        sides = [_indented(side) for side in sides]
    if sides[0] == sides[1]:
        return f"--- {heads[0]}\n+++ {heads[1]}\n@@ the same values, written anew @@\n"
    old, new = ([line + "\n" for line in side.splitlines()] for side in sides)
    return "".join(difflib.unified_diff(old, new, *heads))


def _indented(text: str) -> str:
    document = read(text).document
    return text if document is None else printable(json.dumps(document, indent=2, ensure_ascii=False))


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, taking 1, 1.0 and true for different and the order of keys for meaningful."""
    pending = [(one, other)]
    seen: set[tuple[int, int]] = set()
    while pending:
        left, right = pending.pop()
        if left is right:
            continue
        if type(left) is not type(right):
            return False
        if isinstance(left, (dict, list)):
            if (id(left), id(right)) in seen:
                continue
            seen.add((id(left), id(right)))
            if len(left) != len(right):
                return False
            if isinstance(left, dict):
                if list(left) != list(right):
                    return False
                pending.extend(zip(left.values(), right.values(), strict=True))
            else:
                pending.extend(zip(left, right, strict=True))
        elif left != right and not (left != left and right != right):
            return False
    return True


def write_json(document: Node, text: str = "{}") -> str:
    """A document as JSON in the manner of a text: its indentation, its blanks, what stands before and after it."""
    stripped = text.strip("".join(map(chr, range(33))))
    start = text.index(stripped[:1])
    found = _INDENT(stripped)
    indent = found.group(1) if found else None
    spaced = indent is not None or '": ' in stripped[:200]
    ascii_only = stripped.isascii() and "\\u" in stripped
    comma = "," if indent is not None or ('",' in stripped and '", ' not in stripped) else ", "
    body = printable(
        json.dumps(
            document,
            indent=indent,
            ensure_ascii=ascii_only,
            allow_nan=False,
            separators=(comma, ": ") if spaced else (",", ":"),
        )
    )
    if "\r\n" in stripped:
        body = body.replace("\n", "\r\n")
    return text[:start] + body + text[start + len(stripped) :]


# What is not closed reaches to the end, so that no text is gone through more than once.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|//[^\n]*|/\*.*?(?:\*/|(\Z))|,(?=\s*[}\]])', re.DOTALL)


def tolerant(text: str) -> Node | None:
    """
    What a text that is no JSON was surely meant to hold; None where that is not sure.

    Comments, commas before a closing bracket, control characters in texts, and single quotes are forgiven.
    """
    plain = _TOKEN.sub(lambda found: found.group() if found.group()[0] == '"' or found.start(1) >= 0 else "", text)
    for candidate in (plain, "\ufeff" + plain):
        if not plain.lstrip().startswith("{"):
            return None
        found = read(_escaped(candidate))
        if isinstance(found.document, dict) and not (found.duplicates or found.trailing or found.remark):
            return found.document
    return None


def _escaped(text: str) -> str:
    """The text with control characters inside double quotes written as JSON wants them."""
    return _TOKEN.sub(lambda found: _CONTROL.sub(lambda each: f"\\u{ord(each.group()):04x}", found.group()), text)


_CONTROL = re.compile(r"[\x00-\x1f]")


def all_duplicates_equal(text: str) -> bool:
    """Whether every key that stands twice in an object of a JSON text has the same value each time."""
    equal = True

    def node(pairs: list[tuple[str, Any]]) -> Node:
        nonlocal equal
        made: Node = {}
        for key, value in pairs:
            equal = equal and (key not in made or same(made[key], value))
            made[key] = value
        return made

    json.JSONDecoder(object_pairs_hook=node, strict=False).raw_decode(text.strip("".join(map(chr, range(33)))))
    return equal


class _Dumper(yaml.CSafeDumper):
    """Writes texts so that every reader of YAML 1.1 takes them for texts."""


_NUMERIC = frozenset("0123456789+-.=")


def _represent_text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if value[:1] in _NUMERIC else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def _dump(value: Any) -> str:
    return str(
        yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE, default_flow_style=False)
    )


def _write_yaml(document: Node, before: Node, text: str) -> str | None:
    if text.startswith("\ufeff{"):
        return "\ufeff" + write_json(document, text[1:])
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style or "\r" in text:
        return None
    writer = _Layout(text)
    return writer.text() if writer.mapping(root, before, document) else None


class _Layout:
    """Copies the lines of a YAML text, but for the entries that changed."""

    def __init__(self, text: str) -> None:
        self._source = text
        self._lines = text.splitlines(keepends=True)
        if self._lines and not self._lines[-1].endswith("\n"):
            self._lines[-1] += "\n"
        self._edits: list[tuple[int, int, str]] = []

    def text(self) -> str:
        """The whole text with the edits in it."""
        lines = list(self._lines)
        for first, after, written in sorted(self._edits, reverse=True):
            lines[first:after] = [written] if written else []
        return "".join(lines)

    def mapping(self, node: yaml.MappingNode, before: Node, after: Node) -> bool:
        """Note the edits that make ``after`` of a block mapping; False when it has to be written as a whole."""
        column = node.start_mark.column
        keys = [key.value for key, _ in node.value]
        if node.flow_style or keys != list(before) or not _plain_entries(node):
            return False
        renamed = _renamed(before, after)
        kept = [new for new in after if new in before or new in renamed]
        if [renamed.get(new, new) for new in kept] != [old for old in before if old in set(map(_old(renamed), kept))]:
            return False
        start_edits = len(self._edits)
        entries = {key.value: (key, value) for key, value in node.value}
        ends = self._ends(node)
        new_name = {old: new for new, old in renamed.items()}
        for old, (key, value) in entries.items():
            new = new_name.get(old, old)
            first, last = key.start_mark.line, ends[old]
            if new not in after:
                self._edit(first, last, "", column)
            elif after[new] is not before[old] and not same(before[old], after[new]):
                if new != old or not self._inner(value, before[old], after[new]):
                    self._edit(first, last, _dump({new: after[new]}), column)
            elif new != old:
                self._rename(key, new)
        added = {new: after[new] for new in after if new not in before and new not in renamed}
        for key, value in added.items():
            position = self._position(key, after, renamed, entries, ends, node)
            if position is None:
                del self._edits[start_edits:]
                return False
            self._edit(position, position, _dump({key: value}), column)
        return True

    def _inner(self, node: yaml.Node, before: Any, after: Any) -> bool:
        if isinstance(node, yaml.MappingNode) and isinstance(before, dict) and isinstance(after, dict) and after:
            return self._alone(node) and self.mapping(node, before, after)
        if isinstance(node, yaml.SequenceNode) and isinstance(before, list) and isinstance(after, list):
            return self._alone(node) and self._sequence(node, before, after)
        return False

    def _alone(self, node: yaml.Node) -> bool:
        """Whether a collection has lines of its own: nothing but its mark of a list before it, no anchor, no tag."""
        line = self._lines[node.start_mark.line][: node.start_mark.column]
        return not line.strip(" -")

    def _sequence(self, node: yaml.SequenceNode, before: list[Any], after: list[Any]) -> bool:
        if node.flow_style or len(before) != len(after) or len(node.value) != len(before):
            return False
        start_edits = len(self._edits)
        for item, old, new in zip(node.value, before, after, strict=True):
            if (new is not old and not same(old, new)) and not self._inner(item, old, new):
                del self._edits[start_edits:]
                return False
        return True

    def _ends(self, node: yaml.MappingNode) -> dict[str, int]:
        """The line after the last of each entry; what stands between two entries belongs to the one below."""
        ends = {}
        for key, value in node.value:
            mark = value.end_mark
            last = mark.line if mark.column == 0 or not self._lines_before(mark) else mark.line + 1
            last = max(last, key.start_mark.line + 1)
            while last > key.start_mark.line + 1 and self._is_gap(self._lines[min(last, len(self._lines)) - 1]):
                last -= 1
            ends[key.value] = min(last, len(self._lines))
        return ends

    def _lines_before(self, mark: Any) -> bool:
        """Whether anything but blanks stands before a mark in its line."""
        return mark.line < len(self._lines) and bool(self._lines[mark.line][: mark.column].strip())

    @staticmethod
    def _is_gap(line: str) -> bool:
        return not line.strip() or line.lstrip().startswith("#")

    def _position(
        self,
        key: str,
        after: Node,
        renamed: dict[str, str],
        entries: dict[str, tuple[Any, Any]],
        ends: dict[str, int],
        node: yaml.MappingNode,
    ) -> int | None:
        """The line at which a new entry goes: after the one that it follows."""
        previous = None
        for each in after:
            if each == key:
                break
            old = renamed.get(each, each)
            if old in entries:
                previous = old
        if previous is not None:
            return ends[previous]
        first = node.start_mark
        return first.line if not self._lines[first.line][: first.column].strip() else None

    def _edit(self, first: int, after: int, written: str, column: int) -> None:
        """Put text in place of lines, indented; what stands before the column in the first line is kept."""
        lead = self._lines[first][:column] if after > first else " " * column
        if not written:
            self._edits.append((first, after, lead + "\n" if lead.strip() else ""))
            return
        lines = written.splitlines(keepends=True)
        body = lead + lines[0] + "".join(" " * column + line if line.strip() else line for line in lines[1:])
        self._edits.append((first, after, body))

    def _rename(self, key: yaml.ScalarNode, new: str) -> None:
        line = self._lines[key.start_mark.line]
        written = _dump({new: 1}).rpartition(":")[0]
        changed = line[: key.start_mark.column] + written + line[key.end_mark.column :]
        self._lines[key.start_mark.line] = changed


def _plain_entries(node: yaml.MappingNode) -> bool:
    """Whether every key stands at the start of its own line and is a simple scalar."""
    column = node.start_mark.column
    lines = [key.start_mark.line for key, _ in node.value]
    return len(set(lines)) == len(lines) and all(
        isinstance(key, yaml.ScalarNode)
        and key.start_mark.column == column
        and key.start_mark.line == key.end_mark.line
        and key.value != "<<"
        for key, _ in node.value
    )


def _old(renamed: dict[str, str]) -> Any:
    return lambda new: renamed.get(new, new)


def _renamed(before: Node, after: Node) -> dict[str, str]:
    """New names by old ones: an entry that is gone and one that is new with the very same value."""
    gone = [key for key in before if key not in after]
    new = [key for key in after if key not in before]
    pairs: dict[str, str] = {}
    for key in new:
        old = next((old for old in gone if same(before[old], after[key])), None)
        if old is not None:
            pairs[key] = old
            gone.remove(old)
    return pairs
