"""
Every row that belongs to a tenant says so in ORGANIZATION, the tenant's domain, from 4.1.0.

Portals list by organization, so a row without it is lost to its users. The tenant is never read off a provider's
name where anything better is known: the artifact's tenant for APIs, the subscriber's for applications.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Integer, String, column, exists, func, literal_column, select, table, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import ORGANIZATIONS, blank
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, Upgrade
from apim_upgrade.migrations.value_fills import filled_values, fills_of
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.tables.api import API, API_DEFAULT_VERSION, APPLICATION, SUBSCRIBER


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps that fill ORGANIZATION wherever it is missing; older upgrades may have left gaps as well."""
    if upgrade.target < ORGANIZATIONS:
        return []
    return [
        _apis(upgrade),
        _default_versions(upgrade),
        _applications(upgrade),
        _from_old_column("am_api_categories", "tenant_id", "category"),
        _from_old_column("am_gateway_environment", "tenant_domain", "environment"),
        _from_old_column("am_key_manager", "tenant_domain", "key manager"),
    ]


def _apis(upgrade: Upgrade) -> Step:
    stage = stage_table(
        "api_organization", Column("api_id", Integer), Column("domain", String(255)), keys=[("api_id",)]
    )
    domains = {tenant.domain for tenant in upgrade.tenants}

    def rows(work: Work) -> Iterator[Sequence[object]]:
        """APIs without artifact: all that is left is the provider's name."""
        lone = select(API.c.api_id, API.c.api_provider, API.c.api_name, API.c.api_version).where(
            blank(API.c.organization), ~exists().where(ARTIFACT.c.api_uuid == API.c.api_uuid)
        )
        for row in work.sessions["am"].stream(lone.order_by(API.c.api_id)):
            work.saw()
            domain = domain_of(row.api_provider or "", domains)
            work.noted(
                f"{row.api_provider}/{row.api_name}/{row.api_version}",
                f"It has no usable artifact that would tell its tenant; {domain} was read off the provider's name.",
                "Look whether that is right, above all where user names are e-mail addresses.",
            )
            yield row.api_id, domain

    return Step(
        "4.1.0/api-data/api-organizations",
        "Give every API its organization",
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "APIs whose tenant only the provider's name tells"),
            Sql(
                update(API)
                .values(organization=TENANT.c.domain)
                .where(
                    blank(API.c.organization),
                    ARTIFACT.c.api_uuid == API.c.api_uuid,
                    TENANT.c.tenant_id == ARTIFACT.c.tenant_id,
                ),
                "the artifact's tenant",
            ),
            Sql(
                update(API)
                .values(organization=stage.c.domain)
                .where(blank(API.c.organization), stage.c.api_id == API.c.api_id)
            ),
        ),
        touches=select(func.count()).select_from(API) if upgrade.crosses("4.1.0") else None,
        tables=(API.name,),
    )


def domain_of(provider: str, domains: set[str]) -> str:
    """Return the tenant domain at the end of a provider's name, carbon.super when what stands there is no tenant."""
    suffix = provider.rpartition("@")[2]
    return suffix if "@" in provider and suffix in domains else SUPER_TENANT_DOMAIN


def _default_versions(upgrade: Upgrade) -> Step:
    versions = API_DEFAULT_VERSION
    stage = stage_table(
        "version_organization",
        Column("default_version_id", Integer),
        Column("domain", String(255)),
        keys=[("default_version_id",)],
    )
    domains = {tenant.domain for tenant in upgrade.tenants}
    apis = (
        select(API.c.api_name, API.c.api_provider, func.min(API.c.organization).label("organization"))
        .where(~blank(API.c.organization))
        .group_by(API.c.api_name, API.c.api_provider)
        .subquery("owners")
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        query = (
            select(versions.c.default_version_id, versions.c.api_provider, apis.c.organization)
            .select_from(versions)
            .outerjoin(
                apis,
                (apis.c.api_name == versions.c.api_name) & (apis.c.api_provider == versions.c.api_provider),
            )
            .where(blank(versions.c.organization))
        )
        for row in work.sessions["am"].stream(query.order_by(versions.c.default_version_id)):
            work.saw()
            yield row.default_version_id, row.organization or domain_of(row.api_provider or "", domains)

    return Step(
        "4.1.0/api-data/default-version-organizations",
        "Give every default version the organization of its API",
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "the organization of the API that the default version is of"),
            Sql(
                update(versions)
                .values(organization=stage.c.domain)
                .where(blank(versions.c.organization), stage.c.default_version_id == versions.c.default_version_id)
            ),
        ),
        tables=(versions.name,),
    )


