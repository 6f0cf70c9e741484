"""Repairs of definitions: only where wanted, only whole ones, and what stood there before is kept."""

from __future__ import annotations

import json

from api_data import Estates, Prepared, prepared

from apim_upgrade.definitions import judge
from apim_upgrade.engine import Verdict, journal
from apim_upgrade.migrations import definition_repairs

__all__ = ["prepared"]

TWICE = json.dumps(
    {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {
            path: {"get": {"operationId": "same", "responses": {"200": {"description": "d"}}}} for path in ("/a", "/b")
        },
    }
)
HOPELESS = "{]"
FIRST_TWO = """SELECT r.reg_content_id, r.reg_tenant_id FROM reg_resource r JOIN reg_path p
    ON p.reg_path_id = r.reg_path_id AND p.reg_tenant_id = r.reg_tenant_id
    WHERE r.reg_name = 'swagger.json' AND p.reg_path_value LIKE '%%/provider/%%' ORDER BY p.reg_path_value, 2 LIMIT 2"""


def plant(estate: Prepared) -> list[tuple[int, int]]:
    with estate.pair.shared.write() as session:
        rows = [tuple(row) for row in session.all(FIRST_TWO.replace("%%", "%"))]
        for (content, tenant), text in zip(rows, (TWICE, HOPELESS), strict=True):
            session.execute(
                "UPDATE reg_content SET reg_content_data = convert_to(%(text)s, 'UTF8') "
                "WHERE reg_content_id = %(content)s AND reg_tenant_id = %(tenant)s",
                {"text": text, "content": content, "tenant": tenant},
            )
    return rows


def content(estate: Prepared, key: tuple[int, int]) -> bytes:
    with estate.pair.shared.read() as session:
        query = "SELECT reg_content_data FROM reg_content WHERE reg_content_id = {} AND reg_tenant_id = {}"
        return bytes(session.all(query.format(*key))[0][0])


def test_what_can_be_repaired_whole_is_and_what_was_there_is_kept(prepared: Estates) -> None:
    estate = prepared("4.2.0", "4.4.0", repair_definitions=True)
    twice, hopeless = plant(estate)
    assert not judge(TWICE.encode(), "4.4.0").acceptable
    estate.run(definition_repairs.steps(estate.upgrade))
    repaired = content(estate, twice)
    assert judge(repaired, "4.4.0").acceptable
    assert content(estate, hopeless) == HOPELESS.encode()
    with estate.pair.shared.read() as session:
        kept = session.all("SELECT path, content FROM apim_upgrade_quarantine_definitions")
        verdicts = [each for step, each in journal.read_verdicts(session) if step == "repairs/definitions"]
    assert TWICE.encode() in [bytes(row.content) for row in kept]
    noted = [each for each in verdicts if each.verdict is Verdict.NOTED]
    assert len(noted) == len(kept)
    assert all(each.reason.startswith("repaired: ") for each in noted)
    estate.run_again(definition_repairs.steps(estate.upgrade))
    assert content(estate, twice) == repaired
    with estate.pair.shared.read() as session:
        assert len(session.all("SELECT 1 FROM apim_upgrade_quarantine_definitions")) == len(kept)


def test_nothing_is_repaired_unasked(prepared: Estates) -> None:
    assert definition_repairs.steps(prepared("4.2.0", "4.4.0").upgrade) == []
