"""Real estates through the identity steps: what new tenants have is there, what was there is still there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy.dialects import postgresql

from apim_upgrade.databases import Database, name_uuid
from apim_upgrade.engine import Sql, Verdict
from apim_upgrade.migrations import identity
from apim_upgrade.migrations.upgrade import Choices
from conftest import Pair

from .conftest import Finish, GetReady
from .estate import (
    LOCAL,
    OIDC,
    OIDC_CLAIMS,
    by_tenant,
    claim_rows,
    execute,
    one,
    rows,
    run,
    upgrade_of,
    upgrade_without_estate,
    verdicts,
)

Fresh = Callable[[str], Database]
SEPARATE = Choices(separate_groups_and_roles=True, internal_scopes_per_tenant=True)
COUNTS_4_2_0 = {"dialect": 11, "claim": 329, "attribute": 110, "property": 1431, "mapping": 219}


@pytest.mark.parametrize(
    ("source", "target"),
    [("3.2.0", "4.2.0"), ("3.2.0", "4.7.0"), ("4.0.0", "4.4.0"), ("4.0.0", "4.5.0")],
)
def test_claims_of_a_new_tenant_are_added_and_those_of_the_estate_stay(
    source: str, target: str, finished: Finish, fresh: Fresh
) -> None:
    done = finished(source, target)
    after, stock = claim_rows(done.pair.am), claim_rows(fresh("4.2.0"))
    for tenant in done.upgrade.tenants:
        old = done.claims_before["claim"][tenant.id]
        for table, new_tenant in ((name, tenants[-1234]) for name, tenants in stock.items()):
            kept = done.claims_before[table][tenant.id]
            of_new_claims = {row for row in new_tenant if row[:2] not in old}
            added = new_tenant - kept if table == "dialect" else of_new_claims
            assert after[table][tenant.id] == kept | added
        # All that an upgraded tenant has more than a new one: the claim that 4.2.0 dropped.
        assert after["claim"][tenant.id] - stock["claim"][-1234] == {(OIDC, "sub")}
        assert len(after["claim"][tenant.id]) == COUNTS_4_2_0["claim"] + 1
        assert len(after["mapping"][tenant.id]) == COUNTS_4_2_0["mapping"] + 1
        assert len(after["attribute"][tenant.id]) == COUNTS_4_2_0["attribute"]
        assert len(after["dialect"][tenant.id]) == COUNTS_4_2_0["dialect"]


def test_claims_equal_those_of_a_new_tenant_of_4_0_0(finished: Finish, fresh: Fresh) -> None:
    stock = claim_rows(fresh("4.0.0"))
    for table, tenants in claim_rows(finished("3.2.0", "4.1.0").pair.am).items():
        assert set(tenants) == {-1234, 1, 2}
        assert all(found == stock[table][-1234] for found in tenants.values())


def test_a_tenant_without_any_claim_gets_all_of_them(ready: GetReady, fresh: Fresh) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    execute(pair.am, "DELETE FROM idn_claim_dialect WHERE tenant_id = 2")
    run(pair, upgrade)
    after, stock = claim_rows(pair.am), claim_rows(fresh("4.2.0"))
    assert {table: tenants[2] for table, tenants in after.items()} == {table: stock[table][-1234] for table in stock}
    assert {table: len(tenants[2]) for table, tenants in after.items()} == COUNTS_4_2_0


def test_differences_of_claims_are_told_a_line_a_claim(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.7.0")
    execute(
        pair.am,
        "UPDATE idn_claim_mapped_attribute SET attribute_name = 'ssn' WHERE tenant_id = 1 AND attribute_name = 'mail'",
        "INSERT INTO idn_claim (dialect_id, claim_uri, tenant_id) SELECT id, 'http://wso2.org/claims/badge', 2 "
        f"FROM idn_claim_dialect WHERE tenant_id = 2 AND dialect_uri = '{LOCAL}'",
    )
    run(pair, upgrade)
    told = verdicts(pair.am)
    assert {verdict.verdict for verdict in told.values()} == {Verdict.NOTED}
    assert len(told) < 40
    assert told["claim http://wso2.org/claims/emailaddress"].reason == (
        "kept as it is; a new tenant of 4.2.0 has another attribute mail (ssn here) in 1 tenant"
    )
    groups = told[f"claim {OIDC} groups"].reason
    assert f"mapping to {LOCAL}/groups ({LOCAL}/role here) in 3 tenants" in groups
    assert "attribute localityAddress (local here) in 3 tenants" in told[f"claim {LOCAL}/locality"].reason
    assert told["claims of the estate's own"].reason == (
        "kept; a new tenant of 4.2.0 has no http://wso2.org/claims/badge (1 tenant), sub (3 tenants)"
    )


@pytest.mark.parametrize(
    ("source", "target", "newest"),
    [("3.2.0", "4.2.0", "4.2.0"), ("3.2.0", "4.7.0", "4.5.0"), ("4.0.0", "4.5.0", "4.5.0")],
)
def test_oidc_scopes_get_the_claims_and_names_of_a_new_tenant(
    source: str, target: str, newest: str, finished: Finish, fresh: Fresh
) -> None:
    done = finished(source, target)
    stock = {row[1:] for row in rows(fresh(newest), OIDC_CLAIMS)}
    after = by_tenant(rows(done.pair.am, OIDC_CLAIMS))
    names = "SELECT tenant_id, name, display_name, description FROM idn_oauth2_scope WHERE scope_type = 'OIDC'"
    stock_names = {row[1:] for row in rows(fresh(newest), names)}
    for tenant in done.upgrade.tenants:
        assert after[tenant.id] == done.oidc_before[tenant.id] | stock
        assert {row for row in after[tenant.id] if row[0] != "openid"} == stock
        assert by_tenant(rows(done.pair.am, names))[tenant.id] == stock_names
    assert done.am_verdicts["scope openid"].reason.startswith("keeps its claims (84 in 3 tenants)")


def test_4_5_0_adds_the_scope_groups_and_nothing_else_to_a_4_2_0_estate(finished: Finish) -> None:
    done = finished("4.2.0", "4.5.0")
    assert {entry.step: entry.changed for entry in done.entries if entry.changed} == {"4.5.0/identity/oidc-scopes": 4}
    assert claim_rows(done.pair.am) == done.claims_before
    after = by_tenant(rows(done.pair.am, OIDC_CLAIMS))
    assert {tenant: found - done.oidc_before[tenant] for tenant, found in after.items()} == {
        -1234: {("groups", "groups")},
        1: {("groups", "groups")},
    }
    # A server of 4.5.0 writes one setting more for the resident identity provider; it needs no row for its default.
    assert one(done.pair.am, "SELECT count(*) FROM idp_metadata WHERE name LIKE 'ASSOCIATE%'") == 0


def test_nothing_is_to_do_from_4_5_0_on(finished: Finish) -> None:
    done = finished("4.5.0", "4.7.0")
    assert sorted(entry.step for entry in done.entries) == [
        "identity/resource-scope-duplicates",
        "identity/scope-binding-duplicates",
        "identity/scope-duplicates",
        "identity/user-ids",
    ]
    assert sum(entry.changed for entry in done.entries) == 0
    assert done.am_verdicts == done.shared_verdicts == {}


def test_an_api_scope_named_groups_is_left_alone_and_told(ready: GetReady) -> None:
    pair, upgrade = ready("4.2.0", "4.5.0")
    execute(
        pair.am,
        "INSERT INTO idn_oauth2_scope (name, display_name, tenant_id, scope_type) VALUES ('groups', 'G', 1, 'OAUTH2')",
    )
    run(pair, upgrade)
    scopes = rows(pair.am, "SELECT tenant_id, scope_type FROM idn_oauth2_scope WHERE name = 'groups' ORDER BY 1")
    assert scopes == [(-1234, "OIDC"), (1, "OAUTH2")]
    assert verdicts(pair.am)["scope groups of tenant 1"].verdict is Verdict.NOTED


def test_a_scope_that_somebody_described_keeps_its_text(ready: GetReady) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    execute(pair.am, "UPDATE idn_oauth2_scope SET description = 'ours' WHERE name = 'email' AND tenant_id = 1")
    run(pair, upgrade)
    found = rows(pair.am, "SELECT display_name, description FROM idn_oauth2_scope WHERE name = 'email' ORDER BY 1, 2")
    stock = ("Email", "View information related to email address of the user.")
    assert found == [stock, stock, ("email", "ours")]


def test_a_tenant_without_oidc_scopes_is_left_alone(ready: GetReady) -> None:
    pair, upgrade = ready("4.2.0", "4.5.0")
    execute(
        pair.am,
        "DELETE FROM idn_oidc_scope_claim_mapping WHERE scope_id IN "
        "(SELECT scope_id FROM idn_oauth2_scope WHERE tenant_id = 1)",
        "DELETE FROM idn_oauth2_scope WHERE tenant_id = 1 AND scope_type = 'OIDC'",
    )
    run(pair, upgrade)
    assert one(pair.am, "SELECT count(*) FROM idn_oauth2_scope WHERE tenant_id = 1 AND scope_type = 'OIDC'") == 0


@pytest.mark.parametrize(
    ("source", "target", "choices"),
    [
        ("3.2.0", "4.1.0", Choices()),
        ("3.2.0", "4.7.0", SEPARATE),
        ("4.0.0", "4.5.0", Choices()),
        ("4.2.0", "4.5.0", Choices()),
    ],
)
def test_a_second_run_changes_nothing(source: str, target: str, choices: Choices, finished: Finish) -> None:
    done = finished(source, target, choices)
    claims, scopes = claim_rows(done.pair.am), rows(done.pair.am, OIDC_CLAIMS)
    entries = run(done.pair, done.upgrade)
    assert {entry.step: entry.changed for entry in entries if entry.changed} == {}
    assert claim_rows(done.pair.am) == claims
    assert rows(done.pair.am, OIDC_CLAIMS) == scopes


def test_a_rehearsal_writes_the_same_rows(finished: Finish, ready: GetReady) -> None:
    first, (second, upgrade) = finished("3.2.0", "4.7.0").pair, ready("3.2.0", "4.7.0")
    run(second, upgrade)
    for table in (
        "idn_claim",
        "idn_claim_property",
        "idn_claim_mapping",
        "idn_oauth2_scope",
        "idn_oidc_scope_claim_mapping",
    ):
        everything = f"SELECT * FROM {table} ORDER BY 1"
        assert rows(first.am, everything) == rows(second.am, everything)
    uuids = "SELECT um_id, um_tenant_uuid FROM um_tenant ORDER BY 1"
    assert rows(first.shared, uuids) == rows(second.shared, uuids)


def test_tenants_get_uuids_of_their_own(finished: Finish) -> None:
    assert rows(finished("3.2.0", "4.7.0").pair.shared, "SELECT um_tenant_uuid FROM um_tenant ORDER BY um_id") == [
        (name_uuid("tenant", 1, "adpexample.com"),),
        (name_uuid("tenant", 2, "adpsample.com"),),
    ]


def test_tenants_of_4_0_0_keep_their_uuids(finished: Finish) -> None:
    kept = rows(
        finished("4.0.0", "4.5.0").pair.shared, "SELECT um_domain_name, um_tenant_uuid FROM um_tenant ORDER BY 1"
    )
    assert kept == [
        ("acme1.com", "2196167f-3159-479d-8132-0803b68ef19a"),
        ("wso2.example1", "76081bc6-0aa3-47df-8ce8-170ecf62b0fb"),
    ]


def test_users_without_an_id_get_their_scim_id_or_a_new_one(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    before = dict(rows(pair.shared, "SELECT um_id, um_user_id FROM um_user"))
    execute(
        pair.shared,
        "ALTER TABLE um_user ALTER um_user_id DROP NOT NULL",
        "UPDATE um_user SET um_user_id = NULL WHERE um_user_name = 'apim_reserved_user'",
        "UPDATE um_user SET um_user_id = '' WHERE um_id = 1",
        "DELETE FROM um_user_attribute WHERE um_user_id = 1",
        "DELETE FROM um_uuid_domain_mapper",
    )
    reserved = [row[0] for row in rows(pair.shared, "SELECT um_id FROM um_user WHERE um_user_id IS NULL")]
    run(pair, upgrade)
    after = dict(rows(pair.shared, "SELECT um_id, um_user_id FROM um_user"))
    assert after == before | {1: name_uuid("user", -1234, 1)}
    assert len(reserved) == 3
    assert rows(
        pair.shared,
        "SELECT um_attr_name, um_attr_value, um_profile_id FROM um_user_attribute WHERE um_user_id = 1 ORDER BY 1",
    ) == [("scimId", after[1], "default"), ("uid", "admin", "default")]
    assert rows(
        pair.shared,
        "SELECT m.um_user_id, d.um_domain_name, u.um_tenant_id = m.um_tenant_id FROM um_uuid_domain_mapper m "
        "JOIN um_domain d USING (um_domain_id) JOIN um_user u ON u.um_user_id = m.um_user_id "
        "WHERE d.um_tenant_id = m.um_tenant_id ORDER BY 1",
    ) == sorted((after[number], "PRIMARY", True) for number in (1, *reserved))


def test_a_scim_id_that_two_users_have_is_given_to_neither(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    execute(
        pair.shared,
        "ALTER TABLE um_user ALTER um_user_id DROP NOT NULL",
        "UPDATE um_user SET um_user_id = NULL WHERE um_id IN (1, 2)",
        "UPDATE um_user_attribute SET um_attr_value = 'same' WHERE um_user_id IN (1, 2) AND um_attr_name = 'scimId'",
    )
    run(pair, upgrade)
    assert rows(pair.shared, "SELECT um_user_id FROM um_user WHERE um_id IN (1, 2) ORDER BY um_id") == [
        (name_uuid("user", -1234, 1),),
        (name_uuid("user", -1234, 2),),
    ]
    told = verdicts(pair.shared)["user admin of tenant -1234"]
    assert (told.verdict, told.reason) == (Verdict.NOTED, "another user has the same SCIM id; it got an id of its own")


def test_users_whose_id_is_not_their_scim_id_are_told_and_left_alone(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    execute(pair.shared, "UPDATE um_user SET um_user_id = 'other' WHERE um_id = 1")
    before = rows(pair.shared, "SELECT * FROM um_user ORDER BY um_id")
    run(pair, upgrade)
    assert rows(pair.shared, "SELECT * FROM um_user ORDER BY um_id") == before
    assert verdicts(pair.shared)["user ids"].reason == (
        "1 users have a UM_USER_ID that is not their attribute scimId, such as admin (tenant -1234); left as they are"
    )


def test_internal_scopes_are_completed_up_to_4_1_0(finished: Finish, fresh: Fresh) -> None:
    query = (
        "SELECT tenant_id, name, display_name, scope_binding, binding_type FROM idn_oauth2_scope "
        "JOIN idn_oauth2_scope_binding USING (scope_id) WHERE name LIKE 'internal%'"
    )
    stock = {row[1:] for row in rows(fresh("4.0.0"), query)}
    assert by_tenant(rows(finished("3.2.0", "4.1.0").pair.am, query)) == {-1234: stock, 1: stock, 2: stock}


def test_internal_scopes_are_completed_for_4_2_0_where_tenants_keep_their_own(finished: Finish) -> None:
    done = finished("3.2.0", "4.7.0", SEPARATE)
    query = "SELECT tenant_id, count(*) FROM idn_oauth2_scope WHERE name LIKE 'internal%' GROUP BY 1 ORDER BY 1"
    assert rows(done.pair.am, query) == [(-1234, 174), (1, 174), (2, 174)]
    assert "lists more" in done.am_verdicts["internal scopes"].reason


@pytest.mark.parametrize(("source", "target"), [("3.2.0", "4.2.0"), ("4.0.0", "4.4.0")])
def test_edited_internal_scopes_are_told_when_they_stop_counting(source: str, target: str, ready: GetReady) -> None:
    pair, upgrade = ready(source, target)
    internal = "(SELECT scope_id FROM idn_oauth2_scope WHERE name = '{}' AND tenant_id = {})"
    execute(
        pair.am,
        "UPDATE idn_oauth2_scope_binding SET scope_binding = '/permission/ours' WHERE scope_id = "
        + internal.format("internal_login", 1),
        "DELETE FROM idn_oauth2_scope WHERE name = 'internal_user_mgt_list'",
    )
    before = rows(pair.am, "SELECT * FROM idn_oauth2_scope_binding ORDER BY id")
    run(pair, upgrade)
    told = {item: verdict.reason for item, verdict in verdicts(pair.am).items() if item.startswith("scope internal")}
    assert sorted(told) == ["scope internal_login", "scope internal_user_mgt_list"]
    assert "in 1 tenant;" in told["scope internal_login"]
    assert "in 3 tenants;" in told["scope internal_user_mgt_list"]
    assert rows(pair.am, "SELECT * FROM idn_oauth2_scope_binding ORDER BY id") == before


SCOPES = "INSERT INTO idn_oauth2_scope (scope_id, name, display_name, tenant_id, scope_type) VALUES "


def test_scopes_of_one_name_are_merged_into_the_oldest(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    execute(
        pair.am,
        SCOPES + "(9001, 'twice', 'Old', 1, 'OAUTH2'), (9002, 'twice', 'New', 1, 'OAUTH2'), "
        "(9003, 'twice', 'Newer', 1, 'OAUTH2'), (9004, 'twice', 'Other tenant', 2, 'OAUTH2')",
        "INSERT INTO idn_oauth2_scope_binding (scope_id, scope_binding, binding_type) VALUES (9001, 'a', 'DEFAULT'), "
        "(9002, 'a', 'DEFAULT'), (9002, 'b', 'DEFAULT'), (9003, 'b', 'DEFAULT'), (9003, 'b', 'PERMISSION'), "
        "(9004, 'c', 'DEFAULT')",
        "INSERT INTO idn_oauth2_resource_scope (resource_path, scope_id, tenant_id) VALUES ('/p', 9003, 1)",
        "INSERT INTO idn_oidc_scope_claim_mapping (scope_id, external_claim_id) "
        "SELECT s, c FROM (VALUES (9001), (9002)) AS v(s), (SELECT min(id) AS c FROM idn_claim) AS x",
    )
    run(pair, upgrade)
    assert rows(pair.am, "SELECT scope_id, display_name FROM idn_oauth2_scope WHERE name = 'twice' ORDER BY 1") == [
        (9001, "Old"),
        (9004, "Other tenant"),
    ]
    assert rows(
        pair.am,
        "SELECT scope_id, scope_binding, binding_type FROM idn_oauth2_scope_binding WHERE scope_id > 9000 "
        "ORDER BY 1, 2, 3",
    ) == [(9001, "a", "DEFAULT"), (9001, "b", "DEFAULT"), (9001, "b", "PERMISSION"), (9004, "c", "DEFAULT")]
    assert rows(pair.am, "SELECT resource_path, scope_id FROM idn_oauth2_resource_scope") == [("/p", 9001)]
    assert rows(pair.am, "SELECT scope_id FROM idn_oidc_scope_claim_mapping WHERE scope_id > 9000") == [(9001,)]
    assert verdicts(pair.am)["scope twice of tenant 1"].reason == "existed more than once; merged into the oldest one"
    execute(
        pair.am,
        "ALTER TABLE idn_oauth2_scope ADD UNIQUE (name, tenant_id)",
        "ALTER TABLE idn_oauth2_scope_binding ADD UNIQUE (scope_id, scope_binding, binding_type)",
    )


@pytest.mark.parametrize("number", [9001, -1])
def test_an_api_scope_named_like_an_oidc_scope_is_merged_into_it_and_told(number: int, ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.1.0")
    execute(pair.am, SCOPES + f"({number}, 'email', 'E', 1, 'OAUTH2')")
    run(pair, upgrade)
    found = rows(pair.am, "SELECT scope_type FROM idn_oauth2_scope WHERE name = 'email' AND tenant_id = 1")
    assert found == [("OIDC",)]
    assert "existed as OAUTH2 and as OIDC scope" in verdicts(pair.am)["scope email of tenant 1"].reason


@pytest.mark.parametrize("target", ["4.1.0", "4.2.0"])
def test_equal_bindings_and_resource_paths_are_kept_once(target: str, ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", target)
    execute(
        pair.am,
        SCOPES + "(9001, 'one', 'O', 1, 'OAUTH2'), (9002, 'two', 'T', 1, 'OAUTH2')",
        "INSERT INTO idn_oauth2_scope_binding (scope_id, scope_binding, binding_type) "
        "SELECT 9001, 'role', 'DEFAULT' FROM generate_series(1, 3)",
        "INSERT INTO idn_oauth2_resource_scope (resource_path, scope_id, tenant_id) "
        "VALUES ('/p', 9002, 1), ('/p', 9001, 1), ('/p', 9001, 1), ('/q', 9002, 1)",
    )
    bindings = one(pair.am, "SELECT count(*) FROM idn_oauth2_scope_binding")
    run(pair, upgrade)
    assert one(pair.am, "SELECT count(*) FROM idn_oauth2_scope_binding WHERE scope_id = 9001") == 1
    added = 12 if target == "4.1.0" else 0
    assert one(pair.am, "SELECT count(*) FROM idn_oauth2_scope_binding") == bindings - 2 + added
    assert rows(pair.am, "SELECT resource_path, scope_id, tenant_id FROM idn_oauth2_resource_scope ORDER BY 1") == [
        ("/p", 9001, 1),
        ("/q", 9002, 1),
    ]
    assert "oldest scope, one, stays" in verdicts(pair.am)["resource /p"].reason
    execute(pair.am, "ALTER TABLE idn_oauth2_resource_scope ADD PRIMARY KEY (resource_path)")


def test_tokens_bound_to_a_cookie_are_still_checked(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.2.0")
    keys = [row[0] for row in rows(pair.am, "SELECT consumer_key FROM idn_oauth_consumer_apps ORDER BY 1 LIMIT 3")]
    execute(
        pair.am,
        f"UPDATE idn_oidc_property SET property_value = 'cookie' WHERE property_key = 'tokenBindingType' "
        f"AND consumer_key IN ('{keys[0]}', '{keys[1]}')",
        f"DELETE FROM idn_oidc_property WHERE property_key = 'tokenBindingValidation' "
        f"AND consumer_key IN ('{keys[1]}', '{keys[2]}')",
    )
    run(pair, upgrade)
    checked = Counter(
        row[0]
        for row in rows(
            pair.am, "SELECT consumer_key FROM idn_oidc_property WHERE property_key = 'tokenBindingValidation'"
        )
    )
    assert [checked[key] for key in keys] == [1, 1, 0]
    assert (
        one(
            pair.am,
            "SELECT count(*) FROM idn_oidc_property p JOIN idn_oauth_consumer_apps a USING (consumer_key) "
            "WHERE p.tenant_id <> a.tenant_id",
        )
        == 0
    )


def test_the_account_lock_setting_gets_its_new_name(ready: GetReady) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    new = "account.lock.handler.lock.on.max.failed.attempts.enable"
    execute(
        pair.am,
        "INSERT INTO idp_metadata (idp_id, name, value, tenant_id) VALUES (1, 'account.lock.handler.enable', 'true', "
        f"-1234), (2, 'account.lock.handler.enable', 'true', 1), (2, '{new}', 'false', 1)",
    )
    run(pair, upgrade)
    assert rows(pair.am, "SELECT idp_id, name, value FROM idp_metadata WHERE name LIKE 'account%' ORDER BY 1, 2") == [
        (1, new, "true"),
        (2, "account.lock.handler.enable", "true"),
        (2, new, "false"),
    ]


@pytest.mark.parametrize("as_file", [True, False])
def test_redirect_urls_of_relying_parties_become_access_urls(as_file: bool, ready: GetReady) -> None:
    pair, upgrade = ready("4.0.0", "4.4.0")
    apps = rows(
        pair.am,
        "SELECT inbound_auth_key, app_id FROM sp_inbound_auth WHERE inbound_auth_type = 'oauth2' AND tenant_id = 1 "
        "ORDER BY app_id LIMIT 2",
    )
    folder = "/_system/config/identity/config" + ("" if as_file else "/relyingPartyRedirectUrls")
    name = "'relyingPartyRedirectUrls'" if as_file else "NULL"
    execute(
        pair.am,
        f"UPDATE sp_app SET access_url = 'https://old' WHERE id = {apps[1][1]}",
        "INSERT INTO sp_inbound_auth (tenant_id, inbound_auth_key, inbound_auth_type, inbound_config_type, app_id) "
        "SELECT 1, 'issuer', 'samlsso', 'standardAPP', max(id) FROM sp_app WHERE tenant_id = 1",
    )
    execute(
        pair.shared,
        f"INSERT INTO reg_path (reg_path_id, reg_path_value, reg_tenant_id) VALUES (9001, '{folder}', 1)",
        "INSERT INTO reg_property (reg_id, reg_name, reg_value, reg_tenant_id) VALUES "
        f"(9001, '{apps[0][0]}', 'https://new', 1), (9002, '{apps[1][0]}', 'https://new', 1), "
        "(9003, 'issuer', 'https://saml', 1), (9004, 'issuer', NULL, 1)",
        "INSERT INTO reg_resource_property (reg_property_id, reg_path_id, reg_resource_name, reg_tenant_id) "
        f"SELECT reg_id, 9001, {name}, 1 FROM reg_property WHERE reg_id > 9000 AND reg_tenant_id = 1",
    )
    run(pair, upgrade)
    found = dict(rows(pair.am, "SELECT id, access_url FROM sp_app WHERE coalesce(access_url, '') <> ''"))
    last = one(pair.am, "SELECT max(id) FROM sp_app WHERE tenant_id = 1")
    assert found == {apps[0][1]: "https://new", apps[1][1]: "https://old", last: "https://saml"}


def test_permissions_move_to_internal_roles_where_separation_was_chosen(finished: Finish) -> None:
    done = finished("3.2.0", "4.7.0", SEPARATE)
    domains = dict(rows(done.pair.shared, "SELECT um_domain_id, upper(um_domain_name) FROM um_domain"))
    ids = {
        value: key
        for key, value in rows(
            done.pair.shared, "SELECT um_domain_id, um_tenant_id FROM um_domain WHERE um_domain_name = 'INTERNAL'"
        )
    }
    expected, moved = [], set()
    for number, permission, role, allowed, tenant, domain in done.permissions_before:
        if domains[domain] == "PRIMARY":
            moved.add((tenant, role, "admin" if role == "admin" else f"system_primary_{role}"))
            role, domain = ("admin" if role == "admin" else f"system_primary_{role}"), ids[tenant]
        expected.append((number, permission, role, allowed, tenant, domain))
    assert rows(done.pair.shared, "SELECT * FROM um_role_permission ORDER BY um_id") == expected
    groups = rows(
        done.pair.shared,
        "SELECT g.um_tenant_id, g.um_group_name, r.um_role_name, d.um_domain_name FROM um_hybrid_group_role g "
        "JOIN um_hybrid_role r ON r.um_id = g.um_role_id AND r.um_tenant_id = g.um_tenant_id "
        "JOIN um_domain d ON d.um_domain_id = g.um_domain_id AND d.um_tenant_id = g.um_tenant_id",
    )
    assert len(groups) == len(moved) == 15
    assert set(groups) == {(*role, "PRIMARY") for role in moved}
    assert "role PRIMARY/ADP_CREATOR of tenant 1" in done.shared_verdicts


def test_a_permission_that_the_internal_role_has_already_is_not_doubled(ready: GetReady) -> None:
    pair, upgrade = ready("3.2.0", "4.7.0", Choices(separate_groups_and_roles=True))
    execute(
        pair.shared,
        "INSERT INTO um_role_permission (um_permission_id, um_role_name, um_is_allowed, um_tenant_id, um_domain_id) "
        "SELECT um_permission_id, 'system_primary_ADP_CREATOR', 1, 1, (SELECT um_domain_id FROM um_domain "
        "WHERE um_tenant_id = 1 AND um_domain_name = 'INTERNAL') FROM um_role_permission "
        "WHERE um_role_name = 'ADP_CREATOR' AND um_tenant_id = 1 ORDER BY um_id LIMIT 1",
        "DELETE FROM um_domain WHERE um_tenant_id = 2 AND um_domain_name = 'INTERNAL'",
    )
    total = one(pair.shared, "SELECT count(*) FROM um_role_permission WHERE um_tenant_id = 1")
    run(pair, upgrade)
    assert one(pair.shared, "SELECT count(*) FROM um_role_permission WHERE um_tenant_id = 1") == int(str(total)) - 1
    failed = {item for item, verdict in verdicts(pair.shared).items() if verdict.verdict is Verdict.FAILED}
    assert "role PRIMARY/admin of tenant 2" in failed
    assert len(failed) == 5


def test_no_step_touches_tokens_or_sessions() -> None:
    big = ("idn_oauth2_access_token", "idn_oauth2_authorization_code", "idn_auth_session", "idn_oauth2_token_binding")
    for step in identity.steps(upgrade_without_estate("3.2.0", "4.7.0", SEPARATE)):
        for operation in step.operations:
            if isinstance(operation, Sql) and not isinstance(operation.statement, str):
                text = str(operation.statement.compile(dialect=postgresql.dialect()))
                assert not any(table in text for table in big), step.name


def test_what_the_plan_counts_can_be_counted_on_every_source(real_estate: Callable[[str], Pair]) -> None:
    for source in ("3.2.0", "4.0.0", "4.2.0", "4.5.0"):
        pair = real_estate(source)
        upgrade = upgrade_of(pair, source, "4.7.0")
        for step in identity.steps(upgrade):
            if step.touches is not None:
                with pair.by_name()[step.database].read() as session:
                    expected = 2 if step.name == "4.0.0/identity/tenant-uuids" else 0
                    assert session.all(step.touches)[0][0] == expected, step.name
