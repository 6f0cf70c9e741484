"""A key store file of any kind that Java writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12

from apim_upgrade.errors import ProjectError
from apim_upgrade.keystores import jks

_LIMIT = 16 * 1024 * 1024
"""No key store is nearly as large; anything larger is another file."""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A private key with its certificates, its own first, as DER."""

    chain: tuple[bytes, ...]
    key: RSAPrivateKey | None = field(default=None, repr=False)
    """None where it is no RSA key or cannot be read; then ``unread`` says why."""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Store:
    """What a key store holds, by alias in lower case, as Java compares them."""

    trusted: dict[str, bytes]
    keys: dict[str, KeyEntry]


def certificates(path: Path, password: str) -> dict[str, bytes]:
    """
    Return the trusted certificates of a store as DER by alias, aliases in lower case as Java compares them.

    The first bytes tell JKS from PKCS#12; names of files are no guide. Raises ProjectError when the file cannot be
    read, the password is wrong, or it is neither.
    """
    return _opened(path, password, "truststore", "Check truststore and truststore_password in upgrade.toml.").trusted


def key_store(path: Path, password: str) -> Store:
    """Return all that a store holds; keys are opened with the store's password. Raises ProjectError."""
    return _opened(path, password, "key store", "Check file and password of [[check.keystore]] in upgrade.toml.")


def stored_key_store(data: bytes) -> Store:
    """
    Return the certificates of a JKS store that came from a database, without its password; keys stay closed.

    Raises ValueError when the bytes are no such store or damaged.
    """
    if not jks.is_jks(data):
        raise ValueError("it is no JKS store")
    return _folded(jks.read(data, None), None)


def _opened(path: Path, password: str, what: str, hint: str) -> Store:
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise ProjectError(f"The {what} {path} cannot be read: {error.strerror}.") from error
    try:
        if len(data) > _LIMIT:
            raise ValueError("it is too large to be a key store")
        return _folded(jks.read(data, password), password) if jks.is_jks(data) else _pkcs12(data, password)
    except ValueError as error:
        raise ProjectError(f"The {what} {path} cannot be opened: {error}.", hint=hint) from error


def _folded(entries: jks.Entries, password: str | None) -> Store:
    return Store(
        {alias.lower(): certificate for alias, certificate in entries.trusted.items()},
        {alias.lower(): _key(entry, password) for alias, entry in entries.keys.items()},
    )


def _key(entry: jks.Protected, password: str | None) -> KeyEntry:
    if password is None:
        return KeyEntry(entry.chain, unread="it was not opened")
    try:
        key = load_der_private_key(jks.unprotected(entry.key, password), None)
    except (ValueError, TypeError) as error:
        return KeyEntry(entry.chain, unread=str(error))
    return _rsa(entry.chain, key)


def _rsa(chain: tuple[bytes, ...], key: object) -> KeyEntry:
    if isinstance(key, RSAPrivateKey):
        return KeyEntry(chain, key)
    return KeyEntry(chain, unread="it is no RSA key")


def _pkcs12(data: bytes, password: str) -> Store:
    try:
        store = load_pkcs12(data, password.encode())
    except ValueError:
        raise ValueError("it is no JKS store, and no PKCS#12 store that this password opens") from None
    own = store.cert.certificate.public_bytes(Encoding.DER) if store.cert else b""
    trusted = {
        entry.friendly_name.decode().lower(): entry.certificate.public_bytes(Encoding.DER)
        for entry in store.additional_certs
        if entry.friendly_name is not None
    }
    return Store(trusted, _pkcs12_keys(store, own))


def _pkcs12_keys(store: PKCS12KeyAndCertificates, own: bytes) -> dict[str, KeyEntry]:
    if store.key is None or store.cert is None:
        return {}
    # The others without a name are those that issued it.
    issuers = (
        entry.certificate.public_bytes(Encoding.DER) for entry in store.additional_certs if entry.friendly_name is None
    )
    name = (store.cert.friendly_name or b"").decode().lower()
    return {name: _rsa((own, *issuers), store.key)}
