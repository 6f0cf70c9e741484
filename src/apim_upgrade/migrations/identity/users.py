"""
Identifiers of tenants and users.

4.0.0 gives every tenant a UUID. Users have one (UM_USER_ID, the same as their SCIM id) since 3.1.0, but a database that
was upgraded to that release by hand may lack it for some. Ids that exist are never changed, since the user store's
mapper and clients know them; where they disagree with the SCIM id, a person may decide. Two users of one name or one
id need no step: they stop an upgrade before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Integer, Row, String, and_, case, distinct, exists, func, insert, literal, select, update

from apim_upgrade.databases import name_uuid, name_uuid_of
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.user import UM_DOMAIN, UM_TENANT, UM_USER, UM_USER_ATTRIBUTE, UM_USER_DOMAIN

_SCIM_ID, _USER_NAME = "scimId", "uid"
_PROFILE = "default"
_RESERVED = "apim_reserved_user"
"""The product's own user of each tenant; its attributes lie in a profile of the same name."""
_PRIMARY = "PRIMARY"
_NAMED_USERS = 5
_ID = stage_table(
    "user_id",
    Column("um_id", Integer, nullable=False),
    Column("um_tenant_id", Integer, nullable=False),
    Column("user_id", String(255), nullable=False),
)


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps for tenants, where 4.0.0 is crossed, and for users, always."""
    return [*([_tenants(upgrade)] if upgrade.crosses("4.0.0") else []), _users(upgrade)]


def _tenants(upgrade: Upgrade) -> Step:
    new = name_uuid_of("tenant", UM_TENANT.c.um_id, UM_TENANT.c.um_domain_name)
    return Step(
        "4.0.0/identity/tenant-uuids",
        "Give every tenant a UUID",
        upgrade.home("user"),
        Phase.MIGRATE,
        (
            Sql(
                update(UM_TENANT).values(um_tenant_uuid=new).where(blank(UM_TENANT.c.um_tenant_uuid)),
                "from number and domain, so that a rehearsal gives the same",
            ),
        ),
        touches=select(func.count()).select_from(UM_TENANT),
        tables=(UM_TENANT.name,),
    )


def _users(upgrade: Upgrade) -> Step:
    same_user = and_(UM_USER.c.um_id == _ID.c.um_id, UM_USER.c.um_tenant_id == _ID.c.um_tenant_id)
    return Step(
        "identity/user-ids",
        "Give every user an id",
        upgrade.home("user"),
        Phase.MIGRATE,
        (
            findings("user_id_finding", _report_disagreement, "users whose id is not their SCIM id"),
            Stage(_ID, _ids, "users without an id, each with its SCIM id or a new one"),
            Sql(update(UM_USER).values(um_user_id=_ID.c.user_id).where(same_user), "ids"),
            *(
                Sql(_insert_attribute(same_user, name, value), f"attribute {name}", counts=False)
                for name, value in ((_SCIM_ID, _ID.c.user_id), (_USER_NAME, UM_USER.c.um_user_name))
            ),
            Sql(_insert_domain(), "the user store of each id", counts=False),
        ),
        touches=select(func.count()).select_from(UM_USER).where(blank(UM_USER.c.um_user_id)),
        tables=(UM_USER.name, UM_USER_ATTRIBUTE.name, UM_USER_DOMAIN.name),
    )


def _ids(work: Work) -> Iterator[Sequence[object]]:
    found = work.own.stream(_users_without_id())
    for (um_id, tenant_id, name), attributes in groupby(found, _user_of):
        work.saw()
        scim_ids = [(row.scim_id, row.is_free) for row in attributes if row.scim_id]
        free = next((scim_id for scim_id, is_free in scim_ids if is_free), None)
        if scim_ids and free is None:
            work.noted(
                f"user {name} of tenant {tenant_id}",
                "another user has the same SCIM id; it got an id of its own",
                "Make attribute scimId the same as UM_USER_ID if SCIM clients read this user.",
            )
        yield um_id, tenant_id, free or name_uuid("user", tenant_id, um_id)


def _user_of(row: Row[Any]) -> tuple[int, int, str]:
    return row.um_id, row.um_tenant_id, row.um_user_name


def _users_without_id() -> Any:
    """Users without an id, a row for each SCIM id they have (the default profile's first), or one with NULL."""
    attribute, owner, taken = UM_USER_ATTRIBUTE, UM_USER_ATTRIBUTE.alias("owner"), UM_USER.alias("taken")
    owned_once = (
        select(owner.c.um_attr_value)
        .where(owner.c.um_attr_name == _SCIM_ID)
        .group_by(owner.c.um_attr_value)
        .having(func.count(distinct(owner.c.um_user_id)) == 1, func.count(distinct(owner.c.um_tenant_id)) == 1)
        .subquery()
    )
    return (
        select(
            UM_USER.c.um_id,
            UM_USER.c.um_tenant_id,
            UM_USER.c.um_user_name,
            attribute.c.um_attr_value.label("scim_id"),
            and_(owned_once.c.um_attr_value.is_not(None), taken.c.um_id.is_(None)).label("is_free"),
        )
        .outerjoin(attribute, and_(*_of_user(attribute), attribute.c.um_attr_name == _SCIM_ID))
        .outerjoin(owned_once, owned_once.c.um_attr_value == attribute.c.um_attr_value)
        .outerjoin(taken, taken.c.um_user_id == attribute.c.um_attr_value)
        .where(blank(UM_USER.c.um_user_id))
        .order_by(
            UM_USER.c.um_tenant_id,
            UM_USER.c.um_id,
            case((attribute.c.um_profile_id == _PROFILE, 0), else_=1),
            attribute.c.um_id,
        )
    )


def _of_user(attribute: Any) -> tuple[Any, Any]:
    return attribute.c.um_user_id == UM_USER.c.um_id, attribute.c.um_tenant_id == UM_USER.c.um_tenant_id


def _insert_attribute(same_user: Any, name: str, value: Any) -> Any:
    has = UM_USER_ATTRIBUTE.alias("has")
    profile = case((UM_USER.c.um_user_name == _RESERVED, _RESERVED), else_=_PROFILE)
    rows = (
        select(literal(name, String), value, profile, UM_USER.c.um_id, UM_USER.c.um_tenant_id)
        .join(_ID, same_user)
        .where(~exists(select(1).where(*_of_user(has), has.c.um_attr_name == name)).correlate(UM_USER))
        .order_by(UM_USER.c.um_tenant_id, UM_USER.c.um_id)
    )
    return insert(UM_USER_ATTRIBUTE).from_select(
        ["um_attr_name", "um_attr_value", "um_profile_id", "um_user_id", "um_tenant_id"], rows
    )


def _insert_domain() -> Any:
    has = UM_USER_DOMAIN.alias("has")
    rows = (
        select(_ID.c.user_id, UM_DOMAIN.c.um_domain_id, _ID.c.um_tenant_id)
        .join(
            UM_DOMAIN,
            and_(UM_DOMAIN.c.um_tenant_id == _ID.c.um_tenant_id, UM_DOMAIN.c.um_domain_name == _PRIMARY),
        )
        .where(~exists(select(1).where(has.c.um_user_id == _ID.c.user_id)).correlate(_ID))
        .order_by(_ID.c.um_tenant_id, _ID.c.um_id)
    )
    return insert(UM_USER_DOMAIN).from_select(["um_user_id", "um_domain_id", "um_tenant_id"], rows)


def _report_disagreement(work: Work) -> None:
    scim, same = UM_USER_ATTRIBUTE.alias("scim"), UM_USER_ATTRIBUTE.alias("same")
    agrees = exists(
        select(1).where(*_of_user(same), same.c.um_attr_name == _SCIM_ID, same.c.um_attr_value == UM_USER.c.um_user_id)
    ).correlate(UM_USER)
    disagreeing = (
        select(UM_USER.c.um_user_name, UM_USER.c.um_tenant_id)
        .where(
            ~blank(UM_USER.c.um_user_id),
            exists(select(1).where(*_of_user(scim), scim.c.um_attr_name == _SCIM_ID)).correlate(UM_USER),
            ~agrees,
        )
        .order_by(UM_USER.c.um_tenant_id, UM_USER.c.um_user_name)
    )
    session = work.own
    count = session.all(select(func.count()).select_from(disagreeing.order_by(None).subquery()))[0][0]
    if count:
        sample = session.all(disagreeing.limit(_NAMED_USERS))
        named = ", ".join(f"{row.um_user_name} (tenant {row.um_tenant_id})" for row in sample)
        work.noted(
            "user ids",
            f"{count} users have a UM_USER_ID that is not their attribute scimId, such as {named}; left as they are",
            "Make the two agree if SCIM clients read these users.",
        )
