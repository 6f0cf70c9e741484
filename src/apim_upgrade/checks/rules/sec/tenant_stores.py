"""Key stores of tenants, as they lie in the registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from apim_upgrade import registry
from apim_upgrade.checks.subject import Subject
from apim_upgrade.tables.registry import PATH, PROPERTY, RESOURCE, RESOURCE_PROPERTY

FOLDER = f"{registry.G}/repository/security/key-stores"
SECRETS = ("password", "privatekeyPass")
"""The properties that hold a password, encrypted with the internal key store."""


@dataclass(frozen=True, slots=True)
class TenantStore:
    """One key store of a tenant."""

    tenant_id: int
    domain: str
    name: str
    content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """Where it lies."""
        return registry.join(FOLDER, self.name)


def tenant_stores(subject: Subject) -> Iterator[TenantStore]:
    """Every key store of every tenant, streamed."""
    query = registry.files().where(PATH.c.reg_path_value == FOLDER, RESOURCE.c.reg_name.like("%.jks"))
    for row in subject.shared.stream(query.order_by(RESOURCE.c.reg_tenant_id, RESOURCE.c.reg_name), batch=100):
        domain = subject.domain(row.tenant_id)
        yield TenantStore(row.tenant_id, domain, row.name, bytes(row.content or b""))


def stored_passwords(subject: Subject) -> Iterator[tuple[int, str, str, str]]:
    """(tenant id, name of the key store, property, stored value) of every password, one query for all tenants."""
    query = (
        select(
            RESOURCE_PROPERTY.c.reg_tenant_id,
            RESOURCE_PROPERTY.c.reg_resource_name,
            PROPERTY.c.reg_name,
            PROPERTY.c.reg_value,
        )
        .join(PATH, registry.linked_path())
        .join(PROPERTY, registry.linked_property())
        .where(PATH.c.reg_path_value == FOLDER, PROPERTY.c.reg_name.in_(SECRETS))
        .order_by(RESOURCE_PROPERTY.c.reg_tenant_id, PROPERTY.c.reg_name, PROPERTY.c.reg_id)
    )
    for row in subject.shared.stream(query):
        yield row.reg_tenant_id, row.reg_resource_name or "", row.reg_name, row.reg_value or ""
