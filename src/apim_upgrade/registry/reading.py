"""Reading the registry: single resources by path, and queries over many of all tenants to be streamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.sql.selectable import Select

from apim_upgrade.engine import Session
from apim_upgrade.registry.paths import API_MEDIA_TYPE, ARTIFACT, PROVIDERS, split
from apim_upgrade.tables.registry import CONTENT, PATH, PROPERTY, RESOURCE, RESOURCE_PROPERTY

_STATE = "registry.lifecycle.APILifeCycle.state"
"""The property that holds an API's life-cycle state up to 4.1, such as ``Published``."""


def files() -> Select[Any]:
    """
    Select every file of every tenant; narrow it with ``where`` on PATH and RESOURCE.

    Columns: tenant_id, folder, name, path_id, version, media_type, uuid, content_id, content (NULL when it has none).
    """
    return (
        select(
            RESOURCE.c.reg_tenant_id.label("tenant_id"),
            PATH.c.reg_path_value.label("folder"),
            RESOURCE.c.reg_name.label("name"),
            RESOURCE.c.reg_path_id.label("path_id"),
            RESOURCE.c.reg_version.label("version"),
            RESOURCE.c.reg_media_type.label("media_type"),
            RESOURCE.c.reg_uuid.label("uuid"),
            RESOURCE.c.reg_content_id.label("content_id"),
            CONTENT.c.reg_content_data.label("content"),
        )
        .select_from(RESOURCE)
        .join(PATH, resource_path())
        .outerjoin(
            CONTENT,
            and_(
                CONTENT.c.reg_content_id == RESOURCE.c.reg_content_id,
                CONTENT.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
            ),
        )
        .where(RESOURCE.c.reg_name.is_not(None))
    )


def artifacts() -> Select[Any]:
    """
    Select the artifacts of the working copies of all APIs and products of all tenants, in order of tenant and UUID.

    Columns as :func:`files`, and ``state``: :func:`life_cycle_state`.
    """
    return (
        files()
        .add_columns(life_cycle_state().label("state"))
        .where(working_artifact())
        .order_by(RESOURCE.c.reg_tenant_id, RESOURCE.c.reg_uuid, PATH.c.reg_path_value)
    )


def life_cycle_state() -> ColumnElement[str]:
    """
    Return the life-cycle state of a file, as a column beside RESOURCE; NULL where it has none.

    Looked up row by row through the links' indexes: a join would be left to the planner's guess of how many links a
    resource has, which it cannot know.
    """
    by_path = and_(
        RESOURCE_PROPERTY.c.reg_path_id == RESOURCE.c.reg_path_id,
        RESOURCE_PROPERTY.c.reg_resource_name == RESOURCE.c.reg_name,
    )
    by_version = RESOURCE_PROPERTY.c.reg_version == RESOURCE.c.reg_version
    values = (
        select(func.max(PROPERTY.c.reg_value))
        .select_from(RESOURCE_PROPERTY)
        .join(PROPERTY, linked_property())
        .where(link, RESOURCE_PROPERTY.c.reg_tenant_id == RESOURCE.c.reg_tenant_id, PROPERTY.c.reg_name == _STATE)
        .correlate(RESOURCE)
        .scalar_subquery()
        for link in (by_path, by_version)
    )
    return func.coalesce(*values)


def working_artifact() -> ColumnElement[bool]:
    """Say of PATH and RESOURCE that they are the artifact of a working copy (not of a revision)."""
    return and_(
        RESOURCE.c.reg_media_type == API_MEDIA_TYPE,
        RESOURCE.c.reg_name == ARTIFACT,
        PATH.c.reg_path_value.startswith(f"{PROVIDERS}/", autoescape=True),
    )


def resource_path() -> ColumnElement[bool]:
    """Join RESOURCE with the PATH of its folder, within the tenant."""
    return and_(PATH.c.reg_path_id == RESOURCE.c.reg_path_id, PATH.c.reg_tenant_id == RESOURCE.c.reg_tenant_id)


def linked_property() -> ColumnElement[bool]:
    """Join RESOURCE_PROPERTY, the link, with the PROPERTY that it gives a resource."""
    return and_(
        PROPERTY.c.reg_id == RESOURCE_PROPERTY.c.reg_property_id,
        PROPERTY.c.reg_tenant_id == RESOURCE_PROPERTY.c.reg_tenant_id,
    )


def linked_path() -> ColumnElement[bool]:
    """Join RESOURCE_PROPERTY, the link, with the PATH of the folder that has the property or the file with it."""
    return and_(
        PATH.c.reg_path_id == RESOURCE_PROPERTY.c.reg_path_id, PATH.c.reg_tenant_id == RESOURCE_PROPERTY.c.reg_tenant_id
    )


def read(session: Session, tenant_id: int, path: str) -> bytes | None:
    """Return the content of one file, None when there is no such file or it has no content."""
    folder, name = split(path)
    rows = session.all(
        files().where(
            RESOURCE.c.reg_tenant_id == tenant_id, PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name
        )
    )
    return bytes(rows[0].content) if rows and rows[0].content is not None else None


def read_properties(session: Session, tenant_id: int, path: str) -> dict[str, list[str]]:
    """Return the properties of one file; each may have several values."""
    folder, name = split(path)
    links = (
        select(PROPERTY.c.reg_id, PROPERTY.c.reg_name, PROPERTY.c.reg_value)
        .distinct()
        .select_from(RESOURCE)
        .join(PATH, resource_path())
        .join(
            RESOURCE_PROPERTY,
            and_(
                RESOURCE_PROPERTY.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
                or_(
                    and_(
                        RESOURCE_PROPERTY.c.reg_path_id == RESOURCE.c.reg_path_id,
                        RESOURCE_PROPERTY.c.reg_resource_name == RESOURCE.c.reg_name,
                    ),
                    # Where versioning was on once, a link names the version of its resource instead.
                    RESOURCE_PROPERTY.c.reg_version == RESOURCE.c.reg_version,
                ),
            ),
        )
        .join(PROPERTY, linked_property())
        .where(RESOURCE.c.reg_tenant_id == tenant_id, PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name)
        .order_by(PROPERTY.c.reg_id)
    )
    found: dict[str, list[str]] = {}
    for row in session.all(links):
        found.setdefault(row.reg_name, []).append(row.reg_value or "")
    return found


def list_folder(session: Session, tenant_id: int, folder: str) -> Sequence[str]:
    """Return the names of what lives directly in a folder: files and folders (these with a trailing slash)."""
    names = session.all(
        select(RESOURCE.c.reg_name)
        .join(PATH, resource_path())
        .where(RESOURCE.c.reg_tenant_id == tenant_id, PATH.c.reg_path_value == folder, RESOURCE.c.reg_name.is_not(None))
    )
    parent = PATH.alias("parent")
    folders = session.all(
        select(PATH.c.reg_path_value)
        .join(RESOURCE, and_(resource_path(), RESOURCE.c.reg_name.is_(None)))
        .join(
            parent,
            and_(parent.c.reg_path_id == PATH.c.reg_path_parent_id, parent.c.reg_tenant_id == PATH.c.reg_tenant_id),
        )
        .where(PATH.c.reg_tenant_id == tenant_id, parent.c.reg_path_value == folder)
    )
    return sorted([row[0] for row in names] + [split(row[0])[1] + "/" for row in folders])
