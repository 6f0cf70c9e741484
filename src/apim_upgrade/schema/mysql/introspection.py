"""
Reads a live schema of MySQL or MariaDB in the form of the catalogues: one query a view of INFORMATION_SCHEMA.

Both tell the same things in different words, old servers in others than new ones; here they become those of the
catalogues. Names keep the case that the server stores.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    Server,
    Size,
    Table,
    Trigger,
    Unique,
)
from apim_upgrade.schema.mysql.types import NOW, has_charset, normal_clock, normal_type
from apim_upgrade.schema.mysql.versions import Version

_SERVER = """
SELECT VERSION() AS version, @@explicit_defaults_for_timestamp AS explicit"""

_TABLES = """
SELECT table_name AS relation, engine AS engine, row_format AS form, table_rows AS estimate,
       data_length + index_length AS bytes
FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name"""

_COLUMNS = """
SELECT table_name AS relation, column_name AS name, column_type AS type, is_nullable AS nullable,
       column_default AS value, extra AS extra, character_set_name AS charset, collation_name AS collation
FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"""

_INDEXES = """
SELECT table_name AS relation, index_name AS name, non_unique AS loose, column_name AS part, sub_part AS prefix,
       index_type AS kind, {expression} AS expression
FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index"""

_LINKS = """
SELECT table_name AS relation, constraint_name AS name, column_name AS part, referenced_table_name AS ref_table,
       referenced_column_name AS ref_part
FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND referenced_table_name IS NOT NULL
ORDER BY table_name, constraint_name, ordinal_position"""

_RULES = """
SELECT table_name AS relation, constraint_name AS name, delete_rule AS on_delete, update_rule AS on_update
FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()"""

_CHECKS = """
SELECT t.table_name AS relation, c.constraint_name AS name, c.check_clause AS expression
FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
  ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name
WHERE c.constraint_schema = DATABASE() AND t.constraint_type = 'CHECK' ORDER BY t.table_name, c.constraint_name"""

_ROUTINES = """
SELECT routine_name AS name, dtd_identifier AS returns FROM information_schema.routines
WHERE routine_schema = DATABASE() ORDER BY routine_name"""

_TRIGGERS = """
SELECT trigger_name AS name, event_object_table AS relation, action_timing AS moment, event_manipulation AS event
FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY event_object_table, trigger_name"""

_ON_UPDATE = re.compile(r"on update \S+", re.IGNORECASE)


@dataclass(slots=True)
class _Found:
    """What is known of a table while its parts are read."""

    storage: str
    columns: list[Column] = field(default_factory=list)
    primary: PrimaryKey | None = None
    unique: list[Unique] = field(default_factory=list)
    links: list[ForeignKey] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def introspect(session: Session) -> Schema:
    """Return the schema of the session's database."""
    (told,) = session.all(_SERVER)
    version = Version.parse(told.version)
    described = session.all(_TABLES)
    tables = {row.relation: _Found(f"{row.engine} {row.form}") for row in described}
    for row in session.all(_COLUMNS):
        if row.relation in tables:  # views have columns as well
            tables[row.relation].columns.append(_column(row, version))
    rules = {(row.relation, row.name): (_rule(row.on_delete), _rule(row.on_update)) for row in session.all(_RULES)}
    for (relation, name), rows in _grouped(session.all(_LINKS)):
        if relation in tables:
            parts, refs = tuple(row.part for row in rows), tuple(row.ref_part for row in rows)
            on = rules.get((relation, name), ("NO ACTION", "NO ACTION"))
            tables[relation].links.append(ForeignKey(name, parts, rows[0].ref_table, refs, *on))
    expression = "expression" if version.has_expression_indexes else "NULL"
    for (relation, name), rows in _grouped(session.all(_INDEXES.format(expression=expression))):
        if relation in tables:
            _add_index(tables[relation], name, rows)
    if version.has_checks:
        for row in session.all(_CHECKS):
            if row.relation in tables:
                tables[row.relation].checks.append(Check(row.name, row.expression))
    return Schema(
        "mysql",
        {name: _table(name, found) for name, found in tables.items()},
        {},
        tuple(Function(row.name, row.returns or "", "SQL") for row in session.all(_ROUTINES)),
        tuple(Trigger(row.name, row.relation, f"{row.moment} {row.event}", "row") for row in session.all(_TRIGGERS)),
        server=Server(told.version, not int(told.explicit)),
        sizes={row.relation: Size(int(row.estimate or 0), int(row.bytes or 0)) for row in described},
    )


def _table(name: str, found: _Found) -> Table:
    return Table(
        name,
        tuple(found.columns),
        found.primary,
        tuple(found.unique),
        tuple(found.links),
        tuple(found.indexes),
        tuple(found.checks),
        found.storage,
    )


def _grouped(rows: Any) -> Iterator[tuple[tuple[str, str], list[Any]]]:
    groups: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.relation, row.name].append(row)
    yield from groups.items()


def _column(row: Any, version: Version) -> Column:
    type_ = normal_type(row.type)
    extra = row.extra or ""
    return Column(
        row.name,
        type_,
        row.nullable == "YES",
        _default(row.value, type_, extra, version),
        _extra(extra),
        row.charset or "",
        row.collation or "",
    )


def _default(value: str | None, type_: str, extra: str, version: Version) -> str | None:
    """MariaDB tells a default as it would be written, MySQL strings without quotes and NULL as nothing."""
    if value is None or (version.is_mariadb and value.upper() == "NULL"):
        return None
    if type_.startswith(("timestamp", "datetime")) and normal_clock(value).startswith(NOW):
        return normal_clock(value)
    if version.is_mariadb:
        return value
    if "DEFAULT_GENERATED" in extra.upper():
        return f"({value})"
    if has_charset(type_) or type_.startswith(("timestamp", "date", "time", "year", "binary", "varbinary")):
        return "'" + value.replace("'", "''") + "'"
    return value


def _extra(text: str) -> str:
    """``auto_increment``, ``on update …``, ``generated`` or nothing."""
    if "GENERATED" in text.upper().replace("DEFAULT_GENERATED", ""):
        return "generated"
    found = _ON_UPDATE.search(text)
    if found:
        return normal_clock(found[0]).replace("ON UPDATE", "on update")
    return "auto_increment" if "auto_increment" in text.lower() else ""


def _rule(text: str) -> str:
    return "NO ACTION" if text == "RESTRICT" else text


def _add_index(table: _Found, name: str, rows: list[Any]) -> None:
    columns = tuple(row.part if row.part is not None else row.expression or "?" for row in rows)
    expressions = tuple(name for row, name in zip(rows, columns, strict=True) if row.part is None)
    prefix = tuple((row.part, int(row.prefix)) for row in rows if row.prefix and row.part is not None)
    kind = rows[0].kind.lower()
    special = "" if kind in ("btree", "hash") else f"using {kind}"
    if name == "PRIMARY":
        table.primary = PrimaryKey(name, columns, prefix)
    elif not int(rows[0].loose) and not expressions:
        table.unique.append(Unique(name, columns, prefix))
    else:
        implied = not prefix and not special and any(_implied(name, columns, link) for link in table.links)
        table.indexes.append(
            Index(name, columns, not int(rows[0].loose), () if special else prefix, expressions, (), implied, special)
        )


def _implied(name: str, columns: tuple[str, ...], link: ForeignKey) -> bool:
    """InnoDB names the index that it makes for a foreign key like the key, or like its first column."""
    plain = re.sub(r"_\d+$", "", name)
    return columns == link.columns and (name == link.name or columns[0] in (name, plain))
