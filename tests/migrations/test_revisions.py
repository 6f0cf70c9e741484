"""Initial revisions of the real 3.2.0 estate: rows, folders and deployments as servers of 4.x write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from apim_upgrade.databases import Database, name_uuid
from apim_upgrade.engine import Outcome, Runner, RunRecord, Session, Verdict, journal
from apim_upgrade.migrations import prepare
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID, Choices, Tenant, Upgrade
from apim_upgrade.migrations.v4_0_0 import (
    api_identity,
    deployments,
    gateway_artifacts,
    product_operations,
    revisions,
    websocket,
)
from apim_upgrade.releases import Release
from apim_upgrade.schema import expand_steps, introspect
from conftest import Pair, Server

STARTED = datetime(2026, 1, 2, 3, 4, 5)
TENANTS = (Tenant(SUPER_TENANT_ID, "carbon.super"), Tenant(1, "adpexample.com"), Tenant(2, "adpsample.com"))
TARGETS = ("4.0.0", "4.2.0", "4.4.0", "4.7.0")


def upgrade_to(target: str, **choices: object) -> Upgrade:
    return Upgrade(Release.parse("3.2.0"), Release.parse(target), STARTED, TENANTS, replace(Choices(), **choices))


TABLES = {
    *("am_api", "am_api_client_certificate", "am_api_default_version", "am_api_operation_policy_mapping"),
    *("am_api_policy_mapping", "am_api_product_mapping", "am_api_revision_metadata", "am_api_url_mapping"),
    *("am_certificate_metadata", "am_deployment_revision_mapping", "am_gateway_environment", "am_graphql_complexity"),
    *("am_gw_api_artifacts", "am_gw_api_deployments", "am_gw_published_api_details", "am_gw_vhost", "am_revision"),
}
"""What the steps under test read or write: expanding only these keeps the tests quick."""


@pytest.fixture
def estate(databases: Server, real_estate: Callable[[str], Pair]) -> Iterator[Callable[[str], Pair]]:
    """``estate("4.4.0")``: the 3.2.0 estate, expanded for that target, as it is just before revisions are made."""
    made: list[str] = []

    def make(target: str) -> Pair:
        keys = {part: f"before revisions:{target}:{part}" for part in ("am", "shared")}
        if keys["am"] not in databases.templates:
            filled = real_estate("3.2.0")
            prepare_for_revisions(filled, upgrade_to(target))
            for part, database in filled.by_name().items():
                databases.templates[keys[part]] = databases.clone(database.address.database)
        names = {part: databases.clone(databases.templates[key]) for part, key in keys.items()}
        made.extend(names.values())
        return Pair(*(Database(part, databases.postgres.address(name)) for part, name in names.items()))

    yield make
    for name in made:
        databases.drop(name)


def prepare_for_revisions(pair: Pair, upgrade: Upgrade) -> None:
    """Run the real steps that come before, as far as revisions need them."""
    with pair.am.read() as session:
        live = introspect(session)
    open_journals(pair, upgrade)
    expand = expand_steps("postgresql", live, upgrade.target, "am", "am")
    modules = (product_operations, api_identity, websocket)
    steps = [
        *prepare.steps(upgrade),
        *(step for step in expand if not step.tables or set(step.tables) & TABLES),
        *(step for module in modules for step in module.steps(upgrade)),
    ]
    with pair.connected() as connected:
        Runner(connected, record_of(upgrade)).run(steps)


def record_of(upgrade: Upgrade) -> RunRecord:
    return RunRecord("run-1", "0.1.0", str(upgrade.source), str(upgrade.target), "f" * 64, STARTED, "{}")


def open_journals(pair: Pair, upgrade: Upgrade) -> None:
    """Begin a journal that knows of no step."""
    for database in pair.by_name().values():
        with database.write() as session:
            journal.drop_journal(session)
            journal.open_journal(session, record_of(upgrade))


def run(pair: Pair, upgrade: Upgrade, *, again: bool = False, retry_failed: bool = False) -> Outcome:
    """Make revisions, list the APIs, deploy; ``again`` forgets the journal first, so that every step runs anew."""
    if again:
        open_journals(pair, upgrade)
    steps = [*revisions.steps(upgrade), *deployments.steps(upgrade)]
    with pair.connected() as connected:
        return Runner(connected, record_of(upgrade)).run(steps, retry_failed=retry_failed)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.all(query)]


def value(database: Database, query: str) -> object:
    ((found,),) = rows(database, query)
    return found


def everything(pair: Pair) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that the steps may write."""
    tables = {
        pair.am: (
            "am_api am_revision am_api_revision_metadata am_api_url_mapping am_api_resource_scope_mapping "
            "am_api_product_mapping am_api_client_certificate am_graphql_complexity am_deployment_revision_mapping "
            "am_gw_api_deployments am_gw_published_api_details am_gw_api_artifacts am_api_default_version"
        ),
        pair.shared: "reg_path reg_resource reg_content reg_property reg_resource_property reg_tag reg_log",
    }
    return {
        name: sorted(rows(database, f"select to_jsonb(t)::text from {name} t"))
        for database, names in tables.items()
        for name in names.split()
    }


