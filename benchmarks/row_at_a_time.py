"""
The main data steps, one row after the other: what the upgrade would cost without thinking in sets.

Straightforward loops, one statement per round trip over a local socket, one commit at the end of each, which flatters
them. They work on a copy of a 3.2.0 sample, to which the columns that they fill are added first.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from servers import Connection

NAMESPACE = "{http://www.wso2.org/governance/metadata}"
PROVIDERS = "/_system/governance/apimgt/applicationdata/provider/"
REVISIONS = "/_system/governance/apimgt/applicationdata/apis/"
NEW_COLUMNS = (
    "ALTER TABLE am_api ADD COLUMN api_uuid varchar(256)",
    "ALTER TABLE am_api ADD COLUMN status varchar(30)",
    "ALTER TABLE am_api ADD COLUMN version_comparable varchar(15)",
    "ALTER TABLE am_application ADD COLUMN organization varchar(100)",
    "ALTER TABLE am_api_url_mapping ADD COLUMN revision_uuid varchar(255)",
)


@dataclass(frozen=True)
class Loop:
    """One loop: what an item is, the step of the tool that does the same, and the work, which returns the items."""

    item: str
    step: str
    run: Callable[[Connection, Connection], int]


@dataclass(frozen=True)
class Timing:
    """What a loop took."""

    loop: Loop
    items: int
    seconds: float


def measure(am: Connection, shared: Connection) -> list[Timing]:
    """Run every loop on a copy of the databases, in the order of the upgrade."""
    for statement in NEW_COLUMNS:
        am.execute(statement)
    am.commit()
    timings = []
    for loop in LOOPS:
        began = time.perf_counter()
        items = loop.run(am, shared)
        am.commit()
        shared.commit()
        timings.append(Timing(loop, items, time.perf_counter() - began))
    return timings


def artifacts(shared: Connection) -> Iterator[dict[str, Any]]:
    """Every working copy's artifact, one query for each."""
    found = shared.execute(
        "SELECT r.reg_path_id, r.reg_tenant_id, r.reg_content_id, r.reg_uuid, p.reg_path_value FROM reg_resource r "
        "JOIN reg_path p USING (reg_path_id, reg_tenant_id) WHERE r.reg_name = 'api' AND p.reg_path_value LIKE %s",
        [PROVIDERS + "%"],
    ).fetchall()
    for row in found:
        content = shared.execute(
            "SELECT reg_content_data FROM reg_content WHERE reg_content_id = %s AND reg_tenant_id = %s",
            [row["reg_content_id"], row["reg_tenant_id"]],
        ).fetchone()
        document = etree.fromstring(bytes(content["reg_content_data"]), etree.XMLParser(resolve_entities=False))
        yield {**row, "document": document}


def text(document: Any, field: str) -> str:
    return document.findtext(f"{NAMESPACE}overview/{NAMESPACE}{field}") or ""


def identities(am: Connection, shared: Connection) -> int:
    count = 0
    for row in artifacts(shared):
        document = row["document"]
        am.execute(
            "UPDATE am_api SET api_uuid = %s, status = %s "
            "WHERE api_provider = %s AND api_name = %s AND api_version = %s",
            [
                row["reg_uuid"],
                text(document, "status"),
                text(document, "provider").replace("-AT-", "@"),
                text(document, "name"),
                text(document, "version"),
            ],
        )
        count += 1
    return count


def organizations(am: Connection, shared: Connection) -> int:
    domains = {row["um_id"]: row["um_domain_name"] for row in shared.execute("SELECT * FROM um_tenant").fetchall()}
    found = am.execute("SELECT application_id, subscriber_id FROM am_application").fetchall()
    for row in found:
        subscriber = am.execute(
            "SELECT tenant_id FROM am_subscriber WHERE subscriber_id = %s", [row["subscriber_id"]]
        ).fetchone()
        am.execute(
            "UPDATE am_application SET organization = %s WHERE application_id = %s",
            [domains.get(subscriber["tenant_id"], "carbon.super"), row["application_id"]],
        )
    return len(found)


def key_managers(am: Connection, shared: Connection) -> int:
    found = am.execute("SELECT application_id, key_type, key_manager FROM am_application_key_mapping").fetchall()
    for row in found:
        manager = am.execute(
            "SELECT uuid FROM am_key_manager WHERE uuid = %s OR name = %s", [row["key_manager"]] * 2
        ).fetchone()
        am.execute(
            "UPDATE am_application_key_mapping SET key_manager = %s "
            "WHERE application_id = %s AND key_type = %s AND key_manager = %s",
            [manager["uuid"], row["application_id"], row["key_type"], row["key_manager"]],
        )
    return len(found)


def edits(am: Connection, shared: Connection) -> int:
    count, now = 0, datetime(2025, 1, 1)
    for row in artifacts(shared):
        overview = row["document"].find(f"{NAMESPACE}overview")
        etree.SubElement(overview, f"{NAMESPACE}versionComparable").text = str(1_700_000_000_000 + count)
        shared.execute(
            "UPDATE reg_content SET reg_content_data = %s WHERE reg_content_id = %s AND reg_tenant_id = %s",
            [etree.tostring(row["document"]), row["reg_content_id"], row["reg_tenant_id"]],
        )
        shared.execute(
            "UPDATE reg_resource SET reg_last_updated_time = %s WHERE reg_path_id = %s AND reg_name = 'api' "
            "AND reg_tenant_id = %s",
            [now, row["reg_path_id"], row["reg_tenant_id"]],
        )
        am.execute(
            "UPDATE am_api SET version_comparable = %s WHERE api_uuid = %s",
            [str(1_700_000_000_000 + count), row["reg_uuid"]],
        )
        count += 1
    return count


