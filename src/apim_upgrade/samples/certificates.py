"""Certificates and key stores that are the same in every run: Ed25519 signs without chance."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

PASSWORD = "wso2carbon"  # noqa: S105 - of every pack
_MAGIC, _VERSION, _CERTIFICATE = 0xFEEDFEED, 2, 2
_PHRASE = b"Mighty Aphrodite"


def stored_certificate(name: str) -> bytes:
    """Return a certificate as the product keeps it in the database: PEM, once more in base64."""
    return base64.b64encode(certificate(name).public_bytes(Encoding.PEM))


def key_store(password: str, aliases: Iterable[str] = ()) -> bytes:
    """Return a key store in the form JKS that trusts a certificate under every alias."""
    entries = sorted(set(aliases))
    body = struct.pack(">IIi", _MAGIC, _VERSION, len(entries))
    for alias in entries:
        data = certificate(alias).public_bytes(Encoding.DER)
        body += struct.pack(">i", _CERTIFICATE) + _text(alias) + struct.pack(">q", 1_709_280_000_000)
        body += _text("X.509") + struct.pack(">i", len(data)) + data
    return body + hashlib.sha1(password.encode("utf-16-be") + _PHRASE + body, usedforsecurity=False).digest()


@cache
def certificate(name: str) -> x509.Certificate:
    """Return a certificate whose subject and issuer is ``name``."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") | 1)
        .not_valid_before(datetime(2024, 1, 1))
        .not_valid_after(datetime(2034, 1, 1))
        .sign(key, None)
    )


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()
