"""
SQLAlchemy's MySQL dialect, taught what our statements leave unsaid.

- **Names of tables.** Statements name tables in lower case; MySQL compares them with regard to case where files are.
  They are written as they really are, once :meth:`Names.know` was told, and else in upper case, as all stock scripts
  have them. Tables of our own (``apim_upgrade_…``) are as we write them.
- **Texts of ours beside the product's.** No index serves a comparison of two collations, and without one a join takes
  the square of the rows. So where a text column of the product that an index begins with has to equal one of ours, the
  same is said once more in the column's own collation; what is equal byte by byte is equal there too.
- **Columns that change by themselves.** ``ON UPDATE CURRENT_TIMESTAMP`` gives a row a new time whenever a statement
  touches it. Every UPDATE of ours sets such columns to themselves, which keeps them.
- **Tables of our own** hold any text, compared as PostgreSQL does: utf8mb4, byte by byte, long texts unbounded,
  moments with microseconds. Their indexes are made with them, because CREATE INDEX would commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BinaryExpression, ColumnClause, ColumnElement, Index, Table, TableClause, Text, Update
from sqlalchemy.dialects.mysql.base import (
    MySQLDDLCompiler,
    MySQLIdentifierPreparer,
    MySQLTypeCompiler,
)
from sqlalchemy.dialects.mysql.mysqldb import MySQLCompiler_mysqldb
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import ClauseElement, Grouping
from sqlalchemy.sql.selectable import Alias

OWN = "apim_upgrade_"
_AFTER_TABLES = "\x00"
_PREFIX = 191
"""Characters of a long text that an index holds; 4 bytes each fit the smallest limit of a key, 767 bytes."""


class Names:
    """The tables of one database as they really are."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}
        self.changing: Mapping[str, tuple[str, ...]] = {}
        """By table in lower case, the columns that ``ON UPDATE CURRENT_TIMESTAMP`` changes."""
        self.indexed: Mapping[tuple[str, str], str] = {}
        """By table and column in lower case, the collation of texts that an index begins with."""
        self.stale = True
        """Whether tables may have come or changed since :meth:`know` was told."""

    def know(
        self,
        tables: Iterable[str],
        changing: Mapping[str, tuple[str, ...]],
        indexed: Mapping[tuple[str, str], str],
    ) -> bool:
        """Learn what there is; return whether anything is new."""
        real = {name.lower(): name for name in tables}
        news = any(self._real.get(name) != as_is for name, as_is in real.items())
        news = news or changing != self.changing or indexed != self.indexed
        self._real |= real
        self.changing, self.indexed = changing, indexed
        return news

    def meet(self, statement: ClauseElement) -> None:
        """Learn which words of a statement are tables, so that those yet to come are spelled as they will be."""
        for element in visitors.iterate(statement):
            if isinstance(element, TableClause):
                self._real.setdefault(element.name.lower(), _stock(element.name))

    def real(self, table: str) -> str:
        """Return how a table is really spelled."""
        return self._real.get(table.lower()) or _stock(table)

    def known(self, word: str) -> str:
        """Return a word as it is spelled when it is the name of a table; any other unchanged."""
        return self._real.get(word, word)


def _stock(table: str) -> str:
    return table if table.startswith(OWN) else table.upper()


class _Preparer(MySQLIdentifierPreparer):
    dialect: OurMySQL

    def quote(self, ident: str) -> str:
        # Columns and labels pass here as well; MySQL does not care how those are spelled.
        return super().quote(self.dialect.names.known(ident))


