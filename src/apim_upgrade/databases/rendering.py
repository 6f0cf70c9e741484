"""
Statements as Oracle, SQL Server and DB2 would get them, values written in; nothing is sent, no driver is needed.

SQLAlchemy's own dialects do it. What is laid over them: names in upper case, as the product's scripts made them;
numbers for truth values, which older servers have no type for; an UPDATE of one table alone where there is no other;
and Oracle's empty text, which is NULL.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    Boolean,
    ClauseElement,
    Column,
    ColumnElement,
    Dialect,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Update,
)
from sqlalchemy.dialects import mssql, oracle
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import Executable, operators
from sqlalchemy.sql.compiler import IdentifierPreparer, SQLCompiler
from sqlalchemy.sql.elements import False_, True_
from sqlalchemy.types import TypeEngine

from apim_upgrade.databases.db2.dialect import db2_dialect
from apim_upgrade.databases.identifiers import OF_KIND
from apim_upgrade.databases.updates import without_from

KINDS = tuple(OF_KIND)
"""The DBMSs that statements are written for and that are never written to."""
_COMPARED = 2000
"""Characters of our own tables' texts that are compared: the longest path of the registry."""


def render(kind: str, statement: Executable | str) -> str:
    """Return a statement as the DBMS would get it. Raises EnvironmentProblem when a package for that is missing."""
    if isinstance(statement, str):
        return statement
    if isinstance(statement, CreateTable):
        statement = CreateTable(_of_comparable_texts(kind, statement.element))
    elif isinstance(statement, CreateIndex):
        statement = CreateIndex(statement.element)
    if not isinstance(statement, ClauseElement):
        raise TypeError(f"{type(statement).__name__} cannot be written as SQL")
    return str(statement.compile(dialect=_dialect(kind), compile_kwargs={"literal_binds": True})).strip()


def is_long(table: Table, column: Column[Any]) -> bool:
    """Say whether a column of one of our tables holds texts or bytes of any length there."""
    return isinstance(_plain_type(table, column), Text | LargeBinary)


def _of_comparable_texts(kind: str, table: Table) -> Table:
    """
    Return one of our tables for a DBMS that compares no long texts; also, not temporary.

    Its rows are loaded by somebody else, in a session of his own.
    """
    columns = [
        Column(
            column.name,
            _plain_type(table, column),
            primary_key=column.primary_key,
            autoincrement=False,
            nullable=column.nullable or _may_be_empty(kind, column),
        )
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _plain_type(table: Table, column: Column[Any]) -> TypeEngine[Any]:
    """Long texts of the tables that stay may be NULL; of what waits in a stage, only paths are texts without limit."""
    if isinstance(column.type, Boolean):
        return SmallInteger()
    compared = not column.nullable or "TEMPORARY" in table._prefixes
    unlimited = isinstance(column.type, String) and column.type.length is None
    return String(_COMPARED) if unlimited and (compared or not isinstance(column.type, Text)) else column.type


def _may_be_empty(kind: str, column: Column[Any]) -> bool:
    """An empty text is a value, which Oracle does not have."""
    return kind == "oracle" and isinstance(column.type, String) and not column.primary_key


_BINARY = {"oracle": "TO_BLOB(HEXTORAW('{}'))", "mssql": "0x{}", "db2": "BLOB(X'{}')"}
"""Bytes as values, from their hexadecimal digits."""


def _with_values(kind: str) -> type[SQLCompiler]:
    class WithValues(SQLCompiler):
        def visit_binary(self, binary: BinaryExpression[Any], *args: Any, **options: Any) -> str:
            """Truth is a number here, and IS takes none."""
            if isinstance(binary.right, True_ | False_) and binary.operator in (operators.is_, operators.is_not):
                left, number = self.process(binary.left, **options), int(isinstance(binary.right, True_))
                same = binary.operator is operators.is_
                return f"{left} = {number}" if same else f"({left} IS NULL OR {left} != {number})"
            text: str = super().visit_binary(binary, *args, **options)  # type: ignore[no-untyped-call]
            return text

        def render_literal_value(self, value: Any, type_: TypeEngine[Any], **options: Any) -> str:
            if isinstance(value, bytes):
                return _BINARY[kind].format(value.hex().upper())
            return super().render_literal_value(value, type_, **options)

    return WithValues


class _OneTableUpdates(SQLCompiler):
    def visit_update(self, update_stmt: Update, *args: Any, **options: Any) -> str:
        return super().visit_update(without_from(update_stmt), *args, **options)


class _EmptyIsNull(SQLCompiler):
    def visit_binary(self, binary: BinaryExpression[Any], *args: Any, **options: Any) -> str:
        if _is_empty(binary.right) and binary.operator in (operators.eq, operators.ne):
            word = "IS NULL" if binary.operator is operators.eq else "IS NOT NULL"
            return f"{self.process(binary.left, **options)} {word}"
        text: str = super().visit_binary(binary, *args, **options)  # type: ignore[no-untyped-call]
        return text

    def visit_coalesce_func(self, function: Any, **options: Any) -> str:
        """An empty text in place of NULL is there to be compared; a blank can be, and no such value is one."""
        parts = [
            "' '" if _is_empty(part) else self.process(part, **options) for part in function.clause_expr.element.clauses
        ]
        return f"coalesce({', '.join(parts)})"


def _is_empty(part: ColumnElement[Any]) -> bool:
    return isinstance(part, BindParameter) and part.value == ""


@cache
def _dialect(kind: str) -> Dialect:
    dialect, lessons = _VENDORS[kind]()
    compiler = (*lessons, _with_values(kind), dialect.statement_compiler)
    dialect.statement_compiler = type("Compiler", compiler, {})
    dialect.supports_native_boolean = False
    dialect.identifier_preparer = _preparer(kind, type(dialect.identifier_preparer))(dialect)
    return dialect


def _preparer(kind: str, base: type[IdentifierPreparer]) -> type[IdentifierPreparer]:
    names = OF_KIND[kind]

    def quote(self: IdentifierPreparer, ident: str, force: Any = None) -> str:
        return names.quoted(str(ident))

    return type("Preparer", (base,), {"quote": quote})


def _oracle() -> tuple[Dialect, tuple[type[SQLCompiler], ...]]:
    return oracle.dialect(), (_EmptyIsNull, _OneTableUpdates)  # type: ignore[no-untyped-call]


def _mssql() -> tuple[Dialect, tuple[type[SQLCompiler], ...]]:
    return mssql.dialect(deprecate_large_types=True), ()  # type: ignore[no-untyped-call]


def _db2() -> tuple[Dialect, tuple[type[SQLCompiler], ...]]:
    dialect = db2_dialect()
    described = dialect.type_compiler_instance

    class WithLengths(type(described)):  # type: ignore[misc]
        """Every text has a length there, also one that something is cast to; 1 GB is the most that is logged."""

        def visit_VARCHAR(self, type_: Any, **options: Any) -> str:  # noqa: N802 - the base class's
            return f"VARCHAR({type_.length or _COMPARED})"

        def visit_BLOB(self, type_: Any, **options: Any) -> str:  # noqa: N802 - the base class's
            return "BLOB(1G)"

    dialect.type_compiler = dialect.type_compiler_instance = WithLengths(dialect)
    return dialect, (_OneTableUpdates,)


_VENDORS = {"oracle": _oracle, "mssql": _mssql, "db2": _db2}
