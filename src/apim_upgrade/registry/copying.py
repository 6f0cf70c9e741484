"""
Copying folders and files inside the registry, thousands at a time, without their contents leaving the server.

As the product copies: every folder and file is put anew with a UUID of its own and the same content, media type,
description, properties, tags, comments and ratings; access rights are not copied, for they are inherited. Associations
are not repeated: of those of an API only ``document`` and its kin (3.x) begin at a copied path, and no newer release
reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from heapq import merge
from itertools import groupby
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Row,
    String,
    Table,
    TableClause,
    Text,
    and_,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.sql.selectable import FromClause, Select

from apim_upgrade.databases.generated_ids import ContinueIds
from apim_upgrade.engine import Operation, Sql, Stage, Work, drawn
from apim_upgrade.registry.folders import DATABASE, derived_stage, make_folders
from apim_upgrade.registry.log import Action, log
from apim_upgrade.registry.paths import SYSTEM_USER, join, resource_uuid
from apim_upgrade.tables.registry import ATTACHMENTS, CONTENT, PATH, RESOURCE


def copy_folders(stage: Table, started: datetime) -> tuple[Operation, ...]:
    """
    Copy every living folder, with all below it, to its target.

    ``stage`` has the columns ``tenant_id``, ``source_folder``, ``target_folder`` (full paths, no trailing slash) and
    may have more. A file gets the UUID :func:`resource_uuid` gives for its place, so the UUID of a revision is
    ``resource_uuid(tenant_id, f"{target_folder}/api")``. What lives at the target already stays as it is, so copying
    again changes nothing; a source that does not live is passed over.
    """
    top = PATH.alias("top")
    tree = (
        select(
            stage.c.tenant_id,
            stage.c.target_folder.label("target"),
            (func.length(stage.c.source_folder) + 1).label("cut"),
            top.c.reg_path_id.label("path_id"),
        )
        .join(top, and_(top.c.reg_tenant_id == stage.c.tenant_id, top.c.reg_path_value == stage.c.source_folder))
        .cte("tree", recursive=True)
    )
    below = PATH.alias("below")
    tree = tree.union_all(
        select(tree.c.tenant_id, tree.c.target, tree.c.cut, below.c.reg_path_id).join(
            below, and_(below.c.reg_tenant_id == tree.c.tenant_id, below.c.reg_path_parent_id == tree.c.path_id)
        )
    )
    return _copy(
        stage,
        lambda: (
            select(
                RESOURCE.c.reg_tenant_id.label("tenant_id"),
                RESOURCE.c.reg_version.label("source_version"),
                RESOURCE.c.reg_uuid.label("source_uuid"),
                (tree.c.target + func.substr(PATH.c.reg_path_value, tree.c.cut, type_=Text)).label("folder"),
                RESOURCE.c.reg_name.label("name"),
                RESOURCE.c.reg_media_type.label("media_type"),
                RESOURCE.c.reg_content_id.label("content_id"),
            )
            .select_from(tree)
            .join(PATH, _same(PATH, tree.c.tenant_id, tree.c.path_id))
            .join(RESOURCE, _same(RESOURCE, tree.c.tenant_id, tree.c.path_id))
        ),
        started,
    )


def copy_files(stage: Table, started: datetime) -> tuple[Operation, ...]:
    """
    Copy single files.

    ``stage`` has the columns ``tenant_id``, ``source_folder``, ``source_name``, ``target_folder``, ``target_name`` and
    ``media_type`` (NULL keeps the source's). Otherwise as :func:`copy_folders`.
    """
    return _copy(
        stage,
        lambda: (
            select(
                RESOURCE.c.reg_tenant_id.label("tenant_id"),
                RESOURCE.c.reg_version.label("source_version"),
                RESOURCE.c.reg_uuid.label("source_uuid"),
                stage.c.target_folder.label("folder"),
                stage.c.target_name.label("name"),
                func.coalesce(stage.c.media_type, RESOURCE.c.reg_media_type).label("media_type"),
                RESOURCE.c.reg_content_id.label("content_id"),
            )
            .select_from(stage)
            .join(
                PATH,
                and_(PATH.c.reg_tenant_id == stage.c.tenant_id, PATH.c.reg_path_value == stage.c.source_folder),
            )
            .join(
                RESOURCE,
                and_(
                    _same(RESOURCE, PATH.c.reg_tenant_id, PATH.c.reg_path_id),
                    RESOURCE.c.reg_name == stage.c.source_name,
                ),
            )
        ),
        started,
    )


def _same(table: FromClause, tenant: ColumnElement[int], path: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(table.c.reg_tenant_id == tenant, table.c.reg_path_id == path)


def _same_name(left: ColumnElement[str], right: ColumnElement[str]) -> ColumnElement[bool]:
    """Compare names of which both may be NULL, for a folder."""
    return func.coalesce(left, "") == func.coalesce(right, "")


def _copy(stage: Table, wanted: Callable[[], Select[Any]], started: datetime) -> tuple[Operation, ...]:
    """Copy the resources that ``wanted()`` selects to ``folder`` and ``name`` (NULL for the folder itself)."""
    version = drawn(RESOURCE, "reg_version", reg_tenant_id="tenant_id", reg_uuid="source_uuid")
    copies = derived_stage(
        stage,
        "copies",
        # Links join it; MariaDB would compare every row with every other.
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("tenant_id", Integer),
        Column("source_version", Integer, info=version),
        Column("source_uuid", String(100)),
        Column("folder", Text),
        Column("name", String(256)),
        Column("media_type", String(500)),
        Column("content_id", Integer),
        Column("new_content_id", Integer),
        Column("uuid", String(100)),
        keys=[("number",), ("source_version",)],
    )
    target = PATH.alias("target")
    new = RESOURCE.alias("new")

    def rows(work: Work) -> Iterator[Sequence[object]]:
        source = wanted().subquery("source")
        query = (
            select(source)
            .outerjoin(
                target,
                and_(target.c.reg_tenant_id == source.c.tenant_id, target.c.reg_path_value == source.c.folder),
            )
            .outerjoin(
                new,
                and_(
                    _same(new, target.c.reg_tenant_id, target.c.reg_path_id),
                    _same_name(new.c.reg_name, source.c.name),
                ),
            )
            .where(new.c.reg_version.is_(None))
            .order_by(source.c.tenant_id, source.c.folder, source.c.name, source.c.source_version)
        )
        before: tuple[int, str] | None = None
        last = _greatest(work, CONTENT)
        number = 0
        for row in work.sessions[DATABASE].stream(query):
            path = row.folder if row.name is None else join(row.folder, row.name)
            if (row.tenant_id, path) == before:
                continue
            before = (row.tenant_id, path)
            number += 1
            yield (
                number,
                row.tenant_id,
                row.source_version,
                row.source_uuid,
                row.folder,
                row.name,
                row.media_type,
                row.content_id,
                None if row.content_id is None else last + number,
                resource_uuid(row.tenant_id, path),
            )

    placed = (
        select(copies, target.c.reg_path_id.label("path_id"))
        .join(target, and_(target.c.reg_tenant_id == copies.c.tenant_id, target.c.reg_path_value == copies.c.folder))
        .subquery("placed")
    )
    return (
        Stage(copies, rows, "what is to be copied, and where to"),
        *make_folders(copies, lambda: select(copies.c.tenant_id, copies.c.folder), started),
        Sql(
            insert(CONTENT).from_select(
                ["reg_content_id", "reg_content_data", "reg_tenant_id"],
                select(placed.c.new_content_id, CONTENT.c.reg_content_data, placed.c.tenant_id)
                .select_from(placed)
                .join(
                    CONTENT,
                    and_(
                        CONTENT.c.reg_content_id == placed.c.content_id,
                        CONTENT.c.reg_tenant_id == placed.c.tenant_id,
                    ),
                )
                .where(placed.c.name.is_not(None)),
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
                    "reg_description",
                    "reg_content_id",
                    "reg_tenant_id",
                    "reg_uuid",
                ],
                select(
                    placed.c.path_id,
                    placed.c.name,
                    placed.c.media_type,
                    literal(SYSTEM_USER),
                    literal(started),
                    literal(SYSTEM_USER),
                    literal(started),
                    RESOURCE.c.reg_description,
                    placed.c.new_content_id,
                    placed.c.tenant_id,
                    placed.c.uuid,
                )
                .select_from(placed)
                .join(RESOURCE, _source(placed))
                .where(placed.c.name.is_not(None))
                .order_by(placed.c.number),
            ),
            "the copies",
        ),
        *(operation for values, links in ATTACHMENTS for operation in _copy_attachments(stage, values, links, placed)),
        Sql(
            log(
                select(copies.c.tenant_id, (copies.c.folder + "/" + copies.c.name).label("path")).where(
                    copies.c.name.is_not(None)
                ),
                Action.ADD,
                started,
            ),
            "their log",
            counts=False,
        ),
        *(
            Sql(ContinueIds(table, table.columns[0].name), counts=False)
            for table in (CONTENT, *(values for values, _ in ATTACHMENTS))
        ),
    )


def _source(placed: FromClause) -> ColumnElement[bool]:
    return and_(RESOURCE.c.reg_version == placed.c.source_version, RESOURCE.c.reg_tenant_id == placed.c.tenant_id)


def _copy_attachments(stage: Table, values: TableClause, links: TableClause, placed: FromClause) -> Iterator[Operation]:
    """Copy the values of one kind with their links, by path and (versioning was on once) by version."""
    key, link = values.columns[0], links.columns[0]
    copied = derived_stage(
        stage,
        values.name,
        Column("new_id", Integer),
        Column("value_id", Integer),
        Column("tenant_id", Integer),
        Column("number", Integer),
        keys=[("number",)],
    )
    found = (
        select(placed.c.number, placed.c.tenant_id, link.label("value_id"))
        .select_from(placed)
        .join(RESOURCE, _source(placed))
    )
    here = _same(links, RESOURCE.c.reg_tenant_id, RESOURCE.c.reg_path_id)
    folders_own = or_(links.c.reg_resource_name.is_(None), links.c.reg_resource_name == "")
    # Three joins that servers can hash; one over names that may be NULL in both is none.
    ways = (
        found.join(links, and_(here, links.c.reg_resource_name == RESOURCE.c.reg_name)),
        found.join(links, and_(here, folders_own, RESOURCE.c.reg_name.is_(None))),
        found.join(
            links,
            and_(links.c.reg_tenant_id == RESOURCE.c.reg_tenant_id, links.c.reg_version == RESOURCE.c.reg_version),
        ),
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        # Put together here: a UNION would name the stage three times, and MySQL opens a temporary table once.
        streams = [work.sessions[DATABASE].stream(way.order_by("number", "value_id")) for way in ways]
        every = groupby(merge(*streams, key=_identity), key=_identity)
        for new_id, (_, (row, *_)) in enumerate(every, _greatest(work, values) + 1):
            yield new_id, row.value_id, row.tenant_id, row.number

    others = [column for column in values.columns if column is not key and column.name != "reg_tenant_id"]
    yield Stage(copied, rows, f"what the copies get of {values.name.upper()}")
    yield Sql(
        insert(values).from_select(
            [key.name, "reg_tenant_id", *(column.name for column in others)],
            select(copied.c.new_id, copied.c.tenant_id, *others)
            .select_from(copied)
            .join(values, and_(key == copied.c.value_id, values.c.reg_tenant_id == copied.c.tenant_id)),
        ),
        counts=False,
    )
    yield Sql(
        insert(links).from_select(
            [link.name, "reg_path_id", "reg_resource_name", "reg_tenant_id"],
            select(copied.c.new_id, placed.c.path_id, placed.c.name, copied.c.tenant_id)
            .select_from(copied)
            .join(placed, placed.c.number == copied.c.number)
            .order_by(copied.c.new_id),
        ),
        counts=False,
    )


def _identity(row: Row[Any]) -> tuple[int, int]:
    return row.number, row.value_id


def _greatest(work: Work, table: TableClause) -> int:
    """Return the greatest number in use: rows that others refer to are written with numbers of our own behind it."""
    return int(work.sessions[DATABASE].all(select(func.coalesce(func.max(table.columns[0]), 0)))[0][0])
