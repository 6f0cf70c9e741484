"""The artifact from which a gateway deploys a revision, as small as it can be and still tell what it is."""

from __future__ import annotations

import io
import json
import zipfile

from apim_upgrade.samples.definitions import definition, graphql_schema
from apim_upgrade.samples.model import Api, Kind
from apim_upgrade.samples.shape import Shape

_DATE = (2024, 3, 1, 8, 0, 0)


def gateway_artifact(api: Api, shape: Shape) -> bytes:
    """Return a zip with the API's description and definition."""
    product = api.kind is Kind.PRODUCT
    kind = "api_product" if product else "api"
    data = {
        "id": api.uuid,
        "name": api.name,
        "description": api.description,
        "context": api.tenant.context(api.path),
        "version": api.version,
        "provider": api.owner,
        "state" if product else "lifeCycleStatus": "CREATED",
        "isRevision": True,
        "revisionedApiProductId" if product else "revisionedApiId": api.uuid,
        "revisionId": 1,
        "policies": list(api.tiers),
        "operations": [{"target": operation.target, "verb": operation.verb} for operation in api.operations],
    }
    document = {"type": kind, "version": f"v{shape.release}", "data": data}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = f"{api.name}-{api.version}"
        _put(archive, f"{folder}/{kind}.json", json.dumps(document).encode())
        found = definition(api, shape)
        if api.kind is Kind.GRAPHQL:
            _put(archive, f"{folder}/Definitions/schema.graphql", graphql_schema())
        elif found is not None:
            _put(archive, f"{folder}/Definitions/{found[0]}", found[2])
    return packed.getvalue()


def _put(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
