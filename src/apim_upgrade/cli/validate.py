"""``validate``: API definitions in files, judged as a release would."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from apim_upgrade.cli.definition_files import Answer, Question, ask, find_files
from apim_upgrade.cli.settings import Settings

_INVALID = 1
_NOT_CHECKED = 2
_LONGEST = 500


class KindName(StrEnum):
    """What a file holds."""

    AUTO = "auto"
    OPENAPI = "openapi"
    ASYNCAPI = "asyncapi"
    GRAPHQL = "graphql"
    WSDL = "wsdl"


def command(
    settings: Settings,
    paths: Annotated[list[Path], typer.Argument(metavar="FILE|DIR", help="Definitions, or folders of them.")],
    release: Annotated[str, typer.Option("--release", metavar="RELEASE", help="Judge as this release does.")],
    relaxed: Annotated[
        bool, typer.Option("--relaxed", help="Judge as a server with relaxed validation switched on.")
    ] = False,
    kind: Annotated[KindName, typer.Option("--kind", help="What the files hold.")] = KindName.AUTO,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Processes; one a processor without it.")
    ] = None,
) -> int:
    """
    Judge API definitions in files as the server of a release would. Nothing is changed.

    Needs no estate and no project file. Folders are searched for *.json, *.yaml, *.yml, *.graphql, *.graphqls, *.gql,
    *.sdl, *.wsdl and *.zip (archives of WSDLs), in name order, hidden ones left out. As text each finding is a line
    `file:line: code message`; as JSON each file is a line.

    Exit codes: 0, every definition is valid and its operations can be read; 1, some are not; 2, some could not be
    checked, or wrong usage.
    """
    from apim_upgrade.definitions.rules import SUPPORTED
    from apim_upgrade.errors import ProjectError

    if release not in SUPPORTED:
        raise ProjectError(f"--release {release} is not known.", hint=f"Known are {', '.join(SUPPORTED)}.")
    absent = [path for path in paths if not os.path.lexists(path)]
    if absent:
        raise ProjectError(f"{absent[0]} does not exist.", hint="Name files, or folders that hold some.")
    question = Question(release, None if kind is KindName.AUTO else kind.value, relaxed)
    counts: Counter[str] = Counter()
    for answer in ask(find_files(paths), question, jobs or os.cpu_count() or 1):
        counts.update(_counted(answer))
        for line in [_as_json(answer)] if settings.output.json else _as_text(answer):
            print(line)
    if not counts["files"]:
        raise ProjectError("There are no definitions in what was named.", hint="Name a file to have it judged anyway.")
    total = (
        f"{counts['files']:,} files for {release}: {counts['valid']:,} valid, {counts['invalid']:,} invalid, "
        f"{counts['not checked']:,} not checked; {counts['findings']:,} findings"
    )
    sys.stdout.flush()
    if settings.output.json:
        settings.output.say(total)
    else:
        print(total)
    return _NOT_CHECKED if counts["not checked"] else _INVALID if counts["invalid"] else 0


def _counted(answer: Answer) -> Counter[str]:
    judgement = answer.judgement
    if judgement is None:
        return Counter({"files": 1, "not checked": 1, "findings": 1})
    return Counter({"files": 1, "valid" if judgement.acceptable else "invalid": 1, "findings": len(judgement.messages)})


def _as_json(answer: Answer) -> str:
    judgement = answer.judgement
    findings: list[dict[str, object]]
    if judgement is None:
        findings = [{"code": answer.code, "message": answer.reason, "pointer": "", "line": None}]
    else:
        findings = [
            {"code": message.code, "message": message.text, "pointer": message.pointer, "line": message.line}
            for message in judgement.messages
        ]
    document = {
        "schema": "apim-upgrade/validate/1",
        "file": answer.file,
        "kind": judgement.kind.value if judgement else None,
        "checked": judgement is not None,
        "valid": judgement is not None and judgement.valid,
        "templates_ok": judgement is not None and judgement.templates_ok,
        "aborted": judgement is not None and judgement.aborted,
        "codes": sorted({str(finding["code"]) for finding in findings}),
        "messages": [finding["message"] for finding in findings],
        "findings": findings,
    }
    return json.dumps(document)


def _as_text(answer: Answer) -> Iterable[str]:
    judgement = answer.judgement
    if judgement is None:
        yield _shown(f"{answer.file}: {answer.code} {answer.reason}")
        return
    for message in judgement.messages:
        place = answer.file if message.line is None else f"{answer.file}:{message.line}"
        yield _shown(f"{place}: {message.code} {message.text}")


def _shown(text: str) -> str:
    """A text on one line; what a terminal would act on, or cannot show, is written out."""
    line = "".join(each if each.isprintable() else " " if each.isspace() else f"\\x{ord(each):02x}" for each in text)
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)
