"""
Definitions that the target refuses and that can be repaired mechanically, where the operator wants it.

A repair is made only when the target then accepts the whole definition, and when the operations stay the very same:
AM_API_URL_MAPPING has a row for each of them. What stood there before goes to a quarantine table, so a repair can be
taken back; ``commit`` exports that table to the run folder like all of its kind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    exists,
    insert,
    literal,
    select,
)
from sqlalchemy.schema import CreateTable

from apim_upgrade import registry
from apim_upgrade.definitions import SUPPORTED
from apim_upgrade.definitions.moves import moved_operations
from apim_upgrade.definitions.openapi import judge
from apim_upgrade.definitions.repairs import repair
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.gateway.api_json import ASYNCHRONOUS
from apim_upgrade.migrations.parallel import in_order
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT
from apim_upgrade.registry import PROVIDERS
from apim_upgrade.tables.registry import CONTENT, PATH, RESOURCE

ASIDE = Table(
    f"{PREFIX}quarantine_definitions",
    MetaData(),
    Column("tenant_id", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("content_id", Integer, nullable=False),
    Column("content", LargeBinary),
    Column("repaired_sha256", String(64), nullable=False),
)
"""
The definitions as they were, and the hash of what was put in their place: who takes a repair back can see whether
somebody has edited the definition since. A text DDL would name PostgreSQL's types.
"""
_NAME = "swagger.json"
_FEW = 100
_BATCH = 5
"""Definitions may have megabytes each."""
_TOLD = 10
"""Changes, messages or operations that one verdict names."""
_LONGEST = 300
"""Characters of one of them."""


@dataclass(frozen=True, slots=True)
class _Place:
    tenant_id: int
    content_id: int
    path: str
    item: str


@dataclass(frozen=True, slots=True)
class _Definition:
    content: bytes = field(repr=False)
    release: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a refused definition; ``text`` is None where it stays as it is, and ``reason`` says why."""

    text: bytes | None
    reason: str


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, where it is wanted; before the revisions, which are copies of the working copies."""
    release = str(upgrade.target)
    if not upgrade.choices.repair_definitions or release not in SUPPORTED:
        return []
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    stage = stage_table(
        "repaired_definition",
        Column("tenant_id", Integer),
        Column("content_id", Integer),
        Column("path", Text),
        Column("content", LargeBinary),
        Column("repaired_sha256", String(64)),
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        waiting: deque[_Place] = deque()

        def definitions() -> Iterator[_Definition]:
            for place, definition in _definitions(work, release, domains):
                if work.wants(place.item):
                    work.saw()
                    waiting.append(place)
                    yield definition

        for outcome in in_order(_outcome, definitions(), few=_FEW, batch=_BATCH):
            place = waiting.popleft()
            if outcome is None:
                continue
            if outcome.text is None:
                work.skipped(place.item, outcome.reason, "Give the API a mended definition in the Publisher.")
                continue
            work.noted(place.item, outcome.reason, f"What stood there before is kept in {ASIDE.name}.")
            digest = sha256(outcome.text).hexdigest()
            yield place.tenant_id, place.content_id, place.path, outcome.text, digest

    before = (
        select(
            stage.c.tenant_id,
            stage.c.path,
            stage.c.content_id,
            CONTENT.c.reg_content_data,
            stage.c.repaired_sha256,
        )
        .select_from(stage)
        .join(
            CONTENT,
            and_(
                CONTENT.c.reg_content_id == stage.c.content_id,
                CONTENT.c.reg_tenant_id == stage.c.tenant_id,
            ),
        )
        .where(
            ~exists(
                select(literal(1))
                .select_from(ASIDE)
                .where(ASIDE.c.tenant_id == stage.c.tenant_id, ASIDE.c.path == stage.c.path)
            )
        )
    )
    return [
        Step(
            "repairs/definitions",
            "Repair definitions that the target refuses, as far as that is safe",
            registry.DATABASE,
            Phase.MIGRATE,
            (
                Stage(stage, rows, "definitions that can be repaired whole"),
                Sql(CreateTable(ASIDE, if_not_exists=True), "what stood there before", counts=False),
                Sql(insert(ASIDE).from_select([each.name for each in ASIDE.c], before), counts=False),
                *registry.replace_contents(stage, upgrade.started),
            ),
        )
    ]


def _definitions(work: Work, release: str, domains: dict[int, str]) -> Iterator[tuple[_Place, _Definition]]:
    """Every swagger.json beside the artifact of an API that has operations, in order of tenant and path."""
    artifact = RESOURCE.alias("artifact")
    of_an_api = exists(
        select(literal(1))
        .select_from(artifact)
        .where(
            artifact.c.reg_path_id == RESOURCE.c.reg_path_id,
            artifact.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
            artifact.c.reg_name == registry.ARTIFACT,
            artifact.c.reg_media_type == registry.API_MEDIA_TYPE,
        )
    )
    query = (
        registry.files()
        .where(
            RESOURCE.c.reg_name == _NAME,
            RESOURCE.c.reg_content_id.is_not(None),
            PATH.c.reg_path_value.startswith(f"{PROVIDERS}/", autoescape=True),
            of_an_api,
        )
        .order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
    )
    # A swagger.json in the folder of an API whose definition is AsyncAPI is read by nobody.
    streaming = select(ARTIFACT.c.tenant_id, ARTIFACT.c.folder).where(ARTIFACT.c.type.in_(ASYNCHRONOUS))
    without_operations = {tuple(row) for row in work.sessions["am"].stream(streaming)}
    for row in work.sessions[registry.DATABASE].stream(query, batch=_BATCH):
        if (row.tenant_id, row.folder) in without_operations:
            continue
        _, name, version = row.folder.rsplit("/", 2)
        path = registry.join(row.folder, row.name)
        item = f"{domains.get(row.tenant_id, row.tenant_id)}:{path}"
        definition = _Definition(bytes(row.content or b""), release, name, version)
        yield _Place(row.tenant_id, row.content_id, path, item), definition


def _outcome(definition: _Definition) -> _Outcome | None:
    """Judge one definition and repair it where that is safe; None where the target accepts it. Runs in any process."""
    release = definition.release
    judgement = judge(definition.content, release)
    if judgement.acceptable:
        return None
    found = repair(definition.content, release, name=definition.name, version=definition.version)
    if found is None:
        told = _few([message.text for message in judgement.messages])
        return _Outcome(None, f"{release} refuses it, and it cannot be repaired mechanically: {told}")
    if found.left:
        told = _few([message.text for message in found.left])
        return _Outcome(None, f"{release} refuses it, and it can be repaired only in part; there would remain: {told}")
    moved = moved_operations(found)
    if moved:
        return _Outcome(
            None, f"{release} refuses it, and its repair would move operations, which have rows: {_few(moved)}"
        )
    return _Outcome(found.text, f"repaired: {_few([change.what for change in found.changes])}")


def _few(texts: Sequence[str]) -> str:
    told = "; ".join(" ".join(text.split())[:_LONGEST] for text in texts[:_TOLD])
    more = len(texts) - _TOLD
    return f"{told}; and {more:,} more" if more > 0 else told
