"""The report for programs."""

from __future__ import annotations

import json

from apim_upgrade.checks.model import Report, Severity
from apim_upgrade.checks.outputs.document import document


def render(report: Report, fail_on: Severity) -> str:
    """Return one JSON object."""
    return json.dumps(document(report, fail_on), indent=2, ensure_ascii=False) + "\n"
