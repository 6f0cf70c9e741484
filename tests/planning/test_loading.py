"""Computed rows as statements: a client reads back exactly what was computed, whatever it looks like."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Sequence
from datetime import datetime

import pytest
import sqlglot
from sqlalchemy import Boolean, Column, DateTime, Integer, LargeBinary, MetaData, String, Table, Text, column, table

from apim_upgrade.databases.rendering import KINDS
from apim_upgrade.engine import Load, Stage, stage_table
from apim_upgrade.planning.clients import CLIENTS
from apim_upgrade.planning.literals import LITERALS
from apim_upgrade.planning.loading import Loading, waiting_table
from planning.rows_back import Value, statements, tables_after

NASTY = [
    "plain",
    "",
    "it's 'quoted' ''twice''",
    "\\ backslash \\0041 \\\\ \\+01F600 \\n",
    "line\nGO\n/\n@\n;\n.\n--\nCOMMIT\n",
    "ends with @\nends with -\nends with ;\r\nCRLF\ttab",
    "$(variable) &ampersand &&two ${x} :bind %d %s {brace}",
    "/* comment */ -- comment\n-- comment",
    "\u00e4\u00f6\u00fc\u20ac\u4e2d\u6587\U0001f600\U0010fffd\ufeff\u2028\x7f\x01",
    "'" * 700,
    "\U0001f600'" * 500,
    "x" * 199 + "\U0001f600" + "$" * 200 + "($(",
]
"""All planes of Unicode, what ends or changes a statement in a client, texts on both sides of a piece's end."""
THING = stage_table(
    "thing",
    Column("id", Integer),
    Column("text", String(2000)),
    Column("flag", Boolean),
    Column("at", DateTime),
    Column("content", LargeBinary),
)


def written(kind: str, table: Table, rows: Sequence[Sequence[object]]) -> tuple[str, Loading]:
    file = io.StringIO()
    loading = Loading(kind, table, file)
    assert list(loading.passing(iter(rows))) == list(rows)
    return file.getvalue(), loading


def stage(of: Table) -> Stage:
    return Stage(of, lambda work: iter(()), "")


def as_held(kind: str, row: Sequence[object]) -> list[Value]:
    """What the DBMS holds for a row: numbers for truth, and on Oracle NULL for an empty text."""
    plain = [int(each) if isinstance(each, bool) else each for each in row]
    return [None if each == "" and kind == "oracle" else each for each in plain]  # type: ignore[misc]


def read_back(kind: str, script: str) -> list[list[Value]]:
    ((_, rows),) = tables_after(kind, script).values()
    return [as_held(kind, row) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_nasty_values_come_back_as_they_were(kind: str) -> None:
    dice = random.Random(5)
    blobs = [
        None,
        b"",
        b"\0",
        bytes(range(256)) * 4,
        dice.randbytes(1000),
        dice.randbytes(1001),
        dice.randbytes(70_000),
    ]
    at = datetime(2026, 1, 2, 3, 4, 5)
    rows = [(number, text, number % 2 == 0, at, blobs[number % 7]) for number, text in enumerate(NASTY)]
    rows.append((-1, None, None, None, memoryview(b"seen through a view")))  # type: ignore[arg-type]
    script, loading = written(kind, waiting_table(stage(THING)), rows)
    expected = [as_held(kind, row) for row in rows]
    expected[-1][-1] = b"seen through a view"
    assert read_back(kind, script) == expected
    assert loading.written.rows == len(rows)
    assert loading.written.sizes == {"content": sum(len(bytes(row[-1] or b"")) for row in rows)}


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_megabytes_come_in_pieces_of_short_lines(kind: str) -> None:
    named = table("am_big", column("name", String), column("document", Text), column("archive", LargeBinary))
    big = Load(named, ("name", "document", "archive"), lambda work: iter(()), "")
    rows = [
        ("one", "document \u00e9\U0001f600 " * 20_000, random.Random(1).randbytes(5_000_000)),
        ("two", "short", b"small"),
        ("three", "", b"x" * 1000),
    ]
    script, _ = written(kind, waiting_table(big), rows)
    assert read_back(kind, script) == [as_held(kind, row) for row in rows]
    assert max(map(len, statements(kind, script))) < 2_000_000
    commits = script.count(f"\n{CLIENTS[kind].commit}\n")
    assert 5 < commits < 20
    assert "APIM_UPGRADE_LOAD_AM_BIG" in script


@pytest.mark.parametrize("kind", KINDS)
def test_many_rows_share_statements(kind: str) -> None:
    plain = stage_table("plain", Column("id", Integer), Column("path", Text))
    rows = [(number, f"/path/{number}") for number in range(1050)]
    script, _ = written(kind, waiting_table(stage(plain)), rows)
    assert read_back(kind, script) == [list(row) for row in rows]
    assert len(list(statements(kind, script))) == 11
    assert "ROW_NO" not in script


def test_a_table_waits_with_a_number_for_each_row_only_where_values_come_in_pieces() -> None:
    keyed = Table("k", MetaData(), Column("id", Integer, primary_key=True), Column("path", Text, nullable=False))
    assert waiting_table(stage(keyed)) is keyed
    waiting = waiting_table(stage(THING))
    assert (waiting.name, waiting.columns.keys()[-1], waiting.c.row_no.primary_key) == (THING.name, "row_no", True)


INTO = "INSERT INTO APIM_UPGRADE_STAGE_THING (ID, TEXT, FLAG, AT, CONTENT, ROW_NO) VALUES"
GOLDEN = {
    "oracle": r"""BEGIN
INTO (1, UNISTR('a''b\000A\00E9'), 1, TIMESTAMP '2026-01-02 03:04:05', HEXTORAW('00FF'), 1);
END;
/
""",
    "mssql": """INTO
(1, CAST(0x6100270062000A00E900 AS NVARCHAR(5)), 1, CAST('2026-01-02T03:04:05' AS DATETIME2), 0x00FF, 1)
GO
""",
    "db2": r"""INTO
(1, U&'a''b\000A\00E9', 1, TIMESTAMP('2026-01-02 03:04:05'), BLOB(X'00FF'), 1)
@
""",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_written_as_it_was_when_somebody_read_it(kind: str) -> None:
    row = (1, "a'b\n\u00e9", True, datetime(2026, 1, 2, 3, 4, 5), b"\0\xff")
    assert written(kind, waiting_table(stage(THING)), [row])[0] == GOLDEN[kind].replace("INTO ", f"{INTO} ").replace(
        "INTO\n", f"{INTO}\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_statement_parses(kind: str) -> None:
    rows = [(1, text, True, datetime(2026, 1, 2), b"x" * 5000) for text in NASTY]
    script, _ = written(kind, waiting_table(stage(THING)), rows)
    dialect = {"oracle": "oracle", "mssql": "tsql", "db2": None}[kind]
    parsed = 0
    for statement in statements(kind, script):
        if kind == "db2":  # whose own forms of constants the dialect that stands in for it does not have
            statement = re.sub(r"\b(X|U&)'", "'", statement)
        inner = re.findall(r"INSERT INTO .*?\);$", statement, re.M | re.S) if kind == "oracle" else [statement]
        for each in inner:
            if ".WRITE(" not in each:  # a method of SQL Server's, which no parser knows
                assert sqlglot.parse_one(each.removesuffix(";"), read=dialect) is not None
                parsed += 1
    assert parsed >= len(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_no_table_has_is_refused(kind: str) -> None:
    with pytest.raises(TypeError, match="float is no value"):
        LITERALS[kind].value(1.5)
