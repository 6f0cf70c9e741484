"""Renders what was found and done."""

from apim_upgrade.report.document import read_journal, report_document
from apim_upgrade.report.html import render

__all__ = ["read_journal", "render", "report_document"]
