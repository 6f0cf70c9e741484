"""The report for programs."""

from __future__ import annotations

import json

from apim_upgrade.checks.model import Severity
from apim_upgrade.checks.outputs.document import document
from apim_upgrade.checks.report import Report


def render(report: Report, fail_on: Severity) -> str:
    """Return one JSON object."""
    return json.dumps(document(report, fail_on), indent=2, ensure_ascii=False) + "\n"
