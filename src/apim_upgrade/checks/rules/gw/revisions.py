"""Rules about revisions: deployed ones, and too many."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import LargeBinary, case, exists, func, literal, or_, select

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import ON_GATEWAYS, by_state, few, plural, such_as
from apim_upgrade.checks.rules.gw.queries import deployed
from apim_upgrade.checks.subject import Subject
from apim_upgrade.tables.api import API, DEPLOYMENT, GATEWAY_ARTIFACT, GATEWAY_DEPLOYMENT, REVISION

_REVISIONS = 5
"""How many revisions of an API the product keeps."""
_ZIP = b"PK"
"""How a zip begins."""


@rule(
    "GW004",
    Severity.MAJOR,
    title="deployed revision that gateways cannot load",
    source_since="4.0.0",
    problems=("gw-artifact-null",),
    sources=("wso2/product-apim#11284", "wso2/api-manager#4613"),
)
def no_artifact(subject: Subject) -> Iterator[Finding]:
    """
    What: A revision is deployed to an environment, and AM_GW_API_DEPLOYMENTS has no row of it, or AM_GW_API_ARTIFACTS
    has none or one that is no zip.

    Why: Gateways load APIs from these tables when they start. A running gateway may still have the API; the new one
    will not: "Storage returned null".

    How found: Rows of AM_DEPLOYMENT_REVISION_MAPPING are looked up in both tables; of the artifacts the first two bytes
    are read.

    How to mend: Undeploy the revision and deploy it again in the publisher of the old release, which writes both.
    """
    subject.saw_rows("deployments", "am", DEPLOYMENT.name)
    listed_there = exists().where(
        GATEWAY_DEPLOYMENT.c.api_id == API.c.api_uuid,
        GATEWAY_DEPLOYMENT.c.revision_id == DEPLOYMENT.c.revision_uuid,
        GATEWAY_DEPLOYMENT.c.label == DEPLOYMENT.c.name,
    )
    stored = exists().where(
        GATEWAY_ARTIFACT.c.api_id == API.c.api_uuid,
        GATEWAY_ARTIFACT.c.revision_id == DEPLOYMENT.c.revision_uuid,
        func.substr(GATEWAY_ARTIFACT.c.artifact, 1, len(_ZIP)) == literal(_ZIP, LargeBinary),
    )
    lacking = {"AM_GW_API_DEPLOYMENTS": ~listed_there, "AM_GW_API_ARTIFACTS": ~stored}
    told = (case((lacks, 1), else_=0).label(where.lower()) for where, lacks in lacking.items())
    for row in subject.am.stream(deployed(REVISION.c.id, *told).where(or_(*lacking.values()))):
        api = subject.api(row.api_id)
        where = [name for name in lacking if getattr(row, name.lower())]
        yield Finding(
            f"{api or row.api_id}: revision {row.id} is deployed to {row.name}, and {' and '.join(where)} "
            f"{'has' if len(where) == 1 else 'have'} nothing for it.",
            place=Row("am", where[0], key=f"API_ID={row.api_id}, REVISION={row.id}"),
            api=api,
            item=f"{api.item if api else row.api_id}/{row.id}/{row.name}",
            severity=by_state(api),
        )


@rule("GW005", Severity.INFO, title="API of a published state that runs nowhere", source_since="4.0.0")
def undeployed(subject: Subject) -> Iterator[Finding]:
    """
    What: An API or product is published, blocked, deprecated or prototyped, and no revision of it is deployed.

    Why: Gateways answer 404 for it, before the upgrade as well as after it. Somebody may take that for a fault of the
    upgrade.

    How found: Rows of AM_API in these states without a row in AM_DEPLOYMENT_REVISION_MAPPING.

    How to mend: Deploy a revision in the publisher, if anybody is to call it.
    """
    subject.saw("APIs", len(subject.apis))
    somewhere = exists().where(
        REVISION.c.api_uuid == API.c.api_uuid, DEPLOYMENT.c.revision_uuid == REVISION.c.revision_uuid
    )
    number, first = few(
        subject.am,
        select(API.c.api_id).where(func.upper(API.c.status).in_(sorted(ON_GATEWAYS)), ~somewhere),
        API.c.api_id,
    )
    if number:
        apis = such_as(subject.api(row.api_id) or row.api_id for row in first)
        yield Finding(
            f"{plural(number, 'API')} of a published state without a deployed revision{apis}.",
            place=Row("am", "AM_DEPLOYMENT_REVISION_MAPPING"),
            item="APIs that run nowhere",
        )


@rule("GW006", Severity.MINOR, title="more revisions than the product keeps", source_since="4.0.0")
def many_revisions(subject: Subject) -> Iterator[Finding]:
    """
    What: An API has more than five revisions.

    Why: The product keeps five, and makes no further one of such an API: nothing new can be deployed before one is
    deleted. Migrations that were run twice leave more.

    How found: Rows of AM_REVISION are counted by API.

    How to mend: Delete revisions that are not deployed, in the publisher.
    """
    subject.saw_rows("revisions", "am", REVISION.name)
    counted = (
        select(REVISION.c.api_uuid, func.count(REVISION.c.revision_uuid).label("number"))
        .group_by(REVISION.c.api_uuid)
        .having(func.count(REVISION.c.revision_uuid) > _REVISIONS)
        .order_by(REVISION.c.api_uuid)
    )
    for row in subject.am.stream(counted):
        api = subject.apis.by_uuid.get(row.api_uuid)
        yield Finding(
            f"{api or row.api_uuid}: it has {row.number} revisions.",
            place=Row("am", "AM_REVISION", key=f"API_UUID={row.api_uuid}"),
            api=api,
            item=api.item if api else row.api_uuid,
        )
