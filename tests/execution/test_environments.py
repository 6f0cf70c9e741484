"""An environment has its turn when the same plan has succeeded in those before it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Pair
from execution.conftest import SOURCE
from execution.site import Site, scalar


@pytest.fixture
def two(site: Callable[..., Site], sample_estate: Callable[..., Pair]) -> Site:
    """``dev`` and ``prod``: two estates of one shape; ``prod`` is what the file names first."""
    prod = site()
    dev = site(sample_estate(SOURCE, apis=6, tenants=1))
    lines = ["", "[environments]", 'order = ["dev", "prod"]']
    for name, each in dev.pair.by_name().items():
        address = each.address
        lines += [f"[environment.dev.database.{name}]"]
        lines += [f'url = "postgresql://postgres@/{address.database}?host={address.host}"']
        lines += [f'clone = "{address.database}_up"']
    with prod.file.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return prod


def _history(here: Site) -> list[dict[str, str]]:
    text = (here.runs / "environments.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["succeeded"]


def test_production_waits_for_the_environments_before_it(two: Site) -> None:
    before = two.originals()
    early = two("run", "--env", "prod", "--yes")
    assert early.code == 5
    assert early.problem[0] == "It is not the turn of prod: this plan has not succeeded in dev yet."
    assert "--override-order" in early.problem[1]
    assert "It is not the turn of prod" in two("plan", "--env", "prod").err
    assert "It is not the turn of prod" in two("run", "--env", "prod", "--dry-run").err
    assert two("status", "--env", "prod", "--format", "json").document["state"] == "not begun"

    assert two("run", "--env", "dev").code == 0
    assert [each["environment"] for each in _history(two)] == ["dev"]
    assert "not the turn" not in two("plan", "--env", "prod").err
    done = two("run", "--env", "prod", "--override-order", "not needed", "--format", "json")
    assert done.code == 0
    run = done.document["run"]
    assert run["environment"] == {"name": "prod", "untried": [], "reason": None}
    assert two("commit", "--env", "prod", "--yes").code == 0
    entries = _history(two)
    assert [each["environment"] for each in entries] == ["dev", "prod"]
    assert entries[0]["plan"] == entries[1]["plan"]
    assert entries[1]["run"] == run["id"]
    assert (two.runs / "prod" / run["id"] / "report.html").exists()
    assert two.originals() == before


def test_an_order_that_is_overridden_leaves_its_reason(two: Site) -> None:
    assert "no reason is given" in two("run", "--env", "prod", "--override-order", " ").problem[0]
    done = two("run", "--env", "prod", "--override-order", "an outage <of dev>", "--format", "json")
    assert done.code == 0
    kept = {"name": "prod", "untried": ["dev"], "reason": "an outage <of dev>"}
    assert done.document["run"]["environment"] == kept
    assert "an outage <of dev>" in scalar(two.upgraded.am, "SELECT settings FROM apim_upgrade_run")
    page = Path(done.document["report"]).read_text(encoding="utf-8")
    assert "before its turn" in page
    assert "an outage &lt;of dev&gt;" in page


def test_a_copy_of_another_environment_is_never_taken_for_this_ones(two: Site) -> None:
    assert two("run", "--env", "dev").code == 0
    dev, prod = (text.split("clone = ")[1].split("\n")[0] for text in _am_tables(two))
    two.edit(f"clone = {prod}", f"clone = {dev}")
    for command in ("run", "status", "commit"):
        answer = two(command, "--env", "prod", "--yes")
        assert answer.code == 3
        assert "was made of the database" in answer.problem[0]


def _am_tables(here: Site) -> tuple[str, str]:
    text = here.file.read_text(encoding="utf-8")
    return text.split("[environment.dev.database.am]")[1], text.split("[database.am]")[1]


def test_what_is_wrong_with_environments_is_told(two: Site, site: Callable[..., Site]) -> None:
    for command in ("inspect", "check", "plan", "run", "status", "verify", "report", "commit"):
        answer = two(command)
        assert answer.code == 2
        assert "say with --env which is meant" in answer.problem[0]
    assert "has no environments" in site()("run", "--override-order", "x").problem[0]
    two.runs.mkdir(exist_ok=True)
    for spoiled in ("[[succeeded]]\nplan = 1\n", "<<<<<<< HEAD\n", "succeeded = 1"):
        (two.runs / "environments.toml").write_text(spoiled, encoding="utf-8")
        answer = two("plan", "--env", "prod")
        assert answer.code == 2
        assert "environments.toml is not what this tool wrote there" in answer.problem[0]
