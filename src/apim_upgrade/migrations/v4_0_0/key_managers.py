"""
Key managers are named by UUID from 4.0.0; 3.2.0 as released writes their name, an updated one the UUID already.

A UUID may be that of another tenant's key manager: an application that subscribes across tenants has its OAuth
client where the API is. So every UUID that AM_KEY_MANAGER knows is right, and a name is looked up in the client's
tenant first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    LargeBinary,
    String,
    TableClause,
    Update,
    exists,
    func,
    insert,
    select,
    update,
)

from apim_upgrade.databases import name_uuid
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import RESIDENT_KEY_MANAGER, owner_column
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.oauth_clients import oauth_clients
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.tables.api import (
    APPLICATION,
    APPLICATION_KEY_MAPPING,
    APPLICATION_REGISTRATION,
    KEY_MANAGER,
    SUBSCRIBER,
)

_DESCRIPTION = "This is Resident Key Manager"
# The product's own expression of a token it issues by reference (carbon-apimgt 9.0.174, read in every 3.2.0-4.5.0).
_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-5][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"


def resident_configuration() -> bytes:
    """Return the configuration that a server writes for a resident key manager."""
    formats = [{"enable": True, "type": "REFERENCE", "value": _UUID}]
    compact = (",", ":")
    return json.dumps({"token_format_string": json.dumps(formats, separators=compact)}, separators=compact).encode()


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps that make missing resident key managers and put UUIDs where names stand."""
    resident = [_resident(upgrade)] if upgrade.crosses("4.0.0") else []
    return [*resident, _names(upgrade)]


def _resident(upgrade: Upgrade) -> Step:
    owner = owner_column(KEY_MANAGER, upgrade)
    stage = stage_table(
        "key_manager",
        Column("uuid", String(50)),
        Column("name", String(100)),
        Column("description", String(256)),
        Column("type", String(45)),
        Column("configuration", LargeBinary),
        Column("enabled", Boolean),
        Column("domain", String(255)),
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        configuration = resident_configuration()
        for tenant in work.sessions["am"].stream(select(TENANT.c.domain).order_by(TENANT.c.tenant_id)):
            work.saw()
            uuid = name_uuid("key-manager", tenant.domain, RESIDENT_KEY_MANAGER)
            yield uuid, RESIDENT_KEY_MANAGER, _DESCRIPTION, "default", configuration, True, tenant.domain

    known = exists().where(KEY_MANAGER.c.name == stage.c.name, owner == stage.c.domain)
    return Step(
        "4.0.0/api-data/resident-key-managers",
        "Make the resident key manager of tenants that lack it",
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "the resident key manager of every tenant"),
            Sql(
                insert(KEY_MANAGER).from_select(
                    [*(column.name for column in stage.columns if column.name != "domain"), owner.name],
                    select(*stage.columns).where(~known),
                )
            ),
        ),
        tables=("am_key_manager",),
    )


def _names(upgrade: Upgrade) -> Step:
    keys, registrations = APPLICATION_KEY_MAPPING, APPLICATION_REGISTRATION
    manager, owner = KEY_MANAGER, owner_column(KEY_MANAGER, upgrade)
    clients, staged = oauth_clients(upgrade)
    of_client = (
        update(keys)
        .values(key_manager=manager.c.uuid)
        .where(
            keys.c.key_manager == RESIDENT_KEY_MANAGER,
            clients.c.consumer_key == keys.c.consumer_key,
            TENANT.c.tenant_id == clients.c.tenant_id,
            owner == TENANT.c.domain,
            manager.c.name == keys.c.key_manager,
        )
    )
    of_same_key = (
        update(registrations)
        .values(key_manager=keys.c.key_manager)
        .where(
            keys.c.application_id == registrations.c.app_id,
            keys.c.key_type == registrations.c.token_type,
            manager.c.uuid == keys.c.key_manager,
            manager.c.name == registrations.c.key_manager,
        )
    )

    def look(work: Work) -> None:
        for place, application in ((keys, keys.c.application_id), (registrations, registrations.c.app_id)):
            unknown = select(application.label("id"), place.c.key_manager).where(
                ~exists().where(manager.c.uuid == place.c.key_manager)
            )
            for row in work.sessions["am"].stream(unknown.order_by(application)):
                work.noted(
                    f"application {row.id} in {place.name.upper()}",
                    f"It names the key manager {row.key_manager!r}, which its tenant does not have.",
                    "Make the key manager in the admin portal, or remove the key in the developer portal.",
                )

    return Step(
        "4.0.0/api-data/key-manager-ids",
        "Name key managers of application keys by UUID",
        "am",
        Phase.MIGRATE,
        (
            *staged,
            Sql(of_client, "the resident key manager of the tenant that holds the OAuth client"),
            Sql(_of_subscriber(keys, keys.c.application_id, upgrade), "else the one of the subscriber's tenant"),
            Sql(of_same_key, "registrations follow the key they led to"),
            Sql(_of_subscriber(registrations, registrations.c.app_id, upgrade), "else the subscriber's tenant"),
            findings("unknown_key_manager", look, "keys whose key manager is not known"),
        ),
        touches=select(func.count()).select_from(keys).where(keys.c.key_manager == RESIDENT_KEY_MANAGER),
        tables=("am_application_key_mapping", "am_application_registration"),
    )


def _of_subscriber(place: TableClause, application: ColumnElement[int], upgrade: Upgrade) -> Update:
    return (
        update(place)
        .values(key_manager=KEY_MANAGER.c.uuid)
        .where(
            APPLICATION.c.application_id == application,
            SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id,
            TENANT.c.tenant_id == SUBSCRIBER.c.tenant_id,
            owner_column(KEY_MANAGER, upgrade) == TENANT.c.domain,
            KEY_MANAGER.c.name == place.c.key_manager,
        )
    )
