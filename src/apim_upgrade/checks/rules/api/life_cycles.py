"""Rules about life cycles: the states of APIs, and the definitions that tenants may have changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from apim_upgrade import registry
from apim_upgrade.checks.model import Api, Finding, Repair, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import ON_GATEWAYS, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.v4_2_0.life_cycle_configuration import LIFE_CYCLE, read_life_cycle
from apim_upgrade.releases import Release
from apim_upgrade.releases.stock_life_cycle import is_stock_life_cycle, stock_states
from apim_upgrade.tables.registry import PATH, RESOURCE

_IN_DATABASE = Release(4, 2, 0)
"""From here on AM_API.STATUS is the state, and life cycles are in the tenants' configuration."""


@rule(
    "API050",
    Severity.MAJOR,
    title="life-cycle states that disagree",
    problems=("lc-state-mismatch",),
    sources=("wso2/api-manager#364",),
)
def states(subject: Subject) -> Iterator[Finding]:
    """
    What: The state of an API is kept in up to three places, and they do not say the same: the life-cycle property of
    the artifact (up to 4.1), the status field of the artifact, and AM_API.STATUS (from 4.0.0 on).

    Why: The portals show the API in one state and gateways treat it by another. Up to 4.1 the property decides, from
    4.2.0 on AM_API.STATUS; so an API may change its state with the upgrade.

    How found: All three are compared without case. It is a major finding where gateways have an API in the one state
    and not in the other, else a minor one.

    How to mend: Change the state in the old publisher to the right one, if need be there and back. Otherwise the
    upgrade takes what decides in the old release: the property where there is one.
    """
    subject.saw("APIs", len(subject.apis))
    kept = subject.has("am", "am_api", "status")
    for found in subject.artifacts:
        if found.broken or found.api.id is None:
            continue
        told = {"the life-cycle property": found.state, "the artifact": found.status}
        if kept:
            told["AM_API.STATUS"] = found.api.state
        told = {where: state for where, state in told.items() if state}
        values = set(told.values())
        if len(values) > 1:
            differs = len({state in ON_GATEWAYS for state in values}) > 1
            yield Finding(
                f"{found.api}: {', '.join(f'{state} in {where}' for where, state in told.items())}.",
                place=Spot(found.path),
                api=found.api,
                severity=None if differs else Severity.MINOR,
            )


