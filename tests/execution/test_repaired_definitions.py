"""Where it is wanted, a run repairs definitions on the copies; commit hands over what stood there before."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable

from checks.test_definition_rules import replaced
from execution.site import Site, change, scalar

TWICE = json.dumps(
    {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {
            path: {"get": {"operationId": "same", "responses": {"200": {"description": "d"}}}} for path in ("/a", "/b")
        },
    }
)
PLANTED = "SELECT count(*) FROM reg_content WHERE reg_content_data = convert_to('{}', 'UTF8')"


def test_definitions_are_repaired_on_the_copies_alone(site: Callable[..., Site]) -> None:
    here = site()
    change(here.pair.shared, replaced("swagger.json", TWICE))
    found = here("check", "--select", "DEF001")
    assert "[needs work]" in found.out
    shown = here("check", "--select", "DEF001", "--fix")
    assert "\n+" in shown.out
    assert "1 refused definitions can be repaired, 0 only in part, 0 not" in shown.err
    folder = here.folder / "invalid"
    assert here("check", "--select", "DEF001", "--fix", "--save-invalid", str(folder)).code == shown.code
    assert len(list(folder.rglob("*.diff"))) == 1
    assert here("check", "--select", "DEF001", "--fix", "--format", "json").code == 2

    with here.file.open("a", encoding="utf-8") as file:
        file.write("\n[options]\nrepair_definitions = true\n")
    before = here.originals()
    answer = here("run")
    assert answer.code == 0, answer.err
    assert here.originals() == before
    assert here("check", "--select", "DEF001").out == found.out
    assert scalar(here.upgraded.shared, PLANTED.format(TWICE)) == 0
    assert here("commit", "--yes").code == 0
    (kept,) = here.runs.rglob("shared-definitions.jsonl")
    lines = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert [b64decode(line["content"]).decode() for line in lines] == [TWICE]
