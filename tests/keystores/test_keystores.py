"""Key stores that Java's keytool wrote: certificates by alias, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from apim_upgrade.errors import ProjectError
from apim_upgrade.keystores import certificates, jks

DATA = Path(__file__).parent / "data"


def _der(name: str) -> bytes:
    return x509.load_pem_x509_certificate((DATA / name).read_bytes()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("store", "second"), [("truststore.jks", "tëst"), ("truststore.p12", "second"), ("truststore.jceks", None)]
)
def test_every_kind_of_store_gives_its_trusted_certificates(store: str, second: str | None) -> None:
    expected = {"backend_1": _der("backend.pem")} | ({second: _der("second.pem")} if second else {})
    assert certificates(DATA / store, "changeit") == expected


def test_the_first_bytes_count_and_not_the_name(tmp_path: Path) -> None:
    misnamed = tmp_path / "client-truststore.jks"
    misnamed.write_bytes((DATA / "truststore.p12").read_bytes())
    assert set(certificates(misnamed, "changeit")) == {"backend_1", "second"}


@pytest.mark.parametrize("store", ["truststore.jks", "truststore.p12"])
def test_a_wrong_password_is_said_without_repeating_it(store: str) -> None:
    with pytest.raises(ProjectError) as caught:
        certificates(DATA / store, "s3cret")
    assert "password" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_missing_file_and_a_file_of_another_kind_are_project_errors(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a key store")
    for path in (tmp_path / "absent.jks", other):
        with pytest.raises(ProjectError):
            certificates(path, "changeit")


@pytest.mark.parametrize("kept", [24, 60, 400, 1000])
def test_a_damaged_store_is_told_apart(kept: int) -> None:
    data = (DATA / "truststore.jks").read_bytes()
    assert jks.is_jks(data)
    with pytest.raises(ValueError, match="damaged"):
        jks.read(data[:kept], "changeit")


def test_entries_that_end_early_are_damage_even_when_the_digest_fits() -> None:
    import hashlib

    body = (DATA / "truststore.jks").read_bytes()[:200]
    digest = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()
    with pytest.raises(ValueError, match="damaged"):
        jks.read(body + digest, "changeit")
    secret = body[:4] + (2).to_bytes(4) + (1).to_bytes(4) + (3).to_bytes(4) + b"\0\x01a" + bytes(8)
    digest = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + secret).digest()
    with pytest.raises(ValueError, match="neither"):
        jks.read(secret + digest, "changeit")
