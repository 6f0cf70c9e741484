"""Repairs of definitions: only where wanted, only whole ones, and what stood there before is kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from api_data import Estates, Prepared, prepared

from apim_upgrade.databases import Database
from apim_upgrade.definitions import judge
from apim_upgrade.engine import ItemVerdict, Verdict, journal
from apim_upgrade.migrations import definition_repairs

__all__ = ["prepared"]

TARGET = "4.4.0"
DOCS = Path(__file__).parents[2] / "docs" / "checks.md"
OK = {"responses": {"200": {"description": "d"}}}
UNLOADABLE = {"200": {"description": "d", "content": {"a/b": {"schema": {"$ref": "http://nowhere.invalid/x.json"}}}}}


def definition(**paths: object) -> str:
    named = {f"/{path}": item for path, item in paths.items()}
    return json.dumps({"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": named})


TWICE = definition(a={"get": {"operationId": "same", **OK}}, b={"get": {"operationId": "same", **OK}})
HOPELESS = "{]"
IN_PART = definition(
    a={"get": {"operationId": "same", **OK}}, b={"get": {"operationId": "same", "responses": UNLOADABLE}}
)
MOVING = definition(a={"GET": OK})
PLANTED = (TWICE, HOPELESS, IN_PART, MOVING, TWICE)
LAST_STREAMS = len(PLANTED) - 1
"""The last text lies in the folder of an API of a streaming type, where nobody reads it."""

Key = tuple[int, int, str]
"""REG_CONTENT_ID, tenant, path."""


def plant(estate: Prepared) -> list[Key]:
    query = """SELECT r.reg_content_id, r.reg_tenant_id, p.reg_path_value || '/swagger.json' FROM reg_resource r
        JOIN reg_path p ON p.reg_path_id = r.reg_path_id AND p.reg_tenant_id = r.reg_tenant_id
        JOIN reg_resource a ON a.reg_path_id = r.reg_path_id AND a.reg_tenant_id = r.reg_tenant_id
            AND a.reg_name = 'api' AND a.reg_media_type = 'application/vnd.wso2-api+xml'
        WHERE r.reg_name = 'swagger.json' AND p.reg_path_value LIKE '%/provider/%' ORDER BY 3, 2"""
    others = {
        tuple(row) for row in estate.rows("SELECT tenant_id, folder FROM apim_upgrade_artifact WHERE type = 'WS'")
    }
    with estate.pair.shared.write() as session:
        rows = [tuple(row) for row in session.all(query)]
        keys = [key for key in rows if (key[1], key[2].rpartition("/")[0]) not in others][: len(PLANTED)]
        for (content, tenant, _), text in zip(keys, PLANTED, strict=True):
            session.execute(
                "UPDATE reg_content SET reg_content_data = convert_to(%(text)s, 'UTF8') "
                "WHERE reg_content_id = %(content)s AND reg_tenant_id = %(tenant)s",
                {"text": text, "content": content, "tenant": tenant},
            )
    _, tenant, path = keys[LAST_STREAMS]
    folder = path.rpartition("/")[0]
    estate.execute(f"UPDATE apim_upgrade_artifact SET type = 'SSE' WHERE tenant_id = {tenant} AND folder = '{folder}'")
    return keys


def contents(shared: Database, keys: list[Key]) -> list[bytes]:
    with shared.read() as session:
        query = "SELECT reg_content_data FROM reg_content WHERE reg_content_id = {} AND reg_tenant_id = {}"
        return [bytes(session.all(query.format(*key[:2]))[0][0]) for key in keys]


def verdicts(shared: Database) -> dict[str, ItemVerdict]:
    with shared.read() as session:
        found = [each for step, each in journal.read_verdicts(session) if step == "repairs/definitions"]
    return {each.item.partition(":")[2]: each for each in found}


def aside(shared: Database) -> dict[str, bytes]:
    with shared.read() as session:
        return {row.path: bytes(row.content) for row in session.all(f"SELECT * FROM {definition_repairs.ASIDE.name}")}


def statement(number: int) -> str:
    """A statement of the manual."""
    section = DOCS.read_text(encoding="utf-8").partition("### Taking a repair back")[2]
    return re.findall(r"```sql\n(.*?);\n```", section, re.DOTALL)[number]


def test_what_can_be_repaired_whole_is_and_can_be_taken_back(prepared: Estates) -> None:
    estate = prepared("4.2.0", TARGET, repair_definitions=True)
    shared = estate.pair.shared
    keys = plant(estate)
    assert not judge(TWICE.encode(), TARGET).acceptable
    estate.run(definition_repairs.steps(estate.upgrade))

    after = contents(shared, keys)
    assert judge(after[0], TARGET).acceptable
    assert json.loads(after[0])["paths"].keys() == json.loads(TWICE)["paths"].keys()
    assert after[1:] == [text.encode() for text in PLANTED[1:]]
    said = verdicts(shared)
    repaired, hopeless, in_part, moving = (said[path] for *_, path in keys[:LAST_STREAMS])
    assert repaired.verdict is Verdict.NOTED
    assert repaired.reason == "repaired: the operationId same, used before, is same_2"
    assert definition_repairs.ASIDE.name in repaired.action
    assert {each.verdict for each in (hopeless, in_part, moving)} == {Verdict.SKIPPED}
    assert "cannot be repaired mechanically" in hopeless.reason
    assert "only in part; there would remain: Unable to load URL ref" in in_part.reason
    assert moving.reason.endswith("would move operations, which have rows: GET /a")
    assert keys[LAST_STREAMS][2] not in said
    kept = aside(shared)
    assert kept[keys[0][2]] == TWICE.encode()
    assert kept.keys() == {path for path, each in said.items() if each.verdict is Verdict.NOTED}

    estate.run_again(definition_repairs.steps(estate.upgrade))
    assert contents(shared, keys) == after
    assert aside(shared) == kept

    _, tenant, path = keys[0]
    back = re.sub(r"'/_system[^']*'", f"'{path}'", statement(0)).replace("= -1234", f"= {tenant}")
    with shared.write() as session:
        session.execute(back)
    assert contents(shared, keys[:1]) == [TWICE.encode()]


def test_a_definition_that_was_edited_since_is_not_taken_back(
    prepared: Estates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_repairs, "_FEW", 1)  # the repairs are made in other processes
    estate = prepared("4.2.0", TARGET, repair_definitions=True)
    shared = estate.pair.shared
    keys = plant(estate)
    estate.run(definition_repairs.steps(estate.upgrade))
    assert judge(contents(shared, keys)[0], TARGET).acceptable
    content, tenant, path = keys[0]
    back = re.sub(r"'/_system[^']*'", f"'{path}'", statement(0)).replace("= -1234", f"= {tenant}")
    with shared.write() as session:
        session.execute(
            "UPDATE reg_content SET reg_content_data = convert_to('{}', 'UTF8') "
            f"WHERE reg_content_id = {content} AND reg_tenant_id = {tenant}"
        )
        session.execute(back)
    assert contents(shared, keys[:1]) == [b"{}"]


def test_nothing_is_repaired_unasked(prepared: Estates) -> None:
    assert definition_repairs.steps(prepared("4.2.0", TARGET).upgrade) == []
