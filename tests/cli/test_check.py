"""``check`` and ``rule`` as an operator meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.checks import all_rules
from apim_upgrade.cli import main
from conftest import Pair, Server, kept_sample
from execution.site import change

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project_for(tmp_path: Path) -> Callable[..., str]:
    def write(pair: Pair, more: str = "") -> str:
        file = tmp_path / "upgrade.toml"
        lines = ['target = "4.4.0"']
        for name, database in pair.by_name().items():
            address = database.address
            lines += [f"[database.{name}]", f'url = "postgresql://postgres@/{address.database}?host={address.host}"']
        file.write_text("\n".join([*lines, more]), encoding="utf-8")
        return str(file)

    return write


def test_a_clean_estate_ends_with_what_was_looked_at(
    capsys: Capture, databases: Server, project_for: Callable[..., str]
) -> None:
    assert main(["check", "--project", project_for(kept_sample(databases, "4.2.0"))]) == 0
    shown = capsys.readouterr()
    assert "36 APIs checked" in shown.out
    assert "BLOCKER" not in shown.out
    assert "\nFound: " in shown.out
    assert "rules done in" in shown.err


def test_findings_decide_the_exit_code(
    capsys: Capture, sample_estate: Callable[..., Pair], project_for: Callable[..., str], tmp_path: Path
) -> None:
    pair = sample_estate("4.2.0")
    uuid = "(SELECT min(reg_uuid) FROM reg_resource WHERE reg_name = 'api' AND reg_media_type LIKE '%vnd.wso2-api+xml')"
    change(pair.shared, f"UPDATE reg_resource SET reg_uuid = 'other' WHERE reg_uuid = {uuid}")
    change(pair.am, "UPDATE am_api SET api_name = 'Else' WHERE api_uuid = (SELECT min(api_uuid) FROM am_api)")
    project = project_for(pair)
    check = ["check", "--project", project, "--select", "REG001,REG002"]
    assert main(check) == 1
    assert "the registry has no artifact of it" in capsys.readouterr().out
    assert main([*check, "--fail-on", "blocker"]) == 0
    assert main([*check, "--ignore", "REG001", "--ignore", "REG002"]) == 0
    assert "Found: nothing" in capsys.readouterr().out
    accepted = tmp_path / "baseline.toml"
    entries = [f'[[accept]]\ncode = "{code}"\nreason = "We know."\n' for code in ("REG001", "REG002")]
    accepted.write_text("\n".join(entries), encoding="utf-8")
    assert main([*check, "--baseline", str(accepted)]) == 0
    assert "2 accepted by the baseline" in capsys.readouterr().out
    project_for(pair, '[check]\nbaseline = "baseline.toml"\nfail_on = "info"')
    assert main([*check, "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["accepted"]) == 2


def test_a_report_goes_to_a_file(
    capsys: Capture, databases: Server, project_for: Callable[..., str], tmp_path: Path
) -> None:
    page = tmp_path / "check.html"
    check = ["check", "--project", project_for(kept_sample(databases, "4.2.0")), "--select", "DB"]
    assert main([*check, "--format", "html", "--output", str(page)]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"Written to {page}" in shown.err
    assert "tables checked" in shown.err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main([*check, "--output", str(tmp_path / "no" / "such")]) == 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--select", "XYZ"], "--select: no rule begins with XYZ"),
        (["--to", "soon"], "--to: 'soon' is not a release number"),
        (["--to", "4.0.0"], "is not later"),
        (["--baseline", "no-such.toml"], "cannot be read"),
        (["--format", "xml"], "xml"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_wrong_usage_cannot_check(
    capsys: Capture, databases: Server, project_for: Callable[..., str], arguments: list[str], told: str
) -> None:
    assert main(["check", "--project", project_for(kept_sample(databases, "4.2.0")), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in next(line for line in shown.err.splitlines() if line.startswith("error: "))


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('fail_on = "worst"', "check.fail_on is 'worst'"),
        ('baselin = "x"', "check.baselin is not known (did you mean baseline?)"),
        ('home = "nowhere"', "check.home names"),
        ('[[check.keystore]]\nfile = "nowhere.jks"', "check.keystore.file names"),
        ('end_of_support = { "4" = 2026-01-01 }', "check.end_of_support: '4'"),
    ],
)
def test_a_wrong_check_table_is_refused(
    capsys: Capture, databases: Server, project_for: Callable[..., str], table: str, told: str
) -> None:
    project = project_for(kept_sample(databases, "4.2.0"), f"[check]\n{table}")
    assert main(["check", "--project", project]) == 2
    assert told in capsys.readouterr().err


def test_end_of_support_is_the_operators_word(
    capsys: Capture, databases: Server, project_for: Callable[..., str]
) -> None:
    pair = kept_sample(databases, "4.2.0")
    project = project_for(pair, '[check.end_of_support]\n"4.4.0" = 2020-01-01')
    assert main(["check", "--project", project, "--select", "ENV002"]) == 1
    assert "Support of 4.4.0 ended on 2020-01-01." in capsys.readouterr().out


def test_a_rule_can_be_looked_up(capsys: Capture) -> None:
    assert main(["rule", "reg001"]) == 0
    assert capsys.readouterr().out.startswith("# REG001: API without an artifact in the registry\n")
    assert main(["rule"]) == 0
    listed = capsys.readouterr().out
    assert all(rule.code in listed for rule in all_rules())
    assert main(["rule", "REG", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {rule["family"] for rule in document["rules"]} == {"REG"}
    assert main(["rule", "NOPE1"]) == 2
