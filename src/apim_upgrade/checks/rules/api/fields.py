"""Rules about single fields of APIs that a release reads in another way than the one before."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, or_, select

from apim_upgrade import registry
from apim_upgrade.checks.model import Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.tables.api import API
from apim_upgrade.tables.registry import PATH, PROPERTY, RESOURCE, RESOURCE_PROPERTY

_AI = "AIAPI"


@rule(
    "API060",
    Severity.MINOR,
    title="gateway vendor that is not set, or the text 'null'",
    target_since="4.3.0",
    problems=("api-gateway-vendor-null",),
    sources=("wso2/carbon-apimgt#13076", "wso2/api-manager#3642"),
)
def gateway_vendor(subject: Subject) -> Iterator[Finding]:
    """
    What: The artifact of an API has the text null as its gateway vendor, or AM_API.GATEWAY_VENDOR is null or empty
    although the release has the column.

    Why: Servers of 4.3.0 to 4.5.0 below the update level of October 2024 do not show the deployments of such an API, or
    do not let it be saved. Later ones take it for wso2.

    How found: The field gatewayVendor of all artifacts; the column of AM_API from 4.1.0 on. Before 4.1.0 neither is
    there; the upgrade fills the column, and an artifact without the field is fine.

    How to mend: Save the API in the publisher of the old release, or UPDATE AM_API SET GATEWAY_VENDOR = 'wso2' where it
    is NULL.
    """
    subject.saw("APIs", len(subject.apis))
    for found in subject.artifacts:
        if found.gateway_vendor.lower() == "null":
            yield Finding(
                f"{found.api}: its artifact has the text {found.gateway_vendor!r} as gateway vendor.",
                place=Spot(found.path),
                api=found.api,
            )
    if not subject.has("am", "am_api", "gateway_vendor"):
        return
    number, first = few(
        subject.am,
        select(API.c.api_id).where(or_(blank(API.c.gateway_vendor), func.lower(API.c.gateway_vendor) == "null")),
        API.c.api_id,
    )
    if number:
        apis = such_as(subject.api(row.api_id) or row.api_id for row in first)
        yield Finding(
            f"{plural(number, 'row')} of AM_API without a gateway vendor{apis}.",
            "UPDATE AM_API SET GATEWAY_VENDOR = 'wso2' WHERE GATEWAY_VENDOR IS NULL; -- in the old am database",
            Row("am", "AM_API", "GATEWAY_VENDOR"),
            item="AM_API.GATEWAY_VENDOR",
        )


@rule(
    "API061",
    Severity.MAJOR,
    title="API without the stamp that orders versions",
    target_since="4.1.0",
    problems=("api-version-comparable-null",),
)
def version_comparable(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API.VERSION_COMPARABLE is empty although the release has the column.

    Why: From 4.1.0 on it orders the versions of an API. Without it a list of versions, or the restoring of a revision,
    ends in an error.

    How found: Rows of AM_API from 4.1.0 on. Before 4.1.0 the column is not there, and the upgrade stamps every API.

    How to mend: Change anything in the life cycle of the API in the old release, which writes the stamp; or set the
    column to the milliseconds of the creation time, as a text of 13 digits.
    """
    subject.saw("APIs", len(subject.apis))
    if not subject.has("am", "am_api", "version_comparable"):
        return
    for row in subject.am.stream(select(API.c.api_id).where(blank(API.c.version_comparable)).order_by(API.c.api_id)):
        api = subject.api(row.api_id)
        yield Finding(
            f"{api or row.api_id}: AM_API has no stamp of its version.",
            place=Row("am", "AM_API", "VERSION_COMPARABLE", f"API_ID={row.api_id}"),
            api=api,
            severity=by_state(api),
        )


@rule(
    "API062",
    Severity.MINOR,
    title="credentials for the backend in the form of old releases",
    problems=("api-endpoint-security-legacy",),
    sources=("wso2/product-apim#6909",),
)
def old_endpoint_security(subject: Subject) -> Iterator[Finding]:
    """
    What: An API has user and password for its backend in fields of the artifact's own, and none in its endpoint
    configuration, where servers of 4.0.0 and later keep them.

    Why: A server that reads only the endpoint configuration calls the backend without credentials, and gets 401.
    Servers since 2022 fall back to the old fields.

    How found: Artifacts with endpointSecured and without `endpoint_security` in endpointConfig.

    How to mend: Before 4.0.0 nothing: the gateway artifacts that the upgrade makes have them in the new form. From
    4.0.0 on, save the API in the publisher, then make and deploy a revision.
    """
    subject.saw("APIs", len(subject.apis))
    made = subject.crosses("4.0.0")
    old = [found for found in subject.artifacts if found.old_endpoint_security]
    if made and old:
        apis = [found.api for found in old]
        yield Finding(
            f"{plural(len(old), 'API')} with credentials for the backend in the old form{such_as(apis)}.",
            "Nothing: the gateway artifacts that the upgrade makes have them in the new form.",
            item="credentials in the old form",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )
    for found in () if made else old:
        yield Finding(
            f"{found.api}: its credentials for the backend are in the old form.",
            "Save the API in the publisher, then make and deploy a revision.",
            Spot(found.path),
            found.api,
        )


