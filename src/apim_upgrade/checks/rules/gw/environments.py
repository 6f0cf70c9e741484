"""Rules about environments: those that the target has, and those that APIs run on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, exists, or_, select

from apim_upgrade.checks.artifacts import listed
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import ON_GATEWAYS, few, plural, such_as
from apim_upgrade.checks.rules.gw.queries import NEVER, NONE, deployed
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.migrations.v4_0_0.deployments import environments_of
from apim_upgrade.tables.api import API, DEPLOYMENT, GATEWAY_ENVIRONMENT, LABEL, REVISION, VHOST


@dataclass(frozen=True, slots=True)
class _Environments:
    """The environments that the target will have."""

    configured: frozenset[str]
    certain: bool
    """They were read from the target's configuration; else they are what ``[options]`` says."""
    of_tenants: frozenset[tuple[str, str]]
    """(tenant domain, name), of the database."""

    def has(self, domain: str, name: str) -> bool:
        return name in self.configured or (domain, name) in self.of_tenants


def _environments(subject: Subject) -> _Environments:
    of_tenants = set()
    if subject.has("am", GATEWAY_ENVIRONMENT.name):
        for row in subject.am.all(select(_owner(subject).label("domain"), GATEWAY_ENVIRONMENT.c.name)):
            of_tenants.add((row.domain or SUPER_TENANT_DOMAIN, row.name))
    if subject.crosses("4.0.0") and subject.has("am", LABEL.name):
        for row in subject.am.all(select(LABEL.c.tenant_domain, LABEL.c.name)):
            of_tenants.add((row.tenant_domain or SUPER_TENANT_DOMAIN, row.name))
    named = _configured(subject)
    return _Environments(frozenset(named or subject.choices.environments), bool(named), frozenset(of_tenants))


def _owner(subject: Subject) -> ColumnElement[str]:
    """The column that names an environment's tenant."""
    return (
        GATEWAY_ENVIRONMENT.c.organization
        if subject.has("am", GATEWAY_ENVIRONMENT.name, "organization")
        else GATEWAY_ENVIRONMENT.c.tenant_domain
    )


def _configured(subject: Subject) -> set[str]:
    """The names of [[apim.gateway.environment]]; none where the file is not given or has no such table."""
    if not subject.given("target_configuration"):
        return set()
    entries = setting(subject.target_configuration, "apim.gateway.environment")
    return {
        str(entry["name"])
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping) and entry.get("name")
    }


@dataclass(slots=True)
class _Use:
    """The APIs of one environment name that the target will not have, by whether they run elsewhere too."""

    apis: list[Api] = field(default_factory=list)
    nowhere_else: int = 0

    def add(self, api: Api, *, elsewhere: bool) -> None:
        self.apis.append(api)
        self.nowhere_else += not elsewhere and api.state in ON_GATEWAYS

    @property
    def on_gateways(self) -> int:
        return sum(api.state in ON_GATEWAYS for api in self.apis)


def _wanted(subject: Subject) -> Iterator[tuple[Api, tuple[str, ...]]]:
    """Yield APIs with the names of the environments they will run on."""
    if subject.crosses("4.0.0"):
        for found in subject.artifacts:
            state = found.state or found.status
            if not found.broken and state not in NEVER:
                yield found.api, environments_of(found.environments, subject.choices)
        return
    names: dict[int, set[str]] = defaultdict(set)
    for row in subject.am.stream(deployed()):
        if row.name and row.name != NONE:
            names[row.api_id].add(row.name)
    for api_id, found_names in names.items():
        api = subject.api(api_id)
        if api is not None:
            yield api, tuple(sorted(found_names))


