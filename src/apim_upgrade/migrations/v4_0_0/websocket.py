"""
WebSocket APIs: 4.0.0 describes them by an AsyncAPI document and one SUBSCRIBE operation per topic.

Up to 3.2.0 they had five HTTP operations on ``/*`` and no definition. Servers of 4.0.0 and later write AsyncAPI 2.0.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, String, Text, and_, delete, exists, func, insert, literal, select

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.artifact_edits import edited_artifacts
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.prepare import artifact_item
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT
from apim_upgrade.tables.api import API, API_PRODUCT_MAPPING, API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING
from apim_upgrade.tables.registry import CONTENT

_TYPE = "WS"
_TOPIC = "/*"
_VERB = "SUBSCRIBE"
_DEFINITION = "asyncapi.json"
_SERVERS = {"production": "production_endpoints", "sandbox": "sandbox_endpoints"}


def steps(upgrade: Upgrade) -> list[Step]:
    """The steps, when the upgrade passes into 4.0.0; before the revisions, which copy what is made here."""
    if not upgrade.crosses("4.0.0"):
        return []
    return [_operations(), _definitions(upgrade), _rights(upgrade)]


def _operations() -> Step:
    websocket = select(API.c.api_id).where(func.upper(API.c.api_type) == _TYPE)
    http = and_(
        API_URL_MAPPING.c.api_id.in_(websocket),
        API_URL_MAPPING.c.http_method != _VERB,
        blank(API_URL_MAPPING.c.revision_uuid),
    )
    old = select(API_URL_MAPPING.c.url_mapping_id).where(http)
    return Step(
        "4.0.0/websocket/operations",
        "Give every WebSocket API one SUBSCRIBE operation instead of its HTTP ones",
        "am",
        Phase.MIGRATE,
        (
            # Both would go with the operations by foreign key; deleted here, their rows are accounted for.
            *(
                Sql(delete(table).where(table.c.url_mapping_id.in_(old)), counts=False)
                for table in (API_RESOURCE_SCOPE_MAPPING, API_PRODUCT_MAPPING)
            ),
            Sql(delete(API_URL_MAPPING).where(http), counts=False),
            Sql(
                insert(API_URL_MAPPING).from_select(
                    ["api_id", "http_method", "auth_scheme", "url_pattern", "throttling_tier"],
                    select(API.c.api_id, literal(_VERB), literal("Any"), literal(_TOPIC), literal("Unlimited"))
                    .where(
                        func.upper(API.c.api_type) == _TYPE,
                        ~exists().where(
                            API_URL_MAPPING.c.api_id == API.c.api_id, blank(API_URL_MAPPING.c.revision_uuid)
                        ),
                    )
                    .order_by(API.c.api_id),
                ),
                "SUBSCRIBE operations",
            ),
        ),
        tables=(API_URL_MAPPING.name, API_RESOURCE_SCOPE_MAPPING.name, API_PRODUCT_MAPPING.name),
    )


def _definitions(upgrade: Upgrade) -> Step:
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    apis = stage_table(
        "websocket",
        Column("tenant_id", Integer),
        Column("folder", Text),
        Column("name", String(256)),
        Column("media_type", String(500)),
        Column("content", LargeBinary),
        Column("artifact_content_id", Integer),
        Column("artifact_path", Text),
        keys=[("folder",)],
    )
    edited = edited_artifacts("websocket_artifact")

    def definitions(work: Work) -> Iterator[Sequence[object]]:
        websocket = select(ARTIFACT).where(func.upper(ARTIFACT.c.type) == _TYPE)
        for row in work.sessions["am"].stream(websocket.order_by(ARTIFACT.c.tenant_id, ARTIFACT.c.folder)):
            work.saw()
            servers = _servers(row.endpoint_config)
            if servers is None:
                work.noted(
                    artifact_item(domains, row.tenant_id, row.folder),
                    "its endpoint configuration cannot be read, so its AsyncAPI document names no server",
                    "Enter the endpoint in the Publisher of the new server.",
                )
            yield (
                row.tenant_id,
                row.folder,
                _DEFINITION,
                "application/json",
                async_api(row.name, row.version, servers or {}),
                row.content_id,
                registry.join(row.folder, registry.ARTIFACT),
            )

    def edits(work: Work) -> Iterator[Sequence[object]]:
        query = select(apis.c.tenant_id, apis.c.artifact_content_id, apis.c.artifact_path, CONTENT.c.reg_content_data)
        contents = query.join(
            CONTENT,
            and_(CONTENT.c.reg_content_id == apis.c.artifact_content_id, CONTENT.c.reg_tenant_id == apis.c.tenant_id),
        )
        for row in work.sessions[registry.DATABASE].stream(contents):
            artifact = registry.Artifact.parse(row.reg_content_data)
            if artifact.set("wsUriMapping", "{}"):
                yield row.tenant_id, row.artifact_content_id, row.artifact_path, artifact.to_bytes()

    return Step(
        "4.0.0/websocket/definitions",
        "Write the AsyncAPI document of every WebSocket API",
        registry.DATABASE,
        Phase.MIGRATE,
        (
            Stage(apis, definitions, "WebSocket APIs with their documents"),
            *registry.write_files(apis, upgrade.started),
            Stage(edited, edits, "their artifacts with a topic mapping"),
            *registry.replace_contents(edited, upgrade.started),
        ),
    )


def _rights(upgrade: Upgrade) -> Step:
    def pairs(work: Work) -> Iterator[Sequence[object]]:
        websocket = select(ARTIFACT.c.tenant_id, ARTIFACT.c.folder).where(func.upper(ARTIFACT.c.type) == _TYPE)
        for row in work.sessions["am"].stream(websocket.order_by(ARTIFACT.c.tenant_id, ARTIFACT.c.folder)):
            folder = row.folder
            yield row.tenant_id, registry.join(folder, registry.ARTIFACT), registry.join(folder, _DEFINITION)

    stage = registry.rights_stage("websocket_rights")
    return Step(
        "4.0.0/websocket/rights",
        "Give the AsyncAPI documents the rights of their APIs",
        upgrade.home("user"),
        Phase.MIGRATE,
        (Stage(stage, pairs, "WebSocket APIs and their documents"), *registry.copy_rights(stage)),
    )


def async_api(name: str, version: str, servers: dict[str, str]) -> bytes:
    """Return the AsyncAPI 2.0.0 document of a WebSocket API, laid out as servers write it; ``servers``: name → URL."""
    document: dict[str, Any] = {"asyncapi": "2.0.0", "info": {"title": name, "version": version}}
    if servers:
        document["servers"] = {key: {"url": url, "protocol": _TYPE.lower()} for key, url in servers.items()}
    document["channels"] = {_TOPIC: {"publish": {}, "subscribe": {}}}
    return json.dumps(document, indent=4, ensure_ascii=False).encode()


def _servers(endpoint_config: str | None) -> dict[str, str] | None:
    """Take the URLs out of an endpoint configuration; None when it is not one. Of several URLs the first counts."""
    try:
        config = json.loads(endpoint_config or "{}")
    except ValueError:
        return None
    if not isinstance(config, dict):
        return None
    found = {}
    for server, key in _SERVERS.items():
        endpoint = config.get(key)
        first = endpoint[0] if isinstance(endpoint, list) and endpoint else endpoint
        if isinstance(first, dict) and isinstance(first.get("url"), str) and first["url"]:
            found[server] = first["url"]
    return found
