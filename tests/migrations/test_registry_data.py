"""The data steps of 4.0.0 to 4.5.0 that live in the registry, on estates that real servers wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from api_data import STARTED, Estates, Prepared, prepared
from lxml import etree

from apim_upgrade import registry
from apim_upgrade.engine import Sql, Verdict, journal
from apim_upgrade.migrations import artifact_edits, prepare, registry_types, reindex
from apim_upgrade.migrations.v4_0_0 import fault_sequences, icons_and_wsdls, websocket
from apim_upgrade.migrations.v4_1_0 import version_comparable
from apim_upgrade.migrations.v4_2_0 import lifecycle_status

__all__ = ["prepared"]

PROVIDERS = registry.PROVIDERS
REST = f"{PROVIDERS}/adp_crt_user/ADPRestAPI/1.0.0"
ARTIFACTS = (
    "select r.reg_tenant_id, p.reg_path_value, r.reg_uuid, c.reg_content_data, r.reg_last_updated_time "
    "from reg_resource r join reg_path p on p.reg_path_id = r.reg_path_id and p.reg_tenant_id = r.reg_tenant_id "
    "join reg_content c on c.reg_content_id = r.reg_content_id and c.reg_tenant_id = r.reg_tenant_id "
    f"where r.reg_name = 'api' and p.reg_path_value like '{PROVIDERS}/%' order by 1, 2"
)
SHARED = ("reg_path", "reg_resource", "reg_content", "reg_log", "reg_property", "um_permission", "um_role_permission")


def shared(estate: Prepared, query: str) -> list[tuple[Any, ...]]:
    with estate.pair.shared.read() as session:
        return [tuple(row) for row in session.all(query.replace("%", "%%"))]


def change(estate: Prepared, *statements: str) -> None:
    with estate.pair.shared.write() as session:
        for statement in statements:
            session.execute(statement.replace("%", "%%"))


def artifacts(estate: Prepared) -> dict[tuple[int, str], registry.Artifact]:
    return {(row[0], row[1]): registry.Artifact.parse(row[3]) for row in shared(estate, ARTIFACTS)}


def state_of(estate: Prepared) -> list[list[tuple[Any, ...]]]:
    return [sorted(shared(estate, f"select * from {name}"), key=repr) for name in SHARED]


def changes_nothing(estate: Prepared, module: Any) -> bool:
    """Say whether a second run leaves both databases as they are."""
    before = state_of(estate)
    again = estate.changes_nothing(module, "am_api", "am_api_url_mapping")
    return again and state_of(estate) == before


def verdicts(estate: Prepared, step: str) -> dict[str, Any]:
    with estate.pair.shared.read() as session:
        return {item.item: item for name, item in journal.read_verdicts(session) if name == step}


def put(estate: Prepared, tenant: int, folder: str, name: str, content: str, media_type: str = "x/y") -> None:
    """Add a file the way the product stores one."""
    change(
        estate,
        "insert into reg_path (reg_path_value, reg_path_parent_id, reg_tenant_id) "
        f"select '{folder}', 1, {tenant} where not exists "
        f"(select 1 from reg_path where reg_path_value = '{folder}' and reg_tenant_id = {tenant})",
        f"insert into reg_content (reg_content_data, reg_tenant_id) values (convert_to('{content}', 'UTF8'), {tenant})",
        "insert into reg_resource (reg_path_id, reg_name, reg_media_type, reg_creator, reg_created_time, "
        "reg_last_updator, reg_last_updated_time, reg_content_id, reg_tenant_id, reg_uuid) "
        f"select reg_path_id, '{name}', '{media_type}', 'x', now(), 'x', now(), "
        f"(select max(reg_content_id) from reg_content), {tenant}, md5('{folder}{name}') "
        f"from reg_path where reg_path_value = '{folder}' and reg_tenant_id = {tenant}",
    )


def read(estate: Prepared, tenant: int, path: str) -> bytes | None:
    with estate.pair.shared.read() as session:
        return registry.read(session, tenant, path)


# WebSocket APIs


def test_websocket_apis_get_one_subscribe_operation(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(websocket.steps(estate.upgrade))
    operations = estate.rows(
        "select m.http_method, m.auth_scheme, m.url_pattern, m.throttling_tier, m.revision_uuid, count(*) "
        "from am_api a join am_api_url_mapping m using (api_id) where a.api_type = 'WS' group by 1, 2, 3, 4, 5"
    )
    assert operations == [("SUBSCRIBE", "Any", "/*", "Unlimited", None, 6)]
    assert changes_nothing(estate, websocket)


def test_websocket_apis_get_a_definition_with_the_rights_of_the_api(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(websocket.steps(estate.upgrade))
    written = {
        place: json.loads(read(estate, place[0], f"{place[1]}/asyncapi.json") or b"{}")
        for place, artifact in artifacts(estate).items()
        if artifact.get("type") == "WS"
    }
    assert len(written) == 6
    for (tenant, folder), document in written.items():
        name, version = folder.split("/")[-2:]
        assert document == {
            "asyncapi": "2.0.0",
            "info": {"title": name, "version": version},
            "servers": {
                "production": {"url": "ws://ws.ifelse.io:80", "protocol": "ws"},
                "sandbox": {"url": "ws://ws.ifelse.io:80", "protocol": "ws"},
            },
            "channels": {"/*": {"publish": {}, "subscribe": {}}},
        }
        assert artifacts(estate)[tenant, folder].get("wsUriMapping") == "{}"
        rights = (
            "select p.um_action, r.um_role_name, r.um_is_allowed, r.um_domain_id from um_permission p "
            "join um_role_permission r on r.um_permission_id = p.um_id and r.um_tenant_id = p.um_tenant_id "
            "where p.um_resource_id = '{}' and p.um_tenant_id = {} order by 1, 2"
        )
        of_api = shared(estate, rights.format(f"{folder}/api", tenant))
        assert shared(estate, rights.format(f"{folder}/asyncapi.json", tenant)) == of_api != []


def test_the_definition_looks_like_that_of_a_real_server(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    path = next(place for place, artifact in artifacts(estate).items() if artifact.get("type") == "WS")
    real = read(estate, path[0], f"{path[1]}/asyncapi.json") or b""
    ours = json.loads(websocket.async_api("x", "1", {"production": "ws://localhost:9/ws"}))
    theirs = json.loads(real)
    assert ours["servers"] == theirs["servers"]
    assert [*ours, *ours["info"]] == [*theirs, *theirs["info"]]
    assert ours["channels"]["/*"] == theirs["channels"]["/alerts"]
    assert real.startswith(b'{\n    "asyncapi": "2.0.0",\n')


@pytest.mark.parametrize("config", ["", "[]", "{broken", '{"production_endpoints": {"url": ""}}'])
def test_an_unreadable_endpoint_gives_a_definition_without_servers(config: str, prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(f"update apim_upgrade_artifact set endpoint_config = '{config}' where type = 'WS'")
    estate.run(websocket.steps(estate.upgrade))
    (row,) = shared(
        estate,
        "select distinct convert_from(c.reg_content_data, 'UTF8') like '%servers%' from reg_resource r "
        "join reg_content c using (reg_content_id) where r.reg_name = 'asyncapi.json'",
    )
    assert row == (False,)
    noted = verdicts(estate, "4.0.0/websocket/definitions")
    assert bool(noted) == (config in ("[]", "{broken"))


def test_load_balanced_endpoints_give_the_first_url() -> None:
    config = '{"production_endpoints": [{"url": "ws://a"}, {"url": "ws://b"}], "sandbox_endpoints": null}'
    assert websocket._servers(config) == {"production": "ws://a"}


def test_r12_a_websocket_api_is_found_by_uuid_not_by_context(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("update am_api set context = context || '/x' where api_type = 'WS'")
    estate.run(websocket.steps(estate.upgrade))
    assert estate.rows("select count(*) from am_api_url_mapping where http_method = 'SUBSCRIBE'") == [(6,)]


# Icons and WSDLs


def test_wsdls_move_into_their_apis_and_r13a_each_artifact_names_its_own(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    before = {place: artifact.get("wsdl") for place, artifact in artifacts(estate).items() if artifact.get("wsdl")}
    assert len(set(before.values())) == 1
    estate.run(icons_and_wsdls.steps(estate.upgrade))
    prefixes = {-1234: "", 1: "/t/adpexample.com", 2: "/t/adpsample.com"}
    moved = {place: artifact.get("wsdl") for place, artifact in artifacts(estate).items() if artifact.get("wsdl")}
    assert len(moved) == 6
    for (tenant, folder), named in moved.items():
        provider, name, version = folder.removeprefix(f"{PROVIDERS}/").split("/")
        path = f"{folder}/{provider}--{name}{version}.wsdl"
        old = f"{registry.D}/wsdls/{provider}--{name}{version}.wsdl"
        assert named == f"{prefixes[tenant]}/registry/resource{path}"
        assert read(estate, tenant, path) == read(estate, tenant, old) != b""
        assert shared(
            estate, f"select 1 from um_permission where um_resource_id = '{path}' and um_tenant_id = {tenant}"
        )
    assert changes_nothing(estate, icons_and_wsdls)


@pytest.mark.parametrize("provider", ["adp_crt_user-AT-adpexample.com", "adp_crt_user@adpexample.com"])
def test_r13_icons_of_tenants_move_from_either_form_of_the_path(provider: str, prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    put(estate, 1, f"{registry.D}/icons/{provider}/ADPRestAPI/1.0.0", "icon", "picture", "image/png")
    estate.run(icons_and_wsdls.steps(estate.upgrade))
    folder = f"{PROVIDERS}/adp_crt_user-AT-adpexample.com/ADPRestAPI/1.0.0"
    assert read(estate, 1, f"{folder}/icon") == b"picture"
    r14 = f"/t/adpexample.com/registry/resource{folder}/icon"
    assert artifacts(estate)[1, folder].get("thumbnail") == r14
    assert read(estate, -1234, f"{REST}/icon") is None
    assert shared(estate, "select reg_media_type from reg_resource where reg_name = 'icon'") == [("image/png",)] * 2
    assert changes_nothing(estate, icons_and_wsdls)


def test_a_wsdl_archive_moves_with_its_right_media_type(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    name = "adp_crt_user--ADPRestAPI1.0.0.zip"
    put(estate, -1234, f"{registry.D}/wsdls/archives", name, "zip", "application/octet-stream")
    estate.run(icons_and_wsdls.steps(estate.upgrade))
    assert shared(
        estate,
        "select r.reg_media_type from reg_resource r join reg_path p using (reg_path_id) "
        f"where p.reg_path_value = '{REST}/archives' and r.reg_name = '{name}'",
    ) == [("application/zip",)]
    assert artifacts(estate)[-1234, REST].get("wsdl") == f"/registry/resource{REST}/archives/{name}"


def test_a_broken_artifact_still_gets_its_icon_and_a_verdict(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    put(estate, -1234, f"{registry.D}/icons/adp_crt_user/ADPRestAPI/1.0.0", "icon", "picture")
    break_artifact(estate)
    estate.run(icons_and_wsdls.steps(estate.upgrade))
    (verdict,) = verdicts(estate, "4.0.0/registry/icons-and-wsdls").values()
    assert (verdict.verdict, verdict.item) == (Verdict.FAILED, f"carbon.super:{REST}/api")
    assert read(estate, -1234, f"{REST}/icon") == b"picture"


def break_artifact(estate: Prepared) -> None:
    change(
        estate,
        "update reg_content set reg_content_data = '<metadata>' where reg_content_id = (select reg_content_id "
        "from reg_resource r join reg_path p using (reg_path_id, reg_tenant_id) "
        f"where p.reg_path_value = '{REST}' and r.reg_name = 'api' and r.reg_tenant_id = -1234)",
    )


# Fault sequences

FAULT = (
    '<sequence xmlns="http://ws.apache.org/ns/synapse" name="own"><then><class/><class name="other.Handler"/>'
    '<class name="org.wso2.carbon.apimgt.usage.publisher.APIMgtFaultHandler"><property name="a" value="ü"/></class>'
    '<class name="org.wso2.carbon.apimgt.gateway.handlers.analytics.APIMgtFaultHandler"/>'
    '<class name="org.wso2.carbon.apimgt.gateway.handlers.analytics.APIMgtFaultHandler"/></then><drop/></sequence>'
)


def test_shared_fault_sequences_lose_the_handler_that_is_gone(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    newer = prepared("4.0.0", "4.7.0")
    estate.run(fault_sequences.steps(estate.upgrade))
    for name in ("json_fault.xml", "debug_json_fault.xml"):
        path = f"{registry.G}/apimgt/customsequences/fault/{name}"
        for tenant in (-1234, 1, 2):
            content = read(estate, tenant, path) or b""
            assert content.replace(b" />", b"/>") == (read(newer, -1234, path) or b"").replace(b" />", b"/>").strip()
    assert changes_nothing(estate, fault_sequences)


@pytest.mark.parametrize(
    "folder",
    [f"{REST}/fault", f"{registry.G}/apimgt/customsequences/FAULT", f"{registry.G}/apimgt/customsequences/fault"],
)
def test_r15_every_handler_goes_from_every_folder_whatever_lies_beside_it(folder: str, prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    put(estate, -1234, folder, "own", FAULT)
    estate.run(fault_sequences.steps(estate.upgrade))
    assert (read(estate, -1234, f"{folder}/own") or b"").decode() == (
        '<sequence xmlns="http://ws.apache.org/ns/synapse" name="own"><then><class/><class name="other.Handler"/>'
        "</then><drop/></sequence>"
    )


def test_a_broken_fault_sequence_is_named_and_left(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    put(estate, 1, f"{registry.G}/apimgt/customsequences/fault", "own", "<sequence>APIMgtFaultHandler")
    put(estate, 1, f"{registry.G}/apimgt/customsequences/fault", "unconcerned", "<sequence>")
    estate.run(fault_sequences.steps(estate.upgrade))
    (verdict,) = verdicts(estate, "4.0.0/registry/fault-sequences").values()
    assert verdict.item == f"adpexample.com:{registry.G}/apimgt/customsequences/fault/own"
    assert verdict.verdict is Verdict.FAILED


def test_a_sequence_keeps_its_declaration_and_its_text() -> None:
    handler = "org.wso2.carbon.apimgt.usage.publisher.APIMgtFaultHandler"
    before = f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\n  <class name="{handler}"/>\n  <!-- \u00fc -->\n</a>'
    after = (fault_sequences.without_handlers(before.encode("latin-1")) or b"").decode()
    assert after == "<?xml version='1.0' encoding='UTF-8'?>\n<a>\n  <!-- \u00fc -->\n</a>"


# Versions


def test_every_version_gets_a_stamp_and_its_artifact_too(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.run(version_comparable.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    stamps = dict(estate.rows("select api_uuid, version_comparable from am_api"))
    assert all(len(stamp) == 13 for stamp in stamps.values())
    for row in shared(estate, ARTIFACTS):
        assert registry.Artifact.parse(row[3]).get("versionComparable") == stamps[row[2]]
    newest = str(int(STARTED.timestamp() * 1000))
    ordered = estate.rows(
        "select api_version, version_comparable from am_api where api_name = 'S1Api1' and organization is null "
        "order by 2 desc"
    )
    assert [version for version, _ in ordered] == ["3.0.0", "v1"]
    assert int(ordered[0][1]) - int(ordered[1][1]) == 86_400_000
    assert newest[:4] == ordered[0][1][:4]
    assert changes_nothing(estate, version_comparable)
    assert changes_nothing(estate, artifact_edits)


def test_o5_versions_are_ordered_within_provider_and_name(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(version_comparable.steps(estate.upgrade))
    per_api = estate.rows(
        "select api_provider, api_name, max(version_comparable) from am_api group by 1, 2 order by 1, 2"
    )
    assert len({stamp for *_, stamp in per_api}) == 1
    assert not estate.rows(
        "select 1 from am_api a join am_api b on a.api_provider = b.api_provider and a.api_name = b.api_name "
        "where a.api_version < b.api_version and a.version_comparable >= b.version_comparable"
    )


def test_stamps_of_a_complete_group_are_left(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("update am_api set version_comparable = '1' where api_name = 'S1Api1'")
    estate.run(version_comparable.steps(estate.upgrade))
    assert estate.rows("select distinct version_comparable from am_api where api_name = 'S1Api1'") == [("1",)]


def test_o7_an_artifact_without_a_row_in_am_api_stops_nothing(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("update am_api set api_uuid = 'gone' || api_id where api_name = 'S1Api1'")
    estate.run(version_comparable.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    stamped = [artifact.get("versionComparable") for artifact in artifacts(estate).values()]
    assert 0 < stamped.count("") < len(stamped)


def test_versions_are_compared_as_people_do() -> None:
    ascending = ["beta", "1.0.0-alpha", "1.0.0-beta", "1.0", "v1.9", "1.10", "2", "3.0.0"]
    shuffled = [*ascending[3:], *ascending[:3]]
    assert sorted(shuffled, key=version_comparable.version_key) == ascending


# Status and other fields


def test_o10_the_status_of_the_life_cycle_reaches_row_and_artifact(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("update am_api set status = 'CREATED' where status = 'PUBLISHED'")
    change(
        estate,
        "update reg_content set reg_content_data = convert_to(replace(convert_from(reg_content_data, 'UTF8'), "
        "'<status>PUBLISHED<', '<status>CREATED<'), 'UTF8') where reg_content_id in "
        "(select reg_content_id from reg_resource where reg_name = 'api')",
    )
    expected = dict(estate.rows("select api_uuid, status from apim_upgrade_artifact"))
    assert "PUBLISHED" in expected.values()
    estate.run(lifecycle_status.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    assert dict(estate.rows("select api_uuid, status from am_api")) == expected
    for row in shared(estate, ARTIFACTS):
        assert registry.Artifact.parse(row[3]).get("status") == expected[row[2]]
    assert changes_nothing(estate, lifecycle_status)
    assert changes_nothing(estate, artifact_edits)


def test_o11_an_api_without_life_cycle_property_keeps_its_status(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    before = estate.rows("select api_id, status from am_api order by 1")
    change(estate, "update reg_property set reg_name = 'x' where reg_name = 'registry.lifecycle.APILifeCycle.state'")
    estate.run(lifecycle_status.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    assert estate.rows("select api_id, status from am_api order by 1") == before


def test_limits_of_calls_get_their_unit_from_4_5_on(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.7.0")
    place = next(place for place, artifact in artifacts(estate).items() if artifact.get("type") == "HTTP")
    change(
        estate,
        "update reg_content set reg_content_data = convert_to(replace(replace(convert_from(reg_content_data, 'UTF8'), "
        "'<productionTps></productionTps>', '<productionTps>50</productionTps>'), '<sandboxTps></sandboxTps>', ''), "
        "'UTF8') where reg_content_id in "
        "(select reg_content_id from reg_resource r join reg_path p using (reg_path_id) "
        f"where r.reg_name = 'api' and p.reg_path_value = '{place[1]}')",
    )
    estate.run(artifact_edits.steps(estate.upgrade))
    edited = {key for key, artifact in artifacts(estate).items() if artifact.has("productionTimeUnit")}
    assert edited == {key for key, artifact in artifacts(estate).items() if artifact.get("productionTps")}
    assert place in edited
    assert artifacts(estate)[place].get("productionTimeUnit") == "1000"
    assert not artifacts(estate)[place].has("sandboxTimeUnit")
    assert changes_nothing(estate, artifact_edits)


def test_an_upgrade_is_nobodys_edit(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    times = [row[4] for row in shared(estate, ARTIFACTS)]
    estate.run(version_comparable.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    assert [row[4] for row in shared(estate, ARTIFACTS)] == times


def test_a_broken_artifact_is_named_and_the_others_are_edited(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    break_artifact(estate)
    estate.run(version_comparable.steps(estate.upgrade))
    estate.run(artifact_edits.steps(estate.upgrade))
    (verdict,) = verdicts(estate, "registry/artifact-edits").values()
    assert (verdict.verdict, verdict.item) == (Verdict.FAILED, f"carbon.super:{REST}/api")


def test_steps_of_releases_that_are_not_crossed_do_not_exist(prepared: Estates) -> None:
    upgrade = prepared("4.5.0", "4.6.0").upgrade
    modules = (websocket, icons_and_wsdls, fault_sequences, version_comparable, lifecycle_status, artifact_edits)
    assert [module.steps(upgrade) for module in modules] == [[]] * len(modules)


def test_every_statement_can_be_shown_before_it_is_run(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    modules = (
        *(prepare, websocket, icons_and_wsdls, fault_sequences, version_comparable, lifecycle_status),
        *(artifact_edits, registry_types, reindex),
    )
    steps = [step for module in modules for step in module.steps(estate.upgrade)]
    assert len({step.name for step in steps}) == len(steps) == 13
    with estate.pair.shared.read() as session:
        for step in steps:
            for operation in step.operations:
                if isinstance(operation, Sql):
                    assert len(session.render(operation.statement)) > 20


# Type definitions

RXT = f"{registry.G}/repository/components/org.wso2.carbon.governance/types/api.rxt"
CONTENT = f"{registry.C}/repository/components/org.wso2.carbon.governance/configuration"


def declared(content: bytes) -> list[str]:
    return [field.findtext("name") or "" for field in etree.fromstring(content).iter("field")]


@pytest.mark.parametrize(
    ("source", "target", "added"),
    [
        ("3.2.0", "4.7.0", 5),
        ("4.0.0", "4.2.0", 1),
        ("4.5.0", "4.6.0", 0),
    ],
)
def test_r11_every_tenant_declares_the_fields_of_the_target(
    source: str, target: str, added: int, prepared: Estates
) -> None:
    estate = prepared(source, target)
    before = {tenant.id: declared(read(estate, tenant.id, RXT) or b"") for tenant in estate.upgrade.tenants}
    estate.run(registry_types.steps(estate.upgrade))
    for tenant in estate.upgrade.tenants:
        after = declared(read(estate, tenant.id, RXT) or b"")
        assert "Version Comparable" in after
        assert len(after) - len(before[tenant.id]) == added
        assert [name for name in after if name in before[tenant.id]] == before[tenant.id]
    assert changes_nothing(estate, registry_types)


def test_an_edited_definition_keeps_its_own_fields_and_its_stored_content_follows(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    own = '<table name="Overview"><field type="text"><name>House Rule</name></field></table>'
    put(estate, 1, CONTENT, "api", f"<content>{own}</content>")
    estate.run(registry_types.steps(estate.upgrade))
    assert declared(read(estate, 1, f"{CONTENT}/api") or b"") == [
        "House Rule",
        "Websub Subscription Configuration",
        "Ws Uri Mapping",
        "Version Comparable",
        "Originated From",
        "API Key Header",
    ]


@pytest.mark.parametrize("content", ["<content>", "<content/>"])
def test_a_definition_that_cannot_be_edited_is_named(content: str, prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    put(estate, 1, CONTENT, "api", content)
    estate.run(registry_types.steps(estate.upgrade))
    failed = [item for item in verdicts(estate, "registry/types").values() if item.verdict is Verdict.FAILED]
    assert [item.item for item in failed] == [f"acme1.com:{CONTENT}/api"]


@pytest.mark.parametrize(
    ("source", "target", "count"), [("4.0.0", "4.2.0", 3), ("3.2.0", "4.7.0", 3), ("4.5.0", "4.6.0", 0)]
)
def test_unedited_workflow_extensions_of_an_older_release_are_reported(
    source: str, target: str, count: int, prepared: Estates
) -> None:
    estate = prepared(source, target)
    estate.run(registry_types.steps(estate.upgrade))
    noted = [item for item in verdicts(estate, "registry/types").values() if item.verdict is Verdict.NOTED]
    assert len(noted) == count
