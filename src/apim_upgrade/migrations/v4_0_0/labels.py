"""
Gateway labels of 3.x become gateway environments of the same tenant.

The label tables stay until ``commit``. Names repeat over tenants, so a label is known by its id, an environment by
(name, tenant).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, String, Text, column, exists, func, insert, literal, select, table

from apim_upgrade.engine import Phase, Session, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import owner_column
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, Upgrade
from apim_upgrade.migrations.v4_0_0.access_urls import VirtualHost, virtual_hosts
from apim_upgrade.releases import Release
from apim_upgrade.releases.value_fills import values_of_new_row
from apim_upgrade.tables.api import GATEWAY_ENVIRONMENT, LABEL, LABEL_URL, VHOST

_MARKS_ABSENCE = Release(4, 2, 0)


@dataclass(frozen=True, slots=True)
class _Environment:
    label_id: str
    name: str
    domain: str
    description: str | None
    hosts: list[VirtualHost]


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the step that makes an environment with its virtual hosts of every label."""
    if not upgrade.crosses("4.0.0"):
        return []
    environments = stage_table(
        "environment",
        Column("uuid", String(50)),
        Column("name", String(255)),
        Column("description", Text),
        Column("domain", String(255)),
    )
    hosts = stage_table(
        "vhost",
        Column("uuid", String(50)),
        *(
            Column(name, String(255))
            for name in ("host", "http_context", "http_port", "https_port", "ws_port", "wss_port")
        ),
    )
    marks_absence = upgrade.target >= _MARKS_ABSENCE

    def environment_rows(work: Work) -> Iterator[Sequence[object]]:
        for environment in _environments(work, upgrade, tell=True):
            yield environment.label_id, environment.name, environment.description, environment.domain

    def host_rows(work: Work) -> Iterator[Sequence[object]]:
        for environment in _environments(work, upgrade, tell=False):
            for host in environment.hosts:
                ports = (host.port(scheme, marks_absence=marks_absence) for scheme in ("http", "https", "ws", "wss"))
                yield environment.label_id, host.host, host.context or None, *ports

    owner = owner_column(GATEWAY_ENVIRONMENT, upgrade)
    usual = values_of_new_row(GATEWAY_ENVIRONMENT.name, upgrade.target)
    columns = ["uuid", "name", "display_name", "description", owner.name, *usual]
    known = exists().where(GATEWAY_ENVIRONMENT.c.uuid == environments.c.uuid)
    described = [part for part in hosts.columns if part.name != "uuid"]
    known_host = exists().where(VHOST.c.gateway_env_id == GATEWAY_ENVIRONMENT.c.id, VHOST.c.host == hosts.c.host)
    return [
        Step(
            "4.0.0/api-data/labels",
            "Turn gateway labels into gateway environments",
            "am",
            Phase.MIGRATE,
            (
                Stage(environments, environment_rows, "an environment per label"),
                Stage(hosts, host_rows, "a virtual host per host of the label's URLs"),
                Sql(
                    insert(table(GATEWAY_ENVIRONMENT.name, *map(column, columns))).from_select(
                        columns,
                        select(
                            environments.c.uuid,
                            environments.c.name,
                            environments.c.name.label("display_name"),
                            environments.c.description,
                            environments.c.domain,
                            *(literal(value).label(name) for name, value in usual.items()),
                        ).where(~known),
                    )
                ),
                Sql(
                    insert(VHOST).from_select(
                        ["gateway_env_id", *(part.name for part in described)],
                        select(GATEWAY_ENVIRONMENT.c.id, *described)
                        .join_from(hosts, GATEWAY_ENVIRONMENT, GATEWAY_ENVIRONMENT.c.uuid == hosts.c.uuid)
                        .where(~known_host),
                    )
                ),
            ),
            touches=select(func.count()).select_from(LABEL),
            tables=("am_gateway_environment", "am_gw_vhost"),
        )
    ]


def _environments(work: Work, upgrade: Upgrade, *, tell: bool) -> Iterator[_Environment]:
    """Yield what the labels become; with ``tell`` also the verdicts, so that they are told once."""
    session = work.sessions["am"]
    if not session.exists(LABEL.name):
        return
    taken = _taken(session, upgrade)
    urls: dict[str, list[str]] = {}
    for row in session.stream(select(LABEL_URL).order_by(LABEL_URL.c.label_id, LABEL_URL.c.access_url)):
        urls.setdefault(row.label_id, []).append(row.access_url)
    for label in session.stream(select(LABEL).order_by(LABEL.c.tenant_domain, LABEL.c.name, LABEL.c.label_id)):
        domain = label.tenant_domain or SUPER_TENANT_DOMAIN
        item = f"{domain}/{label.name}"
        if not work.wants(item):
            continue
        hosts, problems = virtual_hosts(urls.get(label.label_id, ()))
        verdict = _verdict(label.name, upgrade, hosts, problems, taken.get((domain, label.name)), label.label_id)
        if tell:
            work.saw()
            if verdict is not None:
                {"failed": work.failed, "skipped": work.skipped, "noted": work.noted}[verdict[0]](item, *verdict[1:])
        if verdict is None or verdict[0] == "noted":
            yield _Environment(label.label_id, label.name, domain, label.description, hosts)


def _taken(session: Session, upgrade: Upgrade) -> dict[tuple[str, str], str]:
    owner = owner_column(GATEWAY_ENVIRONMENT, upgrade)
    query = select(owner.label("domain"), GATEWAY_ENVIRONMENT.c.name, GATEWAY_ENVIRONMENT.c.uuid)
    return {(row.domain, row.name): row.uuid for row in session.all(query)}


def _verdict(
    name: str, upgrade: Upgrade, hosts: list[VirtualHost], problems: list[str], taken_by: str | None, label_id: str
) -> tuple[str, str, str] | None:
    if name in upgrade.choices.environments:
        return (
            "skipped",
            "A gateway environment of this name stands in the new deployment.toml already.",
            "APIs with this label are deployed there; rename the configured one if the two are not the same.",
        )
    if taken_by not in (None, label_id):
        return "skipped", "The tenant has an environment of this name already.", "Compare its hosts with the label's."
    if not hosts:
        reason = "; ".join(problems) or "it has no access URL"
        return (
            "failed",
            f"The label has no usable access URL: {reason}.",
            "Correct the label's URL in AM_LABEL_URLS, then retry the failed items.",
        )
    if problems:
        return "noted", f"{'; '.join(problems)}.", "Look at the environment's hosts in the admin portal."
    return None
