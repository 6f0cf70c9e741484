"""Where it is wanted, a run repairs definitions on the copies; commit hands over what stood there before."""

from __future__ import annotations

import io
import json
import re
import zipfile
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apim_upgrade.databases import Database
from checks.test_definition_rules import replaced
from conftest import Pair
from execution.site import Site, change, scalar

DOCS = Path(__file__).parents[2] / "docs" / "checks.md"

TWICE = json.dumps(
    {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {
            path: {"get": {"operationId": "same", "responses": {"200": {"description": "d"}}}} for path in ("/a", "/b")
        },
    }
)
MOVING = json.dumps(
    {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {"a": {"get": {"responses": {"200": {"description": "d"}}}}},
    }
)
PLANTED = "SELECT count(*) FROM reg_content WHERE reg_content_data = convert_to('{}', 'UTF8')"


MENDED = "the operationId same, used before, is same_2"


def after_commit(line: dict[str, Any]) -> str:
    """The manual's statement that takes a repair back once the run is committed, with the values of a line."""
    section = DOCS.read_text(encoding="utf-8").partition("### Taking a repair back")[2]
    statement = re.findall(r"```sql\n(.*?)\n```", section, re.DOTALL)[1]
    return re.sub(r"<(\w+)>", lambda found: str(line[found.group(1)]), statement)


def operation_ids(am: Database) -> list[set[str]]:
    """The operationIds in each gateway artifact's definition."""
    with am.read() as session:
        zips = [bytes(row.artifact) for row in session.all("SELECT artifact FROM am_gw_api_artifacts")]
    found = []
    for zipped in zips:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            texts = [archive.read(name).decode() for name in archive.namelist() if "Definitions/swagger" in name]
        found += [set(re.findall(r"operationId\W+(\w+)", text)) for text in texts]
    return found


def test_check_shows_how_definitions_can_be_repaired(site: Callable[..., Site]) -> None:
    here = site()
    change(here.pair.shared, replaced("swagger.json", TWICE))
    before = here.originals()
    assert "[needs work]" in here("check", "--select", "DEF001").out
    shown = here("check", "--select", "DEF001", "--fix")
    assert "\n+" in shown.out
    assert "1 refused definitions can be repaired, 0 only in part, 0 not" in shown.err
    folder = here.folder / "invalid"
    assert here("check", "--select", "DEF001", "--fix", "--save-invalid", str(folder)).code == shown.code
    assert len(list(folder.rglob("*.diff"))) == 1
    assert here("check", "--select", "DEF001", "--fix", "--format", "json").code == 2
    change(here.pair.shared, replaced("swagger.json", MOVING))
    shown = here("check", "--select", "DEF001", "--fix")
    assert "Operations would move (GET /a, GET a), so `run` leaves it as it is." in shown.out
    assert "0 refused definitions can be repaired and 1 more by hand" in shown.err
    change(here.pair.shared, replaced("swagger.json", TWICE))
    assert here.originals() == before


def test_definitions_are_repaired_on_the_copies_alone(
    site: Callable[..., Site], sample_estate: Callable[..., Pair]
) -> None:
    here = site(sample_estate("3.2.0", apis=6, tenants=1), target="4.4.0")
    change(here.pair.am, "DELETE FROM am_certificate_metadata")  # endpoint certificates need a truststore
    change(here.pair.shared, replaced("swagger.json", TWICE))
    with here.file.open("a", encoding="utf-8") as file:
        file.write("\n[options]\nrepair_definitions = true\n")
    before = here.originals()
    answer = here("run")
    assert answer.code == 0, answer.err
    assert here.originals() == before
    assert scalar(here.upgraded.shared, PLANTED.format(TWICE)) == 0
    assert {"same", "same_2"} in operation_ids(here.upgraded.am)
    (report,) = here.runs.rglob("report.html")
    assert MENDED in report.read_text(encoding="utf-8")

    assert here("commit", "--yes").code == 0
    (kept,) = here.runs.rglob("shared-definitions.jsonl")
    (line,) = (json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines())
    assert b64decode(line["content"]).decode() == TWICE
    change(here.upgraded.shared, after_commit(line))
    assert scalar(here.upgraded.shared, PLANTED.format(TWICE)) == 1
