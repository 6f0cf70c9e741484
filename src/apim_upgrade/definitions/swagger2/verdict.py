"""The verdict on a Swagger 2.0 document: what the parser says, and the product's own tests after it."""

from __future__ import annotations

from dataclasses import dataclass

from apim_upgrade.definitions import templates, twins
from apim_upgrade.definitions.reader import Finding, Findings, Node
from apim_upgrade.definitions.rules import Rules
from apim_upgrade.definitions.swagger2.conversion import MALFORMED, Malformed
from apim_upgrade.definitions.swagger2.reading import Reading


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the product takes a Swagger 2.0 document, and whether its validation broke off instead of answering."""

    valid: bool
    aborted: bool = False


def _parse(document: Node, findings: Findings) -> bool:
    """Note what the parser says of a document; False when it makes no document object of it."""
    try:
        Reading(document, findings).root()
    except Malformed as end:
        findings.only(Finding("oas2-exception", MALFORMED, end.about, end.key))
        return False
    return True


def judge(document: Node, findings: Findings, rules: Rules, *, relaxed: bool = False) -> Outcome:
    """
    Note everything the product says of a Swagger 2.0 document, its own tests after the parse included.

    ``relaxed`` is what the server is started with, in releases that know of it.
    """
    if not _parse(document, findings):
        return Outcome(valid=False)
    nameless = "swagger" not in document or (document["swagger"] is None and not findings.null_is_text)
    if nameless:
        findings.say("no-spec-version", "attribute swagger or openapi should present", document)
    informed = isinstance(document.get("info"), dict)
    if not rules.swagger_messages_count:
        if not nameless and not informed:
            findings.only(Finding("null-pointer", "java.lang.NullPointerException: there is no info", document, "info"))
            return Outcome(valid=False, aborted=True)
        return Outcome(valid=not nameless)
    if findings:
        return Outcome(valid=relaxed and (informed or rules.info_made_up))
    _product_tests(document, findings, rules)
    return Outcome(valid=not findings)


def _product_tests(document: Node, findings: Findings, rules: Rules) -> None:
    """What the product looks at once the parser has nothing to say; it stops at the first fault."""
    if rules.swagger_templates_tested:
        thrown = Findings()
        templates.check(document, thrown, rules, major=2)
        if thrown:
            # The list of errors still holds what the first try, as OpenAPI 3, left in it.
            findings.say("no-spec-version", "attribute openapi is missing", document)
            for item in thrown.items:
                findings.add(item)
            return
        paths = [operation.path for operation in templates.operations(document)]
        if "" in paths:
            text = "A resource path is empty in the swagger definition"
            findings.say("empty-path-key", text, document["paths"], "")
            return
        if rules.swagger_needs_operations and not paths:
            text = "Empty resource paths found in the swagger definition"
            findings.say("no-operations", text, document, "paths")
            return
    twins.check(document, findings, rules, major=2)
