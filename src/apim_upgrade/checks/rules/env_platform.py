"""Rules about the platform of the target, ENV010 to ENV019: Java, operating system, clients, themes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, or_, select

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases.knowledge import release_facts
from apim_upgrade.tables.api import TENANT_THEME
from apim_upgrade.tables.identity import CONSUMER_APP


@rule(
    "ENV010",
    Severity.INFO,
    title="Java that the target runs on",
    problems=("cus-jdk-level",),
)
def java_of_the_target(subject: Subject) -> Iterator[Finding]:
    """
    What: The target's start script accepts other versions of Java than the old server's.

    Why: With another version the server does not start. Some updates (11.0.20, 17.0.8) refuse jars that 4.2.0 ships at
    its first update level ("invalid CEN header").

    How found: What the start scripts of both releases accept, and what the vendor tested.

    How to mend: Install a tested Java on every node of the target. For 4.2.0 on those updates take a newer update
    level, or -Djdk.util.zip.disableZip64ExtraFieldValidation=true.
    """
    subject.saw("releases", 2)
    facts = release_facts()
    old, new = facts[subject.source], facts[subject.target]
    if new.jdk_accepted != old.jdk_accepted:
        tested = f", tested with {', '.join(new.jdk_tested)}" if new.jdk_tested else ""
        yield Finding(
            f"{subject.target} runs on Java {', '.join(new.jdk_accepted)}{tested}; {subject.source} on "
            f"{', '.join(old.jdk_accepted)}.",
            item="java",
        )


@rule("ENV011", Severity.INFO, title="operating systems that the target was tested on")
def systems_of_the_target(subject: Subject) -> Iterator[Finding]:
    """
    What: The vendor tests each release on a few operating systems.

    Why: On others the product usually works, but support may ask for a tested one. Nodes that stay in use for the
    target may be older than what it was tested on.

    How found: The vendor's compatibility list of the target, as far as it is known.

    How to mend: Compare it with the nodes that the target is to run on.
    """
    subject.saw("releases")
    tested = release_facts()[subject.target].os_tested
    if tested:
        yield Finding(f"{subject.target} was tested on {', '.join(tested)}.", item="systems")


@rule(
    "ENV012",
    Severity.INFO,
    title="programs that use the product's REST APIs",
    problems=("cus-cicd-archives",),
)
def rest_clients(subject: Subject) -> Iterator[Finding]:
    """
    What: Programs registered themselves to use the product's REST APIs: pipelines, apictl, scripts.

    Why: Paths carry the version of the API, which changes from release to release, and archives that such programs
    import have another layout from 4.0.0 on.

    How found: Clients in IDN_OAUTH_CONSUMER_APPS with names as apictl and such scripts give (`rest_api_…`, `…apictl…`).

    How to mend: Take the apictl of the target's version, write the new paths into scripts, and try a pipeline on a
    rehearsal.
    """
    home = subject.home("identity")
    subject.saw_rows("clients", home, CONSUMER_APP.name)
    name = func.lower(CONSUMER_APP.c.app_name)
    query = select(CONSUMER_APP.c.app_name).where(
        or_(name.like("%rest\\_api%", escape="\\"), name.like("%apictl%"), name.like("%cicd%"), name.like("%jenkins%"))
    )
    number, samples = few(subject.sessions[home], query.distinct(), query.selected_columns[0])
    facts = release_facts()
    old, new = facts[subject.source].rest_api, facts[subject.target].rest_api
    moved = ", ".join(
        f"{api} {version} (was {before})"
        for api, version in new.items()
        if (before := _version(old.get(api) or old.get(_OLD_NAMES.get(api, ""), ""))) and before != _version(version)
    )
    if number and moved:
        yield Finding(
            f"{plural(number, 'client')} of the product's REST APIs{such_as(row[0] for row in samples)}: they find "
            f"other versions, {moved}.",
            place=Row(home, "IDN_OAUTH_CONSUMER_APPS", "APP_NAME"),
            item="clients",
        )


_OLD_NAMES = {"devportal": "store"}


def _version(text: str) -> str:
    """The version alone, without remarks."""
    return text.partition(" ")[0]


@rule(
    "ENV013",
    Severity.MINOR,
    title="theme that a tenant uploaded",
    problems=("cus-themes",),
)
def tenant_themes(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant has a theme of its own for the portals.

    Why: The portals are made anew with every release; keys of a theme and names of images change, and the theme may not
    be applied any more.

    How found: Rows of AM_TENANT_THEMES.

    How to mend: Look at the tenant's portals on a rehearsal; upload a theme made for the target where something is off.
    """
    if not subject.has("am", TENANT_THEME.name):
        return
    subject.saw_rows("themes", "am", TENANT_THEME.name)
    for row in subject.am.stream(select(TENANT_THEME.c.tenant_id).order_by(TENANT_THEME.c.tenant_id)):
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Tenant {domain} has a theme of its own.",
            place=Row("am", "AM_TENANT_THEMES", key=f"TENANT_ID={row.tenant_id}"),
            tenant=domain,
            item=domain,
        )
