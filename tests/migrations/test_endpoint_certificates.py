"""Endpoint certificates out of the truststore into the database."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from api_data import Estates, Prepared, prepared

from apim_upgrade.engine import Runner
from apim_upgrade.migrations.v4_0_0 import endpoint_certificates

__all__ = ["prepared"]
STEP = "4.0.0/api-data/endpoint-certificates"
DATA = Path(__file__).parents[1] / "keystores" / "data"
STORE = {"truststore": DATA / "truststore.jks", "truststore_password": "changeit"}


def _with_rows(estate: Prepared) -> Prepared:
    estate.execute(
        "INSERT INTO am_certificate_metadata (tenant_id, alias, end_point) VALUES "
        "(-1234, 'Backend_1', 'https://a.example'), "
        "(1, 'absent_1', 'https://c.example')"
    )
    return estate


def test_the_stored_form_is_the_servers(prepared: Estates) -> None:
    estate = _with_rows(prepared("3.2.0", "4.7.0", **STORE))
    estate.run(endpoint_certificates.steps(estate.upgrade))
    pem = (DATA / "backend.pem").read_bytes()
    rows = estate.rows("SELECT alias, certificate FROM am_certificate_metadata ORDER BY end_point")
    decoded = {alias: stored and base64.b64decode(bytes(stored), validate=True) for alias, stored in rows}
    assert decoded == {"Backend_1": pem, "absent_1": None}
    model = prepared("4.5.0", "4.7.0").rows("SELECT certificate FROM am_api_client_certificate LIMIT 1")[0][0]
    text = base64.b64decode(bytes(model), validate=True).decode().strip().splitlines()
    assert (text[0], text[-1]) == ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    assert estate.changes_nothing(endpoint_certificates, "am_certificate_metadata")


def test_a_missing_alias_fails_alone_r4(prepared: Estates) -> None:
    estate = _with_rows(prepared("3.2.0", "4.7.0", **STORE))
    estate.run(endpoint_certificates.steps(estate.upgrade))
    told = estate.verdicts(STEP)
    assert [(item, verdict.verdict) for item, verdict in told.items()] == [("absent_1", "failed")]
    assert "keytool" in told["absent_1"].action


@pytest.mark.parametrize("choices", [{}, {"truststore": DATA / "gone.jks"}, {**STORE, "truststore_password": "s3cret"}])
def test_without_truststore_every_alias_is_told(prepared: Estates, choices: dict[str, object]) -> None:
    estate = _with_rows(prepared("3.2.0", "4.7.0", **choices))
    estate.run(endpoint_certificates.steps(estate.upgrade))
    told = estate.verdicts(STEP)
    assert set(told) == {"Backend_1", "absent_1"}
    assert not any("s3cret" in verdict.reason + verdict.action for verdict in told.values())


def test_a_retry_takes_what_failed(prepared: Estates) -> None:
    estate = _with_rows(prepared("3.2.0", "4.7.0"))
    estate.run(endpoint_certificates.steps(estate.upgrade))
    again = Prepared(estate.pair, "3.2.0", "4.7.0", **STORE)
    outcome = Runner(again.pair.by_name(), again.record).run(
        endpoint_certificates.steps(again.upgrade), retry_failed=True
    )
    assert outcome.failed_items == 1
    assert again.rows("SELECT count(*) FROM am_certificate_metadata WHERE certificate IS NULL") == [(1,)]


def test_no_certificate_needs_no_truststore(prepared: Estates) -> None:
    estate = prepared("3.2.0", "4.7.0")
    estate.run(endpoint_certificates.steps(estate.upgrade))
    assert not estate.verdicts(STEP)
