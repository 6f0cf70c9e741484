"""IDN040–IDN049: names of users, claims, service providers, access policies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from sqlalchemy import and_, distinct, exists, func, or_, select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural, such_as
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.identity import stock
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.registry import C, G, join, linked_path, linked_property, resource_path
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import SUBSCRIBER
from apim_upgrade.tables.identity import CLAIM, CLAIM_DIALECT, CLAIM_MAPPING, INBOUND_AUTH, SERVICE_PROVIDER
from apim_upgrade.tables.registry import PATH, PROPERTY, RESOURCE, RESOURCE_PROPERTY

_OLD_JIT_KEY = "authentication.jit_provisioning.allow_email_username_when_email_as_username_not_enabled"
_NEW_JIT_KEY = "authentication.jit_provisioning.retain_email_domain_on_provisioning"


@rule(
    "IDN040",
    Severity.MAJOR,
    title="e-mail addresses as names of users",
    problems=("id-email-usernames",),
    sources=("wso2/api-manager#4771", "wso2/api-manager#4680", "wso2/product-apim#10153"),
)
def email_names(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs or applications belong to users whose names are e-mail addresses.

    Why: Releases spell such names in different ways, with and without the tenant. Changes of the owner and new versions
    of such APIs fail where a release takes the domain of the address for a tenant. Where an address ends in the domain
    of a tenant that exists, even people cannot tell whose the name is.

    How found: Providers of APIs and subscribers that have an @ besides the one before their tenant. Information, one
    for each tenant; a name of one tenant that ends in the domain of another one is a major finding. Where
    check.configuration is given and has the old key for names at first login, that is a minor finding.

    How to mend: Keep enable_email_domain of [tenant_mgt] as it is. Change the owner of a name that is not clear before
    the upgrade. This tool takes tenants from their ids, never from names.
    """
    subject.saw("APIs", len(subject.apis))
    subject.saw_rows("users", "am", "am_subscriber")
    counts: Counter[str] = Counter()
    for what, name, domain in _owners(subject):
        user = name.removesuffix(f"@{domain}")
        ending = user.rpartition("@")[2] if "@" in user else ""
        if ending in subject.domains.values() and ending != domain:
            yield Finding(
                f"{what} of tenant {domain} belongs to {name}, which reads like a user of tenant {ending}.",
                tenant=domain,
                item=f"{domain}/{name}",
            )
        elif ending:
            counts[domain] += 1
    for domain, number in sorted(counts.items()):
        yield Finding(
            f"In tenant {domain} {plural(number, 'owner')} of APIs and applications "
            f"{'has' if number == 1 else 'have'} an e-mail address as name.",
            "Keep enable_email_domain of [tenant_mgt] in the target's deployment.toml as it is.",
            tenant=domain,
            item=domain,
            severity=Severity.INFO,
        )
    if setting(subject.configuration, _OLD_JIT_KEY) is not None:
        yield Finding(
            f"The old deployment.toml has {_OLD_JIT_KEY}, which the target does not read.",
            f"Write {_NEW_JIT_KEY} into the target's deployment.toml, or the domain of addresses is cut off at logins.",
            tenant=SUPER_TENANT_DOMAIN,
            item=_OLD_JIT_KEY,
            severity=Severity.MINOR,
        )


