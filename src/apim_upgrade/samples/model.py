"""An API of a sample estate, before any row of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apim_upgrade.samples.estate import Tenant


class Kind(StrEnum):
    """AM_API.API_TYPE."""

    HTTP = "HTTP"
    SOAP = "SOAP"
    SOAP_TO_REST = "SOAPTOREST"
    GRAPHQL = "GRAPHQL"
    WEBSOCKET = "WS"
    WEBSUB = "WEBSUB"
    SSE = "SSE"
    PRODUCT = "APIProduct"

    @property
    def streaming(self) -> bool:
        """Whether it is described by AsyncAPI."""
        return self in (Kind.WEBSOCKET, Kind.WEBSUB, Kind.SSE)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; ``member`` is the API_ID of the API that a product takes it from."""

    verb: str
    target: str
    secured: bool = True
    tier: str = "Unlimited"
    scopes: tuple[str, ...] = ()
    member: int = 0
    number: int = 0
    """URL_MAPPING_ID of the member's own row; only for operations of a product."""


@dataclass(frozen=True, slots=True)
class Api:
    """One API or product in its working copy."""

    id: int
    uuid: str
    tenant: Tenant
    kind: Kind
    provider: str
    """The user's name, without domain."""
    name: str
    version: str
    path: str
    """The context without tenant prefix and version."""
    state: str
    description: str
    operations: tuple[Operation, ...]
    tiers: tuple[str, ...]
    level: str | None = None
    """AM_API.API_TIER."""
    roles: tuple[str, ...] = ()
    """Roles that see it; none: it is public."""
    publisher_roles: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    sequences: tuple[tuple[str, str], ...] = ()
    """(flow, name) of its own mediation sequences."""
    documents: int = 0
    icon: bool = False
    certificate: bool = False
    properties: tuple[tuple[str, str], ...] = ()
    default_version: bool = False
    latest: bool = True
    saved: bool = True
    """Whether it was changed after it was made."""

    @property
    def owner(self) -> str:
        """The provider as AM_API names it."""
        return self.tenant.user(self.provider)

    @property
    def folder_owner(self) -> str:
        """The provider as the registry names it."""
        return self.tenant.folder_name(self.provider)

    @property
    def context(self) -> str:
        """AM_API.CONTEXT."""
        path = self.tenant.context(self.path)
        return path if self.kind is Kind.PRODUCT else f"{path}/{self.version}"

    @property
    def file_name(self) -> str:
        """The name that its WSDL or SDL file begins with."""
        return f"{self.folder_owner}--{self.name}{self.version}"

    @property
    def subscribable(self) -> bool:
        """Whether applications are subscribed to it."""
        return self.state in ("PUBLISHED", "BLOCKED", "DEPRECATED")

    @property
    def public_states(self) -> tuple[str, ...]:
        """The states it went through, in order."""
        return {
            "CREATED": ("CREATED",),
            "PROTOTYPED": ("CREATED", "PROTOTYPED"),
            "PUBLISHED": ("CREATED", "PUBLISHED"),
            "BLOCKED": ("CREATED", "PUBLISHED", "BLOCKED"),
            "DEPRECATED": ("CREATED", "PUBLISHED", "DEPRECATED"),
            "RETIRED": ("CREATED", "PUBLISHED", "DEPRECATED", "RETIRED"),
        }[self.state]
