"""
The product's validate call for OpenAPI and Swagger texts, step by step, as each release makes it.

The steps are the product's: the form of the text, a lenient and a strict look at the JSON, removal of ``servers`` below
``paths``, the OpenAPI 3 parser, the Swagger 2 parser where ``openapi`` is missing, WSO2's own tests, and the reading of
the operations that the product's upgrade does afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from apim_upgrade.definitions import openapi3, swagger2, templates, twins
from apim_upgrade.definitions.model import Judgement, Kind, Message
from apim_upgrade.definitions.reader import (
    MOST_SAID,
    Finding,
    Findings,
    Node,
    TooMuchSaid,
    escaped,
    list_at,
    object_at,
    printable,
    text_at,
)
from apim_upgrade.definitions.rules import Rules, rules_of
from apim_upgrade.definitions.text import PRODUCT_YAML_LIMIT, Form, Text, read

_TOO_LARGE = f"The incoming YAML document exceeds the limit: {PRODUCT_YAML_LIMIT} code points."


def judge(raw: bytes | str, release: str, *, relaxed: bool = False) -> Judgement:
    """
    Judge a text as ``release`` would; ``relaxed`` where the server runs with ``-DswaggerRelaxedValidation``.

    Raises ``ValueError`` for a release whose verdicts are not known, and nothing for any text.
    """
    rules = rules_of(release)
    text = read(raw, longest_yaml=PRODUCT_YAML_LIMIT) if rules.text_steps else read(raw)
    try:
        return _judge(text, rules, relaxed=relaxed and rules.relaxed_mode)
    except RecursionError:
        return _refused(text, "syntax", "objects and lists are nested too deeply")
    except TooMuchSaid:
        return _refused(text, "too-large", f"what is wrong with it fills more than {MOST_SAID:,} characters")


def _judge(text: Text, rules: Rules, *, relaxed: bool) -> Judgement:
    refusal = _refusal(text, rules)
    if refusal is not None:
        return refusal
    document: Node = text.document
    stripped = _without_servers(text, document) if rules.text_steps else document
    return _Said(text, stripped, rules, relaxed=relaxed, rewritten=stripped is not document).judgement()


def _refusal(text: Text, rules: Rules) -> Judgement | None:
    """The judgement of a text that no parser gets to see, or that none can make an object of."""
    if rules.text_steps and text.form is Form.YAML and text.too_large:
        return _refused(text, "yaml-too-large", _TOO_LARGE, aborted=True)
    if text.problem is not None:
        aborted = rules.text_steps and text.form is Form.YAML
        return _refused(text, "syntax", text.problem, line=text.problem_line, aborted=aborted)
    if not isinstance(text.document, dict):
        if rules.text_steps:
            return _refused(text, "syntax", "com.google.gson.JsonSyntaxException: Expected a JsonObject")
        if not text.text.strip():
            return _refused(text, "other", "No swagger supplied")
        return _refused(text, "wrong-type", "attribute openapi is not of type `object`")
    if text.trailing and rules.text_steps:
        return _refused(text, "syntax", "com.google.gson.JsonSyntaxException: there is text after the end")
    if text.duplicates:
        holder, key = text.duplicates[0].holder, text.duplicates[0].key
        if rules.duplicates_end_parse:
            return _refused(text, "duplicate-key", f"Duplicate field '{key}'", holder, key)
        if text.form is Form.JSON:
            return _refused(text, "duplicate-key", f'org.json.JSONException: Duplicate key "{key}"', holder, key)
    return None


class _Said:
    """What is said of one document by the parser that decides."""

    def __init__(self, text: Text, document: Node, rules: Rules, *, relaxed: bool, rewritten: bool) -> None:
        self.text = text
        self.document = document
        self.rules = rules
        self.relaxed = relaxed
        self.rewritten = rewritten

    def of_the_text(self, findings: Findings) -> None:
        """What the OpenAPI 3 parser's own reader says of a text that other readers have let pass."""
        for duplicate in self.text.duplicates:
            text = f"Duplicate field {duplicate.key} in `null`"
            findings.say("duplicate-key", text, duplicate.holder, duplicate.key)
        if self.text.remark:
            findings.say("syntax", self.text.remark)

    def judgement(self) -> Judgement:
        if "openapi" in self.document:
            return self.of_openapi3()
        findings = Findings(null_is_text=self.rewritten or self.text.form is Form.JSON)
        outcome = swagger2.judge(self.document, findings, self.rules, relaxed=self.relaxed)
        return self.answer(findings, 2, valid=outcome.valid, aborted=outcome.aborted)

    def of_openapi3(self) -> Judgement:
        document, rules = self.document, self.rules
        findings = Findings()
        made = openapi3.check(document, findings, rules)
        aborted = False
        if not made and not findings:
            aborted = not rules.text_steps
            findings.say("null-pointer", "java.lang.NullPointerException: the parser gives no document", document)
        if not self.rewritten:
            self.of_the_text(findings)
        valid = made and (not findings or (self.relaxed and self.informed))
        if valid and not findings:
            twins.check(document, findings, rules, major=3)
            valid = not findings
        if valid and (nameless := self.server_without_url()) is not None:
            findings.say("null-pointer", "java.lang.NullPointerException: a server without url", nameless)
            valid = False
        return self.answer(findings, 3, valid=valid, aborted=aborted)

    @property
    def informed(self) -> bool:
        return self.rules.info_made_up or object_at(self.document, "info") is not None

    def server_without_url(self) -> Node | None:
        """A server whose url the product would read and not find."""
        for server in list_at(self.document, "servers") or ():
            if isinstance(server, dict) and text_at(server, "url") is None:
                return server
        return None

    def answer(self, findings: Findings, major: Literal[2, 3], *, valid: bool, aborted: bool) -> Judgement:
        unreadable = Findings()
        if valid:
            templates.check(self.document, unreadable, self.rules, major=major)
        said = [*findings.items, *unreadable.items]
        return Judgement(
            Kind.OPENAPI,
            valid=valid,
            messages=_messages(said, self.document, self.text),
            templates_ok=not unreadable,
            aborted=aborted,
        )


