"""``inspect``: what the databases hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import H2_JAR
from apim_upgrade.cli.output import make_table
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.vendors import Vendor

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.estate import Estate

_MANY = 12


def command(
    settings: Settings,
    source: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="RELEASE", help="The release the databases are of, where their schema leaves a doubt."
        ),
    ] = None,
    offline_script: Annotated[
        bool,
        typer.Option(
            "--offline-script", help="Print the query whose answer `plan --schema-file` reads; with --dialect."
        ),
    ] = False,
    dialect: Annotated[Vendor | None, typer.Option("--dialect", help="The DBMS that the query is for.")] = None,
    h2_jar: H2_JAR = None,
) -> None:
    """
    Show what the databases hold. Nothing is changed.

    Finds out the release, and counts tenants, APIs by type and state, applications, subscriptions, keys, tokens,
    revisions and registry resources. Tables of more than a million rows are not counted; the server's estimate is shown
    as "about". Databases that are no estate, not one estate, or half upgraded are refused. H2 files, and databases on
    Oracle, SQL Server and DB2, are copied into a throw-away PostgreSQL to be looked at.

    For Oracle, SQL Server and DB2 that cannot be connected to, --offline-script prints one query that a DBA runs on
    each database; it asks the data dictionary only.
    """
    if offline_script or dialect is not None:
        _offline_script(settings, offline_script, dialect)
        return
    from apim_upgrade.cli.reading import named, reading
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.estate import read_estate, require_path

    project = settings.read_project(h2_jar)
    told = source or (str(project.source) if project.source else None)
    with reading(settings, project, told) as databases:
        estate = named(read_estate(databases, told), project)
    warnings = list(estate.warnings)
    try:
        require_path(estate.release, project.target)
    except ProjectError as error:
        warnings.append(str(error))
    document = {
        **estate.as_json(),
        "target": str(project.target),
        "fingerprint": estate.fingerprint,
        "warnings": warnings,
    }
    settings.output.result("inspect", document, lambda: _text(estate, str(project.target)))
    for warning in warnings:
        settings.output.warn(warning)


def _offline_script(settings: Settings, wanted: bool, dialect: Vendor | None) -> None:
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.schema.shapes import question

    if not wanted or dialect is None:
        raise ProjectError(
            "--offline-script and --dialect belong together.",
            hint="Write: apim-upgrade inspect --offline-script --dialect oracle",
        )
    text = question(dialect.value)
    if settings.output.json:
        settings.output.result("offline-script", {"dialect": dialect.value, "script": text}, list)
    else:
        print(text, end="")


def _text(estate: Estate, target: str) -> Iterator[RenderableType]:
    yield (
        f"API Manager {estate.release} on {estate.kind} {estate.databases[0].server}".rstrip()
        + f"; to be upgraded to {target}"
    )
    for facts in estate.databases:
        yield f"  {facts.name}: {facts.address}"
    yield ""
    yield make_table(
        "Databases",
        ("database", "size", "tables", "of its own", "ahead", "missing"),
        (
            (
                facts.name,
                _size(facts.size),
                facts.tables,
                len(facts.own_tables),
                len(facts.ahead),
                len(facts.missing),
            )
            for facts in estate.databases
        ),
    )
    for facts in estate.databases:
        for title, names in (
            ("tables of no release, left alone", facts.own_tables),
            ("already there from later releases", facts.ahead),
            ("missing for this release", facts.missing),
        ):
            if names:
                more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
                yield f"{facts.name}: {title}: {', '.join(names[:_MANY])}{more}\n"
    yield make_table(
        "Tenants",
        ("tenant", "id", "APIs", "products", "revisions", "applications", "subscriptions", "keys", "resources"),
        (
            (
                tenant.tenant.domain + ("" if tenant.tenant.active else " (inactive)"),
                str(tenant.tenant.id),
                tenant.api_count,
                tenant.products,
                tenant.revisions,
                tenant.applications,
                tenant.subscriptions,
                tenant.keys,
                tenant.resources,
            )
            for tenant in estate.contents
        ),
    )
    yield _apis(estate)
    yield make_table(
        "Key managers",
        ("key manager", "tenant", "type", "enabled", "keys"),
        (
            (manager.name, tenant.tenant.domain, manager.type, "yes" if manager.enabled else "no", manager.keys)
            for tenant in estate.contents
            for manager in tenant.key_managers
        ),
        words=4,
    )
    environments = [
        (environment.name, tenant.tenant.domain, ", ".join(environment.hosts))
        for tenant in estate.contents
        for environment in tenant.environments
    ]
    if environments:
        yield make_table(
            "Gateway environments of the admin portal", ("environment", "tenant", "hosts"), environments, words=3
        )
    labels = [(label, tenant.tenant.domain) for tenant in estate.contents for label in tenant.labels]
    if labels:
        yield make_table("Gateway labels", ("label", "tenant"), labels, words=2)
    if estate.deployments:
        yield make_table("Deployed revisions", ("environment", "revisions"), estate.deployments)
    states = ", ".join(f"{number:,} {state}" for state, number in estate.token_states)
    yield f"Tokens: {estate.tokens}{f' ({states})' if states else ''}"
    yield f"Registry: {_size(estate.registry_bytes)} of contents, {estate.registry_log} log rows"


def _apis(estate: Estate) -> RenderableType:
    """Types down, states across, over all tenants."""
    numbers: Counter[tuple[str, str]] = Counter()
    for tenant in estate.contents:
        for count in tenant.apis:
            numbers[count.type, count.state] += count.apis
    states = sorted({state for _, state in numbers})
    types = sorted({kind for kind, _ in numbers})
    return make_table(
        "APIs and products by type and state",
        ("type", *states),
        ((kind, *(numbers[kind, state] or "" for state in states)) for kind in types),
    )


def _size(number: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 10_000:
            return f"{number:,} {unit}"
        number //= 1000
    return f"{number:,} TB"