def _owners(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Yield (what, name of its owner, domain of its tenant), each owner once."""
    yield from sorted({("An API", api.provider, api.tenant) for api in subject.apis if "@" in api.provider})
    query = select(SUBSCRIBER.c.user_id, SUBSCRIBER.c.tenant_id).where(SUBSCRIBER.c.user_id.like("%@%"))
    for row in subject.am.stream(query.order_by(SUBSCRIBER.c.tenant_id, SUBSCRIBER.c.user_id)):
        yield "A subscriber", row.user_id, subject.domain(row.tenant_id)


@rule(
    "IDN041",
    Severity.MINOR,
    title="service provider whose owner got lost",
    problems=("id-email-usernames",),
    sources=("wso2/product-apim#10153",),
)
def providers_of_nobody(subject: Subject) -> Iterator[Finding]:
    """
    What: A service provider has _null_ in its name, where the name of an application ought to be.

    Why: An old release lost the application's name when its owner, a user with an e-mail address as name, changed. Keys
    of that application cannot be edited.

    How found: APP_NAME of SP_APP contains _null_.

    How to mend: Rename the service provider in the management console to <owner>_<application>_<key type>.
    """
    home = subject.home("identity")
    subject.saw_rows("service providers", home, "sp_app")
    provider = SERVICE_PROVIDER.c
    query = select(provider.id, provider.app_name, provider.tenant_id).order_by(provider.id)
    for row in subject.sessions[home].stream(query.where(provider.app_name.contains("_null_", autoescape=True))):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Service provider {row.app_name} of tenant {domain} lost the name of its application.",
            place=Row(home, "SP_APP", "APP_NAME", f"ID={row.id}"),
            tenant=domain,
            item=f"{domain}/{row.app_name}",
        )


@rule(
    "IDN042",
    Severity.MINOR,
    title="claims that are missing, or that lead nowhere",
    problems=("id-claims-missing",),
    sources=("wso2/product-is#14051", "wso2/product-is#2260"),
)
def missing_claims(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant lacks claims that the target's servers give a new tenant, or has an external claim that is mapped to
    no local one.

    Why: Applications cannot ask for a claim that is not there. The vendor's client stops where an external claim needs
    a local one that older steps never added.

    How found: Claims of every tenant are compared with the stock claims of the target where the upgrade passes a
    release that changed them: information, as the upgrade adds them. External claims without a row of
    IDN_CLAIM_MAPPING are a minor finding.

    How to mend: Map the external claim in the management console, or delete it. Missing claims are added by the
    upgrade.
    """
    home = subject.home("identity")
    session = subject.sessions[home]
    subject.saw_rows("claims", home, "idn_claim")
    release = stock.claim_release(subject.target)
    if release is not None and subject.crosses(release):
        fresh = {(claim.dialect, claim.uri) for claim in stock.claims(Release.parse(release))}
        known: Counter[int] = Counter()
        query = select(CLAIM_DIALECT.c.dialect_uri, CLAIM.c.claim_uri, CLAIM.c.tenant_id).join(
            CLAIM_DIALECT, CLAIM_DIALECT.c.id == CLAIM.c.dialect_id
        )
        for row in session.stream(query):
            known[row.tenant_id] += (row.dialect_uri, row.claim_uri) in fresh
        lacking = {tenant.domain: len(fresh) - known[tenant.id] for tenant in subject.tenants}
        short = [domain for domain, number in lacking.items() if number > 0]
        if short:
            yield Finding(
                f"{plural(len(short), 'tenant')} {'lacks' if len(short) == 1 else 'lack'} up to "
                f"{max(lacking.values())} claims of {release}{such_as(short)}.",
                "Nothing has to be done; the upgrade adds them.",
                Row(home, "IDN_CLAIM"),
                item="claims",
                severity=Severity.INFO,
                repair=Repair.AUTOMATIC,
            )
    alone = (
        select(CLAIM.c.id, CLAIM.c.claim_uri, CLAIM.c.tenant_id)
        .join(CLAIM_DIALECT, CLAIM_DIALECT.c.id == CLAIM.c.dialect_id)
        .where(
            CLAIM_DIALECT.c.dialect_uri != stock.LOCAL_DIALECT,
            ~exists().where(CLAIM_MAPPING.c.ext_claim_id == CLAIM.c.id),
        )
        .order_by(CLAIM.c.tenant_id, CLAIM.c.id)
    )
    for row in session.stream(alone):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Claim {row.claim_uri} of tenant {domain} is mapped to no local claim.",
            place=Row(home, "IDN_CLAIM", "CLAIM_URI", f"ID={row.id}"),
            tenant=domain,
            item=f"{domain}/{row.claim_uri}",
        )


_URLS = join(f"{C}/identity/config", "relyingPartyRedirectUrls")