def _refused(
    text: Text,
    code: str,
    what: str,
    holder: Node | None = None,
    key: str | None = None,
    *,
    line: int | None = None,
    aborted: bool = False,
) -> Judgement:
    if holder is None:
        messages: tuple[Message, ...] = (Message(code, what, line=line),)
    else:
        messages = _messages([Finding(code, what, holder, key)], text.document, text)
    return Judgement(Kind.OPENAPI, valid=False, messages=messages, aborted=aborted)


def _without_servers(text: Text, document: Node) -> Node:
    """
    The document as the product writes it anew when any object below ``paths`` has a key ``servers``, else itself.

    All such keys are gone then, and keys whose value is null with them, wherever they stand.
    """
    paths = document.get("paths")
    # Mostly the root alone has servers; that JSON says so without escapes is quicker seen in its text than by walking.
    if text.form is Form.JSON and "\\u" not in text.text and text.text.count("servers") <= ("servers" in document):
        return document
    if not isinstance(paths, dict) or not _has_servers(paths):
        return document
    return {key: _rewritten(value, servers=key != "paths") for key, value in document.items() if value is not None}


def _has_servers(paths: Node) -> bool:
    pending = [paths]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if "servers" in node:
            return True
        pending += [value for value in node.values() if type(value) is dict]
    return False


def _rewritten(value: Any, *, servers: bool) -> Any:
    """A value without nulls in objects; and unless ``servers`` are kept, without those in objects outside lists."""
    if type(value) is dict:
        return {
            key: _rewritten(inner, servers=servers) if type(inner) is dict or type(inner) is list else inner
            for key, inner in value.items()
            if inner is not None and (servers or key != "servers")
        }
    if type(value) is list:
        return [_rewritten(inner, servers=True) for inner in value]
    return value


def _messages(findings: Iterable[Finding], document: Any, text: Text) -> tuple[Message, ...]:
    """Give findings their pointers and lines."""
    findings = list(findings)
    if not findings:
        return ()
    places = _pointers(document, {id(finding.about) for finding in findings if finding.about is not None})
    pointers = []
    for finding in findings:
        pointer = places.get(id(finding.about), "")
        about, key = finding.about, finding.key
        if key is not None and isinstance(about, dict) and key in about:
            pointer = f"{pointer}/{escaped(str(key))}"
        pointers.append(pointer)
    lines = text.lines(set(pointers))
    return tuple(
        Message(finding.code, printable(finding.text), printable(pointer), lines.get(pointer))
        for finding, pointer in zip(findings, pointers, strict=True)
    )


def _pointers(document: Any, wanted: set[int]) -> dict[int, str]:
    """JSON pointers of objects and lists, found by what they are and not by what they hold."""
    found: dict[int, str] = {}
    seen: set[int] = set()
    pending: list[tuple[Any, Any, Any]] = [(document, None, None)]
    while pending and len(found) < len(wanted):
        here = pending.pop()
        node = here[0]
        if id(node) in seen:
            continue
        seen.add(id(node))
        if id(node) in wanted:
            found[id(node)] = _pointer(here)
        if type(node) is dict:
            pending += [(value, key, here) for key, value in node.items() if type(value) in (dict, list)]
        elif type(node) is list:
            pending += [(value, index, here) for index, value in enumerate(node) if type(value) in (dict, list)]
    return found


def _pointer(place: tuple[Any, Any, Any]) -> str:
    tokens = []
    while place[2] is not None:
        tokens.append(escaped(str(place[1])))
        place = place[2]
    return "".join(f"/{token}" for token in reversed(tokens))
