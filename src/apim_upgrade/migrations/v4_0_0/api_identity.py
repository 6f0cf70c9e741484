"""
AM_API learns the UUID of its registry artifact and its life-cycle state.

From 4.0.0 an API is known by API_UUID, which is the UUID of the registry resource ``api``, and AM_API.STATUS counts.
Row and artifact belong together by provider, name and version; where that fits several, the context decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlalchemy import Column, Integer, String, and_, case, exists, func, or_, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import PRODUCT, blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.tables.api import API

_SAME_UUID = ARTIFACT.c.api_uuid == API.c.api_uuid
_SAME_KEY = and_(
    ARTIFACT.c.provider == API.c.api_provider,
    ARTIFACT.c.name == API.c.api_name,
    ARTIFACT.c.version == API.c.api_version,
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that fills API_UUID and STATUS; an estate that has them already gets only what is missing."""
    stage = stage_table(
        "api_identity",
        Column("api_id", Integer, primary_key=True),
        Column("api_uuid", String(256)),
        Column("status", String(30)),
    )
    return [
        Step(
            "4.0.0/api-data/api-identity",
            "Give every API its UUID, life-cycle state and type",
            "am",
            Phase.MIGRATE,
            (
                Stage(stage, _identities, "the artifact of every API that lacks them"),
                Sql(
                    update(API)
                    .values(
                        api_uuid=case((blank(API.c.api_uuid), stage.c.api_uuid), else_=API.c.api_uuid),
                        status=case((blank(API.c.status), stage.c.status), else_=API.c.status),
                    )
                    .where(stage.c.api_id == API.c.api_id)
                ),
                Sql(
                    update(API).values(api_type=ARTIFACT.c.type).where(blank(API.c.api_type), _SAME_UUID),
                    "estates that came from before 3.2.0 may lack the type",
                ),
                findings("lone_api", _lone_apis, "rows of AM_API without artifact"),
                findings("lone_artifact", _lone_artifacts, "artifacts without row in AM_API"),
                findings("differing_api", _differing, "rows that say something else than their artifact"),
            ),
            touches=select(func.count()).select_from(API) if upgrade.crosses("4.0.0") else None,
            tables=("am_api",),
        )
    ]


def _identities(work: Work) -> Iterator[Sequence[object]]:
    found = (
        API.c.api_id,
        API.c.context.label("api_context"),
        ARTIFACT.c.context,
        ARTIFACT.c.api_uuid,
        ARTIFACT.c.status,
    )
    nameless = select(*found).join_from(API, ARTIFACT, _SAME_KEY).where(blank(API.c.api_uuid))
    stateless = select(*found).join_from(API, ARTIFACT, _SAME_UUID).where(~blank(API.c.api_uuid), blank(API.c.status))
    for query in (nameless, stateless):
        rows = work.sessions["am"].stream(query.order_by(API.c.api_id, ARTIFACT.c.tenant_id))
        for api_id, group in groupby(rows, key=lambda row: row.api_id):
            work.saw()
            artifacts = list(group)
            if len(artifacts) > 1:
                artifacts = [artifact for artifact in artifacts if artifact.context == artifact.api_context]
            if len(artifacts) == 1:
                yield api_id, artifacts[0].api_uuid, artifacts[0].status


def _lone_apis(work: Work) -> None:
    query = select(API.c.api_provider, API.c.api_name, API.c.api_version).where(~exists().where(_SAME_UUID))
    for row in work.sessions["am"].stream(query.order_by(API.c.api_id)):
        work.skipped(
            f"{row.api_provider}/{row.api_name}/{row.api_version}",
            "AM_API has this API, the registry has no usable artifact of it: no portal shows it, before and after.",
            "Restore the artifact or delete the row; it is left as it is.",
        )


def _lone_artifacts(work: Work) -> None:
    query = (
        select(TENANT.c.domain, ARTIFACT.c.provider, ARTIFACT.c.name, ARTIFACT.c.version)
        .join_from(ARTIFACT, TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
        .where(~exists().where(_SAME_UUID))
        .order_by(ARTIFACT.c.tenant_id, ARTIFACT.c.api_uuid)
    )
    for row in work.sessions["am"].stream(query):
        work.skipped(
            f"{row.domain}/{row.provider}/{row.name}/{row.version}",
            "The registry has an artifact of this API, AM_API has no row: it cannot be opened, before and after.",
            "Delete the API in the old release's publisher, or restore its row; it is left as it is.",
        )


def _differing(work: Work) -> None:
    query = (
        select(TENANT.c.domain, API.c.api_provider, API.c.api_name, API.c.api_version)
        .join_from(API, ARTIFACT, _SAME_UUID)
        .join(TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
        .where(
            ARTIFACT.c.type != PRODUCT,
            or_(API.c.context != ARTIFACT.c.context, API.c.api_type != ARTIFACT.c.type),
        )
        .order_by(API.c.api_id)
    )
    for row in work.sessions["am"].stream(query):
        work.noted(
            f"{row.domain}/{row.api_provider}/{row.api_name}/{row.api_version}",
            "Context or type in AM_API and in the registry's artifact differ.",
            "Save the API once in the publisher: that writes both.",
        )
