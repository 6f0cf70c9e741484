"""What ``run``, ``verify`` and ``commit`` have to say at the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.execution import Checked, Order

_SHOWN = 20


def exit_code(checked: Checked) -> int:
    """0 where everything is done and proven, 1 otherwise."""
    return 0 if checked.verification.holds and not checked.document["totals"]["failed"] else 1


def already_committed(command: str, settings: Settings, order: Order) -> bool:
    """Whether this order was carried out to its end before; says so then."""
    from apim_upgrade.execution import committed, find_run

    if find_run(order) is not None or (before := committed(order)) is None:
        return False
    settings.output.result(
        command,
        {"run": before.journal["run"], "state": "committed", "report": str(before.folder.file("report.html"))},
        lambda: [before.sentence, before.hint],
    )
    return True


def print_checked(command: str, settings: Settings, checked: Checked) -> None:
    """Print the result as a person or as a program wants it."""
    document = checked.document
    result = {key: document[key] for key in ("run", "state", "totals", "proofs")}
    result["items"] = [item for item in document["items"] if item["verdict"] == "failed"]
    result["report"] = str(checked.page)
    settings.output.result(command, result, lambda: _text(checked))


def _text(checked: Checked) -> Iterator[RenderableType]:
    document = checked.document
    run, totals = document["run"], document["totals"]
    held = sum(proof["holds"] for proof in document["proofs"])
    yield f"API Manager {run['source']} to {run['target']}: {document['state']}"
    yield (
        f"{totals['steps']} steps in {totals['seconds']:.1f} s, {totals['changed']:,} rows changed, "
        f"{totals['failed']:,} items failed, {totals['skipped']:,} left alone, {totals['noted']:,} remarks"
    )
    yield f"{held} of {len(document['proofs'])} proofs hold"
    for proof in document["proofs"]:
        if not proof["holds"]:
            yield f"  FAILS: {proof['found']:,} {proof['title']}"
            yield from (f"    {line}" for line in proof["sample"])
    failed = [item for item in document["items"] if item["verdict"] == "failed"]
    for item in failed[:_SHOWN]:
        yield f"  failed: {item['item']}: {item['reason']} {item['action']}"
    if len(failed) > _SHOWN:
        yield f"  … and {len(failed) - _SHOWN:,} more in the report"
    yield f"Report: {checked.page}"
