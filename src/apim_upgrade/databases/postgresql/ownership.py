"""
New objects belong to whoever owns the old ones.

A DBA may run the tool as himself, but the product logs in as its own user: a table that the DBA's user owned would be
out of its reach. So the work is done in the role that owns the tables, where that is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql
from sqlalchemy import Connection

_OWNER = """
SELECT r.rolname, has_schema_privilege(r.oid, current_schema(), 'CREATE')
FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
WHERE c.relkind = 'r' AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))
GROUP BY r.oid, r.rolname ORDER BY count(*) DESC, r.rolname LIMIT 1
"""


@contextmanager
def as_owner(connection: Connection) -> Iterator[None]:
    """
    Do the rest of the transaction as the owner of most tables; nothing changes where that is the user already.

    PostgreSQL 15 and later let no ordinary user create anything in the schema ``public``. The owner is given that
    right for the length of the transaction only: the grant is taken back before it ends.
    """
    rows = connection.exec_driver_sql(_OWNER).all()
    owner = rows[0][0] if rows else None
    (user,) = connection.exec_driver_sql("SELECT current_user").one()
    if owner is None or owner == user:
        yield
        return
    (schema,) = connection.exec_driver_sql("SELECT current_schema()").one()
    lend = not rows[0][1]
    if lend:
        connection.exec_driver_sql(_text("GRANT CREATE ON SCHEMA {} TO {}", schema, owner))
    connection.exec_driver_sql(_text("SET LOCAL ROLE {}", owner))
    yield
    connection.exec_driver_sql("RESET ROLE")
    if lend:
        connection.exec_driver_sql(_text("REVOKE CREATE ON SCHEMA {} FROM {}", schema, owner))


def _text(form: str, *names: str) -> str:
    return sql.SQL(form).format(*(sql.Identifier(name) for name in names)).as_string()
