"""Rules about encryption and key stores in deployment.toml, CFG005 to CFG007."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.settings import flat, setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.keystores import key_store, read_certificate
from apim_upgrade.releases import Release

_SYMMETRIC = Release(4, 7, 0)
"""From here on new servers encrypt with a symmetric key unless they are told otherwise."""

_TRANSFORMATION = 'system.parameter."org.wso2.CipherTransformation"'

_KEEP = (
    'Keep RSA in the target\'s deployment.toml: [system.parameter] "org.wso2.CipherTransformation" = '
    '"RSA/ECB/OAEPwithSHA1andMGF1Padding" and [keystore] userstore_password_encryption = "InternalKeyStore".'
)


@rule(
    "CFG005",
    Severity.MAJOR,
    title="encryption settings without which old secrets cannot be read",
    since="4.7.0",
    problems=("key-internal-keystore-encryption",),
)
def encryption_settings(subject: Subject) -> Iterator[Finding]:
    """
    What: 4.7.0 encrypts with a symmetric key unless it is told to go on with the key store.

    Why: Everything that older servers encrypted (tenants' key stores, user stores, endpoint secrets) is unreadable to a
    server with the new setting. Its start script even makes up a key, another one on every node.

    How found: `check.target_configuration` is searched for the settings that keep the old way. Without that file, the
    settings are only told.

    How to mend: Set [system.parameter] "org.wso2.CipherTransformation" = "RSA/ECB/OAEPwithSHA1andMGF1Padding",
    [encryption] internal_crypto_provider = "org.wso2.carbon.crypto.provider.KeyStoreBasedInternalCryptoProvider" and
    [keystore] userstore_password_encryption = "InternalKeyStore" in the target's deployment.toml on every node. If the
    old server had [encryption] key, carry it over instead.
    """
    subject.saw("settings", 2)
    if not subject.given("target_configuration"):
        yield Finding(
            f"{subject.target} encrypts with a symmetric key by default and cannot read what older servers encrypted.",
            _KEEP,
            item="default",
            severity=Severity.INFO,
        )
        return
    keys = flat(subject.target_configuration)
    if (
        keys.get("encryption.key")
        and subject.given("configuration")
        and setting(subject.configuration, "encryption.key")
    ):
        return
    transformation = str(keys.get(_TRANSFORMATION, ""))
    file = subject.file_name("target_configuration")
    if not transformation.upper().startswith("RSA"):
        yield Finding(
            f"{file} does not set {_TRANSFORMATION} to an RSA transformation.", place=Spot(file), item="cipher"
        )
    if str(keys.get("keystore.userstore_password_encryption", "")) != "InternalKeyStore":
        yield Finding(
            f"{file} does not set keystore.userstore_password_encryption to InternalKeyStore.",
            place=Spot(file),
            item="user stores",
        )


@rule(
    "CFG006",
    Severity.MAJOR,
    title="key store that the target's configuration exchanges",
    needs=("configuration", "target_configuration"),
    problems=("key-internal-keystore-encryption", "key-tenant-keystores"),
)
def exchanged_key_stores(subject: Subject) -> Iterator[Finding]:
    """
    What: The internal key store of the new configuration has another file name or alias than the old one's.

    Why: Secrets in the databases are encrypted with the key of the old internal key store (see SEC010). With another
    key no user of a tenant can log in.

    How found: [keystore.internal], else [keystore.primary], else [keystore.tls] of both files, by name of file and
    alias. What lies in the files is compared by SEC010.

    How to mend: Name the old key store as [keystore.internal] of the target. A new one may be [keystore.primary] and
    [keystore.tls].
    """
    subject.saw("settings", 2)
    old, new = (_internal_store(flat(each)) for each in (subject.configuration, subject.target_configuration))
    if old != new:
        yield Finding(
            f"The internal key store was {old[0]} with alias {old[1]}; the target has {new[0]} with alias {new[1]}.",
            place=Spot(subject.file_name("target_configuration"), "/keystore/internal"),
            item="internal",
        )


def _internal_store(keys: Mapping[str, Any]) -> tuple[str, str]:
    def first(name: str, default: str) -> str:
        found = (keys.get(f"keystore.{role}.{name}") for role in ("internal", "primary", "tls"))
        return str(next((value for value in found if value), default))

    return Path(first("file_name", "wso2carbon.jks")).name, first("alias", "wso2carbon")


@rule(
    "CFG007",
    Severity.MAJOR,
    title="certificate that is not for the host of the configuration",
    needs=("keystores",),
    problems=("cfg-hostname-verification",),
)
def host_not_in_certificate(subject: Subject) -> Iterator[Finding]:
    """
    What: No certificate of the server's key stores names the host of deployment.toml.

    Why: Newer releases compare host names more strictly, between their own parts as well. Then portals, gateways and
    key manager do not reach one another, or the server does not start. A certificate that only fits by a wildcard is
    refused by the strictest setting.

    How found: server.hostname of `check.target_configuration`, else of `check.configuration`, against the names in the
    certificates of keys in `check.keystore`.

    How to mend: Make a certificate that has the host as a subject alternative name, with the same key where secrets
    are encrypted with it; or set the host name verification that the old server used.
    """
    given = next((name for name in ("target_configuration", "configuration") if subject.given(name)), None)
    if given is None:
        subject.saw("certificates", 0)
        return
    host = str(setting(getattr(subject, given), "server.hostname", "localhost"))
    names: list[str] = []
    for store in subject.inputs.keystores:
        for entry in key_store(store.file, store.password).keys.values():
            subject.saw("certificates")
            try:
                names += read_certificate(entry.chain[0]).hosts
            except (ValueError, IndexError):
                continue
    if not names or host in names or "$" in host:
        return
    domain = host.partition(".")[2]
    wildcard = bool(domain) and f"*.{domain}" in names
    yield Finding(
        f"{host} of {subject.file_name(given)} "
        f"{'fits a certificate only by its wildcard' if wildcard else 'is in no certificate of the given key stores'} "
        f"({', '.join(sorted(set(names))[:5])}).",
        place=Spot(subject.file_name(given), "/server/hostname"),
        item=host,
        severity=Severity.MINOR if wildcard else None,
    )
