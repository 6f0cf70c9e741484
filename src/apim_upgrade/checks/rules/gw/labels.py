"""The rule about gateway labels of 3.x."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, such_as
from apim_upgrade.checks.rules.gw.queries import NEVER
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.migrations.v4_0_0.access_urls import virtual_hosts
from apim_upgrade.tables.api import LABEL, LABEL_URL


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
        if (found.state or found.status) in NEVER:
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
