"""
Every stored definition still parses, and every gateway artifact can be opened.

A definition that was broken before the run is no damage of the run: it is remarked on, not counted. What the run wrote
carries the run's start as its time of last update, so the two can be told apart without the original.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graphql import GraphQLError, parse
from lxml import etree
from sqlalchemy import and_, or_, select
from sqlalchemy.sql.selectable import Select

from apim_upgrade.engine import Session
from apim_upgrade.tables.api import GATEWAY_ARTIFACT
from apim_upgrade.tables.registry import CONTENT, PATH, RESOURCE
from apim_upgrade.verify.proof import Proof

_SAMPLES = 10
_REMARKS = 1000
_BATCH = 20
"""Definitions and zips may have megabytes each."""


def definitions_parse(shared: Session, started: datetime) -> tuple[Proof, tuple[str, ...]]:
    """
    Parse every definition and artifact of the working copies.

    Returns the proof that none written since ``started`` is broken, and a line for each that was broken before.
    """
    seen = 0
    ours, before = _Faults(_SAMPLES), _Faults(_REMARKS)
    for row in shared.stream(_definitions(), batch=_BATCH):
        seen += 1
        reason = _fault(row.reg_name, bytes(row.reg_content_data or b""))
        if reason:
            line = f"tenant {row.reg_tenant_id}: {row.reg_path_value}/{row.reg_name}: {reason}"
            written = row.reg_last_updated_time
            (ours if written is not None and written >= started else before).add(line)
    proof = Proof(
        "definitions/parse", "definitions written by the run that do not parse", ours.count, seen, tuple(ours.sample)
    )
    more = [f"and {before.count - _REMARKS:,} more"] if before.count > _REMARKS else []
    return proof, (*before.sample, *more)


def _definitions() -> Select[Any]:
    return (
        select(
            RESOURCE.c.reg_tenant_id,
            PATH.c.reg_path_value,
            RESOURCE.c.reg_name,
            RESOURCE.c.reg_last_updated_time,
            CONTENT.c.reg_content_data,
        )
        .select_from(
            RESOURCE.join(
                PATH,
                and_(PATH.c.reg_path_id == RESOURCE.c.reg_path_id, PATH.c.reg_tenant_id == RESOURCE.c.reg_tenant_id),
            ).join(
                CONTENT,
                and_(
                    CONTENT.c.reg_content_id == RESOURCE.c.reg_content_id,
                    CONTENT.c.reg_tenant_id == RESOURCE.c.reg_tenant_id,
                ),
            )
        )
        .where(
            PATH.c.reg_path_value.like("/_system/governance/apimgt/applicationdata/provider/%"),
            or_(
                RESOURCE.c.reg_name.in_(("swagger.json", "asyncapi.json", "api")),
                RESOURCE.c.reg_name.like("%.graphql"),
                RESOURCE.c.reg_name.like("%.wsdl"),
            ),
        )
    )


def artifacts_open(am: Session) -> Iterator[Proof]:
    """Every gateway artifact is a whole zip that holds the API."""
    if not am.exists(GATEWAY_ARTIFACT.name):
        return
    rows = select(GATEWAY_ARTIFACT.c.api_id, GATEWAY_ARTIFACT.c.revision_id, GATEWAY_ARTIFACT.c.artifact)
    seen, wrong = 0, _Faults(_SAMPLES)
    for row in am.stream(rows, batch=_BATCH):
        seen += 1
        reason = _zip_fault(bytes(row.artifact or b""))
        if reason:
            wrong.add(f"API {row.api_id}, revision {row.revision_id}: {reason}")
    yield Proof("artifacts/open", "gateway artifacts that cannot be opened", wrong.count, seen, tuple(wrong.sample))


@dataclass(slots=True)
class _Faults:
    """How many there are, and the first of them: bounded, however broken the estate is."""

    kept: int
    count: int = 0
    sample: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        self.count += 1
        if len(self.sample) < self.kept:
            self.sample.append(line)


def _fault(name: str, content: bytes) -> str:
    try:
        if name.endswith(".json"):
            json.loads(content)
        elif name.endswith(".graphql"):
            parse(content.decode(), no_location=True)
        else:
            etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    except (ValueError, RecursionError, GraphQLError, etree.XMLSyntaxError) as error:
        return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return ""


def _zip_fault(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if not any(name.endswith(("/api.json", "/api_product.json")) for name in names):
                return "no api.json inside"
            bad = archive.testzip()
            return f"{bad} is damaged" if bad else ""
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        return str(error) or type(error).__name__
