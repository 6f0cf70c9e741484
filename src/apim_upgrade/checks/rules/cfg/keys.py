"""Rules about what deployment.toml sets and what releases read, CFG001, CFG002 and CFG009."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.settings import flat, pointer
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases.configuration import default_changes, key_changes, value_changes


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
        keys = flat(getattr(subject, given))
        subject.saw("settings", len(keys))
        severity = Severity.MINOR if given == "configuration" else None
        file = subject.file_name(given)
        for change in key_changes():
            used = [key for key in keys if _below(key, change.key)]
            if used and subject.crosses(str(change.since)):
                renamed = f"is {change.to} since" if change.to else "is not read since"
                yield Finding(
                    f"{change.key} in {file} {renamed} {change.since}.",
                    change.advice,
                    Spot(file, pointer(used[0])),
                    item=f"{given}: {change.key}",
                    severity=severity,
                )
        for value in value_changes():
            if value.contains.lower() in str(keys.get(value.key, "")).lower() and subject.crosses(str(value.since)):
                yield Finding(
                    f"{value.key} in {file} has a value that {value.since} does not know.",
                    value.advice,
                    Spot(file, pointer(value.key)),
                    item=f"{given}: {value.key}",
                    severity=severity,
                )


def _below(key: str, wanted: str) -> bool:
    return key == wanted or key.startswith((f"{wanted}.", f"{wanted}["))


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
    keys = flat(subject.configuration) | flat(
        subject.target_configuration if subject.given("target_configuration") else {}
    )
    subject.saw("settings", len(keys))
    for change in default_changes():
        if subject.crosses(str(change.since)) and change.key not in keys:
            yield Finding(
                f"{change.key} has another default since {change.since}: {change.what}",
                f"To keep the old behaviour set {change.key} = {change.keep}.",
                item=change.key,
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
    subject.saw("settings", len(flat(subject.target_configuration)))
    if subject.configuration == subject.target_configuration:
        file = subject.file_name("target_configuration")
        yield Finding(f"{file} has exactly the settings of the old configuration.", place=Spot(file), item="copy")
