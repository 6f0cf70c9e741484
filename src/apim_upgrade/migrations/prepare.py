"""
What the other data steps join: the tenants, and one row per API artifact of the registry.

Both lie in other databases; the tables made here carry them over into the API-M database (see ``workspace``), and the
tenants into the identity database where that is one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from sqlalchemy import Index, delete, select
from sqlalchemy.schema import CreateIndex, CreateTable

from apim_upgrade import registry
from apim_upgrade.engine import Load, Phase, Sql, Step, Work
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.tables.user import UM_TENANT

_CREATED = "CREATED"


def steps(upgrade: Upgrade) -> list[Step]:
    """The steps that fill the workspace; on a second run they fill it anew."""
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}

    def artifacts(work: Work) -> Iterator[Sequence[object]]:
        before: tuple[int, str] | None = None
        for row in work.sessions[registry.DATABASE].stream(registry.artifacts()):
            work.saw()
            item = artifact_item(domains, row.tenant_id, row.folder)
            if (row.tenant_id, row.uuid) == before:
                work.failed(
                    item,
                    f"another artifact of the tenant has the same UUID {row.uuid}",
                    "Find out which of them AM_API knows, remove the other in the old server, and start a new run.",
                )
                continue
            before = (row.tenant_id, row.uuid)
            try:
                artifact = registry.Artifact.parse(row.content)
                yield _row(row.tenant_id, row.uuid, row.folder, row.path_id, row.content_id, artifact, row.state)
            except registry.BrokenArtifact as broken:
                work.failed(
                    item,
                    f"the API's artifact cannot be used: {broken}",
                    "Save or delete this API in the old server and start a new run; without that it is left as it is.",
                )

    return [
        _list_tenants("prepare/tenants", "am", upgrade),
        *(_list_tenants(f"prepare/{name}/tenants", name, upgrade) for name in sorted(upgrade.apart & {"identity"})),
        Step(
            "prepare/artifacts",
            "Read every API artifact of the registry",
            "am",
            Phase.PREPARE,
            (
                Sql(CreateTable(ARTIFACT, if_not_exists=True), counts=False),
                *(Sql(CreateIndex(index, if_not_exists=True), counts=False) for index in _indexes()),
                Sql(delete(ARTIFACT), counts=False),
                Load(ARTIFACT, tuple(ARTIFACT.c.keys()), artifacts, "working copies of APIs and products"),
            ),
        ),
    ]


def _list_tenants(name: str, database: str, upgrade: Upgrade) -> Step:
    return Step(
        name,
        "List the tenants",
        database,
        Phase.PREPARE,
        (
            Sql(CreateTable(TENANT, if_not_exists=True), counts=False),
            Sql(delete(TENANT), counts=False),
            Load(TENANT, tuple(TENANT.c.keys()), partial(_tenants, users=upgrade.home("user")), "tenants"),
        ),
    )


def artifact_item(domains: dict[int, str], tenant_id: int, folder: str) -> str:
    """Name an API in a verdict, by tenant and place: names alone repeat over tenants and providers."""
    return f"{domains.get(tenant_id, tenant_id)}:{registry.join(folder, registry.ARTIFACT)}"


def _indexes() -> list[Index]:
    return sorted(ARTIFACT.indexes, key=lambda index: str(index.name))


def _tenants(work: Work, users: str) -> Iterator[Sequence[object]]:
    work.saw()
    yield SUPER_TENANT_ID, SUPER_TENANT_DOMAIN, True
    query = select(UM_TENANT.c.um_id, UM_TENANT.c.um_domain_name, UM_TENANT.c.um_active).order_by(UM_TENANT.c.um_id)
    for row in work.sessions[users].stream(query):
        work.saw()
        yield row.um_id, row.um_domain_name, bool(row.um_active)


def _row(
    tenant_id: int,
    uuid: str,
    folder: str,
    path_id: int,
    content_id: int,
    artifact: registry.Artifact,
    state: str | None,
) -> Sequence[object]:
    """Return the row of one artifact. Raises BrokenArtifact when it does not say which API it is."""
    identity = {field: artifact.get(field) for field in ("provider", "name", "version")}
    missing = [field for field, value in identity.items() if not value]
    if missing:
        raise registry.BrokenArtifact(f"it has no {' and no '.join(missing)}")
    values = {
        "tenant_id": tenant_id,
        "api_uuid": uuid,
        "folder": folder,
        "folder_id": path_id,
        "content_id": content_id,
        "provider": registry.provider_in_tables(identity["provider"]),
        "name": identity["name"],
        "version": identity["version"],
        "type": artifact.get("type"),
        "context": artifact.get("context"),
        "status": (state or artifact.get("status") or _CREATED).upper(),
        "environments": artifact.get("environments") if artifact.has("environments") else None,
        "labels": ",".join(artifact.values("labelName", "labels")) or None,
        "endpoint_config": artifact.get("endpointConfig") or None,
    }
    return [values[column.name] for column in ARTIFACT.c]
