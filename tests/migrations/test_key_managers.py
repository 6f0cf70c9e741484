"""Key managers of 3.2.0 by name and by UUID."""

from __future__ import annotations

from api_data import Estates, prepared

from apim_upgrade.databases import name_uuid
from apim_upgrade.migrations.v4_0_0 import key_managers

__all__ = ["prepared"]
TABLES = ("am_key_manager", "am_application_key_mapping", "am_application_registration")
RESIDENT = "Resident Key Manager"
NAMED = (
    f"UPDATE am_application_key_mapping SET key_manager = '{RESIDENT}'",
    f"UPDATE am_application_registration SET key_manager = '{RESIDENT}'",
)


def test_the_configuration_is_the_one_a_server_writes(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    (written,) = estate.rows("SELECT DISTINCT convert_from(configuration, 'UTF8') FROM am_key_manager")
    assert key_managers.resident_configuration().decode() == written[0]


def test_uuids_stay_even_those_of_other_tenants_r8(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    assert estate.changes_nothing(key_managers, *TABLES)
    assert not estate.verdicts("again/4.0.0/api-data/key-manager-ids")


def test_names_become_the_uuids_that_an_updated_server_had_written(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    by_uuid = [estate.table(name) for name in TABLES]
    estate.execute(*NAMED)
    estate.run(key_managers.steps(estate.upgrade))
    assert [estate.table(name) for name in TABLES] == by_uuid


def test_a_key_without_client_gets_the_key_manager_of_its_subscribers_tenant(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(*NAMED, "UPDATE am_application_key_mapping SET consumer_key = NULL WHERE application_id = 9")
    estate.run(key_managers.steps(estate.upgrade))
    for table, application in (
        ("am_application_key_mapping", "application_id"),
        ("am_application_registration", "app_id"),
    ):
        assert estate.rows(
            f"SELECT organization FROM {table} k JOIN am_key_manager m ON m.uuid = k.key_manager "
            f"WHERE {application} = 9"
        ) == [("adpexample.com",)]


def test_a_tenant_without_resident_key_manager_gets_one_with_a_lasting_uuid(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    before = estate.rows("SELECT * FROM am_key_manager WHERE organization = 'adpsample.com'")
    estate.execute(*NAMED, "DELETE FROM am_key_manager WHERE organization = 'adpsample.com'")
    estate.run(key_managers.steps(estate.upgrade))
    uuid = name_uuid("key-manager", "adpsample.com", RESIDENT)
    (made,) = estate.rows("SELECT * FROM am_key_manager WHERE organization = 'adpsample.com'")
    assert uuid in made
    assert set(made) - {uuid, None} == set(before[0]) - {before[0][0], None}
    assert estate.rows(
        "SELECT DISTINCT key_manager FROM am_application_key_mapping WHERE application_id IN (11, 12)"
    ) == [(uuid,)]


def test_in_4_0_0_a_key_manager_names_its_tenant_by_domain(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.0.0")
    estate.execute(*NAMED, "DELETE FROM am_key_manager WHERE tenant_domain = 'adpsample.com'")
    estate.run(key_managers.steps(estate.upgrade))
    assert len(estate.rows("SELECT uuid FROM am_key_manager WHERE tenant_domain = 'adpsample.com'")) == 1
    assert estate.rows(f"SELECT 1 FROM am_application_key_mapping WHERE key_manager = '{RESIDENT}'") == []


def test_a_key_manager_that_nobody_knows_is_told(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute("UPDATE am_application_key_mapping SET key_manager = 'Gone' WHERE application_id = 2")
    estate.run(key_managers.steps(estate.upgrade))
    told = estate.verdicts("4.0.0/api-data/key-manager-ids")
    assert [(item, verdict.verdict) for item, verdict in told.items()] == [
        ("application 2 in AM_APPLICATION_KEY_MAPPING", "noted")
    ]


def test_estates_of_4_x_keep_their_key_managers(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    assert estate.changes_nothing(key_managers, *TABLES)
