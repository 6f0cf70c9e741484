"""Judges the definitions of an estate over all workers; keeps what is not in order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from apim_upgrade.checks.definitions.stored import NAMES, Stored, expected, stored_definitions
from apim_upgrade.checks.model import Api
from apim_upgrade.checks.subject import Subject
from apim_upgrade.definitions import SUPPORTED, Kind, Message, judge
from apim_upgrade.releases import Release

_FEW = 400
"""So many are judged sooner than processes start."""
_BATCH = 5
_MESSAGES = 20
"""Messages that are kept of one definition; the product may have thousands."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a process needs to judge one definition; the source is None where its verdicts are not known."""

    content: bytes
    kind: Kind
    target: str
    source: str | None
    relaxed: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the target judges one definition."""

    valid: bool
    templates_ok: bool
    aborted: bool
    messages: tuple[Message, ...]
    """The first of them."""
    more: int
    """How many messages there are besides."""
    valid_before: bool | None
    """How the source judges what the target does not accept; None where that is not known or not asked."""

    @property
    def acceptable(self) -> bool:
        """Whether it is valid and its operations can be read."""
        return self.valid and self.templates_ok


@dataclass(frozen=True, slots=True)
class Judged:
    """A definition that is not in order, with its verdict."""

    api: Api
    tenant_id: int
    path: str
    kind: Kind
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Judgements:
    """All of them."""

    counts: Mapping[Kind, int]
    """How many were judged."""
    remarkable: tuple[Judged, ...]
    """Those that bear a message or are not acceptable, in order of tenant, name and version."""
    without: tuple[Api, ...]
    """APIs that have no definition although they need one."""


def judgements(subject: Subject) -> Judgements:
    """How the target judges every definition; what is not in order is kept. Judged once, whoever asks."""
    return subject.once(_judge_all)


def _judge_all(subject: Subject) -> Judgements:
    """Memory does not grow with the estate but with what is wrong."""
    counts: Counter[Kind] = Counter()
    remarkable: list[Judged] = []
    has: set[tuple[int | None, Kind]] = set()
    subject.expects(sum(1 for api in subject.apis if expected(api, subject.source)))
    for stored, verdict in _verdicts(subject):
        counts[stored.kind] += 1
        has.add((stored.api.id, stored.kind))
        subject.saw(f"{NAMES[stored.kind]} definitions")
        if verdict.messages or not verdict.acceptable:
            remarkable.append(Judged(stored.api, stored.tenant_id, stored.path, stored.kind, verdict))
    without = [
        api
        for api in subject.apis.by_path.values()
        if (kind := expected(api, subject.source)) and (api.id, kind) not in has
    ]
    return Judgements(
        counts,
        tuple(sorted(remarkable, key=lambda each: (each.api.tenant, each.api.name, each.api.version, each.path))),
        tuple(sorted(without, key=lambda api: (api.tenant, api.name, api.version))),
    )


def verdict_of(task: Task) -> Verdict:
    """Judge one definition; runs in any process."""
    judgement = judge(task.content, task.target, kind=task.kind, relaxed=task.relaxed)
    before = None
    if task.source is not None and not judgement.acceptable:
        before = judge(task.content, task.source, kind=task.kind).acceptable
    return Verdict(
        judgement.valid,
        judgement.templates_ok,
        judgement.aborted,
        judgement.messages[:_MESSAGES],
        max(len(judgement.messages) - _MESSAGES, 0),
        before,
    )


def _verdicts(subject: Subject) -> Iterator[tuple[Stored, Verdict]]:
    # A target that is not known is newer than those that are, for no database is of an earlier release than 3.2.0.
    target, source = _known(subject.target) or SUPPORTED[-1], _known(subject.source)
    waiting: deque[Stored] = deque()

    def tasks() -> Iterator[Task]:
        for stored in stored_definitions(subject):
            waiting.append(replace(stored, content=b""))
            yield Task(stored.content, stored.kind, target, source, subject.inputs.relaxed_definitions)

    for verdict in subject.workers.in_order(verdict_of, tasks(), few=_FEW, batch=_BATCH):
        yield waiting.popleft(), verdict


def _known(release: Release) -> str | None:
    return str(release) if str(release) in SUPPORTED else None
