"""
Operations of API products get rows of their own.

Up to 3.2.0 AM_API_PRODUCT_MAPPING names the member API's row of AM_API_URL_MAPPING. From 4.0.0 it names a copy whose
REVISION_UUID is the text of the product's API_ID; the copy keeps the member's API_ID, and its scopes.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, and_, cast, func, insert, literal, or_, select, update

from apim_upgrade.engine import Phase, Sql, Step
from apim_upgrade.migrations.conventions import blank
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.api import API_PRODUCT_MAPPING, API_RESOURCE_SCOPE_MAPPING, API_URL_MAPPING

CURRENT = "Current API"
_MARK = "apim-upgrade/"


def steps(upgrade: Upgrade) -> list[Step]:
    """
    Return the step that copies the operations, one copy per mapping row.

    A copy is marked with its mapping row's id while the step runs: equal operations cannot be mistaken for each
    other, whatever is NULL in them.
    """
    mapping, original, scope = API_PRODUCT_MAPPING, API_URL_MAPPING, API_RESOURCE_SCOPE_MAPPING
    copy = API_URL_MAPPING.alias("copied")
    mark = literal(_MARK, String) + cast(mapping.c.api_product_mapping_id, String)
    to_do = and_(
        original.c.url_mapping_id == mapping.c.url_mapping_id,
        blank(original.c.revision_uuid),
        or_(blank(mapping.c.revision_uuid), mapping.c.revision_uuid == CURRENT),
    )
    # Nothing leads from a mark to its row but the API of both.
    marked = and_(
        original.c.url_mapping_id == mapping.c.url_mapping_id,
        copy.c.api_id == original.c.api_id,
        copy.c.revision_uuid == mark,
    )
    copied: dict[str, ColumnElement[object]] = {
        name: original.c[name] for name in ("api_id", "http_method", "auth_scheme", "url_pattern", "throttling_tier")
    }
    return [
        Step(
            "4.0.0/api-data/product-operations",
            "Give API products operations of their own",
            "am",
            Phase.MIGRATE,
            (
                Sql(
                    insert(original).from_select(
                        [*copied, "revision_uuid"],
                        select(*copied.values(), mark).where(to_do).order_by(mapping.c.api_product_mapping_id),
                    ),
                    "a marked copy of the member's operation for every row of the product",
                ),
                Sql(
                    insert(scope).from_select(
                        ["scope_name", "url_mapping_id", "tenant_id"],
                        select(scope.c.scope_name, copy.c.url_mapping_id, scope.c.tenant_id)
                        .join_from(scope, mapping, mapping.c.url_mapping_id == scope.c.url_mapping_id)
                        .where(marked),
                    ),
                    "with the scopes of the original, in their tenant",
                    counts=False,
                ),
                Sql(
                    update(mapping).values(url_mapping_id=copy.c.url_mapping_id, revision_uuid=CURRENT).where(marked),
                    "the product names the copy",
                    counts=False,
                ),
                Sql(
                    update(original)
                    .values(revision_uuid=cast(mapping.c.api_id, String))
                    .where(
                        mapping.c.url_mapping_id == original.c.url_mapping_id,
                        original.c.revision_uuid.like(f"{_MARK}%"),
                    ),
                    "and the copy names the product instead of the mark",
                    counts=False,
                ),
            ),
            touches=select(func.count()).select_from(mapping) if upgrade.crosses("4.0.0") else None,
            tables=("am_api_url_mapping", "am_api_product_mapping", "am_api_resource_scope_mapping"),
        )
    ]
