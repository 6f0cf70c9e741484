"""The report: self-contained, escaped, and telling everything a person needs to know."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from apim_upgrade.report import render, state_of_steps
from conftest import Pair
from execution.conftest import site
from execution.site import Site, change

__all__ = ["site"]
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The one report that the tests of this file read."""
    return {}


@pytest.fixture
def document(made: dict[str, Any], site: Callable[..., Site], sample_estate: Callable[..., Pair]) -> dict[str, Any]:
    """The report of a run on an estate with a hostile name and a broken artifact."""
    if not made:
        made.update(_report_of_a_run(site, sample_estate))
    return deepcopy(made)


def _report_of_a_run(site: Callable[..., Site], sample_estate: Callable[..., Pair]) -> dict[str, Any]:
    pair = sample_estate("3.2.0", apis=6, tenants=1)
    broken = (
        "reg_content_id = (SELECT max(r.reg_content_id) FROM reg_resource r JOIN reg_path p USING (reg_path_id) "
        "WHERE r.reg_name = 'api' AND p.reg_path_value LIKE '/\\_system/governance/apimgt/applicationdata/provider/%')"
    )
    change(pair.shared, f"UPDATE reg_content SET reg_content_data = '<broken' WHERE {broken}")
    here = site(pair, "4.2.0")
    assert here("run").code == 1
    answer = here("report", "--out", str(here.folder / "copy.html"), "--format", "json")
    assert answer.code in (0, None)
    assert (here.folder / "copy.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    cannot = here("report", "--out", str(here.folder / "none" / "copy.html"))
    assert cannot.code == 3
    found: dict[str, Any] = answer.document
    return found


def test_the_page_tells_what_failed_what_is_next_the_rows_and_the_proofs(document: dict[str, Any]) -> None:
    failed = [item for item in document["items"] if item["verdict"] == "failed"]
    assert failed
    page = html.fromstring(render(document))
    text = page.text_content()
    for item in failed:
        assert item["item"] in text
        assert item["reason"] in text
        assert item["action"] in text
    for proof in document["proofs"]:
        assert proof["title"] in text
    changed = [table for table in document["tables"] if table["before"] != table["after"]]
    assert changed
    assert all(f"{table['database']}.{table['table'].upper()}" in text for table in changed)
    assert document["state"] in text


def test_the_page_needs_nothing_beside_it_and_runs_nothing(document: dict[str, Any]) -> None:
    hostile = {**document, "items": [{**item, "item": HOSTILE, "reason": HOSTILE} for item in document["items"]]}
    hostile["estate"] = {"name": HOSTILE, "closing": "</code></pre>"}
    hostile["run"] = {**document["run"], "source": HOSTILE}
    hostile["remarks"] = [HOSTILE]
    text = render(hostile)
    page = html.fromstring(text)
    assert page.xpath("//script | //link | //img | //iframe | //object | //base | //meta[@http-equiv]") == []
    assert all(reference.startswith("#") for reference in page.xpath("//@href | //@src"))
    assert "url(" not in text
    assert "@import" not in text
    assert HOSTILE in page.text_content()
    assert page.xpath("//@*[starts-with(name(), 'on')]") == []


def test_the_page_of_an_unfinished_run_says_so(document: dict[str, Any]) -> None:
    text = html.fromstring(render({**document, "state": "in progress", "proofs": [], "tables": []})).text_content()
    assert "nothing can be proven yet" in text
    assert "Not counted yet" in text


def test_a_page_stays_readable_however_much_failed(document: dict[str, Any]) -> None:
    item = {"step": "s", "item": "API", "verdict": "failed", "reason": "r", "action": "a"}
    page = render({**document, "items": [item] * 50_000})
    assert len(page) < 2_000_000
    assert "And 49,000 more" in page


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        ([], "in progress"),
        ([("prepare", "done")], "in progress"),
        ([("finish", "done"), ("migrate", "failed")], "stopped"),
        ([("finish", "again")], "in progress"),
        ([("finish", "done"), ("commit", "failed")], "done"),
    ],
)
def test_the_state_is_told_from_the_steps(steps: list[tuple[str, str]], state: str) -> None:
    assert state_of_steps([{"phase": phase, "state": each} for phase, each in steps]) == state


def test_times_are_told_in_the_two_largest_units(document: dict[str, Any]) -> None:
    steps = [{**document["steps"][0], "seconds": seconds} for seconds in (0.5, 42, 125, 7325)]
    text = html.fromstring(render({**document, "steps": steps})).text_content()
    assert all(told in text for told in ("0.50 s", "42 s", "2 min 05 s", "2 h 02 min"))


def test_reports_lie_in_the_run_folder(site: Callable[..., Site]) -> None:
    here = site()
    assert here("run").code == 0
    (page,) = here.runs.glob("*/report.html")
    assert {file.name for file in Path(page).parent.iterdir()} == {
        "plan.json",
        "estate.json",
        "estimate.json",
        "report.json",
        "report.html",
    }
