"""REG010–REG019: what old releases and old habits left in the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.sql.selectable import Subquery

from apim_upgrade import registry
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural, size, such_as
from apim_upgrade.checks.settings import switched_on
from apim_upgrade.checks.subject import Subject
from apim_upgrade.databases.expressions import exact
from apim_upgrade.migrations.registry_types import with_fields
from apim_upgrade.releases.registry_files import type_fields
from apim_upgrade.tables.registry import ATTACHMENTS, LOG, PATH, RESOURCE

_KINDS = ("properties", "tags", "comments", "ratings")
"""What hangs on resources, in the order of ATTACHMENTS, as deployment.toml calls it."""
_HISTORY = ("reg_resource_history", "reg_content_history", "reg_snapshot")
_MANY = 1_000_000
"""So many rows make an upgrade noticeably longer."""


@rule(
    "REG010",
    Severity.MAJOR,
    title="rows that versioning of the registry left, or versioning switched on",
    problems=("db-registry-versioning-growth",),
    sources=("wso2/docs-apim#5175", "wso2/product-is#6693", "wso2/docs-apim#2821"),
)
def versioning(subject: Subject) -> Iterator[Finding]:
    """
    What: Properties, tags, comments or ratings hang on a version of their resource instead of on its path; values hang
    on nothing; tables of the history have rows; or the old deployment.toml switches versioning on.

    Why: Releases up to 2.6.0 versioned by default, later ones do not. A server without versioning looks by path only,
    and does not see what hangs on a version: access control of APIs, for one, is a property. Old versions and their
    values only cost room; there may be millions.

    How found: Links (REG_RESOURCE_PROPERTY and so on) without REG_PATH_ID: major if the version is that of a living
    resource, else minor. Values (REG_PROPERTY and so on) without any link, and rows of the history, are information,
    more than a million of the latter minor. static_configuration.versioning_… in check.configuration is major unless
    check.target_configuration has it too.

    How to mend: If versioning was on and is to be off, give such links the REG_PATH_ID and REG_RESOURCE_NAME of the
    resource with their REG_VERSION and tenant, set REG_VERSION to NULL, and delete links of versions that are gone; on
    a copy first. If versioning stays on, carry the switches over and change nothing.
    """
    subject.saw_rows("registry resources", "shared", "reg_resource")
    for (values, links), kind in zip(ATTACHMENTS, _KINDS, strict=True):
        by_version = links.c.reg_path_id.is_(None)
        lives = exists().where(
            RESOURCE.c.reg_version == links.c.reg_version, RESOURCE.c.reg_tenant_id == links.c.reg_tenant_id
        )
        total = _count(subject, links, by_version)
        living = _count(subject, links, by_version, lives) if total else 0
        if living:
            yield Finding(
                f"{living:,} {kind} hang on the present version of their resource and not on its path; a server "
                f"without versioning does not see them.",
                place=Row("shared", links.name.upper(), "REG_PATH_ID"),
                item=f"{links.name.upper()} living",
            )
        if total > living:
            yield Finding(
                f"{total - living:,} {kind} hang on versions of resources that are gone.",
                "Delete these links and their values in the old release, or leave them: nothing reads them.",
                Row("shared", links.name.upper(), "REG_PATH_ID"),
                item=f"{links.name.upper()} gone",
                severity=Severity.MINOR,
            )
        value_id, link_id = next(iter(values.c)), next(iter(links.c))
        linked = exists().where(link_id == value_id, links.c.reg_tenant_id == values.c.reg_tenant_id)
        loose = _count(subject, values, ~linked)
        if loose:
            yield Finding(
                f"{loose:,} {kind} hang on nothing.",
                "Delete them if you like; nothing reads them.",
                Row("shared", values.name.upper()),
                item=f"{values.name.upper()} loose",
                severity=Severity.INFO,
            )
    for name in _HISTORY:
        if subject.has("shared", name) and (rows := subject.rows_of("shared", name)):
            yield Finding(
                f"{name.upper()} has {rows:,} rows of old versions in {size(subject.facts['shared'][name].size)}.",
                "Empty it if nobody wants old versions of resources; nothing reads it while versioning is off.",
                Row("shared", name.upper()),
                item=name.upper(),
                severity=Severity.MINOR if rows > _MANY else Severity.INFO,
            )
    for kind in _KINDS:
        key = f"static_configuration.versioning_{kind}.enable"
        here, there = (switched_on(each, key) for each in (subject.configuration, subject.target_configuration))
        if here and not there:
            yield Finding(
                f"The old deployment.toml switches versioning of {kind} on ({key}).",
                "Carry the switch over to the target, or move the rows first.",
                item=key,
            )


def _count(subject: Subject, rows: Any, *where: ColumnElement[bool]) -> int:
    return int(subject.shared.all(select(func.count()).select_from(rows).where(*where))[0][0])


@rule(
    "REG011",
    Severity.BLOCKER,
    title="two APIs with one UUID",
    since="4.0.0",
)
def uuids_twice(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifacts of two APIs have the same UUID, as after a registry was copied by hand.

    Why: From 4.0.0 on AM_API keeps the UUID and it has to be unique; the key cannot be made.

    How found: REG_UUID of the artifacts of all APIs that AM_API has rows of. An artifact that has no row and the UUID
    of another one is told by API004.

    How to mend: Delete one of the two APIs in the old release, or export it, delete it and import it again: it gets a
    new UUID.
    """
    subject.saw("APIs", len(subject.artifacts))
    first: dict[str, Api] = {}
    for artifact in subject.artifacts:
        if artifact.api.id is None or not artifact.uuid:
            continue
        other = first.setdefault(artifact.uuid, artifact.api)
        if other.id != artifact.api.id:
            yield Finding(
                f"{artifact.api} has the UUID {artifact.uuid}, which {other} has too.",
                place=Spot(artifact.path),
                api=artifact.api,
            )


