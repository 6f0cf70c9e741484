"""Operations of API products as 4.x keeps them."""

from __future__ import annotations

from api_data import Estates, prepared

from apim_upgrade.engine import journal
from apim_upgrade.migrations import repairs
from apim_upgrade.migrations.v4_0_0 import product_operations

__all__ = ["prepared"]
TABLES = ("am_api_url_mapping", "am_api_product_mapping", "am_api_resource_scope_mapping")
OPERATIONS = (
    "SELECT m.api_id, u.api_id, u.http_method, u.url_pattern, u.auth_scheme, u.throttling_tier, u.revision_uuid, "
    "m.revision_uuid, (SELECT string_agg(s.scope_name || s.tenant_id, ' ' ORDER BY s.scope_name) "
    "FROM am_api_resource_scope_mapping s WHERE s.url_mapping_id = u.url_mapping_id) "
    "FROM am_api_product_mapping m JOIN am_api_url_mapping u USING (url_mapping_id) ORDER BY 1, 3, 4"
)
BOTH = "Application & Application User"


def test_products_get_copies_with_scopes_in_their_tenant_r3(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    before = len(estate.table("am_api_url_mapping"))
    estate.run(product_operations.steps(estate.upgrade))
    local, shared = "adp-local-scope-without-roles", "adp-shared-scope-without-roles"
    assert estate.rows(OPERATIONS) == [
        (product, member, "GET", pattern, BOTH, "Unlimited", str(product), "Current API", scopes)
        for product, member, tenant in ((13, 1, -1234), (27, 15, 1), (41, 29, 2))
        for pattern, scopes in (("/users", f"{local}{tenant}"), ("/users/{id}", f"{local}{tenant} {shared}{tenant}"))
    ]
    assert len(estate.table("am_api_url_mapping")) == before + 6
    with estate.pair.am.read() as session:
        added = {(table, inserted) for _, table, inserted, _ in journal.read_rows(session)}
    assert {("am_api_url_mapping", 6), ("am_api_resource_scope_mapping", 9)} <= added
    assert estate.changes_nothing(product_operations, *TABLES)


def test_an_operation_of_two_products_stays_in_both_r1(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("INSERT INTO am_api_product_mapping (api_id, url_mapping_id) VALUES (27, 6), (27, 6)")
    estate.run(product_operations.steps(estate.upgrade))
    assert sorted(row[1:4] for row in estate.rows(OPERATIONS) if row[0] == 27) == [
        (1, "GET", "/users/{id}"),
        (1, "GET", "/users/{id}"),
        (15, "GET", "/users"),
        (15, "GET", "/users/{id}"),
    ]
    assert len({row[0] for row in estate.rows("SELECT url_mapping_id FROM am_api_product_mapping")}) == 8


def test_operations_without_tier_or_scheme_are_not_lost_r3a(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("UPDATE am_api_url_mapping SET throttling_tier = NULL, auth_scheme = NULL WHERE url_mapping_id = 6")
    estate.run(product_operations.steps(estate.upgrade))
    assert (13, 1, "GET", "/users/{id}", None, None) in [row[:6] for row in estate.rows(OPERATIONS)]
    estate.run(repairs.steps(estate.upgrade))
    assert (13, 1, "GET", "/users/{id}", "Any", "Unlimited") in [row[:6] for row in estate.rows(OPERATIONS)]


def test_products_of_4_x_are_as_they_should_be(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    assert estate.changes_nothing(product_operations, *TABLES)
