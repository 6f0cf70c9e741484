"""``rollback``: take an upgrade back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import H2_JAR, IN_PLACE, TARGET, order_from
from apim_upgrade.cli.output import consent
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.execution import Checked


def command(
    settings: Settings,
    target: TARGET = None,
    in_place: IN_PLACE = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="DIR", help="Where to keep what servers wrote since, instead of the run folder."
        ),
    ] = None,
    backup: Annotated[
        Path | None,
        typer.Option("--backup", metavar="DIR", help="Where the backup of a run in place lies, if it was moved."),
    ] = None,
    accept_unproven: Annotated[
        bool, typer.Option("--accept-unproven", help="Rely on a backup that was never proven by restoring it.")
    ] = False,
    from_backup: Annotated[
        bool,
        typer.Option("--from-backup", help="In place, restore the backup even where every step can be undone."),
    ] = False,
    h2_jar: H2_JAR = None,
) -> int:
    """
    Take the upgrade back. Possible until commit, at any step of a run.

    Side by side, the upgraded copies are dropped; the originals were never touched. In place, as long as every step can
    be undone, they are, and every table is compared with what was backed up. Else the backup that the run began with is
    restored beside the databases and compared with what was backed up; then they change places, and the upgraded ones
    are dropped. Of an estate that was moved to another DBMS, everything that was made there is dropped.

    Stop the servers of the new release first. What they wrote since the upgrade and the databases as they were do not
    hold (subscriptions, applications, keys, APIs …) is written to files before anything goes, a file for each table
    with whole rows: they hold secrets, and only you may read them. The run folder keeps the report of the run.
    """
    from apim_upgrade.execution import Way, committed, find_run, foretold, rollback, rolled_back

    order = order_from(settings, target=target, in_place=in_place, h2_jar=h2_jar)
    way = Way(export, backup, accept_unproven, from_backup)
    before = rolled_back(order)
    if before is not None and before.done and find_run(order) is None and committed(order) is None:
        settings.output.result(
            "rollback", {"run": before.run, "state": "rolled back"}, lambda: [before.sentence, "Nothing is left to do."]
        )
        return 0
    question = foretold(order, way)
    if question:
        consent(question, given=settings.yes)
    checked = rollback(order, way, settings.output.say)
    if checked is None:
        what = "What was moved was dropped" if order.moved_from else "Unfinished copies were dropped"
        told = f"{what}; no run was begun."
        settings.output.result("rollback", {"run": None, "state": "not begun"}, lambda: [told])
        return 0
    found = checked.document
    result = {"run": found["run"], "state": found["state"], **found["rollback"], "report": str(checked.page)}
    settings.output.result("rollback", result, lambda: _text(checked))
    return 0


def _text(checked: Checked) -> Iterator[RenderableType]:
    run, rollback = checked.document["run"], checked.document["rollback"]
    yield f"API Manager {run['source']} to {run['target']}: rolled back {rollback['words']}"
    if rollback["compared"]:
        yield "Every table holds again what it held when it was backed up."
    kept = [table for table in rollback["written"] if table["file"]]
    if kept:
        rows = sum(table["new"] + table["changed"] for table in kept)
        yield f"{rows:,} rows of {len(kept)} tables were written since the upgrade; they are kept in"
        yield f"  {rollback['folder']}"
        yield "These files hold secrets: only you may read them, and they are not deleted by this tool."
    else:
        yield "Nothing had been written since the upgrade."
    yield f"Report: {checked.page}"
