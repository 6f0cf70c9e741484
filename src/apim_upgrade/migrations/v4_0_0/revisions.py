"""
Initial revisions: from 4.0.0 on a gateway deploys revisions, which 3.2.0 did not have.

Every API and product that was on a gateway gets revision 1: a copy of its registry folder, of its operations with
their scopes, of its client certificates and of its GraphQL complexities. The revision's UUID is that of the copied
``api`` resource. Runs after everything that edits working copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    Column,
    DateTime,
    FromClause,
    Integer,
    String,
    Subquery,
    Text,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)

from apim_upgrade.databases import name_uuid_of
from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.conventions import PRODUCT
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.v4_0_0.product_operations import CURRENT
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.registry import ARTIFACT as ARTIFACT_FILE
from apim_upgrade.registry import REVISIONS, copy_folders, split
from apim_upgrade.tables.api import (
    API,
    API_CLIENT_CERTIFICATE,
    API_PRODUCT_MAPPING,
    API_RESOURCE_SCOPE_MAPPING,
    API_REVISION_METADATA,
    API_URL_MAPPING,
    GRAPHQL_COMPLEXITY,
    PUBLISHED_API,
    REVISION,
)
from apim_upgrade.tables.registry import PATH, RESOURCE

FIRST = 1
"""Number of the only revision that an upgrade makes."""
_NEVER_ON_A_GATEWAY = ("CREATED", "RETIRED")
_DESCRIPTION = "Initial Revision"

_COPIED = ("http_method", "auth_scheme", "url_pattern", "throttling_tier", "mediation_script")


def steps(upgrade: Upgrade) -> list[Step]:
    """Return the steps; they need AM_API.API_UUID and the product operations' own rows."""
    if not upgrade.crosses("4.0.0"):
        return []
    return [_folders(upgrade), _rows(upgrade), _operations(), _certificates(), _complexities(), _published()]


def _folders(upgrade: Upgrade) -> Step:
    copied = stage_table(
        "revision", Column("tenant_id", Integer), Column("source_folder", Text), Column("target_folder", Text)
    )
    return Step(
        "4.0.0/revisions/folders",
        "Copy the registry folder of every deployed API and product to its first revision",
        "shared",
        Phase.MIGRATE,
        (
            Stage(copied, _wanted_folders, "working copies without a revision"),
            *copy_folders(copied, upgrade.started),
        ),
    )


