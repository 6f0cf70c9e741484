"""What is written for Oracle, SQL Server and DB2 does the same as what PostgreSQL is sent."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    case,
    cast,
    column,
    func,
    insert,
    select,
    table,
    update,
)
from sqlalchemy.schema import CreateTable

from apim_upgrade.databases import Database, name_uuid, name_uuid_of, rendering
from apim_upgrade.databases.generated_ids import ContinueIds
from apim_upgrade.databases.rendering import KINDS, render
from apim_upgrade.databases.updates import inserted_columns, without_from
from apim_upgrade.engine import stage_table
from apim_upgrade.errors import EnvironmentProblem

ITEM = Table(
    "item",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", String(20)),
    Column("owner", String(20)),
    Column("note", String(20)),
)
OWNER = Table("owner", MetaData(), Column("name", String(20)), Column("real_name", String(20)))
BLOB = Table("blob", MetaData(), Column("content", LargeBinary))
JOINED = (
    update(ITEM)
    .values(owner=OWNER.c.real_name, note="moved", name=ITEM.c.name + "/" + OWNER.c.real_name)
    .where(ITEM.c.owner == OWNER.c.name, ITEM.c.name != "kept")
)


def test_an_update_without_from_writes_the_same_rows_as_one_with_it(empty_database: Callable[[], Database]) -> None:
    written = []
    for statement in (JOINED, without_from(JOINED)):
        database = empty_database()
        with database.write() as session:
            for made in (ITEM, OWNER):
                session.execute(CreateTable(made))
            session.execute(
                insert(OWNER).values([{"name": "a", "real_name": "Anna"}, {"name": "b", "real_name": None}])
            )
            rows = [(1, "one", "a", "x"), (2, "kept", "a", "x"), (3, "three", "b", "x"), (4, "four", "nobody", "x")]
            session.copy_into("item", ["id", "name", "owner", "note"], rows)
            changed = session.execute(statement)
            written.append((changed, [tuple(row) for row in session.all(select(ITEM).order_by(ITEM.c.id))]))
    assert written[0] == written[1]
    assert written[0][0] == 2
    assert written[0][1][0] == (1, "one/Anna", "Anna", "moved")


def test_an_update_of_one_table_stays_as_it_is() -> None:
    alone = update(ITEM).values(note="x").where(ITEM.c.owner.in_(select(OWNER.c.name)))
    assert without_from(alone) is alone
    assert "FROM owner" not in str(without_from(JOINED)).split("SET")[0]


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_dbms_that_has_update_from_gets_it(kind: str) -> None:
    text = render(kind, JOINED)
    assert ("FROM ITEM, OWNER" in text) == (kind == "mssql")
    assert ("WHERE EXISTS (SELECT 1" in text) == (kind != "mssql")
    assert "NOTE='moved'" in text


def test_oracle_is_not_asked_for_an_empty_text() -> None:
    name = ITEM.c.name
    assert render("oracle", select(ITEM.c.id).where(name == "")).endswith("ITEM.NAME IS NULL")
    assert render("oracle", select(ITEM.c.id).where(name != "")).endswith("ITEM.NAME IS NOT NULL")
    compared = render("oracle", select(ITEM.c.id).where(func.coalesce(name, "") != ITEM.c.note))
    assert compared.endswith("coalesce(ITEM.NAME, ' ') != ITEM.NOTE")
    assert render("db2", select(ITEM.c.id).where(name == "")).endswith("ITEM.NAME = ''")


def test_bytes_are_written_as_bytes() -> None:
    kept = update(BLOB).values(content=case((BLOB.c.content.is_(None), b"{}"), else_=BLOB.c.content))
    written = {kind: re.findall(r"THEN (.+?) ELSE", render(kind, kept))[0] for kind in KINDS}
    assert written == {"oracle": "TO_BLOB(HEXTORAW('7B7D'))", "mssql": "0x7B7D", "db2": "BLOB(X'7B7D')"}


@pytest.mark.parametrize("kind", KINDS)
def test_truth_is_a_number_and_every_text_has_a_length(kind: str) -> None:
    flag = column("gone", Boolean)
    assert render(kind, select(ITEM.c.id).where(flag.is_(False))).endswith("GONE = 0")
    assert render(kind, select(ITEM.c.id).where(flag.is_(True))).endswith("GONE = 1")
    assert render(kind, select(ITEM.c.id).where(flag.is_not(True))).endswith("(GONE IS NULL OR GONE != 1)")
    assert re.search(r"AS VARCHAR2?\((max|\d+( CHAR)?)\)\)", render(kind, select(cast(ITEM.c.id, String))))


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_written_as_the_stock_scripts_have_them(kind: str) -> None:
    odd = table("am_api", column("api_id"), column("Odd name"))
    text = render(kind, select(odd))
    assert "AM_API.API_ID" in text
    assert ("[ODD NAME]" if kind == "mssql" else '"ODD NAME"') in text
    assert render(kind, "as it is") == "as it is"


@pytest.mark.parametrize("kind", KINDS)
def test_stages_are_tables_that_stay_and_whose_paths_can_be_compared(kind: str) -> None:
    stage = stage_table("moved", Column("path", Text), Column("at", DateTime))
    text = render(kind, CreateTable(stage))
    assert text.startswith("CREATE TABLE APIM_UPGRADE_STAGE_MOVED")
    assert "CLOB" not in text
    assert "(2000" in text
    assert "2026" in render(kind, insert(stage).values(path="/a", at=datetime(2026, 1, 2)))


def test_the_uuid_of_a_name_is_put_together_as_in_python() -> None:
    """The functions that the vendors offer are played in Python; what they are asked is read off the statement."""
    wanted = name_uuid("revision", "api", 1)
    digest = hashlib.md5(b"revision/api/1", usedforsecurity=False).hexdigest()
    shape = name_uuid_of("revision", "api", "1")
    pattern, told = re.findall(r"'(\^[^']*)', '([^']*)'", render("oracle", select(shape)))[0]
    assert re.sub(pattern, told, digest) == wanted
    for kind, function in (("mssql", "STUFF"), ("db2", "INSERT")):
        text = render(kind, select(shape))
        assert text.count(f"{function}(") == 6
        made = digest
        for position, length, put in re.findall(r", (\d+), (\d+), '(.)'\)", text):
            start = int(position) - 1
            made = made[:start] + put + made[start + int(length) :]
        assert made == wanted


def test_without_its_package_db2_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ibm_db_sa.ibm_db", None)
    rendering._dialect.cache_clear()
    with pytest.raises(EnvironmentProblem, match="ibm-db-sa") as caught:
        render("db2", select(ITEM))
    assert "apim-upgrade[db2]" in caught.value.hint


def test_generated_numbers_go_on_behind_the_greatest() -> None:
    registry = table("reg_content", column("reg_content_id"))
    statement = ContinueIds(registry, "reg_content_id")
    assert "USER_DEPENDENCIES" in render("oracle", statement)
    assert render("mssql", statement) == "DBCC CHECKIDENT (N'REG_CONTENT', RESEED)"
    assert "RESTART WITH" in render("db2", statement)


def test_the_columns_of_an_insert_are_told() -> None:
    assert inserted_columns(insert(ITEM).from_select(["id", "Name"], select(ITEM.c.id, ITEM.c.name))) == {"id", "name"}
    assert inserted_columns(insert(ITEM).values(id=1)) == {"id"}
