"""Files that lie at the same place in every tenant's registry."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, select

from apim_upgrade.engine import Work
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.registry.paths import split
from apim_upgrade.tables.registry import CONTENT, PATH, RESOURCE


def tenant_files(work: Work, database: str, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield (tenant domain, content) of a file of the registry in ``database``, by tenant, in order of their ids."""
    domains = {tenant.tenant_id: tenant.domain for tenant in work.sessions["am"].all(select(TENANT))}
    folder, name = split(path)
    files = (
        select(RESOURCE.c.reg_tenant_id, CONTENT.c.reg_content_data)
        .select_from(PATH)
        .join(
            RESOURCE,
            and_(RESOURCE.c.reg_path_id == PATH.c.reg_path_id, RESOURCE.c.reg_tenant_id == PATH.c.reg_tenant_id),
        )
        .join(
            CONTENT,
            and_(
                CONTENT.c.reg_content_id == RESOURCE.c.reg_content_id,
                CONTENT.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
            ),
        )
        .where(PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name)
        .order_by(RESOURCE.c.reg_tenant_id)
    )
    for row in work.sessions[database].stream(files, batch=50):
        if row.reg_tenant_id in domains:
            yield domains[row.reg_tenant_id], bytes(row.reg_content_data or b"")
