"""The estate as a value: what was there when it was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from apim_upgrade.migrations.upgrade import Tenant
from apim_upgrade.releases import Release


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; ``approximate`` when it is the server's estimate of a very large table."""

    rows: int
    approximate: bool = False

    def __str__(self) -> str:
        return f"about {self.rows:,}" if self.approximate else f"{self.rows:,}"


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """One database; ``shape`` identifies its schema, ``releases`` are those whose schema it may be."""

    name: str
    address: str
    server: str
    releases: tuple[str, ...]
    size: int
    """Bytes, indexes included."""
    tables: int
    shape: str
    own_tables: tuple[str, ...] = ()
    """Tables that no release has: the customer's."""
    ahead: tuple[str, ...] = ()
    """Tables and columns that only later releases have; packs at a recent update level bring some."""
    missing: tuple[str, ...] = ()
    """Tables and columns of the release that are not there; the upgrade adds what the target needs."""
    foreign: tuple[str, ...] = ()
    """Tables that belong to another user, so that this one cannot change them."""


@dataclass(frozen=True, slots=True)
class ApiCount:
    """APIs of one type in one life-cycle state; products have the type ``APIPRODUCT``."""

    type: str
    state: str
    apis: int


@dataclass(frozen=True, slots=True)
class KeyManager:
    """A key manager and the application keys it issued."""

    name: str
    type: str
    enabled: bool
    keys: int


@dataclass(frozen=True, slots=True)
class Environment:
    """A gateway environment that was made in the admin portal; those of deployment.toml are in no database."""

    name: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """What one tenant has."""

    tenant: Tenant
    apis: tuple[ApiCount, ...]
    applications: int
    subscriptions: int
    revisions: int
    resources: int
    key_managers: tuple[KeyManager, ...]
    environments: tuple[Environment, ...]
    labels: tuple[str, ...]
    """Gateway labels of releases up to 3.2.0."""

    @property
    def products(self) -> int:
        """How many of the APIs are API products."""
        return sum(count.apis for count in self.apis if count.type == PRODUCT)

    @property
    def keys(self) -> int:
        """Keys of its applications, by whichever key manager."""
        return sum(manager.keys for manager in self.key_managers)

    @property
    def api_count(self) -> int:
        """How many APIs there are, products not counted."""
        return sum(count.apis for count in self.apis if count.type != PRODUCT)


PRODUCT = "APIPRODUCT"


@dataclass(frozen=True, slots=True)
class Estate:
    """An immutable inventory; every later decision looks at it and not at the databases again."""

    kind: str
    release: Release
    databases: tuple[DatabaseFacts, ...]
    contents: tuple[TenantFacts, ...]
    tokens: Count
    token_states: tuple[tuple[str, int], ...]
    """Tokens by state; empty when there are too many to count."""
    deployments: tuple[tuple[str, int], ...]
    """Deployed revisions by gateway environment, from 4.0.0."""
    registry_bytes: int
    registry_log: Count
    warnings: tuple[str, ...] = ()

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """Every tenant, the super tenant first."""
        return tuple(facts.tenant for facts in self.contents)

    @property
    def api_count(self) -> int:
        """How many APIs all tenants have, products not counted."""
        return sum(facts.api_count for facts in self.contents)

    @property
    def fingerprint(self) -> str:
        """What a plan is bound to: SHA-256 over the schemas' shape, the release, tenants and APIs by type."""
        return _fingerprint(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The published form; plain values only."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self), default=str))
        document["release"] = str(self.release)
        return document


def drift(before: Mapping[str, Any], now: Estate) -> list[str]:
    """Say in sentences what a plan depends on and what has changed since; ``before`` is what ``as_json`` gave."""
    after = now.as_json()
    if _fingerprint(before) == _fingerprint(after):
        return []
    old, new = _identity(before), _identity(after)
    return [
        f"{name} was {old.get(name, 'absent')}, is {new.get(name, 'absent')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _fingerprint(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_identity(document), sort_keys=True).encode()).hexdigest()


def _identity(document: Mapping[str, Any]) -> dict[str, str]:
    """What a plan depends on, by name. Users, keys and tokens come and go while it waits; they are not part of it."""
    identity = {"release": str(document["release"])}
    identity |= {f"schema of {database['name']}": database["shape"][:12] for database in document["databases"]}
    for facts in document["contents"]:
        tenant = f"tenant {facts['tenant']['domain']}"
        identity[tenant] = f"id {facts['tenant']['id']}, {'active' if facts['tenant']['active'] else 'inactive'}"
        types: dict[str, int] = {}
        for count in facts["apis"]:
            types[count["type"]] = types.get(count["type"], 0) + count["apis"]
        identity |= {f"{tenant}, {kind} APIs": str(number) for kind, number in types.items()}
        identity[f"{tenant}, revisions"] = str(facts["revisions"])
    return identity
