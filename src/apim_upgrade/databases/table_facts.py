"""What the server itself keeps about tables: sizes and estimates, at no cost, however large they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.databases.session import PostgresSession


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One table: ``rows`` is the server's estimate (-1 when it has none), ``size`` in bytes with indexes."""

    rows: int
    size: int
    owned: bool
    """Whether the user may change the table's shape."""


def server_version(session: PostgresSession) -> str:
    """Return the server's version, such as ``15.4``."""
    return str(session.all("SHOW server_version")[0][0]).split()[0]


def table_facts(session: PostgresSession) -> Mapping[str, TableFacts]:
    """Return the facts of every table on the search path."""
    rows = session.all(
        "SELECT c.relname AS name, c.reltuples::bigint AS estimate, pg_total_relation_size(c.oid) AS size, "
        "pg_has_role(c.relowner, 'USAGE') AS owned FROM pg_class c "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace::regnamespace::text = ANY (current_schemas(false)) "
        "AND pg_table_is_visible(c.oid)"
    )
    return {row.name: TableFacts(row.estimate, row.size, row.owned) for row in rows}
