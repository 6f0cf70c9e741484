"""
Fault sequences: 4.0.0 no longer has the statistics handler that every shipped fault sequence up to 3.2.0 calls.

A sequence that names it is not deployed by the gateway. Shared sequences and those of single APIs are cleaned alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lxml import etree
from sqlalchemy import func, or_

from apim_upgrade import registry
from apim_upgrade.engine import Phase, Stage, Step, Work
from apim_upgrade.migrations.artifact_edits import edited_artifacts
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.registry import PATH, RESOURCE

_HANDLERS = frozenset(
    {
        "org.wso2.carbon.apimgt.usage.publisher.APIMgtFaultHandler",
        "org.wso2.carbon.apimgt.gateway.handlers.analytics.APIMgtFaultHandler",
    }
)
_HINT = b"APIMgtFaultHandler"
_SHARED = f"{registry.G}/apimgt/customsequences/fault"


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, when the upgrade passes into 4.0.0; before the revisions."""
    if not upgrade.crosses("4.0.0"):
        return []
    domains = {tenant.id: tenant.domain for tenant in upgrade.tenants}
    edited = edited_artifacts("fault_sequence")

    def rows(work: Work) -> Iterator[Sequence[object]]:
        folder = func.lower(PATH.c.reg_path_value)
        sequences = (
            registry.files()
            .where(
                or_(
                    folder == _SHARED,
                    folder.startswith(f"{_SHARED}/", autoescape=True),
                    PATH.c.reg_path_value.startswith(f"{registry.PROVIDERS}/", autoescape=True)
                    & folder.endswith("/fault"),
                )
            )
            .order_by(RESOURCE.c.reg_tenant_id, PATH.c.reg_path_value, RESOURCE.c.reg_name)
        )
        for row in work.sessions[registry.DATABASE].stream(sequences):
            path = registry.join(row.folder, row.name)
            item = f"{domains.get(row.tenant_id, row.tenant_id)}:{path}"
            if not work.wants(item):
                continue
            work.saw()
            content = bytes(row.content or b"")
            if _HINT not in content:
                continue
            try:
                cleaned = without_handlers(content)
            except etree.XMLSyntaxError as error:
                work.failed(
                    item,
                    f"it calls a class that 4.0.0 no longer has and is not well-formed XML (line {error.lineno})",
                    "Upload the sequence anew without the class mediator APIMgtFaultHandler.",
                )
                continue
            if cleaned is not None:
                yield row.tenant_id, row.content_id, path, cleaned

    return [
        Step(
            "4.0.0/registry/fault-sequences",
            "Take the class APIMgtFaultHandler, which is gone, out of fault sequences",
            registry.DATABASE,
            Phase.MIGRATE,
            (
                Stage(edited, rows, "fault sequences that call it"),
                *registry.replace_contents(edited, upgrade.started),
            ),
        )
    ]


def without_handlers(content: bytes) -> bytes | None:
    """
    Return a sequence without the class mediators that are gone; None when it has none.

    Raises lxml.etree.XMLSyntaxError when it is not well-formed.
    """
    root = etree.fromstring(content, registry.xml_parser())
    gone = [
        element
        for element in root.iter()
        if isinstance(element.tag, str)
        and etree.QName(element).localname == "class"
        and (element.get("name") or "").strip() in _HANDLERS
    ]
    for element in gone:
        parent = element.getparent()
        if parent is not None:
            _remove(parent, element)
    if not gone:
        return None
    declared = content.lstrip().startswith(b"<?xml")
    tree = root.getroottree()
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=declared)


def _remove(parent: etree._Element, element: etree._Element) -> None:
    """Remove an element with its line: what stood before it stays before what follows it."""
    before = element.getprevious()
    tail = element.tail or ""
    if before is not None:
        before.tail = (before.tail or "").rstrip(" \t\r\n") + tail
    else:
        parent.text = (parent.text or "").rstrip(" \t\r\n") + tail
    element.tail = None
    parent.remove(element)
