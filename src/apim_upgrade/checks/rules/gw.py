"""Rules about gateways: environments, labels, deployments and the artifacts that gateways ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Integer, LargeBinary, String, column, exists, func, literal, or_, select, table

from apim_upgrade.checks.artifacts import listed
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import ON_GATEWAYS, by_state, few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.am_tables import API, LABEL, LABEL_URL, VHOST, blank
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.migrations.v4_0_0.access_urls import virtual_hosts
from apim_upgrade.migrations.v4_0_0.deployments import DEPLOYMENT, GATEWAY_DEPLOYMENT, environments_of

_REVISION = table("am_revision", column("id", Integer), column("api_uuid", String), column("revision_uuid", String))
_ARTIFACT = table(
    "am_gw_api_artifacts", column("api_id", String), column("revision_id", String), column("artifact", LargeBinary)
)
_ENVIRONMENT = table(
    "am_gateway_environment",
    column("id", Integer),
    column("name", String),
    column("tenant_domain", String),
    column("organization", String),
)
_NONE = "none"
_NEVER = frozenset({"CREATED", "RETIRED"})
"""States in which the upgrade makes no deployment of its own."""
_REVISIONS = 5
"""How many revisions of an API the product keeps."""
_ZIP = b"PK"
"""How a zip begins."""


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
    if subject.has("am", _ENVIRONMENT.name):
        for row in subject.am.all(select(_owner(subject).label("domain"), _ENVIRONMENT.c.name)):
            of_tenants.add((row.domain or SUPER_TENANT_DOMAIN, row.name))
    if subject.crosses("4.0.0") and subject.has("am", LABEL.name):
        for row in subject.am.all(select(LABEL.c.tenant_domain, LABEL.c.name)):
            of_tenants.add((row.tenant_domain or SUPER_TENANT_DOMAIN, row.name))
    named = _configured(subject)
    return _Environments(frozenset(named or subject.choices.environments), bool(named), frozenset(of_tenants))


def _owner(subject: Subject) -> ColumnElement[str]:
    """The column that names an environment's tenant."""
    return (
        _ENVIRONMENT.c.organization
        if subject.has("am", _ENVIRONMENT.name, "organization")
        else _ENVIRONMENT.c.tenant_domain
    )


def _configured(subject: Subject) -> set[str]:
    """The names of [[apim.gateway.environment]]; none where the file is not given or has no such table."""
    if not subject.given("target_configuration"):
        return set()
    entries = _at(subject.target_configuration, "apim", "gateway", "environment")
    return {
        str(entry["name"])
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, Mapping) and entry.get("name")
    }


def _at(configuration: object, *keys: str) -> object:
    for key in keys:
        configuration = configuration.get(key) if isinstance(configuration, Mapping) else None
    return configuration


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
            if not found.broken and state not in _NEVER:
                yield found.api, environments_of(found.environments, subject.choices)
        return
    deployed = (
        select(API.c.api_id, DEPLOYMENT.c.name)
        .join_from(DEPLOYMENT, _REVISION, _REVISION.c.revision_uuid == DEPLOYMENT.c.revision_uuid)
        .join(API, API.c.api_uuid == _REVISION.c.api_uuid)
        .order_by(API.c.api_id, DEPLOYMENT.c.name)
    )
    names: dict[int, set[str]] = defaultdict(set)
    for row in subject.am.stream(deployed):
        if row.name and row.name != _NONE:
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
            select(API.c.api_id, _REVISION.c.id)
            .join_from(DEPLOYMENT, _REVISION, _REVISION.c.revision_uuid == DEPLOYMENT.c.revision_uuid)
            .join(API, API.c.api_uuid == _REVISION.c.api_uuid)
            .where(or_(DEPLOYMENT.c.name == _NONE, blank(DEPLOYMENT.c.name))),
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
        if found.broken or (found.state or found.status) in _NEVER:
            continue
        if not names:
            unnamed.append(found.api)
        elif set(names) == {_NONE} and not found.labels:
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
    "GW003",
    Severity.MAJOR,
    title="gateway label that cannot become an environment",
    since="4.0.0",
    problems=("gw-labels-to-vhosts",),
    sources=("wso2/product-apim#10151", "wso2/product-apim#10253"),
)
def labels(subject: Subject) -> Iterator[Finding]:
    """
    What: Labels of 3.x become environments of the same tenant with a virtual host for each host of their URLs. One has
    no URL that this can be made of, or its name is one of the configured environments, or an API has a label that its
    tenant does not have.

    Why: APIs with such a label are not deployed where the label says.

    How found: AM_LABELS, AM_LABEL_URLS and the labels in the artifacts of APIs that are neither created nor retired.

    How to mend: Correct the URL in AM_LABEL_URLS: http, https, ws or wss with a host; https is meant where no scheme is
    written. Make a missing label anew, or take it off the API. Labels with usable URLs need nothing: the upgrade makes
    the environments.
    """
    subject.saw("gateway labels", subject.rows_of("am", LABEL.name) if subject.has("am", LABEL.name) else 0)
    urls: dict[str, list[str]] = defaultdict(list)
    known: set[tuple[str, str]] = set()
    good = []
    if subject.has("am", LABEL.name):
        for row in subject.am.stream(select(LABEL_URL).order_by(LABEL_URL.c.label_id, LABEL_URL.c.access_url)):
            urls[row.label_id].append(row.access_url or "")
        for row in subject.am.stream(select(LABEL).order_by(LABEL.c.tenant_domain, LABEL.c.name, LABEL.c.label_id)):
            domain = row.tenant_domain or SUPER_TENANT_DOMAIN
            known.add((domain, row.name))
            hosts, problems = virtual_hosts(urls.get(row.label_id, ()))
            what = "; ".join(problems)
            severity, step = Severity.MINOR, "Look at the hosts of the environment in the admin portal afterwards."
            if row.name in subject.choices.environments:
                what = "an environment of this name is configured"
                step = "APIs with the label are deployed there; rename one of the two if they are not the same."
            elif not hosts:
                what = f"it has no usable access URL{f', {what}' if what else ''}"
                severity, step = Severity.MAJOR, ""
            if what:
                yield Finding(
                    f"Gateway label {row.name} of tenant {domain}: {what}.",
                    step,
                    Row("am", "AM_LABELS", "NAME", f"LABEL_ID={row.label_id}"),
                    tenant=domain,
                    item=f"{domain}/{row.name}",
                    severity=severity,
                )
            else:
                good.append(f"{row.name} of {domain}")
    if good:
        yield Finding(
            f"{plural(len(good), 'gateway label becomes an environment', 'gateway labels become environments')}"
            f"{such_as(good)}.",
            "Nothing: the upgrade makes the environments.",
            item="gateway labels",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )
    for found in subject.artifacts:
        if (found.state or found.status) in _NEVER:
            continue
        for label in found.labels:
            if (found.api.tenant, label) not in known and label not in subject.choices.environments:
                yield Finding(
                    f"{found.api}: it has the gateway label {label}, which its tenant does not have.",
                    place=Spot(found.path),
                    api=found.api,
                    item=f"{found.api.item}/{label}",
                    severity=by_state(found.api),
                )


