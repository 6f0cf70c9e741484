"""Writes each definition that the target refuses to a file, with a note of why beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from apim_upgrade.checks.definitions.judging import Judged
from apim_upgrade.checks.definitions.repairing import Repaired
from apim_upgrade.checks.definitions.stored import NAMES
from apim_upgrade.checks.subject import Subject
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.registry import read

_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]+")
_LONGEST = 80


def save_invalid(subject: Subject, judged: Iterable[Judged], folder: Path) -> int:
    """
    Write ``<tenant>/<api>-<version>-<uuid>.<ext>`` and a Markdown note for each; return how many.

    The bytes are those of the registry. Raises EnvironmentProblem when the folder cannot be written.
    """
    number = 0
    try:
        for each in judged:
            if each.verdict.acceptable:
                continue
            content = read(subject.shared, each.tenant_id, each.path)
            file = _file(each, folder)
            file.write_bytes(content or b"")
            file.with_name(f"{file.name}.md").write_text(_note(subject, each), encoding="utf-8")
            number += 1
    except OSError as error:
        raise EnvironmentProblem(f"{folder} cannot be written: {error.strerror}.") from None
    return number


def save_repair(each: Judged, repaired: Repaired, folder: Path) -> None:
    """Write how a definition can be repaired beside it. Raises EnvironmentProblem."""
    try:
        file = _file(each, folder)
        text = "".join(f"# {line}\n" for line in repaired.changes) + repaired.diff
        file.with_name(f"{file.name}.diff").write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(f"{folder} cannot be written: {error.strerror}.") from None


def _file(each: Judged, folder: Path) -> Path:
    """Where a definition goes; its folder is made."""
    place = folder / _safe(each.api.tenant)
    place.mkdir(parents=True, exist_ok=True)
    stem = "-".join(map(_safe, (each.api.name, each.api.version, each.api.uuid or str(each.api.id))))
    return place / f"{stem}.{each.path.rpartition('.')[2]}"


def _note(subject: Subject, each: Judged) -> str:
    verdict = each.verdict
    before = {True: "accepts it", False: "refuses it as well", None: "is not known to judge it"}[verdict.valid_before]
    lines = [
        f"# {each.api.name} {each.api.version}",
        "",
        f"{NAMES[each.kind]} definition of {each.api}, `{each.path}`.",
        f"API Manager {subject.target} refuses it; {subject.source} {before}.",
        "",
    ]
    for message in verdict.messages:
        place = f" at `{message.pointer}`" if message.pointer else ""
        line = f", line {message.line}" if message.line else ""
        lines.append(f"- **{message.code}**{place}{line}: {' '.join(message.text.split())}")
    if verdict.more:
        lines.append(f"- and {verdict.more:,} more")
    if verdict.valid and not verdict.templates_ok:
        lines.append("- its operations cannot be read with their scopes")
    return "\n".join(lines) + "\n"


def _safe(text: str) -> str:
    """A name that is one plain part of a path on every system."""
    return _UNSAFE.sub("_", text).strip(".")[:_LONGEST] or "_"
