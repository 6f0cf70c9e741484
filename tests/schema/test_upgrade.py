"""Every pair of releases: expand, contract and commit on a real database end at the target's catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import RunRecord, Session, Sql, Step, journal
from apim_upgrade.errors import StepFailed
from apim_upgrade.releases import Release, Schema, sources, targets
from apim_upgrade.schema import (
    commit_steps,
    contract_steps,
    create_statements,
    differences_to_target,
    expand_steps,
    introspect,
    needs_fill,
    predicted_after_expand,
    quarantine_steps,
    violations,
)
from conftest import Pair
from schema.conftest import KIND, SchemaUpgrade


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize("source", sources(), ids=str)
def test_a_stock_schema_becomes_that_of_every_later_release(
    empty_database: Callable[[str], Database], source: Release, part: str
) -> None:
    with empty_database(part).write() as session:  # one transaction: the runner's own work is tested below
        session.execute("CREATE SCHEMA elsewhere")
        session.execute("SET LOCAL search_path TO elsewhere")
        for statement in create_statements(KIND, source, part):
            session.execute(statement)
        journal.open_journal(session, RunRecord("r", "0", "", "", "", datetime(2026, 1, 2), "{}"))
        stock = introspect(session)
        for target in targets(source):
            session.execute("SAVEPOINT begin")
            _upgrade(session, stock, source, target, part)
            session.execute("ROLLBACK TO SAVEPOINT begin")


def _upgrade(session: Session, stock: Schema, source: Release, target: Release, part: str) -> None:
    predicted = predicted_after_expand(KIND, stock, target, part)
    _do(session, expand_steps(KIND, stock, target, part, part))
    expanded = introspect(session)
    assert shape(expanded) == shape(predicted)
    planned = contract_steps(KIND, predicted, target, part, part)
    steps = contract_steps(KIND, expanded, target, part, part)
    assert [step.name for step in planned] == [step.name for step in steps]
    _do(session, quarantine_steps(KIND, expanded, source, target, part, part))
    _do(session, steps)
    contracted = introspect(session)
    assert differences_to_target(KIND, contracted, target, part, leftovers=True) == []
    _do(session, commit_steps(KIND, contracted, target, part, part))
    done = introspect(session)
    assert differences_to_target(KIND, done, target, part) == []
    again = [
        *expand_steps(KIND, done, target, part, part),
        *contract_steps(KIND, done, target, part, part),
        *commit_steps(KIND, done, target, part, part),
    ]
    assert {step.name for step in again} <= {f"schema/{part}/expand/seed-rows"}
    assert not [name for name in done.tables if "quarantine" in name]


def _do(session: Session, steps: Iterable[Step]) -> None:
    for step in steps:
        for operation in step.operations:
            assert isinstance(operation, Sql)
            session.execute(operation.statement)


def shape(schema: Schema) -> dict[str, object]:
    """What a prediction has to get right."""
    return {
        name: (
            sorted((column.name, column.type, column.nullable, column.default or "") for column in table.columns),
            sorted(map(sorted, table.unique_keys())),
            sorted((key.columns, key.ref_table, key.on_delete) for key in table.foreign_keys),
            sorted(index.columns for index in table.indexes),
        )
        for name, table in schema.tables.items()
        if not name.startswith(journal.PREFIX)
    }


@pytest.mark.parametrize("part", ["am", "shared"])
@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_a_real_estate_gets_the_newest_schema_and_keeps_its_rows(
    real_estate: Callable[[str], Pair], source: str, part: str
) -> None:
    upgrade = SchemaUpgrade(real_estate(source).by_name()[part], Release.parse(source), Release.parse("4.7.0"))
    with upgrade.database.read() as session:
        assert violations(session, KIND, introspect(session), upgrade.target, part, part) == []
    counts = _counts(upgrade)
    upgrade.all()
    assert upgrade.wrong() == []
    after = _counts(upgrade)
    seeds = {"idn_config_type", "idn_secret_type", "um_org", "um_org_hierarchy"}
    assert {name: count for name, count in counts.items() if name in after and name not in seeds} == {
        name: after[name] for name in counts if name in after and name not in seeds
    }


def _counts(upgrade: SchemaUpgrade) -> dict[str, object]:
    names = [name for name in upgrade.live().tables if not name.startswith(journal.PREFIX)]
    query = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    return {str(name): count for name, count in upgrade.rows(query)}


def test_the_runner_resumes_in_the_middle(schema_upgrade: Callable[[str, str, str], SchemaUpgrade]) -> None:
    upgrade = schema_upgrade("3.2.0", "4.7.0", "am")
    steps = upgrade.expand()
    upgrade.run(steps[:40])
    rest = upgrade.expand()
    assert len(rest) < len(steps)
    upgrade.run(rest)
    upgrade.fill()
    half = upgrade.contract()
    upgrade.run(half[: len(half) // 2])
    upgrade.run(upgrade.contract())
    upgrade.run(upgrade.commit())
    assert upgrade.wrong() == []


def test_columns_are_renamed_with_their_values(schema_upgrade: Callable[[str, str, str], SchemaUpgrade]) -> None:
    upgrade = schema_upgrade("4.0.0", "4.6.0", "am")
    upgrade.sql(
        "INSERT INTO am_block_conditions (type, value, enabled, domain) VALUES ('IP', '10.0.0.1', 'true', 'x')",
        "INSERT INTO am_key_manager (uuid, name, tenant_domain, type) VALUES ('k', 'KM', 'acme.com', 'default')",
    )
    upgrade.all()
    assert upgrade.rows("SELECT block_condition FROM am_block_conditions") == [("10.0.0.1",)]
    assert upgrade.rows("SELECT organization FROM am_key_manager") == [("acme.com",)]


def test_text_becomes_bytes_with_backslashes_and_accents_kept(
    schema_upgrade: Callable[[str, str, str], SchemaUpgrade],
) -> None:
    upgrade = schema_upgrade("4.5.0", "4.6.0", "am")
    inputs = '{"é": "a' + "\\" + 'nb"}'
    upgrade.sql(
        "INSERT INTO am_subscriber (subscriber_id, user_id, tenant_id, date_subscribed) VALUES (1, 'u', 1, now())",
        "INSERT INTO am_application (application_id, name, subscriber_id, uuid) VALUES (1, 'a', 1, 'app')",
        "INSERT INTO am_application_registration (subscriber_id, wf_ref, app_id, token_type, token_scope, inputs, "
        f"key_manager, allowed_domains, validity_period) VALUES (1, 'w', 1, 'P', '', '{inputs}', 'k', '', 1)",
    )
    upgrade.all()
    assert upgrade.rows("SELECT convert_from(inputs, 'UTF8') FROM am_application_registration") == [(inputs,)]


def test_surrogate_keys_number_the_rows_that_are_there(
    schema_upgrade: Callable[[str, str, str], SchemaUpgrade],
) -> None:
    upgrade = schema_upgrade("4.0.0", "4.2.0", "shared")
    upgrade.sql(
        "INSERT INTO reg_property (reg_id, reg_name, reg_tenant_id) VALUES (1, 'a', -1234), (2, 'b', -1234)",
        "INSERT INTO reg_resource_property (reg_property_id, reg_tenant_id) VALUES (1, -1234), (2, -1234)",
    )
    upgrade.all()
    upgrade.sql("INSERT INTO reg_resource_property (reg_property_id, reg_tenant_id) VALUES (1, -1234)")
    assert upgrade.rows("SELECT id FROM reg_resource_property ORDER BY id") == [(1,), (2,), (3,)]


def test_missing_seed_rows_come_and_present_ones_stay(
    schema_upgrade: Callable[[str, str, str], SchemaUpgrade],
) -> None:
    upgrade = schema_upgrade("4.0.0", "4.2.0", "am")
    upgrade.sql("UPDATE idn_config_type SET description = 'ours' WHERE name = 'IDP_TEMPLATE'")
    upgrade.all()
    assert upgrade.rows("SELECT count(*) FROM idn_config_type") == [(6,)]
    assert upgrade.rows("SELECT description FROM idn_config_type WHERE name = 'IDP_TEMPLATE'") == [("ours",)]
    shared = schema_upgrade("4.0.0", "4.2.0", "shared")
    shared.all()
    assert shared.rows("SELECT um_created_time::text FROM um_org") == [("2026-01-02 03:04:05",)]


def test_the_time_stamp_trigger_works_after_the_upgrade(
    schema_upgrade: Callable[[str, str, str], SchemaUpgrade],
) -> None:
    upgrade = schema_upgrade("4.0.0", "4.7.0", "am")
    upgrade.all()
    upgrade.sql(
        "INSERT INTO am_gw_published_api_details (api_id, tenant_domain) VALUES ('a', 'x')",
        "INSERT INTO am_gw_api_artifacts (api_id, revision_id, time_stamp) VALUES ('a', 'r', '2001-01-01')",
        "UPDATE am_gw_api_artifacts SET artifact = 'x'",
    )
    assert upgrade.rows("SELECT time_stamp > '2020-01-01' FROM am_gw_api_artifacts") == [(True,)]


def test_what_must_be_filled_stops_contract_by_name(schema_upgrade: Callable[[str, str, str], SchemaUpgrade]) -> None:
    upgrade = schema_upgrade("4.2.0", "4.3.0", "am")
    assert needs_fill(KIND, upgrade.source, upgrade.target, "am") == [("am_gateway_environment", "gateway_type")]
    upgrade.sql(
        "INSERT INTO am_gateway_environment (uuid, name, organization, provider) VALUES ('u', 'n', 'o', 'wso2')"
    )
    upgrade.do(upgrade.expand())
    with pytest.raises(StepFailed, match="am_gateway_environment"):
        upgrade.run(upgrade.contract())
    upgrade.fill()
    upgrade.run(upgrade.contract())
    assert upgrade.wrong(leftovers=True) == []
