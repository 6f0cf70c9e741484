"""Rules about secrets that the product keeps encrypted, SEC010 to SEC019. None of them is ever shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select

from apim_upgrade.checks.home import Home
from apim_upgrade.checks.model import Finding, Place, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.rules.sec.tenant_stores import FOLDER, stored_passwords
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.keystores import KeyEntry, StoredSecret, can_decrypt, key_store, read_certificate, stored_secret
from apim_upgrade.registry import join
from apim_upgrade.tables.identity import CONSUMER_APP

_SAMPLE = 200
"""Client secrets that are tried; they are all encrypted in one way."""
_ENCRYPTED_FROM = 150
"""A secret in clear is much shorter, an encrypted one longer."""


@dataclass(frozen=True, slots=True)
class _Held:
    """One encrypted secret and where it is."""

    what: str
    tenant: str
    item: str
    place: Place
    secret: StoredSecret = field(repr=False)


@rule(
    "SEC010",
    Severity.MAJOR,
    title="certificate whose key the secrets in the databases are encrypted with",
    problems=("key-internal-keystore-encryption", "key-tenant-keystores"),
)
def needed_key(subject: Subject) -> Iterator[Finding]:
    """
    What: Passwords of tenants' key stores and, in some estates, client secrets are encrypted with the key of the old
    server's internal key store. A stored secret names the certificate of that key by its SHA-1.

    Why: Every pack ships another wso2carbon.jks. With another key the target comes up as if all were well, and users of
    the super tenant can log in; those of all other tenants are refused, and encrypted secrets are lost.

    How found: The SHA-1 of the certificate in every stored secret. With the key stores of `check.keystore` it is told
    whether one of them has that certificate. Several certificates at once, or one that is not among those given, are
    major.

    How to mend: Carry the old internal key store over and set it as [keystore.internal] of the target. Look at its
    SHA-1 with keytool -list.
    """
    held = tuple(_held(subject))
    subject.saw("secrets", len(held))
    by_print: Counter[str] = Counter(each.secret.thumbprint for each in held if each.secret.thumbprint)
    given = _keys(subject) if subject.given("keystores") else None
    for number, (thumbprint, secrets) in enumerate(by_print.most_common()):
        whose = sorted({each.tenant for each in held if each.secret.thumbprint == thumbprint})
        lost = given is not None and thumbprint not in given
        yield Finding(
            f"{secrets} secrets of {len(whose)} tenants ({', '.join(whose[:3])}{', …' if len(whose) > 3 else ''}) are "
            f"encrypted with the certificate of SHA-1 {thumbprint}"
            f"{', which none of the given key stores has' if lost else ''}.",
            item=thumbprint,
            severity=None if lost or (number and given is None) else Severity.INFO,
        )


@rule(
    "SEC011",
    Severity.MAJOR,
    title="secret that the given key stores cannot decrypt",
    needs=("keystores",),
    problems=("key-internal-keystore-encryption", "key-tenant-keystores"),
)
def cannot_be_decrypted(subject: Subject) -> Iterator[Finding]:
    """
    What: The password of a tenant's key store, a user store's password or a client secret cannot be decrypted with any
    key of the given key stores.

    Why: The target could not either: the tenant's users cannot log in, the user store is not reached, the client gets
    no token.

    How found: All passwords of tenants' key stores, the first 200 encrypted client secrets, and the passwords in user
    stores' files of `check.home` are decrypted with the RSA keys of `check.keystore`, in the way that the secret says.
    Nothing that comes out is kept or shown. Where the right key is there and has another password than its store, one
    minor finding says so.

    How to mend: Find the key store that the old server used when the secret was stored, and give it in
    [[check.keystore]]. If it is lost, enter the secrets anew in the old release.
    """
    keys = _keys(subject)
    untried: Counter[str] = Counter()
    for each in _held(subject):
        subject.saw("secrets")
        if each.secret.symmetric or _decrypts(each.secret, keys):
            continue
        entry = keys.get(each.secret.thumbprint)
        if entry is not None and entry.key is None:
            untried[each.secret.thumbprint] += 1
            continue
        yield Finding(
            f"{each.what} (tenant {each.tenant}) cannot be decrypted with the given key stores.",
            place=each.place,
            tenant=each.tenant,
            item=each.item,
        )
    for thumbprint, number in untried.items():
        yield Finding(
            f"{plural(number, 'secret')} could not be tried: the key of the certificate of SHA-1 {thumbprint} was not "
            f"opened ({keys[thumbprint].unread}).",
            "Give a copy of the key store whose key has the password of the store.",
            item=thumbprint,
            severity=Severity.MINOR,
        )


@rule(
    "SEC012",
    Severity.MAJOR,
    title="secrets that need the symmetric key of the configuration",
    problems=("key-internal-keystore-encryption",),
)
def symmetric_key(subject: Subject) -> Iterator[Finding]:
    """
    What: Secrets are encrypted with a symmetric key (AES), which stands in deployment.toml and in no key store.

    Why: The target needs the same [encryption] key. Without it, or with one that its start script made up, the server
    stops at the start or refuses to log users in.

    How found: The transformation that stored secrets name. With `check.target_configuration` or `check.configuration`
    it is looked up whether [encryption] key is there.

    How to mend: Carry [encryption] key over to every node of the target, unchanged.
    """
    held = tuple(_held(subject))
    subject.saw("secrets", len(held))
    symmetric = [each for each in held if each.secret.symmetric]
    if not symmetric:
        return
    for given in ("target_configuration", "configuration"):
        if subject.given(given):
            if not setting(getattr(subject, given), "encryption.key"):
                yield Finding(
                    f"{len(symmetric)} secrets need a symmetric key, and the {given.replace('_', ' ')} has no "
                    "[encryption] key.",
                    place=Spot("deployment.toml", "/encryption/key"),
                    item=given,
                )
            return
    yield Finding(
        f"{len(symmetric)} secrets are encrypted with {symmetric[0].secret.transformation}; the target needs the same "
        "[encryption] key.",
        item="key",
        severity=Severity.INFO,
    )


def _held(subject: Subject) -> Iterator[_Held]:
    """Every secret in the stored form that is looked at."""
    for tenant_id, name, property_, value in stored_passwords(subject):
        secret = stored_secret(value)
        if secret is not None:
            domain = subject.domain(tenant_id)
            kind = "Password" if property_ == "password" else "Key password"
            yield _Held(
                f"{kind} of the key store {name}",
                domain,
                f"{domain}/{name}/{property_}",
                Spot(join(FOLDER, name), f"/{property_}"),
                secret,
            )
    yield from _client_secrets(subject)
    if subject.given("home"):
        yield from _user_stores(subject)


def _client_secrets(subject: Subject) -> Iterator[_Held]:
    home = subject.home("identity")
    query = (
        select(CONSUMER_APP.c.id, CONSUMER_APP.c.app_name, CONSUMER_APP.c.tenant_id, CONSUMER_APP.c.consumer_secret)
        .where(func.length(CONSUMER_APP.c.consumer_secret) >= _ENCRYPTED_FROM)
        .order_by(CONSUMER_APP.c.id)
        .limit(_SAMPLE)
    )
    for row in subject.sessions[home].all(query):
        secret = stored_secret(row.consumer_secret)
        if secret is not None:
            domain = subject.domain(row.tenant_id)
            yield _Held(
                f"Secret of the client {row.app_name}",
                domain,
                f"{domain}/client {row.id}",
                Row(home, "IDN_OAUTH_CONSUMER_APPS", "CONSUMER_SECRET", f"ID={row.id}"),
                secret,
            )


def _user_stores(subject: Subject) -> Iterator[_Held]:
    if subject.inputs.home is None:
        return
    home = Home(subject.inputs.home)
    for tenant_id, file in home.user_stores():
        root = home.xml(file)
        if root is None:
            continue
        name, domain = home.name(file), subject.domain(tenant_id)
        for element in root.iter("{*}Property"):
            secret = stored_secret((element.text or "").strip())
            if secret is not None:
                property_ = element.get("name", "property")
                yield _Held(
                    f"{property_} in {name}",
                    domain,
                    f"{name}/{property_}",
                    Spot(name, line=int(str(element.sourceline))),
                    secret,
                )


def _keys(subject: Subject) -> dict[str, KeyEntry]:
    """Private keys of the given key stores by the SHA-1 of their certificate."""
    found: dict[str, KeyEntry] = {}
    for store in subject.inputs.keystores:
        for entry in key_store(store.file, store.password).keys.values():
            try:
                found[read_certificate(entry.chain[0]).thumbprint] = entry
            except (ValueError, IndexError):
                continue
    return found


def _decrypts(secret: StoredSecret, keys: Mapping[str, KeyEntry]) -> bool:
    return any(
        can_decrypt(secret, entry.key)
        for thumbprint, entry in keys.items()
        if entry.key is not None and secret.thumbprint in ("", thumbprint)
    )
