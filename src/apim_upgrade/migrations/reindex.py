"""
The registry's log, cleaned for the search index that the new server builds from it.

The indexer goes through the whole log once; an API without a usable row there is in no list of the portals. So of
every living resource the newest row that makes the indexer take it up stays, what is dead goes, and a living file
without a row gets one. The product's own clean-up keeps the newest row whatever it says, and loses those whose newest
row is a copy or an action that the indexer passes over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    Column,
    DateTime,
    Integer,
    String,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
)

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.registry import LOG, PATH, RESOURCE


def steps(upgrade: Upgrade) -> list[Step]:
    """
    The steps; last of all, because everything before them writes to the log.

    A configuration registry of its own has its own log. It is cleaned first: a run is over with its *finish* step.
    """
    own = sorted(upgrade.apart & {"config"})
    return [
        *(_clean(f"registry/{database}/reindex", database, Phase.MIGRATE) for database in own),
        _clean("finish/reindex", registry.DATABASE, Phase.FINISH),
    ]


def _clean(name: str, database: str, phase: Phase) -> Step:
    living = stage_table(
        "living",
        Column("tenant_id", Integer),
        Column("path", Text),
        Column("is_file", Integer),
        Column("user_id", String(255)),
        Column("updated", DateTime),
        keys=[("path", "tenant_id")],
    )
    kept = stage_table(
        "kept",
        Column("log_id", Integer),
        Column("tenant_id", Integer),
        Column("path", Text),
        keys=[("log_id",), ("path", "tenant_id")],
    )
    here = and_(LOG.c.reg_tenant_id == living.c.tenant_id, LOG.c.reg_path == living.c.path)

    folder = case((PATH.c.reg_path_value == "/", ""), else_=PATH.c.reg_path_value)
    resources = select(
        RESOURCE.c.reg_tenant_id,
        case((RESOURCE.c.reg_name.is_(None), PATH.c.reg_path_value), else_=folder + "/" + RESOURCE.c.reg_name),
        case((RESOURCE.c.reg_name.is_(None), 0), else_=1),
        func.coalesce(RESOURCE.c.reg_last_updator, RESOURCE.c.reg_creator),
        RESOURCE.c.reg_last_updated_time,
    ).join(PATH, registry.resource_path())
    last = (
        select(func.max(LOG.c.reg_log_id), living.c.tenant_id, living.c.path)
        .join(living, here)
        .where(LOG.c.reg_action.in_([int(action) for action in registry.INDEXING]))
        .group_by(living.c.tenant_id, living.c.path)
    )

    def alive(work: Work) -> Iterator[Sequence[object]]:
        for row in work.own.stream(resources, batch=10_000):
            yield tuple(row)
        work.saw()

    def newest(work: Work) -> Iterator[Sequence[object]]:
        for row in work.own.stream(last, batch=10_000):
            work.saw()
            yield tuple(row)

    return Step(
        name,
        "Leave one row in the registry's log for every living resource, for the new search index",
        database,
        phase,
        (
            Stage(living, alive, "what lives in the registry", resources),
            Stage(kept, newest, "the newest row of each that the indexer heeds", last),
            Sql(
                delete(LOG).where(
                    ~exists().where(kept.c.log_id == LOG.c.reg_log_id, kept.c.tenant_id == LOG.c.reg_tenant_id)
                ),
                "older rows, rows the indexer passes over, and those of dead paths",
            ),
            Sql(
                insert(LOG).from_select(
                    ["reg_path", "reg_user_id", "reg_logged_time", "reg_action", "reg_tenant_id"],
                    select(
                        living.c.path,
                        living.c.user_id,
                        living.c.updated,
                        literal(int(registry.Action.UPDATE)),
                        living.c.tenant_id,
                    )
                    .where(
                        living.c.is_file == 1,
                        ~exists().where(kept.c.tenant_id == living.c.tenant_id, kept.c.path == living.c.path),
                    )
                    .order_by(living.c.tenant_id, living.c.path),
                ),
                "rows for living files that have none",
            ),
        ),
        tables=(LOG.name,),
    )
