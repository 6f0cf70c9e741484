"""
Gateway artifacts: what a gateway of 4.0.0 or later deploys an API from.

Made in the form of the target release, one per revision, deployed or not, as a server does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import and_, exists, select

from apim_upgrade import gateway
from apim_upgrade.engine import Load, Phase, Step, Work
from apim_upgrade.migrations.parallel import in_order
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import GATEWAY_ARTIFACT, REVISION


@dataclass(frozen=True, slots=True)
class _Built:
    """One artifact, or why there is none: ``problem`` is (reason, action)."""

    item: str
    api_uuid: str
    revision_uuid: str
    zipped: bytes = b""
    problem: tuple[str, str] | None = None
    caution: gateway.Caution | None = None


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step; it needs the revisions' rows and folders."""
    if not upgrade.crosses("4.0.0"):
        return []
    return [_artifacts(upgrade)]


def _artifacts(upgrade: Upgrade) -> Step:
    return Step(
        "4.0.0/gateway-artifacts/artifacts",
        f"Build the gateway artifact of every revision in the form of {upgrade.target}",
        "am",
        Phase.MIGRATE,
        (
            Load(
                GATEWAY_ARTIFACT,
                ("api_id", "revision_id", "artifact", "time_stamp"),
                partial(_rows, upgrade=upgrade),
                "artifacts",
            ),
        ),
        tables=(GATEWAY_ARTIFACT.name,),
    )


def _rows(work: Work, upgrade: Upgrade) -> Iterator[Sequence[object]]:
    am, shared, users = (work.sessions[name] for name in ("am", "shared", upgrade.home("user")))
    missing = select(REVISION.c.revision_uuid).where(
        ~exists().where(
            and_(
                GATEWAY_ARTIFACT.c.api_id == REVISION.c.api_uuid,
                GATEWAY_ARTIFACT.c.revision_id == REVISION.c.revision_uuid,
            )
        )
    )
    wanted = frozenset(row.revision_uuid for row in am.stream(missing))
    inputs = (each for each in gateway.revisions(am, shared, wanted, users=users) if work.wants(each.item))
    for built in in_order(partial(_build, target=upgrade.target), inputs):
        work.saw()
        if built.problem is not None:
            work.failed(built.item, *built.problem)
            continue
        if built.caution is not None:
            work.noted(built.item, built.caution.reason, built.caution.action)
        yield built.api_uuid, built.revision_uuid, built.zipped, work.started


def _build(revision: gateway.RevisionInput, target: Release) -> _Built:
    """Build one artifact; runs in any process, so a broken API comes back as a value."""
    named = (revision.item, revision.api.uuid, revision.uuid)
    try:
        zipped = gateway.build(revision, target)
    except gateway.Unbuildable as problem:
        return _Built(*named, problem=(problem.reason, problem.action))
    return _Built(*named, zipped, caution=gateway.caution(revision))
