"""Reading what artifacts are made from: by sets, in batches, from schemas of several releases."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from apim_upgrade import gateway
from apim_upgrade.databases import Database
from apim_upgrade.gateway import endpoints, source
from apim_upgrade.releases import Release
from conftest import Pair


def read(pair: Pair, wanted: frozenset[str] | None = None) -> list[gateway.RevisionInput]:
    with pair.am.read() as am, pair.shared.read() as shared:
        return list(gateway.revisions(am, shared, wanted))


def change(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(statement)


def entries(revision: gateway.RevisionInput, release: str) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(gateway.build(revision, Release.parse(release)))) as packed:
        return {name.split("/", 1)[1]: packed.read(name) for name in packed.namelist()}


def test_batches_of_any_size_give_the_same(real_estate: Callable[[str], Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    pair = real_estate("4.2.0")
    at_once = read(pair)
    monkeypatch.setattr(source, "_ROWS", 7)
    monkeypatch.setattr(source, "_CONTENTS", 3)
    assert read(pair) == at_once
    some = frozenset(revision.uuid for revision in at_once[::3])
    assert read(pair, some) == at_once[::3]
    assert read(pair, frozenset()) == []


def test_the_number_of_queries_does_not_grow_with_the_estate(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.5.0")
    queries: list[str] = []

    def count(*arguments: Any) -> None:
        queries.append(arguments[2])

    for database in (pair.am, pair.shared):
        event.listen(database.engine, "before_cursor_execute", count)
    one = read(pair, frozenset([read(pair)[0].uuid]))
    assert len(one) == 1
    queries.clear()
    assert len(read(pair)) > 30
    assert len(queries) < 45


def test_certificates_of_a_tenants_endpoints_come_with_its_apis(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.5.0")
    values = ", ".join(
        f"({tenant}, '{alias}', '{url}', 'QUFBQQ==')"
        for tenant, alias, url in (
            (1, "prod", "https://localhost:9/prod"),
            (1, "other", "https://localhost:9/pro"),
            (-1234, "super", "http://localhost:9"),
        )
    )
    change(pair.am, f"INSERT INTO am_certificate_metadata (tenant_id, alias, end_point, certificate) VALUES {values}")
    by_tenant: dict[int, set[str]] = {}
    for revision in read(pair):
        aliases = {item.alias for item in revision.api.endpoint_certificates}
        by_tenant.setdefault(revision.api.tenant_id, set()).update(aliases)
        if aliases:
            assert "Endpoint-certificates/endpoint_certificates.json" in entries(revision, "4.5.0")
    assert by_tenant == {1: {"prod"}, -1234: {"super"}}


@pytest.mark.parametrize(
    ("certified", "url", "served"),
    [
        ("https://h/prod", "https://h/prod?a=1&b=2", True),
        ("https://h", "https://h/prod", True),
        ("https://h/", "https://h/prod", True),
        ("https://h/prod", "https://h/production", False),
        ("https://h:1", "https://h:12/x", False),
        ("", "https://h", False),
    ],
)
def test_a_certificate_serves_an_address_and_what_continues_it(certified: str, url: str, served: bool) -> None:
    assert endpoints.serves(certified, url) is served


def test_policies_of_whole_apis_and_parameters_in_bytes_are_read(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.5.0")
    change(
        pair.am,
        "INSERT INTO am_api_policy_mapping (api_uuid, revision_uuid, policy_uuid, policy_order, direction, parameters) "
        "SELECT o.api_uuid, o.revision_uuid, o.policy_uuid, 1, 'response', '{\"headerName\":\"X\"}' "
        "FROM am_api_operation_policy o",
        "ALTER TABLE am_api_operation_policy_mapping ALTER parameters TYPE bytea USING convert_to(parameters, 'UTF8')",
    )
    revisions = [revision for revision in read(pair) if revision.api.policy_uses and not revision.members]
    assert len(revisions) == 6
    for revision in revisions:
        data = json.loads(entries(revision, "4.6.0")["api.json"])["data"]
        assert [use["parameters"] for use in data["apiPolicies"]["response"]] == [{"headerName": "X"}]
        of_operations = [use for item in data["operations"] for use in item["operationPolicies"]["request"]]
        assert [use["parameters"]["headerName"] for use in of_operations] == ["X-A"]


def test_a_revision_without_its_folder_does_not_stop_the_others(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.0.0")
    before = read(pair)
    lost = before[3]
    change(pair.shared, f"DELETE FROM reg_resource WHERE reg_uuid = '{lost.uuid}'")
    after = read(pair)
    assert [revision.uuid for revision in after] == [revision.uuid for revision in before]
    with pytest.raises(gateway.Unbuildable, match="no folder"):
        gateway.build(after[3], Release.parse("4.0.0"))
    assert [one for one, other in zip(before, after, strict=True) if one != other] == [lost]


def test_broken_endpoints_are_left_to_the_build(real_estate: Callable[[str], Pair]) -> None:
    pair = real_estate("4.5.0")
    change(
        pair.am,
        "INSERT INTO am_certificate_metadata (tenant_id, alias, end_point, certificate) "
        "VALUES (-1234, 'a', 'x', 'QQ==')",
    )
    change(
        pair.shared,
        "UPDATE reg_content SET reg_content_data = convert_to(replace(convert_from(reg_content_data, 'UTF8'), "
        "'<endpointConfig>{', '<endpointConfig>'), 'UTF8') "
        "WHERE position('<endpointConfig>{'::bytea IN reg_content_data) > 0",
    )
    with pytest.raises(gateway.Unbuildable, match="endpoint configuration"):
        for revision in read(pair):
            gateway.build(revision, Release.parse("4.5.0"))
