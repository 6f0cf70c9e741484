"""Estates that have been upgraded once and are only read by the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import ItemVerdict
from apim_upgrade.engine.journal import Entry
from apim_upgrade.migrations.upgrade import Choices, Upgrade
from conftest import Pair, Server, shared_path

from .estate import OIDC_CLAIMS, ClaimRows, NamedRows, by_tenant, claim_rows, expand, rows, run, upgrade_of, verdicts


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


@pytest.fixture(scope="session")
def finished(databases: Server) -> Finish:
    """``finished("3.2.0", "4.4.0")``: the same upgraded estate for every test that asks; tests must not change it."""
    made: dict[tuple[str, str, Choices], Finished] = {}

    def clone(source: str, part: str) -> Database:
        dump = shared_path("testdata", source, "postgresql", f"{part}.sql.gz")
        template = databases.template(f"{source}:{part}", lambda name: databases.load_dump(dump, name))
        return Database(part, databases.postgres.address(databases.clone(template)))

    def finish(source: str, target: str, choices: Choices | None = None) -> Finished:
        key = (source, target, choices or Choices())
        if key not in made:
            pair = Pair(clone(source, "am"), clone(source, "shared"))
            upgrade = upgrade_of(pair, source, target, choices)
            expand(pair, upgrade)
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
