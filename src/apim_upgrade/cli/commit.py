"""``commit``: accept the result; the point of no return."""

from __future__ import annotations

from typing import Annotated

import typer

from apim_upgrade.cli.ordering import IN_PLACE, TARGET, order_from
from apim_upgrade.cli.output import consent
from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.summary import already_committed, exit_code, print_checked


def command(
    settings: Settings,
    target: TARGET = None,
    in_place: IN_PLACE = False,
    accept_failed: Annotated[
        bool, typer.Option("--accept-failed", help="Accept items that failed and cannot be mended.")
    ] = False,
) -> int:
    """
    Drop what only the old release used, and the tool's own tables. There is no way back.

    Refuses while a step is open, an item has failed, or a proof does not hold. The journal is exported to the run
    folder first, and so are rows that were moved aside. Originals of a side-by-side upgrade are not touched.

    With --accept-failed, items that failed are accepted as they are; a schema or a row count that is not proven never
    is.
    """
    from apim_upgrade.execution import commit, record_success

    order = order_from(settings, target=target, in_place=in_place)
    if already_committed("commit", settings, order):
        return 0
    names = " and ".join(str(database.address) for database in order.targets().values())
    consent(f"What only the old release used will be dropped from {names}, for good.", given=settings.yes)
    with show_progress() as progress:
        checked = commit(order, progress, accept_failed=accept_failed)
    code = 0 if accept_failed else exit_code(checked)
    if code == 0:
        record_success(order, checked.document["run"]["id"])
    print_checked("commit", settings, checked)
    return code