_ILLEGAL = re.compile(r"[~!@#;%^*()+={}|\\<>\"',]")
"""Characters that no path of the registry may have."""


@rule(
    "REG012",
    Severity.MAJOR,
    title="provider whose name the registry cannot spell",
    problems=("api-illegal-chars-provider",),
    sources=("wso2/api-manager#4907", "wso2/api-manager#4771"),
)
def illegal_paths(subject: Subject) -> Iterator[Finding]:
    """
    What: The path of an API has a character that paths may not have, such as the @ of its provider; or its provider is
    of a secondary user store (STORE/name).

    Why: Providers are stored with -AT- for @. Where a change of the provider left the plain character, new versions,
    documents and revisions of the API fail ("The path … contains one or more illegal characters"). A slash makes a
    folder more, and the API is not found where it is looked for.

    How found: Folders of artifacts are searched for such characters: major. Providers in AM_API with a slash: minor, as
    releases differ in how they spell them.

    How to mend: Change the provider of the API in the old release to a user whose name has none of these characters,
    and back if need be, so that the server writes the path anew.
    """
    subject.saw("APIs", len(subject.apis))
    for artifact in subject.artifacts:
        below = artifact.folder.removeprefix(f"{registry.PROVIDERS}/")
        if found := _ILLEGAL.search(below):
            yield Finding(
                f"{artifact.api}: its path has the character {found[0]}.", place=Spot(artifact.path), api=artifact.api
            )
    for api in subject.apis:
        if "/" in api.provider:
            yield Finding(
                f"{api} belongs to a user of a secondary user store.",
                "Look the API up in the registry after a rehearsal, and make a new version of it there.",
                Row("am", "AM_API", "API_PROVIDER", f"API_ID={api.id}"),
                api,
                severity=Severity.MINOR,
            )


