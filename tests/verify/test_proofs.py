"""Every proof finds what it is there to find; damage from before a run is a remark, not a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from apim_upgrade.verify import verify
from conftest import Pair, Server
from execution.conftest import site
from execution.site import Site, change

__all__ = ["site"]
_WORKING = "/_system/governance/apimgt/applicationdata/provider/"
_FILES = (
    "FROM reg_resource r JOIN reg_path p USING (reg_path_id) "
    "WHERE r.reg_content_id = c.reg_content_id AND p.reg_path_value LIKE '/\\_system/governance/apimgt/%' "
    "AND r.reg_name"
)


def _failing(pair: Pair, started: datetime = datetime(2020, 1, 1)) -> dict[str, tuple[int, tuple[str, ...]]]:
    found = verify(pair.by_name(), "postgresql", Release.parse("4.3.0"), started=started, committed=False)
    return {proof.name: (proof.found, proof.sample) for proof in found.proofs if not proof.holds}


@pytest.fixture(scope="module")
def kept() -> dict[str, str]:
    """The databases of the one upgraded estate by part; only to be copied."""
    return {}


@pytest.fixture
def upgraded(
    kept: dict[str, str], databases: Server, site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> Iterator[Pair]:
    """A copy of an upgraded estate that a test may damage."""
    if not kept:
        here = site(sample_estate("4.0.0", apis=6, tenants=1))
        assert here("run").code == 0
        assert here("verify").code == 0
        kept.update({part: databases.clone(each.address.database) for part, each in here.upgraded.by_name().items()})
    copies = {part: databases.clone(name) for part, name in kept.items()}
    yield Pair.of({part: Database(part, databases.postgres.address(name)) for part, name in copies.items()})
    for name in copies.values():
        databases.drop(name)


DAMAGE = [
    ("am", "UPDATE am_api SET api_type = ''", "invariant/api-type"),
    ("am", "UPDATE am_api SET organization = NULL", "invariant/api-organization"),
    ("am", "UPDATE am_application SET organization = ''", "invariant/application-organization"),
    ("am", "UPDATE am_api_url_mapping SET throttling_tier = NULL", "invariant/operation-tier"),
    ("am", "UPDATE am_api_url_mapping SET auth_scheme = NULL", "invariant/operation-scheme"),
    ("am", "UPDATE am_application_key_mapping SET key_manager = 'nobody'", "invariant/key-manager-known"),
    ("am", "DELETE FROM am_gw_api_artifacts", "invariant/artifact-of-deployment"),
    ("am", "UPDATE am_gw_api_deployments SET label = 'Nowhere'", "invariant/deployments-agree"),
    ("am", "DELETE FROM am_gw_api_artifacts", "rows/am"),
    ("am", "UPDATE am_gw_api_artifacts SET artifact = 'PK'::bytea", "artifacts/open"),
    ("am", "ALTER TABLE am_api DROP COLUMN organization CASCADE", "schema/am"),
    ("shared", "DELETE FROM reg_resource WHERE reg_name = 'api'", "registry/working-copies"),
    ("shared", "DELETE FROM reg_log", "rows/shared"),
    ("shared", f"UPDATE reg_content c SET reg_content_data = '{{' {_FILES} = 'swagger.json'", "definitions/parse"),
    ("shared", f"UPDATE reg_content c SET reg_content_data = NULL {_FILES} = 'api'", "definitions/parse"),
]


def test_every_damage_is_found_with_a_sample(upgraded: Pair) -> None:
    """One estate, one damage after the other, each undone: a run for each would take minutes."""
    for part, statement, name in DAMAGE[:10] + DAMAGE[11:]:
        database = upgraded.by_name()[part]
        table = statement.split()[2 if statement.startswith("DELETE") else 1]
        change(
            database, f"CREATE TABLE kept AS SELECT * FROM {table}", "SET session_replication_role = replica", statement
        )
        failing = _failing(upgraded)
        assert name in failing, statement
        number, sample = failing[name]
        assert number >= len(sample) > 0
        change(
            database,
            "SET session_replication_role = replica",
            f"DELETE FROM {table}",
            f"INSERT INTO {table} SELECT * FROM kept",
            "DROP TABLE kept",
        )
        assert _failing(upgraded) == {}, statement


def test_a_table_that_is_gone_has_lost_its_rows(upgraded: Pair) -> None:
    change(upgraded.am, "DROP TABLE am_subscription CASCADE")
    failing = _failing(upgraded)
    assert "schema/am" in failing
    assert any(line.startswith("am_subscription: ") for line in failing["rows/am"][1])


def test_what_was_broken_before_the_run_is_remarked_on(upgraded: Pair) -> None:
    change(
        upgraded.shared,
        f"UPDATE reg_content c SET reg_content_data = '{{' {_FILES} = 'swagger.json'",
        "UPDATE reg_resource SET reg_last_updated_time = '2001-01-01'",
    )
    found = verify(
        upgraded.by_name(), "postgresql", Release.parse("4.3.0"), started=datetime(2020, 1, 1), committed=False
    )
    assert found.holds
    assert found.remarks
    assert all(_WORKING in line and "swagger.json" in line for line in found.remarks)
