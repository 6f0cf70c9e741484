"""Makes the artifact of one revision: which files there are for which kind of API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from apim_upgrade.gateway import archive, certificates, definitions, policies
from apim_upgrade.gateway.api_json import ASYNCHRONOUS, api_data
from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.format import Format, format_of
from apim_upgrade.gateway.model import PRODUCT, Api, File, RevisionInput, Unbuildable
from apim_upgrade.gateway.product_json import product_data
from apim_upgrade.releases import Release

_Entry = tuple[str, bytes | dict[str, Any]]


def build(revision: RevisionInput, release: Release) -> bytes:
    """
    Return the artifact of a revision, a zip, as a server of ``release`` (4.0.0 and later) writes it.

    The same input gives the same bytes. Raises Unbuildable, with reason and action, when the stored API is too broken.
    """
    form = format_of(release)
    api = revision.api
    folder = f"{api.name}-{api.version}"
    entries = _product(revision, form) if api.type == PRODUCT else _api(api, form)
    return archive.pack((f"{folder}/{path}", content) for path, content in entries)


def _product(revision: RevisionInput, form: Format) -> Iterator[_Entry]:
    product = revision.api
    fields = Fields.parse(product.artifact)
    definition = definitions.read(product, "swagger.json")
    yield "api_product.json", _envelope("api_product", product_data(revision, fields, definition, form), form)
    yield "Definitions/swagger.json", _file(product, "swagger.json").content
    yield from certificates.client_entries(product, form)
    for member in revision.members:
        folder = f"APIs/{member.api.name}-{member.api.version}"
        for path, content in _api(member.api, form):
            yield f"{folder}/{path}", content


def _api(api: Api, form: Format) -> Iterator[_Entry]:
    fields = Fields.parse(api.artifact)
    if api.type in ASYNCHRONOUS:
        definition = definitions.read(api, "asyncapi.json")
        yield "Definitions/asyncapi.json", _file(api, "asyncapi.json").content
    else:
        definition = definitions.read(api, "swagger.json")
        if api.type == "GRAPHQL":
            yield from _graphql(api, form)
        else:
            yield "Definitions/swagger.json", definitions.enriched(definition, api, fields, form)
    yield "api.json", _envelope("api", api_data(api, fields, definition, form), form)
    if api.type == "SOAPTOREST":
        for file in api.files:
            if file.path.startswith("soap_to_rest/"):
                yield file.path.replace("soap_to_rest/", "SoapToRest/", 1), file.content
    if form.has("policies"):
        yield from policies.entries(api, form)
    else:
        for sequence in api.sequences:
            folder = f"Sequences/{sequence.flow}-sequence{'' if sequence.shared else '/Custom'}"
            yield f"{folder}/{sequence.name}.xml", sequence.content
    yield from certificates.client_entries(api, form)
    yield from certificates.endpoint_entries(api, form)


def _graphql(api: Api, form: Format) -> Iterator[_Entry]:
    schema = next((file for file in api.files if file.path.endswith(".graphql")), None)
    if schema is None:
        raise Unbuildable(
            "The registry has no GraphQL schema for this API.",
            "Give the API a schema in the Publisher portal, then make and deploy a revision there.",
        )
    yield "Definitions/schema.graphql", schema.content
    if api.complexity:
        values = [{"type": item.type, "field": item.field, "complexityValue": item.value} for item in api.complexity]
        yield "Definitions/graphql-complexity.json", _envelope("graphql-complexity", {"list": values}, form)


def _file(api: Api, path: str) -> File:
    return next(file for file in api.files if file.path == path)


def _envelope(kind: str, data: dict[str, Any], form: Format) -> dict[str, Any]:
    return {"type": kind, "version": form.version, "data": data}
