"""What a person has to look at after an artifact was made all right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apim_upgrade.gateway import endpoints
from apim_upgrade.gateway.fields import Fields
from apim_upgrade.gateway.model import PRODUCT, Api, RevisionInput, Unbuildable

_SECRETS = ("clientSecret", "apiKeyValue", "secretKey")
"""Members of ``endpoint_security`` that a server keeps encrypted with its own key, and decrypts for the gateway."""


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to look at; ``reason`` and ``action`` suit a verdict."""

    reason: str
    action: str


def caution(revision: RevisionInput) -> Caution | None:
    """
    Return what a person should know of a revision whose artifact can be made, or None.

    A secret for a backend stands encrypted in the registry and goes into the artifact as it is; a server would have
    decrypted it with its key store, which is not at hand here.
    """
    apis = (member.api for member in revision.members) if revision.api.type == PRODUCT else (revision.api,)
    if any(_has_encrypted_secret(api) for api in apis):
        return Caution(
            "The secret for its backend is stored encrypted and could not be decrypted for the gateway.",
            "Make and deploy a new revision in the Publisher portal after the first start.",
        )
    return None


def _has_encrypted_secret(api: Api) -> bool:
    try:
        config = endpoints.read_config(Fields.parse(api.artifact).text("endpointConfig"))
    except (Unbuildable, ValueError):
        return False
    if not config:
        return False
    security: Any = config.get("endpoint_security")
    parts = security.values() if isinstance(security, dict) else ()
    return bool(config.get("amznSecretKey")) or any(
        isinstance(part, dict) and any(part.get(name) for name in _SECRETS) for part in parts
    )
