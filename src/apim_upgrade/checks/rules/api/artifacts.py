"""Rules about the artifacts of APIs and the rows they belong to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import and_, exists, func, select

from apim_upgrade.checks.artifacts import ArtifactFacts
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import PRODUCT, blank
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN
from apim_upgrade.tables.api import API, API_DEFAULT_VERSION

_CONTEXT = re.compile(r"(/[A-Za-z0-9._~\-]+|/\{version\})+")


@rule("API001", Severity.MAJOR, title="artifact that cannot be read")
def broken_artifact(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifact of an API, the XML that the registry keeps it in, is no XML, is not an artifact, or does not say
    which API it is of.

    Why: No portal can open the API, no gateway artifact can be made of it. The upgrade leaves such an API as it is and
    says so; all others go on.

    How found: The artifacts of all working copies are read. They need provider, name and version.

    How to mend: Restore the artifact from a backup of the registry, or delete the API in the old release. Saving the
    API in the old publisher writes the artifact anew, where it can still be opened.
    """
    subject.saw("API artifacts", len(subject.artifacts))
    for found in subject.artifacts:
        if found.broken or found.missing:
            why = found.broken or f"it has no {' and no '.join(found.missing)}"
            yield Finding(
                f"{found.api}: its artifact cannot be used, {why}.",
                place=Spot(found.path),
                api=found.api,
                severity=by_state(found.api),
            )