def verdicts(pair: Pair) -> list[tuple[str, Verdict]]:
    with pair.am.read() as session:
        return [(item.item, item.verdict) for _, item in journal.read_verdicts(session)]


@pytest.mark.parametrize("target", TARGETS)
def test_every_api_that_was_on_a_gateway_gets_one_revision_and_runs_where_it_ran(
    estate: Callable[[str], Pair], target: str
) -> None:
    pair = estate(target)
    outcome = run(pair, upgrade_to(target))
    assert outcome.failed_items == 0
    assert rows(
        pair.am, "select status, count(*) from am_revision join am_api using (api_uuid) group by 1 order by 1"
    ) == [
        ("BLOCKED", 3),
        ("PUBLISHED", 27),
    ]
    assert value(pair.am, "select count(*) from am_api where revisions_created = 1") == 30
    assert value(pair.am, "select count(*) from am_api_revision_metadata join am_revision using (revision_uuid)") == 30
    assert value(pair.am, "select count(*) from am_gw_published_api_details") == 30
    assert value(pair.am, "select count(*) from am_revision where created_time <> '2026-01-02 03:04:05'") == 0
    assert rows(
        pair.am,
        "select name, vhost, display_on_devportal, deployed_time, count(*) from am_deployment_revision_mapping "
        "group by 1, 2, 3, 4",
    ) == [("Default", None, True, STARTED, 30)]
    assert rows(
        pair.am,
        "select d.label, d.vhost, count(*) from am_gw_api_deployments d join am_revision r on r.revision_uuid = "
        "d.revision_id and r.api_uuid = d.api_id join am_gw_published_api_details p on p.api_id = d.api_id "
        "group by 1, 2",
    ) == [("Default", None, 30)]
    if target >= "4.3":
        assert rows(
            pair.am,
            "select distinct api_type = 'APIProduct', revision_status from am_deployment_revision_mapping "
            "join am_revision using (revision_uuid) join am_api using (api_uuid) order by 1",
        ) == [(False, "APPROVED"), (True, None)]


