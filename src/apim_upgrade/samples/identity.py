"""Claims, OAuth scopes and the resident identity provider of every tenant: the IDN_* and IDP tables."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.samples import stock
from apim_upgrade.samples.estate import Estate, Tenant

_LOCAL = "http://wso2.org/claims"
_OIDC = "http://wso2.org/oidc/claim"
_AUTHENTICATORS = {
    "passivests": {"IdPEntityId": "localhost"},
    "samlsso": {
        "IdPEntityId": "localhost",
        "SAMLMetadataSigningEnabled": "false",
        "SAMLMetadataValidityPeriod": "60",
        "samlAuthnRequestsSigningEnabled": "false",
    },
    "openidconnect": {"IdPEntityId": "https://localhost:9443/oauth2/token"},
}
_METADATA = {
    "RememberMeTimeout": "20160",
    "SessionIdleTimeout": "15",
    "PASSWORD_PROVISIONING_ENABLED": "false",
    "MODIFY_USERNAME_ENABLED": "false",
    "PROMPT_CONSENT_ENABLED": "false",
}


def write_identity(estate: Estate, tenant: Tenant) -> None:
    """Write what a server writes for a tenant when it is created."""
    claims = _write_claims(estate, tenant)
    for name, wanted in stock.document()["oidc_scopes"].items():
        scope = add_scope(estate, tenant, name, name, None, "OIDC")
        for claim in wanted:
            if (_OIDC, claim) in claims:
                estate.am.add(
                    "idn_oidc_scope_claim_mapping",
                    id=estate.am.number("idn_oidc_scope_claim_mapping", "id"),
                    scope_id=scope,
                    external_claim_id=claims[_OIDC, claim],
                )
    if estate.shape.before("4.2.0"):
        for entry in _data("internal-scopes")["scopes"]:
            if not estate.shape.before(entry.get("since", "3.2.0")):
                scope = add_scope(estate, tenant, entry["name"], entry["display_name"], None, "OAUTH2")
                bind_scope(estate, scope, entry["permission"], "PERMISSION")
    _write_provider(estate, tenant)


def add_scope(estate: Estate, tenant: Tenant, name: str, display_name: str, description: str | None, kind: str) -> int:
    """Write a row of IDN_OAUTH2_SCOPE; return its id."""
    number = estate.am.number("idn_oauth2_scope", "scope_id")
    estate.am.add(
        "idn_oauth2_scope",
        scope_id=number,
        name=name,
        display_name=display_name,
        description=description,
        tenant_id=tenant.id,
        scope_type=kind,
    )
    return number


def bind_scope(estate: Estate, scope: int, binding: str, kind: str) -> None:
    """Bind a scope of IDN_OAUTH2_SCOPE to a role or permission."""
    estate.am.add(
        "idn_oauth2_scope_binding",
        id=estate.am.number("idn_oauth2_scope_binding", "id"),
        scope_id=scope,
        scope_binding=binding,
        binding_type=kind,
    )


def _write_claims(estate: Estate, tenant: Tenant) -> dict[tuple[str, str], int]:
    am = estate.am
    numbers: dict[tuple[str, str], int] = {}
    dialects: dict[str, int] = {}
    wanted = _claims(estate)
    for claim in sorted(wanted, key=lambda claim: "local_claim" in claim):  # external claims refer to local ones
        dialect, uri = claim["dialect"], claim["claim"]
        if dialect not in dialects:
            dialects[dialect] = am.number("idn_claim_dialect", "id")
            am.add("idn_claim_dialect", id=dialects[dialect], dialect_uri=dialect, tenant_id=tenant.id)
        number = numbers[dialect, uri] = am.number("idn_claim", "id")
        am.add("idn_claim", id=number, dialect_id=dialects[dialect], claim_uri=uri, tenant_id=tenant.id)
        if "local_claim" in claim:
            am.add(
                "idn_claim_mapping",
                id=am.number("idn_claim_mapping", "id"),
                mapped_local_claim_id=numbers[_LOCAL, claim["local_claim"]],
                ext_claim_id=number,
                tenant_id=tenant.id,
            )
        else:
            am.add(
                "idn_claim_mapped_attribute",
                id=am.number("idn_claim_mapped_attribute", "id"),
                local_claim_id=number,
                user_store_domain_name="PRIMARY",
                attribute_name=claim["attribute"],
                tenant_id=tenant.id,
            )
        for name, value in claim["properties"].items():
            am.add(
                "idn_claim_property",
                id=am.number("idn_claim_property", "id"),
                local_claim_id=number,
                property_name=name,
                property_value=value,
                tenant_id=tenant.id,
            )
    return numbers


def _claims(estate: Estate) -> list[dict[str, Any]]:
    claims: list[dict[str, Any]] = _data("claims-4.0.0")["claims"]
    if estate.shape.revisions:
        return claims
    later = {(dialect, claim) for dialect, claim in stock.document()["claims"]["since_4_0_0"]}
    kept = [claim for claim in claims if (claim["dialect"], claim["claim"]) not in later]
    there = {claim["claim"] for claim in kept if claim["dialect"] == _LOCAL}
    return [claim for claim in kept if claim.get("local_claim", "") in there or "attribute" in claim]


@cache
def _data(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files("apim_upgrade.releases").joinpath("data", "identity", f"{name}.json").read_text(encoding="utf-8")
    )
    return found


def _write_provider(estate: Estate, tenant: Tenant) -> None:
    am = estate.am
    provider = am.number("idp", "id")
    assert provider == tenant.number  # noqa: S101 - tokens refer to it
    am.add(
        "idp",
        id=provider,
        tenant_id=tenant.id,
        name="LOCAL",
        is_enabled="1",
        is_primary="1",
        home_realm_id="localhost",
        certificate=b"[]",
        inbound_prov_enabled="0",
        is_federation_hub="0",
        is_local_claim_dialect="0",
        uuid=estate.shape.uuid("identity provider", tenant.id),
    )
    for name, properties in _AUTHENTICATORS.items():
        authenticator = am.number("idp_authenticator", "id")
        am.add(
            "idp_authenticator",
            id=authenticator,
            tenant_id=tenant.id,
            idp_id=provider,
            name=name,
            is_enabled="0",
        )
        for key, value in properties.items():
            am.add(
                "idp_authenticator_property",
                id=am.number("idp_authenticator_property", "id"),
                tenant_id=tenant.id,
                authenticator_id=authenticator,
                property_key=key,
                property_value=value,
                is_secret="0",  # noqa: S106 - a flag
            )
    for name, value in _METADATA.items():
        am.add(
            "idp_metadata",
            id=am.number("idp_metadata", "id"),
            idp_id=provider,
            name=name,
            value=value,
            tenant_id=tenant.id,
        )
