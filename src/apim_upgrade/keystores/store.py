"""A key store file of any kind that Java writes."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from apim_upgrade.errors import ProjectError
from apim_upgrade.keystores import jks


def certificates(path: Path, password: str) -> dict[str, bytes]:
    """
    Return the trusted certificates of a store as DER by alias, aliases in lower case as Java compares them.

    The first bytes tell JKS from PKCS#12; names of files are no guide. Raises ProjectError when the file cannot be
    read, the password is wrong, or it is neither.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProjectError(f"The truststore {path} cannot be read: {error.strerror}.") from error
    try:
        found = jks.trusted_certificates(data, password) if jks.is_jks(data) else _pkcs12(data, password)
    except ValueError as error:
        raise ProjectError(
            f"The truststore {path} cannot be opened: {error}.",
            hint="Check truststore and truststore_password in upgrade.toml.",
        ) from error
    return {alias.lower(): certificate for alias, certificate in found.items()}


def _pkcs12(data: bytes, password: str) -> dict[str, bytes]:
    try:
        store = load_pkcs12(data, password.encode())
    except ValueError:
        raise ValueError("it is no JKS store, and no PKCS#12 store that this password opens") from None
    return {
        entry.friendly_name.decode(): entry.certificate.public_bytes(Encoding.DER)
        for entry in store.additional_certs
        if entry.friendly_name is not None
    }
