"""
What the artifacts of all APIs and products say, read once.

Only what rules ask for is kept, about a kilobyte an API; the XML itself passes by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern

from apim_upgrade import registry
from apim_upgrade.checks.apis import ApiIndex
from apim_upgrade.checks.model import Api
from apim_upgrade.engine import Session

FLOWS = ("in", "out", "fault")
"""The flows that a mediation sequence may be attached to."""


@dataclass(frozen=True, slots=True)
class ArtifactFacts:
    """One artifact of a working copy; texts are as the artifact has them, empty where it has none."""

    api: Api
    tenant_id: int
    folder: str
    uuid: str
    broken: str = ""
    """Why it cannot be read, in one clause; then nothing else is known."""
    missing: tuple[str, ...] = ()
    """Which of provider, name and version it lacks."""
    type: str = ""
    context: str = ""
    status: str = ""
    """``overview_status`` in upper case."""
    state: str = ""
    """The life-cycle property in upper case; none from 4.2.0 on."""
    environments: str | None = None
    """None where there is no such field."""
    labels: tuple[str, ...] = ()
    sequences: tuple[tuple[str, str], ...] = ()
    """(flow, name of the sequence)."""
    security: frozenset[str] = frozenset()
    """``apiSecurity``, such as ``oauth2``."""
    has_authorization_header: bool = False
    gateway_vendor: str = ""
    old_endpoint_security: bool = False
    """Credentials for the backend stand in fields of their own only, as before 4.0.0."""
    wsdl: str = ""
    visible_roles: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    """Business plans that subscribers may choose."""
    in_store: str | None = None
    """``enableStore``; None where there is no such field."""

    @property
    def path(self) -> str:
        """The registry path of the artifact."""
        return registry.join(self.folder, registry.ARTIFACT)


def read_artifacts(shared: Session, apis: ApiIndex, domains: Mapping[int, str]) -> tuple[ArtifactFacts, ...]:
    """Read every working copy's artifact, in order of tenant and UUID."""
    alone = {(api.tenant, api.uuid): api for api in apis.artifacts_alone}
    alone |= {(artifact.tenant, artifact.uuid): api for api, artifact in apis.estranged}
    found = []
    for row in shared.stream(registry.artifacts(), batch=200):
        domain = domains.get(row.tenant_id, f"tenant {row.tenant_id}")
        below = row.folder.removeprefix(f"{registry.PROVIDERS}/")
        api = apis.by_path.get((domain, below)) or alone.get((domain, row.uuid or "")) or _unknown(domain, below)
        try:
            artifact = registry.Artifact.parse(row.content)
        except registry.BrokenArtifact as broken:
            found.append(ArtifactFacts(api, row.tenant_id, row.folder, row.uuid or "", str(broken)))
            continue
        found.append(
            ArtifactFacts(
                api,
                row.tenant_id,
                row.folder,
                row.uuid or "",
                missing=tuple(name for name in ("provider", "name", "version") if not artifact.get(name)),
                type=intern(_text(artifact.get("type"))),
                context=artifact.get("context"),
                status=intern(artifact.get("status").upper()),
                state=intern((row.state or "").upper()),
                environments=intern(artifact.get("environments")) if artifact.has("environments") else None,
                labels=tuple(artifact.values("labelName", "labels")),
                sequences=tuple(
                    (flow, name)
                    for flow in FLOWS
                    if (name := _text(artifact.get(f"{flow}Sequence"))) not in ("", "none")
                ),
                security=frozenset(map(intern, listed(artifact.get("apiSecurity")))),
                has_authorization_header=bool(_text(artifact.get("authorizationHeader"))),
                gateway_vendor=intern(artifact.get("gatewayVendor")),
                old_endpoint_security=_old_endpoint_security(artifact),
                wsdl=_text(artifact.get("wsdl")),
                visible_roles=listed(artifact.get("visibleRoles"))
                if artifact.get("visibility").lower() == "restricted"
                else (),
                tiers=tuple(intern(tier) for tier in artifact.get("tier").split("||") if tier),
                in_store=intern(artifact.get("enableStore").lower()) if artifact.has("enableStore") else None,
            )
        )
    return tuple(found)


def listed(text: str | None) -> tuple[str, ...]:
    """Return the parts of a comma list, without blanks around them."""
    return tuple(part.strip() for part in _text(text).split(",") if part.strip())


def _text(value: str | None) -> str:
    """The text ``null`` is how the product writes that nothing is set."""
    return "" if value is None or value.lower() == "null" else value


def _unknown(domain: str, below: str) -> Api:
    provider, name, version = ([*below.split("/"), "", "", ""])[:3]
    return Api(domain, name, version, registry.provider_in_tables(provider))


def _old_endpoint_security(artifact: registry.Artifact) -> bool:
    if artifact.get("endpointSecured").lower() != "true":
        return False
    try:
        config = json.loads(artifact.get("endpointConfig") or "{}")
    except (ValueError, RecursionError):
        return True
    return not isinstance(config, dict) or not config.get("endpoint_security")