@rule(
    "API063",
    Severity.MAJOR,
    title="basic authentication without the name of its header",
    problems=("api-basic-auth-header-null",),
)
def no_authorization_header(subject: Subject) -> Iterator[Finding]:
    """
    What: An API takes user and password (`basic_auth`), and its artifact does not name the header that they come in.

    Why: Gateways of 4.x ask the artifact for the name, and refuse every call with basic authentication when there is
    none.

    How found: Artifacts with basic_auth in apiSecurity and an empty authorizationHeader. Tokens and API keys do not
    need the field.

    How to mend: Set the authorization header to Authorization in the publisher (run-time configuration of the API) and
    save; or set it for all APIs in deployment.toml, `[apim.oauth_config] auth_header`.
    """
    subject.saw("APIs", len(subject.apis))
    for found in subject.artifacts:
        if "basic_auth" in found.security and not found.has_authorization_header:
            yield Finding(
                f"{found.api}: it takes basic authentication and names no header for it.",
                place=Spot(found.path),
                api=found.api,
                severity=by_state(found.api),
            )


@rule(
    "API064",
    Severity.INFO,
    title="property of an API that the developer portal does not show",
    since="4.1.0",
    problems=("api-property-visibility",),
)
def hidden_properties(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs have properties of their own without the mark `__display`.

    Why: The developer portal shows marked ones only. Properties from before 3.2.0 have no mark, whether somebody wanted
    them hidden or not.

    How found: Names in REG_PROPERTY that begin with `api_meta.` and do not end in `__display`, of working copies.

    How to mend: Mark a property as shown in the publisher, if consumers should see it. The upgrade keeps every property
    as it is.
    """
    subject.saw("APIs", len(subject.apis))
    query = (
        select(PATH.c.reg_path_value, PROPERTY.c.reg_name)
        .select_from(PROPERTY)
        .join(RESOURCE_PROPERTY, registry.linked_property())
        .join(
            RESOURCE,
            and_(
                RESOURCE.c.reg_path_id == RESOURCE_PROPERTY.c.reg_path_id,
                RESOURCE.c.reg_tenant_id == RESOURCE_PROPERTY.c.reg_tenant_id,
                RESOURCE.c.reg_name == RESOURCE_PROPERTY.c.reg_resource_name,
            ),
        )
        .join(PATH, registry.resource_path())
        .where(
            PROPERTY.c.reg_name.startswith("api_meta.", autoescape=True),
            ~PROPERTY.c.reg_name.endswith("__display", autoescape=True),
            registry.working_artifact(),
        )
    )
    number, first = few(subject.shared, query, PATH.c.reg_path_value, PROPERTY.c.reg_name)
    if number:
        names = (
            f"{row.reg_name.removeprefix('api_meta.')} of {row.reg_path_value.removeprefix(registry.PROVIDERS + '/')}"
            for row in first
        )
        yield Finding(
            f"{plural(number, 'property', 'properties')} of APIs that the portal does not show{such_as(names)}.",
            place=Row("shared", "REG_PROPERTY", "REG_NAME"),
            item="hidden properties",
        )


@rule(
    "API065",
    Severity.MINOR,
    title="AI API from before 4.5.0",
    source_since="4.4.0",
    since="4.5.0",
    until="4.6.0",
    problems=("api-ai-api-endpoints-null",),
)
def ai_apis(subject: Subject) -> Iterator[Finding]:
    """
    What: An AI API that was made in 4.4.0 has no list of endpoints, which 4.5.0 brought.

    Why: Servers of 4.5.0 below the update level of March 2025 fail to deploy it.

    How found: AM_API.API_SUBTYPE is AIAPI.

    How to mend: Use an update level of the target that has the correction; deploy and call each of these APIs in the
    rehearsal.
    """
    subject.saw("APIs", len(subject.apis))
    if not subject.has("am", "am_api", "api_subtype"):
        return
    for row in subject.am.stream(select(API.c.api_id).where(API.c.api_subtype == _AI).order_by(API.c.api_id)):
        api = subject.api(row.api_id)
        yield Finding(
            f"{api or row.api_id}: it is an AI API of 4.4.0.",
            place=Row("am", "AM_API", "API_SUBTYPE", f"API_ID={row.api_id}"),
            api=api,
        )
