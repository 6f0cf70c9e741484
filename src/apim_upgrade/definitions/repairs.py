"""
Mechanical repairs of OpenAPI and Swagger definitions, each proven by judging the repaired text again.

A change is kept when the message that it is about is gone and no other has come; only what the product looks at later,
once its parser is silent, may show itself then, and is repaired in turn. What is left over is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from yaml import YAMLError

from apim_upgrade.definitions.fixes import fixes_for
from apim_upgrade.definitions.fixes.case import Case, Fix
from apim_upgrade.definitions.model import Judgement, Message
from apim_upgrade.definitions.openapi import judge
from apim_upgrade.definitions.reader import Node, printable, unescaped
from apim_upgrade.definitions.text import Form, Text, read
from apim_upgrade.definitions.writing import all_duplicates_equal, difference, same, tolerant, write, write_json

_MOST_TRIES = 1_000
_MOST_CHARACTERS = 200_000_000
"""Characters judged in one repair, all tries together, so that a large text with many faults ends in minutes."""
_LATER = frozenset(
    (
        "scope-undeclared",
        "class-cast",
        "null-pointer",
        "empty-path-key",
        "no-operations",
        "trailing-slash-twin",
        "no-spec-version",
    )
)
"""What the product looks at only after a parse without messages."""
_LAST = frozenset(("path-without-slash", "empty-path-key", "bad-component-name", "trailing-slash-twin"))
"""Fixes that rename places, or move operations, and so wait until nothing else can be mended."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed: the code of the message it answers, where, and a sentence."""

    code: str
    pointer: str
    what: str


