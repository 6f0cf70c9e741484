"""Estates that have been upgraded once and are only read by the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import ItemVerdict
from apim_upgrade.engine.journal import Entry
from apim_upgrade.migrations.upgrade import Choices, Upgrade
from conftest import Pair, Server, shared_path

from .estate import (
    OIDC_CLAIMS,
    ClaimRows,
    NamedRows,
    by_tenant,
    claim_rows,
    expand,
    list_tenants,
    rows,
    run,
    upgrade_of,
    verdicts,
)


@dataclass
class Finished:
    """An upgraded estate, and what it was before."""

    pair: Pair
    upgrade: Upgrade
    entries: list[Entry]
    am_verdicts: dict[str, ItemVerdict]
    shared_verdicts: dict[str, ItemVerdict]
    claims_before: ClaimRows
    oidc_before: NamedRows
    permissions_before: list[tuple[object, ...]]


Finish = Callable[..., Finished]


Ready = tuple[Pair, Upgrade]
GetReady = Callable[..., Ready]


@pytest.fixture(scope="session")
def expanded(databases: Server) -> Callable[[str, str], dict[str, str]]:
    """``expanded("3.2.0", "4.4.0")``: templates of an estate at the moment when data steps begin."""

    def make(source: str, target: str) -> dict[str, str]:
        key = f"{source} expanded to {target}"
        if f"{key}:shared" not in databases.templates:
            names = {part: _clone_of_estate(databases, source, part) for part in ("am", "shared")}
            pair = Pair(*(Database(part, databases.postgres.address(name)) for part, name in names.items()))
            upgrade = upgrade_of(pair, source, target)
            expand(pair, upgrade)
            list_tenants(pair, upgrade)
            databases.templates |= {f"{key}:{part}": name for part, name in names.items()}
        return {part: databases.templates[f"{key}:{part}"] for part in ("am", "shared")}

    return make


def _clone_of_estate(databases: Server, source: str, part: str) -> str:
    dump = shared_path("testdata", source, "postgresql", f"{part}.sql.gz")
    return databases.clone(databases.template(f"{source}:{part}", lambda name: databases.load_dump(dump, name)))


@pytest.fixture
def ready(databases: Server, expanded: Callable[[str, str], dict[str, str]]) -> Iterator[GetReady]:
    """``ready("3.2.0", "4.4.0")``: an estate of a test's own, expanded, and its upgrade."""
    made: list[str] = []

    def make(source: str, target: str, choices: Choices | None = None) -> Ready:
        names = {part: databases.clone(template) for part, template in expanded(source, target).items()}
        made.extend(names.values())
        pair = Pair(*(Database(part, databases.postgres.address(name)) for part, name in names.items()))
        return pair, upgrade_of(pair, source, target, choices)

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture(scope="session")
def finished(databases: Server, expanded: Callable[[str, str], dict[str, str]]) -> Finish:
    """``finished("3.2.0", "4.4.0")``: the same upgraded estate for every test that asks; tests must not change it."""
    made: dict[tuple[str, str, Choices], Finished] = {}

    def finish(source: str, target: str, choices: Choices | None = None) -> Finished:
        key = (source, target, choices or Choices())
        if key not in made:
            names = {part: databases.clone(template) for part, template in expanded(source, target).items()}
            pair = Pair(*(Database(part, databases.postgres.address(name)) for part, name in names.items()))
            upgrade = upgrade_of(pair, source, target, choices)
            claims, oidc = claim_rows(pair.am), by_tenant(rows(pair.am, OIDC_CLAIMS))
            permissions = rows(pair.shared, "SELECT * FROM um_role_permission ORDER BY um_id")
            entries = run(pair, upgrade)
            made[key] = Finished(
                pair, upgrade, entries, verdicts(pair.am), verdicts(pair.shared), claims, oidc, permissions
            )
        return made[key]

    return finish  # the databases go with the worker's server


@pytest.fixture(scope="session")
def fresh(databases: Server) -> Callable[[str], Database]:
    """``fresh("4.2.0")``: the API-M database of a server after its first start; tests must not change it."""

    def database(release: str) -> Database:
        dump = shared_path("testdata", release, "fresh", "am.sql.gz")
        template = databases.template(f"{release}/fresh:am", lambda name: databases.load_dump(dump, name))
        return Database("am", databases.postgres.address(template))

    return database
