"""
Reads a live PostgreSQL schema in the form of the catalogues: one query a catalogue view.

Only what the connection's search path shows is read; the extension objects and other schemas of the database are not.
Columns of the catalogue that PostgreSQL 10 and 11 lack are taken from the row as JSON, which has no column that is not
there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence as Rows
from typing import Any

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import (
    Check,
    Column,
    ForeignKey,
    Function,
    Index,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Trigger,
    Unique,
)

_HERE = "n.nspname = ANY (current_schemas(false))"
_TABLE = f"c.relkind IN ('r', 'p') AND NOT c.relispartition AND {_HERE} AND pg_table_is_visible(c.oid)"
_RULES = {"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_ROW, _BEFORE, _INSTEAD = 1, 2, 64
_EVENTS = ((4, "INSERT"), (16, "UPDATE"), (8, "DELETE"), (32, "TRUNCATE"))

_COLUMNS = f"""
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       CASE WHEN a.attidentity <> '' THEN 'nextval(identity)' ELSE pg_get_expr(d.adbin, d.adrelid) END AS value,
       d.adbin IS NOT NULL AND COALESCE(to_jsonb(a) ->> 'attgenerated', '') <> '' AS generated
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE {_TABLE} ORDER BY c.relname, a.attnum"""

_CONSTRAINTS = f"""
SELECT c.relname, k.conname, k.contype::text AS kind, pg_get_expr(k.conbin, k.conrelid, true) AS expression,
       ARRAY (SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (number, position)
              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.position) AS columns,
       r.relname AS ref_table, k.confdeltype::text AS on_delete, k.confupdtype::text AS on_update,
       ARRAY (SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u (number, position)
              JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number
              ORDER BY u.position) AS ref_columns
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class r ON r.oid = k.confrelid
WHERE k.contype IN ('p', 'u', 'f', 'c') AND {_TABLE} ORDER BY c.relname, k.conname"""

_INDEXES = f"""
SELECT c.relname, i.relname AS name, x.indisunique, m.amname, pg_get_expr(x.indpred, x.indrelid) AS predicate,
       ARRAY (SELECT pg_get_indexdef(x.indexrelid, p.position, true)
              FROM generate_series(1, x.indnatts::int) AS p (position) ORDER BY p.position) AS parts,
       COALESCE((to_jsonb(x) ->> 'indnkeyatts')::int, x.indnatts) AS keys,
       ARRAY (SELECT u.number = 0 FROM unnest(x.indkey) WITH ORDINALITY AS u (number, position)
              ORDER BY u.position) AS computed,
       ARRAY (SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY AS u (number, position)
              LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.number
              ORDER BY u.position) AS names
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = i.relam
WHERE x.indisvalid AND {_TABLE}
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname, i.relname"""

_SEQUENCES = f"""
SELECT c.relname, format_type(s.seqtypid, NULL) AS type, s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
       t.relname || '.' || a.attname AS owner
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refobjsubid > 0
                     AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
LEFT JOIN pg_class t ON t.oid = d.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE {_HERE} AND pg_table_is_visible(c.oid) ORDER BY c.relname"""

_FUNCTIONS = f"""
SELECT p.proname, format_type(p.prorettype, NULL) AS returns, l.lanname AS language
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE {_HERE} AND pg_function_is_visible(p.oid)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY p.proname"""

_TRIGGERS = f"""
SELECT c.relname, t.tgname, t.tgtype::int AS bits, p.proname
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND {_TABLE} ORDER BY c.relname, t.tgname"""


_VIEWS = f"""
SELECT DISTINCT v.relname AS view, c.relname, a.attname
FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid JOIN pg_class v ON v.oid = w.ev_class
JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND v.oid <> c.oid AND {_TABLE}
ORDER BY 1, 2, 3"""


def views(session: Session) -> list[tuple[str, str, str]]:
    """Return (view, table, column) for every column that a view of any schema reads."""
    return [(row.view, row.relname, row.attname) for row in session.all(_VIEWS)]


def introspect(session: Session) -> Schema:
    """Return the schema that the session sees."""
    columns: dict[str, list[Column]] = {}
    for row in session.all(_COLUMNS):
        found = columns.setdefault(row.relname, [])
        if row.attname is not None:
            extra = "generated" if row.generated else ""
            found.append(Column(row.attname, row.type, row.nullable, row.value, extra))
    primary: dict[str, PrimaryKey] = {}
    unique: defaultdict[str, list[Unique]] = defaultdict(list)
    foreign: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    checks: defaultdict[str, list[Check]] = defaultdict(list)
    for row in session.all(_CONSTRAINTS):
        names = tuple(row.columns)
        match row.kind:
            case "p":
                primary[row.relname] = PrimaryKey(row.conname, names)
            case "u":
                unique[row.relname].append(Unique(row.conname, names))
            case "f":
                foreign[row.relname].append(
                    ForeignKey(
                        row.conname,
                        names,
                        row.ref_table,
                        tuple(row.ref_columns),
                        _RULES[row.on_delete],
                        _RULES[row.on_update],
                    )
                )
            case _:
                checks[row.relname].append(Check(row.conname, row.expression))
    indexes = _indexes(session.all(_INDEXES))
    tables = {
        name: Table(
            name,
            tuple(columns[name]),
            primary.get(name),
            tuple(unique[name]),
            tuple(foreign[name]),
            tuple(indexes[name]),
            tuple(checks[name]),
        )
        for name in columns
    }
    return Schema(
        "postgresql",
        tables,
        {row.relname: _sequence(row) for row in session.all(_SEQUENCES)},
        tuple(Function(row.proname, row.returns, row.language) for row in session.all(_FUNCTIONS)),
        tuple(_trigger(row) for row in session.all(_TRIGGERS)),
    )


def _indexes(rows: Rows[Any]) -> defaultdict[str, list[Index]]:
    indexes: defaultdict[str, list[Index]] = defaultdict(list)
    for row in rows:
        parts = tuple(
            part if computed else name for part, computed, name in zip(row.parts, row.computed, row.names, strict=True)
        )
        keys = parts[: row.keys]
        special = " ".join(
            text
            for text in (
                "" if row.amname == "btree" else f"using {row.amname}",
                f"where {row.predicate}" if row.predicate else "",
            )
            if text
        )
        indexes[row.relname].append(
            Index(
                row.name,
                keys,
                row.indisunique,
                expressions=tuple(
                    part for part, computed in zip(keys, row.computed[: row.keys], strict=True) if computed
                ),
                include=parts[row.keys :],
                special=special,
            )
        )
    return indexes


def _sequence(row: Any) -> Sequence:
    """Only what is unlike a plain bigint sequence is stated, as in the catalogues."""
    plain = row.type == "bigint" and row.seqmin == 1 and row.seqmax == 2**63 - 1
    return Sequence(
        row.relname,
        row.seqstart,
        row.seqincrement,
        "" if plain else row.type,
        None if plain else row.seqmin,
        None if plain else row.seqmax,
        row.owner or "",
    )


def _trigger(row: Any) -> Trigger:
    when = "BEFORE" if row.bits & _BEFORE else "INSTEAD OF" if row.bits & _INSTEAD else "AFTER"
    events = " OR ".join(name for bit, name in _EVENTS if row.bits & bit)
    return Trigger(row.tgname, row.relname, f"{when} {events}", "row" if row.bits & _ROW else "statement", row.proname)
