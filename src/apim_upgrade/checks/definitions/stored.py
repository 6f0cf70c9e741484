"""The definitions as they lie in the registry: which file is the definition of which API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, or_

from apim_upgrade.checks.model import Api
from apim_upgrade.checks.subject import Subject
from apim_upgrade.definitions import Kind
from apim_upgrade.gateway.api_json import ASYNCHRONOUS
from apim_upgrade.registry import PROVIDERS, D, files, join, provider_in_path, provider_in_tables
from apim_upgrade.releases import Release
from apim_upgrade.tables.registry import PATH, RESOURCE

NAMES = {Kind.OPENAPI: "OpenAPI", Kind.ASYNCAPI: "AsyncAPI", Kind.GRAPHQL: "GraphQL", Kind.WSDL: "WSDL"}
"""As people write them."""
STREAMING = frozenset(ASYNCHRONOUS)
"""Types of APIs whose definition is AsyncAPI, from 4.0.0; before they have none."""
_IN_FOLDERS = Release(4, 0, 0)
"""From here on a WSDL lies in the folder of its API; before all lie in one folder."""
_WSDLS = f"{D}/wsdls"
_ARCHIVES = "/archives"
_BATCH = 10
"""Definitions may have megabytes each."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One definition."""

    api: Api
    tenant_id: int
    path: str
    kind: Kind
    content: bytes = field(repr=False)


def stored_definitions(subject: Subject) -> Iterator[Stored]:
    """Yield every definition that the product would read, in no order; bounded memory."""
    wsdls = {} if subject.source >= _IN_FOLDERS else _wsdl_names(subject)
    query = files().where(RESOURCE.c.reg_content_id.is_not(None), _may_be_one(bool(wsdls)))
    for row in subject.shared.stream(query, batch=_BATCH):
        domain = subject.domain(row.tenant_id)
        kind = _kind(row.name)
        if row.folder.startswith(_WSDLS):
            api = wsdls.get((domain, row.name.rpartition(".")[0]))
        else:
            folder = row.folder.removeprefix(f"{PROVIDERS}/").removesuffix(_ARCHIVES)
            api = subject.apis.by_path.get((domain, folder))
        if api is not None and kind is not None and _is_read(api, kind):
            yield Stored(api, row.tenant_id, join(row.folder, row.name), kind, bytes(row.content or b""))


def expected(api: Api, source: Release) -> Kind | None:
    """The definition that an API cannot do without; None where it may have none."""
    if api.type in STREAMING:
        return Kind.ASYNCAPI if source >= _IN_FOLDERS else None
    return Kind.OPENAPI


def _may_be_one(old_wsdls: bool) -> ColumnElement[bool]:
    name = RESOURCE.c.reg_name
    of_apis = and_(
        PATH.c.reg_path_value.startswith(f"{PROVIDERS}/", autoescape=True),
        or_(
            name.in_(("swagger.json", "asyncapi.json")),
            name.like("%.graphql"),
            name.like("%.wsdl"),
            and_(name.like("%.zip"), PATH.c.reg_path_value.like(f"%{_ARCHIVES}")),
        ),
    )
    if not old_wsdls:
        return of_apis
    return or_(of_apis, PATH.c.reg_path_value.in_((_WSDLS, f"{_WSDLS}{_ARCHIVES}")))


def _wsdl_names(subject: Subject) -> dict[tuple[str, str], Api]:
    """Up to 3.2.0 a WSDL is known by provider, name and version put together, the provider in either spelling."""
    return {
        (api.tenant, f"{provider}--{api.name}{api.version}"): api
        for api in subject.apis
        for provider in (provider_in_path(api.provider), provider_in_tables(api.provider))
    }


def _kind(name: str) -> Kind | None:
    match name.rpartition(".")[2]:
        case "json":
            return Kind.OPENAPI if name == "swagger.json" else Kind.ASYNCAPI
        case "graphql":
            return Kind.GRAPHQL
        case "wsdl" | "zip":
            return Kind.WSDL
        case _:
            return None


def _is_read(api: Api, kind: Kind) -> bool:
    """Whether the product reads such a definition of such an API; old folders keep left-overs of other types."""
    match kind:
        case Kind.ASYNCAPI:
            return api.type in STREAMING
        case Kind.OPENAPI:
            return api.type not in STREAMING
        case Kind.GRAPHQL:
            return api.type == "GRAPHQL"
        case Kind.WSDL:
            return api.type in ("SOAP", "SOAPTOREST")
