"""
Counts what an estate holds, tenant by tenant; every query is one pass over one table, whatever the number of tenants.

API-M tells an API's tenant in three ways over the releases (context, organization, registry). The registry's answer
holds in all of them and is the one used here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, TableClause, func, select
from sqlalchemy.sql.selectable import FromClause, Select

from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import Session
from apim_upgrade.estate.detect import Names
from apim_upgrade.estate.model import ApiCount, Count, Environment, KeyManager, TenantFacts
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Tenant
from apim_upgrade.registry import PROVIDERS, artifacts, provider_in_path
from apim_upgrade.tables.api import (
    API,
    APPLICATION,
    APPLICATION_KEY_MAPPING,
    DEPLOYMENT,
    GATEWAY_ENVIRONMENT,
    KEY_MANAGER,
    LABEL,
    REVISION,
    SUBSCRIBER,
    SUBSCRIPTION,
    VHOST,
)
from apim_upgrade.tables.identity import ACCESS_TOKEN
from apim_upgrade.tables.registry import CONTENT, LOG, RESOURCE
from apim_upgrade.tables.user import UM_TENANT

_Key = TypeVar("_Key")

MANY = 1_000_000
"""Tables whose rows the server estimates above this are not counted."""
_API_COLUMNS = ("api_uuid", "api_provider", "api_name", "api_version", "api_type", "status", "organization")
_TENANT_COLUMNS = (UM_TENANT.c.um_id, UM_TENANT.c.um_domain_name, UM_TENANT.c.um_active)
_OWNER = ("tenant_domain", "organization")
"""The columns that name a row's tenant, in old and in new releases."""


@dataclass(frozen=True, slots=True)
class SharedContents:
    """What the shared database says; ``artifacts`` maps an API's key (see :func:`read_am`) to (tenant id, state)."""

    tenants: tuple[Tenant, ...]
    artifacts: Mapping[str, tuple[int, str]]
    resources: Mapping[int, int]
    content_bytes: int
    log: Count


@dataclass(frozen=True, slots=True)
class AmContents:
    """What the API-M database says, by tenant id or domain as it stands there."""

    apis: Mapping[int, Counter[tuple[str, str]]]
    revisions: Mapping[int, int]
    applications: Mapping[int, int]
    subscriptions: Mapping[int, int]
    keys: Mapping[tuple[int, str], int]
    key_managers: tuple[tuple[str, str, str, str, bool], ...]
    """(tenant domain, UUID, name, type, enabled)."""
    environments: Mapping[str, tuple[Environment, ...]]
    labels: Mapping[str, tuple[str, ...]]
    deployments: tuple[tuple[str, int], ...]
    tokens: Count
    token_states: tuple[tuple[str, int], ...]
    subscriber_tenants: frozenset[int]
    without_artifact: tuple[str, ...]
    """APIs (``provider/name/version``) that the registry has no artifact of."""
    matched: int


def read_shared(
    session: Session, users: Session, registries: Sequence[tuple[Session, Mapping[str, TableFacts]]], *, by_uuid: bool
) -> SharedContents:
    """
    Read the shared database, and the databases of user management and of the configuration registry.

    ``registries`` are all databases that hold a registry, with the facts of their tables: one, or two. ``by_uuid`` says
    whether API-M knows an API by UUID (from 4.0.0) or by its path.
    """
    tenants = [
        Tenant(row.um_id, row.um_domain_name, bool(row.um_active))
        for row in users.all(select(*_TENANT_COLUMNS).order_by(UM_TENANT.c.um_id))
    ]
    query = artifacts()
    wanted = query.with_only_columns(
        *(query.selected_columns[name] for name in ("tenant_id", "folder", "uuid", "state"))
    ).order_by(None)
    found = {
        row.uuid if by_uuid else row.folder.removeprefix(f"{PROVIDERS}/"): (row.tenant_id, (row.state or "").upper())
        for row in session.stream(wanted)
    }
    return SharedContents(
        (Tenant(SUPER_TENANT_ID, SUPER_TENANT_DOMAIN), *(tenant for tenant in tenants if tenant.id != SUPER_TENANT_ID)),
        found,
        _summed(_by_tenant(each, RESOURCE, RESOURCE.c.reg_tenant_id) for each, _ in registries),
        sum(facts[CONTENT.name].size for _, facts in registries if CONTENT.name in facts),
        _total(count(each, LOG, facts) for each, facts in registries),
    )