@rule(
    "API051",
    Severity.MAJOR,
    title="API or tenant without a life cycle",
    source_until="4.2.0",
    problems=("lc-missing-for-tenant",),
    sources=("wso2/product-apim#8072",),
)
def no_life_cycle(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifact of an API has no life-cycle property, or a tenant's registry no definition APILifeCycle.

    Why: Up to 4.1 the state of such an API cannot be changed, its page never ends loading. From 4.2.0 on neither is
    asked for.

    How found: Artifacts without the property `registry.lifecycle.APILifeCycle.state`. Of tenants that have APIs, the
    resource `lifecycles/APILifeCycle`, when the target is older than 4.2.0.

    How to mend: For targets from 4.2.0 on nothing: the upgrade takes the state from the artifact's status. For others,
    let the old server load the tenant once, which writes the definition, and save the API in the publisher. An API with
    neither property nor status becomes CREATED: set its state in the old publisher before the upgrade.
    """
    subject.saw("APIs", len(subject.apis))
    moved = subject.target >= _IN_DATABASE
    bare = [found for found in subject.artifacts if not found.broken and not found.state]
    stateless = [found for found in bare if not (found.status or found.api.state)]
    for found in stateless:
        yield Finding(
            f"{found.api}: nothing tells its state; it becomes CREATED.", place=Spot(found.path), api=found.api
        )
    rest = [found.api for found in bare if found.status or found.api.state]
    if rest:
        yield Finding(
            f"{plural(len(rest), 'API')} without a life cycle{such_as(rest)}.",
            "Nothing: the upgrade takes the state from the artifact." if moved else "Save these APIs in the publisher.",
            item="APIs without a life cycle",
            severity=Severity.INFO if moved else Severity.MINOR,
            repair=Repair.AUTOMATIC if moved else None,
        )
    if moved:
        return
    subject.saw("tenants", len(subject.tenants))
    have = {tenant_id for tenant_id, _ in _life_cycles(subject)}
    with_apis = {found.tenant_id for found in subject.artifacts}
    for tenant in subject.tenants:
        if tenant.id in with_apis - have:
            yield Finding(
                f"The registry of tenant {tenant.domain} has no life-cycle definition.",
                place=Spot(LIFE_CYCLE),
                tenant=tenant.domain,
                item=tenant.domain,
                severity=Severity.INFO,
            )


@rule(
    "API052",
    Severity.MAJOR,
    title="life cycle of a tenant's own",
    since="4.2.0",
    problems=("lc-custom-lifecycle-420",),
    sources=("wso2/api-manager#1522",),
)
def custom_life_cycle(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant changed the definition APILifeCycle in its registry, or APIs are in states that the stock life cycle
    does not have.

    Why: From 4.2.0 on the life cycle is in the tenant's configuration. A state that it does not know has no buttons in
    the publisher: the API can never leave it. Executors, the classes that ran with a transition, no longer exist.

    How found: The definition is compared with what every release ships. States of APIs are compared with those of the
    stock life cycle and of the tenant's own.

    How to mend: The upgrade converts a life cycle of a tenant's own: review the member LifeCycle of the tenant's
    advanced configuration in the rehearsal, and replace what executors did. A definition that cannot be read has to be
    written there by hand. APIs in a state that no life cycle knows have to be moved to a known one in the old release.
    """
    stock = {state["State"].upper() for state in stock_states()}
    known: dict[str, set[str]] = defaultdict(lambda: set(stock))
    subject.saw("tenants", len(subject.tenants))
    for tenant_id, content in _life_cycles(subject):
        domain = subject.domain(tenant_id)
        if is_stock_life_cycle(content):
            continue
        try:
            own = read_life_cycle(content)
        except ValueError as error:
            yield Finding(
                f"The life cycle of tenant {domain} cannot be read: {error}.",
                "Write LifeCycle into the tenant's advanced configuration by hand, after the upgrade.",
                Spot(LIFE_CYCLE),
                tenant=domain,
                item=domain,
            )
            continue
        known[domain] |= {state["State"].upper() for state in own}
        same = own == stock_states()
        yield Finding(
            f"The life cycle of tenant {domain} is not the stock one"
            f"{'; only what 4.2.0 does not know differs, such as executors' if same else ''}.",
            "Look whether executors of your own did work that is missed from 4.2.0 on." if same else "",
            Spot(LIFE_CYCLE),
            tenant=domain,
            item=domain,
            severity=Severity.MINOR,
        )
    strange: dict[tuple[str, str], list[Api]] = defaultdict(list)
    subject.saw("APIs", len(subject.apis))
    for api in subject.apis:
        if api.state and api.state not in known[api.tenant]:
            strange[api.tenant, api.state].append(api)
    for (domain, state), apis in sorted(strange.items()):
        yield Finding(
            f"{plural(len(apis), 'API')} of {domain} in the state {state}, which no life cycle knows{such_as(apis)}.",
            "Move these APIs to a known state in the old release.",
            tenant=domain,
            item=f"{domain}/{state}",
        )


def _life_cycles(subject: Subject) -> Iterator[tuple[int, bytes]]:
    folder, name = registry.split(LIFE_CYCLE)
    files = registry.files().where(PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name)
    for row in subject.sessions[subject.home("config")].all(files.order_by(RESOURCE.c.reg_tenant_id)):
        if row.tenant_id in subject.domains:
            yield row.tenant_id, bytes(row.content or b"")
