"""Writing files and their access rights, thousands at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, Text, and_, exists, func, insert, literal, select, update

from apim_upgrade.databases.generated_ids import ContinueIds
from apim_upgrade.engine import Operation, Sql, Stage, Work, stage_table
from apim_upgrade.registry.folders import DATABASE, derived_stage, make_folders
from apim_upgrade.registry.log import Action, log
from apim_upgrade.registry.paths import SYSTEM_USER, join, resource_uuid
from apim_upgrade.registry.reading import resource_path
from apim_upgrade.tables.registry import CONTENT, PATH, RESOURCE
from apim_upgrade.tables.user import UM_PERMISSION, UM_ROLE_PERMISSION

_RIGHTS_LENGTH = 255
"""UM_RESOURCE_ID is no longer than this; a longer path cannot carry rights and inherits."""


def write_files(stage: Table, started: datetime) -> tuple[Operation, ...]:
    """
    Add files, with every folder that is missing.

    ``stage`` has the columns ``tenant_id``, ``folder``, ``name``, ``media_type``, ``content`` (and may have more). A
    file that is there already stays as it is. New files get the UUID :func:`resource_uuid` gives for their place.
    """
    new = derived_stage(
        stage,
        "new",
        Column("tenant_id", Integer),
        Column("folder", Text),
        Column("name", String(256)),
        Column("content_id", Integer),
        Column("uuid", String(100)),
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        session = work.sessions[DATABASE]
        last = session.all(select(func.coalesce(func.max(CONTENT.c.reg_content_id), 0)))[0][0]
        there = exists().where(
            resource_path(),
            RESOURCE.c.reg_tenant_id == stage.c.tenant_id,
            RESOURCE.c.reg_name == stage.c.name,
            PATH.c.reg_path_value == stage.c.folder,
        )
        query = select(stage.c.tenant_id, stage.c.folder, stage.c.name).distinct().where(~there)
        for number, row in enumerate(session.stream(query.order_by(*query.selected_columns)), last + 1):
            yield *row, number, resource_uuid(row.tenant_id, join(row.folder, row.name))

    written = and_(new.c.tenant_id == stage.c.tenant_id, new.c.folder == stage.c.folder, new.c.name == stage.c.name)
    return (
        Stage(new, rows, "files that are not there yet"),
        *make_folders(new, lambda: select(new.c.tenant_id, new.c.folder), started),
        Sql(
            insert(CONTENT).from_select(
                ["reg_content_id", "reg_content_data", "reg_tenant_id"],
                select(new.c.content_id, stage.c.content, new.c.tenant_id).join(stage, written),
            ),
            "their contents",
            counts=False,
        ),
        Sql(
            insert(RESOURCE).from_select(
                [
                    "reg_path_id",
                    "reg_name",
                    "reg_media_type",
                    "reg_creator",
                    "reg_created_time",
                    "reg_last_updator",
                    "reg_last_updated_time",
                    "reg_content_id",
                    "reg_tenant_id",
                    "reg_uuid",
                ],
                select(
                    PATH.c.reg_path_id,
                    new.c.name,
                    stage.c.media_type,
                    literal(SYSTEM_USER),
                    literal(started),
                    literal(SYSTEM_USER),
                    literal(started),
                    new.c.content_id,
                    new.c.tenant_id,
                    new.c.uuid,
                )
                .select_from(new)
                .join(stage, written)
                .join(PATH, and_(PATH.c.reg_tenant_id == new.c.tenant_id, PATH.c.reg_path_value == new.c.folder))
                .order_by(new.c.content_id),
            ),
            "new files",
        ),
        Sql(log(select(new.c.tenant_id, new.c.folder + "/" + new.c.name), Action.ADD, started), counts=False),
        Sql(ContinueIds(CONTENT, "reg_content_id"), counts=False),
    )


def replace_contents(stage: Table, started: datetime) -> tuple[Operation, ...]:
    """
    Give files new contents.

    ``stage`` has the columns ``tenant_id``, ``content_id``, ``path`` (of the file) and ``content`` (and may have
    more); put only those into it whose content really differs. The time of the last update stays: the portals show it
    as the API's own, and an upgrade is nobody's edit.
    """
    return (
        Sql(
            update(CONTENT)
            .values(reg_content_data=stage.c.content)
            .where(CONTENT.c.reg_content_id == stage.c.content_id, CONTENT.c.reg_tenant_id == stage.c.tenant_id),
            "new contents",
        ),
        Sql(log(select(stage.c.tenant_id, stage.c.path), Action.UPDATE, started), "their log", counts=False),
    )


def rights_stage(name: str) -> Table:
    """Describe a stage for :func:`copy_rights`."""
    return stage_table(name, Column("tenant_id", Integer), Column("source_path", Text), Column("target_path", Text))


def copy_rights(stage: Table) -> tuple[Operation, ...]:
    """
    Give files the access rights of others; the step belongs to the database of user management.

    ``stage`` has the columns ``tenant_id``, ``source_path``, ``target_path`` (and may have more). A target that has
    rights of its own for an action keeps them.
    """
    target = UM_PERMISSION.alias("target")
    granted = UM_ROLE_PERMISSION.alias("granted")
    has = exists().where(
        target.c.um_resource_id == stage.c.target_path,
        target.c.um_action == UM_PERMISSION.c.um_action,
        target.c.um_tenant_id == stage.c.tenant_id,
    )
    source = and_(
        UM_PERMISSION.c.um_resource_id == stage.c.source_path, UM_PERMISSION.c.um_tenant_id == stage.c.tenant_id
    )
    return (
        Sql(
            insert(UM_PERMISSION).from_select(
                ["um_resource_id", "um_action", "um_tenant_id"],
                select(stage.c.target_path, UM_PERMISSION.c.um_action, stage.c.tenant_id)
                .distinct()
                .join(UM_PERMISSION, source)
                .where(func.length(stage.c.target_path) <= _RIGHTS_LENGTH, ~has)
                .order_by(stage.c.tenant_id, stage.c.target_path, UM_PERMISSION.c.um_action),
            ),
            "rights",
            counts=False,
        ),
        Sql(
            insert(UM_ROLE_PERMISSION).from_select(
                ["um_permission_id", "um_role_name", "um_is_allowed", "um_tenant_id", "um_domain_id"],
                select(
                    target.c.um_id,
                    UM_ROLE_PERMISSION.c.um_role_name,
                    UM_ROLE_PERMISSION.c.um_is_allowed,
                    stage.c.tenant_id,
                    UM_ROLE_PERMISSION.c.um_domain_id,
                )
                .distinct()
                .select_from(stage)
                .join(UM_PERMISSION, source)
                .join(
                    UM_ROLE_PERMISSION,
                    and_(
                        UM_ROLE_PERMISSION.c.um_permission_id == UM_PERMISSION.c.um_id,
                        UM_ROLE_PERMISSION.c.um_tenant_id == UM_PERMISSION.c.um_tenant_id,
                    ),
                )
                .join(
                    target,
                    and_(
                        target.c.um_resource_id == stage.c.target_path,
                        target.c.um_action == UM_PERMISSION.c.um_action,
                        target.c.um_tenant_id == stage.c.tenant_id,
                    ),
                )
                .where(
                    ~exists().where(
                        granted.c.um_permission_id == target.c.um_id, granted.c.um_tenant_id == target.c.um_tenant_id
                    )
                )
                .order_by(stage.c.tenant_id, target.c.um_id, UM_ROLE_PERMISSION.c.um_role_name),
            ),
            "and who has them",
            counts=False,
        ),
    )
