"""
Gateway artifacts: what a gateway of 4.0.0 or later deploys an API from.

Made in the form of the target release, one per revision, deployed or not, as a server does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import String, and_, case, column, delete, exists, insert, null, select, table

from apim_upgrade import gateway
from apim_upgrade.engine import Load, Phase, Sql, Step, Work
from apim_upgrade.migrations.parallel import in_order
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.v4_0_0.revisions import API, PRODUCT, REVISION
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.releases import Release

PUBLISHED = table(
    "am_gw_published_api_details",
    column("api_id", String),
    column("tenant_domain", String),
    column("api_provider", String),
    column("api_name", String),
    column("api_version", String),
    column("api_type", String),
)
STORED = table("am_gw_api_artifacts", column("api_id", String), column("revision_id", String))


@dataclass(frozen=True, slots=True)
class _Built:
    """One artifact, or why there is none."""

    item: str
    api_uuid: str
    revision_uuid: str
    zipped: bytes = b""
    reason: str = ""
    action: str = ""


def steps(upgrade: Upgrade) -> tuple[Step, ...]:
    """The steps, when the upgrade passes into 4.0.0; they need the revisions' rows and folders."""
    if not upgrade.crosses("4.0.0"):
        return ()
    return (_published(), _artifacts(upgrade))


def _published() -> Step:
    """What 3.2.0 kept here (only where it synchronised gateways by the database) no later gateway can read."""
    return Step(
        "4.0.0/gateway-artifacts/published-apis",
        "List the APIs that gateways may ask for",
        "am",
        Phase.MIGRATE,
        (
            Sql(delete(STORED).where(STORED.c.revision_id.is_(None)), "artifacts in the form of 3.2.0", counts=False),
            Sql(
                delete(PUBLISHED).where(PUBLISHED.c.api_type.is_(None)),
                "APIs listed by 3.2.0, which named no type",
                counts=False,
            ),
            Sql(
                insert(PUBLISHED).from_select(
                    [each.name for each in PUBLISHED.c],
                    select(
                        API.c.api_uuid,
                        TENANT.c.domain,
                        null(),
                        API.c.api_name,
                        API.c.api_version,
                        case((API.c.api_type == PRODUCT, PRODUCT), else_="http"),
                    )
                    .join(ARTIFACT, ARTIFACT.c.api_uuid == API.c.api_uuid)
                    .join(TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
                    .where(
                        exists().where(REVISION.c.api_uuid == API.c.api_uuid),
                        ~exists().where(PUBLISHED.c.api_id == API.c.api_uuid),
                    )
                    .order_by(API.c.api_id),
                )
            ),
        ),
        tables=(STORED.name, PUBLISHED.name),
    )


def _artifacts(upgrade: Upgrade) -> Step:
    return Step(
        "4.0.0/gateway-artifacts/artifacts",
        f"Build the gateway artifact of every revision in the form of {upgrade.target}",
        "am",
        Phase.MIGRATE,
        (
            Load(
                STORED.name,
                ("api_id", "revision_id", "artifact", "time_stamp"),
                partial(_rows, target=upgrade.target),
                "artifacts",
            ),
        ),
        tables=(STORED.name,),
    )


def _rows(work: Work, target: Release) -> Iterator[Sequence[object]]:
    am, shared = work.sessions["am"], work.sessions["shared"]
    missing = select(REVISION.c.revision_uuid).where(
        ~exists().where(and_(STORED.c.api_id == REVISION.c.api_uuid, STORED.c.revision_id == REVISION.c.revision_uuid))
    )
    wanted = frozenset(row.revision_uuid for row in am.stream(missing))
    inputs = (each for each in gateway.revisions(am, shared, wanted) if work.wants(each.item))
    for built in in_order(partial(_build, target=target), inputs):
        work.saw()
        if built.reason:
            work.failed(built.item, built.reason, built.action)
        else:
            yield built.api_uuid, built.revision_uuid, built.zipped, work.started


def _build(revision: gateway.RevisionInput, target: Release) -> _Built:
    """Build one artifact; runs in any process, so a broken API comes back as a value."""
    try:
        zipped = gateway.build(revision, target)
    except gateway.Unbuildable as problem:
        return _Built(revision.item, revision.api.uuid, revision.uuid, reason=problem.reason, action=problem.action)
    return _Built(revision.item, revision.api.uuid, revision.uuid, zipped)
