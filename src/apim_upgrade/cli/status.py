"""``status``: how far a run is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from apim_upgrade.cli.ordering import IN_PLACE, TARGET, order_from
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.execution import Status


def command(settings: Settings, target: TARGET = None, in_place: IN_PLACE = False) -> None:
    """
    Say how far the run is, what failed, and what to do next. Nothing is changed.

    May be asked at any time, while a run is at work too.
    """
    from apim_upgrade.execution import status_of

    status = status_of(order_from(settings, target=target, in_place=in_place))
    settings.output.result("status", status.as_json(), lambda: _text(status))


def _text(status: Status) -> Iterator[RenderableType]:
    if status.run is None:
        yield f"No run to API Manager {status.target} was begun, or its copies are not made yet."
    else:
        yield f"Run {status.run}: API Manager {status.source} to {status.target}, begun {status.started} UTC"
        yield f"{status.done} of {status.total} steps done, {status.failed_items:,} items failed"
    if status.stopped:
        yield f"Stopped at {status.stopped}: {status.reason}"
    yield f"State: {status.state}"
    if status.way_back:
        yield f"Way back: {status.way_back}"
    yield f"Next: {status.next}"
