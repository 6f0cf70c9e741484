"""Reading real registries by path, by folder and as a whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade import registry
from conftest import Pair

FOLDER = f"{registry.PROVIDERS}/adp_crt_user-AT-adpexample.com/ADPRestAPI/1.0.0"


def test_a_file_is_read_within_its_tenant(real_estate: Callable[[str], Pair]) -> None:
    with real_estate("3.2.0").shared.read() as session:
        content = registry.read(session, 1, f"{FOLDER}/api")
        assert content is not None
        assert registry.Artifact.parse(content).get("name") == "ADPRestAPI"
        assert registry.read(session, 2, f"{FOLDER}/api") is None
        assert registry.read(session, 1, FOLDER) is None


def test_properties_are_read_with_all_their_values(real_estate: Callable[[str], Pair]) -> None:
    with real_estate("3.2.0").shared.read() as session:
        found = registry.read_properties(session, 1, f"{FOLDER}/api")
        assert found["registry.lifecycle.APILifeCycle.state"] == ["Published"]
        assert not registry.read_properties(session, 1, f"{FOLDER}/nothing")


def test_a_folder_lists_what_lives_in_it(real_estate: Callable[[str], Pair]) -> None:
    with real_estate("3.2.0").shared.read() as session:
        names = registry.list_folder(session, 1, FOLDER)
        assert {"api", "swagger.json", "documentation/"} <= set(names)
        assert registry.list_folder(session, 2, FOLDER) == []


def test_states_are_read_by_path_and_by_version(real_estate: Callable[[str], Pair]) -> None:
    shared = real_estate("3.2.0").shared
    with shared.read() as session:
        before = [(row.uuid, row.state) for row in session.stream(registry.artifacts())]
    assert all(state for _, state in before)
    with shared.write() as session:
        session.execute(
            "update reg_resource_property l set reg_version = r.reg_version, reg_path_id = null, "
            "reg_resource_name = null from reg_resource r where l.reg_path_id = r.reg_path_id "
            "and l.reg_resource_name = r.reg_name and l.reg_tenant_id = r.reg_tenant_id and r.reg_tenant_id = 1"
        )
    with shared.read() as session:
        assert [(row.uuid, row.state) for row in session.stream(registry.artifacts())] == before
        assert registry.read_properties(session, 1, f"{FOLDER}/api")["resource.source"] == ["remote"]


@pytest.mark.parametrize(
    ("path", "expected"), [("/a/b", ("/a", "b")), ("/a", ("/", "a")), ("/a/b c/d.e", ("/a/b c", "d.e"))]
)
def test_paths_are_split_at_the_last_slash_only(path: str, expected: tuple[str, str]) -> None:
    assert registry.split(path) == expected
    assert registry.join(*expected) == path


def test_providers_are_spelt_as_path_and_table_want_them() -> None:
    assert registry.provider_in_path("kim@shop.example") == "kim-AT-shop.example"
    assert registry.provider_in_tables("kim-AT-shop.example") == "kim@shop.example"
