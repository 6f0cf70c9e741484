"""Initial revisions of the real 3.2.0 estate: rows, folders and deployments as servers of 4.x write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from lxml import etree
from sqlalchemy import insert
from sqlalchemy.schema import CreateTable

from apim_upgrade.databases import Database, name_uuid
from apim_upgrade.engine import Outcome, Runner, RunRecord, Session, Step, Verdict, journal
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID, Choices, Tenant, Upgrade
from apim_upgrade.migrations.v4_0_0 import deployments, gateway_artifacts, revisions
from apim_upgrade.migrations.workspace import ARTIFACT, TENANT
from apim_upgrade.releases import Release
from conftest import SHARED, Pair, Server, shared_path

STARTED = datetime(2026, 1, 2, 3, 4, 5)
TENANTS = (Tenant(SUPER_TENANT_ID, "carbon.super"), Tenant(1, "adpexample.com"), Tenant(2, "adpsample.com"))
TARGETS = ("4.0.0", "4.2.0", "4.4.0", "4.7.0")


def upgrade_to(target: str, **choices: object) -> Upgrade:
    return Upgrade(Release.parse("3.2.0"), Release.parse(target), STARTED, TENANTS, replace(Choices(), **choices))


def record_of(target: str) -> RunRecord:
    return RunRecord("run-1", "0.1.0", "3.2.0", target, "f" * 64, STARTED, "{}")


def expand(session: Session, target: str) -> None:
    tables = json.loads((SHARED / f"facts/schema/postgresql/{target}/am.json").read_text())["tables"]
    have: dict[str, set[str]] = {}
    for row in session.all(
        "select table_name, column_name from information_schema.columns where table_schema='public'"
    ):
        have.setdefault(row[0], set()).add(row[1])
    for name, table in tables.items():
        columns = [
            f"{c['name']} {c['type']}"
            + (f" default {c['default']}" if c.get("default") and "nextval" not in c["default"] else "")
            for c in table["columns"]
            if c["name"] not in have.get(name, ())
        ]
        if name not in have:
            session.execute(f"create table {name} ({', '.join(columns)})")
        else:
            for column in columns:
                session.execute(f"alter table {name} add column {column}")
    session.execute("alter table am_graphql_complexity drop constraint am_graphql_complexity_api_id_type_field_key")
    session.execute("alter table am_api_client_certificate drop constraint am_api_client_certificate_pkey")
    session.execute("alter table am_gw_api_artifacts drop constraint am_gw_api_artifacts_pkey")
    session.execute("alter table am_gw_api_artifacts alter gateway_label drop not null")


def fill_workspace(am: Session, shared: Session) -> None:
    for table in (TENANT, ARTIFACT):
        am.execute(CreateTable(table))
    for tenant in TENANTS:
        am.execute(insert(TENANT).values(tenant_id=tenant.id, domain=tenant.domain, active=True))
    rows = shared.all(
        "select r.reg_tenant_id, r.reg_uuid, p.reg_path_value, p.reg_path_id, r.reg_content_id, c.reg_content_data "
        "from reg_resource r join reg_path p using (reg_path_id, reg_tenant_id) "
        "join reg_content c using (reg_content_id, reg_tenant_id) "
        "where r.reg_media_type = 'application/vnd.wso2-api+xml'"
    )
    for row in rows:
        overview = {
            etree.QName(leaf).localname: leaf.text or ""
            for leaf in etree.fromstring(bytes(row[5])).iter()
            if len(leaf) == 0
        }
        am.execute(
            insert(ARTIFACT).values(
                tenant_id=row[0],
                api_uuid=row[1],
                folder=row[2],
                folder_id=row[3],
                content_id=row[4],
                provider=overview["provider"].replace("-AT-", "@"),
                name=overview["name"],
                version=overview["version"],
                type=overview["type"],
                context=overview["context"],
                status=overview["status"],
                environments=overview["environments"],
                labels=None,
            )
        )


BEFORE = (
    "update am_api a set api_uuid = x.api_uuid, status = x.status from apim_upgrade_artifact x "
    "where x.provider = a.api_provider and x.name = a.api_name and x.version = a.api_version",
    "create table old_products as select m.api_product_mapping_id, m.api_id product, u.*, u.url_mapping_id old_id, "
    "nextval('am_api_url_mapping_sequence') new_id from am_api_product_mapping m "
    "join am_api_url_mapping u using (url_mapping_id)",
    "insert into am_api_url_mapping (url_mapping_id, api_id, http_method, auth_scheme, url_pattern, throttling_tier, "
    "revision_uuid) select new_id, api_id, http_method, auth_scheme, url_pattern, throttling_tier, product::text "
    "from old_products",
    "insert into am_api_resource_scope_mapping select s.scope_name, o.new_id, s.tenant_id from old_products o "
    "join am_api_resource_scope_mapping s on s.url_mapping_id = o.old_id",
    "update am_api_product_mapping m set url_mapping_id = o.new_id, revision_uuid = 'Current API' "
    "from old_products o where o.api_product_mapping_id = m.api_product_mapping_id",
    "drop table old_products",
)


@pytest.fixture
def estate(databases: Server) -> Iterator[Callable[[str], Pair]]:
    """``estate("4.4.0")``: the 3.2.0 estate, expanded for that target, as it is just before revisions are made."""
    made: list[str] = []

    def dump(part: str) -> str:
        path = shared_path("testdata", "3.2.0", "postgresql", f"{part}.sql.gz")
        return databases.template(f"3.2.0:{part}", lambda name: databases.load_dump(path, name))

    def make(target: str) -> Pair:
        shared = Database("shared", databases.postgres.address(dump("shared")))

        def prepare(name: str) -> None:
            databases.load_dump(shared_path("testdata", "3.2.0", "postgresql", "am.sql.gz"), name)
            with Database("am", databases.postgres.address(name)).write() as session, shared.read() as registry:
                expand(session, target)
                fill_workspace(session, registry)
                for statement in BEFORE:
                    session.execute(statement)

        names = {
            "am": databases.clone(databases.template(f"before revisions:{target}", prepare)),
            "shared": databases.clone(dump("shared")),
        }
        made.extend(names.values())
        pair = Pair(*(Database(part, databases.postgres.address(name)) for part, name in names.items()))
        for database in pair.by_name().values():
            with database.write() as session:
                journal.open_journal(session, record_of(target))
        return pair

    yield make
    for name in made:
        databases.drop(name)


def run(pair: Pair, upgrade: Upgrade, *, again: bool = False, retry_failed: bool = False) -> Outcome:
    """Make revisions, list the APIs, deploy; ``again`` forgets the journal first, so that every step runs anew."""
    record = record_of(str(upgrade.target))
    if again:
        for database in pair.by_name().values():
            with database.write() as session:
                journal.drop_journal(session)
                journal.open_journal(session, record)
    steps = [*revisions.steps(upgrade), gateway_artifacts.steps(upgrade)[0], *deployments.steps(upgrade)]
    return Runner(pair.by_name(), record).run(steps, retry_failed=retry_failed)


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.all(query.replace("%", "%%"))]


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
def test_every_api_that_was_on_a_gateway_gets_one_revision(estate: Callable[[str], Pair], target: str) -> None:
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


@pytest.mark.parametrize("target", TARGETS)
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


def test_what_3_2_0_kept_for_gateways_goes(estate: Callable[[str], Pair]) -> None:
    pair = estate("4.4.0")
    with pair.am.write() as session:
        session.execute("insert into am_gw_published_api_details (api_id, api_name) values ('old', 'Old')")
        session.execute("insert into am_gw_api_artifacts (api_id, gateway_label) values ('old', 'Default')")
    run(pair, upgrade_to("4.4.0"))
    assert value(pair.am, "select count(*) from am_gw_api_artifacts") == 0
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


@pytest.mark.parametrize("target", TARGETS)
def test_revisions_run_where_the_apis_ran(estate: Callable[[str], Pair], target: str) -> None:
    pair = estate(target)
    run(pair, upgrade_to(target))
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


@pytest.mark.parametrize("target", ("4.0.0", "4.4.0"))
def test_labels_become_deployments_on_their_host(estate: Callable[[str], Pair], target: str) -> None:
    pair = estate(target)
    tenant = "tenant_domain" if target == "4.0.0" else "organization"
    with pair.am.write() as session:
        session.execute(
            f"insert into am_gateway_environment (id, uuid, name, {tenant}) values (1, 'u1', 'EDGE', 'carbon.super'), "
            "(2, 'u2', 'EDGE', 'adpexample.com'), (3, 'u3', 'BARE', 'carbon.super')"
        )
        session.execute(
            "insert into am_gw_vhost (gateway_env_id, host) values (1, 'b.example'), (1, 'a.example'), (2, 'c.example')"
        )
        session.execute(
            "update apim_upgrade_artifact set labels = 'EDGE, Default,BARE' "
            "where name = 'ADPStarWarsAPI' and version = '1.0.0' and tenant_id in (-1234, 2)"
        )
        session.execute(
            "update apim_upgrade_artifact set labels = 'EDGE', environments = 'none' "
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
        (1, "EDGE", "c.example"),
        (2, "Default", None),
    ]
    assert outcome.failed_items == 2
    assert verdicts(pair) == [
        ("adpsample.com/ADPStarWarsAPI/1.0.0/revision 1", Verdict.FAILED),
        ("carbon.super/ADPStarWarsAPI/1.0.0/revision 1", Verdict.FAILED),
    ]

    with pair.am.write() as session:
        session.execute(
            f"insert into am_gateway_environment (id, uuid, name, {tenant}) values (4, 'u4', 'EDGE', 'adpsample.com'), "
            "(5, 'u5', 'BARE', 'adpsample.com')"
        )
        session.execute(
            "insert into am_gw_vhost (gateway_env_id, host) values (3, 'd.example'), (4, 'e.example'), (5, 'f.example')"
        )
    assert run(pair, upgrade_to(target), retry_failed=True).failed_items == 0
    assert rows(pair.am, placed) == [
        (-1234, "BARE", "d.example"),
        (-1234, "Default", None),
        (-1234, "EDGE", "a.example"),
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
    Runner(pair.by_name(), record_of("4.4.0")).run(revisions.steps(upgrade)[:1])
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
    made: tuple[Step, ...] = (*revisions.steps(later), *gateway_artifacts.steps(later), *deployments.steps(later))
    assert made == ()
