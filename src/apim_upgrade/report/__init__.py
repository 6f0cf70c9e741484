"""Renders what was found and done."""

from apim_upgrade.report.document import (
    COMMITTED,
    DONE,
    IN_PROGRESS,
    ROLLED_BACK,
    STOPPED,
    read_journal,
    report_document,
    rolled_back_document,
    state_of_steps,
)
from apim_upgrade.report.html import render, render_rehearsal

__all__ = [
    "COMMITTED",
    "DONE",
    "IN_PROGRESS",
    "ROLLED_BACK",
    "STOPPED",
    "read_journal",
    "render",
    "render_rehearsal",
    "report_document",
    "rolled_back_document",
    "state_of_steps",
]
