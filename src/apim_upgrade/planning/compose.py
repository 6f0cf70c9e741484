"""
The order of an upgrade: the one place that says what comes before what.

Expand, migrate, contract, once, however many releases lie between. Schema steps are functions of what a database *is*
and what the target wants, so they are composed again from the live schema whenever a run is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import Insert, String, exists, func, insert, literal, select, table

from apim_upgrade.engine import Phase, Sql, Step
from apim_upgrade.engine.journal import COUNT, PREFIX
from apim_upgrade.migrations import (
    artifact_edits,
    definition_repairs,
    identity,
    prepare,
    registry_types,
    reindex,
    repairs,
    value_fills,
)
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.v4_0_0 import (
    api_identity,
    deployments,
    endpoint_certificates,
    fault_sequences,
    gateway_artifacts,
    gateway_cache,
    icons_and_wsdls,
    key_managers,
    labels,
    product_operations,
    revisions,
    websocket,
)
from apim_upgrade.migrations.v4_1_0 import organizations, tenant_configuration, version_comparable
from apim_upgrade.migrations.v4_2_0 import life_cycle_configuration, lifecycle_status, sign_up
from apim_upgrade.releases import part_of
from apim_upgrade.schema import Schema, contract_steps, expand_steps, privilege_steps, quarantine_steps


class _Steps(Protocol):
    """A module of data steps."""

    def steps(self, upgrade: Upgrade) -> list[Step]:
        """Return what it does for this upgrade; nothing where it does not concern it."""
        ...


def opening_steps(upgrade: Upgrade, kind: str, live: Mapping[str, Schema]) -> list[Step]:
    """
    Everything up to the end of *expand*: count the rows, fill the workspace, widen the schema.

    ``live`` holds the schema of every database of the estate, by name.
    """
    steps = [_count_rows(name, schema) for name, schema in live.items()]
    steps += prepare.steps(upgrade)
    for name, schema in live.items():
        presumed = organizations.presumed_values(upgrade) if name == "am" else {}
        part = part_of(name, live)
        steps += expand_steps(kind, schema, upgrade.target, name, part, presumed)
    return steps


def data_steps(upgrade: Upgrade) -> list[Step]:
    """
    *Migrate*: the data steps of every release in between, on the expanded schema.

    Initial revisions come after everything that edits working copies, because a revision is a copy of one; NULL tiers
    and schemes are repaired before operations are copied, because the product finds copies by equality.
    """
    modules: tuple[_Steps, ...] = (
        identity,
        repairs,
        gateway_cache,
        labels,
        product_operations,
        endpoint_certificates,
        key_managers,
        api_identity,
        websocket,
        icons_and_wsdls,
        fault_sequences,
        organizations,
        tenant_configuration,
        sign_up,
        life_cycle_configuration,
        lifecycle_status,
        version_comparable,
        value_fills,
        artifact_edits,
        registry_types,
        definition_repairs,
        revisions,
        deployments,
        gateway_artifacts,
    )
    return [step for module in modules for step in module.steps(upgrade)]


def closing_steps(upgrade: Upgrade, kind: str, live: Mapping[str, Schema]) -> list[Step]:
    """*Contract* on the schema as it is after the data steps, then what only makes sense at the very end."""
    steps: list[Step] = []
    for name, schema in live.items():
        part = part_of(name, live)
        steps += quarantine_steps(kind, schema, upgrade.source, upgrade.target, name, part)
        steps += contract_steps(kind, schema, upgrade.target, name, part)
        steps += privilege_steps(kind, upgrade.target, name, part)
    return steps + reindex.steps(upgrade)


def _count_rows(database: str, live: Schema) -> Step:
    """Rows of every table before anything changes: what the proof of row conservation starts from."""
    names = sorted(name for name in live.tables if not name.startswith(PREFIX))
    return Step(
        f"prepare/{database}/count-rows",
        f"Count the rows of {len(names)} tables of {database}",
        database,
        Phase.PREPARE,
        tuple(Sql(_count(name), counts=False) for name in names),
    )


def _count(name: str) -> Insert:
    """
    Only the first count is of the rows before anything changed.

    MySQL 8.0.15 counts no row where the question stands beside the count itself, in its HAVING.
    """
    taken = exists().where(COUNT.c.table_name == name)
    rows = select(literal(name, String).label("name"), func.count().label("many")).select_from(table(name))
    counted = select(rows.subquery("counted")).where(~taken)
    return insert(COUNT).from_select(["table_name", "rows_before"], counted)
