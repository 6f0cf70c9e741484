"""Rules about operation policies, and what 4.7.0 lets mediation do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import String, column, exists, func, select, table

from apim_upgrade.checks.mediation import Mediation, own_settings, read_policies
from apim_upgrade.checks.model import Finding, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import few, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases.mediation import Allowed, allowed_mediation
from apim_upgrade.tables.api import OPERATION_POLICY, OPERATION_POLICY_DEFINITION

_MODE = "synapse.mediators.access.control.mode"
_LIST = "synapse.mediators.access.control.list"
_SCRIPTS = "limit_java_class_access_in_scripts"
_USES = ("am_api_operation_policy_mapping", "am_api_policy_mapping")
"""Which policies operations have, and from 4.3.0 on APIs as a whole."""


@rule("API087", Severity.MAJOR, title="mediator or Java class that gateways of 4.7.0 refuse", since="4.7.0")
def refused_mediation(subject: Subject) -> Iterator[Finding]:
    """
    What: A sequence or operation policy has a mediator that is not in the list of those that 4.7.0 allows, or a script
    that uses a Java class which scripts may not use any more.

    Why: The list is enforced when an API is deployed: it is not deployed. Scripts fail when they are called.

    How found: Elements in the place of mediators, of all sequences in the registry and of all operation policies, and
    names of Java classes in script mediators. `[synapse_properties]` of the target's deployment.toml is respected when
    `check.target_configuration` is given. Texts that only become XML on the gateway cannot all be read. It is a major
    finding where APIs use the text, else a minor one.

    How to mend: Rewrite the sequence; or add what the finding names to "synapse.mediators.access.control.list" in
    [synapse_properties] of the gateways' deployment.toml, or to "limit_java_class_access_in_scripts.class_prefixes".
    Mode NONE allows everything and is the weakest way out.
    """
    allowed = _allowed(subject)
    subject.saw("sequences", len(subject.sequences))
    users: set[tuple[int, str, str]] = {
        (artifact.tenant_id, flow, name.removesuffix(".xml"))
        for artifact in subject.artifacts
        for flow, name in artifact.sequences
    }
    for found in subject.sequences:
        if what := _refused(found.mediation, allowed):
            domain = subject.domain(found.tenant_id)
            used = not found.shared or (found.tenant_id, found.flow, found.name) in users
            yield Finding(
                f"Sequence {found.name} of tenant {domain} uses {what}.",
                place=Spot(found.path),
                tenant=domain,
                item=f"{domain}{found.path}",
                severity=None if used else Severity.MINOR,
            )
    if not subject.has("am", OPERATION_POLICY_DEFINITION.name):
        return
    number = 0
    for policy in read_policies(subject.am):
        number += policy.copies
        if what := _refused(policy.mediation, allowed):
            yield Finding(
                f"Operation policy {policy.name} {policy.version} of {policy.organization} "
                f"({plural(policy.copies, 'copy', 'copies')}) uses {what}.",
                place=Row("am", "AM_OPERATION_POLICY_DEFINITION", "POLICY_DEFINITION", f"POLICY_NAME={policy.name}"),
                tenant=policy.organization,
                item=f"{policy.organization}/{policy.name}/{policy.version}",
                severity=None if policy.used else Severity.MINOR,
            )
    subject.saw("operation policies", number)


def _allowed(subject: Subject) -> Allowed:
    """What the target's gateways allow; empty sets mean everything."""
    allowed = allowed_mediation()
    if not subject.given("target_configuration"):
        return allowed
    prefixes, enabled = f"{_SCRIPTS}.class_prefixes", f"{_SCRIPTS}.enable"
    own = own_settings(subject.target_configuration, _MODE, _LIST, prefixes, enabled, f"{_SCRIPTS}.list_type")
    if own.get(_MODE, "ALLOW_LIST").upper() != "ALLOW_LIST":
        allowed = replace(allowed, mediators=frozenset())
    elif _LIST in own:
        allowed = replace(allowed, mediators=frozenset(part.strip().lower() for part in own[_LIST].split(",")))
    free = own.get(enabled, "true").lower() == "false" or own.get(f"{_SCRIPTS}.list_type", "ALLOW_LIST") != "ALLOW_LIST"
    if free:
        allowed = replace(allowed, script_classes=())
    elif prefixes in own:
        allowed = replace(allowed, script_classes=tuple(part.strip() for part in own[prefixes].split(",")))
    return allowed


def _refused(mediation: Mediation, allowed: Allowed) -> str:
    parts = []
    mediators = sorted(mediation.mediators - allowed.mediators) if allowed.mediators else []
    if mediators:
        parts.append(f"the {'mediator' if len(mediators) == 1 else 'mediators'} {', '.join(mediators)}")
    java = sorted(name for name in mediation.java if not name.startswith(allowed.script_classes))
    if java and allowed.script_classes:
        parts.append(f"Java in a script: {', '.join(java)}")
    return " and ".join(parts)


@rule("API088", Severity.MAJOR, title="operation policy without a definition", source_since="4.1.0")
def undefined_policy(subject: Subject) -> Iterator[Finding]:
    """
    What: Operations or APIs use a policy that AM_OPERATION_POLICY_DEFINITION has no text of.

    Why: The API cannot be deployed, exported or saved: its policy cannot be found.

    How found: Policies in AM_API_OPERATION_POLICY_MAPPING and AM_API_POLICY_MAPPING without a definition.

    How to mend: Take the policy off the operations in the publisher and attach it anew, in the old release.
    """
    subject.saw(
        "operation policies",
        subject.rows_of("am", OPERATION_POLICY.name) if subject.has("am", OPERATION_POLICY.name) else 0,
    )
    for name in _USES:
        if not subject.has("am", name):
            continue
        used = table(name, column("policy_uuid", String))
        number, first = few(
            subject.am,
            select(used.c.policy_uuid, func.max(OPERATION_POLICY.c.policy_name).label("name"))
            .outerjoin(OPERATION_POLICY, OPERATION_POLICY.c.policy_uuid == used.c.policy_uuid)
            .where(~exists().where(OPERATION_POLICY_DEFINITION.c.policy_uuid == used.c.policy_uuid))
            .group_by(used.c.policy_uuid),
            used.c.policy_uuid,
        )
        if number:
            names = such_as(f"{row.name or 'unknown'} ({row.policy_uuid})" for row in first)
            yield Finding(
                f"{plural(number, 'operation policy is', 'operation policies are')} used and not defined{names}.",
                place=Row("am", name.upper(), "POLICY_UUID"),
                item=f"undefined policies of {name.upper()}",
            )