@rule(
    "GW004",
    Severity.MAJOR,
    title="deployed revision that gateways cannot load",
    source_since="4.0.0",
    problems=("gw-artifact-null",),
    sources=("wso2/product-apim#11284", "wso2/api-manager#4613"),
)
def no_artifact(subject: Subject) -> Iterator[Finding]:
    """
    What: A revision is deployed to an environment, and AM_GW_API_DEPLOYMENTS has no row of it, or AM_GW_API_ARTIFACTS
    has none or one that is no zip.

    Why: Gateways load APIs from these tables when they start. A running gateway may still have the API; the new one
    will not: "Storage returned null".

    How found: Rows of AM_DEPLOYMENT_REVISION_MAPPING are looked up in both tables; of the artifacts the first two bytes
    are read.

    How to mend: Undeploy the revision and deploy it again in the publisher of the old release, which writes both.
    """
    subject.saw_rows("deployments", "am", DEPLOYMENT.name)
    listed_there = exists().where(
        GATEWAY_DEPLOYMENT.c.api_id == API.c.api_uuid,
        GATEWAY_DEPLOYMENT.c.revision_id == DEPLOYMENT.c.revision_uuid,
        GATEWAY_DEPLOYMENT.c.label == DEPLOYMENT.c.name,
    )
    stored = exists().where(
        _ARTIFACT.c.api_id == API.c.api_uuid,
        _ARTIFACT.c.revision_id == DEPLOYMENT.c.revision_uuid,
        func.substr(_ARTIFACT.c.artifact, 1, len(_ZIP)) == literal(_ZIP, LargeBinary),
    )
    deployed = (
        select(API.c.api_id, _REVISION.c.id, DEPLOYMENT.c.name)
        .join_from(DEPLOYMENT, _REVISION, _REVISION.c.revision_uuid == DEPLOYMENT.c.revision_uuid)
        .join(API, API.c.api_uuid == _REVISION.c.api_uuid)
        .order_by(API.c.api_id, DEPLOYMENT.c.name)
    )
    for where, lacking in (("AM_GW_API_DEPLOYMENTS", ~listed_there), ("AM_GW_API_ARTIFACTS", ~stored)):
        for row in subject.am.stream(deployed.where(lacking)):
            api = subject.api(row.api_id)
            yield Finding(
                f"{api or row.api_id}: revision {row.id} is deployed to {row.name}, and {where} has nothing for it.",
                place=Row("am", where, key=f"API_ID={row.api_id}, REVISION={row.id}"),
                api=api,
                item=f"{api.item if api else row.api_id}/{row.id}/{row.name}",
                severity=by_state(api),
            )


