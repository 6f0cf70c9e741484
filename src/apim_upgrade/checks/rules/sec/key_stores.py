"""Rules about certificates and keys in key stores and truststores, SEC001, SEC004, SEC005 and SEC008."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.sec.tenant_stores import tenant_stores
from apim_upgrade.checks.rules.sec.validity import ends_soon, readable, when
from apim_upgrade.checks.subject import Subject
from apim_upgrade.keystores import certificates, key_store, stored_key_store

_BITS = 2048

_WEAK_DIGESTS = ("md5", "sha1")


@rule(
    "SEC001",
    Severity.MAJOR,
    title="certificate in a key store that has ended or ends soon",
    needs=("keystores",),
    problems=("cert-expired",),
)
def ended_in_key_stores(subject: Subject) -> Iterator[Finding]:
    """
    What: A certificate in a key store of the old server has ended, or ends within ninety days.

    Why: The packs' own certificate ends about every two years. When the server's has ended, gateways, portals and
    clients refuse to talk to it, and tokens signed with it are refused.

    How found: Every entry of the key stores of `check.keystore`. Certificates of the server's own keys that have ended
    are major, those that end soon minor; trusted ones are told as information, as every pack carries some old ones.

    How to mend: Renew the certificate with the same key where secrets are encrypted with it: the key must stay, see
    SEC010. Take the new store to the target.
    """
    for store in subject.inputs.keystores:
        content = key_store(store.file, store.password)
        subject.saw("certificates", len(content.keys) + len(content.trusted))
        for alias, entry in content.keys.items():
            for certificate in readable(entry.chain[:1]):
                if ends_soon(certificate, subject.now):
                    yield Finding(
                        f"The certificate of key {alias} in {store.file.name} {when(certificate, subject.now)}.",
                        place=Spot(str(store.file)),
                        item=f"{store.file.name}/{alias}",
                        severity=None if certificate.ends < subject.now else Severity.MINOR,
                    )
        yield from _old_trusted(content.trusted, store.file.name, subject.now)


@rule(
    "SEC004",
    Severity.MINOR,
    title="weak key or signature in a key store",
    needs=("keystores",),
)
def weak_keys(subject: Subject) -> Iterator[Finding]:
    """
    What: A key of the server has fewer than 2,048 bits, or its certificate is signed with MD5 or SHA-1.

    Why: Newer Java versions and clients refuse them, so a target on a newer Java may not be reached though the old
    server was.

    How found: The private keys of the key stores of `check.keystore` and their certificates.

    How to mend: Make a strong key for [keystore.primary] and [keystore.tls] of the target. Keep the old store as
    [keystore.internal], as secrets in the database are encrypted with it.
    """
    for store in subject.inputs.keystores:
        for alias, entry in key_store(store.file, store.password).keys.items():
            subject.saw("certificates")
            for certificate in readable(entry.chain[:1]):
                reasons = []
                if certificate.rsa_bits is not None and certificate.rsa_bits < _BITS:
                    reasons.append(f"has {certificate.rsa_bits:,} bits")
                if certificate.signature in _WEAK_DIGESTS:
                    reasons.append(f"is signed with {certificate.signature.upper()}")
                if reasons:
                    yield Finding(
                        f"Key {alias} in {store.file.name} {' and '.join(reasons)}.",
                        place=Spot(str(store.file)),
                        item=f"{store.file.name}/{alias}",
                    )


@rule(
    "SEC005",
    Severity.MINOR,
    title="key store of a tenant that cannot be read or whose certificate has ended",
    problems=("cert-expired", "key-tenant-keystores"),
)
def tenant_store_certificates(subject: Subject) -> Iterator[Finding]:
    """
    What: A tenant's own key store in the registry cannot be read, or its certificate has ended or ends soon.

    Why: Tokens and back-end JWTs of that tenant are signed with it; who checks the signature refuses a certificate
    that has ended. The users of a tenant without a readable store cannot log in.

    How found: The certificates of `repository/security/key-stores/*.jks` of every tenant's registry. They can be read
    without the store's password.

    How to mend: Renew the tenant's key in the management console of the old release, or let the server make the store
    anew.
    """
    for store in tenant_stores(subject):
        subject.saw("key stores")
        place, item = Spot(store.path), f"{store.domain}/{store.name}"
        try:
            content = stored_key_store(store.content)
        except ValueError as error:
            yield Finding(
                f"The key store {store.name} of tenant {store.domain} cannot be read: {error}.",
                place=place,
                tenant=store.domain,
                item=item,
            )
            continue
        for entry in content.keys.values():
            for certificate in readable(entry.chain[:1]):
                if ends_soon(certificate, subject.now):
                    yield Finding(
                        f"The certificate of tenant {store.domain} in {store.name} {when(certificate, subject.now)}.",
                        place=place,
                        tenant=store.domain,
                        item=item,
                        severity=None if certificate.ends < subject.now else Severity.INFO,
                    )


@rule(
    "SEC008",
    Severity.INFO,
    title="certificates in the truststore that have ended",
    needs=("truststore",),
    problems=("cert-truststore-replaced", "cert-expired"),
)
def old_truststore(subject: Subject) -> Iterator[Finding]:
    """
    What: The old truststore holds certificates that have ended.

    Why: They do no harm by themselves. But a truststore that is carried over as a file lacks what the target's pack
    brings in its own: new authorities, and those of services that new features call.

    How found: Every trusted certificate of `options.truststore`.

    How to mend: Start from the target's own client-truststore.jks and import what is yours by alias, instead of
    replacing the file.
    """
    path = subject.choices.truststore
    if path is not None:
        known = certificates(path, subject.choices.truststore_password)
        subject.saw("certificates", len(known))
        yield from _old_trusted(known, path.name, subject.now)


def _old_trusted(trusted: dict[str, bytes], name: str, now: datetime) -> Iterator[Finding]:
    ended = sorted(
        alias for alias, data in trusted.items() if any(certificate.ends < now for certificate in readable([data]))
    )
    if ended:
        yield Finding(
            f"{len(ended)} of {len(trusted)} trusted certificates in {name} have ended: "
            f"{', '.join(ended[:5])}{', …' if len(ended) > 5 else ''}.",
            "Start from the target's own truststore and import what is yours.",
            item=f"{name}/ended",
            severity=Severity.INFO,
        )
