"""Which roles there are, as far as the databases tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass

from sqlalchemy import select

from apim_upgrade.checks.subject import Subject
from apim_upgrade.tables.user import UM_HYBRID_ROLE, UM_ROLE

_HYBRID = frozenset({"internal", "application", "workflow"})


@dataclass(frozen=True, slots=True)
class KnownRoles:
    """
    The roles of every tenant, in lower case: the product compares roles without case.

    Roles of a secondary user store, and of a primary one that is a directory, are in no database of these: they are
    taken to exist.
    """

    hybrid: Mapping[int, Set[str]]
    """With their domain, such as ``internal/creator``."""
    primary: Mapping[int, Set[str]]

    def may_exist(self, tenant_id: int, role: str) -> bool:
        """Say whether a role exists, or may for all one can know."""
        name = role.strip().lower().removeprefix("primary/")
        domain, slash, _ = name.partition("/")
        if slash and domain in _HYBRID:
            return name in self.hybrid.get(tenant_id, frozenset())
        own = self.primary.get(tenant_id, frozenset())
        return bool(slash) or not own or name in own


def known_roles(subject: Subject) -> KnownRoles:
    """Read the roles of all tenants."""
    session = subject.sessions[subject.home("user")]
    hybrid: dict[int, set[str]] = defaultdict(set)
    for row in session.stream(select(UM_HYBRID_ROLE.c.um_role_name, UM_HYBRID_ROLE.c.um_tenant_id)):
        name = row.um_role_name.lower()
        hybrid[row.um_tenant_id].add(name if "/" in name else f"internal/{name}")
    primary: dict[int, set[str]] = defaultdict(set)
    for row in session.stream(select(UM_ROLE.c.um_role_name, UM_ROLE.c.um_tenant_id)):
        primary[row.um_tenant_id].add(row.um_role_name.lower())
    return KnownRoles(hybrid, primary)