@rule("GW005", Severity.INFO, title="API of a published state that runs nowhere", source_since="4.0.0")
def undeployed(subject: Subject) -> Iterator[Finding]:
    """
    What: An API or product is published, blocked, deprecated or prototyped, and no revision of it is deployed.

    Why: Gateways answer 404 for it, before the upgrade as well as after it. Somebody may take that for a fault of the
    upgrade.

    How found: Rows of AM_API in these states without a row in AM_DEPLOYMENT_REVISION_MAPPING.

    How to mend: Deploy a revision in the publisher, if anybody is to call it.
    """
    subject.saw("APIs", len(subject.apis))
    somewhere = exists().where(
        _REVISION.c.api_uuid == API.c.api_uuid, DEPLOYMENT.c.revision_uuid == _REVISION.c.revision_uuid
    )
    number, first = few(
        subject.am,
        select(API.c.api_id).where(func.upper(API.c.status).in_(sorted(ON_GATEWAYS)), ~somewhere),
        API.c.api_id,
    )
    if number:
        apis = such_as(subject.api(row.api_id) or row.api_id for row in first)
        yield Finding(
            f"{plural(number, 'API')} of a published state without a deployed revision{apis}.",
            place=Row("am", "AM_DEPLOYMENT_REVISION_MAPPING"),
            item="APIs that run nowhere",
        )


@rule("GW006", Severity.MINOR, title="more revisions than the product keeps", source_since="4.0.0")
def many_revisions(subject: Subject) -> Iterator[Finding]:
    """
    What: An API has more than five revisions.

    Why: The product keeps five, and makes no further one of such an API: nothing new can be deployed before one is
    deleted. Migrations that were run twice leave more.

    How found: Rows of AM_REVISION are counted by API.

    How to mend: Delete revisions that are not deployed, in the publisher.
    """
    subject.saw_rows("revisions", "am", _REVISION.name)
    counted = (
        select(_REVISION.c.api_uuid, func.count(_REVISION.c.revision_uuid).label("number"))
        .group_by(_REVISION.c.api_uuid)
        .having(func.count(_REVISION.c.revision_uuid) > _REVISIONS)
        .order_by(_REVISION.c.api_uuid)
    )
    for row in subject.am.stream(counted):
        api = subject.apis.by_uuid.get(row.api_uuid)
        yield Finding(
            f"{api or row.api_uuid}: it has {row.number} revisions.",
            place=Row("am", "AM_REVISION", key=f"API_UUID={row.api_uuid}"),
            api=api,
            item=api.item if api else row.api_uuid,
        )


@rule(
    "GW007",
    Severity.INFO,
    title="tenants' APIs on gateways of 4.6.0",
    target_since="4.6.0",
    until="4.7.0",
    problems=("cfg-gateway-tenant-460",),
    sources=("wso2/api-manager#4613",),
)
def tenants_on_gateways(subject: Subject) -> Iterator[Finding]:
    """
    What: Tenants besides the super tenant have APIs, and the target is 4.6.0.

    Why: Gateways of 4.6.0 that run apart from the control plane no longer need its databases, and with several tenants
    some did not load the tenants' APIs: "Storage returned null". The issue is open.

    How found: APIs of other tenants than the super tenant.

    How to mend: Where gateways are processes of their own, call an API of every tenant in the rehearsal; if it is not
    there, give the gateways the shared database, or load tenants at start.
    """
    apis = [api for api in subject.apis if api.tenant != SUPER_TENANT_DOMAIN]
    subject.saw("APIs", len(subject.apis))
    if apis:
        tenants = sorted({api.tenant for api in apis})
        yield Finding(
            f"{plural(len(apis), 'API')} of {plural(len(tenants), 'tenant')}{such_as(tenants)}.", item="tenants' APIs"
        )


@rule(
    "GW008",
    Severity.INFO,
    title="errors of gateways come in the form that the caller accepts",
    since="4.0.0",
    problems=("cus-error-format",),
    sources=("wso2/docs-apim#3400",),
)
def error_format(subject: Subject) -> Iterator[Finding]:
    """
    What: Gateways of 4.0.0 and later answer errors as JSON or XML, by what the caller asks for; older ones had one
    form.

    Why: Callers that read the body of an error may read another one after the upgrade.

    How found: The upgrade passes into 4.0.0 and there are APIs.

    How to mend: Let the callers that matter meet an error in the rehearsal, such as a wrong token. The old form can be
    kept by sequences of one's own.
    """
    subject.saw("APIs", len(subject.apis))
    if len(subject.apis):
        yield Finding(
            f"Callers of {plural(len(subject.apis), 'API')} may get errors in another form than before.", item="errors"
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
    asked = _at(subject.target_configuration, "apim", "sync_runtime_artifacts", "gateway", "gateway_labels")
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
    subject.saw_rows("gateway environments", "am", _ENVIRONMENT.name)
    environments = _environments(subject)
    bare = ~exists().where(VHOST.c.gateway_env_id == _ENVIRONMENT.c.id)
    owner = _owner(subject)
    for row in subject.am.all(select(owner.label("domain"), _ENVIRONMENT.c.name, bare.label("bare")).order_by(owner)):
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
