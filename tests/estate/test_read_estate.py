"""Real estates are read as they are; what is no estate, or not one, is refused in a sentence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.engine import RunRecord, journal
from apim_upgrade.errors import EnvironmentProblem, EstateError, ProjectError
from apim_upgrade.estate import Count, Environment, Estate, drift, read_estate, require_path
from apim_upgrade.releases import Release
from apim_upgrade.schema import create_statements
from conftest import Pair

Make = Callable[[str], Pair]
Empty = Callable[[str], Database]


def states(estate: Estate) -> Counter[str]:
    numbers: Counter[str] = Counter()
    for tenant in estate.contents:
        for count in tenant.apis:
            numbers[count.state] += count.apis
    return numbers


def stock(empty: Empty, release: str) -> dict[str, Database]:
    """Databases as the stock scripts of a release make them, without any content."""
    pair = {}
    for part in ("am", "shared"):
        pair[part] = empty(part)
        with pair[part].write() as session:
            for statement in create_statements("postgresql", Release.parse(release), part):
                session.execute(statement)
    return pair


def test_the_updated_pack_of_3_2_0_is_of_3_2_0(real_estate: Make) -> None:
    estate = read_estate(real_estate("3.2.0").by_name())
    assert estate.release == Release(3, 2, 0)
    assert [(tenant.id, tenant.domain, tenant.active) for tenant in estate.tenants] == [
        (-1234, "carbon.super", True),
        (1, "adpexample.com", True),
        (2, "adpsample.com", True),
    ]
    assert states(estate) == {"PUBLISHED": 27, "CREATED": 12, "BLOCKED": 3}
    assert [(tenant.api_count, tenant.products) for tenant in estate.contents] == [(13, 1)] * 3
    assert sum(tenant.applications for tenant in estate.contents) == 14
    assert sum(tenant.subscriptions for tenant in estate.contents) == 26
    assert sum(tenant.keys for tenant in estate.contents) == 8
    assert [len(tenant.labels) for tenant in estate.contents] == [1, 1, 1]
    assert sum(tenant.resources for tenant in estate.contents) == 1392
    assert (estate.tokens, estate.token_states) == (Count(23), (("ACTIVE", 23),))
    assert estate.registry_log == Count(2266)
    am, shared = estate.databases
    assert (am.releases, shared.releases) == (("3.2.0",), ("3.1.0", "3.2.0"))
    assert am.ahead == ("am_correlation_configs", "am_correlation_properties")
    assert (am.own_tables, am.missing, shared.ahead, estate.warnings) == ((), (), (), ())


@pytest.mark.parametrize(
    ("release", "apis", "tenants"),
    [("4.0.0", 46, ["acme1.com", "wso2.example1"]), ("4.2.0", 31, ["acme3.com"]), ("4.5.0", 33, ["acme5.com"])],
)
def test_estates_of_4_are_read(real_estate: Make, release: str, apis: int, tenants: list[str]) -> None:
    estate = read_estate(real_estate(release).by_name())
    assert str(estate.release) == release
    assert [tenant.domain for tenant in estate.tenants] == ["carbon.super", *tenants]
    assert sum(tenant.api_count + tenant.products for tenant in estate.contents) == apis
    assert all(
        tenant.revisions and tenant.applications and tenant.subscriptions and tenant.keys for tenant in estate.contents
    )
    assert all(
        isinstance(place, Environment) and place.hosts for tenant in estate.contents for place in tenant.environments
    )
    assert any(tenant.environments for tenant in estate.contents)
    assert dict(estate.deployments)["Default"] > 5
    assert "PUBLISHED" in states(estate)
    assert estate.warnings == ()
    document = estate.as_json()
    assert json.loads(json.dumps(document)) == document


def test_reading_changes_nothing_and_a_fingerprint_stands_still(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh").by_name()
    first = read_estate(pair)
    assert read_estate(pair).fingerprint == first.fingerprint
    assert drift(first.as_json(), read_estate(pair)) == []
    with pair["shared"].write() as session:
        session.execute(
            "INSERT INTO um_tenant (um_id, um_tenant_uuid, um_domain_name, um_active, um_created_date) "
            "VALUES (7, 'u', 'new.com', true, now())"
        )
    with pair["am"].write() as session:
        session.execute("CREATE TABLE billing (id integer)")
        session.execute("ALTER TABLE am_api ADD COLUMN mine integer")
    second = read_estate(pair)
    assert second.databases[0].own_tables == ("billing",)
    assert [line.partition(" was ")[0] for line in drift(first.as_json(), second)] == [
        "schema of am",
        "tenant new.com",
        "tenant new.com, revisions",
    ]


@pytest.mark.parametrize("release", ["4.1.0", "4.3.0", "4.4.0", "4.6.0"])
def test_stock_databases_of_other_releases_are_recognised(empty_database: Empty, release: str) -> None:
    assert str(read_estate(stock(empty_database, release)).release) == release


def test_releases_that_cannot_be_upgraded_are_refused(empty_database: Empty) -> None:
    with pytest.raises(EstateError, match=r"of 3\.1\.0; this tool upgrades from 3\.2\.0") as caught:
        read_estate(stock(empty_database, "3.1.0"))
    assert "Upgrade to 3.2.0 with the vendor's tools first." in caught.value.hint
    with pytest.raises(EstateError, match=r"of 4\.7\.0") as caught:
        read_estate(stock(empty_database, "4.7.0"))
    assert caught.value.hint == "Nothing is to be done."


def test_swapped_databases_are_told(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh")
    with pytest.raises(EstateError, match="am and shared are swapped"):
        read_estate({"am": pair.shared, "shared": pair.am})
    with pytest.raises(EstateError, match=r"Database am .* is the shared database, not the API-M database"):
        read_estate({"am": Database("am", pair.shared.address), "shared": pair.shared})
    with pytest.raises(EstateError, match=r"Database shared .* is the API-M database, not the shared database"):
        read_estate({"am": pair.am, "shared": Database("shared", pair.am.address)})


def test_databases_of_something_else_are_told(real_estate: Make, empty_database: Empty) -> None:
    pair = real_estate("4.0.0/fresh")
    empty = empty_database("am")
    with pytest.raises(EstateError, match="is not the API-M database of API-M: it holds no table") as caught:
        read_estate({"am": empty, "shared": pair.shared})
    assert "currentSchema" in caught.value.hint
    with empty.write() as session:
        session.execute("CREATE TABLE customer (id integer)")
    with pytest.raises(EstateError, match="1 tables of something else"):
        read_estate({"am": empty, "shared": pair.shared})


def test_databases_of_two_estates_are_told(real_estate: Make) -> None:
    full, fresh = real_estate("4.0.0"), real_estate("4.0.0/fresh")
    with pytest.raises(EstateError, match=r"not of one estate: am has 46 APIs, .* only 0 are the same"):
        read_estate({"am": full.am, "shared": fresh.shared})
    with pytest.raises(EstateError, match="am has 0 APIs, the registry in shared has 46"):
        read_estate({"am": fresh.am, "shared": full.shared})
    with fresh.am.write() as session:
        session.execute(
            "INSERT INTO am_subscriber (user_id, tenant_id, date_subscribed) "
            "VALUES ('kim', 5, now()), ('li', -1234, now())"
        )
    with pytest.raises(EstateError, match=r"subscribers of the tenants \[5\]"):
        read_estate(fresh.by_name())


def test_a_few_strays_of_an_old_estate_are_warnings(real_estate: Make) -> None:
    pair = real_estate("4.0.0")
    with pair.am.write() as session:
        session.execute("UPDATE am_api SET api_uuid = 'gone' WHERE api_id = (SELECT min(api_id) FROM am_api)")
        session.execute("INSERT INTO am_subscriber (user_id, tenant_id, date_subscribed) VALUES ('kim', 5, now())")
    warnings = read_estate(pair.by_name()).warnings
    assert [warning[:30] for warning in warnings] == [
        "1 APIs have no artifact in the",
        "1 API artifacts in the registr",
        "AM_SUBSCRIBER has subscribers ",
    ]


def test_databases_of_different_releases_are_refused_unless_the_operator_says_so(real_estate: Make) -> None:
    older, newer = real_estate("4.0.0/fresh"), real_estate("4.2.0/fresh")
    mixed = {"am": older.am, "shared": newer.shared}
    with pytest.raises(
        EstateError, match=r"am is of 4\.0\.0, but shared has the schema of 4\.2\.0 to 4\.7\.0"
    ) as caught:
        read_estate(mixed)
    assert 'source = "4.0.0"' in caught.value.hint
    told = read_estate(mixed, "4.0.0")
    assert str(told.release) == "4.0.0"
    assert told.warnings == ("database shared has the schema of 4.2.0 to 4.7.0; taken as 4.0.0 as told",)


def test_a_half_upgraded_schema_is_refused_unless_the_operator_says_so(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh")
    with pair.am.write() as session:
        session.execute("ALTER TABLE am_key_manager RENAME tenant_domain TO organization")
    with pytest.raises(EstateError, match=r"half upgraded or altered: it may be of 4\.0\.0 or 4\.1\.0 \(1 of"):
        read_estate(pair.by_name())
    with pytest.raises(EstateError, match="half upgraded"):
        read_estate(pair.by_name(), "4.2.0")
    estate = read_estate(pair.by_name(), "4.0.0")
    assert str(estate.release) == "4.0.0"
    assert "lies between releases" in estate.warnings[0]


def test_scripts_without_their_data_migration_are_half_an_upgrade(real_estate: Make) -> None:
    pair = real_estate("4.2.0")
    with pair.am.write() as session:
        session.execute("UPDATE am_api SET organization = NULL")
    with pytest.raises(EstateError, match=r"may be of 4\.0\.0 or 4\.2\.0 .*AM_API\.ORGANIZATION is empty for 31 of 31"):
        read_estate(pair.by_name())


def test_the_operators_word_is_checked(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh").by_name()
    assert read_estate(pair, "4.1.0").warnings == ("source says 4.1.0, but the databases are of 4.0.0; taken as 4.0.0",)
    assert read_estate(pair, "4.0.0").warnings == ()
    with pytest.raises(ProjectError, match="'four' is not a release number"):
        read_estate(pair, "four")
    with pytest.raises(ProjectError, match=r"2\.6\.0 is not a release that can be upgraded"):
        read_estate(pair, "2.6.0")


def test_only_a_later_known_release_can_be_the_target() -> None:
    require_path(Release(4, 0, 0), Release(4, 4, 0))
    with pytest.raises(ProjectError, match=r"of 4\.4\.0, and target 4\.0\.0 is not later"):
        require_path(Release(4, 4, 0), Release(4, 0, 0))
    with pytest.raises(ProjectError, match="is not later"):
        require_path(Release(4, 4, 0), Release(4, 4, 0))
    with pytest.raises(ProjectError, match=r"4\.9\.0 is not a release that this tool knows"):
        require_path(Release(4, 4, 0), Release(4, 9, 0))


def test_a_database_in_the_middle_of_an_upgrade_is_told(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh")
    with pair.am.write() as session:
        journal.open_journal(session, RunRecord("r", "0", "4.0.0", "4.4.0", "f", journal.now(), "{}"))
    with pytest.raises(EstateError, match=r"in the middle of an upgrade by this tool from 4\.0\.0 to 4\.4\.0"):
        read_estate(pair.by_name())


def test_very_large_tables_are_not_counted(real_estate: Make, server: EmbeddedPostgres) -> None:
    pair = real_estate("4.2.0")
    with server.connect(pair.am.address.database) as connection:
        connection.execute("UPDATE pg_class SET reltuples = 50000000 WHERE relname = 'idn_oauth2_access_token'")
    estate = read_estate(pair.by_name())
    assert (str(estate.tokens), estate.token_states) == ("about 50,000,000", ())


def test_tables_of_another_user_are_told(real_estate: Make, server: EmbeddedPostgres) -> None:
    pair = real_estate("4.0.0/fresh")
    for database in pair.by_name().values():
        with server.connect(database.address.database) as connection:
            connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO apim_user")
    as_user = {
        name: Database(name, replace(database.address, username="apim_user"))
        for name, database in pair.by_name().items()
    }
    assert "176 tables belong to another user (am_alert_emaillist, " in read_estate(as_user).warnings[0]


def test_what_cannot_be_reached_is_told(real_estate: Make) -> None:
    pair = real_estate("4.0.0/fresh").by_name()
    gone = Database("am", pair["am"].address.at("nowhere"))
    with pytest.raises(EnvironmentProblem, match="There is no database am"):
        read_estate({**pair, "am": gone})
    with pytest.raises(EnvironmentProblem, match="oracle is not supported"):
        Database("am", replace(pair["am"].address, kind="oracle"))
