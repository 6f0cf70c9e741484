"""Private keys of stores that Java's keytool wrote, and secrets in the form that servers store."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from apim_upgrade.errors import ProjectError
from apim_upgrade.keystores import can_decrypt, key_store, read_certificate, stored_key_store, stored_secret
from apim_upgrade.keystores.jks import unprotected
from conftest import shared_path

DATA = Path(__file__).parent / "data"
RSA_OAEP = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)
NAME = "RSA/ECB/OAEPwithSHA1andMGF1Padding"


def key_of(store: str, alias: str) -> RSAPrivateKey:
    key = key_store(DATA / store, "changeit").keys[alias].key
    assert key is not None
    return key


def as_stored(cipher: bytes, transformation: str = NAME, thumbprint: str = "AB") -> str:
    document = {"c": base64.b64encode(cipher).decode(), "t": transformation, "tp": thumbprint, "tpd": "SHA-1"}
    return base64.b64encode(json.dumps(document).encode()).decode()


def test_jks_and_pkcs12_give_the_same_private_key() -> None:
    numbers = [key_of(store, "wso2carbon").private_numbers() for store in ("internal.jks", "internal.p12")]
    assert numbers[0] == numbers[1]
    other = key_store(DATA / "other.jks", "changeit")
    assert set(other.trusted) == {"old"}
    assert read_certificate(other.trusted["old"]).subject == "old.example.org"


def test_a_key_with_another_password_or_protection_is_told_and_its_certificate_read() -> None:
    from apim_upgrade.keystores import jks

    entry = jks.read((DATA / "internal.jks").read_bytes(), "changeit").keys["wso2carbon"]
    with pytest.raises(ValueError, match="password of the key"):
        unprotected(entry.key, "another")
    with pytest.raises(ValueError, match="damaged"):
        unprotected(entry.key[:40], "changeit")
    with pytest.raises(ValueError, match="damaged"):
        unprotected(b"\x05" + entry.key[1:], "changeit")
    with pytest.raises(ValueError, match="in a way"):
        unprotected(entry.key.replace(b"\x01\x01\x05\x00", b"\x01\x09\x05\x00", 1), "changeit")
    assert stored_key_store((DATA / "internal.jks").read_bytes()).keys["wso2carbon"].unread == "it was not opened"
    with pytest.raises(ValueError, match="no JKS"):
        stored_key_store((DATA / "internal.p12").read_bytes())


def test_a_store_that_is_far_too_large_is_no_store(tmp_path: Path) -> None:
    large = tmp_path / "large.jks"
    with large.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    with pytest.raises(ProjectError, match="too large"):
        key_store(large, "changeit")


@pytest.mark.parametrize("transformation", [NAME, "RSA/ECB/PKCS1Padding", "RSA"])
def test_what_was_encrypted_with_a_key_opens_with_it_and_with_no_other(transformation: str) -> None:
    key = key_of("internal.jks", "wso2carbon")
    padding = RSA_OAEP if "OAEP" in transformation else PKCS1v15()
    secret = stored_secret(as_stored(key.public_key().encrypt(b"wso2carbon", padding), transformation, "ab12"))
    assert secret is not None
    assert secret.thumbprint == "AB12"
    assert not secret.symmetric
    assert can_decrypt(secret, key)
    assert not can_decrypt(secret, key_of("other.jks", "other"))
    assert "wso2carbon" not in repr(secret)


def test_old_secrets_are_the_cipher_text_alone() -> None:
    key = key_of("internal.jks", "wso2carbon")
    for padding in (RSA_OAEP, PKCS1v15()):
        cipher = key.public_key().encrypt(b"old", padding)
        secret = stored_secret(base64.b64encode(cipher).decode())
        assert secret is not None
        assert can_decrypt(secret, key)


def test_what_is_no_stored_secret_is_none() -> None:
    broken = base64.b64encode(b'{"c": 5, "t": "' + b"x" * 200 + b'"}').decode()
    plain = base64.b64encode(b"y" * 100).decode()
    for text in ("", "nbFHA6g4zNh7sYgfT_kE9V39RYMa", "x" * 200, broken, plain, as_stored(b"x")[:-5] + "!!!!!"):
        assert stored_secret(text) is None
    symmetric = stored_secret(as_stored(b"x" * 40, "AES/GCM/NoPadding"))
    assert symmetric is not None
    assert symmetric.symmetric


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_secrets_of_real_servers_are_read(release: str) -> None:
    dump = shared_path("testdata", release, "postgresql", "shared.sql.gz")
    with gzip.open(dump, "rt", encoding="utf-8") as file:
        text = file.read()
    secrets = [stored_secret(match) for match in re.findall(r"eyJ[A-Za-z0-9+/=]{300,}", text)]
    assert secrets
    for secret in secrets:
        assert secret is not None
        assert secret.transformation == NAME
        assert len(secret.thumbprint) == 40
        assert len(secret.cipher) == 256
    stores = [stored_key_store(bytes.fromhex(match)) for match in re.findall(r"\\\\x(feedfeed[0-9a-f]+)", text)]
    assert stores
    for store in stores:
        (entry,) = store.keys.values()
        assert read_certificate(entry.chain[0]).rsa_bits == 2048


def test_certificates_are_read_in_every_form_they_are_kept_in() -> None:
    pem = (DATA / "ended.pem").read_bytes()
    der = base64.b64decode(b"".join(pem.splitlines()[1:-1]))
    first = read_certificate(pem)
    assert (first.subject, first.rsa_bits, first.signature, first.hosts) == (
        "old.example.org",
        1024,
        "sha1",
        ("old.example.org",),
    )
    for form in (der, base64.b64encode(der), base64.b64encode(pem)):
        assert read_certificate(form) == first
    assert read_certificate((DATA / "backend.pem").read_bytes()).hosts
    for junk in (b"", b"nonsense", b"\x30\x03abc", base64.b64encode(b"nonsense")):
        with pytest.raises(ValueError):
            read_certificate(junk)
