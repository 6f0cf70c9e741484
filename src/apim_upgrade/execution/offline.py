"""What a run would do on a DBMS that the tool does not write to: composed from shapes, written as scripts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apim_upgrade import __version__
from apim_upgrade.databases import name_uuid
from apim_upgrade.engine import RunRecord, Step
from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import SUPER_TENANT_DOMAIN, SUPER_TENANT_ID, Choices, Tenant, Upgrade
from apim_upgrade.planning import closing_steps, data_steps, opening_steps
from apim_upgrade.planning.vendor_files import Scripts
from apim_upgrade.planning.vendor_rows import ComputedRows
from apim_upgrade.releases import PARTS, Release
from apim_upgrade.schema import Schema, commit_steps, predicted_after_contract, predicted_after_expand, target_of
from apim_upgrade.schema.shapes import stock_shape

_ROWS = ".rows"
_NOBODY_LOOKED = "not looked at"
"""In place of the estate's fingerprint; Oracle takes an empty text for none."""


@dataclass(frozen=True, slots=True)
class OfflinePlan:
    """The steps of an upgrade that scripts are written for."""

    kind: str
    record: RunRecord
    steps: tuple[Step, ...]
    commit: tuple[Step, ...]
    wanted: Mapping[str, Schema]


def foresee_offline(
    kind: str,
    source: Release,
    target: Release,
    choices: Choices,
    started: datetime,
    shapes: Mapping[str, Schema] | None = None,
) -> OfflinePlan:
    """
    Compose the whole upgrade of databases that are as ``shapes`` says, or as the stock scripts of ``source`` make them.

    ``started`` (UTC, no zone) is the clock of everything that the scripts write.
    """
    live = shapes or {part: stock_shape(kind, source, part) for part in PARTS}
    upgrade = Upgrade(
        source, target, started.replace(microsecond=0), (Tenant(SUPER_TENANT_ID, SUPER_TENANT_DOMAIN),), choices, ""
    )
    steps = [*opening_steps(upgrade, kind, live), *data_steps(upgrade)]
    expanded = {name: predicted_after_expand(kind, shape, target, name) for name, shape in live.items()}
    steps += closing_steps(upgrade, kind, expanded)
    commit: list[Step] = []
    for name, shape in expanded.items():
        done = predicted_after_contract(kind, shape, target, name)
        commit += commit_steps(kind, done, target, name, name)
    run = name_uuid("scripts", kind, source, target, upgrade.started)
    settings = json.dumps({"dialect": kind})
    record = RunRecord(run, __version__, str(source), str(target), _NOBODY_LOOKED, upgrade.started, settings)
    wanted = {name: target_of(kind, target, name).wanted for name in live}
    return OfflinePlan(kind, record, tuple(steps), tuple(commit), wanted)


def write_scripts(plan: OfflinePlan, folder: Path, rows: ComputedRows | None = None) -> list[Path]:
    """
    Write the scripts into an empty folder; returns the index and the files.

    With ``rows`` they are complete; what was written of them in :func:`rows_folder` goes. Raises ProjectError.
    """
    parts = rows_folder(folder)
    with _writing(folder):
        files = Scripts(plan.kind, plan.record, plan.wanted, rows).write(folder, plan.steps, plan.commit)
        shutil.rmtree(parts, ignore_errors=True)
        return files


def rows_folder(folder: Path) -> Path:
    """Return the folder in which computed rows wait to become scripts of an empty ``folder``. Raises ProjectError."""
    parts = folder / _ROWS
    with _writing(folder):
        if folder.exists() and any(each != parts for each in folder.iterdir()):
            raise ProjectError(f"--sql: {folder} is not empty.", hint="Name a folder that is, or that does not exist.")
    return parts


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ProjectError(
            f"--sql: {folder} cannot be written: {error.strerror}.", hint="Name a folder that can be."
        ) from None
