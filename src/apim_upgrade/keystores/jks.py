"""
Reads the certificates of a JKS or JCEKS key store; private keys in it are passed over.

The layout is that of Java's own ``JavaKeyStore``: big-endian numbers, entry after entry, and at the end a SHA-1 over
the password, a fixed phrase and all that went before. Certificates are not encrypted.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

_MAGICS = (0xFEEDFEED, 0xCECECECE)
_PHRASE = b"Mighty Aphrodite"
_PRIVATE_KEY, _CERTIFICATE = 1, 2
_DIGEST_BYTES = 20


def is_jks(data: bytes) -> bool:
    """Say whether the first bytes are those of a JKS or JCEKS store."""
    return len(data) >= 4 and struct.unpack(">I", data[:4])[0] in _MAGICS


def trusted_certificates(data: bytes, password: str) -> dict[str, bytes]:
    """
    Return the trusted certificates as DER by alias.

    Raises ValueError when the password is wrong, or the bytes are damaged or of a layout that is not known.
    """
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    expected = hashlib.sha1(password.encode("utf-16-be") + _PHRASE + body, usedforsecurity=False).digest()
    if not hmac.compare_digest(digest, expected):
        raise ValueError("the password is wrong or the file is damaged")
    try:
        return _entries(_Reader(body))
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError("the file is damaged") from error


def _entries(reader: _Reader) -> dict[str, bytes]:
    reader.number()
    version = reader.number()
    found: dict[str, bytes] = {}
    for _ in range(reader.number()):
        kind, alias = reader.number(), reader.text()
        reader.skip(8)  # when it was put in
        if kind == _PRIVATE_KEY:
            reader.block()
            for _ in range(reader.number()):
                reader.certificate(version)
        elif kind == _CERTIFICATE:
            found[alias] = reader.certificate(version)
        else:
            raise ValueError("it holds an entry that is neither a certificate nor a private key")
    return found


class _Reader:
    """A place in the bytes of a store."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def skip(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise struct.error("the store ends early")
        self._at += count
        return part

    def number(self) -> int:
        return int(struct.unpack(">I", self.skip(4))[0])

    def text(self) -> str:
        return self.skip(struct.unpack(">H", self.skip(2))[0]).decode("utf-8", "surrogatepass")

    def block(self) -> bytes:
        return self.skip(self.number())

    def certificate(self, version: int) -> bytes:
        if version > 1:
            self.text()  # the type, X.509
        return self.block()
