"""
Deployments: on which gateway environments the first revisions run.

In 3.2.0 an artifact names its environments; ``labels`` name micro-gateway groups, which become environments of the
tenant. From 4.0.0 on deployments are rows, one per revision and environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    String,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    true,
    update,
)

from apim_upgrade.engine import Phase, Session, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import PRODUCT, owner_column
from apim_upgrade.migrations.upgrade import Choices, Upgrade
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import (
    API,
    API_DEFAULT_VERSION,
    DEPLOYMENT,
    GATEWAY_DEPLOYMENT,
    GATEWAY_ENVIRONMENT,
    REVISION,
    VHOST,
)

_NONE = "none"

Hosts = Mapping[tuple[str, str], str]
"""(tenant domain, environment name) → first virtual host, of the environments that lie in the database."""


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps; they need the revisions, the published APIs and the environments made of labels."""
    if not upgrade.crosses("4.0.0"):
        return []
    return [_deployments(upgrade), _default_versions()]


def environments_of(named: str | None, choices: Choices) -> tuple[str, ...]:
    """
    Return where an API runs, by the names that the target's deployment.toml uses.

    ``named`` is the comma list of the 3.2.0 artifact: none at all means every environment, the word ``none`` nowhere
    (``APIUtil.extractEnvironmentsForAPI`` of carbon-apimgt 6.7.206).
    """
    old = _listed(named)
    if not old:
        return choices.environments
    renamed = {**dict(choices.environment_names), **{name: name for name in choices.environments}}
    return tuple(dict.fromkeys(renamed.get(name, name) for name in old if name != _NONE))


def _deployments(upgrade: Upgrade) -> Step:
    wanted = stage_table(
        "deployment",
        Column("api_uuid", String(100)),
        Column("revision_uuid", String(100)),
        Column("name", String(255)),
        Column("vhost", String(255)),
        keys=[("api_uuid",)],
    )
    values: dict[str, ColumnElement[Any]] = {
        "name": wanted.c.name,
        "vhost": wanted.c.vhost,
        "revision_uuid": wanted.c.revision_uuid,
        "display_on_devportal": true(),
        "deployed_time": literal(upgrade.started, DateTime),
    }
    if upgrade.target >= Release(4, 3, 0):
        values["revision_status"] = case((API.c.api_type == PRODUCT, null()), else_="APPROVED")
    return Step(
        "4.0.0/deployments/environments",
        "Deploy the first revisions to the environments their APIs ran on",
        "am",
        Phase.MIGRATE,
        (
            Stage(wanted, partial(_rows, upgrade=upgrade), "revisions and their environments"),
            Sql(
                insert(DEPLOYMENT).from_select(
                    list(values),
                    select(*values.values())
                    .join_from(wanted, API, API.c.api_uuid == wanted.c.api_uuid)
                    .where(
                        ~exists().where(
                            DEPLOYMENT.c.revision_uuid == wanted.c.revision_uuid, DEPLOYMENT.c.name == wanted.c.name
                        )
                    )
                    .order_by(API.c.api_id, wanted.c.name),
                ),
                "what the portals show",
            ),
            Sql(
                insert(GATEWAY_DEPLOYMENT).from_select(
                    ["api_id", "revision_id", "label", "vhost"],
                    select(wanted.c.api_uuid, wanted.c.revision_uuid, wanted.c.name, wanted.c.vhost)
                    .where(
                        ~exists().where(
                            GATEWAY_DEPLOYMENT.c.revision_id == wanted.c.revision_uuid,
                            GATEWAY_DEPLOYMENT.c.label == wanted.c.name,
                        )
                    )
                    .order_by(wanted.c.api_uuid, wanted.c.name),
                ),
                "what gateways ask for",
                counts=False,
            ),
        ),
        tables=(DEPLOYMENT.name, GATEWAY_DEPLOYMENT.name),
    )


def _rows(work: Work, upgrade: Upgrade) -> Iterator[Sequence[object]]:
    am, configured = work.sessions["am"], upgrade.choices.environments
    hosts = _hosts(am, upgrade)
    revisions = (
        select(
            REVISION.c.id,
            REVISION.c.api_uuid,
            REVISION.c.revision_uuid,
            API.c.api_name,
            API.c.api_version,
            TENANT.c.domain,
            ARTIFACT.c.environments,
            ARTIFACT.c.labels,
        )
        .join(API, API.c.api_uuid == REVISION.c.api_uuid)
        .join(ARTIFACT, ARTIFACT.c.api_uuid == REVISION.c.api_uuid)
        .join(TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
        .order_by(API.c.api_id)
    )
    for row in am.stream(revisions):
        item = f"{row.domain}/{row.api_name}/{row.api_version}/revision {row.id}"
        if not work.wants(item):
            continue
        work.saw()
        names = environments_of(row.environments, upgrade.choices)
        labels = [label for label in dict.fromkeys(_listed(row.labels)) if label not in names]
        known = {*configured, *(name for domain, name in hosts if domain == row.domain)}
        for name in names:
            if name not in known:
                work.noted(
                    f"environment {name}",
                    f"APIs are deployed to {name}, which is not an environment of the target.",
                    f"Add {name} to [[apim.gateway.environment]] of the target, or rename it in [options].",
                )
        for name in (*names, *(label for label in labels if label in known)):
            host = None if name in configured else hosts.get((row.domain, name))
            yield row.api_uuid, row.revision_uuid, name, host
        lost = ", ".join(label for label in labels if label not in known)
        if lost:
            work.failed(
                item,
                f"It is not deployed where its labels say: {row.domain} has no environment with a host for {lost}.",
                "Add the environment with a virtual host, then run with --retry-failed; or deploy it in the Publisher.",
            )


def _hosts(am: Session, upgrade: Upgrade) -> Hosts:
    """The tenants' environments, few as they are: one for each label of old."""
    owner = owner_column(GATEWAY_ENVIRONMENT, upgrade)
    found = (
        select(owner.label("domain"), GATEWAY_ENVIRONMENT.c.name, func.min(VHOST.c.host).label("host"))
        .join(VHOST, VHOST.c.gateway_env_id == GATEWAY_ENVIRONMENT.c.id)
        .group_by(owner, GATEWAY_ENVIRONMENT.c.name)
    )
    return {(row.domain, row.name): row.host for row in am.all(found)}


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _default_versions() -> Step:
    """A default version is published by its deployment, whatever its state; others keep what 3.2.0 published."""
    deployed = exists().where(
        API.c.api_name == API_DEFAULT_VERSION.c.api_name,
        API.c.api_provider == API_DEFAULT_VERSION.c.api_provider,
        API.c.api_version == API_DEFAULT_VERSION.c.default_api_version,
        REVISION.c.api_uuid == API.c.api_uuid,
        DEPLOYMENT.c.revision_uuid == REVISION.c.revision_uuid,
    )
    return Step(
        "4.0.0/deployments/default-versions",
        "Publish the default versions that are deployed",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                update(API_DEFAULT_VERSION)
                .values(published_default_api_version=API_DEFAULT_VERSION.c.default_api_version)
                .where(
                    and_(
                        deployed,
                        func.coalesce(API_DEFAULT_VERSION.c.published_default_api_version, "")
                        != API_DEFAULT_VERSION.c.default_api_version,
                    )
                )
            ),
        ),
        tables=(API_DEFAULT_VERSION.name,),
    )
