"""Privileges on tables and sequences that an upgrade made."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

# What nobody has granted anything on yet (relacl is NULL) and what the release brings, so never a customer's own table;
# whoever may do something on most of the tables that are granted on may do it on these.
_EXTEND = """
DO $privileges$
DECLARE
  each record;
BEGIN
  FOR each IN
    WITH stock AS (
      SELECT c.relname, c.relkind, c.relowner, c.relacl FROM pg_class c
      WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'S')
        AND c.relname = ANY ({names})
    ), granted AS (
      SELECT s.relkind, a.grantee, a.privilege_type, bool_and(a.is_grantable) AS further, count(*) AS objects
      FROM stock s CROSS JOIN LATERAL aclexplode(s.relacl) a
      WHERE a.grantee <> s.relowner GROUP BY s.relkind, a.grantee, a.privilege_type
    ), usual AS (
      SELECT g.*, CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS whom
      FROM granted g LEFT JOIN pg_roles r ON r.oid = g.grantee
      WHERE g.objects * 2 > (SELECT count(*) FROM stock s WHERE s.relkind = g.relkind AND s.relacl IS NOT NULL)
    )
    SELECT s.relname, CASE s.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
      u.privilege_type, u.whom, CASE WHEN u.further THEN ' WITH GRANT OPTION' ELSE '' END AS option
    FROM stock s JOIN usual u ON u.relkind = s.relkind
    WHERE s.relacl IS NULL AND u.whom IS NOT NULL ORDER BY s.relname, u.whom, u.privilege_type
  LOOP
    EXECUTE format('GRANT %s ON %s %I TO %s%s', each.privilege_type, each.kind, each.relname, each.whom, each.option);
  END LOOP;
END
$privileges$
"""


def extend_privileges(names: Iterable[str]) -> str:
    """Return the statement that lets everybody use these tables and sequences who may use the others."""
    listed = sql.SQL(", ").join(sql.Literal(name) for name in names)
    return _EXTEND.strip().replace("{names}", sql.SQL("ARRAY[{}]::name[]").format(listed).as_string())
