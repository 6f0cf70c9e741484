"""
Secrets in the form in which the product stores them, and their decryption with the internal key store.

A stored secret is base64. Since 2.6 it holds a JSON object: ``c`` the cipher text in base64, ``t`` Java's name of the
transformation, ``tp`` the SHA-1 of the certificate whose key was used, ``tpd`` the digest's name. Before, it holds
the cipher text itself. Seen on servers from 3.2.0 to 4.5.0. What comes out is never shown.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_OAEP = OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - what the product uses
_LIMIT = 64 * 1024
_BLOCKS = (128, 256, 384, 512)
"""Sizes of an RSA cipher text, for keys of 1,024 to 4,096 bits."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One secret; ``transformation`` and ``thumbprint`` (upper-case hex) are empty where they are not told."""

    cipher: bytes
    transformation: str = ""
    thumbprint: str = ""

    @property
    def symmetric(self) -> bool:
        """Whether another key than that of the key store is needed."""
        return bool(self.transformation) and not self.transformation.upper().startswith("RSA")


def stored_secret(text: str) -> StoredSecret | None:
    """Read the stored form; None for anything else, such as a secret in clear."""
    if not 100 <= len(text) <= _LIMIT:
        return None
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    if data[:1] != b"{":
        return StoredSecret(data) if len(data) in _BLOCKS else None
    try:
        document = json.loads(data)
        return StoredSecret(
            base64.b64decode(document["c"], validate=True),
            str(document.get("t") or ""),
            str(document.get("tp") or "").upper(),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def can_decrypt(secret: StoredSecret, key: RSAPrivateKey) -> bool:
    """Try it; what comes out has to be text, as a wrong key may give bytes instead of an error."""
    return any(_opens(secret.cipher, key, padding) for padding in _paddings(secret.transformation))


def _paddings(transformation: str) -> tuple[AsymmetricPadding, ...]:
    if "OAEP" in transformation.upper():
        return (_OAEP,)
    return (PKCS1v15(),) if transformation else (_OAEP, PKCS1v15())


def _opens(cipher: bytes, key: RSAPrivateKey, padding: AsymmetricPadding) -> bool:
    try:
        return key.decrypt(cipher, padding).decode("utf-8").isprintable()
    except (ValueError, UnicodeDecodeError):
        return False