@dataclass(frozen=True, slots=True)
class Repair:
    """
    A repaired definition, as UTF-8.

    ``left`` are the messages that remain; with none of them the release accepts the definition and can read its
    operations. ``note`` says what became of the layout where it could not be kept, empty where it was.
    """

    before: str
    text: bytes
    changes: tuple[Change, ...]
    left: tuple[Message, ...]
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether the repaired definition has nothing wrong any more."""
        return not self.left

    def diff(self, name: str = "definition") -> str:
        """What changes, as a unified diff; JSON is shown indented, YAML as it stands."""
        return difference(self.before, self.text.decode(), name)


def repair(document_text: bytes, release: str, *, name: str = "", version: str = "") -> Repair | None:
    """
    Repair a definition for a release as far as that can be done safely; None where nothing is wrong or can be mended.

    ``name`` and ``version`` are those of the API, for definitions that lack a title or version of their own. How much
    is tried depends on the length of the text alone; what is left of a very large one may be repaired again. Raises
    ``ValueError`` for a release whose verdicts are not known, and nothing for any text.
    """
    judgement = judge(document_text, release)
    if judgement.acceptable:
        return None
    text = read(document_text)
    try:
        attempt = _Attempt(text, release, name, version)
        attempt.run(judgement)
    # Values that cannot be written down again, such as infinite numbers, and layouts that the writer cannot follow.
    except (RecursionError, ValueError, OverflowError, YAMLError):
        return None
    return attempt.result()


_SWAGGER_ALONE = frozenset(
    ("basePath", "host", "definitions", "securityDefinitions", "schemes", "consumes", "produces")
)
_OPENAPI_ALONE = frozenset(("components", "servers"))


@dataclass(slots=True)
class _Attempt:
    """The state of one repair: the best text so far, and what is said of it."""

    source: Text
    release: str
    name: str
    version: str
    text: str = ""
    judgement: Judgement = field(init=False)
    changes: list[Change] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    futile: set[Message] = field(default_factory=set)
    fruitful: bool = False
    tries: int = 0
    spare: Any = None
    """The document as it is, until a fix changes it."""

    def run(self, judgement: Judgement) -> None:
        self.text, self.judgement = self.source.text, judgement
        if not self._make_readable():
            return
        self.tries = min(_MOST_TRIES, _MOST_CHARACTERS // max(len(self.text), 1))
        while self.tries > 0 and self._round():
            pass

    def _round(self) -> bool:
        messages = [each for each in self.judgement.messages if fixes_for(each) and each not in self.futile]
        urgent = [each for each in messages if each.code not in _LAST]
        rest = [each for each in messages if each.code in _LAST]
        if any(self._mend(each) for each in (urgent, rest) if each):
            self.fruitful = True
            return True
        # What could not be mended before may be now that others are.
        again, self.fruitful = self.fruitful, False
        self.futile.clear()
        return again

    def result(self) -> Repair | None:
        if not self.changes:
            return None
        return Repair(
            before=self.source.text,
            text=self.text.encode(),
            changes=tuple(self.changes),
            left=() if self.judgement.acceptable else self.judgement.messages,
            note=" ".join(self.notes),
        )

    def _make_readable(self) -> bool:
        """Mend the text itself, where it can be, so that there is a document of a known language to repair."""
        document = self.source.document
        if self.source.problem is not None:
            document = tolerant(self.source.text)
            if document is None:
                return False
            self._rewrite(document, "syntax", "the text is written anew as strict JSON")
        elif self.source.duplicates:
            if self.source.form is not Form.JSON or not all_duplicates_equal(self.source.text):
                return False
            self._rewrite(document, "duplicate-key", "keys given twice with the same value are given once")
        elif "yaml-too-large" in self.judgement.codes:
            self._rewrite(document, "yaml-too-large", "the definition is written as JSON, which has no limit")
            self.notes["The text is JSON now: as YAML it is longer than the product reads."] = None
        if not isinstance(document, dict) or self.source.trailing or self.source.remark:
            self.changes.clear()
            return False
        return "swagger" in document or "openapi" in document or self._name_language(document)

    def _rewrite(self, document: Any, code: str, what: str) -> None:
        self.text = write_json(document, self.source.text if self.source.form is Form.JSON else "{}")
        self.judgement = judge(self.text, self.release)
        self.changes.append(Change(code, "", what))

    def _name_language(self, document: Node) -> bool:
        swagger, openapi = (any(key in document for key in keys) for keys in (_SWAGGER_ALONE, _OPENAPI_ALONE))
        if swagger == openapi or "paths" not in document:
            self.changes.clear()
            return False
        key, value = ("swagger", "2.0") if swagger else ("openapi", "3.0.1")
        before = read(self.text)
        text, kept = write({key: value, **before.document}, before.document, self.text, before.form)
        self._accept(text, judge(text, self.release), [Change("no-spec-version", "", f"{key} is {value}")], kept)
        return True

    def _accept(self, text: str, judgement: Judgement, changes: list[Change], kept: bool) -> None:
        self.text, self.judgement = text, judgement
        self.changes += changes
        if not kept:
            json_note = "The blanks between the values are written anew."
            yaml_note = "The YAML is written anew: its comments and its layout are lost."
            self.notes[json_note if read(text).form is Form.JSON else yaml_note] = None

    def _mend(self, messages: Sequence[Message]) -> bool:
        """Try the first fix of every message at once, halving what does not hold; whether anything was kept."""
        if self._try([(message, None) for message in messages]):
            return True
        if len(messages) > 1:
            half = len(messages) // 2
            first = self._mend(messages[:half])
            # What the first half changed may have moved the places of the second, which waits for the next round.
            return first or self._mend(messages[half:])
        if any(self._try([(messages[0], fix)]) for fix in fixes_for(messages[0])[1:]):
            return True
        self.futile.add(messages[0])
        return False

    def _try(self, wanted: Sequence[tuple[Message, Fix | None]]) -> bool:
        if self.tries <= 0:
            return False
        if self.spare is None:
            self.spare = read(self.text).document
        document = self.spare
        memo: dict[str, Any] = {}
        cases = [(case, fix) for message, fix in wanted if (case := self._case(document, message, memo)) is not None]
        changes = []
        for case, fix in cases:
            what = fix(case) if fix is not None else _first(case)
            if what is not None:
                changes.append(Change(case.message.code, case.message.pointer, printable(what)))
        if not changes:
            return False
        self.spare = None
        self.tries -= 1
        before = read(self.text)
        text, kept = write(document, before.document, self.text, before.form)
        judgement = judge(text, self.release)
        answered = {(change.code, change.pointer) for change in changes}
        if not self._holds(judgement, answered) or not same(read(text).document, document):
            return False
        self._accept(text, judgement, changes, kept)
        return True

    def _case(self, document: Node, message: Message, memo: dict[str, Any]) -> Case | None:
        tokens = [unescaped(token) for token in message.pointer.split("/")[1:]]
        holder: Any = None
        node: Any = document
        for token in tokens:
            holder = node
            if isinstance(node, dict) and token in node:
                node = node[token]
            elif isinstance(node, list) and token.isdigit() and int(token) < len(node):
                node = node[int(token)]
            else:
                return None
        last = tokens[-1] if tokens else ""
        beside = isinstance(holder, dict) and "$ref" in holder and last != "$ref"
        return Case(document, message, tuple(tokens), holder, last, node, self.name, self.version, beside, memo)

    def _holds(self, judgement: Judgement, answered: set[tuple[str, str]]) -> bool:
        known = {message.text for message in self.judgement.messages}
        for message in judgement.messages:
            if message.text not in known and not (message.code in _LATER and _only_later(judgement)):
                return False
            if (message.code, message.pointer) in answered and message.text in known:
                return False
        return True


def _only_later(judgement: Judgement) -> bool:
    return all(message.code in _LATER for message in judgement.messages)


def _first(case: Case) -> str | None:
    """Apply the first fix that says it applies."""
    for fix in fixes_for(case.message):
        what = fix(case)
        if what is not None:
            return what
    return None