def presumed_values(upgrade: Upgrade) -> dict[tuple[str, str], str]:
    """
    Return what most applications will have in columns that come with this upgrade, as SQL.

    Estates have many applications, most of them in one tenant: those get their values with the column, and
    the step below writes the others only. Where nobody could look which tenant that is, nothing is presumed.
    """
    values: dict[tuple[str, str], str] = {}
    if upgrade.crosses("4.1.0") and upgrade.busiest:
        values[APPLICATION.name, "organization"] = _literal(upgrade.busiest)
        values |= {
            (fill.table, fill.column): _literal(fill.value)
            for fill in fills_of(upgrade, APPLICATION.name)
            if isinstance(fill.value, str)
        }
    return values


def _literal(value: str) -> str:
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def _applications(upgrade: Upgrade) -> Step:
    organization = APPLICATION.c.organization
    # A column that came with the upgrade holds what was presumed, right or wrong; an older one is the product's.
    wrong = organization.is_distinct_from(TENANT.c.domain) if upgrade.crosses("4.1.0") else blank(organization)
    exceptions = tuple(
        Sql(
            update(APPLICATION)
            .values({fill.column: None})
            .where(APPLICATION.c[fill.except_column].in_(fill.except_values), APPLICATION.c[fill.column] == fill.value),
            f"{fill.column} stays empty for these",
        )
        for fill in fills_of(upgrade, APPLICATION.name)
        if fill.except_column and upgrade.crosses("4.1.0")
    )

    subscriber_known = exists().where(
        SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id, SUBSCRIBER.c.tenant_id == TENANT.c.tenant_id
    )
    lost_again = (
        (Sql(update(APPLICATION).values(organization=None).where(~blank(organization), ~subscriber_known)),)
        if upgrade.crosses("4.1.0")
        else ()
    )

    def look(work: Work) -> None:
        lost = (
            select(SUBSCRIBER.c.tenant_id, func.count().label("number"))
            .join_from(APPLICATION, SUBSCRIBER, SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id)
            .where(blank(APPLICATION.c.organization))
            .group_by(SUBSCRIBER.c.tenant_id)
        )
        for row in work.sessions["am"].all(lost):
            work.noted(
                f"tenant {row.tenant_id}",
                f"{row.number} applications belong to a tenant that the shared database does not know.",
                "Nobody can log in there; delete the applications, or restore the tenant and fill ORGANIZATION.",
            )

    return Step(
        "4.1.0/api-data/application-organizations",
        "Give every application the organization of its subscriber",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                update(APPLICATION)
                .values({APPLICATION.c.organization.name: TENANT.c.domain} | filled_values(upgrade, APPLICATION))
                .where(
                    wrong,
                    SUBSCRIBER.c.subscriber_id == APPLICATION.c.subscriber_id,
                    TENANT.c.tenant_id == SUBSCRIBER.c.tenant_id,
                ),
                "one pass over the table, other new columns included",
            ),
            *exceptions,
            *lost_again,
            findings("lost_application", look, "applications of unknown tenants"),
        ),
        touches=select(func.count()).select_from(APPLICATION) if upgrade.crosses("4.1.0") else None,
        tables=(APPLICATION.name,),
    )


def _from_old_column(name: str, old: str, title: str) -> Step:
    """
    Return a step that carries an old tenant column over into ORGANIZATION.

    Whether the old one is still there depends on how the schema came to be (renamed, left behind by an earlier
    upgrade, never there), so the rows are asked. These tables are small.
    """
    target = table(name, column("uuid", String), column("organization", String))
    stage = stage_table(f"{name}_organization", Column("uuid", String(50)), Column("domain", String(255)))

    def rows(work: Work) -> Iterator[Sequence[object]]:
        session = work.sessions["am"]
        domains = {tenant.tenant_id: tenant.domain for tenant in session.all(select(TENANT))}
        for row in session.stream(select(literal_column("*")).select_from(target).where(blank(target.c.organization))):
            work.saw()
            owner = row._mapping.get(old)
            domain = domains.get(owner) if isinstance(owner, int) else owner
            if domain:
                yield row.uuid, domain
            else:
                work.failed(
                    f"{name.upper()} {row.uuid}",
                    f"Its tenant is not known ({old.upper()} is {owner!r}).",
                    "Write the tenant's domain into ORGANIZATION, or delete the row.",
                )

    return Step(
        f"4.1.0/api-data/{title.replace(' ', '-')}-organizations",
        f"Give every {title} its organization",
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "rows with the tenant that their old column names"),
            Sql(
                update(target)
                .values(organization=stage.c.domain)
                .where(stage.c.uuid == target.c.uuid, blank(target.c.organization))
            ),
        ),
        tables=(name,),
    )
