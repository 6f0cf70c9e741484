"""Rules about what lies beside an artifact: schemas, WSDLs, documents. What a definition says is for DEF."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import and_, func, or_, select

from apim_upgrade import registry
from apim_upgrade.checks.model import Api, Finding, Repair, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import by_state, plural, such_as
from apim_upgrade.checks.subject import Subject
from apim_upgrade.tables.registry import CONTENT, PATH, RESOURCE

_ZIP = b"PK"
"""How a zip begins."""
_WSDLS = f"{registry.D}/wsdls"


@rule("API020", Severity.MAJOR, title="GraphQL API without its schema")
def no_schema(subject: Subject) -> Iterator[Finding]:
    """
    What: The folder of a GraphQL API has no schema, a file whose name ends in `.graphql`, or an empty one.

    Why: The vendor's client stops at the first one. No publisher can show the API, and a gateway does not know its
    operations.

    How found: Files beside the artifacts of GraphQL APIs. Definitions that other APIs lack are told by DEF004.

    How to mend: Upload the schema in the publisher of the old release, and deploy the API.
    """
    apis = {(found.tenant_id, found.folder): found for found in subject.artifacts if found.api.type == "GRAPHQL"}
    subject.saw("APIs", len(subject.apis))
    if not apis:
        return
    schemas = (
        select(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
        .join(PATH, registry.resource_path())
        .join(
            CONTENT,
            and_(
                CONTENT.c.reg_content_id == RESOURCE.c.reg_content_id,
                CONTENT.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
            ),
        )
        .where(
            PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True),
            RESOURCE.c.reg_name.like("%.graphql"),
            func.length(CONTENT.c.reg_content_data) > 0,
        )
    )
    for row in subject.shared.stream(schemas):
        apis.pop((row.reg_tenant_id, row.reg_path_value), None)
    for found in apis.values():
        yield Finding(
            f"{found.api}: the registry has no GraphQL schema of it.",
            place=Spot(registry.join(found.folder, f"{_file_name(found.api)}.graphql")),
            api=found.api,
            severity=by_state(found.api),
        )


@rule(
    "API021",
    Severity.MINOR,
    title="SOAP API whose WSDL is missing, no zip, or another's",
    problems=("soap-wsdl-archive",),
)
def wsdls(subject: Subject) -> Iterator[Finding]:
    """
    What: The registry has no WSDL of a SOAP API under its own name, or keeps as an archive what is no zip; or the
    artifact names the WSDL of another API or version.

    Why: The portals offer the WSDL for download. From 4.0.0 on it lies in the folder of its API, and the upgrade puts
    it there; what cannot be found stays away.

    How found: For APIs whose artifact has a link to a WSDL, a file or archive of provider, name and version is looked
    for, below `applicationdata/wsdls` before 4.0.0 and in the folder of the API after that. The link in the artifact is
    compared with it: import and a new version leave that of the first API there, which is common and harmless.

    How to mend: Upload the WSDL anew in the publisher of the old release. Of links to other files nothing has to be
    done: the upgrade finds the WSDL by its name and sets the link.
    """
    soap = [found for found in subject.artifacts if found.api.type == "SOAP" and not found.broken]
    subject.saw("APIs", len(subject.apis))
    if not soap:
        return
    files = _wsdl_files(subject)
    elsewhere = []
    for found in soap:
        own = _file_name(found.api)
        plain, archive = f"{own}.wsdl", f"{own}.zip"
        places = [
            registry.join(folder, name)
            for folder in (found.folder, _WSDLS)
            for name in (plain, f"archives/{archive}")
            if (found.tenant_id, registry.join(folder, name)) in files
        ]
        if not places and found.wsdl:
            yield Finding(
                f"{found.api}: the registry has no WSDL of it.",
                place=Spot(registry.join(found.folder, plain)),
                api=found.api,
            )
        for place in places:
            if place.endswith(".zip") and not files[found.tenant_id, place]:
                yield Finding(f"{found.api}: its WSDL archive is no zip.", place=Spot(place), api=found.api)
        if found.wsdl and not found.wsdl.endswith((plain, archive)):
            elsewhere.append(found.api)
    if elsewhere:
        yield Finding(
            f"{plural(len(elsewhere), 'SOAP API names', 'SOAP APIs name')} the WSDL of another API or version"
            f"{such_as(elsewhere)}.",
            "Nothing: WSDLs are found by their names.",
            item="links to WSDLs",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )


def _file_name(api: Api) -> str:
    return f"{registry.provider_in_path(api.provider)}--{api.name}{api.version}"


def _wsdl_files(subject: Subject) -> dict[tuple[int, str], bool]:
    """WSDLs and archives by tenant and path; false for an archive that is no zip."""
    named = registry.files().with_only_columns(
        RESOURCE.c.reg_tenant_id,
        PATH.c.reg_path_value,
        RESOURCE.c.reg_name,
        func.substr(CONTENT.c.reg_content_data, 1, len(_ZIP)).label("begins"),
    )
    beside = PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True)
    wanted = named.where(
        or_(
            PATH.c.reg_path_value.in_((_WSDLS, f"{_WSDLS}/archives")),
            and_(beside, RESOURCE.c.reg_name.like("%.wsdl")),
            and_(beside, PATH.c.reg_path_value.like("%/archives"), RESOURCE.c.reg_name.like("%.zip")),
        )
    )
    return {
        (row.reg_tenant_id, registry.join(row.reg_path_value, row.reg_name)): not row.reg_name.endswith(".zip")
        or bytes(row.begins or b"") == _ZIP
        for row in subject.shared.stream(wanted)
    }


@rule(
    "API022",
    Severity.MINOR,
    title="document of an API without its content",
    problems=("docs-not-listed",),
    sources=("wso2/product-apim#12863",),
)
def empty_documents(subject: Subject) -> Iterator[Finding]:
    """
    What: A document that is written in the publisher (inline or markdown), or uploaded as a file, has no text or file
    in the registry.

    Why: The developer portal lists the document and shows an empty page, or an error. Whoever compares documents after
    the upgrade takes it for lost.

    How found: Document artifacts of the working copies without a resource of their name below `documentation/contents`,
    of the source types INLINE, MARKDOWN and FILE; for FILE the file that the artifact names is looked up below
    `documentation/files`.

    How to mend: Write or upload the content again in the publisher, or delete the document. It was empty before the
    upgrade, too.
    """
    # Not by media type: with old statistics a planner would look all documents of the tenant up for every folder.
    below = and_(
        PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True),
        PATH.c.reg_path_value.like("%/documentation"),
    )
    apis = {(found.tenant_id, found.folder): found.api for found in subject.artifacts}
    texts = _files_below(subject, "contents")
    files: set[tuple[int, str]] | None = None
    number = 0
    for row in subject.shared.stream(registry.files().where(below)):
        if row.media_type != registry.DOCUMENT_MEDIA_TYPE:
            continue
        number += 1
        if (row.tenant_id, registry.join(f"{row.folder}/contents", row.name)) in texts:
            continue
        try:
            document = registry.Artifact.parse(row.content)
        except registry.BrokenArtifact as broken:
            wrong = f"it cannot be read, {broken}"
        else:
            source = document.get("sourceType").upper()
            if source == "FILE":
                files = _files_below(subject, "files") if files is None else files
                path = document.get("filePath").partition("/registry/resource")[2]
                if path and (row.tenant_id, path) in files:
                    continue
                wrong = "its file is not there"
            elif source in ("INLINE", "MARKDOWN"):
                wrong = "it has no text"
            else:
                continue
        folder = row.folder.removesuffix("/documentation")
        api = apis.get((row.tenant_id, folder))
        domain = subject.domain(row.tenant_id)
        yield Finding(
            f"Document {row.name} of {api or folder}: {wrong}.",
            place=Spot(registry.join(row.folder, row.name)),
            api=api,
            tenant=domain,
            item=f"{api.item if api else folder}/{row.name}",
        )
    subject.saw("documents", number)


def _files_below(subject: Subject, kind: str) -> set[tuple[int, str]]:
    """The files below ``documentation/contents`` or ``documentation/files``, by tenant and path."""
    found = (
        select(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value, RESOURCE.c.reg_name)
        .join(PATH, registry.resource_path())
        .where(
            PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True),
            PATH.c.reg_path_value.like(f"%/documentation/{kind}"),
            RESOURCE.c.reg_name.is_not(None),
        )
    )
    return {
        (row.reg_tenant_id, registry.join(row.reg_path_value, row.reg_name)) for row in subject.shared.stream(found)
    }
