"""
One pass over the artifacts of all working copies, applying whatever the releases in between changed in them.

Artifacts are large and many; reading and parsing them once per release would be most of an upgrade's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import Column, Integer, LargeBinary, Row, Table, Text, select

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Session, Stage, Step, Work, stage_table
from apim_upgrade.migrations.prepare import artifact_item
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.api import API

_BATCH = 500
_TIME_UNITS = {"productionTps": "productionTimeUnit", "sandboxTps": "sandboxTimeUnit"}
_SECOND = "1000"
"""Milliseconds: what a limit of calls meant before 4.5.0 gave it a unit."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an edit may look at besides the artifact itself."""

    state: str
    """The life-cycle property, such as ``Published``; empty where there is none (from 4.2.0)."""
    version_comparable: str
    """AM_API.VERSION_COMPARABLE; empty where AM_API does not know the API."""


Edit: TypeAlias = Callable[[registry.Artifact, Source], bool]


def version_comparable(artifact: registry.Artifact, source: Source) -> bool:
    """4.1.0: the stamp that orders an API's versions."""
    return bool(source.version_comparable) and artifact.set("versionComparable", source.version_comparable)


def life_cycle_status(artifact: registry.Artifact, source: Source) -> bool:
    """4.2.0: the status is what the life-cycle property says; the property itself stays."""
    return bool(source.state) and artifact.set("status", source.state.upper())


def time_units(artifact: registry.Artifact, source: Source) -> bool:
    """4.5.0: a limit of calls to the backend has a unit of time."""
    changed = False
    for limit, unit in _TIME_UNITS.items():
        if artifact.get(limit) and not artifact.get(unit):
            changed |= artifact.set(unit, _SECOND)
    return changed


_EDITS: tuple[tuple[str, Edit], ...] = (
    ("4.1.0", version_comparable),
    ("4.2.0", life_cycle_status),
    ("4.5.0", time_units),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, when any release in between edits artifacts; after AM_API has its stamps."""
    edits = [edit for release, edit in _EDITS if upgrade.crosses(release)]
    if not edits:
        return []
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    stamps = upgrade.crosses("4.1.0")
    edited = edited_artifacts("edited")

    def rows(work: Work) -> Iterator[Sequence[object]]:
        for batch in _batches(work.sessions[registry.DATABASE].stream(registry.artifacts(), batch=_BATCH)):
            comparable = _stamps(work.sessions["am"], batch) if stamps else {}
            for row in batch:
                item = artifact_item(domains, row.tenant_id, row.folder)
                if not work.wants(item):
                    continue
                work.saw()
                try:
                    artifact = registry.Artifact.parse(row.content)
                except registry.BrokenArtifact as broken:
                    work.failed(
                        item,
                        f"its artifact was left as it is: {broken}",
                        "Save or delete this API in the Publisher of the new server.",
                    )
                    continue
                source = Source(row.state or "", comparable.get(row.uuid, ""))
                changes = [edit(artifact, source) for edit in edits]
                if any(changes):
                    yield (
                        row.tenant_id,
                        row.content_id,
                        registry.join(row.folder, registry.ARTIFACT),
                        artifact.to_bytes(),
                    )

    return [
        Step(
            "registry/artifact-edits",
            "Bring the artifacts of all APIs to the form of the target",
            registry.DATABASE,
            Phase.MIGRATE,
            (Stage(edited, rows, "artifacts that change"), *registry.replace_contents(edited, upgrade.started)),
        )
    ]


def edited_artifacts(name: str) -> Table:
    """Describe a stage of new contents, as ``registry.replace_contents`` takes it."""
    return stage_table(
        name,
        Column("tenant_id", Integer),
        Column("content_id", Integer),
        Column("path", Text),
        Column("content", LargeBinary),
    )


def _batches(rows: Iterator[Row[Any]]) -> Iterator[list[Row[Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _stamps(session: Session, batch: list[Row[Any]]) -> dict[str, str]:
    query = select(API.c.api_uuid, API.c.version_comparable).where(API.c.api_uuid.in_([row.uuid for row in batch]))
    return {row.api_uuid: row.version_comparable or "" for row in session.all(query)}