def _wanted_folders(work: Work) -> Iterator[Sequence[object]]:
    wanted = (
        select(ARTIFACT.c.tenant_id, ARTIFACT.c.api_uuid, ARTIFACT.c.folder, TENANT.c.domain)
        .join(API, API.c.api_uuid == ARTIFACT.c.api_uuid)
        .outerjoin(TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
        .where(
            ARTIFACT.c.status.not_in(_NEVER_ON_A_GATEWAY), ~exists().where(REVISION.c.api_uuid == ARTIFACT.c.api_uuid)
        )
        .order_by(ARTIFACT.c.tenant_id, ARTIFACT.c.api_uuid)
    )
    for row in work.sessions["am"].stream(wanted):
        work.saw()
        if row.domain is None:
            reason = f"It gets no revision: UM_TENANT does not know its tenant {row.tenant_id}, so no server opens it."
            work.skipped(f"tenant {row.tenant_id} {row.folder}", reason)
            continue
        yield row.tenant_id, row.folder, f"{REVISIONS}/{row.api_uuid}/{FIRST}"


def _rows(upgrade: Upgrade) -> Step:
    found = stage_table(
        "revision", Column("api_uuid", String(100)), Column("revision_uuid", String(100)), keys=[("api_uuid",)]
    )
    started = literal(upgrade.started, DateTime)
    revised = exists().where(REVISION.c.api_uuid == API.c.api_uuid)
    return Step(
        "4.0.0/revisions/rows",
        "Record the first revisions",
        "am",
        Phase.MIGRATE,
        (
            Stage(found, _found_revisions, "revisions that the registry has"),
            Sql(
                insert(REVISION).from_select(
                    ["id", "api_uuid", "revision_uuid", "description", "created_by", "created_time"],
                    select(
                        literal(FIRST), API.c.api_uuid, found.c.revision_uuid, literal(_DESCRIPTION), null(), started
                    )
                    .join(found, found.c.api_uuid == API.c.api_uuid)
                    .where(~revised)
                    .order_by(API.c.api_id),
                ),
                "revisions",
            ),
            Sql(
                insert(API_REVISION_METADATA).from_select(
                    ["api_uuid", "revision_uuid", "api_tier"],
                    select(REVISION.c.api_uuid, REVISION.c.revision_uuid, API.c.api_tier)
                    .join(API, API.c.api_uuid == REVISION.c.api_uuid)
                    .where(~exists().where(API_REVISION_METADATA.c.revision_uuid == REVISION.c.revision_uuid))
                    .order_by(API.c.api_id),
                ),
                "the tier each was made with",
                counts=False,
            ),
            Sql(
                update(API)
                .values(revisions_created=FIRST)
                .where(revised, func.coalesce(API.c.revisions_created, 0) < FIRST),
                "the number of the next revision",
                counts=False,
            ),
        ),
        tables=(REVISION.name, API_REVISION_METADATA.name, API.name),
    )


def _found_revisions(work: Work) -> Iterator[Sequence[object]]:
    """Take each revision's UUID from the registry itself: it is right for a folder of any origin."""
    copies = (
        select(PATH.c.reg_path_value, RESOURCE.c.reg_uuid)
        .join(
            RESOURCE,
            and_(
                RESOURCE.c.reg_path_id == PATH.c.reg_path_id,
                RESOURCE.c.reg_tenant_id == PATH.c.reg_tenant_id,
            ),
        )
        .where(
            PATH.c.reg_path_value.like(f"{REVISIONS}/%/{FIRST}"),
            RESOURCE.c.reg_name == ARTIFACT_FILE,
        )
    )
    for row in work.sessions["shared"].stream(copies):
        work.saw()
        yield split(split(row.reg_path_value)[0])[1], row.reg_uuid


def _originals() -> Subquery:
    """The working copies' operations, each with the revision it belongs to: of APIs, and of products their own rows."""
    copied = (API_URL_MAPPING.c[name] for name in ("url_mapping_id", "api_id", *_COPIED))
    found = select(REVISION.c.revision_uuid, *copied).join(API, API.c.api_uuid == REVISION.c.api_uuid)
    of_apis = found.join(
        API_URL_MAPPING, and_(API_URL_MAPPING.c.api_id == API.c.api_id, API_URL_MAPPING.c.revision_uuid.is_(None))
    )
    of_products = found.join(
        API_PRODUCT_MAPPING,
        and_(API_PRODUCT_MAPPING.c.api_id == API.c.api_id, API_PRODUCT_MAPPING.c.revision_uuid == CURRENT),
    ).join(API_URL_MAPPING, API_URL_MAPPING.c.url_mapping_id == API_PRODUCT_MAPPING.c.url_mapping_id)
    return union_all(of_apis, of_products).subquery("original")


def _numbered(operations: FromClause, name: str) -> Subquery:
    """
    Number every revision's operations in order of their ids.

    Copies are made in order of their originals and so get ids in that order: an original and its copy have the same
    number. This pairs them without comparing columns that may be NULL, or equal in two operations.
    """
    in_order = func.row_number().over(partition_by=operations.c.revision_uuid, order_by=operations.c.url_mapping_id)
    numbered = select(operations.c.revision_uuid, operations.c.url_mapping_id, in_order.label("number"))
    return numbered.where(operations.c.revision_uuid.is_not(None)).subquery(name)


def _operations() -> Step:
    original, copy, scope = _originals(), API_URL_MAPPING.alias("copy"), API_RESOURCE_SCOPE_MAPPING.alias("scope")
    before, after = _numbered(original, "before"), _numbered(copy, "after")
    return Step(
        "4.0.0/revisions/operations",
        "Copy operations, scopes and product memberships to the first revisions",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                insert(API_URL_MAPPING).from_select(
                    ["api_id", *_COPIED, "revision_uuid"],
                    select(original.c.api_id, *(original.c[each] for each in _COPIED), original.c.revision_uuid)
                    .where(~exists().where(copy.c.revision_uuid == original.c.revision_uuid))
                    .order_by(original.c.url_mapping_id),
                ),
                "operations",
            ),
            Sql(
                insert(API_RESOURCE_SCOPE_MAPPING).from_select(
                    ["scope_name", "url_mapping_id", "tenant_id"],
                    select(scope.c.scope_name, after.c.url_mapping_id, scope.c.tenant_id)
                    .join(before, before.c.url_mapping_id == scope.c.url_mapping_id)
                    .join(
                        after,
                        and_(after.c.revision_uuid == before.c.revision_uuid, after.c.number == before.c.number),
                    )
                    .where(
                        ~exists().where(
                            API_RESOURCE_SCOPE_MAPPING.c.scope_name == scope.c.scope_name,
                            API_RESOURCE_SCOPE_MAPPING.c.url_mapping_id == after.c.url_mapping_id,
                        )
                    )
                    .order_by(after.c.url_mapping_id, scope.c.scope_name),
                ),
                "their scopes",
                counts=False,
            ),
            Sql(
                insert(API_PRODUCT_MAPPING).from_select(
                    ["api_id", "url_mapping_id", "revision_uuid"],
                    select(API.c.api_id, API_URL_MAPPING.c.url_mapping_id, REVISION.c.revision_uuid)
                    .join(REVISION, REVISION.c.api_uuid == API.c.api_uuid)
                    .join(API_URL_MAPPING, API_URL_MAPPING.c.revision_uuid == REVISION.c.revision_uuid)
                    .where(
                        API.c.api_type == PRODUCT,
                        ~exists().where(API_PRODUCT_MAPPING.c.url_mapping_id == API_URL_MAPPING.c.url_mapping_id),
                    )
                    .order_by(API_URL_MAPPING.c.url_mapping_id),
                ),
                "memberships of products",
                counts=False,
            ),
        ),
        tables=(API_URL_MAPPING.name, API_RESOURCE_SCOPE_MAPPING.name, API_PRODUCT_MAPPING.name),
    )


