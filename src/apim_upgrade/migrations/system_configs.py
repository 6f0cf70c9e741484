"""AM_SYSTEM_CONFIGS: where tenants' configurations lie from 4.1.0 on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, LargeBinary, Select, String, exists, insert, literal, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.v4_1_0.configuration_document import read, write
from apim_upgrade.tables.api import SYSTEM_CONFIG

_TENANT_CONFIG = "TENANT"
_MYSQL_LIMIT = 65_535

Document = dict[str, Any]


def stored_configurations(work: Work) -> Iterator[tuple[str, bytes]]:
    """Yield (organization, configuration) of every row."""
    query = select(SYSTEM_CONFIG).where(SYSTEM_CONFIG.c.config_type == _TENANT_CONFIG)
    for row in work.sessions["am"].stream(query.order_by(SYSTEM_CONFIG.c.organization), batch=50):
        yield row.organization, bytes(row.configuration or b"")


def store_step(
    name: str,
    title: str,
    documents: Callable[[Work], Iterator[tuple[str, Document]]],
    touches: Select[Any] | None = None,
) -> Step:
    """Return a step that stores each (organization, document) that ``documents`` yields."""
    stage = stage_table("configuration", Column("organization", String(255)), Column("configuration", LargeBinary))

    def rows(work: Work) -> Iterator[Sequence[object]]:
        for organization, document in documents(work):
            content = write(document)
            if len(content) > _MYSQL_LIMIT:
                work.noted(
                    organization,
                    f"The tenant configuration has {len(content)} bytes; a MySQL BLOB takes {_MYSQL_LIMIT}.",
                    "On MySQL widen AM_SYSTEM_CONFIGS.CONFIGURATION to MEDIUMBLOB.",
                )
            yield organization, content

    same = (
        SYSTEM_CONFIG.c.organization == stage.c.organization,
        SYSTEM_CONFIG.c.config_type == _TENANT_CONFIG,
    )
    return Step(
        name,
        title,
        "am",
        Phase.MIGRATE,
        (
            Stage(stage, rows, "the configuration of every tenant whose configuration changes"),
            Sql(update(SYSTEM_CONFIG).values(configuration=stage.c.configuration).where(*same)),
            Sql(
                insert(SYSTEM_CONFIG).from_select(
                    ["organization", "config_type", "configuration"],
                    select(stage.c.organization, literal(_TENANT_CONFIG, String), stage.c.configuration).where(
                        ~exists().where(*same)
                    ),
                )
            ),
        ),
        touches=touches,
        tables=(SYSTEM_CONFIG.name,),
    )


def amended(work: Work, wanted: dict[str, Callable[[Document], None]], action: str) -> Iterator[tuple[str, Document]]:
    """
    Yield the stored documents that ``wanted`` (organization → change in place) really changes.

    An organization without row, or with a row that cannot be changed, gets a verdict with ``action``.
    """
    missing = {organization for organization in wanted if work.wants(organization)}
    for organization, content in stored_configurations(work):
        if organization not in missing:
            continue
        missing.discard(organization)
        change = wanted[organization]
        work.saw()
        try:
            document, before = read(content), read(content)
            change(document)
        except (ValueError, TypeError, AttributeError) as error:
            work.failed(organization, f"The tenant configuration cannot be changed: {error}.", action)
            continue
        if document != before:
            yield organization, document
    for organization in sorted(missing):
        work.failed(organization, "The tenant has no configuration in AM_SYSTEM_CONFIGS.", action)