def revision_files(am: Connection, shared: Connection) -> int:
    count = 0
    for row in list(artifacts(shared)):
        tenant = row["reg_tenant_id"]
        folder = shared.execute(
            "INSERT INTO reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) VALUES (%s, 1, %s) "
            "RETURNING reg_path_id",
            [f"{REVISIONS}{row['reg_uuid']}/1", tenant],
        ).fetchone()["reg_path_id"]
        for file in shared.execute(
            "SELECT * FROM reg_resource WHERE reg_path_id = %s AND reg_tenant_id = %s", [row["reg_path_id"], tenant]
        ).fetchall():
            copy_file(shared, file, folder, tenant)
            count += 1
    return count


def copy_file(shared: Connection, file: dict[str, Any], folder: int, tenant: int) -> None:
    content_id = None
    if file["reg_content_id"] is not None:
        content = shared.execute(
            "SELECT reg_content_data FROM reg_content WHERE reg_content_id = %s", [file["reg_content_id"]]
        ).fetchone()
        content_id = shared.execute(
            "INSERT INTO reg_content (reg_content_data, reg_tenant_id) VALUES (%s, %s) RETURNING reg_content_id",
            [content["reg_content_data"], tenant],
        ).fetchone()["reg_content_id"]
    shared.execute(
        "INSERT INTO reg_resource (reg_path_id, reg_name, reg_media_type, reg_creator, reg_created_time, "
        "reg_last_updator, reg_last_updated_time, reg_content_id, reg_tenant_id, reg_uuid) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            folder,
            *(file[name] for name in ("reg_name", "reg_media_type", "reg_creator", "reg_created_time")),
            *(file[name] for name in ("reg_last_updator", "reg_last_updated_time")),
            content_id,
            tenant,
            str(uuid.uuid4()),
        ],
    )
    for value in shared.execute(
        "SELECT p.reg_name, p.reg_value FROM reg_property p JOIN reg_resource_property l "
        "ON l.reg_property_id = p.reg_id WHERE l.reg_path_id = %s AND l.reg_resource_name = %s",
        [file["reg_path_id"], file["reg_name"]],
    ).fetchall():
        number = shared.execute(
            "INSERT INTO reg_property (reg_name, reg_value, reg_tenant_id) VALUES (%s, %s, %s) RETURNING reg_id",
            [value["reg_name"], value["reg_value"], tenant],
        ).fetchone()["reg_id"]
        shared.execute(
            "INSERT INTO reg_resource_property (reg_property_id, reg_path_id, reg_resource_name, reg_tenant_id) "
            "VALUES (%s, %s, %s, %s)",
            [number, folder, file["reg_name"], tenant],
        )


def revision_operations(am: Connection, shared: Connection) -> int:
    count = 0
    for api in am.execute("SELECT api_id, api_uuid FROM am_api").fetchall():
        for row in am.execute("SELECT * FROM am_api_url_mapping WHERE api_id = %s", [api["api_id"]]).fetchall():
            number = am.execute(
                "INSERT INTO am_api_url_mapping (api_id, http_method, auth_scheme, url_pattern, throttling_tier, "
                "revision_uuid) VALUES (%s, %s, %s, %s, %s, %s) RETURNING url_mapping_id",
                [
                    *(row[name] for name in ("api_id", "http_method", "auth_scheme", "url_pattern", "throttling_tier")),
                    api["api_uuid"],
                ],
            ).fetchone()["url_mapping_id"]
            for scope in am.execute(
                "SELECT * FROM am_api_resource_scope_mapping WHERE url_mapping_id = %s", [row["url_mapping_id"]]
            ).fetchall():
                am.execute(
                    "INSERT INTO am_api_resource_scope_mapping VALUES (%s, %s, %s)",
                    [scope["scope_name"], number, scope["tenant_id"]],
                )
            count += 1
    return count


def log(am: Connection, shared: Connection) -> int:
    found = shared.execute("SELECT DISTINCT reg_path, reg_tenant_id FROM reg_log").fetchall()
    for row in found:
        newest = shared.execute(
            "SELECT reg_log_id FROM reg_log WHERE reg_path = %s AND reg_tenant_id = %s "
            "ORDER BY reg_log_id DESC LIMIT 1",
            [row["reg_path"], row["reg_tenant_id"]],
        ).fetchone()
        shared.execute(
            "DELETE FROM reg_log WHERE reg_path = %s AND reg_tenant_id = %s AND reg_log_id <> %s",
            [row["reg_path"], row["reg_tenant_id"], newest["reg_log_id"]],
        )
    return len(found)


LOOPS = (
    Loop("UUID and state of an API", "4.0.0/api-data/api-identity", identities),
    Loop("organization of an application", "4.1.0/api-data/application-organizations", organizations),
    Loop("key manager of a key", "4.0.0/api-data/key-manager-ids", key_managers),
    Loop("field in the artifact of an API", "registry/artifact-edits", edits),
    Loop("file of a revision", "4.0.0/revisions/folders", revision_files),
    Loop("operation of a revision", "4.0.0/revisions/operations", revision_operations),
    Loop("path in the registry's log", "finish/reindex", log),
)
