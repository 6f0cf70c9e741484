"""Client and endpoint certificates: their list and one file each."""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from apim_upgrade.gateway.format import Format
from apim_upgrade.gateway.model import Api, ClientCertificate

JsonObject = dict[str, Any]
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def client_entries(api: Api, form: Format) -> Iterator[tuple[str, bytes | JsonObject]]:
    """Yield (path, content) of the files under ``Client-certificates/``."""
    folders: dict[str, list[ClientCertificate]] = defaultdict(list)
    for certificate in api.client_certificates:
        kind = f"/{certificate.key_type or 'PRODUCTION'}" if form.has("key_types") else ""
        folders[f"Client-certificates{kind}"].append(certificate)
    for folder, certificates in folders.items():
        listed = []
        for certificate in certificates:
            name = f"{certificate.alias}.crt"
            listed.append(
                {
                    "alias": certificate.alias,
                    "certificate": name,
                    "tierName": certificate.tier,
                    "apiIdentifier": _identifier(api, form),
                }
            )
            yield f"{folder}/{name}", _armoured(certificate.content)
        yield (
            f"{folder}/client_certificates.json",
            {"type": "client_certificates", "version": form.version, "data": listed},
        )


def endpoint_entries(api: Api, form: Format) -> Iterator[tuple[str, bytes | JsonObject]]:
    """Yield (path, content) of the files under ``Endpoint-certificates/``."""
    folder = "Endpoint-certificates"
    listed = []
    for certificate in api.endpoint_certificates:
        if not certificate.content:
            continue
        name = f"{certificate.alias}.crt"
        listed.append(
            {"alias": certificate.alias, "endpoint": certificate.endpoint, "certificate": name, "tenantId": 0}
        )
        yield f"{folder}/{name}", _armoured(_der_in_base64(certificate.content))
    if listed:
        yield (
            f"{folder}/endpoint_certificates.json",
            {"type": "endpoint_certificates", "version": form.version, "data": listed},
        )


def _identifier(api: Api, form: Format) -> JsonObject:
    identifier: JsonObject = {
        "providerName": api.provider.replace("@", "-AT-"),
        "apiName": api.name,
        "version": api.version,
    }
    if form.has("certificate_names_api") or not api.revision:
        identifier["uuid"] = api.uuid
    return identifier | {"id": 0 if api.revision else api.id}


def _armoured(content: bytes) -> bytes:
    return b"\n".join((_BEGIN, content, _END))


def _der_in_base64(stored: bytes) -> bytes:
    """Return base64 of the certificate itself; stored is base64 of what was uploaded, which may be PEM."""
    try:
        uploaded = base64.b64decode(stored, validate=True)
    except binascii.Error:
        uploaded = stored
    if _BEGIN in uploaded:
        body = uploaded.split(_BEGIN, 1)[1].split(_END, 1)[0]
        return b"".join(body.split())
    return base64.b64encode(uploaded)
