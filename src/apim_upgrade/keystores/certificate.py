"""What is asked of an X.509 certificate."""

from __future__ import annotations

import base64
import binascii
import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

_BEGIN = b"-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate; times are UTC without a zone."""

    subject: str
    ends: datetime
    thumbprint: str
    """SHA-1 in upper-case hex, as the product names certificates."""
    rsa_bits: int | None
    signature: str
    """The digest of the signature, such as ``sha256``; empty where there is none."""
    hosts: tuple[str, ...]
    """Names that it is for: its subject alternative names, or its common name where it has none."""


def read_certificate(data: bytes) -> Certificate:
    """
    Read a certificate in DER, PEM, or either once more in base64, as the product's tables hold it.

    Raises ValueError when it is none of them.
    """
    der = _der(data)
    with warnings.catch_warnings():
        # Old certificates break rules that newer ones keep; they are read all the same.
        warnings.simplefilter("ignore")
        read = x509.load_der_x509_certificate(der)
        names = read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        common = str(names[0].value) if names else ""
        key = read.public_key()
        digest = read.signature_hash_algorithm
    return Certificate(
        common or read.subject.rfc4514_string(),
        read.not_valid_after_utc.astimezone(UTC).replace(tzinfo=None),
        hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        key.key_size if isinstance(key, RSAPublicKey) else None,
        digest.name if digest else "",
        _hosts(read) or ((common,) if common else ()),
    )


def _der(data: bytes) -> bytes:
    for _ in range(3):
        if data[:1] == b"\x30":
            return data  # as it is: its last byte may look like a blank
        data = data.strip()
        if data.startswith(_BEGIN):
            data = b"".join(line.strip() for line in data.splitlines() if not line.startswith(b"-----"))
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            break
    raise ValueError("it is no certificate")


def _hosts(read: x509.Certificate) -> tuple[str, ...]:
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )
