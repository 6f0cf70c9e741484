"""Rules about API products."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, or_, select

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.migrations.conventions import PRODUCT, blank
from apim_upgrade.releases import Release
from apim_upgrade.tables.api import API, API_PRODUCT_MAPPING, API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING, SHARED_SCOPE

_CURRENT = "Current API"


@rule(
    "API030",
    Severity.MAJOR,
    title="product that offers nothing, or operations that are gone",
    problems=("prod-export-npe",),
    sources=("wso2/product-apim#10176", "wso2/api-manager#2740"),
)
def empty_product(subject: Subject) -> Iterator[Finding]:
    """
    What: A product has no row in AM_API_PRODUCT_MAPPING, or some of its rows name operations that AM_API_URL_MAPPING
    does not have.

    Why: Gateways answer 404 for what a product does not offer. A product without operations is answered for by nobody.

    How found: The mapping rows of each product's working copy, and what they refer to.

    How to mend: Open the product in the publisher of the old release, choose its operations again and save it; delete
    the product if nobody needs it.
    """
    products = {api.id: api for api in subject.apis if api.type == PRODUCT.upper()}
    subject.saw("products", len(products))
    mapping = API_PRODUCT_MAPPING
    offered = exists().where(mapping.c.api_id == API.c.api_id, _of_working_copy(subject))
    for row in subject.am.stream(
        select(API.c.api_id).where(API.c.api_type == PRODUCT, ~offered).order_by(API.c.api_id)
    ):
        api = products.get(row.api_id)
        yield Finding(
            f"{api or row.api_id}: the product offers no operation.",
            place=Row("am", "AM_API_PRODUCT_MAPPING", key=f"API_ID={row.api_id}"),
            api=api,
            severity=by_state(api),
        )
    gone = (
        select(mapping.c.api_id, func.count(mapping.c.api_product_mapping_id).label("number"))
        .where(~exists().where(API_URL_MAPPING.c.url_mapping_id == mapping.c.url_mapping_id))
        .group_by(mapping.c.api_id)
        .order_by(mapping.c.api_id)
    )
    for row in subject.am.stream(gone):
        api = products.get(row.api_id)
        gone_ones = plural(row.number, "operation of the product is", "operations of the product are")
        yield Finding(
            f"{api or row.api_id}: {gone_ones} gone from AM_API_URL_MAPPING.",
            place=Row("am", "AM_API_PRODUCT_MAPPING", "URL_MAPPING_ID", f"API_ID={row.api_id}"),
            api=api,
            severity=by_state(api),
        )


def _of_working_copy(subject: Subject) -> ColumnElement[bool]:
    revision = API_PRODUCT_MAPPING.c.revision_uuid
    if not subject.has("am", API_PRODUCT_MAPPING.name, revision.name):
        return API_PRODUCT_MAPPING.c.api_id.is_not(None)
    return or_(blank(revision), revision == _CURRENT)


@rule("API031", Severity.MINOR, title="product that has lost operations", source_since="4.0.0")
def lost_operations(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API_URL_MAPPING has operations that belong to a product, and AM_API_PRODUCT_MAPPING does not list them.
    Servers up to 4.2.0 leave such rows when a product is saved whose member has an operation without tier or
    authentication scheme.

    Why: The product's definition still shows the operations, gateways answer 404 for them. That is so before the
    upgrade as well as after it.

    How found: Rows whose REVISION_UUID is the API_ID of a product, without a mapping row of the product.

    How to mend: Save the member API once, so that its operations get a scheme and a tier, then choose the operations in
    the product again and deploy it.
    """
    mapping, operation = API_PRODUCT_MAPPING, API_URL_MAPPING
    subject.saw_rows("operations", "am", operation.name)
    query = (
        select(API.c.api_id, func.count(operation.c.url_mapping_id).label("number"))
        .join_from(operation, API, operation.c.revision_uuid == cast(API.c.api_id, String(20)))
        .where(
            API.c.api_type == PRODUCT,
            ~exists().where(mapping.c.url_mapping_id == operation.c.url_mapping_id, mapping.c.api_id == API.c.api_id),
        )
        .group_by(API.c.api_id)
        .order_by(API.c.api_id)
    )
    for row in subject.am.stream(query):
        api = subject.api(row.api_id)
        yield Finding(
            f"{api or row.api_id}: the product has lost {plural(row.number, 'operation')}.",
            place=Row("am", "AM_API_URL_MAPPING", "REVISION_UUID", f"REVISION_UUID={row.api_id}"),
            api=api,
        )


_VERSIONED = Release(4, 3, 0)
_DEFAULTS = Release(4, 5, 0)
_MENDED = Release(4, 7, 0)


