"""Rules on servers, schemas and old rows: a planted fault each; the clean sample gives at most information."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from apim_upgrade.checks import Repair, Severity
from apim_upgrade.checks.rules import db_server
from apim_upgrade.databases import Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import Client, ServerFacts
from apim_upgrade.estate import Estate
from apim_upgrade.project.checking import CheckChoices
from checks.planting import Field
from conftest import Pair

POOLS = """
[database.apim_db]
type = "postgre"
[database.apim_db.pool_options]
maxActive = 80
[database.shared_db]
url = "jdbc:postgresql://db/shared"
"""


def worst(field: Field, *codes: str, **planted: object) -> Severity | None:
    return max((each.severity for each in field.found(*codes, **planted)), default=None)  # type: ignore[arg-type]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, empty_database: Callable[[str], Database]) -> Iterator[Callable[..., None]]:
    """Let the rules see a server that differs in some facts from the one there is."""
    database = empty_database("am")
    with database.read() as session:
        facts = dbms_of(database.kind).server(session)

    def see(**changes: object) -> None:
        there: dict[str, ServerFacts] = {
            "am": replace(facts, **changes),  # type: ignore[arg-type]
            "shared": facts,
        }
        monkeypatch.setattr(db_server, "servers", lambda subject: subject.saw("database servers") or there)

    return see


def test_a_server_that_is_too_old_is_major_and_an_unlisted_one_is_told(field: Field, databases: object) -> None:
    (found,) = field.found("DB010", target="4.5.0")
    assert found.severity is Severity.INFO
    assert "4.5.0 was tested with 16.2, 17" in found.message

    def on(server: str) -> Estate:
        estate = field.estate()
        return replace(estate, databases=tuple(replace(each, server=server) for each in estate.databases))

    (old,) = field.found("DB010", estate=on("9.6.24"))
    assert field.found("DB010", estate=on("17.2")) == []
    assert old.severity is Severity.MAJOR
    assert "the list of 4.7.0 is not known" in old.message


def test_rights_that_are_missing_are_told_one_by_one(field: Field) -> None:
    plant = [
        "CREATE ROLE check_user",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO check_user",
        "REVOKE SELECT ON am_api FROM check_user",
        "SET LOCAL ROLE check_user",
    ]
    found = {each.item: each for each in field.found("DB011", am=plant)}
    assert set(found) == {"am: CREATEDB", "am: ownership", "am: SELECT"}
    assert found["am: CREATEDB"].severity is Severity.MAJOR
    assert "AM_API" in found["am: SELECT"].message
    assert field.found("DB011") == []


def test_an_extension_that_only_the_vendor_needs_is_information(field: Field) -> None:
    plant = ["CREATE ROLE check_user", "SET LOCAL ROLE check_user"]
    (found,) = field.found("DB012", source="3.2.0", target="4.2.0", am=plant)
    assert (found.severity, found.item) == (Severity.INFO, "am")
    assert field.found("DB012", source="3.2.0", target="4.2.0") == []


def test_a_server_that_takes_no_changes_is_found(field: Field, seen: Callable[..., None]) -> None:
    plant = ["SET LOCAL default_transaction_read_only = on"]
    (found,) = field.found("DB013", am=plant)
    assert "read only" in found.message
    assert field.found("DB013") == []
    seen(standby=True)
    (found,) = field.found("DB013")
    assert "standby" in found.message


def test_a_disk_without_room_is_major_and_one_that_cannot_be_seen_is_told(
    field: Field, seen: Callable[..., None]
) -> None:
    assert field.found("DB014") == []
    seen(free=1_000_000)
    (found,) = field.found("DB014")
    assert found.severity is Severity.MAJOR
    seen(free=None, size=3_000_000_000)
    assert field.found("DB014") == []  # the other database is on a disk that can be seen


def test_connections_that_do_not_suffice_are_found(field: Field, seen: Callable[..., None], tmp_path: Path) -> None:
    assert field.found("DB015") == []
    file = tmp_path / "deployment.toml"
    file.write_text(POOLS)
    inputs = CheckChoices(configuration=file)
    seen(connections=98, connection_limit=100)
    left, pools = (each for each in field.found("DB015", inputs=inputs) if each.item.startswith("am"))
    assert "2 of 100 connections left" in left.message
    assert "130 connections (apim_db 80, shared_db 50)" in pools.message
    assert pools.severity is Severity.MINOR


def test_clocks_and_time_zones_that_differ_are_found(field: Field, seen: Callable[..., None]) -> None:
    assert field.found("DB016") == []
    future = """INSERT INTO reg_log (reg_path, reg_user_id, reg_logged_time, reg_action, reg_tenant_id)
        VALUES ('/x', 'kim', LOCALTIMESTAMP + INTERVAL '9' DAY, 0, -1234)"""
    (found,) = field.found("DB016", shared=[future])
    assert (found.severity, found.item) == (Severity.INFO, "future")
    zones = [each.item for each in field.found("DB016", am=["SET LOCAL TimeZone = 'Asia/Colombo'"])]
    assert zones == ["time zones"]
    seen(ahead=timedelta(minutes=-5))
    (found,) = field.found("DB016")
    assert "300 s behind" in found.message


def test_encoding_and_collation_are_looked_at(field: Field, seen: Callable[..., None]) -> None:
    # The embedded server knows neither ICU nor the extension; a domain of the type's name does for the rule.
    loose = ["CREATE DOMAIN citext AS text", "ALTER TABLE am_application ALTER COLUMN name TYPE citext"]
    (found,) = field.found("DB018", am=loose)
    assert str(found.place) == "am.AM_APPLICATION.NAME"
    assert field.found("DB018") == []
    assert field.found("DB017") == []
    seen(encoding="LATIN1")
    assert [each.item for each in field.found("DB017")] == ["am"]


def test_programs_at_work_are_told(field: Field, seen: Callable[..., None]) -> None:
    assert field.found("DB019") == []
    seen(others=(Client("WSO2", "10.0.0.5", 40), Client("WSO2", "10.0.0.6", 10)))
    (found,) = field.found("DB019")
    assert found.message.startswith("50 sessions from 2 machines are at work in database am")


def test_a_server_tells_its_facts_to_an_ordinary_user(empty_database: Callable[[str], Database]) -> None:
    database = empty_database("am")
    with database.read() as session, database.autocommit() as other:
        facts = dbms_of(database.kind).server(session)
        assert other.all("SELECT 1")
        assert facts.superuser
        assert facts.may_create_extensions
        assert not facts.standby
        assert not facts.read_only
        assert facts.encoding == "UTF8"
        assert abs(facts.ahead) < timedelta(minutes=1)
        assert facts.free is not None
        assert facts.free > 0
        assert 0 < facts.connections < facts.connection_limit
        assert facts.others == ()
        assert facts.unreadable == ()
        assert "plpgsql" in facts.extensions


# The shape of the schema


def test_rows_that_a_new_key_refuses_block_or_are_moved_aside(field: Field) -> None:
    assert field.found("DB001", "DB002", "DB003", "DB004", source="3.2.0") == []
    user = """INSERT INTO um_user (um_user_id, um_user_name, um_user_password, um_changed_time, um_tenant_id)
        SELECT 'twin', um_user_name, um_user_password, um_changed_time, um_tenant_id FROM um_user LIMIT 1"""
    found = {each.severity for each in field.found("DB001", source="3.2.0", shared=[user])}
    assert found == {Severity.BLOCKER}
    group = """INSERT INTO idn_scim_group (tenant_id, role_name, attr_name, attr_value)
        SELECT 1, 'twins', 'urn', number FROM generate_series(1, 3) number"""
    (moved,) = field.found("DB001", source="3.2.0", am=[group])
    assert (moved.severity, moved.repair) == (Severity.MINOR, Repair.AUTOMATIC)
    assert moved.message.startswith("2 rows of IDN_SCIM_GROUP against unique key")


def test_rows_that_refer_to_nothing_are_found(field: Field) -> None:
    plant = [
        "ALTER TABLE am_subscription DROP CONSTRAINT am_subscription_api_id_fkey",
        """UPDATE am_subscription SET api_id = 99999
           WHERE subscription_id = (SELECT min(subscription_id) FROM am_subscription)""",
    ]
    (found,) = field.found("DB002", am=plant)
    assert (found.severity, found.repair) == (Severity.MINOR, Repair.AUTOMATIC)
    assert "1 rows of AM_SUBSCRIPTION against foreign key (api_id) to am_api, such as 99999" in found.message


def test_missing_values_of_a_mandatory_column_block(field: Field) -> None:
    plant = [
        "ALTER TABLE am_subscriber ALTER COLUMN user_id DROP NOT NULL",
        "UPDATE am_subscriber SET user_id = NULL WHERE subscriber_id = (SELECT min(subscriber_id) FROM am_subscriber)",
    ]
    (found,) = field.found("DB003", am=plant)
    assert (found.severity, str(found.place)) == (Severity.BLOCKER, "am.AM_SUBSCRIBER (NOT NULL of user_id)")
    assert field.found("DB003") == []


def test_a_view_on_a_column_that_gets_another_type_blocks(field: Field) -> None:
    (found,) = field.found("DB004", am=["CREATE VIEW who_said AS SELECT created_by FROM am_api_comments"])
    assert found.severity is Severity.BLOCKER
    assert "Drop view who_said" in found.next
    assert field.found("DB004") == []


def test_a_view_on_a_column_that_commit_cannot_drop_under_it_is_told(field: Field) -> None:
    plant = [
        "CREATE VIEW our_groups AS SELECT tenant_id FROM am_api_categories",
        "CREATE VIEW our_words AS SELECT value FROM am_application_attributes",
    ]
    (found,) = field.found("DB005", am=plant, source="3.2.0")  # the other one follows the column to its new name
    assert found.message == "View our_groups reads AM_API_CATEGORIES.TENANT_ID, which `commit` drops."
    assert found.next == "Drop view our_groups before `commit` and make it again after it, without the column."
    assert field.found("DB005", source="3.2.0") == []


def test_gaps_of_earlier_upgrades_are_closed_and_told(field: Field) -> None:
    plant = ["ALTER TABLE am_api_comments DROP COLUMN entry_point", "DROP TABLE am_monetization_usage"]
    (found,) = field.found("DB020", am=plant)
    assert "column AM_API_COMMENTS.ENTRY_POINT" in found.message
    assert "table AM_MONETIZATION_USAGE" in found.message
    assert field.found("DB020") == []


def test_objects_of_later_releases_are_told(field: Field) -> None:
    (found,) = field.found("DB021", am=["CREATE TABLE am_api_key (x integer)"])
    assert "table AM_API_KEY" in found.message
    assert field.found("DB021") == []


def test_other_names_of_constraints_are_told(field: Field) -> None:
    plant = ["ALTER TABLE um_domain RENAME CONSTRAINT um_domain_um_domain_name_um_tenant_id_key TO my_key"]
    found = field.report("DB022", shared=plant).findings
    if not found:  # the constraint has another name here: any will do
        pytest.fail("no finding")
    assert "UM_DOMAIN my_key instead of" in found[0].message
    assert field.found("DB022") == []


def test_columns_of_other_types_are_found(field: Field) -> None:
    plant = ["ALTER TABLE am_gw_api_artifacts ALTER COLUMN artifact TYPE text USING encode(artifact, 'base64')"]
    found = field.found("DB023", am=plant, shared=["ALTER TABLE reg_log ALTER COLUMN reg_user_id TYPE varchar(400)"])
    assert [(each.severity, str(each.place)) for each in found] == [
        (Severity.MAJOR, "am.AM_GW_API_ARTIFACTS.ARTIFACT"),
        (Severity.INFO, "None"),
    ]
    assert field.found("DB023") == []


def test_unequal_ends_of_a_foreign_key_are_found(field: Field) -> None:
    plant = [
        "ALTER TABLE am_subscription DROP CONSTRAINT am_subscription_api_id_fkey",
        "ALTER TABLE am_subscription ALTER COLUMN api_id TYPE varchar(20)",
    ]
    (found,) = field.found("DB024", am=plant)
    assert str(found.place) == "am.AM_SUBSCRIPTION.API_ID"
    assert field.found("DB024") == []


def test_a_rule_that_is_enforced_twice_is_told(field: Field) -> None:
    plant = ["CREATE UNIQUE INDEX role_once ON um_hybrid_role (um_role_name, um_tenant_id)"]
    (found,) = field.found("DB025", shared=plant)
    assert "UM_HYBRID_ROLE (UM_ROLE_NAME, UM_TENANT_ID) is kept unique by 2" in found.message
    assert field.found("DB025") == []


def test_what_the_vendor_publishes_no_script_for_is_told(field: Field) -> None:
    found = field.found("DB026", source="4.5.0")
    assert [each.item for each in found] == ["am"]
    assert field.report("DB026", source="4.0.0").tallies == ()


def test_constraints_that_were_never_validated_are_found(field: Field) -> None:
    plant = ["ALTER TABLE am_api ADD CONSTRAINT named CHECK (api_name <> '') NOT VALID"]
    (found,) = field.found("DB027", am=plant)
    assert str(found.place) == "am.AM_API (named)"
    assert field.found("DB027") == []


def test_a_schema_of_another_release_is_found(field: Field) -> None:
    assert field.found("DB028", source="4.1.0") == []
    estate = field.estate("4.1.0")
    am, shared = estate.databases
    odd = replace(estate, databases=(am, replace(shared, releases=("4.3.0", "4.4.0"))))
    (found,) = field.found("DB028", source="4.1.0", estate=odd)
    assert "shared has the schema of 4.3.0 to 4.4.0, and is taken for 4.1.0" in found.message


# Old rows

TOKENS = """INSERT INTO idn_oauth2_access_token (token_id, access_token, consumer_key_id, authz_user, tenant_id,
    user_domain, user_type, grant_type, time_created, refresh_token_time_created, validity_period,
    refresh_token_validity_period, token_scope_hash, token_state, token_state_id, subject_identifier,
    access_token_hash, idp_id, token_binding_ref)
  SELECT 't' || n, 't' || n, (SELECT min(id) FROM idn_oauth_consumer_apps), 'kim', -1234, 'PRIMARY', 'APPLICATION',
    'client_credentials', TIMESTAMP '2020-01-01 00:00:00', TIMESTAMP '2020-01-01 00:00:00', {validity}, 0, 'h',
    '{state}', 'x' || n, 'kim', 't' || n, 1, 'NONE'
  FROM generate_series(1, {number}) n"""


def test_stale_tokens_are_counted_and_those_without_end_are_not(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = ["DELETE FROM idn_oauth2_access_token"]
    assert field.found("DB030", am=empty) == []
    forever = TOKENS.format(validity=-1000, state="ACTIVE", number=3)
    assert field.found("DB030", am=[*empty, forever]) == []
    ended = TOKENS.format(validity=3_600_000, state="ACTIVE", number=3)
    (found,) = field.found("DB030", am=[*empty, ended])
    assert found.severity is Severity.INFO
    assert found.message.startswith("3 of 3 tokens cannot be used any more (0 not active, 3 ended long ago)")
    from apim_upgrade.checks.rules import db_volume

    monkeypatch.setattr(db_volume, "_MANY", 2)
    assert worst(field, "DB030", am=[*empty, TOKENS.format(validity=3_600_000, state="REVOKED", number=3)]) is (
        Severity.MINOR
    )


def test_large_tables_of_sessions_and_logs_are_told(field: Field) -> None:
    plant = [
        """INSERT INTO idn_auth_session_store
             (session_id, session_type, operation, time_created, tenant_id, expiry_time)
           SELECT 's' || n, 'x', 'STORE', n, -1234, 0 FROM generate_series(1, 10001) n""",
    ]
    log = [
        """INSERT INTO reg_log (reg_path, reg_user_id, reg_logged_time, reg_action, reg_tenant_id)
           SELECT '/x', 'kim', LOCALTIMESTAMP, 0, -1234 FROM generate_series(1, 10001)""",
    ]
    found = field.found("DB031", am=plant, shared=log)
    assert [str(each.place) for each in found] == ["am.IDN_AUTH_SESSION_STORE", "shared.REG_LOG"]
    assert {each.severity for each in found} == {Severity.INFO}
    assert field.found("DB031") == []


def test_copies_of_revisions_are_counted(field: Field) -> None:
    (found,) = field.found("DB032")
    assert "copies of revisions are indexed beside 36 APIs" in found.message
    assert found.severity is Severity.INFO
    assert field.report("DB032", source="3.2.0").tallies == ()


@pytest.mark.parametrize("release", ["3.2.0", "4.5.0"])
def test_real_estates_have_no_major_fault_of_their_database(
    field: Field, real_estate: Callable[[str], Pair], release: str
) -> None:
    found = field.found("DB02", "DB03", "SEC", "CFG", "ENV", pair=real_estate(release), source=release)
    assert [(each.code, each.message) for each in found if each.severity > Severity.INFO] == []
