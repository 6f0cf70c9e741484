"""ORGANIZATION in every table that has it."""

from __future__ import annotations

import pytest
from api_data import Estates, prepared

from apim_upgrade.migrations.v4_0_0 import api_identity
from apim_upgrade.migrations.v4_1_0 import organizations
from apim_upgrade.migrations.v4_1_0.organizations import domain_of

__all__ = ["prepared"]
TABLES = (
    "am_api",
    "am_api_default_version",
    "am_application",
    "am_api_categories",
    "am_gateway_environment",
    "am_key_manager",
)


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0"])
def test_no_row_of_a_real_estate_is_left_without(prepared: Estates, source: str) -> None:
    estate = prepared(source, "4.7.0")
    estate.run(api_identity.steps(estate.upgrade))
    estate.run(organizations.steps(estate.upgrade))
    for table in TABLES:
        assert estate.rows(f"SELECT count(*) FROM {table} WHERE organization IS NULL OR organization = ''") == [(0,)]
    assert estate.rows(
        "SELECT count(*) FROM am_api a JOIN apim_upgrade_artifact r USING (api_uuid) "
        "JOIN apim_upgrade_tenant t USING (tenant_id) WHERE a.organization <> t.domain"
    ) == [(0,)]
    assert estate.rows(
        "SELECT count(*) FROM am_application a JOIN am_subscriber s USING (subscriber_id) "
        "JOIN apim_upgrade_tenant t USING (tenant_id) WHERE a.organization <> t.domain"
    ) == [(0,)]
    assert estate.changes_nothing(organizations, *TABLES)


def test_figures_of_the_real_3_2_0_estate(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(api_identity.steps(estate.upgrade))
    estate.run(organizations.steps(estate.upgrade))
    each = [("adpexample.com",), ("adpsample.com",), ("carbon.super",)]
    count = "SELECT organization, count(*) FROM {} GROUP BY 1 ORDER BY 1"
    assert estate.rows(count.format("am_api")) == [(*domain, 14) for domain in each]
    assert estate.rows(count.format("am_api_categories")) == [(*domain, 2) for domain in each]
    assert estate.rows(count.format("am_key_manager")) == [(*domain, 1) for domain in each]
    assert estate.rows("SELECT organization FROM am_application WHERE application_id IN (9, 14) ORDER BY 1") == each[:2]


def test_environments_of_4_0_0_keep_their_tenant_o1(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.run(organizations.steps(estate.upgrade))
    assert estate.rows("SELECT name, organization FROM am_gateway_environment ORDER BY 1") == [
        ("eu-s1", "carbon.super"),
        ("eu-t10", "acme1.com"),
        ("eu-t11", "wso2.example1"),
    ]


def test_environments_that_an_earlier_upgrade_left_empty_are_mended_o1(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.7.0")
    estate.execute(
        "ALTER TABLE am_gateway_environment ADD COLUMN tenant_domain varchar(255)",
        "ALTER TABLE am_gateway_environment ALTER COLUMN organization DROP NOT NULL",
        "UPDATE am_gateway_environment SET tenant_domain = organization, organization = NULL WHERE name = 'eu-t30'",
        "UPDATE am_gateway_environment SET organization = NULL WHERE name = 'eu-s3'",
    )
    estate.run(organizations.steps(estate.upgrade))
    assert estate.rows("SELECT name, organization FROM am_gateway_environment ORDER BY 1") == [
        ("eu-s3", None),
        ("eu-t30", "acme3.com"),
    ]
    assert [v.verdict for v in estate.verdicts("4.1.0/api-data/environment-organizations").values()] == ["failed"]


def test_the_artifacts_tenant_counts_and_not_the_providers_name_o2(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute(
        "UPDATE am_api SET api_provider = 'kim@acme1.com' WHERE api_name = 'S1Api1'",
        "UPDATE am_api_default_version SET api_provider = 'kim@acme1.com' WHERE api_name = 'S1Api1'",
    )
    estate.run(organizations.steps(estate.upgrade))
    for table in ("am_api", "am_api_default_version"):
        assert estate.rows(f"SELECT DISTINCT organization FROM {table} WHERE api_name = 'S1Api1'") == [
            ("carbon.super",)
        ]


def test_an_api_without_artifact_is_told_and_placed_by_its_provider(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("DELETE FROM apim_upgrade_artifact WHERE tenant_id = 1")
    estate.run(organizations.steps(estate.upgrade))
    lone = estate.verdicts("4.1.0/api-data/api-organizations")
    assert lone
    assert {verdict.verdict for verdict in lone.values()} == {"noted"}
    assert estate.rows("SELECT count(*) FROM am_api WHERE organization = 'acme1.com'") == [(len(lone),)]


def test_applications_of_unknown_tenants_are_told_t7(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.execute("UPDATE am_subscriber SET tenant_id = 99 WHERE tenant_id = 2")
    estate.run(organizations.steps(estate.upgrade))
    told = estate.verdicts("4.1.0/api-data/application-organizations")
    assert list(told) == ["tenant 99"]
    assert "5 applications" in told["tenant 99"].reason


def test_applications_are_private_but_for_the_default_one_in_the_same_pass(prepared: Estates) -> None:
    estate = prepared("4.0.0", "4.7.0")
    estate.run(organizations.steps(estate.upgrade))
    assert estate.rows(
        "SELECT name = 'DefaultApplication', shared_organization, count(*) FROM am_application GROUP BY 1, 2 ORDER BY 1"
    ) == [(False, "private", 12), (True, None, 3)]


def test_4_0_0_has_no_organizations(prepared: Estates) -> None:
    assert not organizations.steps(prepared("3.2.0", "4.0.0").upgrade)


@pytest.mark.parametrize(
    ("provider", "domain"),
    [
        ("admin", "carbon.super"),
        ("kim@shop.example", "shop.example"),
        ("kim@mail.example", "carbon.super"),
        ("kim@mail.example@shop.example", "shop.example"),
        ("shop.example", "carbon.super"),
    ],
)
def test_a_suffix_is_a_tenant_only_when_there_is_one(provider: str, domain: str) -> None:
    assert domain_of(provider, {"carbon.super", "shop.example"}) == domain


def test_what_was_presumed_of_applications_is_corrected(prepared: Estates) -> None:
    plain = prepared("3.2.0", "4.7.0")
    plain.run(organizations.steps(plain.upgrade))
    wanted = plain.rows("SELECT application_id, organization, shared_organization FROM am_application ORDER BY 1")

    presumed = prepared("3.2.0", "4.7.0")
    values = organizations.presumed_values(presumed.upgrade)
    assert values == {
        ("am_application", "organization"): "'carbon.super'",
        ("am_application", "shared_organization"): "'private'",
    }
    presumed.execute("UPDATE am_application SET organization = 'carbon.super', shared_organization = 'private'")
    presumed.run(organizations.steps(presumed.upgrade))
    query = "SELECT application_id, organization, shared_organization FROM am_application ORDER BY 1"
    assert presumed.rows(query) == wanted


def test_an_application_of_an_unknown_tenant_is_given_to_nobody(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.execute(
        "UPDATE am_application SET organization = 'carbon.super'",
        "UPDATE am_subscriber SET tenant_id = 77 WHERE tenant_id = 2",
    )
    estate.run(organizations.steps(estate.upgrade))
    assert estate.rows(
        "SELECT DISTINCT organization FROM am_application JOIN am_subscriber USING (subscriber_id) WHERE tenant_id = 77"
    ) == [(None,)]
    assert "tenant 77" in estate.verdicts("4.1.0/api-data/application-organizations")
