"""What is odd in an estate, and may be, never stops a run: every odd thing is left alone or told by name."""

from __future__ import annotations

from collections.abc import Callable

from conftest import Pair
from execution.site import Site, change

ODD_IN_AM = (
    "DELETE FROM am_policy_subscription WHERE name = 'Gold'",
    "UPDATE am_subscription SET tier_id = 'NoSuchTier' WHERE subscription_id = 1",
    "DELETE FROM am_application_key_mapping WHERE application_id = 3",
    "DELETE FROM am_api_product_mapping WHERE url_mapping_id = "
    "(SELECT min(url_mapping_id) FROM am_api_product_mapping)",
    # A member of a product that the registry does not know.
    "UPDATE am_api SET api_provider = 'ghost' WHERE api_id = "
    "(SELECT u.api_id FROM am_api_product_mapping m JOIN am_api_url_mapping u USING (url_mapping_id) LIMIT 1)",
)
ODD_IN_SHARED = (
    "UPDATE um_tenant SET um_active = false WHERE um_id = 1",
    "DELETE FROM um_tenant WHERE um_id = 2",
    "DELETE FROM um_user_role WHERE um_user_id IN (SELECT um_id FROM um_user WHERE um_user_name = 'kim')",
    "DELETE FROM um_user_attribute WHERE um_user_id IN (SELECT um_id FROM um_user WHERE um_user_name = 'kim')",
    "DELETE FROM um_user WHERE um_user_name = 'kim'",
    "DELETE FROM reg_resource WHERE reg_version = (SELECT min(reg_version) FROM reg_resource "
    "WHERE reg_name = 'swagger.json')",
    "UPDATE reg_resource SET reg_name = NULL WHERE reg_version = (SELECT min(reg_version) FROM reg_resource "
    "JOIN reg_path USING (reg_path_id, reg_tenant_id) WHERE reg_path_value LIKE '%/customsequences/fault')",
)


def test_an_estate_with_deleted_tenants_users_and_files_is_upgraded(
    site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> None:
    pair = sample_estate("3.2.0", apis=21, tenants=2)
    change(pair.am, *ODD_IN_AM)
    change(pair.shared, *ODD_IN_SHARED)
    here = site(pair, "4.1.0")
    before = here.originals()
    answer = here("run", "--format", "json")
    assert answer.code == 1
    assert answer.document["state"] == "not proven"  # rows of a tenant that was deleted are of no organization
    failed = {item["item"]: item["reason"] for item in answer.document["items"]}
    assert "The registry has no swagger.json for this API." in failed.values()
    assert [reason for item, reason in failed.items() if item.startswith("AM_API_CATEGORIES")] == [
        "Its tenant is not known (TENANT_ID is 2)."
    ] * 4
    unproven = {proof["name"] for proof in answer.document["proofs"] if not proof["holds"]}
    assert not {name for name in unproven if name.startswith(("schema/", "rows/"))}
    assert here.originals() == before
