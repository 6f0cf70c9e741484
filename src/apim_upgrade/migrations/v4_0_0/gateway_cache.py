"""
What gateways of 3.x kept in the database: worthless to 4.x, where a row belongs to a revision.

3.x filled it only with ``[apim.sync_runtime_artifacts]``, one row per gateway label, in a form of its own.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, func, select

from apim_upgrade.engine import Phase, Sql, Step, Work
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.api import GATEWAY_ARTIFACT, PUBLISHED_API


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that empties the cache; rows of revisions stay."""
    if not upgrade.crosses("4.0.0"):
        return []
    without_revision = blank(GATEWAY_ARTIFACT.c.revision_id)
    revised = exists().where(GATEWAY_ARTIFACT.c.api_id == PUBLISHED_API.c.api_id)

    def tell(work: Work) -> None:
        count = work.sessions["am"].all(select(func.count()).select_from(GATEWAY_ARTIFACT).where(without_revision))[0][
            0
        ]
        work.saw(count)
        if count:
            work.noted(
                "AM_GW_API_ARTIFACTS",
                f"{count} rows of the gateways' 3.x cache were deleted: 4.x cannot read their form.",
                "Nothing to do: artifacts of the new form come with the revisions.",
            )

    return [
        Step(
            "4.0.0/api-data/gateway-cache",
            "Empty the gateways' 3.x artifact cache",
            "am",
            Phase.MIGRATE,
            (
                findings("gateway_cache", tell, "counts what is deleted"),
                Sql(delete(GATEWAY_ARTIFACT).where(without_revision)),
                Sql(delete(PUBLISHED_API).where(~revised)),
            ),
            touches=select(func.count()).select_from(GATEWAY_ARTIFACT),
            tables=("am_gw_api_artifacts", "am_gw_published_api_details"),
        )
    ]
