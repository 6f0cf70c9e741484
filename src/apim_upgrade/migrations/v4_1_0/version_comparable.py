"""
The stamps by which 4.1.0 and later order the versions of an API: milliseconds since the epoch, as text.

Only their order counts. The newest version gets the start of the run, each older one a day less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Integer, Row, String, select, update

from apim_upgrade.engine import Phase, Sql, Stage, Step, Work, stage_table
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.api import API

_DAY = 86_400_000
_NUMBERS = re.compile(r"[vV]?(\d+(?:[.\-_]\d+)*)(.*)", re.DOTALL)


def steps(upgrade: Upgrade) -> list[Step]:
    """The step, when the upgrade passes into 4.1.0. Artifacts take the stamps over in ``artifact_edits``."""
    if not upgrade.crosses("4.1.0"):
        return []
    stage = stage_table(
        "version_comparable", Column("api_id", Integer), Column("stamp", String(15)), keys=[("api_id",)]
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        # The provider names the tenant, too; where it does not (4.5.0) the stamps are there already.
        api = API.c
        apis = select(api.api_id, api.api_provider, api.api_name, api.api_version, api.version_comparable).order_by(
            api.api_provider, api.api_name, api.api_id
        )
        for _, group in groupby(work.sessions["am"].stream(apis), lambda row: (row.api_provider, row.api_name)):
            versions = list(group)
            work.saw(len(versions))
            if not all(row.version_comparable for row in versions):
                yield from _stamps(versions, upgrade.started)

    return [
        Step(
            "4.1.0/api-data/version-comparable",
            "Stamp the versions of every API in their order",
            "am",
            Phase.MIGRATE,
            (
                Stage(stage, rows, "stamps of APIs and products"),
                Sql(
                    update(API).values(version_comparable=stage.c.stamp).where(API.c.api_id == stage.c.api_id),
                    "their stamps",
                ),
            ),
            tables=(API.name,),
        )
    ]


def _stamps(versions: list[Row[Any]], started: datetime) -> Iterator[Sequence[object]]:
    newest = int(started.replace(tzinfo=UTC).timestamp() * 1000)
    ordered = sorted(versions, key=lambda row: version_key(row.api_version or ""), reverse=True)
    for age, row in enumerate(ordered):
        yield row.api_id, str(newest - age * _DAY)


def version_key(version: str) -> tuple[tuple[int, ...], bool, str, str]:
    """
    Return what versions are compared by; greater is newer.

    Numbers count as numbers (1.10 is newer than 1.9, 1.0 as old as 1.0.0), one without a suffix is newer than the same
    with one (1.0.0 than 1.0.0-beta), suffixes go by the alphabet; the text itself decides what is left.
    """
    match = _NUMBERS.fullmatch(version.strip())
    numbers = [int(part) for part in re.split(r"[.\-_]", match[1])] if match else []
    while numbers and not numbers[-1]:
        numbers.pop()
    suffix = match[2] if match else version.strip()
    return tuple(numbers), not suffix, suffix, version
