"""What holds for every rule, whoever wrote it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from apim_upgrade.checks import Severity, all_rules
from apim_upgrade.releases import sources
from checks.planting import Field
from conftest import shared_path

TOOL = Path(__file__).parents[2] / "tools" / "write_rules.py"
NOT_CHECKED = Path(__file__).parents[2] / "docs" / "problems-not-checked.md"
WHICH = [str(release) for release in sources()]


@pytest.mark.parametrize("source", WHICH)
def test_a_clean_estate_gives_nothing_above_info(field: Field, source: str) -> None:
    found = [each for each in field.found(source=source) if each.severity > Severity.INFO]
    assert [(each.code, each.message) for each in found] == []


@pytest.mark.parametrize("source", WHICH)
def test_every_rule_can_be_carried_out_on_a_worn_estate(field: Field, source: str) -> None:
    report = field.report(source=source, blemishes=True)
    assert [(each.rule.code, each.reason) for each in report.unchecked] == []
    assert all(each.message.endswith((".", ")")) and each.next for each in report.findings)
    assert report.looked_at


def test_every_rule_counts_what_it_looks_at(field: Field) -> None:
    silent = []
    for rule in all_rules():
        report = field.report(rule.code, source="3.2.0", target="4.7.0")
        if report.tallies and not report.looked_at:
            silent.append(rule.code)
    assert silent == []


def test_the_pages_of_rules_are_what_the_rules_say() -> None:
    spec = importlib.util.spec_from_file_location("write_rules", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = {file.name: file.read_text(encoding="utf-8") for file in module.FOLDER.glob("*.md")}
    assert written == module.pages()


def test_every_known_failure_is_foreseen_by_a_rule_or_is_listed_once_with_the_reason_why_not() -> None:
    known = json.loads(shared_path("facts", "problems", "problems.json").read_text(encoding="utf-8"))["problems"]
    ids = {problem["id"] for problem in known}
    named = {problem for rule in all_rules() for problem in rule.problems}
    assert named <= ids
    rows = [line.split("|")[1:-1] for line in NOT_CHECKED.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    listed = [cells[0].strip() for cells in rows[2:]]
    assert listed == sorted(ids - named)
    assert all(cells[1].strip().endswith(".") for cells in rows[2:])
