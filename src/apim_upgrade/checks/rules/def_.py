"""Rules about API definitions, as the target's own validation judges them (DEF001–DEF009)."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.checks.definitions.judging import Judged, judgements
from apim_upgrade.checks.definitions.stored import NAMES
from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.definitions import Kind

_TOLD = 3


@rule(
    "DEF001",
    Severity.MAJOR,
    title="definition that the target refuses",
    problems=("api-swagger-invalid", "proc-prevalidation-silent-stop"),
)
def refused(subject: Subject) -> Iterator[Finding]:
    """
    What: The definition of an API (OpenAPI, Swagger, GraphQL, AsyncAPI, WSDL) is not valid for the target release.

    Why: The upgrade keeps it, and gateways go on serving the API. But nobody can save the API in the Publisher of the
    target, make a new version of it, or import it elsewhere, until the definition is mended.

    How found: Every definition of the registry is judged by the rules of the parsers that the target bundles; the
    messages are the product's own where they are known. A definition that the old release refuses as well, and one of
    an API that is not published, gives a minor finding. Servers that run with -DswaggerRelaxedValidation accept more;
    `relaxed_definitions = true` in the table [check] of upgrade.toml says that yours does.

    How to mend: Mend the definition at the place that the finding names, in the Publisher of the old release.
    `--save-invalid DIR` writes each one to a file, with all its messages beside it. `--fix` shows mechanical repairs;
    `run` makes them on the copies where upgrade.toml has `repair_definitions = true`.
    """
    _count(subject)
    for each in judgements(subject).remarkable:
        verdict = each.verdict
        if verdict.valid or verdict.aborted:
            continue
        yield _finding(each, f"{subject.target} refuses its {NAMES[each.kind]} definition: {_messages(each)}", subject)


@rule(
    "DEF002",
    Severity.MAJOR,
    title="operations of a definition cannot be read",
    problems=("api-scope-not-in-definition", "api-scope-empty-string", "api-security-definitions-missing"),
)
def unreadable_operations(subject: Subject) -> Iterator[Finding]:
    """
    What: A definition is valid, but the product cannot read its operations with their scopes and extensions.

    Why: The vendor's own pre-migration check counts such an API as broken: saving, revising or exporting it fails with
    an exception.

    How found: After the validation the product reads the operations from the stored text; the same is done here. Most
    often an operation uses a scope that the definition does not declare, or an extension such as `x-auth-type` is no
    text.

    How to mend: Declare the scope, or mend the extension, in the API's definition in the old release.
    """
    _count(subject)
    for each in judgements(subject).remarkable:
        if each.verdict.valid and not each.verdict.templates_ok:
            yield _finding(
                each, f"the operations of its {NAMES[each.kind]} definition cannot be read: {_messages(each)}", subject
            )


@rule(
    "DEF003",
    Severity.MAJOR,
    title="definition on which the product's validation breaks off",
    problems=("api-swagger-parse-crash", "proc-prevalidation-silent-stop"),
)
def breaks_off(subject: Subject) -> Iterator[Finding]:
    """
    What: The product's validation of a definition ends in an exception, not in an answer.

    Why: What a server does then is not foreseeable; the vendor's pre-migration check ends there and leaves all later
    APIs unchecked.

    How found: The texts on which the parsers of the target throw are known: some kinds of broken references, of wrong
    types, of empty files.

    How to mend: Mend the definition at the place that the finding names, in the Publisher of the old release.
    """
    _count(subject)
    for each in judgements(subject).remarkable:
        if each.verdict.aborted:
            yield _finding(
                each, f"the validation of its {NAMES[each.kind]} definition breaks off: {_messages(each)}", subject
            )


@rule("DEF004", Severity.MAJOR, title="API without a definition", problems=("api-swagger-missing",))
def missing(subject: Subject) -> Iterator[Finding]:
    """
    What: An API has no definition in the registry: no OpenAPI document, or, from 4.0.0 on and for streaming APIs, no
    AsyncAPI document.

    Why: The Publisher cannot show its operations, and a gateway artifact of it cannot be made whole.

    How found: Of every API that has an artifact the definition that its type needs is looked for beside the artifact.
    WebSocket APIs of 3.2.0 need none.

    How to mend: Give the API a definition in the Publisher of the old release, or delete it there.
    """
    _count(subject)
    for api in judgements(subject).without:
        yield Finding(f"{api}: it has no definition.", api=api, severity=_severity(api.state, known=None))


def _count(subject: Subject) -> None:
    for kind, number in judgements(subject).counts.items():
        if not subject.seen[f"{NAMES[kind]} definitions"]:
            subject.saw(f"{NAMES[kind]} definitions", number)
    if not judgements(subject).counts:
        subject.saw(f"{NAMES[Kind.OPENAPI]} definitions", 0)


def _finding(each: Judged, words: str, subject: Subject) -> Finding:
    verdict = each.verdict
    first = next(iter(verdict.messages), None)
    before = {True: f" {subject.source} accepts it.", False: f" {subject.source} refuses it too.", None: ""}
    return Finding(
        f"{each.api}: {words}.{before[verdict.valid_before]}",
        place=Spot(each.path, first.pointer if first else "", first.line if first else None),
        api=each.api,
        severity=_severity(each.api.state, known=verdict.valid_before),
    )


def _severity(state: str, *, known: bool | None) -> Severity | None:
    """The rule's own for a published API that the upgrade breaks; minor for others."""
    return None if state in ("PUBLISHED", "PROTOTYPED", "BLOCKED") and known is not False else Severity.MINOR


def _messages(each: Judged) -> str:
    messages = each.verdict.messages
    told = "; ".join(
        f"{' '.join(message.text.split())[:300].rstrip('.')} ({message.code})" for message in messages[:_TOLD]
    )
    more = len(messages) - _TOLD + each.verdict.more
    return f"{told}; and {more:,} more" if more > 0 else told or "no message"
