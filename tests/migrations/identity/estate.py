"""An estate as the identity steps find it, expanded, and readers of its rows by name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import insert

from apim_upgrade.databases import Database
from apim_upgrade.engine import ItemVerdict, Runner, RunRecord, Session, journal
from apim_upgrade.migrations import identity
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Choices, Tenant, Upgrade
from apim_upgrade.migrations.workspace import TENANT
from apim_upgrade.releases import Release
from apim_upgrade.schema import expand_steps, introspect
from conftest import Pair

STARTED = datetime(2026, 1, 2, 3, 4, 5)
LOCAL, OIDC = "http://wso2.org/claims", "http://wso2.org/oidc/claim"


def upgrade_of(pair: Pair, source: str, target: str, choices: Choices | None = None) -> Upgrade:
    """The upgrade of this estate."""
    with pair.shared.read() as session:
        found = session.all("SELECT um_id, um_domain_name, um_active FROM um_tenant ORDER BY um_id")
    tenants = (Tenant(SUPER_TENANT_ID, SUPER_TENANT_DOMAIN), *(Tenant(*row) for row in found))
    return Upgrade(Release.parse(source), Release.parse(target), STARTED, tenants, choices or Choices())


def upgrade_without_estate(source: str, target: str, choices: Choices | None = None) -> Upgrade:
    """An upgrade whose steps are looked at and not run."""
    return Upgrade(Release.parse(source), Release.parse(target), STARTED, (), choices or Choices())


def list_tenants(pair: Pair, upgrade: Upgrade) -> None:
    """Fill the workspace table of tenants, as the prepare steps do."""
    with pair.am.write() as session:
        TENANT.metadata.create_all(session._connection, tables=[TENANT])
        for tenant in upgrade.tenants:
            session.execute(
                insert(TENANT).values(tenant_id=tenant.id, domain=tenant.domain, active=bool(tenant.active))
            )


def expand(pair: Pair, upgrade: Upgrade) -> None:
    """Widen both schemas as an upgrade does before its data steps."""
    record = _record(upgrade)
    with pair.connected() as connected:
        for part, database in connected.items():
            with database.write() as session:
                journal.open_journal(session, record)
                live = introspect(session)
            Runner({part: database}, record).run(expand_steps("postgresql", live, upgrade.target, part, part))


def run(pair: Pair, upgrade: Upgrade) -> list[journal.Entry]:
    """Run every identity step with a new journal; return what each did."""
    record = _record(upgrade)
    for database in pair.by_name().values():
        with database.write() as session:
            journal.drop_journal(session)
            journal.open_journal(session, record)
    with pair.connected() as connected:
        Runner(connected, record).run(identity.steps(upgrade))
    entries: list[journal.Entry] = []
    for database in pair.by_name().values():
        with database.read() as session:
            entries += journal.read_entries(session)
    return entries


def _record(upgrade: Upgrade) -> RunRecord:
    return RunRecord("run", "0.1.0", str(upgrade.source), str(upgrade.target), "f" * 64, STARTED, "{}")


def verdicts(database: Database) -> dict[str, ItemVerdict]:
    with database.read() as session:
        return {verdict.item: verdict for _, verdict in journal.read_verdicts(session)}


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.all(query)]


def one(database: Database, query: str) -> object:
    return rows(database, query)[0][0]


def execute(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(statement)


CLAIM_TABLES = {
    "dialect": "SELECT tenant_id, dialect_uri FROM idn_claim_dialect",
    "claim": "SELECT c.tenant_id, dialect_uri, claim_uri FROM idn_claim c JOIN idn_claim_dialect d "
    "ON d.id = c.dialect_id AND d.tenant_id = c.tenant_id",
    "attribute": "SELECT c.tenant_id, dialect_uri, claim_uri, user_store_domain_name, attribute_name "
    "FROM idn_claim_mapped_attribute a JOIN idn_claim c ON c.id = a.local_claim_id AND c.tenant_id = a.tenant_id "
    "JOIN idn_claim_dialect d ON d.id = c.dialect_id",
    "property": "SELECT c.tenant_id, dialect_uri, claim_uri, property_name, property_value "
    "FROM idn_claim_property p JOIN idn_claim c ON c.id = p.local_claim_id AND c.tenant_id = p.tenant_id "
    "JOIN idn_claim_dialect d ON d.id = c.dialect_id",
    "mapping": "SELECT c.tenant_id, d.dialect_uri, c.claim_uri, ld.dialect_uri, l.claim_uri "
    "FROM idn_claim_mapping m JOIN idn_claim c ON c.id = m.ext_claim_id AND c.tenant_id = m.tenant_id "
    "JOIN idn_claim_dialect d ON d.id = c.dialect_id "
    "JOIN idn_claim l ON l.id = m.mapped_local_claim_id AND l.tenant_id = m.tenant_id "
    "JOIN idn_claim_dialect ld ON ld.id = l.dialect_id",
}
OIDC_CLAIMS = (
    "SELECT s.tenant_id, s.name, c.claim_uri FROM idn_oidc_scope_claim_mapping m "
    "JOIN idn_oauth2_scope s ON s.scope_id = m.scope_id "
    "JOIN idn_claim c ON c.id = m.external_claim_id AND c.tenant_id = s.tenant_id "
    f"JOIN idn_claim_dialect d ON d.id = c.dialect_id AND d.dialect_uri = '{OIDC}'"
)


NamedRows = dict[object, set[tuple[object, ...]]]
ClaimRows = dict[str, NamedRows]


def by_tenant(found: Iterable[tuple[object, ...]]) -> NamedRows:
    """Tenant → its rows."""
    answer: NamedRows = {}
    for tenant_id, *rest in found:
        answer.setdefault(tenant_id, set()).add(tuple(rest))
    return answer


def claim_rows(database: Database) -> ClaimRows:
    """Table → tenant → rows by name; fails on a row that joins another tenant's."""
    answer = {}
    with database.read() as session:
        for name, query in CLAIM_TABLES.items():
            found = [tuple(row) for row in session.all(query)]
            assert len(found) == _count(session, query)
            answer[name] = by_tenant(found)
    return answer


def _count(session: Session, query: str) -> int:
    table = query.split(" FROM ")[1].split()[0]
    return int(session.all(f"SELECT count(*) FROM {table}")[0][0])
