"""How refused definitions can be repaired mechanically: shown, never written to an estate."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from apim_upgrade.checks.definitions.judging import Judged, judgements
from apim_upgrade.checks.subject import Subject
from apim_upgrade.definitions import SUPPORTED, Kind
from apim_upgrade.definitions.moves import moved_operations
from apim_upgrade.definitions.repairs import repair
from apim_upgrade.registry import read

_FEW = 40
_BATCH = 2


@dataclass(frozen=True, slots=True)
class Repaired:
    """
    The repair of one definition.

    ``complete``: the target accepts the repaired text. ``changes`` are sentences, ``left`` is how many messages remain,
    ``moved`` the operations that the repair would add, drop or rename.
    """

    diff: str
    changes: tuple[str, ...]
    left: int
    moved: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the target accepts the repaired text."""
        return not self.left

    @property
    def is_made(self) -> bool:
        """Whether ``run`` makes it where it is asked to."""
        return self.complete and not self.moved


@dataclass(frozen=True, slots=True)
class Patient:
    """A definition that is to be repaired."""

    content: bytes
    release: str
    name: str
    version: str
    path: str


def repairs(subject: Subject) -> Iterator[tuple[Judged, Repaired | None]]:
    """Try to repair every OpenAPI and Swagger definition that the target refuses; None where nothing can be done."""
    release = str(subject.target)
    if release not in SUPPORTED:
        return
    waiting: deque[Judged] = deque()

    def patients() -> Iterator[Patient]:
        for each in judgements(subject).remarkable:
            if each.kind is Kind.OPENAPI and not each.verdict.acceptable:
                waiting.append(each)
                content = read(subject.shared, each.tenant_id, each.path) or b""
                yield Patient(content, release, each.api.name, each.api.version, each.path)

    for result in subject.workers.in_order(repaired, patients(), few=_FEW, batch=_BATCH):
        yield waiting.popleft(), result


def repaired(patient: Patient) -> Repaired | None:
    """Repair one definition; runs in any process."""
    found = repair(patient.content, patient.release, name=patient.name, version=patient.version)
    if found is None:
        return None
    changes = tuple(change.what for change in found.changes)
    return Repaired(found.diff(patient.path.lstrip("/")), changes, len(found.left), moved_operations(found))
