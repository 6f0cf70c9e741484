"""
Every API and product of the estate, read once: AM_API and the registry's artifacts put together.

Up to 3.2.0 only the registry knows an API's tenant for sure; from 4.0.0 on UUIDs tie the two. A few hundred bytes an
API stay in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from apim_upgrade.checks.model import Api
from apim_upgrade.engine import Session
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.registry import PROVIDERS, artifacts, provider_in_path, provider_in_tables
from apim_upgrade.releases.model import Schema
from apim_upgrade.tables.api import API

_COLUMNS = (
    "api_id",
    "api_uuid",
    "api_provider",
    "api_name",
    "api_version",
    "context",
    "api_type",
    "status",
    "organization",
)


@dataclass(frozen=True, slots=True)
class ApiIndex:
    """The APIs by each of their keys."""

    by_id: Mapping[int, Api]
    by_uuid: Mapping[str, Api]
    by_path: Mapping[tuple[str, str], Api]
    """By (tenant domain, folder of the artifact below ``provider/``)."""
    rows_alone: tuple[Api, ...]
    """Rows of AM_API that the registry has no artifact of."""
    artifacts_alone: tuple[Api, ...]
    """Artifacts that AM_API has no row of."""
    estranged: tuple[tuple[Api, Api], ...]
    """Row and artifact of one API that do not have the same UUID (from 4.0.0); they are in neither of the two above."""

    def __iter__(self) -> Iterator[Api]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)


def read_apis(am: Session, shared: Session, live: Schema, domains: Mapping[int, str], *, by_uuid: bool) -> ApiIndex:
    """
    Read both databases; ``live`` is the schema of am, ``domains`` the tenants' by id.

    ``by_uuid`` says whether AM_API knows an API by UUID (from 4.0.0) or by the path of its artifact.
    """
    query = artifacts()
    wanted = query.with_only_columns(
        *(query.selected_columns[name] for name in ("tenant_id", "folder", "uuid", "state"))
    ).order_by(None)
    found: dict[str, tuple[str, str, str, str]] = {}
    for row in shared.stream(wanted):
        folder = row.folder.removeprefix(f"{PROVIDERS}/")
        domain = domains.get(row.tenant_id, f"tenant {row.tenant_id}")
        found[row.uuid if by_uuid else folder] = (domain, folder, row.uuid or "", (row.state or "").upper())
    by_id: dict[int, Api] = {}
    by_path: dict[tuple[str, str], Api] = {}
    rows_alone: list[Api] = []
    described = live.table("am_api")
    columns = [API.c[name] for name in _COLUMNS if described is None or described.column(name) is not None]
    for row in am.stream(select(*columns).order_by(API.c.api_id)):
        uuid = getattr(row, "api_uuid", None) or ""
        path = f"{provider_in_path(row.api_provider)}/{row.api_name}/{row.api_version}"
        artifact = found.pop(uuid if by_uuid else path, None)
        status = getattr(row, "status", None) if by_uuid else None
        api = Api(
            artifact[0] if artifact else _domain(row),
            row.api_name or "",
            row.api_version or "",
            row.api_provider or "",
            (status or (artifact[3] if artifact else "")).upper(),
            (row.api_type or "HTTP").upper(),
            uuid or (artifact[2] if artifact else ""),
            row.api_id,
            row.context or "",
        )
        by_id[row.api_id] = api
        if artifact:
            by_path[artifact[0], artifact[1]] = api
        else:
            rows_alone.append(api)
    artifacts_alone = [_of_artifact(*artifact) for artifact in found.values()]
    named = {_name(artifact): artifact for artifact in artifacts_alone if by_uuid}
    estranged = tuple((api, named[_name(api)]) for api in rows_alone if _name(api) in named)
    met = {_name(api) for api, _ in estranged}
    return ApiIndex(
        by_id,
        {api.uuid: api for api in by_id.values() if api.uuid},
        by_path,
        tuple(api for api in rows_alone if _name(api) not in met),
        tuple(artifact for artifact in artifacts_alone if _name(artifact) not in met),
        estranged,
    )


def _name(api: Api) -> tuple[str, str, str, str]:
    return api.tenant, api.provider, api.name, api.version


def _domain(row: object) -> str:
    """The tenant of a row without an artifact, as far as the row tells."""
    context = str(getattr(row, "context", None) or "")
    of_context = context.split("/")[2] if context.startswith("/t/") else ""
    return str(getattr(row, "organization", None) or of_context or SUPER_TENANT_DOMAIN)


def _of_artifact(domain: str, folder: str, uuid: str, state: str) -> Api:
    *above, name, version = ["", "", *folder.rsplit("/", 2)]
    provider = above[-1]
    return Api(domain, name, version, provider_in_tables(provider), state, "", uuid)
