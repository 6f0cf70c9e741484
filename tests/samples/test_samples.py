"""Sample estates: reproducible, consistent, and shaped like real ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
from sqlalchemy import text

from apim_upgrade import samples
from apim_upgrade.databases import Database
from apim_upgrade.engine import Session
from apim_upgrade.keystores import jks
from apim_upgrade.releases import Release
from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.samples.blemishes import blemishes
from conftest import Pair, Server, kept_sample

RELEASES = ("3.2.0", "4.0.0", "4.1.0", "4.2.0", "4.3.0", "4.4.0", "4.5.0", "4.6.0")
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
Sample = Callable[..., Pair]


@pytest.fixture
def sample(databases: Server) -> Sample:
    """Estates that are only read, so that every test can have the same."""
    return partial(kept_sample, databases)


def numbers(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.all(query)]


def number(database: Database, query: str) -> int:
    return int(str(numbers(database, query)[0][0]))


def tables(session: Session) -> list[str]:
    rows = session.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [str(row[0]) for row in rows]


def contents(pair: Pair) -> dict[str, object]:
    found: dict[str, object] = {}
    for part, database in pair.by_name().items():
        with database.read() as session:
            for table in tables(session):
                digest = f"SELECT md5(string_agg(md5(t::text), '' ORDER BY t::text)) FROM {table} t"
                found[f"{part}.{table}"] = session.all(digest)[0][0]
    return found


def shape_of(database: Database) -> dict[str, dict[str, tuple[str, bool, bool]]]:
    """Per filled table and column: never, always or sometimes NULL; whether there are empty texts, or only UUIDs."""
    with database.read() as session:
        found = {table: _shape_of(session, table) for table in tables(session)}
    return {table: columns for table, columns in found.items() if columns}


def _shape_of(session: Session, table: str) -> dict[str, tuple[str, bool, bool]]:
    named = session.all(f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY 1")
    columns = [str(row[0]) for row in named]
    parts = ", ".join(
        f'count("{each}"), count(*) FILTER (WHERE "{each}"::text = \'\'), '
        f"count(*) FILTER (WHERE \"{each}\"::text ~ '{UUID}')"
        for each in columns
    )
    total, *counts = session.all(f"SELECT count(*), {parts} FROM {table}")[0]
    if not total:
        return {}
    return {
        each: (
            "never" if filled == total else "sometimes" if filled else "always",
            empty > 0,
            filled > 0 and uuids == filled,
        )
        for each, filled, empty, uuids in zip(columns, counts[::3], counts[1::3], counts[2::3], strict=True)
    }


# What samples have that the two real estates happen not to have: the facts say that others have it.
RICHER = {
    "am_application.description",
    "am_application.group_id",
    "am_key_manager.display_name",
    "am_scope.description",
    "idn_oauth2_scope.description",
}


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_every_column_is_null_empty_or_a_uuid_where_it_is_in_a_real_estate(
    release: str, real_estate: Callable[[str], Pair], sample: Sample
) -> None:
    real, made = real_estate(release).by_name(), sample(release).by_name()
    strange = []
    for part, database in made.items():
        seen = shape_of(real[part])
        for table, columns in shape_of(database).items():
            for column, (null, empty, uuid) in columns.items():
                where = f"{table}.{column}"
                if table not in seen or where in RICHER:
                    continue
                null_there, empty_there, uuid_there = seen[table][column]
                if (null_there == "never" and null != "never") or (null_there == "always" and null != "always"):
                    strange.append(f"{where} is {null} NULL, really {null_there}")
                if empty and not empty_there:
                    strange.append(f"{where} has empty texts")
                if uuid != uuid_there and null != "always" and null_there != "always":
                    strange.append(f"{where} holds {'UUIDs' if uuid else 'other things than UUIDs'}")
    assert strange == []


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_every_table_that_real_servers_fill_is_filled(
    release: str, real_estate: Callable[[str], Pair], sample: Sample
) -> None:
    real, made = real_estate(release).by_name(), sample(release).by_name()
    housekeeping = {"idn_identity_user_data", "idn_oauth2_access_token_audit"}
    for part, database in made.items():
        assert set(shape_of(real[part])) - set(shape_of(database)) <= housekeeping


@pytest.mark.parametrize("release", RELEASES)
def test_every_source_release_can_be_sampled_and_spoilt(release: str, sample: Sample) -> None:
    pair = sample(release, apis=24, blemishes=True)
    assert number(pair.am, "SELECT count(*) FROM am_api") == 24
    assert number(pair.shared, "SELECT count(*) FROM reg_resource WHERE reg_name = 'api'") >= 24
    assert number(pair.am, "SELECT count(*) FROM am_api_url_mapping WHERE throttling_tier IS NULL") > 0
    assert number(pair.shared, "SELECT count(*) FROM reg_log WHERE reg_path LIKE '%/gone/%'") == 9
    assert len(blemishes(Release.parse(release))) > 8


@pytest.mark.parametrize("release", RELEASES)
def test_every_statement_of_a_blemish_changes_rows_of_a_small_sample(release: str, sample: Sample) -> None:
    databases = sample(release, apis=36).by_name()
    idle = []
    with pytest.raises(Undone), ExitStack() as stack:
        sessions = {name: stack.enter_context(database.write()) for name, database in databases.items()}
        for blemish in blemishes(Release.parse(release)):
            for statement in blemish.statements:
                changed = sessions[blemish.part].execute(text(statement))
                if not changed and not statement.startswith(("ALTER", "CREATE", "DROP")):
                    idle.append((blemish.name, statement))
        raise Undone
    assert idle == []


class Undone(Exception):
    """Ends a transaction without keeping it."""


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(
    sample: Sample, empty_database: Callable[[str], Database]
) -> None:
    again = Pair(empty_database("am"), empty_database("shared"))
    samples.write(Release.parse("4.0.0"), again.am, again.shared, apis=36)
    first = contents(sample("4.0.0"))
    assert contents(again) == first
    other = contents(sample("4.0.0", seed=2))
    assert other["am.am_application"] != first["am.am_application"]
    assert other.keys() == first.keys()


def test_counts_follow_the_shape(empty_database: Callable[[str], Database]) -> None:
    am, shared = empty_database("am"), empty_database("shared")
    made = samples.write(
        Release.parse("4.0.0"), am, shared, apis=12, tenants=1, applications_per_api=5, tokens_per_api=23
    )
    assert made["am_api"] == number(am, "SELECT count(*) FROM am_api") == 12
    assert made["um_tenant"] == 1
    assert number(am, "SELECT count(*) FROM am_application WHERE name <> 'DefaultApplication'") == 60
    assert number(am, "SELECT count(*) FROM idn_oauth2_access_token WHERE user_type = 'APPLICATION'") == 12 * 23
    assert made["no_such_table"] == 0


def test_every_kind_state_and_custom_occurs_in_an_ordinary_sample(sample: Sample) -> None:
    am = sample("4.0.0", apis=180).am
    kinds = {row[0] for row in numbers(am, "SELECT DISTINCT api_type FROM am_api")}
    assert kinds == {"HTTP", "SOAP", "SOAPTOREST", "GRAPHQL", "WS", "WEBSUB", "SSE", "APIProduct"}
    states = {row[0] for row in numbers(am, "SELECT DISTINCT status FROM am_api")}
    assert states == {"CREATED", "PROTOTYPED", "PUBLISHED", "BLOCKED", "DEPRECATED", "RETIRED"}
    subscriptions = {row[0] for row in numbers(am, "SELECT DISTINCT sub_status FROM am_subscription")}
    assert {"UNBLOCKED", "BLOCKED", "PROD_ONLY_BLOCKED", "ON_HOLD", "REJECTED"} <= subscriptions
    keyed = "SELECT key_manager FROM am_application_key_mapping"
    assert number(am, f"SELECT count(DISTINCT type) FROM am_key_manager WHERE uuid IN ({keyed})") == 2


NOTHING_WRONG = {
    "am": (
        "SELECT count(*) FROM am_subscription s JOIN am_api a USING (api_id) WHERE a.status IN ('CREATED', 'RETIRED')",
        "SELECT count(*) FROM am_subscription s WHERE NOT EXISTS (SELECT 1 FROM am_policy_subscription p "
        "JOIN am_application a ON a.application_id = s.application_id JOIN am_subscriber u USING (subscriber_id) "
        "WHERE p.name = s.tier_id AND p.tenant_id = u.tenant_id)",
        "SELECT count(*) FROM am_application_key_mapping WHERE key_manager NOT IN (SELECT uuid FROM am_key_manager)",
        "SELECT count(*) FROM am_application_key_mapping k WHERE k.create_mode = 'CREATED' AND k.consumer_key NOT IN "
        "(SELECT consumer_key FROM idn_oauth_consumer_apps)",
        "SELECT count(*) FROM am_api_resource_scope_mapping m WHERE NOT EXISTS "
        "(SELECT 1 FROM am_scope s WHERE s.name = m.scope_name AND s.tenant_id = m.tenant_id)",
        "SELECT count(*) FROM am_scope s WHERE NOT EXISTS "
        "(SELECT 1 FROM idn_oauth2_scope i WHERE i.name = s.name AND i.tenant_id = s.tenant_id)",
        "SELECT count(*) FROM (SELECT context FROM am_api GROUP BY context HAVING count(*) > 1) d",
        "SELECT count(*) FROM idn_claim_dialect WHERE id NOT IN (SELECT dialect_id FROM idn_claim)",
        "SELECT count(*) FROM idn_oauth2_access_token t WHERE NOT EXISTS "
        "(SELECT 1 FROM idp i WHERE i.id = t.idp_id AND i.tenant_id = t.tenant_id)",
    ),
    "shared": (
        "SELECT count(*) FROM reg_path p LEFT JOIN reg_path q ON q.reg_path_id = p.reg_path_parent_id "
        "AND q.reg_tenant_id = p.reg_tenant_id WHERE p.reg_path_value <> '/' AND (q.reg_path_id IS NULL "
        "OR p.reg_path_value NOT LIKE replace(q.reg_path_value || '/', '//', '/') || '%')",
        "SELECT count(*) FROM reg_path p WHERE NOT EXISTS (SELECT 1 FROM reg_resource r "
        "WHERE r.reg_path_id = p.reg_path_id AND r.reg_tenant_id = p.reg_tenant_id AND r.reg_name IS NULL)",
        "SELECT count(*) FROM reg_content c WHERE NOT EXISTS (SELECT 1 FROM reg_resource r "
        "WHERE r.reg_content_id = c.reg_content_id AND r.reg_tenant_id = c.reg_tenant_id)",
        "SELECT count(*) FROM reg_resource_property l WHERE NOT EXISTS (SELECT 1 FROM reg_resource r "
        "WHERE r.reg_path_id = l.reg_path_id AND r.reg_name = l.reg_resource_name "
        "AND r.reg_tenant_id = l.reg_tenant_id)",
        "SELECT count(*) FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id) "
        "WHERE p.reg_path_value NOT IN ('/', '/_system') AND NOT EXISTS (SELECT 1 FROM reg_log l "
        "WHERE l.reg_tenant_id = r.reg_tenant_id "
        "AND l.reg_path = p.reg_path_value || coalesce('/' || r.reg_name, ''))",
        "SELECT count(*) FROM um_role_permission r JOIN um_domain d ON d.um_domain_id = r.um_domain_id "
        "WHERE d.um_tenant_id <> r.um_tenant_id",
        "SELECT count(*) FROM um_user u WHERE NOT EXISTS (SELECT 1 FROM um_user_attribute a "
        "WHERE a.um_user_id = u.um_id AND a.um_attr_name = 'scimId' AND a.um_attr_value = u.um_user_id)",
    ),
}


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.5.0"])
def test_a_clean_sample_has_nothing_wrong_with_it(release: str, sample: Sample) -> None:
    pair = sample(release)
    wrong = {
        query: found
        for part, database in pair.by_name().items()
        for query in NOTHING_WRONG[part]
        if "a.status" not in query or release != "3.2.0"
        if (found := number(database, query))
    }
    assert wrong == {}


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_every_api_has_its_artifact_in_its_tenant_and_the_other_way_round(release: str, sample: Sample) -> None:
    pair = sample(release)
    rows = numbers(
        pair.shared,
        "SELECT replace(split_part(p.reg_path_value, '/', 7), '-AT-', '@'), split_part(p.reg_path_value, '/', 8), "
        "split_part(p.reg_path_value, '/', 9), r.reg_uuid FROM reg_resource r JOIN reg_path p "
        "USING (reg_path_id, reg_tenant_id) LEFT JOIN um_tenant t ON t.um_id = r.reg_tenant_id "
        "WHERE r.reg_name = 'api' AND p.reg_path_value LIKE '/_system/governance/apimgt/applicationdata/provider/%' "
        "AND (t.um_id IS NULL OR p.reg_path_value LIKE '%-AT-' || t.um_domain_name || '/%')",
    )
    columns = "api_provider, api_name, api_version" + (", api_uuid" if release != "3.2.0" else "")
    expected = numbers(pair.am, f"SELECT {columns} FROM am_api")
    assert sorted(row[: len(expected[0])] for row in rows) == sorted(expected)


def test_revisions_are_whole_in_both_databases(sample: Sample) -> None:
    pair = sample("4.0.0")
    revisions = {str(row[0]) for row in numbers(pair.am, "SELECT revision_uuid FROM am_revision")}
    copies = numbers(
        pair.shared,
        "SELECT r.reg_uuid FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id) "
        "WHERE r.reg_name = 'api' AND p.reg_path_value LIKE '/_system/governance/apimgt/applicationdata/apis/%'",
    )
    assert revisions and {str(row[0]) for row in copies} == revisions
    for table, column in (
        ("am_gw_api_artifacts", "revision_id"),
        ("am_gw_api_deployments", "revision_id"),
        ("am_deployment_revision_mapping", "revision_uuid"),
        ("am_api_revision_metadata", "revision_uuid"),
    ):
        assert {str(row[0]) for row in numbers(pair.am, f"SELECT {column} FROM {table}")} == revisions
    zips = numbers(pair.am, "SELECT artifact FROM am_gw_api_artifacts")
    assert all(bytes(row[0]).startswith(b"PK") for row in zips)  # type: ignore[arg-type]


def test_the_truststore_of_a_sample_has_the_certificate_of_every_endpoint(sample: Sample) -> None:
    am = sample("3.2.0").am
    found = jks.read(samples.truststore(am), "wso2carbon").trusted
    assert found and set(found) == {row[0] for row in numbers(am, "SELECT alias FROM am_certificate_metadata")}


def test_the_server_counts_on_behind_the_numbers_that_were_used(sample_estate: Sample) -> None:
    pair = sample_estate("4.0.0")
    with pair.am.write() as session:
        session.execute("INSERT INTO am_api (api_name) VALUES ('next')")
    assert number(pair.am, "SELECT api_id FROM am_api WHERE api_name = 'next'") == 37
    with pair.shared.write() as session:
        session.execute("INSERT INTO reg_content (reg_content_data, reg_tenant_id) VALUES ('x', 1)")


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.5.0"])
def test_the_schema_is_the_stock_one(release: str, sample: Sample) -> None:
    for part, database in sample(release).by_name().items():
        stock = catalogue("postgresql", Release.parse(release), part)
        with database.read() as session:
            assert set(tables(session)) == {name.lower() for name in stock.tables}
