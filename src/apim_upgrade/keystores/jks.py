"""
Reads the entries of a JKS or JCEKS key store.

The layout is that of Java's own ``JavaKeyStore``: big-endian numbers, entry after entry, and at the end a SHA-1 over
the password, a fixed phrase and all that went before. Certificates are not encrypted; private keys of JKS are, with a
stream of SHA-1 digests (Java's ``KeyProtector``).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass, field

_JKS, _JCEKS = 0xFEEDFEED, 0xCECECECE
_PHRASE = b"Mighty Aphrodite"
_PRIVATE_KEY, _CERTIFICATE = 1, 2
_DIGEST_BYTES = 20
_PROTECTOR = bytes.fromhex("2b060104012a02110101")
"""The object identifier 1.3.6.1.4.1.42.2.17.1.1 of Java's key protector, as DER holds it."""


@dataclass(frozen=True, slots=True)
class Protected:
    """A private key as the store keeps it, and its certificates, its own first, as DER."""

    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a store holds, by alias."""

    trusted: dict[str, bytes]
    keys: dict[str, Protected]


def is_jks(data: bytes) -> bool:
    """Say whether the first bytes are those of a JKS or JCEKS store."""
    return len(data) >= 4 and struct.unpack(">I", data[:4])[0] in (_JKS, _JCEKS)


def read(data: bytes, password: str | None) -> Entries:
    """
    Return all entries; without a password nothing proves that they are whole.

    Raises ValueError when the password is wrong, or the bytes are damaged or of a layout that is not known.
    """
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if password is not None:
        expected = hashlib.sha1(password.encode("utf-16-be") + _PHRASE + body, usedforsecurity=False).digest()
        if not hmac.compare_digest(digest, expected):
            raise ValueError("the password is wrong or the file is damaged")
    try:
        return _entries(_Reader(body))
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError("the file is damaged") from error


def unprotected(key: bytes, password: str) -> bytes:
    """
    Return a private key of a JKS store as PKCS#8 in DER.

    Raises ValueError when the password is wrong or the key is protected in another way (JCEKS).
    """
    try:
        outer = _Der(_Der(key).content(0x30))
        algorithm = _Der(outer.content(0x30))
        if algorithm.content(0x06) != _PROTECTOR:
            raise ValueError("the key is protected in a way that is not read")
        data = outer.content(0x04)
    except IndexError:
        raise ValueError("the key is damaged") from None
    secret = password.encode("utf-16-be")
    link, sealed, check = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    stream = bytearray()
    while len(stream) < len(sealed):
        link = hashlib.sha1(secret + link, usedforsecurity=False).digest()
        stream += link
    plain = bytes(one ^ other for one, other in zip(sealed, stream, strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + plain, usedforsecurity=False).digest(), check):
        raise ValueError("the password of the key is another one")
    return plain


def _entries(reader: _Reader) -> Entries:
    reader.number()
    version = reader.number()
    found = Entries({}, {})
    for _ in range(reader.number()):
        kind, alias = reader.number(), reader.text()
        reader.skip(8)  # when it was put in
        if kind == _PRIVATE_KEY:
            key = reader.block()
            chain = tuple(reader.certificate(version) for _ in range(reader.number()))
            found.keys[alias] = Protected(chain, key)
        elif kind == _CERTIFICATE:
            found.trusted[alias] = reader.certificate(version)
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


class _Der:
    """A place in a DER sequence; only short and two-byte lengths and the tags that are asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def content(self, tag: int) -> bytes:
        """The content of the next element. Raises ValueError when it has another tag, IndexError when it ends early."""
        if self._data[self._at] != tag:
            raise ValueError("the key is damaged")
        length = self._data[self._at + 1]
        start = self._at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(self._data[start : start + count])
            start += count
        if start + length > len(self._data):
            raise IndexError
        self._at = start + length
        return self._data[start : self._at]
