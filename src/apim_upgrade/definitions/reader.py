"""
How the product's parsers read the fields of a document, and what they say of them; shared by OpenAPI 3 and Swagger 2.

A document is what the text is: ``dict`` (keys are always text), ``list``, ``str``, ``int``, ``float``, ``bool``, None.
A *reading* walks it once and notes findings. A finding names the object or list it is about and, where it has one, the
key in it; JSON pointers and lines are looked up afterwards, for findings alone, so that a sound document pays nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any

Node = dict[str, Any]
"""An object of a document."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing said: ``about`` is the object or list it concerns (None: the whole), ``key`` the key or index in it."""

    code: str
    text: str
    about: object = None
    key: str | int | None = None


class Broken(Exception):
    """The product's parser breaks off here: what it said before is lost, and only this is said."""

    def __init__(self, code: str, text: str, about: object = None, key: str | int | None = None) -> None:
        super().__init__(text)
        self.finding = Finding(code, text, about, key)


MOST_SAID = 32 * 2**20
"""Characters of all messages about one document. A text has its whole location in it, so few long keys make many."""


class TooMuchSaid(Exception):
    """More would be said of a document than ``MOST_SAID``."""


class Findings:
    """
    Everything said about one document, in the order it was noticed; equal texts are said once.

    ``null_is_text`` tells the Swagger 2 parser that the text it reads is JSON: there a null where a string belongs is
    the text ``null``, while in YAML it is as good as absent.
    """

    __slots__ = ("_characters", "_said", "items", "null_is_text")

    def __init__(self, *, null_is_text: bool = False) -> None:
        self.items: list[Finding] = []
        self.null_is_text = null_is_text
        self._said: set[str] = set()
        self._characters = 0

    def __bool__(self) -> bool:
        return bool(self.items)

    def say(self, code: str, text: str, about: object = None, key: str | int | None = None) -> None:
        """Note a finding with the product's text, unless the same was said before. Raises ``TooMuchSaid``."""
        if text not in self._said:
            self._characters += len(text)
            if self._characters > MOST_SAID:
                raise TooMuchSaid
            self._said.add(text)
            self.items.append(Finding(code, text, about, key))

    def add(self, finding: Finding) -> None:
        """The same for a finding made elsewhere."""
        self.say(finding.code, finding.text, finding.about, finding.key)

    def only(self, finding: Finding) -> None:
        """Forget what was said and say this alone."""
        self.items = [finding]
        self._said = {finding.text}

    def missing(self, location: str, key: str, about: object) -> None:
        """A required key is absent."""
        self.say("missing", f"attribute {joined(location, key)} is missing", about)

    def unexpected(self, location: str, key: str, about: object) -> None:
        """A key that the parser does not know."""
        self.say("unexpected-key", f"attribute {joined(location, key)} is unexpected", about, key)

    def wrong_type(self, location: str, key: str, about: object, expected: str) -> None:
        """A value of the wrong kind, or outside the set or form that ``expected`` names."""
        self.say("wrong-type", f"attribute {joined(location, key)} is not of type `{expected}`", about, key)

    def unsupported(self, location: str, key: str, about: object) -> None:
        """Something that the parser refuses to support."""
        self.say("unsupported", f"attribute {joined(location, key)} is unsupported", about, key)

    def repeated(self, location: str, key: str, about: object) -> None:
        """A name that must be unique."""
        self.say("repeated", f"attribute {joined(location, key)} is repeated", about, key)


def joined(location: str, key: str) -> str:
    """The product's text for a key at a location; the root has an empty location."""
    return f"{location}.{key}" if location else key


@dataclass(frozen=True, slots=True)
class Field:
    """What a field takes: the type the parser names when it complains, and the Python types it lets pass."""

    expected: str
    accepted: frozenset[type]


_SCALARS: frozenset[type] = frozenset((str, int, float, bool, NoneType))
_EVERYTHING: frozenset[type] = _SCALARS | frozenset((dict, list))

STRING = Field("string", _SCALARS)
"""Any scalar becomes text; null is as good as absent (Swagger 2 in JSON: the text ``null``)."""
OBJECT = Field("object", frozenset((dict,)))
ARRAY = Field("array", frozenset((list,)))
BOOLEAN = Field("boolean", _EVERYTHING)
"""Never complained of: what is neither a boolean nor a string is ignored."""
INTEGER = Field("integer", _SCALARS)
DOUBLE = Field("double", _SCALARS)
ANYTHING = Field("value", _EVERYTHING)
"""Known, and read by a rule of its own."""

Table = Mapping[str, Field]
"""The known keys of one kind of object."""


def table(
    *,
    string: str = "",
    obj: str = "",
    array: str = "",
    boolean: str = "",
    integer: str = "",
    double: str = "",
    anything: str = "",
) -> dict[str, Field]:
    """A table of known keys, each given as a list of names parted by blanks."""
    kinds = {STRING: string, OBJECT: obj, ARRAY: array, BOOLEAN: boolean}
    kinds |= {INTEGER: integer, DOUBLE: double, ANYTHING: anything}
    return {name: field for field, names in kinds.items() for name in names.split()}


def read_fields(node: Node, known: Table, location: str, findings: Findings) -> None:
    """Complain of keys that are not known (unless they start with ``x-``) and of values of the wrong kind."""
    for key, value in node.items():
        field = known.get(key)
        if field is None:
            if key[:2] != "x-":
                findings.unexpected(location, key, node)
        elif type(value) not in field.accepted:
            findings.wrong_type(location, key, node, field.expected)


def require(node: Node, keys: tuple[str, ...], location: str, findings: Findings) -> None:
    """Complain of required keys that are absent; null counts as there."""
    for key in keys:
        if key not in node:
            findings.missing(location, key, node)


def object_at(node: Node, key: str) -> Node | None:
    """The object under a key, None when there is none or it is of another kind."""
    value = node.get(key)
    return value if isinstance(value, dict) else None


def list_at(node: Node, key: str) -> list[Any] | None:
    """The list under a key, None when there is none or it is of another kind."""
    value = node.get(key)
    return value if isinstance(value, list) else None


def text_of(value: object) -> str | None:
    """A scalar as the parsers make it text; None for null, objects and lists."""
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def text_at(node: Node, key: str) -> str | None:
    """The text under a key, None when it is absent, null, or no scalar."""
    return text_of(node.get(key))


def escaped(token: str) -> str:
    """A key as it is written in a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def unescaped(token: str) -> str:
    """The key that a part of a JSON pointer means."""
    return token.replace("~1", "/").replace("~0", "~")


def printable(text: str) -> str:
    """A text that files and databases take: half characters and NULs, which JSON may hold, are written as escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\u0000").encode(errors="backslashreplace").decode()


def names_in_braces(path: str) -> list[str]:
    """The names of ``{name}`` in a path, each up to the next closing brace; one pass, however many braces there are."""
    names = []
    opening = path.find("{")
    while opening >= 0 and (closing := path.find("}", opening + 2)) >= 0:
        names.append(path[opening + 1 : closing])
        opening = path.find("{", closing + 1)
    return names
