"""
Definitions that the target refuses and that can be repaired mechanically, where the operator wants it.

Only repairs after which the target accepts the whole definition are made. What stood there before goes to a quarantine
table, so a repair can be taken back; ``commit`` exports that table to the run folder like all of its kind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, and_, exists, insert, literal, select
from sqlalchemy.schema import CreateTable

from apim_upgrade import registry
from apim_upgrade.definitions import SUPPORTED
from apim_upgrade.definitions.repairs import Repair, repair
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.migrations.parallel import in_order
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.registry import PATH, PROVIDERS, RESOURCE

ASIDE = Table(
    f"{PREFIX}quarantine_definitions",
    MetaData(),
    Column("tenant_id", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("content", LargeBinary),
)
"""The definitions as they were; a text DDL would name PostgreSQL's types."""
_NAME = "swagger.json"
_BATCH = 10
"""Definitions may have megabytes each."""


@dataclass(frozen=True, slots=True)
class _Definition:
    tenant_id: int
    content_id: int
    path: str
    content: bytes = field(repr=False)
    release: str
    name: str
    version: str


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
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        waiting: deque[tuple[_Definition, str]] = deque()

        def definitions() -> Iterator[_Definition]:
            for each in _definitions(work, release):
                item = f"{domains.get(each.tenant_id, each.tenant_id)}:{each.path}"
                if work.wants(item):
                    work.saw()
                    waiting.append((each, item))
                    yield each

        for found in in_order(_repaired, definitions()):
            each, item = waiting.popleft()
            if found is None:
                continue
            if found.left:
                work.skipped(
                    item,
                    f"{release} refuses it, and it cannot be repaired safely: {found.left[0].text}",
                    "Mend it in the Publisher.",
                )
                continue
            work.noted(item, f"repaired: {'; '.join(change.what for change in found.changes)}")
            yield each.tenant_id, each.content_id, each.path, found.text

    before = (
        select(stage.c.tenant_id, stage.c.path, registry.CONTENT.c.reg_content_data)
        .select_from(stage)
        .join(
            registry.CONTENT,
            and_(
                registry.CONTENT.c.reg_content_id == stage.c.content_id,
                registry.CONTENT.c.reg_tenant_id == stage.c.tenant_id,
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
                Sql(insert(ASIDE).from_select(["tenant_id", "path", "content"], before), counts=False),
                *registry.replace_contents(stage, upgrade.started),
            ),
        )
    ]


def _definitions(work: Work, release: str) -> Iterator[_Definition]:
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
    for row in work.sessions[registry.DATABASE].stream(query, batch=_BATCH):
        _, name, version = row.folder.rsplit("/", 2)
        path = registry.join(row.folder, row.name)
        content = bytes(row.content or b"")
        yield _Definition(row.tenant_id, row.content_id, path, content, release, name, version)


def _repaired(definition: _Definition) -> Repair | None:
    """Repair one definition; runs in any process."""
    return repair(definition.content, definition.release, name=definition.name, version=definition.version)
