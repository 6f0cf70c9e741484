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
from apim_upgrade.definitions.reader import Finding, Findings, Node, object_at
from apim_upgrade.definitions.rules import Rules, rules_of
from apim_upgrade.definitions.text import PRODUCT_YAML_LIMIT, Form, Text, read

_TOO_LARGE = f"The incoming YAML document exceeds the limit: {PRODUCT_YAML_LIMIT} code points."


def judge(raw: bytes | str, release: str, *, relaxed: bool = False) -> Judgement:
    """
    Judge a text as ``release`` would; ``relaxed`` where the server runs with ``-DswaggerRelaxedValidation``.

    Raises ``ValueError`` for a release whose verdicts are not known, and nothing for any text.
    """
    rules = rules_of(release)
    text = read(raw)
    try:
        return _judge(text, rules, relaxed=relaxed and rules.relaxed_mode)
    except RecursionError:
        return _refused(text, "syntax", "objects and lists are nested too deeply")


def _judge(text: Text, rules: Rules, *, relaxed: bool) -> Judgement:
    if not text.text.strip() and text.problem is None:
        return _refused(text, "empty", "the text is empty")
    if rules.text_steps and text.form is Form.YAML and len(text.text) > PRODUCT_YAML_LIMIT:
        return _refused(text, "yaml-too-large", _TOO_LARGE, aborted=True)
    if text.problem is not None:
        aborted = rules.text_steps and text.form is Form.YAML
        return _refused(text, "syntax", text.problem, line=text.problem_line, aborted=aborted)
    document = text.document
    if not isinstance(document, dict):
        return _refused(text, "syntax", "java.lang.IllegalStateException: Not a JSON Object")
    if rules.text_steps:
        if text.trailing:
            return _refused(text, "syntax", "com.google.gson.JsonSyntaxException: there is text after the end")
        if text.form is Form.JSON and text.duplicates:
            first = text.duplicates[0]
            finding = Finding("duplicate-key", f'org.json.JSONException: Duplicate key "{first.key}"', first.holder)
            return Judgement(Kind.OPENAPI, valid=False, messages=_messages([finding], document, text))
    stripped = _without_servers(text, document) if rules.text_steps else document
    rewritten = stripped is not document
    said = _Said(text, stripped, rules, relaxed=relaxed, null_is_text=rewritten or text.form is Form.JSON)
    if not rewritten:
        said.of_the_text()
    return said.judgement()


class _Said:
    """What is said of one document by the parser that decides."""

    def __init__(self, text: Text, document: Node, rules: Rules, *, relaxed: bool, null_is_text: bool) -> None:
        self.text = text
        self.document = document
        self.rules = rules
        self.relaxed = relaxed
        self.null_is_text = null_is_text
        self.findings = Findings()

    def of_the_text(self) -> None:
        """What the parsers' own reader says of a text that others have let pass."""
        for duplicate in self.text.duplicates:
            self.findings.say(
                "duplicate-key", f"Duplicate field {duplicate.key} in `null`", duplicate.holder, duplicate.key
            )
        if self.text.remark:
            self.findings.say("syntax", self.text.remark)

    def judgement(self) -> Judgement:
        if "openapi" in self.document:
            return self.of_openapi3()
        findings = Findings(null_is_text=self.null_is_text)
        findings.items.extend(self.findings.items)
        outcome = swagger2.judge(self.document, findings, self.rules, relaxed=self.relaxed)
        return self.answer(findings, 2, valid=outcome.valid, aborted=outcome.aborted)

    def of_openapi3(self) -> Judgement:
        document, findings, rules = self.document, self.findings, self.rules
        made = openapi3.check(document, findings, rules)
        aborted = not made and not findings and not rules.text_steps
        if not made and not findings:
            findings.say("null-pointer", "java.lang.NullPointerException: the parser gives no document", document)
        informed = rules.info_made_up or object_at(document, "info") is not None
        valid = made and (not findings or (self.relaxed and informed))
        if valid and not self.relaxed:
            twins.check(document, findings, rules, major=3)
            valid = not findings
        return self.answer(findings, 3, valid=valid, aborted=aborted)

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


def _refused(text: Text, code: str, what: str, *, line: int | None = None, aborted: bool = False) -> Judgement:
    return Judgement(Kind.OPENAPI, valid=False, messages=(Message(code, what, line=line),), aborted=aborted)


def _without_servers(text: Text, document: Node) -> Node:
    """The document without any key ``servers`` in the objects below ``paths``; itself where there is none."""
    paths = document.get("paths")
    if not isinstance(paths, dict) or "servers" not in text.text:
        return document
    kept: dict[int, Node] = {}

    def strip(node: Node) -> Node:
        known = kept.get(id(node))
        if known is not None:
            return known
        made = node
        for key, value in node.items():
            after = strip(value) if type(value) is dict else value
            if key == "servers" or after is not value:
                if made is node:
                    made = dict(node)
                if key == "servers":
                    del made[key]
                else:
                    made[key] = after
        kept[id(node)] = made
        return made

    stripped = strip(paths)
    return document if stripped is paths else {**document, "paths": stripped}


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
            pointer = f"{pointer}/{_token(key)}"
        pointers.append(pointer)
    lines = text.lines(set(pointers))
    return tuple(
        Message(finding.code, finding.text, pointer, lines.get(pointer))
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
        tokens.append(_token(place[1]))
        place = place[2]
    return "".join(f"/{token}" for token in reversed(tokens))


def _token(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")
