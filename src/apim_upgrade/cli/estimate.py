"""``estimate``: how long an upgrade will take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import IN_PLACE, SOURCE, TARGET, order_from
from apim_upgrade.cli.output import make_table
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.planning import Estimate

_SHOWN = 15


def command(
    settings: Settings,
    target: TARGET = None,
    source: SOURCE = None,
    in_place: IN_PLACE = False,
    from_rehearsal: Annotated[
        list[Path] | None,
        typer.Option(
            "--from-rehearsal", metavar="FOLDER", help="Learn from this rehearsal; may be given several times."
        ),
    ] = None,
) -> None:
    """
    Say how long the upgrade of the estate will take, step by step, and between which bounds. Nothing is changed.

    It learns from rehearsals: without --from-rehearsal, from all that the run folder keeps. Each step's time is a line
    over the rows and bytes of the tables it has to do with; rehearsals of two sizes tell more than one. Without any,
    measurements that the tool carries are taken, and said to be so: of made-up estates, on another machine.
    """
    from apim_upgrade.execution import forecast, foresee

    order = order_from(settings, target=target, in_place=in_place)
    settings.output.say("Reading the estate")
    prospect = foresee(order, source)
    told = forecast(order, prospect, from_rehearsal or [])
    settings.output.result(
        "estimate",
        {"from": prospect.plan.source, "to": prospect.plan.target, "estimate": told.as_json()},
        lambda: _text(told),
    )
    for warning in prospect.estate.warnings:
        settings.output.warn(warning)


def total(told: Estimate) -> str:
    """The whole in one sentence."""
    from apim_upgrade.cli.progress_views import duration

    return (
        f"About {duration(told.seconds)}, between {duration(told.low)} and {duration(told.high)}; from {told.source}."
    )


def _text(told: Estimate) -> Iterator[RenderableType]:
    yield make_table(
        "By phase",
        ("phase", "about", "at least", "at most"),
        ((phase, *(shown_seconds(each) for each in sums)) for phase, sums in told.by_phase().items()),
    )
    longest = sorted(told.steps, key=lambda each: -each.seconds)[:_SHOWN]
    yield make_table(
        "The longest",
        ("step", "from", "about", "at least", "at most"),
        (
            (each.step, each.basis, shown_seconds(each.seconds), shown_seconds(each.low), shown_seconds(each.high))
            for each in longest
        ),
        words=2,
    )
    yield total(told)


def shown_seconds(seconds: float) -> str:
    """A time span, with fractions where it is short."""
    from apim_upgrade.cli.progress_views import duration

    return duration(seconds) if seconds >= 10 else f"{seconds:.2f} s"