def test_a_revision_carries_the_uuid_of_its_folder(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    run(pair, upgrade_to("4.4.0"))
    recorded = rows(pair.am, "select api_uuid, revision_uuid from am_revision order by 1")
    assert recorded == rows(
        pair.shared,
        "select split_part(reg_path_value, '/', 7), reg_uuid from reg_resource join reg_path "
        "using (reg_path_id, reg_tenant_id) where reg_name = 'api' and reg_path_value like '%applicationdata/apis/%/1' "
        "order by 1",
    )


@pytest.mark.parametrize("target", ("4.0.0", "4.7.0"))
def test_revisions_twice_change_nothing_r16(estate: Callable[[str], Pair], target: str) -> None:
    pair = estate(target)
    run(pair, upgrade_to(target))
    before = everything(pair)
    run(pair, upgrade_to(target), again=True)
    assert everything(pair) == before


def test_two_rehearsals_write_the_same_rows(estate: Callable[[str], Pair]) -> None:
    first, second = estate("4.4.0"), estate("4.4.0")
    for pair in (first, second):
        run(pair, upgrade_to("4.4.0"))
    assert everything(first) == everything(second)


def test_copied_operations_keep_scopes_and_scripts_r18_r19(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    with pair.am.write() as session:
        session.execute(
            "update am_api_url_mapping set throttling_tier = null, auth_scheme = null where url_mapping_id = 8"
        )
        session.execute("update am_api_url_mapping set mediation_script = 'x'::bytea where url_mapping_id = 9")
    run(pair, upgrade_to("4.4.0"))
    content = (
        "select a.api_uuid, u.http_method, u.url_pattern, u.auth_scheme, u.throttling_tier, u.mediation_script, "
        "(select string_agg(scope_name || tenant_id, ',' order by scope_name) from am_api_resource_scope_mapping s "
        "where s.url_mapping_id = u.url_mapping_id) scopes "
        "from am_api a join am_revision r using (api_uuid) join am_api_url_mapping u on u.api_id = a.api_id "
        "where {} order by 1, 2, 3, 4, 5, 6, 7"
    )
    copies = rows(pair.am, content.format("u.revision_uuid = r.revision_uuid"))
    assert copies == rows(pair.am, content.format("u.revision_uuid is null"))
    assert sum(row[6] is not None for row in copies) > 10
    assert sum(row[5] is not None for row in copies) == 1
    assert sum(row[4] is None for row in copies) == 1


def test_a_products_revision_has_operations_of_its_own(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    run(pair, upgrade_to("4.4.0"))
    members = (
        "select m.api_id, u.api_id, u.http_method, u.url_pattern, "
        "(select string_agg(scope_name, ',' order by scope_name) from am_api_resource_scope_mapping s "
        "where s.url_mapping_id = u.url_mapping_id) "
        "from am_api_product_mapping m join am_api_url_mapping u using (url_mapping_id) where {} order by 1, 2, 3, 4"
    )
    current = rows(pair.am, members.format("m.revision_uuid = 'Current API' and u.revision_uuid = m.api_id::text"))
    copied = rows(pair.am, members.format("m.revision_uuid = u.revision_uuid and length(u.revision_uuid) = 36"))
    assert len(current) == 6
    assert copied == current


def test_certificates_and_complexities_go_along(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    with pair.am.write() as session:
        session.execute(
            "insert into am_api_client_certificate (tenant_id, alias, api_id, certificate, removed, tier_name, "
            "revision_uuid) values (-1234, 'one', 1, 'x', false, 'Gold', 'Current API'), "
            "(-1234, 'gone', 1, 'x', true, 'Gold', 'Current API'), (1, 'one', 15, 'y', false, null, 'Current API'), "
            "(1, 'created', (select min(api_id) from am_api where status = 'CREATED'), 'y', false, null, 'Current API')"
        )
        session.execute(
            "insert into am_graphql_complexity values ('c1', 9, 'Query', 'hero', 3), ('c2', 9, 'Query', 'human', 4)"
        )
    run(pair, upgrade_to("4.4.0"))
    of = "select {} from {} t join am_revision r using (revision_uuid) join am_api a using (api_uuid) order by 1, 2"
    assert rows(pair.am, of.format("a.api_id, t.alias, removed, key_type", "am_api_client_certificate")) == [
        (1, "one", False, "PRODUCTION"),
        (15, "one", False, "PRODUCTION"),
    ]
    revision = value(pair.am, "select revision_uuid from am_revision join am_api using (api_uuid) where api_id = 9")
    assert rows(pair.am, of.format("a.api_id, field, complexity_value, t.uuid", "am_graphql_complexity")) == [
        (9, "hero", 3, name_uuid(revision, "c1")),
        (9, "human", 4, name_uuid(revision, "c2")),
    ]
    before = everything(pair)
    run(pair, upgrade_to("4.4.0"), again=True)
    assert everything(pair) == before


def test_gateways_may_ask_for_every_revised_api(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    run(pair, upgrade_to("4.4.0"))
    assert rows(
        pair.am, "select api_type, tenant_domain, count(*) from am_gw_published_api_details group by 1, 2 order by 1, 2"
    ) == [
        ("APIProduct", "adpexample.com", 1),
        ("APIProduct", "adpsample.com", 1),
        ("APIProduct", "carbon.super", 1),
        ("http", "adpexample.com", 9),
        ("http", "adpsample.com", 9),
        ("http", "carbon.super", 9),
    ]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, ("Default", "EU")),
        ("", ("Default", "EU")),
        ("none", ()),
        ("Production and Sandbox", ("Default",)),
        ("Production and Sandbox, Default,none", ("Default",)),
        ("EU,Elsewhere", ("EU", "Elsewhere")),
    ],
)
def test_environments_of_an_artifact_r17(named: str | None, expected: tuple[str, ...]) -> None:
    assert deployments.environments_of(named, Choices(environments=("Default", "EU"))) == expected


def test_an_environment_that_keeps_its_name_is_not_renamed() -> None:
    choices = Choices(environments=("Production and Sandbox",))
    assert deployments.environments_of("Production and Sandbox", choices) == ("Production and Sandbox",)


def add_environment(session: Session, target: str, number: int, name: str, domain: str, *hosts: str) -> None:
    values = {"id": str(number), "uuid": f"'u{number}'", "name": f"'{name}'"}
    if target == "4.0.0":
        values |= {"tenant_domain": f"'{domain}'"}
    else:
        values |= {"organization": f"'{domain}'", "provider": "'wso2'", "gateway_type": "'Regular'"}
    session.execute(f"insert into am_gateway_environment ({', '.join(values)}) values ({', '.join(values.values())})")
    for host in hosts:
        session.execute(f"insert into am_gw_vhost values ({number}, '{host}', null, '-1', '443', '9099', '8099')")


@pytest.mark.parametrize("target", ("4.0.0", "4.4.0"))
def test_labels_become_deployments_on_their_host(estate: Callable[[str], Pair], target: str) -> None:
    pair = estate(target)
    with pair.am.write() as session:
        add_environment(session, target, 1, "EDGE", "carbon.super", "b.example", "a.example")
        add_environment(session, target, 2, "EDGE", "adpexample.com", "c.example")
        add_environment(session, target, 3, "BARE", "carbon.super")
        session.execute(
            "update apim_upgrade_artifact set labels = 'EDGE, Default,BARE' "
            "where name = 'ADPStarWarsAPI' and version = '1.0.0' and tenant_id in (-1234, 2)"
        )
        session.execute(
            "update apim_upgrade_artifact set labels = 'EDGE,Default', environments = 'none' "
            "where name = 'ADPStarWarsAPI' and version = '1.0.0' and tenant_id = 1"
        )
    outcome = run(pair, upgrade_to(target))
    placed = (
        "select tenant_id, d.name, d.vhost from am_deployment_revision_mapping d "
        "join am_revision using (revision_uuid) join apim_upgrade_artifact a using (api_uuid) "
        "where a.name = 'ADPStarWarsAPI' and version = '1.0.0' order by 1, 2"
    )
    assert rows(pair.am, placed) == [
        (-1234, "Default", None),
        (-1234, "EDGE", "a.example"),
        (1, "Default", None),
        (1, "EDGE", "c.example"),
        (2, "Default", None),
    ]
    assert outcome.failed_items == 2
    assert verdicts(pair) == [
        ("adpsample.com/ADPStarWarsAPI/1.0.0/revision 1", Verdict.FAILED),
        ("carbon.super/ADPStarWarsAPI/1.0.0/revision 1", Verdict.FAILED),
    ]

    with pair.am.write() as session:
        session.execute("delete from am_gateway_environment where id = 3")
        add_environment(session, target, 4, "BARE", "carbon.super", "d.example")
        add_environment(session, target, 5, "EDGE", "adpsample.com", "e.example")
        add_environment(session, target, 6, "BARE", "adpsample.com", "f.example")
    assert run(pair, upgrade_to(target), retry_failed=True).failed_items == 0
    assert rows(pair.am, placed) == [
        (-1234, "BARE", "d.example"),
        (-1234, "Default", None),
        (-1234, "EDGE", "a.example"),
        (1, "Default", None),
        (1, "EDGE", "c.example"),
        (2, "BARE", "f.example"),
        (2, "Default", None),
        (2, "EDGE", "e.example"),
    ]


def test_an_environment_unknown_to_the_target_is_told_once(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    run(pair, upgrade_to("4.4.0", environment_names=()))
    assert verdicts(pair) == [("environment Production and Sandbox", Verdict.NOTED)]
    assert value(pair.am, "select count(*) from am_deployment_revision_mapping") == 30


def test_a_deployed_default_version_is_published(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    with pair.am.write() as session:
        session.execute(
            "update am_api_default_version set published_default_api_version = null where default_version_id = 1"
        )
        session.execute(
            "insert into am_api_default_version (api_name, api_provider, default_api_version, "
            "published_default_api_version) values ('ADPRestAPI', 'adp_crt_user', '2.0.0', '1.0.0')"
        )
        session.execute(
            "update apim_upgrade_artifact set status = 'CREATED' where name = 'ADPRestAPI' and version = '2.0.0'"
        )
    run(pair, upgrade_to("4.4.0"))
    assert rows(
        pair.am,
        "select api_name, default_api_version, published_default_api_version from am_api_default_version "
        "order by default_version_id",
    ) == [
        ("ADPPhoneVerificationAPI", "1.0.0", "1.0.0"),
        ("ADPPhoneVerificationAPI", "1.0.0", "1.0.0"),
        ("ADPPhoneVerificationAPI", "1.0.0", "1.0.0"),
        ("ADPRestAPI", "2.0.0", "1.0.0"),
    ]


def test_the_life_cycle_state_decides_not_the_artifacts_text_r24(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    with pair.am.write() as session:
        session.execute("update apim_upgrade_artifact set status = 'RETIRED' where status = 'BLOCKED'")
    run(pair, upgrade_to("4.4.0"))
    assert value(pair.am, "select count(*) from am_revision") == 27


def test_a_run_that_stopped_between_the_databases_goes_on_r20_r21(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    upgrade = upgrade_to("4.4.0")
    Runner(pair.by_name(), record_of(upgrade)).run(revisions.steps(upgrade)[:1])
    folders = value(pair.shared, "select count(*) from reg_resource")
    run(pair, upgrade, again=True)
    assert value(pair.shared, "select count(*) from reg_resource") == folders
    assert value(pair.am, "select count(*) from am_revision") == 30


@pytest.mark.parametrize("release", ("4.0.0", "4.2.0", "4.5.0"))
def test_rows_have_the_shape_that_servers_write(
    estate: Callable[[str], Pair], real_estate: Callable[[str], Pair], release: str
) -> None:
    """Columns that a server always fills are filled, those it never fills are not."""
    pair, native = estate(release), real_estate(release)
    run(pair, upgrade_to(release))
    for table, of_a_revision in (
        ("am_revision", "true"),
        ("am_api_revision_metadata", "true"),
        ("am_api_url_mapping", "length(revision_uuid) = 36"),
        ("am_api_product_mapping", "length(revision_uuid) = 36"),
        ("am_deployment_revision_mapping", "true"),
        ("am_gw_api_deployments", "true"),
        ("am_gw_published_api_details", "true"),
    ):
        ours, theirs = (filled(database, table, of_a_revision) for database in (pair.am, native.am))
        for name, (some, every) in theirs.items():
            if every:
                assert ours[name][1], f"{table}.{name} must always be filled"
            if not some:
                assert not ours[name][0], f"{table}.{name} must be NULL"


def filled(database: Database, table: str, where: str) -> dict[str, tuple[bool, bool]]:
    """Per column: whether some row, and whether every row, has a value."""
    names = [
        str(name)
        for (name,) in rows(
            database, f"select column_name from information_schema.columns where table_name = '{table}'"
        )
    ]
    figures = ", ".join(f"count({name}) > 0, count({name}) = count(*)" for name in names)
    ((*flags,),) = rows(database, f"select {figures} from {table} where {where}")
    return {name: (bool(flags[2 * at]), bool(flags[2 * at + 1])) for at, name in enumerate(names)}


def test_nothing_is_to_do_when_4_0_0_is_not_crossed() -> None:
    later = replace(upgrade_to("4.4.0"), source=Release.parse("4.0.0"))
    assert [*revisions.steps(later), *gateway_artifacts.steps(later), *deployments.steps(later)] == []
