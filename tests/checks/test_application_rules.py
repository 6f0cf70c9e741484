"""Rules of the family APP: a planted fault each; the clean sample stays silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apim_upgrade.checks import (
    Baseline,
    Repair,
    Reported,
    Severity,
    all_rules,
    check,
    open_subject,
    selected,
)
from apim_upgrade.databases import Database
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from checks.planting import Field

ONE_APPLICATION = "application_id = (SELECT min(application_id) FROM am_application_key_mapping)"
ONE_CLIENT = """consumer_key = (SELECT consumer_key FROM am_application_key_mapping
    WHERE key_manager IN (SELECT uuid FROM am_key_manager WHERE name = 'Resident Key Manager')
    ORDER BY application_id, key_type LIMIT 1)"""


def bad(found: list[Reported]) -> list[Reported]:
    """The findings that are worse than information."""
    return [each for each in found if each.severity > Severity.INFO]


def toml(folder: Path, text: str, key: str = "target_configuration") -> CheckChoices:
    """Choices of a check with a deployment.toml of this text."""
    file = folder / f"{key}.toml"
    file.write_text(text, encoding="utf-8")
    return CheckChoices(**{key: file})


# Keys and clients


def test_key_managers_by_name_are_told_and_mended_by_the_upgrade(field: Field) -> None:
    plant = """UPDATE am_application_key_mapping k SET key_manager = m.name FROM am_key_manager m
        WHERE m.uuid = k.key_manager"""
    found = field.found("APP001", source="3.2.0", am=[plant])
    assert {each.item for each in found} == {"Resident Key Manager", "Partner IdP"}
    assert {each.repair for each in found} == {Repair.AUTOMATIC}
    assert field.found("APP001", source="3.2.0") == []
    assert field.found("APP002", source="3.2.0", am=[plant]) == []


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_a_key_of_an_unknown_key_manager_is_found(field: Field, source: str) -> None:
    plant = f"UPDATE am_application_key_mapping SET key_manager = 'gone' WHERE {ONE_APPLICATION}"
    found = field.found("APP002", source=source, am=[plant])
    assert found
    assert all(each.severity is Severity.MAJOR and "'gone'" in each.message for each in found)
    assert str(found[0].place).startswith("am.AM_APPLICATION_KEY_MAPPING.KEY_MANAGER (APPLICATION_ID=")
    assert field.found("APP002", source=source) == []


def test_a_key_without_client_is_found_in_whichever_tenant_the_client_lies(field: Field) -> None:
    moved = f"UPDATE idn_oauth_consumer_apps SET tenant_id = 99 WHERE {ONE_CLIENT}"
    assert field.found("APP003", am=[moved]) == []
    (found,) = field.found("APP003", am=[f"DELETE FROM idn_oauth_consumer_apps WHERE {ONE_CLIENT}"])
    assert found.severity is Severity.MINOR
    assert "has no OAuth client" in found.message


def test_an_estate_whose_clients_are_elsewhere_gets_one_finding(field: Field) -> None:
    (found,) = field.found("APP003", am=["DELETE FROM idn_oauth_consumer_apps"])
    assert found.severity is Severity.MAJOR
    assert found.message.startswith("None of the ")


@pytest.mark.parametrize(
    ("application", "client"), [("JWT", "NULL"), ("JWT", "'Default'"), ("DEFAULT", "'JWT'"), ("OAUTH", "'jwt'")]
)
def test_token_types_that_disagree_are_found(field: Field, application: str, client: str) -> None:
    plants = [
        f"UPDATE am_application SET token_type = '{application}' WHERE {ONE_APPLICATION}",
        f"""UPDATE idn_oidc_property SET property_value = {client} WHERE property_key = 'tokenType' AND consumer_key IN
            (SELECT consumer_key FROM am_application_key_mapping WHERE {ONE_APPLICATION})""",
    ]
    found = field.found("APP004", am=plants)
    assert found
    assert f"is of token type {application}" in found[0].message
    assert field.found("APP004") == []


@pytest.mark.parametrize(
    ("column", "value"), [("app_access_token_expire_time", -1), ("refresh_token_expire_time", 2**63 - 1)]
)
def test_clients_whose_tokens_never_expire_are_found(field: Field, column: str, value: int) -> None:
    plant = f"UPDATE idn_oauth_consumer_apps SET {column} = {value} WHERE {ONE_CLIENT}"
    (found,) = field.found("APP005", am=[plant])
    assert column.upper() in found.message
    long = f"UPDATE idn_oauth_consumer_apps SET {column} = 2147483646 WHERE {ONE_CLIENT}"
    assert field.found("APP005", am=[long]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("callback_url = 'null'", "the text 'null'"),
        ("callback_url = '', grant_types = 'refresh_token authorization_code'", "no callback URL"),
    ],
)
def test_callbacks_that_cannot_be_used_are_found(field: Field, change: str, said: str) -> None:
    (found,) = field.found("APP006", am=[f"UPDATE idn_oauth_consumer_apps SET {change} WHERE {ONE_CLIENT}"])
    assert said in found.message
    assert field.found("APP006") == []


def test_applications_of_nobody_are_found(field: Field) -> None:
    plant = """UPDATE am_subscriber SET tenant_id = 77 WHERE subscriber_id =
        (SELECT subscriber_id FROM am_application ORDER BY application_id LIMIT 1)"""
    found = field.found("APP007", am=[plant])
    assert found
    assert all("of tenant 77" in each.message for each in found)
    assert field.found("APP007") == []


def test_empty_texts_beside_null_are_told(field: Field) -> None:
    plant = "UPDATE am_api SET api_tier = '' WHERE api_id = (SELECT min(api_id) FROM am_api WHERE api_tier IS NULL)"
    assert any(each.item.startswith("am.AM_API.API_TIER") for each in field.found("APP008", am=[plant]))
    assert not any(each.item.startswith("am.AM_API.API_TIER") for each in field.found("APP008"))


# Key managers


def test_third_party_key_managers_are_told_with_the_old_connectors(field: Field, tmp_path: Path) -> None:
    dropins = tmp_path / "repository" / "components" / "dropins"
    dropins.mkdir(parents=True)
    (dropins / "okta.key.manager-1.0.jar").touch()
    (dropins / "other.jar").touch()
    found = field.found("APP010", inputs=CheckChoices(home=tmp_path))
    assert {each.severity for each in found} == {Severity.INFO}
    assert all("okta.key.manager-1.0.jar" in each.message and "other" not in each.message for each in found)
    assert any("12 keys" in each.message for each in field.found("APP010"))


def manager(configuration: str, kind: str = "default", more: str = "") -> str:
    """SQL that adds an enabled key manager to the super tenant."""
    return f"""INSERT INTO am_key_manager (uuid, name, type, configuration, enabled, organization, token_type)
        VALUES ('km-1', 'Second', '{kind}', convert_to('{configuration}', 'UTF8'), true, 'carbon.super', '{more}')"""


@pytest.mark.parametrize("configuration", ["{}", '{"ServerURL": ""}', "no json", "[]"])
def test_an_additional_key_manager_without_address_is_found(field: Field, configuration: str) -> None:
    (found,) = field.found("APP011", am=[manager(configuration)])
    assert found.item == "carbon.super/Second"
    assert field.found("APP011", am=[manager(json.dumps({"ServerURL": "https://km.example/services"}))]) == []
    off = "UPDATE am_key_manager SET enabled = false WHERE uuid = 'km-1'"
    assert field.found("APP011", am=[manager(configuration), off]) == []


def test_keys_that_moved_to_an_identity_server_7_are_found(field: Field) -> None:
    moved = """DELETE FROM idn_oauth_consumer_apps WHERE consumer_key IN (SELECT k.consumer_key
        FROM am_application_key_mapping k JOIN am_key_manager m ON m.uuid = k.key_manager
        WHERE m.organization = 'carbon.super')"""
    (found,) = field.found("APP012", am=[manager("{}", "WSO2-IS-7"), moved])
    assert "of type WSO2-IS-7" in found.message
    assert field.found("APP012", am=[manager("{}", "WSO2-IS-7")]) == []


def test_key_managers_that_exchange_tokens_are_found(field: Field) -> None:
    (found,) = field.found("APP013", am=[manager("{}", "Okta", "EXCHANGED")])
    assert found.severity is Severity.MINOR
    assert field.found("APP013") == []


def test_a_key_manager_outside_the_server_is_found_in_the_configuration(field: Field, tmp_path: Path) -> None:
    text = '[apim.key_manager]\nservice_url = "https://is.example:9443/services/"\ntype = "WSO2-IS"\n'
    found = field.found("APP014", inputs=toml(tmp_path, text, "configuration"))
    assert [each.item for each in found] == ["apim.key_manager.service_url", "apim.key_manager.type"]
    usual = '[apim.key_manager]\nservice_url = "https://localhost:${mgt.transport.https.port}/services/"\n'
    assert field.found("APP014", inputs=toml(tmp_path, usual, "configuration")) == []


# Tokens


def test_opaque_applications_are_major_only_where_tokens_are_no_longer_stored(field: Field, tmp_path: Path) -> None:
    plant = f"UPDATE am_application SET token_type = 'DEFAULT' WHERE {ONE_APPLICATION}"
    (found,) = field.found("APP020", am=[plant])
    assert found.severity is Severity.MAJOR
    (found,) = field.found("APP020", am=[plant], target="4.6.0")
    assert found.severity is Severity.MINOR
    stored = toml(tmp_path, "[oauth.token_persistence]\nenable = true\n")
    (found,) = field.found("APP020", am=[plant], inputs=stored)
    assert found.severity is Severity.MINOR
    assert field.found("APP020") == []


def test_long_opaque_tokens_are_found_and_long_jwts_are_not(field: Field) -> None:
    endless = f"""UPDATE idn_oauth2_access_token SET validity_period = -1, token_state = 'ACTIVE'
        WHERE consumer_key_id = (SELECT id FROM idn_oauth_consumer_apps WHERE {ONE_CLIENT})"""
    opaque = "UPDATE am_application SET token_type = 'OAUTH'"
    found = field.found("APP021", source="3.2.0", target="4.0.0", am=[endless, opaque])
    assert any("opaque tokens that live very long" in each.message for each in found)
    assert field.found("APP021", source="3.2.0", target="4.0.0", am=[endless]) == []


@pytest.mark.parametrize(
    ("token", "form"),
    [
        (json.dumps({"hash": "ab" * 32, "algorithm": "SHA-256"}), "hashed"),
        (json.dumps({"c": "q" * 400, "t": "RSA"}), "encrypted"),
        ("Q" * 344, "encrypted"),
    ],
)
def test_the_form_of_stored_tokens_is_compared_with_the_target(
    field: Field, tmp_path: Path, token: str, form: str
) -> None:
    plant = f"UPDATE idn_oauth2_access_token SET access_token = '{token}'"
    (found,) = field.found("APP022", am=[plant])
    assert (found.severity, f"are {form}" in found.message) == (Severity.INFO, True)
    (found,) = field.found("APP022", am=[plant], inputs=toml(tmp_path, ""))
    assert (found.severity, "asks for plain ones" in found.message) == (Severity.MAJOR, True)
    key = {"hashed": "enable_token_hashing", "encrypted": "enable_token_encryption"}[form]
    same = toml(tmp_path, f"[apim.oauth_config]\n{key} = true\n")
    assert field.found("APP022", am=[plant], inputs=same) == []


def test_plain_tokens_need_no_word_unless_the_target_encrypts(field: Field, tmp_path: Path) -> None:
    assert field.found("APP022") == []
    assert field.found("APP022", inputs=toml(tmp_path, "")) == []
    (found,) = field.found("APP022", inputs=toml(tmp_path, "[apim.oauth_config]\nenable_token_encryption = true\n"))
    assert "Stored tokens are plain" in found.message
    none = "UPDATE idn_oauth2_access_token SET token_state = 'EXPIRED'"
    assert field.found("APP022", am=[none], inputs=toml(tmp_path, "")) == []


WITH_API_KEY = """UPDATE reg_content SET reg_content_data = convert_to(replace(convert_from(reg_content_data, 'UTF8'),
      '<apiSecurity>', '<apiSecurity>api_key,'), 'UTF8') WHERE reg_content_id = (SELECT min(reg_content_id)
    FROM reg_resource r JOIN reg_path p USING (reg_path_id, reg_tenant_id)
    WHERE reg_name = 'api' AND reg_path_value LIKE '%/provider/%')"""


def test_api_keys_become_legacy_only_where_the_switch_is_off(field: Field, tmp_path: Path) -> None:
    (told,) = field.found("APP023", shared=[WITH_API_KEY])
    assert told.severity is Severity.INFO
    (found,) = field.found("APP023", shared=[WITH_API_KEY], inputs=toml(tmp_path, ""))
    assert found.severity is Severity.MAJOR
    switched = toml(tmp_path, "[apim.devportal]\nenable_legacy_api_keys = true\n")
    assert field.found("APP023", shared=[WITH_API_KEY], inputs=switched) == []
    assert field.found("APP023") == []


# Tiers, subscriptions, deny policies


def test_applications_and_subscriptions_without_tier_are_found(field: Field) -> None:
    plants = [
        "UPDATE am_application SET application_tier = NULL WHERE application_id = (SELECT min(application_id) "
        "FROM am_application)",
        "UPDATE am_subscription SET tier_id = '' WHERE subscription_id = (SELECT min(subscription_id) "
        "FROM am_subscription)",
    ]
    found = field.found("APP030", am=plants)
    assert [str(each.place).split(" ")[0] for each in found] == [
        "am.AM_APPLICATION.APPLICATION_TIER",
        "am.AM_SUBSCRIPTION.TIER_ID",
    ]
    assert field.found("APP030") == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("UPDATE am_application SET application_tier = 'Gone'", "AM_APPLICATION.APPLICATION_TIER"),
        ("UPDATE am_subscription SET tier_id = 'Gone'", "AM_SUBSCRIPTION.TIER_ID"),
        ("UPDATE am_api SET api_tier = 'Gone'", "AM_API.API_TIER"),
        ("UPDATE am_api_url_mapping SET throttling_tier = 'Gone'", "AM_API_URL_MAPPING.THROTTLING_TIER"),
    ],
)
@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_tiers_that_do_not_exist_are_found(field: Field, source: str, change: str, place: str) -> None:
    found = field.found("APP031", source=source, am=[change])
    assert len(found) == 3  # one a tenant
    assert all(f"{place} (" in str(each.place) and "the tier Gone" in each.message for each in found)
    assert {each.severity for each in found} == {Severity.MAJOR}


def test_a_deleted_plan_is_found_with_those_who_subscribe_and_those_who_offer_it(field: Field) -> None:
    found = field.found("APP031", am=["DELETE FROM am_policy_subscription WHERE name = 'Gold' AND tenant_id = 1"])
    assert {(each.item, each.severity) for each in found} == {
        ("harbour.example/Gold/artifact", Severity.MINOR),
        ("harbour.example/Gold/subscription", Severity.MAJOR),
    }
    assert field.found("APP031") == []


ACROSS = """UPDATE am_subscription SET api_id = (SELECT min(api_id) FROM am_api WHERE context NOT LIKE '/t/%')
    WHERE subscription_id = (SELECT min(p.subscription_id) FROM am_subscription p
      JOIN am_application a ON a.application_id = p.application_id
      JOIN am_subscriber s ON s.subscriber_id = a.subscriber_id WHERE s.tenant_id = 1)"""


def test_subscriptions_across_tenants_are_found(field: Field) -> None:
    (found,) = field.found("APP032", source="3.2.0", am=[ACROSS])
    assert found.severity is Severity.MAJOR
    assert found.tenant == "harbour.example"
    (found,) = field.found("APP032", source="4.2.0", am=[ACROSS])
    assert found.severity is Severity.MINOR
    assert field.found("APP032", source="3.2.0") == []


@pytest.mark.parametrize(("source", "column"), [("3.2.0", "value"), ("4.2.0", "block_condition")])
def test_deny_policies_in_the_old_form_are_found(field: Field, source: str, column: str) -> None:
    plant = f"""UPDATE am_block_conditions SET {column} = 'carbon.super:1.2.3.4'
        WHERE condition_id = (SELECT min(condition_id) FROM am_block_conditions WHERE type = 'IP')"""
    (found,) = field.found("APP033", source=source, target="4.3.0", am=[plant])
    assert found.severity is Severity.MAJOR
    assert f"AM_BLOCK_CONDITIONS.{column.upper()}" in str(found.place)
    (found,) = field.found("APP033", source=source, target="4.7.0", am=[plant])
    assert found.severity is Severity.MINOR
    assert field.found("APP033", source=source) == []


def test_tenants_with_streaming_apis_and_no_plans_for_them_are_told(field: Field) -> None:
    assert len(field.found("APP034", am=["DELETE FROM am_policy_subscription WHERE name LIKE 'Async%'"])) == 3
    assert field.found("APP034") == []


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0"])
def test_blemishes_of_applications_are_found(field: Field, source: str) -> None:
    found = {each.code for each in field.found("APP", source=source, blemishes=True)}
    wanted = {"APP003", "APP008", "APP032"} | ({"APP001"} if source == "3.2.0" else set())
    assert wanted <= found


@pytest.mark.parametrize("source", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_real_estates_have_no_false_findings(field: Field, source: str, real_estate) -> None:  # type: ignore[no-untyped-def]
    found = bad(field.found("APP", source=source, pair=real_estate(source)))
    # Two applications of 3.2.0 do subscribe across tenants.
    assert [each.code for each in found] == (["APP032", "APP032"] if source == "3.2.0" else [])


def test_clients_in_an_identity_database_of_their_own_are_compared_all_the_same(sample_estate) -> None:  # type: ignore[no-untyped-def]
    pair = sample_estate("4.2.0")
    with pair.am.write() as session:
        session.execute(f"DELETE FROM idn_oauth_consumer_apps WHERE {ONE_CLIENT}")
        session.execute("UPDATE am_application SET token_type = 'OAUTH' WHERE application_id = 8")
    apart = {**pair.by_name(), "identity": Database("identity", pair.am.address)}
    estate = read_estate(pair.by_name(), "4.2.0")
    with open_subject(apart, estate, Release.parse("4.7.0"), Choices(), CheckChoices()) as subject:
        rules = selected(all_rules(), ("APP003", "APP004"), ())
        report = check(subject, rules, baseline=Baseline(), listener=lambda event: None)
    with open_subject(pair.by_name(), estate, Release.parse("4.7.0"), Choices(), CheckChoices()) as subject:
        together = check(subject, rules, baseline=Baseline(), listener=lambda event: None)
    assert {each.code for each in report.findings} == {"APP003", "APP004"}
    assert [each.message for each in report.findings] == [each.message for each in together.findings]
