"""``run``: upgrade, or go on with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import H2_JAR, SOURCE, TARGET, order_from
from apim_upgrade.cli.output import consent
from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.summary import already_committed, exit_code, print_checked

if TYPE_CHECKING:
    from apim_upgrade.execution import Order, Wish


def command(
    settings: Settings,
    target: TARGET = None,
    source: SOURCE = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Change the databases themselves instead of copies.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Take the items that failed once more, and what builds on them.")
    ] = False,
    backup: Annotated[
        Path | None,
        typer.Option("--backup", metavar="DIR", help="Back the databases up into a new folder under DIR first."),
    ] = None,
    no_prove: Annotated[
        bool, typer.Option("--no-prove", help="Do not prove the backup by restoring it; the report will say so.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would be done.")] = False,
    override_order: Annotated[
        str | None,
        typer.Option("--override-order", metavar="REASON", help="Why this environment comes before its turn."),
    ] = None,
    h2_jar: H2_JAR = None,
) -> int:
    """
    Upgrade the estate; after any interruption, go on where it stopped.

    Side by side, the databases are copied on their server and only the copies are changed. At the end the result is
    proven and a report written. Where upgrade.toml says move_to, the data is moved to that DBMS first, compared, and
    upgraded there. Items that could not be done do not stop the others: they are named in the report with what to do,
    and the exit code is 1.

    With --backup, the server's own tools dump the databases first, and every dump is restored into a database of its
    own and compared, row by row, before anything is changed. In place this is always done, under the run folder where
    no other is named; `rollback` restores from there.

    Where the project file names environments, a run begins only when the same plan has succeeded in those before this
    one in [environments] order. --override-order begins it all the same; the reason is kept in journal and report.
    """
    from apim_upgrade.execution import find_run, prove, record_success, run, written_since

    order = order_from(settings, target=target, in_place=in_place, reason=override_order, h2_jar=h2_jar)
    wish = _wish(order, backup, prove=not no_prove)
    if already_committed("run", settings, order):
        return 0
    if dry_run:
        return _foretell(settings, order, source)
    if order.in_place and find_run(order) is None:
        question = written_since(order) if order.moved_from else _warning(order, wish)
        if question:
            consent(question, given=settings.yes)
    with show_progress() as progress:
        run(order, source, retry_failed=retry_failed, listener=progress, say=progress.say, backup=wish)
        progress.say("Proving the result")
        checked = prove(order)
    code = exit_code(checked)
    if code == 0:
        record_success(order, checked.document["run"]["id"])
    print_checked("run", settings, checked)
    return code


def _foretell(settings: Settings, order: Order, source: str | None) -> int:
    from apim_upgrade.execution import blockers, find_run, foresee, out_of_order, preflight, status_of

    record = find_run(order)
    if record is not None:
        status = status_of(order)
        settings.output.result(
            "run",
            {"dry_run": True, "resumes": status.as_json()},
            lambda: [
                f"Would go on with run {record.run_id}, {record.source} to {record.target}: "
                f"{status.done} of {status.total} steps are done. Nothing was changed."
            ],
        )
        return 0
    prospect = foresee(order, source)
    stoppers = [violation.sentence() for violation in prospect.stoppers]
    stoppers += blockers(preflight(order, prospect.estate))
    turn = out_of_order(order, prospect.plan.fingerprint)
    if turn:
        settings.output.warn(turn)
    settings.output.result(
        "run",
        {**prospect.plan.as_json(), "schema": "apim-upgrade/run/1", "dry_run": True, "stoppers": stoppers},
        lambda: [
            *(f"{step.phase:<9} {step.database:<8} {step.name}: {step.title}" for step in prospect.plan.steps),
            *(f"in the way: {sentence}" for sentence in stoppers),
            f"\n{len(prospect.plan.steps)} steps would run; nothing was changed.",
        ],
    )
    return 3 if stoppers else 0


def _wish(order: Order, folder: Path | None, *, prove: bool) -> Wish | None:
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.execution import DEFAULT_BACKUPS, Wish

    if order.moved_from and (folder is not None or not prove):
        raise ProjectError(
            "A backup has no meaning here: the data is moved to other databases.", hint="Leave --backup out."
        )
    if folder is None and order.in_place and not order.moved_from:
        return None if prove else Wish(order.runs / DEFAULT_BACKUPS, prove=False)
    if folder is None and not prove:
        raise ProjectError("--no-prove says something about a backup, and none is taken.", hint="Give --backup DIR.")
    return None if folder is None else Wish(folder.absolute(), prove)


def _warning(order: Order, wish: Wish | None) -> str:
    from apim_upgrade.execution import DEFAULT_BACKUPS

    names = " and ".join(str(address) for address in order.addresses.values())
    folder = wish.folder if wish else order.runs / DEFAULT_BACKUPS
    return f"The databases {names} will be changed themselves, after a backup of them was written to {folder}."
