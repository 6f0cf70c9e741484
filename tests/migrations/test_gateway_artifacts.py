"""Gateway artifacts of the real 3.2.0 estate, as rows of the API-M database."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from test_revisions import (  # noqa: F401 - the fixture comes along
    STARTED,
    Pair,
    estate,
    everything,
    open_journals,
    record_of,
    rows,
    upgrade_to,
    value,
)

from apim_upgrade.engine import Outcome, Runner, Verdict, journal
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.migrations.v4_0_0 import gateway_artifacts, revisions

Estates = Callable[[str], Pair]


def build(pair: Pair, upgrade: Upgrade, *, retry_failed: bool = False) -> Outcome:
    steps = [*revisions.steps(upgrade), *gateway_artifacts.steps(upgrade)]
    return Runner(pair.by_name(), record_of(upgrade)).run(steps, retry_failed=retry_failed)


def break_definition(pair: Pair, name: str) -> None:
    """Cut the definition of an API's working copies off in the middle."""
    change_definition(pair, name, "substr(reg_content_data, 1, 100)")


def change_definition(pair: Pair, name: str, content: str) -> None:
    with pair.shared.write() as session:
        session.execute(
            f"update reg_content c set reg_content_data = {content} from reg_resource r, reg_path p "
            "where r.reg_content_id = c.reg_content_id and r.reg_tenant_id = c.reg_tenant_id "
            "and p.reg_path_id = r.reg_path_id and p.reg_tenant_id = r.reg_tenant_id "
            f"and r.reg_name = 'swagger.json' and p.reg_path_value like '%/{name}' and r.reg_tenant_id = -1234"
        )


@pytest.mark.parametrize("target", ("4.0.0", "4.7.0"))
def test_every_revision_has_its_artifact_in_the_form_of_the_target(estate: Estates, target: str) -> None:  # noqa: F811
    pair, upgrade = estate(target), upgrade_to(target)
    assert build(pair, upgrade).failed_items == 0
    stored = rows(
        pair.am,
        "select a.api_uuid, a.api_type, a.api_name || '-' || a.api_version, g.artifact, g.time_stamp "
        "from am_revision r join am_api a using (api_uuid) "
        "join am_gw_api_artifacts g on g.api_id = r.api_uuid and g.revision_id = r.revision_uuid",
    )
    assert len(stored) == 30
    for uuid, kind, folder, zipped, written in stored:
        assert written == STARTED
        with zipfile.ZipFile(io.BytesIO(bytes(zipped))) as archive:  # type: ignore[call-overload]
            name = "api_product" if kind == "APIProduct" else "api"
            content = json.loads(archive.read(f"{folder}/{name}.json"))
        assert content["version"] == f"v{target}"
        assert uuid in (content["data"]["id"], content["data"].get("revisionedApiProductId"))


def test_artifacts_twice_change_nothing(estate: Estates) -> None:  # noqa: F811
    pair, upgrade = estate("4.4.0"), upgrade_to("4.4.0")
    build(pair, upgrade)
    before = everything(pair)
    assert len(before["am_gw_api_artifacts"]) == 30
    open_journals(pair, upgrade)
    build(pair, upgrade)
    assert everything(pair) == before


def test_a_broken_api_does_not_stop_the_others_and_is_built_once_mended_r22(estate: Estates) -> None:  # noqa: F811
    pair, upgrade = estate("4.4.0"), upgrade_to("4.4.0")
    break_definition(pair, "ADPOAS2RestAPI/1.0.0")
    assert build(pair, upgrade).failed_items == 1
    with pair.am.read() as session:
        ((step, verdict),) = journal.read_verdicts(session)
    assert (step, verdict.item) == (
        "4.0.0/gateway-artifacts/artifacts",
        "carbon.super/ADPOAS2RestAPI/1.0.0/revision 1",
    )
    assert verdict.verdict is Verdict.FAILED
    assert verdict.reason
    assert verdict.action
    assert value(pair.am, "select count(*) from am_gw_api_artifacts") == 29

    uuid = value(pair.am, "select api_uuid from am_api where api_id = 3")
    mended = """'{"openapi": "3.0.1", "info": {"title": "x", "version": "1"}, "paths": {}}'::bytea"""
    change_definition(pair, f"{uuid}/1", mended)
    assert build(pair, upgrade, retry_failed=True).failed_items == 0
    assert value(pair.am, "select count(*) from am_gw_api_artifacts") == 30


def test_secrets_that_the_new_server_cannot_read_are_told(estate: Estates) -> None:  # noqa: F811
    pair, upgrade = estate("4.4.0"), upgrade_to("4.4.0")
    with pair.shared.write() as session:
        session.execute(
            "update reg_content c set reg_content_data = convert_to(replace(convert_from(reg_content_data, 'UTF8'), "
            """'{"endpoint_type":"http",', '{"endpoint_type":"http","endpoint_security":{"production":"""
            """{"enabled":true,"type":"OAUTH","clientSecret":"ZW5jcnlwdGVk"}},'), 'UTF8') """
            "from reg_resource r where r.reg_content_id = c.reg_content_id and r.reg_tenant_id = c.reg_tenant_id "
            "and r.reg_name = 'api' and r.reg_tenant_id = -1234"
        )
    build(pair, upgrade)
    with pair.am.read() as session:
        told = [verdict for _, verdict in journal.read_verdicts(session)]
    assert told
    assert {verdict.verdict for verdict in told} == {Verdict.NOTED}
    assert "ZW5j" not in str(told)
