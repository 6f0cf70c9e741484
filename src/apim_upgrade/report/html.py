"""The report as one HTML file that needs nothing beside it: mailable, printable, readable at 2 a.m."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

_SHOWN = 1000
"""Items of one verdict on the page; a browser shows no table of a hundred thousand rows."""


def render(document: Mapping[str, Any]) -> str:
    """Return the page; everything from the estate is escaped."""
    environment = Environment(
        loader=PackageLoader("apim_upgrade.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["duration"] = _duration
    return environment.get_template("report.html").render(report=document, shown=_SHOWN)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
