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


@compiles(ContinueIds, "oracle")
def _oracle(element: ContinueIds, compiler: SQLCompiler, **_: Any) -> str:
    # The sequence is the one that the table's trigger draws from.
    table, column = _names(element, compiler)
    return (
        f"DECLARE\n  missing NUMBER;\n  drawn NUMBER;\nBEGIN\n"
        f"  FOR item IN (SELECT d.REFERENCED_NAME AS name FROM USER_TRIGGERS t JOIN USER_DEPENDENCIES d "
        f"ON d.NAME = t.TRIGGER_NAME AND d.TYPE = 'TRIGGER' AND d.REFERENCED_TYPE = 'SEQUENCE' "
        f"WHERE t.TABLE_NAME = '{table}') LOOP\n"
        f"    EXECUTE IMMEDIATE 'SELECT \"' || item.name || '\".NEXTVAL FROM DUAL' INTO drawn;\n"
        f"    SELECT NVL(MAX({column}), 0) - drawn INTO missing FROM {table};\n"
        f"    IF missing > 0 THEN\n"
        f"      EXECUTE IMMEDIATE 'ALTER SEQUENCE \"' || item.name || '\" INCREMENT BY ' || missing;\n"
        f"      EXECUTE IMMEDIATE 'SELECT \"' || item.name || '\".NEXTVAL FROM DUAL' INTO drawn;\n"
        f"      EXECUTE IMMEDIATE 'ALTER SEQUENCE \"' || item.name || '\" INCREMENT BY 1';\n"
        f"    END IF;\n  END LOOP;\nEND;"
    )


@compiles(ContinueIds, "mssql")
def _mssql(element: ContinueIds, compiler: SQLCompiler, **_: Any) -> str:
    # Without a number it corrects the counter by what the table holds.
    table, _column = _names(element, compiler)
    return f"DBCC CHECKIDENT (N'{table}', RESEED)"


@compiles(ContinueIds, "ibm_db_sa")
def _db2(element: ContinueIds, compiler: SQLCompiler, **_: Any) -> str:
    # The column either generates its numbers or has a trigger that draws from a sequence.
    table, column = _names(element, compiler)
    return (
        f"BEGIN\n  DECLARE following BIGINT;\n"
        f"  SET following = (SELECT COALESCE(MAX({column}), 0) + 1 FROM {table});\n"
        f"  IF EXISTS (SELECT 1 FROM SYSCAT.COLUMNS WHERE TABSCHEMA = CURRENT_SCHEMA AND TABNAME = '{table}' "
        f"AND COLNAME = '{column}' AND IDENTITY = 'Y') THEN\n"
        f"    EXECUTE IMMEDIATE 'ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH ' || following;\n"
        f"  END IF;\n"
        f"  FOR item AS SELECT d.BNAME AS name FROM SYSCAT.TRIGGERS t JOIN SYSCAT.TRIGDEP d "
        f"ON d.TRIGSCHEMA = t.TRIGSCHEMA AND d.TRIGNAME = t.TRIGNAME AND d.BTYPE = 'Q' "
        f"WHERE t.TABSCHEMA = CURRENT_SCHEMA AND t.TABNAME = '{table}' DO\n"
        f"    EXECUTE IMMEDIATE 'ALTER SEQUENCE \"' || item.name || '\" RESTART WITH ' || following;\n"
        f"  END FOR;\nEND"
    )


def _names(element: ContinueIds, compiler: SQLCompiler) -> tuple[str, str]:
    return compiler.preparer.quote(element.table.name), compiler.preparer.quote(element.column)
