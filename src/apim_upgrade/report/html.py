"""The report as one HTML file that needs nothing beside it: mailable, printable, readable at 2 a.m."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apim_upgrade.html import page

_SHOWN = 1000
"""Items of one verdict on the page; a browser shows no table of a hundred thousand rows."""


def render(document: Mapping[str, Any]) -> str:
    """Return the report's page; everything from the estate is escaped."""
    return page("apim_upgrade.report", "report.html", report=document, shown=_SHOWN)


def render_rehearsal(document: Mapping[str, Any]) -> str:
    """Return the page of a rehearsal; everything from the estate is escaped."""
    return page("apim_upgrade.report", "rehearsal.html", rehearsal=document)
