"""Rules about configuration that lies in the databases, CFG020 to CFG029."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

from lxml import etree
from sqlalchemy import func, or_, select

from apim_upgrade import registry
from apim_upgrade.checks.model import Finding, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.registry_files import workflows
from apim_upgrade.tables.identity import CONSUMER_APP
from apim_upgrade.tables.registry import PATH, RESOURCE

_HOST = re.compile(r"https?://([^/:|)\s\\]+)")
_PORTALS = ("apim_publisher", "apim_devportal", "apim_admin_portal")
_OLD_PORTALS = ("_publisher", "_store")
_PRODUCT = "org.wso2.carbon.apimgt."


@rule(
    "CFG020",
    Severity.MAJOR,
    title="portal login that calls back another host",
    needs=("target_configuration",),
    problems=("cfg-callback-hostname",),
)
def portal_callbacks(subject: Subject) -> Iterator[Finding]:
    """
    What: The client of a portal was registered with the host of the old server, and the target has another one.

    Why: Nobody can log in: "Registered callback does not match with the provided url". The portals register only when
    they find no client of theirs.

    How found: CALLBACK_URL of the clients apim_publisher, apim_devportal and apim_admin_portal, against server.hostname
    and the portals' URLs in `check.target_configuration`.

    How to mend: After the upgrade write the new host into IDN_OAUTH_CONSUMER_APPS.CALLBACK_URL (keep the form of the
    regular expression), or delete the row of AM_SYSTEM_APPS with its service provider, and log in once.
    """
    hosts = _hosts(subject)
    home = subject.home("identity")
    name = CONSUMER_APP.c.app_name
    query = select(CONSUMER_APP.c.id, name, CONSUMER_APP.c.tenant_id, CONSUMER_APP.c.callback_url).where(
        or_(name.in_(_PORTALS), *(name.like(f"%{portal}") for portal in _PORTALS + _OLD_PORTALS)),
        func.length(CONSUMER_APP.c.callback_url) > 0,
    )
    for row in subject.sessions[home].stream(query.order_by(CONSUMER_APP.c.tenant_id, CONSUMER_APP.c.id)):
        subject.saw("clients")
        named = {host.lower() for host in _HOST.findall(row.callback_url)}
        if named and not named & hosts:
            domain = subject.domain(row.tenant_id)
            yield Finding(
                f"{row.app_name} of tenant {domain} calls back {', '.join(sorted(named))}; the target is "
                f"{', '.join(sorted(hosts))}.",
                place=Row(home, "IDN_OAUTH_CONSUMER_APPS", "CALLBACK_URL", f"ID={row.id}"),
                tenant=domain,
                item=f"{domain}/{row.app_name}",
            )
    subject.saw("clients", 0)


def _hosts(subject: Subject) -> set[str]:
    """Every host that the target's portals may have."""
    document = subject.target_configuration
    urls = [setting(document, key) for key in ("apim.devportal.url", "apim.publisher.url", "apim.admin.url")]
    named = [urlsplit(str(url)).hostname for url in urls if url]
    return {str(setting(document, "server.hostname", "localhost")).lower(), *(host for host in named if host)}


@rule(
    "CFG021",
    Severity.MAJOR,
    title="workflow-extensions.xml that lacks workflows of the target",
    problems=("cfg-workflow-extensions-old", "cus-custom-jars"),
)
def old_workflow_extensions(subject: Subject) -> Iterator[Finding]:
    """
    What: The workflow configuration of a tenant does not name every workflow that the target knows, is no XML, or names
    classes of your own.

    Why: Servers keep an existing file. A workflow without an executor stops with a null pointer, for instance when
    somebody subscribes. Classes of your own have to be rebuilt for the target.

    How found: `workflow-extensions.xml` of every tenant's registry against the elements that each release's own file
    has. What 3.2.0 knows already and the file lacks is major; what only came later is told as information.

    How to mend: Add the missing elements with the executors of the target's own file in the management console. A file
    that nobody edited may be deleted there: the server writes its own at the next start.
    """
    wanted = {name: since for name, since in workflows().items() if since <= subject.target}
    later: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    classes: defaultdict[str, set[str]] = defaultdict(set)
    query = registry.files().where(
        PATH.c.reg_path_value == registry.D, RESOURCE.c.reg_name == "workflow-extensions.xml"
    )
    for row in subject.shared.stream(query.order_by(RESOURCE.c.reg_tenant_id), batch=50):
        subject.saw("workflow configurations")
        domain = subject.domain(row.tenant_id)
        place = Spot(registry.join(row.folder, row.name))
        try:
            root = etree.fromstring(bytes(row.content or b""), registry.xml_parser())
        except etree.XMLSyntaxError as error:
            yield Finding(
                f"The workflow configuration of tenant {domain} is not well-formed XML (line {error.lineno}).",
                "Mend it in the management console of the old release.",
                place,
                tenant=domain,
                item=domain,
            )
            continue
        there = {etree.QName(element).localname for element in root.iter() if isinstance(element.tag, str)}
        missing = {name: since for name, since in wanted.items() if name not in there}
        old = sorted(name for name, since in missing.items() if since <= _OLDEST)
        if old:
            yield Finding(
                f"The workflow configuration of tenant {domain} has no {', '.join(old)}.",
                place=place,
                tenant=domain,
                item=domain,
            )
        if len(missing) > len(old):
            later[tuple(sorted(set(missing) - set(old)))].append(domain)
        for element in root.iter():
            executor = element.get("executor", "") if isinstance(element.tag, str) else ""
            if executor and not executor.startswith(_PRODUCT):
                classes[executor].add(domain)
    for names, domains in later.items():
        yield Finding(
            f"The workflow configuration of {plural(len(domains), 'tenant')} ({', '.join(domains[:3])}"
            f"{', …' if len(domains) > 3 else ''}) has no {', '.join(names)}, which came later.",
            item=",".join(names),
            severity=Severity.INFO,
        )
    for name, owners in sorted(classes.items()):
        yield Finding(
            f"The workflow executor {name} of {plural(len(owners), 'tenant')} is not the product's.",
            f"Rebuild it for {subject.target} and put its jar there.",
            item=name,
            severity=Severity.MINOR,
        )


_OLDEST = Release(3, 2, 0)
