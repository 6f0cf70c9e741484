"""
Finds everything that would break before anything changes, and says how to mend it; read only.

A rule is a function below ``rules/``; ``docs/checks.md`` says how one is written.
"""

from apim_upgrade.checks.baseline import Baseline, read_baseline
from apim_upgrade.checks.model import Api, Finding, Repair, Row, Severity, Spot
from apim_upgrade.checks.report import Report, Reported, Unchecked
from apim_upgrade.checks.rule import FAMILIES, Rule, all_rules, rule
from apim_upgrade.checks.runner import check
from apim_upgrade.checks.selection import selected
from apim_upgrade.checks.subject import Subject, open_subject

__all__ = [
    "FAMILIES",
    "Api",
    "Baseline",
    "Finding",
    "Repair",
    "Report",
    "Reported",
    "Row",
    "Rule",
    "Severity",
    "Spot",
    "Subject",
    "Unchecked",
    "all_rules",
    "check",
    "open_subject",
    "read_baseline",
    "rule",
    "selected",
]
