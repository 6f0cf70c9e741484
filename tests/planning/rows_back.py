"""Reads a script that loads rows as the vendor's client and server would: what is in the tables when it has run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TypeAlias

from apim_upgrade.planning.clients import CLIENTS

Value: TypeAlias = str | bytes | int | datetime | None
Tables: TypeAlias = dict[str, tuple[list[str], list[list[Value]]]]
"""By table: its columns and its rows."""

_TEXT = r"'(?:[^']|'')*'"
_TOKEN = re.compile(
    rf"\s*(?:(?P<unistr>UNISTR\({_TEXT}\))|(?P<moment>TIMESTAMP ?\(?{_TEXT}\)?|CAST\({_TEXT} AS DATETIME2\))"
    r"|(?P<cast>CAST\(0x[0-9A-F]* AS NVARCHAR\(\d+\)\))|(?P<bytes>HEXTORAW\('[0-9A-F]*'\)|BLOB\(X'[0-9A-F]*'\)"
    rf"|0x[0-9A-F]*|EMPTY_BLOB\(\))|(?P<unicode>U&{_TEXT})|(?P<text>N?{_TEXT})|(?P<null>NULL)|(?P<number>-?\d+)"
    r"|(?P<plus>\|\||\+)|(?P<comma>,)|(?P<open>\()|(?P<close>\)))"
)
_UNIT = re.compile(r"\\(?:(\\)|\+([0-9A-F]{6})|([0-9A-F]{4}))")
_LONGEST_LINE = {"oracle": 2499, "mssql": 4000, "db2": 4000}
_INSERT = re.compile(r"INSERT INTO (\w+) \(([^)]*)\) VALUES\s*")
_PIECE = re.compile(r"DBMS_LOB\.(?:APPEND\(piece, TO_CLOB\((.*)\)\)|WRITEAPPEND\(piece, (\d+), (.*)\));")


def statements(kind: str, script: str) -> Iterator[str]:
    """What the client sends, one by one; refuses what it would take for something else."""
    assert script.isascii()
    assert "\r" not in script
    if kind == "mssql":
        assert "$(" not in script
    sent: list[str] = []
    for line in script.removesuffix("\n").split("\n"):
        assert len(line) <= _LONGEST_LINE[kind], line[:80]
        if line == CLIENTS[kind].end or (kind == "db2" and line.endswith("@")):
            yield "\n".join([*sent, line.removesuffix(CLIENTS[kind].end)]).strip()
            sent = []
        elif not line.startswith("-- "):
            sent.append(line)
    assert not sent


def tables_after(kind: str, script: str) -> Tables:
    """What the tables hold when the script has run; the numbers of rows that come in pieces are taken out."""
    tables: Tables = {}
    for statement in statements(kind, script):
        if kind == "oracle" and statement.startswith("BEGIN\nINSERT"):
            inserts = statement.removeprefix("BEGIN\n").removesuffix(";\nEND;").split(";\nINSERT INTO ")
            for text in (inserts[0], *(f"INSERT INTO {each}" for each in inserts[1:])):
                _insert(tables, text)
        elif statement.startswith("DECLARE\npiece"):
            _append_oracle(tables, statement)
        elif statement.startswith("INSERT INTO APIM_UPGRADE_STAGE") or statement.startswith(
            "INSERT INTO APIM_UPGRADE_L"
        ):
            _insert(tables, statement)
        elif ".WRITE(" in statement or re.match(r"UPDATE (\w+) SET (\w+) = \2 \|\|\n", statement):
            _append(tables, statement)
    for columns, rows in tables.values():
        if "ROW_NO" in columns:
            at = columns.index("ROW_NO")
            assert [row.pop(at) for row in rows] == list(range(1, len(rows) + 1))
            columns.remove("ROW_NO")
    return tables


def _insert(tables: Tables, statement: str) -> None:
    head = _INSERT.match(statement)
    assert head is not None, statement[:200]
    columns = [name.strip(' "[]') for name in head[2].split(",")]
    known, rows = tables.setdefault(head[1], (columns, []))
    assert known == columns
    for row in _rows(statement[head.end() :]):
        assert len(row) == len(columns)
        rows.append(row)


def _append_oracle(tables: Tables, statement: str) -> None:
    found = re.search(r"SELECT (\w+) INTO piece FROM (\w+) WHERE ROW_NO = (\d+) FOR UPDATE;", statement)
    assert found is not None
    for text, size, data in _PIECE.findall(statement):
        ((value,),) = _rows(f"({text or data})")
        assert text or len(value) == int(size)  # type: ignore[arg-type]
        _add(tables, found[2], found[1], int(found[3]), value)


def _append(tables: Tables, statement: str) -> None:
    found = re.fullmatch(
        r"UPDATE (\w+) SET (\w+)(?:\.WRITE\((.*), NULL, 0\)| = \w+ \|\|\n(.*)) WHERE ROW_NO = (\d+)", statement, re.S
    )
    assert found is not None, statement[:200]
    ((value,),) = _rows(f"({found[3] or found[4]})")
    _add(tables, found[1], found[2], int(found[5]), value)


def _add(tables: Tables, table: str, column: str, number: int, value: Value) -> None:
    columns, rows = tables[table]
    row = rows[number - 1]
    assert row[columns.index("ROW_NO")] == number
    row[columns.index(column)] += value  # type: ignore[operator]


def _rows(text: str) -> Iterator[list[Value]]:
    """Rows in brackets, separated by commas."""
    row: list[Value] = []
    joined = inside = False
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None, text[at : at + 80]
        at = token.end()
        kind, shown = str(token.lastgroup), token[0].strip()
        if kind == "open":
            row, inside = [], True
        elif kind == "close":
            yield row
            inside = False
        elif kind == "plus":
            joined = True
        elif kind != "comma":
            assert inside
            value = _value(kind, shown)
            if joined:
                row[-1] += value  # type: ignore[operator]
                joined = False
            else:
                row.append(value)


def _value(kind: str, shown: str) -> Value:
    quoted = shown[shown.index("'") + 1 : shown.rindex("'")].replace("''", "'") if "'" in shown else ""
    if kind == "null":
        return None
    if kind == "number":
        return int(shown)
    if kind == "moment":
        return datetime.fromisoformat(quoted)
    if kind == "bytes":
        return bytes.fromhex(quoted if "'" in shown else shown.removeprefix("0x").replace("EMPTY_BLOB()", ""))
    if kind == "cast":
        units = bytes.fromhex(shown.split("0x")[1].split(" ")[0])
        assert f"NVARCHAR({len(units) // 2})" in shown
        return units.decode("utf-16-le")
    if kind in ("unistr", "unicode"):
        units = _UNIT.sub(lambda found: found[1] or chr(int(found[2] or found[3], 16)), quoted)
        return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    return quoted
