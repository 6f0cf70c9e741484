"""
SQL Server's DDL for scripts: T-SQL batches that look into the ``sys`` views.

Every statement is executed as text, because a batch is compiled as a whole and would not know the column that it has
just added. Written for 2017 and later; converting text to binary needs the UTF-8 collations of 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apim_upgrade.databases.identifiers import MSSQL
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.knowledge import trigger_body
from apim_upgrade.releases.model import Column, ForeignKey, Index, PrimaryKey, Table, Trigger, Unique
from apim_upgrade.schema.guarded import Always, ForEach, Guarded, When
from apim_upgrade.schema.mssql import types
from apim_upgrade.schema.scripted import ScriptedDdl, index_name, same_columns, text_literal


class SqlServer(ScriptedDdl):
    """Changes as T-SQL."""

    kind = "mssql"
    names = MSSQL
    types = types
    texts = ("VARCHAR", "NVARCHAR")
    size_function = "LEN"
    cascade = ""
    no_cache = "NO CACHE"

    def block(self, guarded: Iterable[Guarded]) -> str:
        """See the base class."""
        return "\n".join(line for number, each in enumerate(guarded, 1) for line in _written(each, "", number))

    def table_query(self, table: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM sys.tables WHERE object_id = {_object(table)}"

    def column_query(self, table: str, column: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM sys.columns WHERE object_id = {_object(table)} AND name = {_name(column)}"

    def type_query(self, table: str, column: str, type_: str) -> str:
        """See the base class."""
        name = text_literal(types.base(type_).lower())
        return f"{self.column_query(table, column)} AND TYPE_NAME(system_type_id) = {name}"

    def null_query(self, table: str, column: str, nullable: bool) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND is_nullable = {int(nullable)}"

    def key_query(self, table: str, key: PrimaryKey | Unique | ForeignKey) -> str:
        """See the base class."""
        if isinstance(key, ForeignKey):
            return (
                f"SELECT k.name AS NAME FROM sys.foreign_keys k "
                f"JOIN sys.foreign_key_columns p ON p.constraint_object_id = k.object_id "
                f"JOIN sys.columns c ON c.object_id = p.parent_object_id AND c.column_id = p.parent_column_id "
                f"WHERE k.parent_object_id = {_object(table)} AND k.referenced_object_id = {_object(key.ref_table)} "
                f"GROUP BY k.name HAVING {same_columns('c.name', key.columns)}"
            )
        letters = "PK" if isinstance(key, PrimaryKey) else "UQ"
        return (
            f"SELECT k.name AS NAME FROM sys.key_constraints k "
            f"JOIN sys.index_columns i ON i.object_id = k.parent_object_id AND i.index_id = k.unique_index_id "
            f"JOIN sys.columns c ON c.object_id = i.object_id AND c.column_id = i.column_id "
            f"WHERE k.parent_object_id = {_object(table)} AND k.type = '{letters}' "
            f"GROUP BY k.name HAVING {same_columns('c.name', key.columns)}"
        )

    def index_query(self, table: str, index: Index) -> str:
        """See the base class."""
        return (
            f"SELECT 1 AS HIT FROM sys.indexes WHERE object_id = {_object(table)} "
            f"AND name = {_name(index_name(table, index))}"
        )

    def sequence_query(self, name: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM sys.sequences WHERE object_id = {_object(name)}"

    def trigger_query(self, trigger: Trigger) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM sys.triggers WHERE object_id = {_object(trigger.name)}"

    def column(self, column: Column) -> str:
        """See the base class."""
        if "IDENTITY" in column.extra.upper():
            return f"{self.quoted(column.name)} {column.type} {column.extra} NOT NULL"
        default = "" if column.default is None else f" DEFAULT {column.default}"
        null = "NULL" if column.nullable else "NOT NULL"
        return f"{self.quoted(column.name)} {_collated(column.type, column)} {null}{default}"

    def create_index(self, table: str, index: Index) -> str:
        """See the base class."""
        create = super().create_index(table, index)
        return f"{create} INCLUDE ({self.list(index.include)})" if index.include else create

    def drop_index(self, table: str, name: str) -> str:
        """See the base class."""
        return f"DROP INDEX {self.quoted(name)} ON {self.quoted(table)}"

    def add_column(self, table: Table, column: Column) -> Guarded:
        """See the base class."""
        # Without WITH VALUES the rows that are there would get NULL where it is allowed.
        values = " WITH VALUES" if column.default is not None and column.nullable else ""
        return Always(f"ALTER TABLE {self.quoted(table.name)} ADD {self.column(column)}{values}")

    def rename_column(self, table: str, before: str, after: str) -> str:
        """See the base class."""
        return f"EXEC sp_rename N'{self.quoted(table)}.{self.quoted(before)}', N'{after.upper()}', N'COLUMN'"

    def alter_type(self, table: Table, column: Column, after: str) -> str:
        """See the base class."""
        return _with_primary_key_away(self._alter(table.name, column, after, column.nullable), table, column)

    def length_query(self, table: str, column: str, type_: str, *, longer: bool) -> str:
        """See the base class; -1 is the length of what has no limit."""
        length = types.bytes_of(type_)
        compared = (
            f"(max_length = -1 OR max_length > {length})" if longer else f"max_length > 0 AND max_length < {length}"
        )
        return f"{self.column_query(table, column)} AND {compared}"

    def narrow(self, table: Table, column: Column, after: str) -> Guarded:
        """See the base class."""
        narrowed = super().narrow(table, column, after)
        if table.primary_key is None or column.name not in table.primary_key.columns:
            return narrowed
        # A key that others refer to cannot go; a longer column than wanted does no harm.
        referring = f"SELECT 1 AS HIT FROM sys.foreign_keys WHERE referenced_object_id = {_object(table.name)}"
        return When(referring, False, narrowed)

    def converted(self, table: str, column: str, into: str, type_: str) -> str:
        """See the base class."""
        if types.base(type_) != "VARBINARY":
            raise KnowledgeError(f"How {table}.{column} becomes {type_} on SQL Server is not known.")
        utf8 = f"CAST({self.quoted(column)} COLLATE Latin1_General_100_CI_AS_SC_UTF8 AS VARCHAR(MAX))"
        return (
            f"UPDATE {self.quoted(table)} SET {self.quoted(into)} = CAST({utf8} AS VARBINARY(MAX)) "
            f"WHERE {self.quoted(column)} IS NOT NULL"
        )

    def nullable(self, table: Table, column: Column, nullable: bool) -> str:
        """See the base class."""
        return self._alter(table.name, column, column.type, nullable)

    def default(self, table: Table, column: str, default: str | None) -> Iterator[Guarded]:
        """See the base class."""
        alter = f"ALTER TABLE {self.quoted(table.name)}"
        yield ForEach(_defaults(table.name, column), f"{alter} DROP CONSTRAINT ")
        if default is not None:
            yield Always(f"{alter} ADD DEFAULT {default} FOR {self.quoted(column)}")

    def drop_column(self, table: Table, column: str) -> Iterator[Guarded]:
        """See the base class."""
        alter = f"ALTER TABLE {self.quoted(table.name)}"
        yield ForEach(_defaults(table.name, column), f"{alter} DROP CONSTRAINT ")
        for key in (*table.foreign_keys, *table.unique, table.primary_key):
            if key is not None and column in key.columns:
                yield ForEach(self.key_query(table.name, key), f"{alter} DROP CONSTRAINT ")
        for index in table.indexes:
            if column in (*index.columns, *index.include):
                drop = self.drop_index(table.name, index_name(table.name, index))
                yield When.there(self.index_query(table.name, index), drop)
        yield from super().drop_column(table, column)

    def create_trigger(self, trigger: Trigger) -> Iterator[Guarded]:
        """See the base class."""
        body = trigger_body(self.kind, trigger.name)
        create = (
            f"CREATE TRIGGER {self.quoted(trigger.name)} ON {self.quoted(trigger.table)} {trigger.timing} AS {body}"
        )
        yield When.missing(self.trigger_query(trigger), create)

    def id_trigger(self, trigger: Trigger, *, replacing: bool = False) -> str:
        """See the base class."""
        raise KnowledgeError(f"{trigger.name}: SQL Server numbers rows without triggers.")

    def with_identity(self, table: Table, column: Column, statement: str) -> tuple[str, ...]:
        """See the base class."""
        name = self.quoted(table.name)
        return (f"SET IDENTITY_INSERT {name} ON;\n{statement};\nSET IDENTITY_INSERT {name} OFF",)

    def refuse_unless(self, query: str, message: str) -> str:
        """See the base class."""
        return f"IF NOT EXISTS ({query})\n  THROW 50001, N{text_literal(message)}, 1;"

    def _alter(self, table: str, column: Column, type_: str, nullable: bool) -> str:
        null = "NULL" if nullable else "NOT NULL"
        whole = f"{self.quoted(column.name)} {_collated(type_, column)} {null}"
        return f"ALTER TABLE {self.quoted(table)} ALTER COLUMN {whole}"


def _collated(type_: str, column: Column) -> str:
    """Said again with every alteration; else the column would get the collation of the database."""
    return f"{type_} COLLATE {column.collation}" if column.collation else type_


def _with_primary_key_away(alter: str, table: Table, column: Column) -> str:
    """A column of the primary key keeps its type; so the key goes and comes again, by its name, in one transaction."""
    key = table.primary_key
    if key is None or column.name not in key.columns:
        return alter
    name = MSSQL.quoted(table.name)
    columns = ", ".join(MSSQL.quoted(each) for each in key.columns)
    return (
        f"DECLARE @key NVARCHAR(300) = (SELECT QUOTENAME(name) FROM sys.key_constraints "
        f"WHERE parent_object_id = {_object(table.name)} AND type = 'PK'); "
        f"DECLARE @away NVARCHAR(MAX) = N'ALTER TABLE {name} DROP CONSTRAINT ' + @key; "
        f"DECLARE @back NVARCHAR(MAX) = N'ALTER TABLE {name} ADD CONSTRAINT ' + @key + N' PRIMARY KEY ({columns})'; "
        f"SET XACT_ABORT ON; BEGIN TRANSACTION; EXEC(@away); {alter}; EXEC(@back); COMMIT"
    )


def _defaults(table: str, column: str) -> str:
    return (
        f"SELECT d.name AS NAME FROM sys.default_constraints d "
        f"JOIN sys.columns c ON c.object_id = d.parent_object_id AND c.column_id = d.parent_column_id "
        f"WHERE d.parent_object_id = {_object(table)} AND c.name = {_name(column)}"
    )


def _written(guarded: Guarded, indent: str, number: int) -> Iterator[str]:
    match guarded:
        case Always(statement):
            yield f"{indent}EXEC(N{text_literal(statement)});"
        case When(query, found, then):
            yield f"{indent}IF {'' if found else 'NOT '}EXISTS ({query})"
            yield f"{indent}BEGIN"
            yield from _written(then, indent + "  ", number)
            yield f"{indent}END;"
        case ForEach(query, before, after):
            variable = f"@all{number}"
            yield f"{indent}DECLARE {variable} NVARCHAR(MAX) = N'';"
            yield f"{indent}SELECT {variable} = {variable} + N{text_literal(before)} + QUOTENAME(NAME)"
            yield f"{indent}  + N{text_literal(after + ';')} FROM ({query}) AS names;"
            yield f"{indent}EXEC({variable});"


def _object(name: str) -> str:
    return f"OBJECT_ID(N'{MSSQL.quoted(name)}')"


def _name(name: str) -> str:
    return f"N{text_literal(name.upper())}"