@rule(
    "GW001",
    Severity.BLOCKER,
    title="gateway environment that the target does not have",
    problems=("gw-environment-renamed",),
    sources=("wso2/carbon-apimgt#10289", "wso2/product-apim#10906", "wso2/api-manager#3670"),
)
def missing_environments(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs are deployed to an environment that is neither in the target's deployment.toml nor one that a tenant made
    in the admin portal. The stock environment is called Production and Sandbox up to 3.2.0, and Default since.

    Why: No gateway deploys an API whose environment nobody knows, and its page of deployments fails: every call answers
    404, or goes to the main sequence with "Invalid URL".

    How found: Before 4.0.0 from the artifacts of APIs that are neither created nor retired, as `[options]
    environment_names` renames them; from 4.0.0 on from AM_DEPLOYMENT_REVISION_MAPPING. The environments of the target
    are those of `check.target_configuration`; without it those of `[options] environments`, and then it is a major
    finding at most. It is a blocker where a published, blocked, deprecated or prototyped API runs nowhere else, a major
    finding where it runs elsewhere too, and a minor one where only others are concerned.

    How to mend: Add an [[apim.gateway.environment]] of this name to the target's deployment.toml, and the name to
    gateway_labels of the gateways that serve it; or, coming from 3.x, map it to another name in `[options]
    environment_names`. If it is there already, name the file as `check.target_configuration`.
    """
    environments = _environments(subject)
    subject.saw("APIs", len(subject.apis))
    missing: dict[str, _Use] = defaultdict(_Use)
    for api, names in _wanted(subject):
        there = any(environments.has(api.tenant, name) for name in names)
        for name in names:
            if not environments.has(api.tenant, name):
                missing[name].add(api, elsewhere=there)
    where = "the target's deployment.toml" if environments.certain else "[options] environments"
    for name, use in sorted(missing.items()):
        severity = Severity.MINOR
        if use.on_gateways:
            severity = Severity.BLOCKER if environments.certain and use.nowhere_else else Severity.MAJOR
        yield Finding(
            f"{plural(len(use.apis), 'API')}, {use.on_gateways} of them on gateways, of the environment {name}, which "
            f"is not in {where}{such_as(use.apis)}.",
            item=f"environment {name}",
            severity=severity,
        )


@rule(
    "GW002",
    Severity.MAJOR,
    title="API without a gateway environment",
    problems=("api-environment-none",),
    sources=("wso2/api-manager#706", "wso2/api-manager#2155"),
)
def no_environment(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifact of an API says that it runs on no environment (none), or does not say anything; or, from 4.0.0
    on, a revision is deployed to an environment called none, as the vendor's client does.

    Why: A published API of environment none is on no gateway, before as well as after the upgrade, unless it has a
    gateway label; that is told for information. A deployment to none is worse: an environment of that name is not
    found, so the page of deployments fails.

    How found: Before 4.0.0 the field environments of artifacts of APIs that are neither created nor retired; from 4.0.0
    on AM_DEPLOYMENT_REVISION_MAPPING.NAME.

    How to mend: Choose an environment in the publisher of the old release, or accept it, if the API is not meant to be
    called. Nothing has to be done where the artifact names none at all: that means every environment, and the upgrade
    deploys the API to all of `[options] environments`. Rows of a deployment to none are deleted from
    AM_DEPLOYMENT_REVISION_MAPPING.
    """
    subject.saw("APIs", len(subject.apis))
    if not subject.crosses("4.0.0"):
        number, first = few(
            subject.am,
            deployed(REVISION.c.id).order_by(None).where(or_(DEPLOYMENT.c.name == NONE, blank(DEPLOYMENT.c.name))),
            API.c.api_id,
        )
        if number:
            apis = such_as(subject.api(row.api_id) or row.api_id for row in first)
            yield Finding(
                f"{plural(number, 'revision is', 'revisions are')} deployed to no environment{apis}.",
                "DELETE FROM AM_DEPLOYMENT_REVISION_MAPPING WHERE NAME = 'none'; -- in the old am database",
                Row("am", "AM_DEPLOYMENT_REVISION_MAPPING", "NAME"),
                item="deployments to none",
            )
        return
    unnamed = []
    for found in subject.artifacts:
        names = listed(found.environments)
        if found.broken or (found.state or found.status) in NEVER:
            continue
        if not names:
            unnamed.append(found.api)
        elif set(names) == {NONE} and not found.labels:
            yield Finding(
                f"{found.api}: it runs on no environment, and will not.",
                place=Spot(found.path),
                api=found.api,
                severity=Severity.INFO,
            )
    if unnamed:
        yield Finding(
            f"{plural(len(unnamed), 'API names', 'APIs name')} no environment, which means all{such_as(unnamed)}.",
            f"Nothing: the upgrade deploys them to {', '.join(subject.choices.environments)}.",
            item="APIs of all environments",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )


@rule(
    "GW009",
    Severity.MINOR,
    title="environment that no gateway of the target's configuration asks for",
    needs=("target_configuration",),
    target_since="4.0.0",
    problems=("gw-environment-renamed",),
    sources=("wso2/product-apim#10908",),
)
def unasked_environments(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs are deployed to an environment, and gateway_labels in the target's deployment.toml does not name it.

    Why: A gateway loads the APIs of the environments in its gateway_labels only. When no gateway names an environment,
    its APIs answer 404, although every portal shows them as deployed.

    How found: `[apim.sync_runtime_artifacts.gateway] gateway_labels` of `check.target_configuration`, which is Default
    where it is not written, against the environments that GW001 looks at. Other gateways may have files of their own;
    only this one is read.

    How to mend: Add the name to gateway_labels of the gateway that serves the environment.
    """
    asked = setting(subject.target_configuration, "apim.sync_runtime_artifacts.gateway.gateway_labels")
    names = set(map(str, asked)) if isinstance(asked, list) else {"Default"}
    environments = _environments(subject)
    subject.saw("APIs", len(subject.apis))
    unasked: dict[str, list[Api]] = defaultdict(list)
    for api, wanted in _wanted(subject):
        for name in wanted:
            if name not in names and environments.has(api.tenant, name):
                unasked[name].append(api)
    for name, apis in sorted(unasked.items()):
        yield Finding(
            f"{plural(len(apis), 'API')} of the environment {name}, which is not in gateway_labels{such_as(apis)}.",
            item=f"gateway label {name}",
        )


@rule("GW010", Severity.MAJOR, title="environment in the database that cannot be used", source_since="4.0.0")
def environments_in_database(subject: Subject) -> Iterator[Finding]:
    """
    What: An environment that somebody made in the admin portal has no virtual host, or has the name of one that the
    target's deployment.toml has.

    Why: An API of an environment without a host has no address; its page of deployments fails. Of two environments of
    one name the configured one is taken, and the hosts of the other are not used.

    How found: AM_GATEWAY_ENVIRONMENT without AM_GW_VHOST; names are compared with `check.target_configuration` where it
    is given, else with `[options] environments`.

    How to mend: Add a virtual host in the admin portal of the old release; rename the environment in the configuration
    if the two are not the same.
    """
    subject.saw_rows("gateway environments", "am", GATEWAY_ENVIRONMENT.name)
    environments = _environments(subject)
    bare = ~exists().where(VHOST.c.gateway_env_id == GATEWAY_ENVIRONMENT.c.id)
    owner = _owner(subject)
    for row in subject.am.all(
        select(owner.label("domain"), GATEWAY_ENVIRONMENT.c.name, bare.label("bare")).order_by(owner)
    ):
        domain = row.domain or SUPER_TENANT_DOMAIN
        doubled = row.name in environments.configured
        if row.bare or doubled:
            yield Finding(
                f"Environment {row.name} of tenant {domain} "
                f"{'has no virtual host' if row.bare else 'has the name of a configured one'}.",
                place=Row("am", "AM_GATEWAY_ENVIRONMENT", "NAME", f"NAME={row.name}"),
                tenant=domain,
                item=f"{domain}/{row.name}",
                severity=None if row.bare else Severity.MINOR,
            )
