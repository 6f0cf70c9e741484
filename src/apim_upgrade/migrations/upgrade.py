"""The upgrade that data steps are made for: from where, to where, over which tenants, by whose choices."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from apim_upgrade.releases import HOME_OF, Release

SUPER_TENANT_ID = -1234
SUPER_TENANT_DOMAIN = "carbon.super"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant of the estate; the super tenant is one of them."""

    id: int
    domain: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Choices:
    """What an operator may decide (``[options]`` of upgrade.toml); the defaults suit a stock estate."""

    truststore: Path | None = None
    """client-truststore.jks or .p12 of the old home: where 3.2.0 keeps endpoint certificates."""
    truststore_password: str = field(default="wso2carbon", repr=False)
    environments: tuple[str, ...] = ("Default",)
    """Gateway environments of the target's deployment.toml: where an API that names none is deployed."""
    environment_names: tuple[tuple[str, str], ...] = (("Production and Sandbox", "Default"),)
    """Old environment name → new one; 3.x and 4.x packs name their stock environment differently."""
    separate_groups_and_roles: bool = False
    internal_scopes_per_tenant: bool = False
    """Only for targets >= 4.2.0 that set enable_system_level_internal_scope_management = false."""
    admin_role: str = "admin"
    repair_definitions: bool = False
    """Whether definitions that the target refuses are repaired, where that is mechanical; `check --fix` shows how."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One upgrade; everything a step may depend on besides the databases themselves."""

    source: Release
    target: Release
    started: datetime
    """The run's recorded start (UTC, no zone): the only clock that steps use."""
    tenants: tuple[Tenant, ...]
    choices: Choices = Choices()
    busiest: str = SUPER_TENANT_DOMAIN
    """Domain of the tenant with the most applications; empty where nobody could look."""
    apart: frozenset[str] = frozenset()
    """Which of ``identity``, ``user`` and ``config`` are databases of their own."""

    def home(self, name: str) -> str:
        """Return the database that holds the tables of ``identity``, ``user`` or ``config``."""
        return name if name in self.apart else HOME_OF[name]

    def crosses(self, release: str) -> bool:
        """Say whether the upgrade passes into ``release``: the source is older, the target is not."""
        return self.source < Release.parse(release) <= self.target
