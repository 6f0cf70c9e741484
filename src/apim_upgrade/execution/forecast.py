"""How long a run on the estate of an order will take, told from rehearsals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apim_upgrade.errors import ApimUpgradeError, ProjectError
from apim_upgrade.execution.folder import REHEARSAL, RunFolder
from apim_upgrade.execution.foresight import Prospect
from apim_upgrade.execution.order import Order
from apim_upgrade.planning import Estimate, Measured, Work, estimate, measurements


def forecast(order: Order, prospect: Prospect, folders: Sequence[Path] = ()) -> Estimate:
    """
    Tell how long checking, copying, every step and proving will take.

    ``folders`` are those of rehearsals; without any, all that the run folder keeps are taken, or else the benchmark
    model alone. Raises ProjectError when a folder that was named holds no rehearsal, or one on another DBMS.
    """
    named = [_named(folder, prospect.estate.kind) for folder in folders]
    return estimate(_work(order, prospect), named or list(_kept(order, prospect.estate.kind)))


def _work(order: Order, prospect: Prospect) -> Iterator[Work]:
    estate = prospect.estate
    whole = sum(each.size for each in estate.databases)
    yield Work("check", "check", estate.api_count, whole)
    if not order.in_place:
        yield from (Work(f"copy/{each.name}", "copy", 0, each.size) for each in estate.databases)
    for step in prospect.plan.steps:
        yield Work(step.name, step.phase, step.rows if step.items is None else step.items, step.size)
    yield Work("prove", "prove", estate.api_count, whole)


def _named(folder: Path, kind: str) -> list[Measured]:
    document = RunFolder(folder).read_json(REHEARSAL) if folder.is_dir() else None
    if document is None:
        raise ProjectError(
            f"--from-rehearsal: {folder} holds no {REHEARSAL}.",
            hint="Name the folder of a rehearsal that came to its end, such as runs/rehearsals/20261121-184430.",
        )
    dbms = _dbms(document)
    if dbms != kind:
        raise ProjectError(
            f"--from-rehearsal: {folder} was a rehearsal on {dbms}, and the estate is on {kind}.",
            hint="Rehearse on the same DBMS.",
        )
    try:
        return measurements(document)
    except (KeyError, TypeError, ValueError):
        raise ProjectError(
            f"--from-rehearsal: {folder / REHEARSAL} is not what this tool wrote there.", hint="Rehearse once more."
        ) from None


def _kept(order: Order, kind: str) -> Iterator[list[Measured]]:
    """Every rehearsal of the project on this DBMS; one that was spoiled is as good as none."""
    for file in sorted(order.rehearsals.glob(f"*/{REHEARSAL}")):
        try:
            yield _named(file.parent, kind)
        except ApimUpgradeError:
            continue


def _dbms(document: dict[str, Any]) -> str:
    server = document.get("server")
    return str(server.get("dbms")) if isinstance(server, dict) else "an unknown DBMS"
