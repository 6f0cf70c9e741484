"""The estate while it is being written: its shape, the two writers, the clock, its tenants."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field

from apim_upgrade.registry.paths import provider_in_path
from apim_upgrade.samples.shape import Shape
from apim_upgrade.samples.writer import Clock, Writer

SUPER_TENANT_ID = -1234
SUPER_TENANT_DOMAIN = "carbon.super"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant with the people that work in it; names are without domain."""

    id: int
    number: int
    """1 for the super tenant, and so on; also the id of its resident identity provider (IDP.ID)."""
    domain: str
    domain_ids: dict[str, int]
    """UM_DOMAIN_ID by name (``PRIMARY``, ``INTERNAL`` …)."""
    creators: tuple[str, ...]
    publisher: str
    subscribers: tuple[str, ...]

    @property
    def is_super(self) -> bool:
        """Whether it is carbon.super."""
        return self.id == SUPER_TENANT_ID

    def user(self, name: str) -> str:
        """A user as AM_* tables name it."""
        return name if self.is_super else f"{name}@{self.domain}"

    def folder_name(self, name: str) -> str:
        """A user as registry paths name it."""
        return provider_in_path(self.user(name))

    def context(self, path: str) -> str:
        """A context with the tenant's prefix."""
        return path if self.is_super else f"/t/{self.domain}{path}"

    def resource_url(self, path: str) -> str:
        """The URL path under which the product links a registry resource."""
        return self.context(f"/registry/resource{path}")

    def role(self, name: str) -> tuple[str, int]:
        """A role such as ``admin`` or ``Internal/creator`` as (name, UM_DOMAIN_ID)."""
        domain, _, plain = name.rpartition("/")
        return plain, self.domain_ids[domain.upper() or "PRIMARY"]


@dataclass(slots=True)
class Estate:
    """Everything that the modules of this room share."""

    shape: Shape
    am: Writer
    shared: Writer
    clock: Clock
    tenants: list[Tenant] = field(default_factory=list)


def secret(*parts: object) -> str:
    """A secret of 44 characters that looks like a salted hash and opens nothing."""
    return base64.b64encode(hashlib.sha256("/".join(map(str, parts)).encode()).digest()).decode()


def key(*parts: object) -> str:
    """A consumer key or secret: 28 characters, the last one ``a``."""
    return base64.urlsafe_b64encode(hashlib.sha256("/".join(map(str, parts)).encode()).digest())[:27].decode() + "a"
