"""The log of changes, from which the server builds its search index."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import Insert, insert, literal
from sqlalchemy.sql.selectable import Select

from apim_upgrade.registry.paths import SYSTEM_USER
from apim_upgrade.tables.registry import LOG


class Action(IntEnum):
    """What a row of the log says; the codes are the product's."""

    ADD = 0
    UPDATE = 1
    COMMENT = 2
    DELETE_COMMENT = 3
    TAG = 4
    REMOVE_TAG = 5
    RATE = 6
    DELETE = 7
    RESTORE = 8
    RENAME = 9
    MOVE = 10
    COPY = 11
    REMOTE_LINK = 12
    SYMBOLIC_LINK = 13
    REMOVE_LINK = 14
    ASSOCIATE = 15
    REMOVE_ASSOCIATION = 16
    ASPECT = 17


INDEXING = tuple(action for action in Action if action in (0, 1, 2, 3, 4, 5, 8, 9, 10, 15))
"""
Actions after which the indexer takes up the row's own path.

The others it passes over, but for COPY, where it indexes the *target* instead, and DELETE
(``ResourceSubmitter`` of carbon-registry).
"""


def log(changed: Select[Any], action: Action, started: datetime) -> Insert:
    """Say that the resources that ``changed`` selects as (tenant id, path) were touched."""
    rows = changed.subquery("changed")
    tenant, path = rows.c
    return insert(LOG).from_select(
        ["reg_path", "reg_user_id", "reg_logged_time", "reg_action", "reg_tenant_id"],
        rows.select()
        .with_only_columns(path, literal(SYSTEM_USER), literal(started), literal(int(action)), tenant)
        .order_by(tenant, path),
    )
