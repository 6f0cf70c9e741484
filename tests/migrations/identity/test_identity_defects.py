"""The defects of the vendor's identity client that are known; each test is named after one (I1 to I11)."""

from __future__ import annotations

import pytest

from apim_upgrade.engine import Phase, Sql
from apim_upgrade.errors import StepFailed
from apim_upgrade.migrations import identity
from apim_upgrade.migrations.upgrade import Choices

from .conftest import Finish, GetReady
from .estate import (
    LOCAL,
    OIDC,
    claim_rows,
    execute,
    one,
    rows,
    run,
    upgrade_without_estate,
)


def test_i1_an_error_stops_the_run_instead_of_being_logged(ready: GetReady) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    execute(pair.am, "ALTER TABLE idn_claim_property ADD CHECK (property_value <> 'Backup Codes') NOT VALID")
    with pytest.raises(StepFailed, match=r"4\.2\.0/identity/claims"):
        run(pair, upgrade)
    assert one(pair.am, "SELECT count(*) FROM idn_claim WHERE tenant_id = 1") == 315
    assert rows(pair.am, "SELECT state FROM apim_upgrade_journal WHERE step LIKE '%claims'") == [("failed",)]


def test_i2_user_ids_are_given_to_all_users_at_once(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    (step,) = (step for step in identity.steps(upgrade) if step.name == "identity/user-ids")
    assert sum(isinstance(operation, Sql) for operation in step.operations) == 4
    execute(
        pair.shared,
        "ALTER TABLE um_user ALTER um_user_id DROP NOT NULL",
        "INSERT INTO um_user (um_id, um_user_name, um_user_password, um_changed_time, um_tenant_id) "
        "SELECT n, 'user' || n, 'x', now(), n % 3 FROM generate_series(9001, 14000) AS n",
    )
    (done,) = (entry for entry in run(pair, upgrade) if entry.step == step.name)
    assert (done.seen, done.changed) == (5000, 5000)
    assert one(pair.shared, "SELECT count(DISTINCT um_user_id) FROM um_user") == 5021


def test_i3_recovery_codes_are_not_shifted_in_time(ready: GetReady) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    execute(
        pair.am,
        "INSERT INTO idn_recovery_data (user_name, user_domain, tenant_id, code, scenario, step, time_created) "
        "VALUES ('u', 'PRIMARY', 1, 'c', 's', 't', '2026-01-01 12:00:00')",
    )
    before = rows(pair.am, "SELECT * FROM idn_recovery_data")
    run(pair, upgrade)
    assert rows(pair.am, "SELECT * FROM idn_recovery_data") == before


def test_i4_claims_of_scopes_are_found_by_name_within_the_tenant(finished: Finish) -> None:
    strays = (
        "SELECT s.name, c.claim_uri FROM idn_oidc_scope_claim_mapping m JOIN idn_oauth2_scope s USING (scope_id) "
        "JOIN idn_claim c ON c.id = m.external_claim_id JOIN idn_claim_dialect d ON d.id = c.dialect_id "
        f"WHERE s.tenant_id <> c.tenant_id OR c.tenant_id <> d.tenant_id OR d.dialect_uri <> '{OIDC}'"
    )
    assert rows(finished("4.0.0", "4.5.0").pair.am, strays) == []


def test_i5_permissions_stay_with_user_store_roles_unless_separation_was_chosen(finished: Finish) -> None:
    done = finished("3.2.0", "4.7.0")
    assert rows(done.pair.shared, "SELECT * FROM um_role_permission ORDER BY um_id") == done.permissions_before
    assert one(done.pair.shared, "SELECT count(*) FROM um_hybrid_group_role") == 0


def test_i6_customised_mappings_stay_and_only_what_a_fresh_server_has_is_added(finished: Finish) -> None:
    found = claim_rows(finished("4.0.0", "4.5.0").pair.am)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    for tenant in (-1234, 1, 2):
        mapped = {row[:2]: row[3] for row in found["mapping"][tenant]}
        assert mapped[OIDC, "sub"] == f"{LOCAL}/username"
        assert mapped[OIDC, "groups"] == f"{LOCAL}/role"
        assert mapped[enterprise, f"{enterprise}:totpEnabled"] == f"{LOCAL}/identity/totpEnabled"
        assert mapped[enterprise, f"{enterprise}:verifyMobile"] == f"{LOCAL}/identity/verifyMobile"
        assert mapped[enterprise, f"{enterprise}:country"] == f"{LOCAL}/country"
        assert mapped[enterprise, f"{enterprise}:pendingMobileNumber"] == f"{LOCAL}/identity/mobileNumber.pendingValue"
        assert (LOCAL, f"{LOCAL}/identity/uuid") not in found["claim"][tenant]
        assert (LOCAL, f"{LOCAL}/locality", "PRIMARY", "local") in found["attribute"][tenant]


def test_i6a_internal_scopes_are_not_added_for_4_2_0(finished: Finish) -> None:
    done = finished("3.2.0", "4.7.0")
    assert one(done.pair.am, "SELECT count(*) FROM idn_oauth2_scope WHERE name LIKE 'internal%'") == 510
    assert not [item for item in done.am_verdicts if item.startswith("scope internal")]


def test_i6b_ids_are_read_from_any_profile(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    query = "SELECT um_id, um_user_id FROM um_user WHERE um_user_name = 'apim_reserved_user' ORDER BY 1"
    before = rows(pair.shared, query)
    attributes = rows(pair.shared, "SELECT * FROM um_user_attribute ORDER BY um_id")
    execute(
        pair.shared,
        "ALTER TABLE um_user ALTER um_user_id DROP NOT NULL",
        "UPDATE um_user SET um_user_id = NULL WHERE um_user_name = 'apim_reserved_user'",
    )
    run(pair, upgrade)
    assert rows(pair.shared, query) == before
    assert rows(pair.shared, "SELECT * FROM um_user_attribute ORDER BY um_id") == attributes


@pytest.mark.parametrize("choices", [Choices(), Choices(separate_groups_and_roles=True)])
def test_i7_i8_i9_i10_no_step_drops_truncates_or_alters_a_table(choices: Choices) -> None:
    for step in identity.steps(upgrade_without_estate("3.2.0", "4.7.0", choices)):
        assert step.phase is Phase.MIGRATE
        assert not any(isinstance(op, Sql) and isinstance(op.statement, str) for op in step.operations), step.name


def test_i11_each_table_is_sought_in_the_database_that_holds_it(finished: Finish) -> None:
    done = finished("3.2.0", "4.7.0")
    for step in identity.steps(done.upgrade):
        with done.pair.by_name()[step.database].read() as session:
            assert step.name.endswith("internal-scopes") or step.tables
            assert all(session.exists(table) for table in step.tables), step.name
