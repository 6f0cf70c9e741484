"""Numbers that a database hands out by itself: how to continue after rows were written with numbers of our own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TableClause
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable


class ContinueIds(Executable, ClauseElement):
    """
    A statement that lets a generated column go on behind the greatest number in its table.

    Rows that belong together are written with explicit numbers (one statement each, no round trip per row); the
    product's next insert must not meet them. Where the server counts such rows itself nothing is to be done.
    """

    inherit_cache = False

    def __init__(self, table: TableClause, column: str) -> None:
        self.table = table
        self.column = column


@compiles(ContinueIds, "postgresql")
def _postgresql(element: ContinueIds, compiler: SQLCompiler, **_: Any) -> str:
    # The sequence is found by the column's default, because it belongs to no column and may have any name.
    table, column = (compiler.preparer.quote(name) for name in (element.table.name, element.column))
    return (
        f"SELECT setval(s.refobjid::regclass, greatest(nextval(s.refobjid::regclass), "
        f"(SELECT coalesce(max({column}), 0) FROM {table}) + 1), false) "
        f"FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum "
        f"JOIN pg_depend s ON s.classid = 'pg_attrdef'::regclass AND s.objid = d.oid "
        f"AND s.refclassid = 'pg_class'::regclass JOIN pg_class c ON c.oid = s.refobjid AND c.relkind = 'S' "
        f"WHERE d.adrelid = '{table}'::regclass AND a.attname = '{element.column}'"
    )


@compiles(ContinueIds, "mysql")
def _mysql(element: ContinueIds, compiler: SQLCompiler, **_: Any) -> str:
    return "DO 0"  # AUTO_INCREMENT counts rows with numbers of their own by itself
