"""The schema of an H2 file in the form of the catalogues, read off JDBC's own description of it: all releases agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from apim_upgrade.databases.h2 import H2Session
from apim_upgrade.releases.model import Column, ForeignKey, Index, PrimaryKey, Schema, Table, Unique

_SCHEMA = "PUBLIC"
_RULES = {"0": "CASCADE", "1": "RESTRICT", "2": "SET NULL", "3": "NO ACTION", "4": "SET DEFAULT"}
_NAMES = {
    -16: "LONGVARCHAR", -15: "CHAR", -9: "VARCHAR", -7: "BOOLEAN", -6: "TINYINT", -5: "BIGINT", -4: "BLOB", -3: "BLOB",
    -2: "BLOB", -1: "LONGVARCHAR", 1: "CHAR", 4: "INTEGER", 5: "SMALLINT", 6: "DOUBLE", 7: "REAL", 8: "DOUBLE",
    12: "VARCHAR", 16: "BOOLEAN", 91: "DATE", 92: "TIME", 2004: "BLOB", 2005: "CLOB", 2011: "CLOB",
}  # fmt: skip
"""java.sql.Types, as the catalogues of H2 call them."""
_SIZED = {"VARCHAR", "CHAR"}
_DECIMALS = {2, 3}
_STAMP = 93


def h2_schema(session: H2Session) -> Schema:
    """Return the tables of the schema PUBLIC with columns, keys and indexes; the product makes nothing else on H2."""
    names = [row["TABLE_NAME"] for row in session.facts("getTables", None, _SCHEMA, "%", None) if _is_table(row)]
    columns: defaultdict[str, list[Column]] = defaultdict(list)
    for row in session.facts("getColumns", None, _SCHEMA, "%", "%"):
        columns[row["TABLE_NAME"]].append(_column(row))
    return Schema("h2", {name: _table(session, name, tuple(columns[name])) for name in sorted(names)})


def _is_table(row: dict[str, Any]) -> bool:
    return row["TABLE_TYPE"] in ("TABLE", "BASE TABLE")


def _column(row: dict[str, Any]) -> Column:
    counted = row["IS_AUTOINCREMENT"] == "YES"
    return Column(
        row["COLUMN_NAME"],
        _type(row),
        row["NULLABLE"] != "0",
        None if counted else row["COLUMN_DEF"],
        "auto_increment" if counted else "",
    )


def _type(row: dict[str, Any]) -> str:
    number = int(row["DATA_TYPE"])
    if number in _DECIMALS:
        return f"DECIMAL({row['COLUMN_SIZE']},{row['DECIMAL_DIGITS'] or 0})"
    if number == _STAMP:
        digits = int(row["DECIMAL_DIGITS"] or 6)
        return "TIMESTAMP" if digits == 6 else f"TIMESTAMP({digits})"
    name = _NAMES.get(number, str(row["TYPE_NAME"]))
    return f"{name}({row['COLUMN_SIZE']})" if name in _SIZED else name


def _table(session: H2Session, name: str, columns: tuple[Column, ...]) -> Table:
    primary = _grouped(session.facts("getPrimaryKeys", None, _SCHEMA, name), "PK_NAME", "KEY_SEQ")
    key = next(iter(primary.values()), None)
    primary_key = PrimaryKey(None, _names(key, "COLUMN_NAME")) if key else None
    foreign = _grouped(session.facts("getImportedKeys", None, _SCHEMA, name), "FK_NAME", "KEY_SEQ")
    foreign_keys = tuple(
        ForeignKey(
            None,
            _names(rows, "FKCOLUMN_NAME"),
            rows[0]["PKTABLE_NAME"],
            _names(rows, "PKCOLUMN_NAME"),
            _RULES[rows[0]["DELETE_RULE"]],
            _RULES[rows[0]["UPDATE_RULE"]],
        )
        for rows in foreign.values()
    )
    uniques, indexes = [], []
    made = {key.columns for key in (primary_key, *foreign_keys) if key is not None}
    for index, rows in _grouped(
        session.facts("getIndexInfo", None, _SCHEMA, name, False, True), "INDEX_NAME", "ORDINAL_POSITION"
    ).items():
        parts = _names(rows, "COLUMN_NAME")
        if rows[0]["NON_UNIQUE"] == "FALSE":
            if primary_key is None or parts != primary_key.columns:
                uniques.append(Unique(None, parts))
        elif parts not in made:  # H2 makes an index for every foreign key by itself
            indexes.append(Index(index, parts))
    return Table(name, columns, primary_key, tuple(uniques), foreign_keys, tuple(indexes))


def _grouped(rows: Iterable[dict[str, Any]], name: str, position: str) -> dict[str, list[dict[str, Any]]]:
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row[name] is not None:
            groups[row[name]].append(row)
    return {key: sorted(group, key=lambda row: int(row[position])) for key, group in groups.items()}


def _names(rows: Iterable[dict[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(row[key] for row in rows)
