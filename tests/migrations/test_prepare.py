"""The workspace: every tenant, and one row per working copy of the registry."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_data import Prepared
from sqlalchemy import select

from apim_upgrade.engine import Verdict, journal
from apim_upgrade.migrations import prepare
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from conftest import Pair

Estates = Callable[[str], Pair]
API = "/_system/governance/apimgt/applicationdata/provider/adp_crt_user/ADPRestAPI/1.0.0"


def opened(real_estate: Estates, release: str, *shared: str) -> Prepared:
    pair = real_estate(release)
    with pair.shared.write() as session:
        for statement in shared:
            session.execute(statement)
    estate = Prepared(pair, release, "4.6.0")
    for database in (pair.am, pair.shared):
        with database.write() as session:
            journal.open_journal(session, estate.record)
    estate.run(prepare.steps(estate.upgrade))
    return estate


def content_of(folder: str) -> str:
    return (
        "(select r.reg_content_id from reg_resource r join reg_path p on p.reg_path_id = r.reg_path_id "
        f"and p.reg_tenant_id = r.reg_tenant_id where p.reg_path_value = '{folder}' and r.reg_name = 'api' "
        "and r.reg_tenant_id = -1234)"
    )


@pytest.mark.parametrize(("release", "count"), [("3.2.0", 42), ("4.0.0", 46), ("4.2.0", 31), ("4.5.0", 34)])
def test_every_artifact_agrees_with_its_row_in_am_api(release: str, count: int, real_estate: Estates) -> None:
    estate = opened(real_estate, release)
    artifacts = estate.rows(
        "select provider, name, version, context, upper(type) from apim_upgrade_artifact order by 1, 2, 3, 4"
    )
    apis = estate.rows(
        "select api_provider, api_name, api_version, context, upper(api_type) from am_api order by 1, 2, 3, 4"
    )
    assert len(apis) == len(artifacts) >= count - 4
    if release != "4.5.0":
        assert artifacts == apis
    if release != "3.2.0":
        assert not estate.rows(
            "select * from am_api a left join apim_upgrade_artifact r on r.api_uuid = a.api_uuid "
            "where r.status is distinct from a.status or r.name is distinct from a.api_name"
        )


def test_tenants_are_listed_with_the_super_tenant(real_estate: Estates) -> None:
    estate = opened(real_estate, "3.2.0")
    with estate.pair.am.read() as session:
        rows = [tuple(row) for row in session.all(select(TENANT).order_by(TENANT.c.tenant_id))]
    assert rows == [(-1234, "carbon.super", True), (1, "adpexample.com", True), (2, "adpsample.com", True)]


def test_an_artifact_keeps_what_later_steps_need(real_estate: Estates) -> None:
    estate = opened(real_estate, "3.2.0")
    with estate.pair.am.read() as session:
        (row,) = session.all(select(ARTIFACT).where(ARTIFACT.c.folder == API))
    assert (row.provider, row.status, row.environments, row.labels) == (
        "adp_crt_user",
        "PUBLISHED",
        "Production and Sandbox",
        None,
    )
    assert row.endpoint_config.startswith('{"')


def test_the_states_are_those_of_the_life_cycle(real_estate: Estates) -> None:
    estate = opened(real_estate, "3.2.0")
    counts = dict(estate.rows("select status, count(*) from apim_upgrade_artifact group by 1"))
    assert counts == {"PUBLISHED": 27, "CREATED": 12, "BLOCKED": 3}


def test_filling_again_gives_the_same_rows(real_estate: Estates) -> None:
    estate = opened(real_estate, "4.0.0")
    assert estate.changes_nothing(prepare, ARTIFACT.name, TENANT.name)


def test_f10_one_broken_artifact_never_stops_the_others(real_estate: Estates) -> None:
    estate = opened(
        real_estate,
        "3.2.0",
        f"update reg_content set reg_content_data = '<metadata><overview>' where reg_content_id = {content_of(API)}",
    )
    assert estate.rows("select count(*) from apim_upgrade_artifact") == [(41,)]
    (verdict,) = estate.verdicts("prepare/artifacts").values()
    assert (verdict.verdict, verdict.item) == (Verdict.FAILED, f"carbon.super:{API}/api")
    assert "not well-formed" in verdict.reason
    assert verdict.action


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<other/>", "root element"),
        ("", "no content"),
        ("<metadata><overview><name>x</name></overview></metadata>", "no provider and no version"),
    ],
)
def test_an_artifact_without_identity_is_named(content: str, reason: str, real_estate: Estates) -> None:
    estate = opened(
        real_estate,
        "3.2.0",
        f"update reg_content set reg_content_data = '{content}' where reg_content_id = {content_of(API)}",
    )
    (verdict,) = estate.verdicts("prepare/artifacts").values()
    assert reason in verdict.reason


def test_two_artifacts_of_one_uuid_are_told_apart(real_estate: Estates) -> None:
    other = API.replace("1.0.0", "2.0.0")
    estate = opened(
        real_estate,
        "3.2.0",
        "update reg_resource set reg_uuid = 'same' where reg_tenant_id = -1234 and reg_content_id in "
        f"({content_of(API)}, {content_of(other)})",
    )
    (verdict,) = estate.verdicts("prepare/artifacts").values()
    assert verdict.item == f"carbon.super:{other}/api"
    assert "same UUID" in verdict.reason


def test_o11_an_artifact_without_status_or_state_counts_as_created(real_estate: Estates) -> None:
    estate = opened(
        real_estate,
        "3.2.0",
        "update reg_property set reg_name = 'x' where reg_name = 'registry.lifecycle.APILifeCycle.state'",
        "update reg_content set reg_content_data = convert_to(regexp_replace(convert_from(reg_content_data, 'UTF8'), "
        f"'<status>.*</status>', ''), 'UTF8') where reg_content_id = {content_of(API)}",
    )
    assert estate.rows(f"select status from apim_upgrade_artifact where folder = '{API}'") == [("CREATED",)]