@rule(
    "API032",
    Severity.INFO,
    title="product without a version in its context",
    target_since="4.3.0",
    problems=("prod-context-without-version", "prod-default-version-404"),
    sources=("wso2/api-manager#3139", "wso2/api-manager#5150"),
)
def unversioned_products(subject: Subject) -> Iterator[Finding]:
    """
    What: Products that were made before 4.3.0 are called without a version: AM_API.CONTEXT_TEMPLATE is empty, and
    AM_API_DEFAULT_VERSION has no row of them.

    Why: 4.3.0 gave products versions. Its gateways, and those of 4.4.0, do not start with such products below the
    update level of October 2024. 4.5.0 and 4.6.0 take them for the default version, but below the update level of July
    2026 some answer 404 to calls without the version, at the latest after the product was saved.

    How found: Rows of AM_API of type APIProduct without a context template.

    How to mend: Use an update level of the target that has these corrections, and call each product without its version
    in the rehearsal. The upgrade leaves the rows as they are, because an empty template is how the target knows an
    older product.
    """
    subject.saw("products", sum(api.type == PRODUCT.upper() for api in subject.apis))
    number, first = few(
        subject.am,
        select(API.c.api_id).where(API.c.api_type == PRODUCT, blank(API.c.context_template)),
        API.c.api_id,
    )
    if not number:
        return
    if subject.target < _DEFAULTS:
        what = f"Gateways of {subject.target} need the update level of October 2024 to start with"
    elif subject.target < _MENDED:
        what = f"Gateways of {subject.target} may answer 404 to calls without a version of"
    else:
        what = "Call without a version, in the rehearsal,"
    yield Finding(
        f"{what} {plural(number, 'product')} from before 4.3.0{such_as(subject.api(row.api_id) for row in first)}.",
        place=Row("am", "AM_API", "CONTEXT_TEMPLATE"),
        item="products without a version",
    )


@rule(
    "API033",
    Severity.INFO,
    title="shared scope on operations of a product",
    source_since="4.0.0",
    target_since="4.3.0",
    until="4.5.0",
    problems=("api-shared-scope-product-revision",),
    sources=("wso2/api-manager#3139",),
)
def shared_scope_of_product(subject: Subject) -> Iterator[Finding]:
    """
    What: Operations of products, whose rows bear the product's API_ID in REVISION_UUID, use shared scopes.

    Why: Servers of 4.3.0 and 4.4.0 below the update level of October 2024 take that for a revision that does not exist;
    the page of a shared scope's usages fails.

    How found: Rows of AM_API_RESOURCE_SCOPE_MAPPING with a scope of AM_SHARED_SCOPE, whose operation is a product's.

    How to mend: Use an update level of the target that has the correction. The rows are as they should be.
    """
    subject.saw_rows("scopes", "am", SHARED_SCOPE.name)
    operation, used = API_URL_MAPPING, API_RESOURCE_SCOPE_MAPPING
    number, first = few(
        subject.am,
        select(used.c.scope_name, used.c.tenant_id)
        .distinct()
        .join_from(used, operation, operation.c.url_mapping_id == used.c.url_mapping_id)
        .join(API, operation.c.revision_uuid == cast(API.c.api_id, String(20)))
        .join(
            SHARED_SCOPE,
            and_(SHARED_SCOPE.c.name == used.c.scope_name, SHARED_SCOPE.c.tenant_id == used.c.tenant_id),
        )
        .where(API.c.api_type == PRODUCT),
        used.c.scope_name,
        used.c.tenant_id,
    )
    if number:
        names = (f"{row.scope_name} of {subject.domain(row.tenant_id)}" for row in first)
        yield Finding(
            f"{plural(number, 'shared scope')} on operations of products{such_as(names)}.",
            place=Row("am", "AM_API_RESOURCE_SCOPE_MAPPING", "SCOPE_NAME"),
            item="shared scopes of products",
        )


@rule(
    "API034",
    Severity.MAJOR,
    title="type of a product that is spelt otherwise",
    sources=("wso2/api-manager#3912",),
)
def misspelt_product(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API.API_TYPE of a product is not spelt APIProduct, as the servers of all releases write it.

    Why: Publishers compare the type as it is spelt: opening such a product fails. This tool does not take it for a
    product either.

    How found: Types that are APIProduct but for upper and lower case.

    How to mend: UPDATE AM_API SET API_TYPE = 'APIProduct' for the row. Do that in the old database before the upgrade.
    """
    subject.saw("products", sum(api.type == PRODUCT.upper() for api in subject.apis))
    query = select(API.c.api_id, API.c.api_type).where(
        func.upper(API.c.api_type) == PRODUCT.upper(), API.c.api_type != PRODUCT
    )
    for row in subject.am.stream(query.order_by(API.c.api_id)):
        api = subject.api(row.api_id)
        yield Finding(
            f"{api or row.api_id}: its type is spelt {row.api_type!r}.",
            place=Row("am", "AM_API", "API_TYPE", f"API_ID={row.api_id}"),
            api=api,
            severity=by_state(api),
        )
