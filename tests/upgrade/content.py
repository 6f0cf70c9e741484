"""A hash of everything an estate holds, with what two honest runs may differ in taken out: generated numbers."""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy import table as sql_table

from apim_upgrade.databases import Database
from apim_upgrade.engine import journal
from apim_upgrade.schema import introspect

_OWN = "apim_upgrade_"
# Numbers drawn from sequences: a rolled-back step leaves gaps, so two runs may number the same rows differently.
_NUMBERED = re.compile(r"(^id$|_id$|^reg_version$|^reg_content_id$|^reg_path_parent_id$)")


class _Form(NamedTuple):
    """How a server is asked for the hash of a row."""

    value: str
    between: str
    query: str


_POSTGRESQL = _Form("coalesce(t.\"{}\"::text, '~')", " || '|' || ", 'SELECT md5({}) AS line FROM "{}" t ORDER BY 1')
_MYSQL = _Form("coalesce(hex(t.`{}`), '~')", ", ", "SELECT md5(concat_ws('|', {})) AS line FROM `{}` t ORDER BY 1")


def content_hash(*databases: Database) -> dict[str, str]:
    """Return table → hash over all its rows in any order, ``database.table`` by name."""
    hashes = {}
    for database in databases:
        with database.read() as session:
            for name, table in sorted(introspect(session).tables.items()):
                if name.startswith(_OWN) and not name.startswith(_OWN + "quarantine"):
                    continue
                form = _MYSQL if database.kind == "mysql" else _POSTGRESQL
                columns = [
                    "'#'"
                    if _NUMBERED.search(column.name.lower()) and column.type in ("integer", "bigint", "int")
                    else form.value.format(column.name)
                    for column in table.columns
                ]
                digest = hashlib.sha256()
                for line in session.stream(form.query.format(form.between.join(columns), name)):
                    digest.update(line.line.encode())
                hashes[f"{database.name}.{name}"] = digest.hexdigest()
    return hashes


def row_count(database: Database, table: str) -> int:
    with database.read() as session:
        return int(session.all(select(func.count()).select_from(sql_table(table)))[0][0])


def journal_states(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {entry.step: entry.state for entry in journal.read_entries(session)}
