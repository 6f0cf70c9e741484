"""``report``: write the report of a run anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from apim_upgrade.cli.ordering import IN_PLACE, TARGET, order_from
from apim_upgrade.cli.settings import Settings


def command(
    settings: Settings,
    target: TARGET = None,
    in_place: IN_PLACE = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Copy the HTML page to this file as well.")
    ] = None,
) -> None:
    """
    Write the report of the run, as one HTML file and as JSON beside it. Nothing is changed.

    It tells what was found and done, how long each step took, what failed and what to do about it, the rows of every
    table before and after, and the proofs; of a run that is not finished, what there is so far.
    """
    from apim_upgrade.errors import EnvironmentProblem
    from apim_upgrade.execution import report

    checked = report(order_from(settings, target=target, in_place=in_place))
    page = checked.page
    if out is not None:
        try:
            out.write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
        except OSError as error:
            raise EnvironmentProblem(
                f"{out} cannot be written: {error.strerror}.", hint="Make room, or name another file."
            ) from None
        page = out
    settings.output.result("report", checked.document, lambda: [str(page)])