def _certificates() -> Step:
    current, copy = API_CLIENT_CERTIFICATE.alias("current_copy"), API_CLIENT_CERTIFICATE.alias("copy")
    kept = ("tenant_id", "alias", "api_id", "certificate", "removed", "tier_name")
    return Step(
        "4.0.0/revisions/client-certificates",
        "Copy client certificates to the first revisions",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                insert(API_CLIENT_CERTIFICATE).from_select(
                    [*kept, "revision_uuid"],
                    select(*(current.c[each] for each in kept), REVISION.c.revision_uuid)
                    .join(API, API.c.api_id == current.c.api_id)
                    .join(REVISION, REVISION.c.api_uuid == API.c.api_uuid)
                    .where(
                        current.c.removed.is_(False),
                        or_(current.c.revision_uuid == CURRENT, current.c.revision_uuid.is_(None)),
                        ~exists().where(
                            copy.c.tenant_id == current.c.tenant_id,
                            copy.c.alias == current.c.alias,
                            copy.c.revision_uuid == REVISION.c.revision_uuid,
                        ),
                    )
                    .order_by(current.c.tenant_id, current.c.alias),
                )
            ),
        ),
        tables=(API_CLIENT_CERTIFICATE.name,),
    )


def _complexities() -> Step:
    current, copy = GRAPHQL_COMPLEXITY.alias("current_copy"), GRAPHQL_COMPLEXITY.alias("copy")
    kept = ("api_id", "type", "field", "complexity_value")
    return Step(
        "4.0.0/revisions/graphql-complexity",
        "Copy GraphQL complexities to the first revisions",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                insert(GRAPHQL_COMPLEXITY).from_select(
                    ["uuid", *kept, "revision_uuid"],
                    select(
                        name_uuid_of(REVISION.c.revision_uuid, current.c.uuid),
                        *(current.c[each] for each in kept),
                        REVISION.c.revision_uuid,
                    )
                    .join(API, API.c.api_id == current.c.api_id)
                    .join(REVISION, REVISION.c.api_uuid == API.c.api_uuid)
                    .where(
                        current.c.revision_uuid.is_(None),
                        ~exists().where(copy.c.revision_uuid == REVISION.c.revision_uuid),
                    )
                    .order_by(current.c.api_id, current.c.uuid),
                )
            ),
        ),
        tables=(GRAPHQL_COMPLEXITY.name,),
    )


def _published() -> Step:
    return Step(
        "4.0.0/revisions/published-apis",
        "List the APIs that gateways may ask for",
        "am",
        Phase.MIGRATE,
        (
            Sql(
                insert(PUBLISHED_API).from_select(
                    ["api_id", "tenant_domain", "api_provider", "api_name", "api_version", "api_type"],
                    select(
                        API.c.api_uuid,
                        TENANT.c.domain,
                        null(),
                        API.c.api_name,
                        API.c.api_version,
                        case((API.c.api_type == PRODUCT, PRODUCT), else_="http"),
                    )
                    .join(ARTIFACT, ARTIFACT.c.api_uuid == API.c.api_uuid)
                    .join(TENANT, TENANT.c.tenant_id == ARTIFACT.c.tenant_id)
                    .where(
                        exists().where(REVISION.c.api_uuid == API.c.api_uuid),
                        ~exists().where(PUBLISHED_API.c.api_id == API.c.api_uuid),
                    )
                    .order_by(API.c.api_id),
                )
            ),
        ),
        tables=(PUBLISHED_API.name,),
    )
