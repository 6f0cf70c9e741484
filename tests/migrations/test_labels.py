"""Gateway labels of 3.2.0 as environments with virtual hosts."""

from __future__ import annotations

import pytest
from api_data import Estates, Prepared, prepared

from apim_upgrade.migrations.v4_0_0 import labels
from apim_upgrade.migrations.v4_0_0.access_urls import virtual_hosts

__all__ = ["prepared"]
STEP = "4.0.0/api-data/labels"
ENVIRONMENTS = "SELECT name, organization FROM am_gateway_environment ORDER BY organization, name"


def _label(estate: Prepared, name: str, *urls: str, domain: str = "carbon.super") -> None:
    estate.execute(
        f"INSERT INTO am_labels VALUES ('id-{name}-{domain}', '{name}', NULL, '{domain}')",
        *(f"INSERT INTO am_label_urls VALUES ('id-{name}-{domain}', '{url}')" for url in urls),
    )


def test_every_tenant_gets_its_environment_of_the_same_name(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(labels.steps(estate.upgrade))
    assert estate.rows(ENVIRONMENTS) == [
        ("MARKETING_STORE", "adpexample.com"),
        ("MARKETING_STORE", "adpsample.com"),
        ("MARKETING_STORE", "carbon.super"),
    ]
    assert estate.rows(
        "SELECT l.name = e.display_name, e.description = l.description, e.provider, e.type, e.gateway_type, "
        "e.env_mode, "
        "convert_from(e.configuration, 'UTF8'), v.host, v.http_context, v.http_port, v.https_port, v.ws_port, "
        "v.wss_port FROM am_gateway_environment e JOIN am_labels l ON l.label_id = e.uuid "
        "JOIN am_gw_vhost v ON v.gateway_env_id = e.id WHERE e.organization = 'carbon.super'"
    ) == [
        (True, True, "wso2", "hybrid", "Regular", "WRITE_ONLY", "{}", "localhost", None, "-1", "9095", "9099", "8099")
    ]
    assert not estate.verdicts(STEP)
    assert estate.changes_nothing(labels, "am_gateway_environment", "am_gw_vhost")


def test_before_4_2_0_a_scheme_that_is_not_named_has_its_default_port(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.0.0")
    estate.run(labels.steps(estate.upgrade))
    assert estate.rows("SELECT DISTINCT http_port, https_port FROM am_gw_vhost") == [("80", "9095")]
    assert len(estate.rows("SELECT tenant_domain FROM am_gateway_environment")) == 3


def test_label_tables_stay_until_commit_r6(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(labels.steps(estate.upgrade))
    assert len(estate.table("am_labels")) == len(estate.table("am_label_urls")) == 3


def test_a_malformed_url_stops_only_its_label_r6(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    _label(estate, "broken", "https://[::1", "ftp://gw.example")
    _label(estate, "bare")
    _label(estate, "socket", "wss://events.example:8443")
    estate.run(labels.steps(estate.upgrade))
    verdicts = estate.verdicts(STEP)
    assert verdicts["carbon.super/broken"].verdict == verdicts["carbon.super/bare"].verdict == "failed"
    assert ("socket", "carbon.super") in estate.rows(ENVIRONMENTS)
    assert ("broken", "carbon.super") not in estate.rows(ENVIRONMENTS)
    assert estate.rows("SELECT http_port, https_port, wss_port FROM am_gw_vhost WHERE host = 'events.example'") == [
        ("-1", "-1", "8443")
    ]


def test_urls_of_one_host_become_one_virtual_host_r7(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    _label(
        estate, "both", "http://gw.example:8280/a", "https://gw.example:8243/a", "gw2.example", "https://gw2.example:1"
    )
    estate.run(labels.steps(estate.upgrade))
    assert estate.rows(
        "SELECT host, http_context, http_port, https_port FROM am_gw_vhost v JOIN am_gateway_environment e "
        "ON e.id = v.gateway_env_id WHERE e.name = 'both' ORDER BY host"
    ) == [("gw.example", "/a", "8280", "8243"), ("gw2.example", None, "-1", "443")]
    assert "second https port" in estate.verdicts(STEP)["carbon.super/both"].reason


def test_names_that_are_taken_are_told_and_left(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    _label(estate, "Default", "https://gw.example")
    _label(estate, "MARKETING_STORE", "https://gw.example", domain="other.example")
    estate.execute(
        "INSERT INTO am_gateway_environment (uuid, name, provider, gateway_type, organization) "
        "VALUES ('x', 'MARKETING_STORE', 'wso2', 'Regular', 'other.example')"
    )
    estate.run(labels.steps(estate.upgrade))
    assert {item: verdict.verdict for item, verdict in estate.verdicts(STEP).items()} == {
        "carbon.super/Default": "skipped",
        "other.example/MARKETING_STORE": "skipped",
    }
    assert len(estate.table("am_gateway_environment")) == 4


def test_estates_of_4_x_have_no_labels_to_turn(prepared: Estates) -> None:
    assert not labels.steps(prepared("4.2.0", "4.7.0").upgrade)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://[2001:db8::1]:9443/x", "[2001:db8::1]", "9443"),
        ("HTTPS://user@GW.example", "GW.example", "443"),
        (" gw.example:8243 ", "gw.example", "8243"),
    ],
)
def test_hosts_keep_their_spelling(url: str, host: str, port: str) -> None:
    (found,), problems = virtual_hosts([url])
    assert (found.host, found.port("https", marks_absence=True), problems) == (host, port, [])


def test_a_second_path_of_a_host_is_told() -> None:
    (found,), problems = virtual_hosts(["https://gw/a", "http://gw/b", "http://gw:99999"])
    assert found.context == "/a"
    assert len(problems) == 2