@rule("API002", Severity.MINOR, title="context or type that AM_API and the artifact give differently")
def differing_artifact(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API and the artifact in the registry name different contexts or types for an API.

    Why: Portals show the one and gateways route by the other. Both are carried over as they are.

    How found: Row and artifact of every API are compared. Products are left out, their contexts have another form in
    every release; so are APIs without a type, which are told by API003.

    How to mend: Save the API once in the publisher of the old release, which writes both.
    """
    subject.saw("API artifacts", len(subject.artifacts))
    untyped = _untyped(subject)
    for found in subject.artifacts:
        api = found.api
        if api.id is None or found.broken or PRODUCT.upper() in (api.type, found.type.upper()):
            continue
        said = []
        if found.context and api.context and found.context != api.context:
            said.append(f"context {api.context} in AM_API and {found.context} in the artifact")
        if found.type and found.type.upper() != api.type and api.id not in untyped:
            said.append(f"type {api.type} in AM_API and {found.type} in the artifact")
        if said:
            yield Finding(f"{api}: {' and '.join(said)}.", place=Row("am", "AM_API", key=f"API_ID={api.id}"), api=api)


def _untyped(subject: Subject) -> frozenset[int]:
    """The ids of the APIs whose row has no type; the index takes them for HTTP."""
    return frozenset(row.api_id for row in subject.am.stream(select(API.c.api_id).where(blank(API.c.api_type))))


@rule("API003", Severity.MAJOR, title="API without a type", problems=("reg-overview-type-null",))
def no_type(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API.API_TYPE or the type in the artifact is empty. Releases before 3.0.0 did not keep the type, and estates
    that came from there may still lack it.

    Why: A server of 4.0.0 or later decides by the type what an API is; without it, SOAP and WebSocket APIs are taken
    for REST APIs, and products for nothing at all.

    How found: Rows and artifacts with an empty type or the text NULL.

    How to mend: Save the API in the old publisher. Where only AM_API lacks the type, the upgrade takes it from the
    artifact and nothing has to be done.
    """
    subject.saw("APIs", len(subject.apis))
    untyped = _untyped(subject)
    artifacts = {found.api.id: found for found in subject.artifacts if not found.broken}
    taken = [subject.apis.by_id[api_id] for api_id in sorted(untyped) if api_id in artifacts and artifacts[api_id].type]
    if taken:
        yield Finding(
            f"{plural(len(taken), 'row')} of AM_API without a type{such_as(taken)}.",
            "Nothing: the upgrade takes the type from the artifact.",
            Row("am", "AM_API", "API_TYPE"),
            item="AM_API.API_TYPE",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )
    for found in artifacts.values():
        if found.type or found.api.id is None:
            continue
        likely = "SOAP, as it has a WSDL" if found.wsdl else "HTTP"
        known = found.api.id not in untyped
        yield Finding(
            f"{found.api}: its artifact has no type; it is {found.api.type if known else f'probably {likely}'}.",
            place=Spot(found.path),
            api=found.api,
            severity=Severity.MINOR if known else by_state(found.api),
        )


@rule(
    "API004",
    Severity.MAJOR,
    title="UUID of an API that is missing, or not its artifact's",
    problems=("api-uuid-missing",),
    sources=("wso2/api-manager#995",),
)
def uuids(subject: Subject) -> Iterator[Finding]:
    """
    What: Two artifacts of a tenant have one UUID, and AM_API has not got both; or, from 4.0.0 on, AM_API.API_UUID is
    empty or differs from the UUID of the artifact; or AM_API.STATUS is empty.

    Why: From 4.0.0 on everything knows an API by its UUID, and it has to be unique. An API whose row and artifact do
    not have the same one is in no portal and on no gateway.

    How found: UUIDs of the artifacts are compared within each tenant, and from 4.0.0 on with AM_API. Before 4.0.0
    AM_API has none; the upgrade fills them, REG001 tells the rows that will get none, and REG011 those that would get
    the same.

    How to mend: Find out which of two artifacts AM_API knows and remove the other in the old server. Where row and
    artifact differ, the UUID of the artifact is right: set AM_API.API_UUID to it, after a look at the tables that refer
    to the old value (AM_REVISION, AM_GW_API_ARTIFACTS). An empty STATUS is filled by the upgrade.
    """
    subject.saw("APIs", len(subject.apis))
    seen: dict[tuple[int, str], ArtifactFacts] = {}
    for found in subject.artifacts:
        other = seen.setdefault((found.tenant_id, found.uuid), found)
        if other is not found and None in (other.api.id, found.api.id):
            yield Finding(
                f"{found.api}: its artifact has the UUID {found.uuid}, as {other.path} has.",
                place=Spot(found.path),
                api=found.api,
            )
    if not subject.has("am", "am_api", "api_uuid"):
        return
    for api, artifact in subject.apis.estranged:
        yield Finding(
            f"{api}: AM_API has the UUID {api.uuid or '(none)'}, its artifact {artifact.uuid}.",
            place=Row("am", "AM_API", "API_UUID", f"API_ID={api.id}"),
            api=api,
        )
    stateless = subject.am.all(select(func.count()).select_from(API).where(blank(API.c.status)))[0][0]
    if stateless:
        yield Finding(
            f"{plural(stateless, 'row')} of AM_API without a status.",
            "Nothing: the upgrade takes the status from the artifact.",
            Row("am", "AM_API", "STATUS"),
            item="AM_API.STATUS",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )


@rule(
    "API005",
    Severity.MINOR,
    title="contexts or names that differ only in upper and lower case",
    problems=("api-context-case-dup",),
    sources=("wso2/product-apim#7528",),
)
def spellings(subject: Subject) -> Iterator[Finding]:
    """
    What: Two APIs of one tenant have contexts, or names, that differ in nothing but upper and lower case.

    Why: Old releases let them in; newer ones refuse to import or copy such an API. On a DBMS that compares without case
    one hides the other.

    How found: Contexts, without their version, and names of all APIs of a tenant are compared with and without case.

    How to mend: Rename one of the two when its consumers allow; nothing breaks until it is imported or copied anew.
    """
    subject.saw("APIs", len(subject.apis))
    for what in ("context", "name"):
        groups: dict[tuple[str, str], dict[str, Api]] = defaultdict(dict)
        for api in subject.apis:
            text = api.context.removesuffix(f"/{api.version}") if what == "context" else api.name
            groups[api.tenant, text.lower()].setdefault(text, api)
        for (tenant, folded), spelt in groups.items():
            if len(spelt) > 1:
                texts = sorted(spelt)
                first = spelt[texts[0]]
                yield Finding(
                    f"The {what}s {' and '.join(texts)} of tenant {tenant} differ only in case.",
                    place=Row("am", "AM_API", what.upper() if what == "context" else "API_NAME", f"API_ID={first.id}"),
                    tenant=tenant,
                    item=f"{tenant}/{what} {folded}",
                )


@rule(
    "API006",
    Severity.MINOR,
    title="malformed context",
    problems=("api-malformed-context",),
    sources=("wso2/api-manager#1758",),
)
def malformed_context(subject: Subject) -> Iterator[Finding]:
    """
    What: A context has characters that a path should not have, does not begin with a slash, or, in a tenant, not with
    `/t/` and the tenant's domain.

    Why: Gateways route by it: such an API is deployed and fails when it is called, or answers for no tenant.

    How found: AM_API.CONTEXT of all APIs; products are only looked at for their characters, because the form of their
    contexts differs from release to release.

    How to mend: Make a new API with a proper context from this one, move its subscribers, and retire it. The upgrade
    carries it over as it is.
    """
    subject.saw("APIs", len(subject.apis))
    for api in subject.apis:
        wrong = ""
        prefix = f"/t/{api.tenant}/"
        if not api.context.startswith("/"):
            wrong = "does not begin with a slash"
        elif not _CONTEXT.fullmatch(api.context):
            wrong = "has characters that a path should not have"
        elif api.tenant != SUPER_TENANT_DOMAIN and api.type != PRODUCT.upper() and not api.context.startswith(prefix):
            wrong = f"does not begin with {prefix}, as a tenant's should"
        if wrong:
            yield Finding(
                f"{api}: its context {api.context!r} {wrong}.",
                place=Row("am", "AM_API", "CONTEXT", f"API_ID={api.id}"),
                api=api,
            )


@rule("API007", Severity.MAJOR, title="context that several APIs have")
def shared_context(subject: Subject) -> Iterator[Finding]:
    """
    What: Two APIs have exactly the same context, version included.

    Why: A gateway can only route to one of them: which one depends on the order in which they are deployed.

    How found: AM_API.CONTEXT of all APIs and products of all tenants.

    How to mend: Decide which of them is called, and delete the other or give it a context of its own.
    """
    subject.saw("APIs", len(subject.apis))
    groups: dict[str, list[Api]] = defaultdict(list)
    for api in subject.apis:
        if api.type != PRODUCT.upper():
            groups[api.context].append(api)
    for context, apis in groups.items():
        if context and len(apis) > 1:
            on_gateways = sum(by_state(api) is None for api in apis)
            yield Finding(
                f"The context {context} belongs to {plural(len(apis), 'API')}{such_as(apis)}.",
                place=Row("am", "AM_API", "CONTEXT", f"API_ID={apis[0].id}"),
                tenant=apis[0].tenant,
                item=f"{apis[0].tenant}{context}",
                severity=None if on_gateways > 1 else Severity.MINOR,
            )


@rule("API008", Severity.INFO, title="default version of an API that is gone", repair=Repair.AUTOMATIC)
def gone_default_version(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API_DEFAULT_VERSION names an API or a version that AM_API does not have.

    Why: Nothing breaks: such rows are remains of deleted APIs. They are carried over, and their tenant is told from the
    provider's name.

    How found: Rows of AM_API_DEFAULT_VERSION whose name, provider and version are in no row of AM_API.

    How to mend: Nothing has to be done. Who wants them gone deletes the rows in the old release.
    """
    default = API_DEFAULT_VERSION
    subject.saw_rows("default versions", "am", default.name)
    same = and_(
        API.c.api_name == default.c.api_name,
        API.c.api_provider == default.c.api_provider,
        API.c.api_version == default.c.default_api_version,
    )
    number, first = few(
        subject.am,
        select(default.c.api_name, default.c.default_api_version, default.c.api_provider).where(~exists().where(same)),
        default.c.api_name,
        default.c.api_provider,
    )
    if number:
        names = (f"{row.api_name} {row.default_api_version} of {row.api_provider}" for row in first)
        yield Finding(
            f"{plural(number, 'row')} of AM_API_DEFAULT_VERSION of APIs that are gone{such_as(names)}.",
            place=Row("am", "AM_API_DEFAULT_VERSION"),
            item="AM_API_DEFAULT_VERSION",
        )
