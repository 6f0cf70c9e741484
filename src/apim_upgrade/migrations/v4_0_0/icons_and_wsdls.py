"""
Icons and WSDLs: from 4.0.0 on they lie in the API's own folder, so that a revision's copy takes them along.

The old files stay. A WSDL is looked for by provider, name and version, never by the artifact's ``wsdl``: import and
"new version" leave the path of the first API there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

from sqlalchemy import Column, Integer, String, Text, and_, or_, select

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Stage, Step, Work, stage_table
from apim_upgrade.migrations.artifact_edits import edited_artifacts
from apim_upgrade.migrations.prepare import artifact_item
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID, Upgrade
from apim_upgrade.tables.registry import PATH, RESOURCE

_ICONS = f"{registry.D}/icons"
_WSDLS = f"{registry.D}/wsdls"
_ICON, _WSDL, _ZIP, _ARCHIVES = "icon", ".wsdl", ".zip", "/archives"
_COLUMNS = (
    ("tenant_id", Integer()),
    ("api_folder", Text()),
    ("source_path", Text()),
    ("field", String(20)),
    ("source_folder", Text()),
    ("source_name", String(256)),
    ("target_folder", Text()),
    ("target_name", String(256)),
    ("target_path", Text()),
    ("media_type", String(500)),
)
"""
A file that may have to move: ``source_path`` is the artifact in ``api_folder``, whose rights it gets and whose
``field`` names it.
"""
_Place: TypeAlias = tuple[str, str, str, str, str, str, str, str, str | None]
"""The columns without the tenant."""


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, when the upgrade passes into 4.0.0; before the revisions."""
    if not upgrade.crosses("4.0.0"):
        return []
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    places = stage_table("old_place", *(Column(name, kind) for name, kind in _COLUMNS))
    found = stage_table("old_file", *(Column(name, kind) for name, kind in _COLUMNS))
    edited = edited_artifacts("pointing")

    def candidates(work: Work) -> Iterator[Sequence[object]]:
        folders = (
            select(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
            .join(PATH, registry.resource_path())
            .where(registry.working_artifact())
            .order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
        )
        for row in work.sessions[registry.DATABASE].stream(folders):
            tenant_id, folder = tuple(row)
            if work.wants(artifact_item(domains, tenant_id, folder)):
                work.saw()
                for place in old_places(folder):
                    yield tenant_id, *place

    def existing(work: Work) -> Iterator[Sequence[object]]:
        there = (
            select(places)
            .join(
                PATH,
                and_(PATH.c.reg_tenant_id == places.c.tenant_id, PATH.c.reg_path_value == places.c.source_folder),
            )
            .join(RESOURCE, and_(registry.resource_path(), RESOURCE.c.reg_name == places.c.source_name))
        )
        for row in work.sessions[registry.DATABASE].stream(there):
            yield tuple(row)

    def edits(work: Work) -> Iterator[Sequence[object]]:
        pointing = (
            registry.files()
            .add_columns(found.c.field, found.c.target_path, found.c.source_path)
            .join(
                found,
                and_(
                    found.c.tenant_id == RESOURCE.c.reg_tenant_id,
                    found.c.api_folder == PATH.c.reg_path_value,
                    RESOURCE.c.reg_name == registry.ARTIFACT,
                ),
            )
            .order_by(RESOURCE.c.reg_tenant_id, RESOURCE.c.reg_content_id, found.c.target_path)
        )
        rows = work.sessions[registry.DATABASE].stream(pointing)
        for (tenant_id, _), group in groupby(rows, lambda row: (row.tenant_id, row.content_id)):
            targets: dict[str, str] = {}
            if tenant_id not in domains:
                continue  # a tenant that was deleted: no server opens its APIs, nor would know how to name their files
            for row in group:  # in order of target, so that a plain WSDL comes before an archive
                targets.setdefault(row.field, link(domains, row.tenant_id, row.target_path))
            try:
                artifact = registry.Artifact.parse(row.content)
            except registry.BrokenArtifact as broken:
                work.failed(
                    artifact_item(domains, row.tenant_id, row.folder),
                    f"its icon or WSDL was copied, but its artifact cannot be edited: {broken}",
                    "Set the icon or WSDL anew in the Publisher of the new server.",
                )
                continue
            changes = [artifact.set(field, target) for field, target in targets.items()]
            if any(changes):
                yield row.tenant_id, row.content_id, row.source_path, artifact.to_bytes()

    return [
        Step(
            "4.0.0/registry/icons-and-wsdls",
            "Copy icons and WSDLs into the folders of their APIs",
            registry.DATABASE,
            Phase.MIGRATE,
            (
                Stage(places, candidates, "where each API's icon and WSDL would lie"),
                Stage(found, existing, "icons and WSDLs that do lie there"),
                *registry.copy_files(found, upgrade.started),
                Stage(edited, edits, "artifacts that have to name the new place"),
                *registry.replace_contents(edited, upgrade.started),
            ),
        ),
        _rights(upgrade),
    ]


def _rights(upgrade: Upgrade) -> Step:
    def pairs(work: Work) -> Iterator[Sequence[object]]:
        name, path = RESOURCE.c.reg_name, PATH.c.reg_path_value
        files = (
            select(RESOURCE.c.reg_tenant_id, path, name)
            .join(PATH, registry.resource_path())
            .where(
                path.startswith(f"{registry.PROVIDERS}/", autoescape=True),
                or_(name == _ICON, name.endswith(_WSDL), and_(name.endswith(_ZIP), path.endswith(_ARCHIVES))),
            )
            .order_by(RESOURCE.c.reg_tenant_id, path, name)
        )
        for row in work.sessions[registry.DATABASE].stream(files):
            tenant_id, folder, file = tuple(row)
            for place in old_places(folder.removesuffix(_ARCHIVES)):
                _, artifact, _, _, _, *new, target, _ = place
                if new == [folder, file]:
                    yield tenant_id, artifact, target
                    break

    stage = registry.rights_stage("moved_rights")
    return Step(
        "4.0.0/registry/icon-and-wsdl-rights",
        "Give the copied icons and WSDLs the rights of their APIs",
        upgrade.home("user"),
        Phase.MIGRATE,
        (Stage(stage, pairs, "APIs and the icons and WSDLs in their folders"), *registry.copy_rights(stage)),
    )


def old_places(folder: str) -> Iterator[_Place]:
    """Yield where up to 3.2.0 the icon and the WSDL of the API in ``folder`` lie, and where they belong."""
    parts = folder.removeprefix(f"{registry.PROVIDERS}/").rsplit("/", 2)
    if len(parts) < 3:
        return
    provider, name, version = parts

    def place(field: str, old: tuple[str, str], new: tuple[str, str], media_type: str | None = None) -> _Place:
        return folder, registry.join(folder, registry.ARTIFACT), field, *old, *new, registry.join(*new), media_type

    # Paths cannot hold "@"; the other form is tried too, because the vendor's own client looks for it.
    for form in dict.fromkeys((provider, registry.provider_in_tables(provider))):
        yield place("thumbnail", (f"{_ICONS}/{form}/{name}/{version}", _ICON), (folder, _ICON))
        old, new = f"{form}--{name}{version}", f"{provider}--{name}{version}"
        yield place("wsdl", (_WSDLS, f"{old}{_WSDL}"), (folder, f"{new}{_WSDL}"))
        archive = (f"{folder}{_ARCHIVES}", f"{new}{_ZIP}")
        yield place("wsdl", (f"{_WSDLS}{_ARCHIVES}", f"{old}{_ZIP}"), archive, "application/zip")


def link(domains: dict[int, str], tenant_id: int, path: str) -> str:
    """Return the form in which an artifact names a file of the registry; the tenant's prefix is part of it."""
    prefix = "" if tenant_id == SUPER_TENANT_ID else f"/t/{domains[tenant_id]}"
    return f"{prefix}/registry/resource{path}"
