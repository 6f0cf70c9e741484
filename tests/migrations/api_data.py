"""Estates in the state in which data steps find them: workspace filled, schema expanded, journal open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import ItemVerdict, Runner, RunRecord, Step, journal
from apim_upgrade.migrations import prepare
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Choices, Tenant, Upgrade
from apim_upgrade.releases import Release
from apim_upgrade.schema import expand_steps, introspect
from conftest import Pair, Server

STARTED = datetime(2026, 1, 2, 3, 4, 5)
TABLES = {
    "am_api",
    "am_api_categories",
    "am_api_client_certificate",
    "am_api_comments",
    "am_api_default_version",
    "am_api_primary_ep_mapping",
    "am_api_product_mapping",
    "am_api_resource_scope_mapping",
    "am_api_url_mapping",
    "am_application",
    "am_application_key_mapping",
    "am_application_registration",
    "am_certificate_metadata",
    "am_gateway_environment",
    "am_gw_api_artifacts",
    "am_gw_published_api_details",
    "am_gw_vhost",
    "am_key_manager",
    "am_labels",
    "am_label_urls",
    "am_llm_provider",
    "am_policy_application",
    "am_policy_subscription",
    "am_subscriber",
    "am_system_configs",
    "idn_oauth_consumer_apps",
}
"""What the steps under test read or write: expanding only these keeps the tests quick."""


class Prepared:
    """A pair of databases with the upgrade that its data steps are made for."""

    def __init__(self, pair: Pair, source: str, target: str, **choices: Any) -> None:
        self.pair = pair
        with pair.shared.read() as session:
            rows = session.all("SELECT um_id, um_domain_name, um_active FROM um_tenant ORDER BY um_id")
        self.upgrade = Upgrade(
            Release.parse(source),
            Release.parse(target),
            STARTED,
            (Tenant(SUPER_TENANT_ID, SUPER_TENANT_DOMAIN), *(Tenant(row[0], row[1], row[2]) for row in rows)),
            replace(Choices(), **choices),
        )
        self.record = RunRecord("run-1", "0.1.0", source, target, "f" * 64, STARTED, "{}")

    def open(self) -> Prepared:
        """Open the journal, fill the workspace and expand the API-M database."""
        for database in (self.pair.am, self.pair.shared):
            with database.write() as session:
                journal.open_journal(session, self.record)
        with self.pair.am.read() as session:
            live = introspect(session)
        self.run(prepare.steps(self.upgrade))
        expand = expand_steps("postgresql", live, self.upgrade.target, "am", "am")
        self.run(step for step in expand if not step.tables or set(step.tables) & TABLES)
        return self

    def run(self, steps: Iterable[Step]) -> None:
        with self.pair.connected() as connected:
            Runner(connected, self.record).run(list(steps))

    def run_again(self, steps: Iterable[Step]) -> None:
        """Run steps a second time as if they had never been recorded."""
        again = [replace(step, name=f"again/{step.name}") for step in steps]
        self.run(again)

    def changes_nothing(self, module: Any, *tables: str) -> bool:
        """Say whether running the steps of a module once more leaves these tables as they are."""
        before = [self.table(name) for name in tables]
        self.run_again(module.steps(self.upgrade))
        return before == [self.table(name) for name in tables]

    def execute(self, *statements: str) -> None:
        with self.pair.am.write() as session:
            for statement in statements:
                session.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.pair.am.read() as session:
            return [tuple(row) for row in session.all(query)]

    def table(self, name: str) -> list[tuple[Any, ...]]:
        return sorted(self.rows(f"SELECT * FROM {name}"), key=repr)

    def verdicts(self, step: str) -> dict[str, ItemVerdict]:
        with self.pair.am.read() as session:
            return {item.item: item for name, item in journal.read_verdicts(session) if name == step}


Estates = Callable[..., Prepared]


@pytest.fixture
def prepared(databases: Server, real_estate: Callable[[str], Pair]) -> Iterator[Estates]:
    """``prepared("3.2.0", "4.7.0")``: a real estate ready for data steps; expanded once per worker, then cloned."""
    made: list[str] = []

    def make(source: str, target: str, **choices: Any) -> Prepared:
        keys = {part: f"prepared:{source}:{target}:{part}" for part in ("am", "shared")}
        if keys["am"] not in databases.templates:
            pair = real_estate(source)
            Prepared(pair, source.split("/")[0], target).open()
            for part, database in pair.by_name().items():
                databases.templates[keys[part]] = databases.clone(database.address.database)
        names = {part: databases.clone(databases.templates[key]) for part, key in keys.items()}
        made.extend(names.values())
        clones = {part: Database(part, databases.postgres.address(name)) for part, name in names.items()}
        return Prepared(Pair(clones["am"], clones["shared"]), source.split("/")[0], target, **choices)

    yield make
    for name in made:
        databases.drop(name)