class _Compiler(MySQLCompiler_mysqldb):
    dialect: OurMySQL

    def update_tables_clause(self, update_stmt: Update, *arguments: Any, **options: Any) -> str:
        return super().update_tables_clause(update_stmt, *arguments, **options) + _AFTER_TABLES

    def visit_update(self, update_stmt: Update, *arguments: Any, **options: Any) -> str:
        text = super().visit_update(update_stmt, *arguments, **options)
        return text.replace(f"{_AFTER_TABLES} SET ", f" SET {self._kept(update_stmt)}", 1)

    def visit_binary(self, binary: BinaryExpression[Any], *arguments: Any, **options: Any) -> str:
        text: str = super().visit_binary(binary, *arguments, **options)  # type: ignore[no-untyped-call]
        if binary.operator is not operators.eq:
            return text
        for theirs, ours in ((binary.left, binary.right), (binary.right, binary.left)):
            collation = self._indexed(theirs)
            if collation and _is_ours(ours):
                own, value = (self.process(each, **options) for each in (theirs, ours))
                charset = collation.partition("_")[0]
                return f"({text} AND {own} = CONVERT({value} USING {charset}) COLLATE {collation})"
        return text

    def visit_length_func(self, fn: Any, **options: Any) -> str:
        # LENGTH counts bytes here; of bytes CHAR_LENGTH counts them just the same.
        return f"CHAR_LENGTH{self.function_argspec(fn, **options)}"

    def _indexed(self, column: ColumnElement[Any]) -> str:
        """The collation of a text column of the product that an index begins with; of anything else, nothing."""
        table = _product_table(column)
        return "" if table is None else self.dialect.names.indexed.get((table.lower(), str(column.name).lower()), "")

    def _kept(self, statement: Update) -> str:
        if not isinstance(statement.table, TableClause):
            return ""
        named = {str(getattr(column, "name", column)).lower() for column in statement._values or ()}
        table = self.preparer.quote(statement.table.name)
        columns = [
            f"{table}.{self.preparer.quote(name)}"
            for name in self.dialect.names.changing.get(statement.table.name.lower(), ())
            if name.lower() not in named
        ]
        return "".join(f"{column} = {column}, " for column in columns)


def _is_ours(element: object) -> bool:
    """Say whether it is a column of a table or query of ours, or a text that is put together."""
    if isinstance(element, Grouping):
        return _is_ours(element.element)
    if isinstance(element, BinaryExpression):
        return element.operator is operators.concat_op
    return isinstance(element, ColumnClause) and _product_table(element) is None


def _product_table(element: ColumnElement[Any]) -> str | None:
    """The table of the product that a column is one of; None for columns of tables and queries of ours."""
    table = element.table if isinstance(element, ColumnClause) else None
    while isinstance(table, Alias):
        table = table.element
    return table.name if isinstance(table, TableClause) and not table.name.startswith(OWN) else None


class _DDLCompiler(MySQLDDLCompiler):
    def create_table_constraints(self, table: Any, *arguments: Any, **options: Any) -> str:
        text: str = super().create_table_constraints(table, *arguments, **options)  # type: ignore[no-untyped-call]
        inside = [self._index(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
        return ", \n\t".join(part for part in (text, *inside) if part)

    def _index(self, index: Index) -> str:
        columns = ", ".join(
            self.preparer.quote(column.name) + (f"({_PREFIX})" if isinstance(column.type, Text) else "")
            for column in index.columns
        )
        return f"{'UNIQUE ' if index.unique else ''}INDEX {self.preparer.quote(str(index.name))} ({columns})"

    def visit_create_index(self, create: Any, *arguments: Any, **options: Any) -> str:
        if str(create.element.table.name).startswith(OWN):
            return "DO 0"  # made with its table
        text: str = super().visit_create_index(create, *arguments, **options)
        return text

    def post_create_table(self, table: Table) -> str:
        return f"{super().post_create_table(table)} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"


class _TypeCompiler(MySQLTypeCompiler):
    def visit_TEXT(self, type_: Any, **options: Any) -> str:  # noqa: N802 - SQLAlchemy's name
        return "LONGTEXT"

    def visit_VARCHAR(self, type_: Any, **options: Any) -> str:  # noqa: N802
        return super().visit_VARCHAR(type_, **options) if type_.length else "LONGTEXT"

    def visit_BLOB(self, type_: Any, **options: Any) -> str:  # noqa: N802
        return "LONGBLOB"

    def visit_DATETIME(self, type_: Any, **options: Any) -> str:  # noqa: N802
        return "DATETIME(6)"


class OurMySQL(MySQLDialect_pymysql):
    """See the module."""

    supports_statement_cache = True
    statement_compiler = _Compiler
    ddl_compiler = _DDLCompiler
    type_compiler_cls = _TypeCompiler
    preparer = _Preparer  # type: ignore[assignment]

    def __init__(self, names: Names | None = None, **options: Any) -> None:
        self.names = names or Names()
        super().__init__(**options)
