"""
The status of APIs: up to 4.1 the life-cycle property of the registry rules, from 4.2.0 AM_API.STATUS.

The properties stay: no newer server minds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, String, func, select, update

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.api import API
from apim_upgrade.tables.registry import PATH, RESOURCE


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, when the upgrade passes into 4.2.0. Artifacts follow in ``artifact_edits``."""
    if not upgrade.crosses("4.2.0"):
        return []
    stage = stage_table(
        "lifecycle_status", Column("api_uuid", String(100)), Column("status", String(30)), keys=[("api_uuid",)]
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        states = (
            select(RESOURCE.c.reg_uuid, registry.life_cycle_state())
            .join(PATH, registry.resource_path())
            .where(registry.working_artifact())
            .order_by(RESOURCE.c.reg_tenant_id, RESOURCE.c.reg_uuid)
        )
        for row in work.sessions[registry.DATABASE].stream(states):
            work.saw()
            uuid, state = tuple(row)
            if state:
                yield uuid, state.upper()

    return [
        Step(
            "4.2.0/api-data/lifecycle-status",
            "Take the status of every API from its life cycle",
            "am",
            Phase.MIGRATE,
            (
                Stage(stage, rows, "life-cycle states of the registry"),
                Sql(
                    update(API)
                    .values(status=stage.c.status)
                    .where(API.c.api_uuid == stage.c.api_uuid, func.coalesce(API.c.status, "") != stage.c.status),
                    "APIs with another status",
                ),
            ),
            tables=(API.name,),
        )
    ]
