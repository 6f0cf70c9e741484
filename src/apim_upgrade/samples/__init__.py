"""
Believable estates of any size, for the demo, tests and benchmarks.

``write`` makes the stock schema of a release in two empty databases and fills it; the same arguments give the same
rows. Names, companies and keys are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from apim_upgrade.databases import Database
from apim_upgrade.engine import Session
from apim_upgrade.releases import Release
from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.releases.model import fold
from apim_upgrade.samples.apis import Apis
from apim_upgrade.samples.applications import Applications
from apim_upgrade.samples.blemishes import spoil
from apim_upgrade.samples.certificates import PASSWORD, key_store
from apim_upgrade.samples.clients import add_rest_client
from apim_upgrade.samples.estate import Estate
from apim_upgrade.samples.governance import write_governance
from apim_upgrade.samples.identity import write_identity
from apim_upgrade.samples.plan import plan_apis
from apim_upgrade.samples.registry import Registry
from apim_upgrade.samples.shape import Shape, Summary
from apim_upgrade.samples.tenant_files import write_tenant_files
from apim_upgrade.samples.tenants import write_tenants
from apim_upgrade.samples.writer import Clock, Writer
from apim_upgrade.schema import create_statements

__all__ = ["Shape", "Summary", "truststore", "write", "write_estate"]


def write(
    release: Release,
    am: Database,
    shared: Database,
    *,
    apis: int = 100,
    tenants: int = 2,
    applications_per_api: int = 3,
    tokens_per_api: int = 5,
    seed: int = 1,
    blemishes: bool = False,
) -> Summary:
    """
    Fill two empty databases with a sample estate of ``release``; ``tenants`` counts those besides the super tenant.

    Raises KnowledgeError when there is no schema of the release, EnvironmentProblem when a database refuses.
    """
    shape = Shape(release, apis, tenants, applications_per_api, tokens_per_api, seed, blemishes)
    return write_estate(shape, am, shared)


def truststore(am: Database) -> bytes:
    """
    Return the ``client-truststore.jks`` that the home of a sample estate would have; its password is the packs'.

    Up to 3.2.0 it is the only place where the certificates of endpoints lie.
    """
    with am.read() as session:
        return key_store(PASSWORD, (row.alias for row in session.all("SELECT alias FROM AM_CERTIFICATE_METADATA")))


def write_estate(shape: Shape, am: Database, shared: Database) -> Summary:
    """Fill two empty databases with the estate of a shape."""
    databases = (am, shared)
    # Keys to other tables and indexes come last: so rows may come in any order, and the whole loads much faster.
    # Tables and rows are transactions of their own, because some servers commit at every change of a table.
    with _sessions(databases) as sessions:
        for name, session in sessions.items():
            for statement in create_statements(session.kind, shape.release, name):
                if not _comes_last(statement):
                    session.execute(statement)
    with _sessions(databases) as sessions, ExitStack() as stack:
        writers = {}
        for name, session in sessions.items():
            tables = catalogue(session.kind, shape.release, name).tables.values()
            columns = {fold(table.name): tuple(fold(column.name) for column in table.columns) for table in tables}
            writers[name] = stack.enter_context(Writer(session, columns))
        _fill(Estate(shape, writers[am.name], writers[shared.name], Clock()))
        for writer in writers.values():
            writer.finish()
    with _sessions(databases) as sessions:
        for name, session in sessions.items():
            for statement in create_statements(session.kind, shape.release, name):
                if _comes_last(statement):
                    session.execute(statement)
    spoilt = spoil(shape.release, {each.name: each for each in databases}) if shape.blemishes else ()
    written: dict[str, int] = {}
    for writer in writers.values():
        written |= writer.written
    return Summary(written, spoilt)


@contextmanager
def _sessions(databases: Sequence[Database]) -> Iterator[dict[str, Session]]:
    with ExitStack() as stack:
        yield {database.name: stack.enter_context(database.write()) for database in databases}


def _comes_last(statement: str) -> bool:
    return not statement.startswith(("CREATE TABLE", "CREATE SEQUENCE", "ALTER SEQUENCE"))


def _fill(estate: Estate) -> None:
    write_tenants(estate)
    registry = Registry(estate)
    governance = {}
    for tenant in estate.tenants:
        write_identity(estate, tenant)
        add_rest_client(estate, tenant)
        governance[tenant.id] = write_governance(estate, tenant)
        write_tenant_files(estate, registry, tenant)
    apis = Apis(estate, registry, governance)
    applications = Applications(estate, governance)
    for tenant in estate.tenants:
        applications.write_subscribers(tenant)
    for api in plan_apis(estate, governance):
        apis.write(api)
        applications.write(api)
