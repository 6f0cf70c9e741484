"""
Groups and roles apart, for estates that want ``group_and_role_separation_enabled``.

With separation on, roles of a user store become groups, and their permissions move to internal roles that these groups
get. It is off in every stock release, and then this would take the permissions from the members of those roles: the
step exists only when the operator chose separation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, and_, delete, exists, func, insert, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.engine.step import Rows
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.user import UM_DOMAIN, UM_GROUP_ROLE, UM_HYBRID_ROLE, UM_ROLE_PERMISSION

_INTERNAL, _PRIMARY = "INTERNAL", "PRIMARY"
_NOT_USER_STORES = (_INTERNAL, "SYSTEM", "APPLICATION", "WORKFLOW")
_ROLE = stage_table(
    "user_store_role",
    Column("tenant_id", Integer, nullable=False),
    Column("domain_id", Integer, nullable=False),
    Column("role", String(255), nullable=False),
    Column("internal_role", String(255), nullable=False),
    Column("internal_domain_id", Integer, nullable=False),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that moves permissions, if the operator chose separation."""
    if not upgrade.choices.separate_groups_and_roles:
        return []
    permission, moved = UM_ROLE_PERMISSION, UM_ROLE_PERMISSION.alias("moved")
    of_role = and_(
        permission.c.um_tenant_id == _ROLE.c.tenant_id,
        permission.c.um_domain_id == _ROLE.c.domain_id,
        permission.c.um_role_name == _ROLE.c.role,
    )
    already_there = and_(  # joined: MySQL lets no subquery read the table that a DELETE empties
        of_role,
        moved.c.um_tenant_id == _ROLE.c.tenant_id,
        moved.c.um_domain_id == _ROLE.c.internal_domain_id,
        moved.c.um_role_name == _ROLE.c.internal_role,
        moved.c.um_permission_id == permission.c.um_permission_id,
    )
    return [
        Step(
            "4.0.0/identity/groups-and-roles",
            "Move permissions of user-store roles to internal roles",
            upgrade.home("user"),
            Phase.MIGRATE,
            (
                Stage(_ROLE, _roles(upgrade.choices.admin_role), "user-store roles that hold permissions"),
                Sql(_insert_roles(), "an internal role for each"),
                Sql(_insert_groups(), "the user-store role as its group"),
                Sql(delete(permission).where(already_there), "permissions that the internal role has already"),
                Sql(
                    update(permission)
                    .values(um_role_name=_ROLE.c.internal_role, um_domain_id=_ROLE.c.internal_domain_id)
                    .where(of_role),
                    "permissions",
                ),
            ),
            tables=(UM_HYBRID_ROLE.name, UM_GROUP_ROLE.name, UM_ROLE_PERMISSION.name),
        )
    ]


def _roles(admin_role: str) -> Rows:
    admin = admin_role.rpartition("/")[2]

    def rows(work: Work) -> Iterator[Sequence[object]]:
        internal = UM_DOMAIN.alias("internal")
        query = (
            select(
                UM_ROLE_PERMISSION.c.um_tenant_id,
                UM_ROLE_PERMISSION.c.um_domain_id,
                UM_ROLE_PERMISSION.c.um_role_name,
                UM_DOMAIN.c.um_domain_name,
                internal.c.um_domain_id.label("internal_domain_id"),
            )
            .distinct()
            .join(
                UM_DOMAIN,
                and_(
                    UM_DOMAIN.c.um_domain_id == UM_ROLE_PERMISSION.c.um_domain_id,
                    UM_DOMAIN.c.um_tenant_id == UM_ROLE_PERMISSION.c.um_tenant_id,
                ),
            )
            .outerjoin(
                internal,
                and_(
                    internal.c.um_tenant_id == UM_ROLE_PERMISSION.c.um_tenant_id,
                    internal.c.um_domain_name == _INTERNAL,
                ),
            )
            .where(func.upper(UM_DOMAIN.c.um_domain_name).not_in(_NOT_USER_STORES))
            .order_by(
                UM_ROLE_PERMISSION.c.um_tenant_id, UM_ROLE_PERMISSION.c.um_domain_id, UM_ROLE_PERMISSION.c.um_role_name
            )
        )
        for row in work.own.stream(query):
            item = f"role {row.um_domain_name}/{row.um_role_name} of tenant {row.um_tenant_id}"
            work.saw()
            if row.internal_domain_id is None:
                work.failed(item, "its tenant has no INTERNAL domain", "Add the row to UM_DOMAIN; then run again.")
                continue
            is_admin = row.um_role_name == admin and row.um_domain_name.upper() == _PRIMARY
            name = admin if is_admin else f"system_{row.um_domain_name.lower()}_{row.um_role_name}"
            work.noted(
                item,
                f"is a group now; its permissions moved to Internal/{name}",
                "Name the internal role in scopes and role mappings that named the old one.",
            )
            yield row.um_tenant_id, row.um_domain_id, row.um_role_name, name, row.internal_domain_id

    return rows


def _insert_roles() -> Any:
    has = UM_HYBRID_ROLE.alias("has")
    lacks = ~exists(
        select(1).where(has.c.um_role_name == _ROLE.c.internal_role, has.c.um_tenant_id == _ROLE.c.tenant_id)
    ).correlate(_ROLE)
    rows = (
        select(_ROLE.c.internal_role, _ROLE.c.tenant_id)
        .distinct()
        .where(lacks)
        .order_by(_ROLE.c.tenant_id, _ROLE.c.internal_role)
    )
    return insert(UM_HYBRID_ROLE).from_select(["um_role_name", "um_tenant_id"], rows)


def _insert_groups() -> Any:
    has = UM_GROUP_ROLE.alias("has")
    rows = (
        select(_ROLE.c.role, UM_HYBRID_ROLE.c.um_id, _ROLE.c.tenant_id, _ROLE.c.domain_id)
        .join(
            UM_HYBRID_ROLE,
            and_(
                UM_HYBRID_ROLE.c.um_role_name == _ROLE.c.internal_role,
                UM_HYBRID_ROLE.c.um_tenant_id == _ROLE.c.tenant_id,
            ),
        )
        .where(
            ~exists(
                select(1).where(
                    has.c.um_group_name == _ROLE.c.role,
                    has.c.um_role_id == UM_HYBRID_ROLE.c.um_id,
                    has.c.um_tenant_id == _ROLE.c.tenant_id,
                    has.c.um_domain_id == _ROLE.c.domain_id,
                )
            ).correlate(_ROLE, UM_HYBRID_ROLE)
        )
        .order_by(_ROLE.c.tenant_id, _ROLE.c.domain_id, _ROLE.c.role)
    )
    return insert(UM_GROUP_ROLE).from_select(["um_group_name", "um_role_id", "um_tenant_id", "um_domain_id"], rows)
