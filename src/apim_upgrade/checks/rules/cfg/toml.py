"""Rules about deployment.toml of the old and of the new server, CFG001 to CFG019."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.keystores import key_store, read_certificate
from apim_upgrade.releases import Release
from apim_upgrade.releases.configuration import default_changes, key_changes, value_changes
from apim_upgrade.releases.knowledge import release_facts

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DISTRIBUTIONS = Release(4, 5, 0)
"""From here on a distribution each takes the place of profiles."""
_SYMMETRIC = Release(4, 7, 0)
"""From here on new servers encrypt with a symmetric key unless they are told otherwise."""
_POOL_KEYS = ("maxActive", "maxWait", "minIdle", "testOnBorrow", "validationInterval", "defaultAutoCommit")


@rule(
    "CFG001",
    Severity.MAJOR,
    title="key of deployment.toml that the target does not read",
    needs=("configuration",),
    problems=("cfg-copied-whole-file",),
)
def keys_not_read(subject: Subject) -> Iterator[Finding]:
    """
    What: The configuration sets a key, or a value, that the target does not know any more.

    Why: The product ignores keys that it does not know without a word, so what they were for is lost. A value such as
    the name of a class that moved breaks the function at run time.

    How found: Keys that were removed or renamed between both releases, and values that ended, are looked up in
    `check.configuration`, and in `check.target_configuration` where it is given. In the old file they are minor; in the
    new file they show that it was copied as a whole, and are major.

    How to mend: Start from the target's own deployment.toml and carry over key by key. What to write instead is in the
    finding.
    """
    for given in ("configuration", "target_configuration"):
        if not subject.given(given):
            continue
        keys = _flat(getattr(subject, given))
        subject.saw("settings", len(keys))
        severity = Severity.MINOR if given == "configuration" else None
        file = _file(subject, given)
        for change in key_changes():
            used = [key for key in keys if _below(key, change.key)]
            if used and subject.crosses(str(change.since)):
                renamed = f"is {change.to} since" if change.to else "is not read since"
                yield Finding(
                    f"{change.key} in {file} {renamed} {change.since}.",
                    change.advice,
                    Spot(file, _pointer(used[0])),
                    item=f"{given}: {change.key}",
                    severity=severity,
                )
        for value in value_changes():
            if value.contains.lower() in str(keys.get(value.key, "")).lower() and subject.crosses(str(value.since)):
                yield Finding(
                    f"{value.key} in {file} has a value that {value.since} does not know.",
                    value.advice,
                    Spot(file, _pointer(value.key)),
                    item=f"{given}: {value.key}",
                    severity=severity,
                )


@rule(
    "CFG002",
    Severity.INFO,
    title="default that changes what the server does",
    needs=("configuration",),
)
def defaults_change(subject: Subject) -> Iterator[Finding]:
    """
    What: A default changes between both releases, and the configuration does not set the key.

    Why: The target then behaves in another way than the old server, though nobody changed a setting.

    How found: Keys whose default changes with effect are looked up in `check.configuration`, and in
    `check.target_configuration` where it is given.

    How to mend: Decide for each: accept the new behaviour, or set the old value as the finding says.
    """
    keys = _flat(subject.configuration) | _flat(subject.target_configuration if _target(subject) else {})
    subject.saw("settings", len(keys))
    for change in default_changes():
        if subject.crosses(str(change.since)) and change.key not in keys:
            yield Finding(
                f"{change.key} has another default since {change.since}: {change.what}",
                f"To keep the old behaviour set {change.key} = {change.keep}.",
                item=change.key,
            )


def _target(subject: Subject) -> bool:
    return subject.given("target_configuration")


@rule(
    "CFG003",
    Severity.MAJOR,
    title="database settings that cannot work or have no effect",
    needs=("configuration",),
    problems=("db-pool-exhausted",),
)
def database_settings(subject: Subject) -> Iterator[Finding]:
    """
    What: A database of the product is an embedded one (H2), or settings of a pool stand where they are not read.

    Why: Embedded databases are not migrated, and files of H2 1.x cannot be read by 2.x. Pool settings directly under
    [database.x] are ignored: the pool keeps its default size.

    How found: The tables [database.*] of `check.configuration` and `check.target_configuration`.

    How to mend: Use a database server for apim_db and shared_db. Move pool settings to
    [database.x.pool_options].
    """
    for given in ("configuration", "target_configuration"):
        tables = setting(getattr(subject, given), "database", {}) if subject.given(given) else {}
        file = _file(subject, given)
        for name, table in tables.items() if isinstance(tables, Mapping) else ():
            subject.saw("settings")
            if not isinstance(table, Mapping):
                continue
            if "h2" in (str(table.get("type", "")).lower(), *_scheme(table.get("url"))) and name in _CARRIED:
                yield Finding(
                    f"[database.{name}] in {file} is an embedded H2 database, which is not migrated.",
                    place=Spot(file, f"/database/{name}"),
                    item=f"{given}: {name}",
                )
            lost = [key for key in _POOL_KEYS if key in table]
            if lost:
                yield Finding(
                    f"{', '.join(lost)} directly under [database.{name}] in {file} have no effect.",
                    f"Move them to [database.{name}.pool_options].",
                    Spot(file, f"/database/{name}/{lost[0]}"),
                    item=f"{given}: {name} pool",
                    severity=Severity.MINOR,
                )


_CARRIED = ("apim_db", "shared_db", "identity_db", "user", "config")


def _scheme(url: object) -> tuple[str, ...]:
    parts = str(url or "").lower().split(":")
    return (parts[1],) if len(parts) > 1 and parts[0] == "jdbc" else ()


@rule(
    "CFG004",
    Severity.MAJOR,
    title="role of a node that the target does not have",
    needs=("configuration",),
    problems=("proc-component-distributions-450", "proc-wrong-profile"),
)
def roles_of_nodes(subject: Subject) -> Iterator[Finding]:
    """
    What: server.server_role names a role that the target's packs do not know, or know only in another distribution.

    Why: From 4.5.0 on profiles are gone: control plane, gateway and traffic manager are packs of their own, whose files
    say `default`. A carried role switches functions off without a word. And only the control plane's databases are to
    be upgraded, once.

    How found: server.server_role of `check.configuration` and, where given, of `check.target_configuration`, against
    the profiles of the target.

    How to mend: Choose the distribution for each node and start from its own deployment.toml with server_role =
    "default"; the all-in-one pack keeps the old names. Run the upgrade once, against the databases.
    """
    profiles = release_facts()[subject.target].profiles
    for given in ("configuration", "target_configuration"):
        if not subject.given(given):
            continue
        subject.saw("settings")
        role = str(setting(getattr(subject, given), "server.server_role", "default"))
        file = _file(subject, given)
        if role in ("default", "api-key-manager-node"):
            continue
        gone = subject.crosses(str(_DISTRIBUTIONS)) or (role.startswith("api-") and role not in profiles)
        if gone and (given == "target_configuration" or subject.source < subject.target):
            yield Finding(
                f"The node of {file} has the role {role}; {subject.target} has "
                f"{'a distribution of its own for it' if subject.target >= _DISTRIBUTIONS else 'no such role'}.",
                place=Spot(file, "/server/server_role"),
                item=f"{given}: {role}",
                severity=Severity.MINOR if given == "configuration" else None,
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
    if not _target(subject):
        yield Finding(
            f"{subject.target} encrypts with a symmetric key by default and cannot read what older servers encrypted.",
            _KEEP,
            item="default",
            severity=Severity.INFO,
        )
        return
    keys = _flat(subject.target_configuration)
    if (
        keys.get("encryption.key")
        and subject.given("configuration")
        and setting(subject.configuration, "encryption.key")
    ):
        return
    transformation = str(keys.get(_TRANSFORMATION, ""))
    file = _file(subject, "target_configuration")
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


_TRANSFORMATION = 'system.parameter."org.wso2.CipherTransformation"'
_KEEP = (
    'Keep RSA in the target\'s deployment.toml: [system.parameter] "org.wso2.CipherTransformation" = '
    '"RSA/ECB/OAEPwithSHA1andMGF1Padding" and [keystore] userstore_password_encryption = "InternalKeyStore".'
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
    old, new = (_internal_store(_flat(each)) for each in (subject.configuration, subject.target_configuration))
    if old != new:
        yield Finding(
            f"The internal key store was {old[0]} with alias {old[1]}; the target has {new[0]} with alias {new[1]}.",
            place=Spot(_file(subject, "target_configuration"), "/keystore/internal"),
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
        f"{host} of {_file(subject, given)} "
        f"{'fits a certificate only by its wildcard' if wildcard else 'is in no certificate of the given key stores'} "
        f"({', '.join(sorted(set(names))[:5])}).",
        place=Spot(_file(subject, given), "/server/hostname"),
        item=host,
        severity=Severity.MINOR if wildcard else None,
    )


@rule(
    "CFG008",
    Severity.MAJOR,
    title="search index that the target has to build anew",
    problems=("idx-old-solr-index", "idx-visible-organizations", "idx-solr-major"),
)
def index_built_anew(subject: Subject) -> Iterator[Finding]:
    """
    What: The portals list APIs from the search index alone, which is not in the databases.

    Why: A target with an old or an empty index lists no API, without an error. 4.5.0 and later also look for a property
    (visible organisations) that only indexing adds, and a later version of Solr cannot read older files.

    How found: [indexing] re_indexing in `check.target_configuration`: where it is missing that is major, where it is
    not above the old file's value minor. Without that file it is only told.

    How to mend: Start the target with an empty solr folder and with [indexing] re_indexing set to a number that this
    home has not used before (a time stamp always is). Wait until the portals list every API, then start the next node.
    """
    subject.saw("settings")
    if not _target(subject):
        yield Finding(
            f"{len(subject.apis):,} APIs appear in the portals of {subject.target} only when its index has been built.",
            item="index",
            severity=Severity.INFO,
        )
        return
    file = _file(subject, "target_configuration")
    value = setting(subject.target_configuration, "indexing.re_indexing")
    before = setting(subject.configuration, "indexing.re_indexing") if subject.given("configuration") else None
    if not str(value or "").isdigit():
        yield Finding(f"{file} has no number for [indexing] re_indexing.", place=Spot(file, "/indexing"), item="index")
    elif str(before or "").isdigit() and int(str(value)) <= int(str(before)):
        yield Finding(
            f"[indexing] re_indexing is {value} in {file}, not more than {before} in the old configuration.",
            "Raise it where the target is started in the old home; a new home may use any number.",
            Spot(file, "/indexing/re_indexing"),
            item="index",
            severity=Severity.MINOR,
        )


@rule(
    "CFG009",
    Severity.MAJOR,
    title="old deployment.toml in the place of the new one",
    needs=("configuration", "target_configuration"),
    problems=("cfg-copied-whole-file",),
)
def whole_file_copied(subject: Subject) -> Iterator[Finding]:
    """
    What: The configuration of the target is the old one, unchanged.

    Why: The old file lacks what the target's own file brings (event listeners, grant types, headers), and lists in it
    replace the target's as a whole.

    How found: Both files have the same settings.

    How to mend: Start from the target's own deployment.toml and carry your settings over key by key (see CFG001).
    """
    subject.saw("settings", len(_flat(subject.target_configuration)))
    if subject.configuration == subject.target_configuration:
        file = _file(subject, "target_configuration")
        yield Finding(f"{file} has exactly the settings of the old configuration.", place=Spot(file), item="copy")


def _file(subject: Subject, given: str) -> str:
    path: Path | None = getattr(subject.inputs, given)
    return path.name if path else "deployment.toml"


def _flat(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Every value by its dotted key; an array of tables is ``name[]``, and its tables are put together."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        segment = name if _BARE.fullmatch(name) else f'"{name}"'
        key = f"{before}.{segment}" if before else segment
        if isinstance(value, Mapping):
            found |= _flat(value, key)
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            for each in value:
                if isinstance(each, Mapping):
                    found |= _flat(each, f"{key}[]")
        else:
            found[key] = value
    return found


def _below(key: str, wanted: str) -> bool:
    return key == wanted or key.startswith((f"{wanted}.", f"{wanted}["))


def _pointer(key: str) -> str:
    return "/" + "/".join(part.strip('"').removesuffix("[]") for part in re.findall(r'"[^"]*"|[^.]+', key))