def read_am(
    session: Session,
    identity: Session,
    live: Names,
    identity_facts: Mapping[str, TableFacts],
    shared: SharedContents,
    *,
    by_uuid: bool,
) -> AmContents:
    """Read the API-M database and that of the identity tables; ``live`` are the columns that the former has."""
    apis: defaultdict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    tenant_of: dict[str, int] = {}
    without: list[str] = []
    matched = 0
    for row in session.stream(select(*_present(API, live, *_API_COLUMNS))):
        path = f"{provider_in_path(row.api_provider)}/{row.api_name}/{row.api_version}"
        key = row.api_uuid if by_uuid else path
        artifact = shared.artifacts.get(key)
        if artifact is None:
            without.append(path)
            continue
        matched += 1
        tenant, state = artifact
        tenant_of[key] = tenant
        apis[tenant][(row.api_type or "HTTP").upper(), (by_uuid and row.status) or state or "?"] += 1
    revisions: Counter[int] = Counter()
    if _has(REVISION, live):
        for row in session.stream(select(REVISION.c.api_uuid, func.count().label("n")).group_by(REVISION.c.api_uuid)):
            if row.api_uuid in tenant_of:
                revisions[tenant_of[row.api_uuid]] += row.n
    owned = APPLICATION.join(SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
    tokens = count(identity, ACCESS_TOKEN, identity_facts)
    return AmContents(
        apis,
        revisions,
        _by_tenant(session, owned, SUBSCRIBER.c.tenant_id),
        _by_tenant(
            session,
            owned.join(SUBSCRIPTION, SUBSCRIPTION.c.application_id == APPLICATION.c.application_id),
            SUBSCRIBER.c.tenant_id,
        ),
        _keys(session, owned),
        _key_managers(session, live),
        _environments(session, live),
        _labels(session, live),
        _counted(session, DEPLOYMENT, DEPLOYMENT.c.name) if _has(DEPLOYMENT, live) else (),
        tokens,
        () if tokens.approximate else _counted(identity, ACCESS_TOKEN, ACCESS_TOKEN.c.token_state),
        frozenset(row[0] for row in session.all(select(SUBSCRIBER.c.tenant_id).distinct())),
        tuple(sorted(without)),
        matched,
    )


def by_tenant(am: AmContents, shared: SharedContents) -> tuple[TenantFacts, ...]:
    """Put the contents of the databases together, tenant by tenant."""
    return tuple(_tenant_facts(tenant, am, shared) for tenant in shared.tenants)


def _tenant_facts(tenant: Tenant, am: AmContents, shared: SharedContents) -> TenantFacts:
    managers = []
    left = {manager: number for (owner, manager), number in am.keys.items() if owner == tenant.id}
    for domain, uuid, name, kind, enabled in am.key_managers:
        if domain == tenant.domain:
            managers.append(KeyManager(name, kind, enabled, left.pop(uuid, 0) + left.pop(name, 0)))
    # Keys of a tenant's application may come from another tenant's key manager (seen: the super tenant's).
    elsewhere = {uuid: (f"{name} of {domain}", kind, enabled) for domain, uuid, name, kind, enabled in am.key_managers}
    managers += [KeyManager(*elsewhere.get(key, (key, "", True)), number) for key, number in sorted(left.items())]
    return TenantFacts(
        tenant,
        tuple(ApiCount(kind, state, n) for (kind, state), n in sorted(am.apis.get(tenant.id, Counter()).items())),
        am.applications.get(tenant.id, 0),
        am.subscriptions.get(tenant.id, 0),
        am.revisions.get(tenant.id, 0),
        shared.resources.get(tenant.id, 0),
        tuple(managers),
        am.environments.get(tenant.domain, ()),
        am.labels.get(tenant.domain, ()),
    )


def count(session: Session, what: FromClause, facts: Mapping[str, TableFacts]) -> Count:
    """Count a table, or take the server's estimate when it is very large."""
    name = str(getattr(what, "name", ""))
    if name in facts and facts[name].rows > MANY:
        return Count(facts[name].rows, approximate=True)
    return Count(int(session.all(select(func.count()).select_from(what))[0][0]))


def _total(counts: Iterable[Count]) -> Count:
    every = list(counts)
    return Count(sum(each.rows for each in every), any(each.approximate for each in every))


def _summed(numbers: Iterable[dict[int, int]]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for each in numbers:
        total.update(each)
    return total


def _has(what: TableClause, live: Names) -> bool:
    return any(owner == what.name for owner, _ in live)


def _present(what: TableClause, live: Names, *names: str) -> list[ColumnElement[Any]]:
    return [what.c[name] for name in names if (what.name, name) in live]


def _counted(session: Session, what: FromClause, item: ColumnElement[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((str(key), number) for key, number in _grouped_counts(session, what, item).items()))


def _by_tenant(session: Session, what: FromClause, tenant: ColumnElement[int]) -> dict[int, int]:
    return _grouped_counts(session, what, tenant)


def _grouped_counts(session: Session, what: FromClause, item: ColumnElement[_Key]) -> dict[_Key, int]:
    query = select(item.label("item"), func.count().label("n")).select_from(what).group_by(item)
    return {row.item: int(row.n) for row in session.all(query)}


def _keys(session: Session, owned: FromClause) -> dict[tuple[int, str], int]:
    query = (
        select(SUBSCRIBER.c.tenant_id, APPLICATION_KEY_MAPPING.c.key_manager, func.count().label("n"))
        .select_from(
            owned.join(
                APPLICATION_KEY_MAPPING, APPLICATION_KEY_MAPPING.c.application_id == APPLICATION.c.application_id
            )
        )
        .group_by(SUBSCRIBER.c.tenant_id, APPLICATION_KEY_MAPPING.c.key_manager)
    )
    return {(row.tenant_id, row.key_manager or ""): int(row.n) for row in session.all(query)}


def _owner(row: Any) -> str:
    """The tenant's domain: ``organization`` from 4.1.0, ``tenant_domain`` before; a database may have both."""
    return str(getattr(row, "organization", None) or getattr(row, "tenant_domain", None) or SUPER_TENANT_DOMAIN)


def _key_managers(session: Session, live: Names) -> tuple[tuple[str, str, str, str, bool], ...]:
    columns = _present(KEY_MANAGER, live, "uuid", "name", "type", "enabled", *_OWNER)
    rows = session.all(select(*columns).order_by(KEY_MANAGER.c.name, KEY_MANAGER.c.uuid))
    return tuple((_owner(row), row.uuid, row.name or "", row.type or "", bool(row.enabled)) for row in rows)


def _environments(session: Session, live: Names) -> dict[str, tuple[Environment, ...]]:
    if not _has(GATEWAY_ENVIRONMENT, live):
        return {}
    hosts: defaultdict[int, list[str]] = defaultdict(list)
    for row in session.all(select(VHOST.c.gateway_env_id, VHOST.c.host).order_by(VHOST.c.host)):
        hosts[row.gateway_env_id].append(row.host)
    columns = _present(GATEWAY_ENVIRONMENT, live, "id", "name", *_OWNER)
    rows = session.all(select(*columns).order_by(GATEWAY_ENVIRONMENT.c.name))
    return _grouped((_owner(row), Environment(row.name, tuple(hosts[row.id]))) for row in rows)


def _labels(session: Session, live: Names) -> dict[str, tuple[str, ...]]:
    if not _has(LABEL, live):
        return {}
    rows: Select[Any] = select(LABEL.c.name, LABEL.c.tenant_domain).order_by(LABEL.c.name)
    return _grouped((row.tenant_domain or SUPER_TENANT_DOMAIN, row.name) for row in session.all(rows))


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, tuple[Any, ...]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for owner, item in pairs:
        groups[owner].append(item)
    return {owner: tuple(items) for owner, items in groups.items()}
