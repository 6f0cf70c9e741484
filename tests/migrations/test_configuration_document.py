"""The three-way merge of tenant configurations, against documents that real servers stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from apim_upgrade.migrations.v4_1_0.configuration_document import NotAConfiguration, is_default, merge, read, write
from apim_upgrade.releases import Release
from apim_upgrade.releases.tenant_defaults import tenant_defaults
from conftest import Pair

RELEASES = ("3.2.0", "4.0.0", "4.1.0", "4.2.0", "4.3.0", "4.4.0", "4.5.0", "4.6.0", "4.7.0")


def defaults(release: str, role: str = "admin") -> Any:
    return tenant_defaults(Release.parse(release), role)


def document(release: str) -> dict[str, Any]:
    """The configuration a server of the release would write, from our own data."""
    known = defaults(release)
    scopes = [{"Name": name, "Roles": roles} for name, roles in known.scopes.items()]
    roles = copy.deepcopy(dict(known.default_roles))
    return {**copy.deepcopy(dict(known.settings)), "RESTAPIScopes": {"Scope": scopes}, "DefaultRoles": roles}


def roles_of(merged: dict[str, Any]) -> dict[str, str]:
    return {scope["Name"]: scope["Roles"] for scope in merged["RESTAPIScopes"]["Scope"]}


def stored(pair: Pair) -> bytes:
    with pair.am.read() as session:
        rows = session.all("SELECT configuration FROM am_system_configs WHERE organization = 'carbon.super'")
    return bytes(rows[0][0])


def in_registry(pair: Pair, name: str = "tenant-conf.json") -> bytes:
    with pair.shared.read() as session:
        rows = session.all(
            "SELECT c.reg_content_data FROM reg_path p JOIN reg_resource r USING (reg_path_id, reg_tenant_id) "
            "JOIN reg_content c USING (reg_content_id, reg_tenant_id) WHERE reg_tenant_id = -1234 "
            f"AND p.reg_path_value = '/_system/config/apimgt/applicationdata' AND r.reg_name = '{name}'"
        )
    return bytes(rows[0][0])


def test_the_number_of_scopes_per_release() -> None:
    assert [len(defaults(release).scopes) for release in RELEASES] == [63, 71, 83, 84, 91, 93, 98, 106, 107]


@pytest.mark.parametrize("release", ["4.2.0/fresh", "4.5.0/fresh"])
def test_a_servers_own_row_is_the_default_of_its_release_and_written_back_byte_by_byte(
    real_estate: Callable[[str], Pair], release: str
) -> None:
    content = stored(real_estate(release))
    assert is_default(read(content), defaults(release.split("/")[0]))
    assert write(read(content)) == content


def test_a_stock_file_of_4_0_0_becomes_what_a_server_of_4_2_0_or_4_5_0_stores(
    real_estate: Callable[[str], Pair],
) -> None:
    old = read(in_registry(real_estate("4.0.0/fresh")))
    for release in ("4.2.0", "4.5.0"):
        mine = merge(old, defaults("4.0.0"), defaults(release)).document
        theirs = read(stored(real_estate(f"{release}/fresh")))
        assert mine["RESTAPIScopes"] == theirs["RESTAPIScopes"]
        assert mine.pop("ContainerMgt") == old["ContainerMgt"]
        assert mine.pop("Notifications") == old["Notifications"]
        assert mine == {name: value for name, value in theirs.items() if name != "Notifications"}


@pytest.mark.parametrize("source", RELEASES[:-1])
def test_a_default_becomes_the_newer_default_and_stays_it(source: str) -> None:
    once = merge(document(source), defaults(source), defaults("4.7.0"))
    assert once.kept == ()
    assert is_default(once.document, defaults("4.7.0"))
    assert list(roles_of(once.document)) == list(defaults("4.7.0").scopes)
    assert merge(once.document, defaults(source), defaults("4.7.0")).document == once.document


def test_roles_that_a_tenant_changed_stay_and_are_told() -> None:
    mine = document("4.0.0")
    roles = roles_of(mine)
    for scope in mine["RESTAPIScopes"]["Scope"]:
        if scope["Name"] in ("apim:api_view", "apim:api_publish"):
            scope["Roles"] = "admin,Internal/staff"
        if scope["Name"] == "apim:publisher_settings":
            scope["Roles"] = " , ".join(reversed(roles["apim:publisher_settings"].split(",")))
    merged = merge(mine, defaults("4.0.0"), defaults("4.7.0"))
    after = roles_of(merged.document)
    assert merged.kept == ("apim:api_view",)
    assert after["apim:api_view"] == after["apim:api_publish"] == "admin,Internal/staff"
    assert after["apim:publisher_settings"].endswith("Internal/observer")


def test_a_scope_of_the_future_is_no_surprise() -> None:
    mine = document("3.2.0")
    mine["RESTAPIScopes"]["Scope"].append({"Name": "apim:admin_application_view", "Roles": "admin"})
    merged = merge(mine, defaults("3.2.0"), defaults("4.7.0")).document
    assert [scope["Name"] for scope in merged["RESTAPIScopes"]["Scope"]].count("apim:admin_application_view") == 1
    assert set(roles_of(merged)) == set(defaults("4.7.0").scopes)


def test_unknown_keys_scopes_and_role_mappings_are_kept_d4() -> None:
    mine = document("3.2.0")
    mine["RoleMappings"] = {"Internal/creator": "Internal/creator,STAFF"}
    mine["Own"] = {"deep": [1, 2.5, None]}
    mine["RESTAPIScopes"]["Scope"].insert(3, {"Name": "own:scope", "Roles": "STAFF"})
    mine["DefaultRoles"]["CreatorRole"]["RoleName"] = "Internal/maker"
    merged = merge(mine, defaults("3.2.0"), defaults("4.7.0")).document
    assert merged["RoleMappings"] == mine["RoleMappings"]
    assert merged["Own"] == mine["Own"]
    assert roles_of(merged)["own:scope"] == "STAFF"
    assert merged["DefaultRoles"]["CreatorRole"]["RoleName"] == "Internal/maker"
    assert merged["DefaultRoles"]["ObserverRole"]["RoleName"] == "Internal/observer"


def test_the_document_given_is_not_changed() -> None:
    mine = document("3.2.0")
    before = copy.deepcopy(mine)
    merge(mine, defaults("3.2.0"), defaults("4.7.0"))
    assert mine == before


def test_without_scopes_the_list_begins_empty() -> None:
    assert set(roles_of(merge({}, defaults("4.0.0"), defaults("4.1.0")).document)) == set(defaults("4.1.0").scopes)


def test_another_admin_role_takes_the_place_of_admin() -> None:
    merged = merge(document("4.0.0"), defaults("4.0.0", "boss"), defaults("4.7.0", "boss"), defaults("4.0.0")).document
    assert roles_of(merged)["apim:gov_policy_manage"] == "boss"
    assert roles_of(merged)["apim:api_view"].startswith("boss,")
    assert roles_of(merged)["apim:api_publish"] == "admin,Internal/publisher"


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"a": 1' + b"[" * 100_000])
def test_what_is_no_configuration_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        read(content)


@pytest.mark.parametrize(
    "broken",
    [
        {"RESTAPIScopes": []},
        {"RESTAPIScopes": {"Scope": {"Name": "x"}}},
        {"RESTAPIScopes": {"Scope": ["x"]}},
        {"DefaultRoles": "none"},
    ],
)
def test_lists_of_another_form_are_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(NotAConfiguration):
        merge(broken, defaults("4.0.0"), defaults("4.7.0"))
    assert not is_default(broken, defaults("4.0.0"))


def test_the_servers_escapes_are_written() -> None:
    text = write({"t": "<a href='x'>&=\u2028 ’"}).decode()
    assert "\\u003ca href\\u003d\\u0027x\\u0027\\u003e\\u0026\\u003d\\u2028 ’" in text
    assert json.loads(text) == {"t": "<a href='x'>&=\u2028 ’"}
