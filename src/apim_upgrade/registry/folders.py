"""Making folders, with every folder above them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    String,
    Table,
    Text,
    and_,
    case,
    exists,
    insert,
    literal,
    null,
    select,
    update,
)
from sqlalchemy.sql.selectable import Select

from apim_upgrade.engine import Operation, Sql, Stage, Work, stage_table
from apim_upgrade.registry.log import Action, log
from apim_upgrade.registry.paths import SYSTEM_USER, ancestors, resource_uuid, split
from apim_upgrade.tables.registry import PATH, RESOURCE

DATABASE = "shared"
_PREFIX = stage_table("").name


def derived_stage(stage: Table, purpose: str, *columns: Column[Any], keys: Sequence[tuple[str, ...]] = ()) -> Table:
    """Describe a stage whose name begins with that of another, so that several may live in one step."""
    return stage_table(f"{stage.name.removeprefix(_PREFIX)}_{purpose}", *columns, keys=keys)


def make_folders(
    stage: Table, wanted: Callable[[], Select[tuple[int, str]]], started: datetime
) -> tuple[Operation, ...]:
    """
    Make the folders that ``wanted()`` selects as (tenant id, path), and those above them, where they do not live.

    A left-over REG_PATH row of a dead folder is taken up again, as the product does; new folders get the UUID of
    their place. ``stage`` is only named after. Living folders stay as they are.
    """
    folders = derived_stage(
        stage,
        "folders",
        Column("tenant_id", Integer),
        Column("path", Text),
        Column("parent", Text),
        Column("uuid", String(100)),
        keys=[("path",)],
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        before: tuple[int, set[str]] = (0, set())
        query = wanted().distinct()
        for row in work.sessions[DATABASE].stream(query.order_by(*query.selected_columns)):
            tenant, path = tuple(row)
            # In order of path, folders of one tree follow each other: what the one before had need not be said again.
            chain = ancestors(path)
            known = before[1] if before[0] == tenant else set()
            for folder in chain:
                if folder not in known:
                    yield tenant, folder, split(folder)[0], resource_uuid(tenant, folder)
            before = (tenant, set(chain))

    here = and_(PATH.c.reg_tenant_id == folders.c.tenant_id, PATH.c.reg_path_value == folders.c.path)
    parent = PATH.alias("parent")
    lives = exists().where(
        RESOURCE.c.reg_path_id == PATH.c.reg_path_id,
        RESOURCE.c.reg_tenant_id == PATH.c.reg_tenant_id,
        RESOURCE.c.reg_name.is_(None),
    )
    dead = (
        select(folders.c.tenant_id, folders.c.path, folders.c.uuid, PATH.c.reg_path_id)
        .distinct()
        .join(PATH, here)
        .where(~lives)
        .subquery("dead")
    )
    return (
        Stage(folders, rows, "folders that have to be there"),
        Sql(
            insert(PATH).from_select(
                ["reg_path_value", "reg_path_parent_id", "reg_tenant_id"],
                select(folders.c.path, case((folders.c.path == "/", -1), else_=null()), folders.c.tenant_id)
                .distinct()
                .where(~exists().where(here))
                .order_by(folders.c.tenant_id, folders.c.path),
            ),
            "paths of new folders",
            counts=False,
        ),
        Sql(
            update(PATH)
            .values(reg_path_parent_id=parent.c.reg_path_id)
            .where(
                here,
                PATH.c.reg_path_parent_id.is_(None),
                parent.c.reg_tenant_id == folders.c.tenant_id,
                parent.c.reg_path_value == folders.c.parent,
            ),
            "each below its parent",
            counts=False,
        ),
        Sql(log(select(dead.c.tenant_id, dead.c.path), Action.ADD, started), "their log", counts=False),
        Sql(
            insert(RESOURCE).from_select(
                [
                    "reg_path_id",
                    "reg_creator",
                    "reg_created_time",
                    "reg_last_updator",
                    "reg_last_updated_time",
                    "reg_tenant_id",
                    "reg_uuid",
                ],
                select(
                    dead.c.reg_path_id,
                    literal(SYSTEM_USER),
                    literal(started),
                    literal(SYSTEM_USER),
                    literal(started),
                    dead.c.tenant_id,
                    dead.c.uuid,
                ).order_by(dead.c.tenant_id, dead.c.path),
            ),
            "new folders",
            counts=False,
        ),
    )