@rule(
    "IDN043",
    Severity.MINOR,
    title="several addresses of one relying party",
    since="4.2.0",
    problems=("id-relying-party-url",),
    sources=("wso2/api-manager#2400",),
)
def relying_parties(subject: Subject) -> Iterator[Finding]:
    """
    What: The registry has a redirect URL of a relying party, and its service provider has another access URL; or the
    registry has several, and the service provider none.

    Why: From 4.2.0 on only the service provider's URL counts. The vendor's client stops at such a difference. This tool
    keeps the service provider's; where that is empty it takes the registry's, of several the first in the alphabet.

    How found: Properties of /_system/config/identity/config/relyingPartyRedirectUrls, whose names are consumer keys or
    issuers, are compared with ACCESS_URL of SP_APP.

    How to mend: Set the right URL as the access URL of the service provider in the management console.
    """
    home = subject.home("identity")
    subject.saw_rows("service providers", home, "sp_app")
    urls = _redirect_urls(subject)
    if not urls:
        return
    query = (
        select(
            SERVICE_PROVIDER.c.id,
            SERVICE_PROVIDER.c.tenant_id,
            SERVICE_PROVIDER.c.access_url,
            INBOUND_AUTH.c.inbound_auth_key,
        )
        .join(INBOUND_AUTH, INBOUND_AUTH.c.app_id == SERVICE_PROVIDER.c.id)
        .order_by(SERVICE_PROVIDER.c.id)
    )
    for row in subject.sessions[home].stream(query):
        known = urls.get((row.tenant_id, row.inbound_auth_key), set())
        own = (row.access_url or "").strip()
        if (own and known - {own}) or len(known) > 1:
            domain = subject.domain(row.tenant_id)
            yield Finding(
                f"Relying party {row.inbound_auth_key} of tenant {domain} has "
                f"{f'the access URL {own}' if own else 'no access URL'}, the registry has {', '.join(sorted(known))}.",
                place=Row(home, "SP_APP", "ACCESS_URL", f"ID={row.id}"),
                tenant=domain,
                item=f"{domain}/{row.inbound_auth_key}",
            )


def _redirect_urls(subject: Subject) -> dict[tuple[int, str], set[str]]:
    """Redirect URLs by tenant and relying party."""
    folder, _, name = _URLS.rpartition("/")
    here = or_(
        and_(PATH.c.reg_path_value == folder, RESOURCE_PROPERTY.c.reg_resource_name == name),
        and_(PATH.c.reg_path_value == _URLS, blank(RESOURCE_PROPERTY.c.reg_resource_name)),
    )
    query = (
        select(PATH.c.reg_tenant_id, PROPERTY.c.reg_name, PROPERTY.c.reg_value)
        .join(RESOURCE_PROPERTY, linked_path())
        .join(PROPERTY, linked_property())
        .where(here, ~blank(PROPERTY.c.reg_value))
    )
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    for row in subject.sessions[subject.home("config")].stream(query):
        found[row.reg_tenant_id, row.reg_name].add(row.reg_value.strip())
    return found


_POLICIES = f"{G}/repository/identity/entitlement/policy"


@rule(
    "IDN044",
    Severity.INFO,
    title="access policies that were never published",
    repair=Repair.AUTOMATIC,
    problems=("id-xacml-no-pdp",),
    sources=("wso2/product-is#28478",),
)
def unpublished_policies(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has XACML policies (pap), and the folder of published ones (pdp) was never made.

    Why: The Identity Server's client of 7.1 stops at such a tenant. This tool leaves the policies as they are; it
    matters only if the Identity Server is the key manager and is upgraded by its own client.

    How found: Folders of the registry with policies, tenant by tenant.

    How to mend: Nothing has to be done here. Before the Identity Server's own upgrade publish one policy, or make the
    empty folder, in its console.
    """
    subject.saw("tenants", len(subject.tenants))
    folders: dict[int, set[str]] = defaultdict(set)
    query = select(PATH.c.reg_tenant_id, PATH.c.reg_path_value).where(
        PATH.c.reg_path_value.in_([f"{_POLICIES}/pap", f"{_POLICIES}/pdp"])
    )
    for row in subject.shared.stream(query):
        folders[row.reg_tenant_id].add(row.reg_path_value)
    policies = (
        select(PATH.c.reg_tenant_id, func.count(distinct(RESOURCE.c.reg_name)).label("many"))
        .join(RESOURCE, resource_path())
        .where(PATH.c.reg_path_value == f"{_POLICIES}/pap", RESOURCE.c.reg_name.is_not(None))
        .group_by(PATH.c.reg_tenant_id)
        .order_by(PATH.c.reg_tenant_id)
    )
    for row in subject.shared.stream(policies):
        if f"{_POLICIES}/pdp" not in folders[row.reg_tenant_id]:
            domain = subject.domain(row.reg_tenant_id)
            yield Finding(
                f"Tenant {domain} has {plural(row.many, 'XACML policy', 'XACML policies')}, none of them published.",
                place=Spot(f"{_POLICIES}/pap"),
                tenant=domain,
            )
