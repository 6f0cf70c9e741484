"""A report in the forms that people and machines read; each module has ``render(report, fail_on) -> str``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.report import Report

FORMATS = ("text", "json", "html", "sarif", "junit", "markdown")


def render(report: Report, form: str, fail_on: Severity) -> str:
    """Return the report in one of :data:`FORMATS`; ends with a line break."""
    module = "json_" if form == "json" else form
    made: Callable[[Report, Severity], str] = import_module(f"{__name__}.{module}").render
    return made(report, fail_on)
