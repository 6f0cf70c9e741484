"""Rules about mediation sequences, and what becomes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy import and_, func, select

from apim_upgrade import registry
from apim_upgrade.checks.artifacts import FLOWS, ArtifactFacts
from apim_upgrade.checks.mediation import SHARED_SEQUENCES, SequenceFile
from apim_upgrade.checks.model import Api, Finding, Repair, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.extensions import Removal, removal_of
from apim_upgrade.tables.registry import PATH, RESOURCE

_FAULT_HANDLER = "APIMgtFaultHandler"
_AT_API_LEVEL = Release(4, 3, 0)


def _users(subject: Subject) -> dict[tuple[int, str, str, str], list[Api]]:
    """The APIs that name each sequence; by tenant, home (empty for a shared one), flow and name."""
    own = {(found.tenant_id, found.home, found.flow, found.name) for found in subject.sequences if not found.shared}
    users = defaultdict(list)
    for artifact in subject.artifacts:
        for flow, file in artifact.sequences:
            name = file.removesuffix(".xml")
            key = (artifact.tenant_id, artifact.folder, flow, name)
            users[key if key in own else (artifact.tenant_id, "", flow, name)].append(artifact.api)
    return users


def _user_key(found: SequenceFile) -> tuple[int, str, str, str]:
    return found.tenant_id, "" if found.shared else found.home, found.flow, found.name


def _title(subject: Subject, found: SequenceFile) -> str:
    place = "shared" if found.shared else found.home.removeprefix(f"{registry.PROVIDERS}/")
    return f"Sequence {found.name} ({found.flow}, {place}, {subject.domain(found.tenant_id)})"


def _finding(
    subject: Subject,
    found: SequenceFile,
    what: str,
    users: list[Api],
    step: str = "",
    *,
    severity: Severity | None = None,
    repair: Repair | None = None,
) -> Finding:
    """One finding about a sequence; minor where no API on a gateway uses it."""
    used = f"; used by {plural(len(users), 'API')}{such_as(users)}" if users else "; no API uses it"
    if severity is None and not any(by_state(api) is None for api in users):
        severity = Severity.MINOR
    domain = subject.domain(found.tenant_id)
    return Finding(
        f"{_title(subject, found)}: {what}{used}.",
        step,
        Spot(found.path),
        api=users[0] if len(users) == 1 else None,
        tenant=domain,
        item=f"{domain}{found.path}",
        severity=severity,
        repair=repair,
    )


@rule(
    "API080",
    Severity.MAJOR,
    title="sequence that is no XML, or no sequence",
    problems=("seq-invalid-xml",),
    sources=("wso2/carbon-apimgt 721bfdf1d2b",),
)
def invalid_sequence(subject: Subject) -> Iterator[Finding]:
    """
    What: A mediation sequence is not well-formed, has another root element than `sequence`, or no name.

    Why: Servers from 4.1.0 on make a policy of every sequence of an API, and read all shared ones of the tenant when
    the first API with mediation is deployed. Below the update level that ignores broken ones, a single one keeps every
    such API from being deployed. No gateway artifact can be made of an API that uses it.

    How found: All shared sequences and those of single APIs are parsed.

    How to mend: Upload the sequence anew in the publisher of the old release. A shared one that nobody uses is deleted
    in the management console, below `apimgt/customsequences`.
    """
    subject.saw("sequences", len(subject.sequences))
    users = _users(subject)
    for found in subject.sequences:
        if error := found.mediation.error:
            # One broken shared sequence is enough to keep others' from being deployed, used or not.
            worst = Severity.MAJOR if found.shared else None
            severity = worst if found.mediation.broken else Severity.MINOR
            yield _finding(subject, found, error, users.get(_user_key(found), []), severity=severity)


@rule(
    "API081",
    Severity.MAJOR,
    title="sequence or policy that calls a class which is gone",
    problems=("seq-removed-class",),
    sources=("wso2/api-manager#598", "wso2/product-apim#10238"),
)
def gone_class(subject: Subject) -> Iterator[Finding]:
    """
    What: A class mediator names a class of the product that a release in between no longer has.

    Why: A gateway does not deploy an API whose mediation names a class that it cannot load.

    How found: Class mediators of all sequences are compared with what each release removed. Whether classes of your own
    are in the new server's home is not looked at here.

    How to mend: Take the class out of the sequence, or put the class that took its place, and upload it anew. The class
    APIMgtFaultHandler, which fault sequences of 3.x call, is taken out of fault sequences by the upgrade.
    """
    subject.saw("sequences", len(subject.sequences))
    users = _users(subject)
    taken_out: list[SequenceFile] = []
    for found in subject.sequences:
        for name in sorted(found.mediation.classes):
            missing = removal_of(name.replace(".", "/"))
            if missing is None or not subject.crosses(str(missing.since)):
                continue
            if found.flow == "fault" and name.endswith(_FAULT_HANDLER) and not found.mediation.broken:
                taken_out.append(found)
                continue
            yield _finding(subject, found, _gone_since(name, missing), users.get(_user_key(found), []))
    if taken_out:
        titles = (_title(subject, found) for found in taken_out)
        yield Finding(
            f"{plural(len(taken_out), 'fault sequence')} that {'calls' if len(taken_out) == 1 else 'call'} "
            f"{_FAULT_HANDLER}{such_as(titles)}.",
            "Nothing: the upgrade takes the class out of them.",
            item="fault handlers",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )


def _gone_since(name: str, missing: Removal) -> str:
    moved = f"; it is {missing.moved_to} now" if missing.moved_to else ""
    return f"it calls {name}, which {missing.since} no longer has{moved}"


@rule(
    "API082",
    Severity.MINOR,
    title="folder of one's own below the shared sequences",
    problems=("seq-unknown-folder",),
    sources=("wso2/api-manager#531",),
)
def unknown_folder(subject: Subject) -> Iterator[Finding]:
    """
    What: `apimgt/customsequences` of a tenant has a folder other than in, out and fault (in any case of letters: 4.0.0
    writes some as IN).

    Why: The lists of shared sequences of 4.0.0, and the vendor's client, stop at it with an error. This tool does not
    mind.

    How found: Living folders right below `customsequences`.

    How to mend: Move the folder elsewhere in the management console of the old release; sequences in it are not used.
    """
    below = func.lower(PATH.c.reg_path_value)
    folders = (
        select(PATH.c.reg_path_value, PATH.c.reg_tenant_id)
        .join(RESOURCE, and_(registry.resource_path(), RESOURCE.c.reg_name.is_(None)))
        .where(below.startswith(f"{SHARED_SEQUENCES}/", autoescape=True), ~below.like(f"{SHARED_SEQUENCES}/%/%"))
        .order_by(PATH.c.reg_tenant_id, PATH.c.reg_path_value)
    )
    subject.saw("tenants", len(subject.tenants))
    for row in subject.shared.stream(folders):
        name = registry.split(row.reg_path_value)[1]
        if name.lower() not in FLOWS:
            domain = subject.domain(row.reg_tenant_id)
            yield Finding(
                f"Tenant {domain} has the folder {name} among its shared sequences.",
                place=Spot(row.reg_path_value),
                tenant=domain,
                item=f"{domain}/{name}",
            )


@rule(
    "API083",
    Severity.MAJOR,
    title="sequences in a folder whose name differs from the API's in case",
    problems=("seq-case-mismatch-folder",),
    sources=("wso2/api-manager#3402",),
)
def other_case(subject: Subject) -> Iterator[Finding]:
    """
    What: A folder of sequences belongs to no API, but there is one whose folder differs only in upper and lower case:
    the API was deleted and made again with another spelling.

    Why: On a DBMS that compares without case the server takes the one folder for the other, and does not find the
    policy when it deploys a revision. PostgreSQL and Oracle keep them apart; there it is a minor finding.

    How found: Folders with sequences that have no artifact are compared with those of all artifacts, without case.

    How to mend: Delete the stale folder in the management console, or move its sequences to the folder of the API, if
    it lacks them.
    """
    subject.saw("sequences", len(subject.sequences))
    folders = {(artifact.tenant_id, artifact.folder) for artifact in subject.artifacts}
    folded = {(tenant_id, folder.lower()): folder for tenant_id, folder in folders}
    apis = {(artifact.tenant_id, artifact.folder): artifact.api for artifact in subject.artifacts}
    told = set()
    for found in subject.sequences:
        key = (found.tenant_id, found.home)
        other = folded.get((found.tenant_id, found.home.lower()))
        if found.shared or key in folders or key in told or other is None:
            continue
        told.add(key)
        domain = subject.domain(found.tenant_id)
        api = apis[found.tenant_id, other]
        yield Finding(
            f"The folder {found.home} of tenant {domain} has sequences and no API; {api} lies in {other}.",
            place=Spot(found.home),
            tenant=domain,
            item=f"{domain}{found.home}",
            severity=Severity.MINOR if subject.kind in ("postgresql", "oracle") else None,
        )


@rule(
    "API084",
    Severity.INFO,
    title="sequences that become operation policies",
    since="4.1.0",
    problems=("pol-dropped-on-save", "pol-not-executed", "pol-api-vs-operation-level", "pol-export-missing-file"),
    sources=("wso2/api-manager#3079", "wso2/api-manager#4722", "wso2/api-manager#1970", "wso2/api-manager#3742"),
)
def becoming_policies(subject: Subject) -> Iterator[Finding]:
    """
    What: APIs have mediation sequences attached, which 4.1.0 replaced by operation policies.

    Why: The new server shows a sequence as a policy of every operation, or from 4.3.0 on of the API as a whole, and
    stores it as one with the first save of the API. Below certain update levels a sequence vanished when the resources
    were saved first (4.2.0, September 2024), an export lacked the file of the policy (4.3.0, April 2025), or a revision
    ran without it (4.5.0).

    How found: Artifacts of working copies that name a sequence.

    How to mend: Use a late update level of the target. After the upgrade open each of these APIs, look at its policies,
    save, and deploy a new revision; call those that must not run without their policy. The gateway artifacts that the
    upgrade makes have the sequences.
    """
    apis = [artifact.api for artifact in subject.artifacts if artifact.sequences]
    subject.saw("APIs", len(subject.apis))
    if apis:
        where = "the API as a whole" if subject.target >= _AT_API_LEVEL else "every operation"
        yield Finding(
            f"{plural(len(apis), 'API has', 'APIs have')} sequences that become policies of {where}{such_as(apis)}.",
            item="sequences of APIs",
        )


@rule(
    "API085",
    Severity.INFO,
    title="sequences of APIs that are no REST APIs",
    since="4.1.0",
    problems=("pol-non-rest-immutable",),
    sources=("wso2/docs-apim#6425",),
)
def immutable_policies(subject: Subject) -> Iterator[Finding]:
    """
    What: SOAP, GraphQL or streaming APIs have mediation sequences attached.

    Why: From 4.1.0 on they run as before, but the publisher does not let anybody change or remove them.

    How found: Artifacts of other types than HTTP that name a sequence.

    How to mend: Tell the owners. Who has to change such a sequence does it before the upgrade.
    """
    apis = [artifact.api for artifact in subject.artifacts if artifact.sequences and artifact.api.type != "HTTP"]
    subject.saw("APIs", len(subject.apis))
    if apis:
        yield Finding(
            f"{plural(len(apis), 'API that is no REST API has', 'APIs that are no REST APIs have')} sequences"
            f"{such_as(apis)}.",
            item="sequences of other APIs",
        )


@rule("API086", Severity.MAJOR, title="sequence that an API names and that is not there", source_until="4.1.0")
def missing_sequence(subject: Subject) -> Iterator[Finding]:
    """
    What: An artifact names a sequence that is neither in the folder of the API nor among the shared ones of its tenant.

    Why: Gateways of the old release may have it as a file of their own. The new gateway gets the API without the
    sequence: what it did, such as checking or changing messages, no longer happens.

    How found: Names in inSequence, outSequence and faultSequence are looked up in the registry, with and without
    `.xml`.

    How to mend: Upload the sequence in the publisher of the old release, or take it off the API, and save.
    """
    subject.saw("APIs", len(subject.apis))
    there = {_user_key(found) for found in subject.sequences}
    for artifact in subject.artifacts:
        for flow, name in artifact.sequences:
            if not _is_there(there, artifact, flow, name.removesuffix(".xml")):
                yield Finding(
                    f"{artifact.api}: the registry has no sequence {name} for the flow {flow}.",
                    place=Spot(registry.join(artifact.folder, f"{flow}/{name}")),
                    api=artifact.api,
                    item=f"{artifact.api.item}/{flow}/{name}",
                    severity=by_state(artifact.api),
                )


def _is_there(there: set[tuple[int, str, str, str]], artifact: ArtifactFacts, flow: str, name: str) -> bool:
    return bool(there & {(artifact.tenant_id, home, flow, name) for home in (artifact.folder, "")})
