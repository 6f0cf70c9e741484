"""
The type definition of API artifacts in every tenant's registry: a server never adds fields to an old one.

The tenant's own definition is kept; only the fields that it lacks are put in. ``workflow-extensions.xml`` is another
such file, but what it lacks cannot be put in without the target pack's text, so it is only reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from lxml import etree
from sqlalchemy import and_, or_

from apim_upgrade import registry
from apim_upgrade.engine import Operation, Phase, Stage, Step, Work
from apim_upgrade.migrations.artifact_edits import edited_artifacts
from apim_upgrade.migrations.findings import findings
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.releases.registry_files import TypeField, stock_workflow_extensions, type_fields
from apim_upgrade.tables.registry import PATH, RESOURCE

_GOVERNANCE = "repository/components/org.wso2.carbon.governance"
_DEFINITION = f"{registry.G}/{_GOVERNANCE}/types", "api.rxt"
_CONTENT = f"{registry.C}/{_GOVERNANCE}/configuration", "api"
"""The definition's ``content`` part, where the management console was used."""
_WORKFLOWS = registry.D, "workflow-extensions.xml"


def steps(upgrade: Upgrade) -> list[Step]:
    """The steps, one a registry; a target whose fields a tenant already declares changes nothing."""
    if "config" not in upgrade.apart:
        return [_declaring("registry/types", registry.DATABASE, upgrade, (_DEFINITION, _CONTENT), _workflows(upgrade))]
    return [
        _declaring("registry/types", registry.DATABASE, upgrade, (_DEFINITION,), _workflows(upgrade)),
        _declaring("registry/config/types", upgrade.home("config"), upgrade, (_CONTENT,)),
    ]


def _declaring(
    step: str, database: str, upgrade: Upgrade, definitions: Sequence[tuple[str, str]], *more: Operation
) -> Step:
    wanted = [field for field in type_fields() if field.since <= upgrade.target]
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    edited = edited_artifacts("type_definition")

    def rows(work: Work) -> Iterator[Sequence[object]]:
        places = or_(
            *(and_(PATH.c.reg_path_value == folder, RESOURCE.c.reg_name == name) for folder, name in definitions)
        )
        query = registry.files().where(places).order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value)
        for row in work.own.stream(query):
            path = registry.join(row.folder, row.name)
            item = f"{domains.get(row.tenant_id, row.tenant_id)}:{path}"
            if not work.wants(item):
                continue
            work.saw()
            try:
                content = with_fields(bytes(row.content or b""), wanted)
            except ValueError as error:
                work.failed(
                    item,
                    f"the type definition cannot be edited: {error}",
                    "Replace it with the target pack's repository/resources/rxts/api.rxt in the management console.",
                )
                continue
            if content is not None:
                yield row.tenant_id, row.content_id, path, content

    return Step(
        step,
        f"Declare the fields of {upgrade.target} in every tenant's type definition of APIs",
        database,
        Phase.MIGRATE,
        (
            Stage(edited, rows, "definitions that lack a field"),
            *registry.replace_contents(edited, upgrade.started),
            *more,
        ),
    )


def _workflows(upgrade: Upgrade) -> Stage:
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}

    def look(work: Work) -> None:
        stock = stock_workflow_extensions()
        current = [form for form in stock if form.since <= upgrade.target][-1]
        older = {form.sha256: form.since for form in stock if form.since < current.since}
        query = registry.files().where(PATH.c.reg_path_value == _WORKFLOWS[0], RESOURCE.c.reg_name == _WORKFLOWS[1])
        for row in work.own.stream(query.order_by(RESOURCE.c.reg_tenant_id)):
            digest = hashlib.sha256(bytes(row.content or b"").replace(b"\r\n", b"\n")).hexdigest()[:32]
            if digest in older:
                work.noted(
                    f"{domains.get(row.tenant_id, row.tenant_id)}:{registry.join(*_WORKFLOWS)}",
                    f"this is the unedited file of {older[digest]}; it names no workflow that came later",
                    f"Delete it in the management console of {upgrade.target} and restart: it writes its own.",
                )

    return findings("workflow_extensions", look, "workflow extensions of an older release")


def with_fields(content: bytes, wanted: Sequence[TypeField]) -> bytes | None:
    """Return a type definition that declares these fields; None when it does already. Raises ValueError."""
    try:
        root = etree.fromstring(content, registry.xml_parser())
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is not well-formed XML (line {error.lineno})") from None
    declared = {(field.findtext("name") or "").strip().lower() for field in root.iter("field")}
    missing = [field for field in wanted if field.name.lower() not in declared]
    if not missing:
        return None
    for field in missing:
        table = next(
            (table for table in root.iter("table") if table.get("name", "").lower() == field.table.lower()), None
        )
        if table is None:
            raise ValueError(f"it has no table {field.table}")
        _declare(table, field)
    with_declaration = content.lstrip().startswith(b"<?xml")
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=with_declaration)


def _declare(table: etree._Element, field: TypeField) -> None:
    """Put a field behind the last one of a table, laid out as that one."""
    last = table[-1] if len(table) else None
    element = etree.SubElement(table, "field", type=field.type)
    name = etree.SubElement(element, "name")
    name.text = field.name
    if last is None:
        return
    first = table[0]
    inner = first[0] if len(first) else None
    element.tail, last.tail = last.tail, table.text
    if inner is not None:
        element.text, name.tail = first.text, first[-1].tail