@rule(
    "REG013",
    Severity.MINOR,
    title="published API that developers do not see",
    problems=("reg-enable-store-missing",),
    sources=("wso2/product-apim#8848",),
)
def hidden_apis(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifact of an API in state PUBLISHED has no field enableStore, or has it empty.

    Why: Since 3.2.0 the developer portal lists only APIs whose artifact says enableStore = true. Without it the API
    works and is in no list, as an upgrade from before 3.2.0 by hand leaves it.

    How found: The artifacts of published APIs. An API with "false" was hidden on purpose and is not told.

    How to mend: Save the API once in the publisher of the old release.
    """
    subject.saw("APIs", len(subject.artifacts))
    for artifact in subject.artifacts:
        state = artifact.api.state or artifact.status
        if not artifact.broken and state == "PUBLISHED" and artifact.in_store in (None, "", "null"):
            yield Finding(
                f"{artifact.api}: its artifact does not say that developers may see it.",
                place=Spot(artifact.path),
                api=artifact.api,
            )


_TYPES = f"{registry.G}/repository/components/org.wso2.carbon.governance/types"


@rule(
    "REG014",
    Severity.MAJOR,
    title="type definition of APIs that is old or cannot be read",
    problems=("reg-rxt-outdated",),
    sources=("wso2/product-apim#10225",),
)
def type_definitions(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant's type definition of APIs (api.rxt) lacks fields of the target, is no XML, or is missing although the
    tenant has APIs.

    Why: Servers do not add fields to a definition that is there, and some pages of the portals fail without them.
    Without any definition no API of the tenant can be read (Couldn't find GovernanceArtifactConfiguration of RXT).

    How found: api.rxt of every tenant with the fields that the target declares. Missing fields are information; one
    that cannot be read or edited is major; one that is missing is minor, because the server makes it when it loads
    the tenant.

    How to mend: Replace a definition that cannot be read with the target pack's repository/resources/rxts/api.rxt in
    the management console. Missing fields are added by the upgrade; fields of your own stay.
    """
    wanted = [field for field in type_fields() if field.since <= subject.target]
    query = registry.files().where(PATH.c.reg_path_value == _TYPES, RESOURCE.c.reg_name == "api.rxt")
    there, old = set(), []
    for row in subject.shared.stream(query.order_by(RESOURCE.c.reg_tenant_id), batch=50):
        domain = subject.domain(row.tenant_id)
        subject.saw("type definitions")
        there.add(domain)
        try:
            lacks = with_fields(bytes(row.content or b""), wanted) is not None
        except ValueError as error:
            yield Finding(
                f"The type definition of APIs of tenant {domain} cannot be edited: {error}.",
                "Replace it with the target pack's repository/resources/rxts/api.rxt in the management console.",
                Spot(f"{_TYPES}/api.rxt"),
                tenant=domain,
            )
            continue
        if lacks:
            old.append(domain)
    if old:
        yield Finding(
            f"The type definition of APIs lacks fields of {subject.target} in {plural(len(old), 'tenant')}"
            f"{such_as(old)}; the upgrade adds them.",
            "Nothing has to be done.",
            Spot(f"{_TYPES}/api.rxt"),
            item="api.rxt",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )
    subject.saw("tenants", len(subject.tenants))
    for domain in sorted({artifact.api.tenant for artifact in subject.artifacts} - there):
        yield Finding(
            f"Tenant {domain} has APIs and no type definition of them.",
            "Load the tenant once in the old release, or let the target's server make the file.",
            Spot(f"{_TYPES}/api.rxt"),
            tenant=domain,
            severity=Severity.MINOR,
        )


@rule(
    "REG015",
    Severity.INFO,
    title="log of the registry that the search index could not be built from",
    repair=Repair.AUTOMATIC,
    problems=("idx-old-solr-index",),
    sources=("carbon-registry: ResourceSubmitter",),
)
def log_for_the_index(subject: Subject) -> Iterator[Finding]:
    """
    What: REG_LOG tells the search indexer of paths that are gone, has as the newest row of a living resource one that
    the indexer passes over, or has no row at all of an API.

    Why: The target builds its index from this log alone. What the log does not tell of is in no list of the portals.

    How found: For every path in the log: whether its resource lives, and whether its newest row is one that the indexer
    heeds. For every API: whether there is such a row of its artifact.

    How to mend: Nothing has to be done: the upgrade's last step leaves one row that the indexer heeds for every living
    resource. Start the target with an empty index and a new value of [indexing] re_indexing.
    """
    subject.saw_rows("registry log rows", "shared", "reg_log")
    living = _living()
    heeded = LOG.c.reg_action.in_([int(action) for action in registry.INDEXING])
    newest = (
        select(
            LOG.c.reg_tenant_id,
            exact(LOG.c.reg_path).label("reg_path"),
            func.max(LOG.c.reg_log_id).label("newest"),
            func.max(case((heeded, LOG.c.reg_log_id))).label("heeded"),
        )
        .group_by(LOG.c.reg_tenant_id, exact(LOG.c.reg_path))
        .subquery("newest")
    )
    passed_over = or_(newest.c.heeded.is_(None), newest.c.newest != newest.c.heeded)
    query = select(
        func.count(case((living.c.path.is_(None), 1))).label("dead"),
        func.count(case((and_(living.c.path.is_not(None), passed_over), 1))).label("odd"),
    ).select_from(
        newest.outerjoin(living, and_(living.c.tenant_id == newest.c.reg_tenant_id, living.c.path == newest.c.reg_path))
    )
    (row,) = subject.shared.all(query)
    artifacts = (
        select(
            RESOURCE.c.reg_tenant_id.label("tenant_id"),
            PATH.c.reg_path_value.label("folder"),
            exact(PATH.c.reg_path_value + "/" + RESOURCE.c.reg_name).label("path"),
        )
        .join(PATH, registry.resource_path())
        .where(registry.working_artifact())
        .subquery("artifacts")
    )
    told = and_(newest.c.reg_tenant_id == artifacts.c.tenant_id, newest.c.reg_path == artifacts.c.path)
    forgotten = (
        select(func.count().label("many"), func.min(artifacts.c.folder).label("one"))
        .select_from(artifacts.outerjoin(newest, told))
        .where(newest.c.heeded.is_(None))
    )
    (lost,) = subject.shared.all(forgotten)
    for number, item, message in (
        (row.dead, "dead paths", f"REG_LOG has {row.dead:,} paths whose resource is gone."),
        (
            row.odd,
            "passed over",
            f"REG_LOG ends with a row that the index ignores for {plural(row.odd, 'living resource')}.",
        ),
        (lost.many, "forgotten APIs", f"REG_LOG has no row of {plural(lost.many, 'API')}, such as {lost.one}."),
    ):
        if number:
            yield Finding(message, place=Row("shared", "REG_LOG"), item=item)


def _living() -> Subquery:
    """Path and tenant of every living file and folder."""
    folder = case((PATH.c.reg_path_value == "/", ""), else_=PATH.c.reg_path_value)
    name = RESOURCE.c.reg_name
    path = case((name.is_(None), PATH.c.reg_path_value), else_=folder + "/" + name)
    return (
        select(RESOURCE.c.reg_tenant_id.label("tenant_id"), exact(path).label("path"))
        .join(PATH, registry.resource_path())
        .subquery("living")
    )


@rule(
    "REG016", Severity.INFO, title="folders of the registry that are gone but for their path", repair=Repair.AUTOMATIC
)
def dead_folders(subject: Subject) -> Iterator[Finding]:
    """
    What: REG_PATH has rows of folders that do not live any more, such as those of deleted APIs and of old queues.

    Why: Servers never delete them. They do no harm; a folder that is made anew takes its row up again.

    How found: Rows of REG_PATH without a row of REG_RESOURCE for the folder itself.

    How to mend: Nothing has to be done; the upgrade leaves them as they are.
    """
    subject.saw_rows("registry resources", "shared", "reg_resource")
    lives = exists().where(
        RESOURCE.c.reg_path_id == PATH.c.reg_path_id,
        RESOURCE.c.reg_tenant_id == PATH.c.reg_tenant_id,
        RESOURCE.c.reg_name.is_(None),
    )
    dead = _count(subject, PATH, ~lives)
    if dead:
        yield Finding(f"REG_PATH has {plural(dead, 'row')} of folders that are gone.", place=Row("shared", "REG_PATH"))
