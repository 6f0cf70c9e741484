"""
DB2's DDL for scripts: compound statements that look into the ``SYSCAT`` views of the current schema.

Written for Db2 11.1 and later on Linux, UNIX and Windows. Some alterations leave a table in a state in which it can
only be read; a REORG follows each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from apim_upgrade.databases.identifiers import DB2
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.model import Column, ForeignKey, Index, PrimaryKey, Schema, Table, Trigger, Unique
from apim_upgrade.schema.changes import AddColumn, Alteration, AlterTable, Change, Narrow
from apim_upgrade.schema.db2 import types
from apim_upgrade.schema.guarded import Always, ForEach, Guarded, When, statements
from apim_upgrade.schema.scripted import ScriptedDdl, index_name, same_columns, text_literal

_IDENTITY = "GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1)"
_LONGEST_MESSAGE = 70
_LOCKING = re.compile(r"DROP COLUMN|(SET|DROP) NOT NULL|SET GENERATED")
"""What leaves a table in a state in which it can only be read; a longer VARCHAR does not."""


class Db2(ScriptedDdl):
    """Changes as SQL PL."""

    kind = "db2"
    names = DB2
    types = types
    texts = ("VARCHAR",)
    size_function = "LENGTH"
    cascade = " CASCADE"
    no_cache = "NO CACHE"

    def ddl(self, change: Change, before: Schema) -> tuple[str, ...]:
        """See the base class."""
        written: list[str] = []
        for guarded in self.guarded(change, before):
            written.append(self.block(guarded))
            texts = [text for each in guarded for text in statements(each)]
            if isinstance(change, Narrow) or any(_LOCKING.search(text) for text in texts):
                written.append(_reorganise(_table_of(change)))
        return tuple(written)

    def alteration(self, table: Table, alteration: Alteration) -> Iterator[list[Guarded]]:
        """See the base class."""
        if isinstance(alteration, AddColumn) and "IDENTITY" in self._extra(alteration.column):
            yield from self._numbered(table, alteration.column)
        else:
            yield from super().alteration(table, alteration)

    def _numbered(self, table: Table, column: Column) -> Iterator[list[Guarded]]:
        """A new column of generated numbers: DB2 adds none to a table, but takes one of zeros for that."""
        name = self.quoted(column.name)
        alter = f"ALTER TABLE {self.quoted(table.name)}"
        there = self.column_query(table.name, column.name)
        plain = f"{there} AND IDENTITY = 'N'"
        add = f"{alter} ADD COLUMN {name} {self.type_of(column)} NOT NULL DEFAULT 0"
        yield [When.missing(there, add)]
        yield [When.there(f"{plain} AND DEFAULT IS NOT NULL", f"{alter} ALTER COLUMN {name} DROP DEFAULT")]
        yield [When.there(plain, f"{alter} ALTER COLUMN {name} SET {self._extra(column)}")]
        yield [Always(f"UPDATE {self.quoted(table.name)} SET {name} = DEFAULT WHERE {name} = 0")]

    def block(self, guarded: Iterable[Guarded]) -> str:
        """See the base class."""
        return "\n".join(["BEGIN", *(line for each in guarded for line in _written(each, "  ")), "END"])

    def table_query(self, table: str) -> str:
        """See the base class."""
        return (
            f"SELECT 1 AS HIT FROM SYSCAT.TABLES WHERE TABSCHEMA = CURRENT_SCHEMA AND TYPE = 'T' "
            f"AND TABNAME = {_name(table)}"
        )

    def column_query(self, table: str, column: str) -> str:
        """See the base class."""
        return (
            f"SELECT 1 AS HIT FROM SYSCAT.COLUMNS WHERE TABSCHEMA = CURRENT_SCHEMA AND TABNAME = {_name(table)} "
            f"AND COLNAME = {_name(column)}"
        )

    def type_query(self, table: str, column: str, type_: str) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND TYPENAME = {text_literal(types.dictionary_name(type_))}"

    def null_query(self, table: str, column: str, nullable: bool) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND NULLS = {text_literal('Y' if nullable else 'N')}"

    def key_query(self, table: str, key: PrimaryKey | Unique | ForeignKey) -> str:
        """See the base class."""
        letter = "P" if isinstance(key, PrimaryKey) else "U" if isinstance(key, Unique) else "F"
        joined = where = ""
        if isinstance(key, ForeignKey):
            joined = (
                " JOIN SYSCAT.REFERENCES R ON R.CONSTNAME = C.CONSTNAME "
                "AND R.TABSCHEMA = C.TABSCHEMA AND R.TABNAME = C.TABNAME"
            )
            where = f" AND R.REFTABNAME = {_name(key.ref_table)}"
        return (
            f"SELECT C.CONSTNAME AS NAME FROM SYSCAT.TABCONST C JOIN SYSCAT.KEYCOLUSE K "
            f"ON K.CONSTNAME = C.CONSTNAME AND K.TABSCHEMA = C.TABSCHEMA AND K.TABNAME = C.TABNAME{joined} "
            f"WHERE C.TABSCHEMA = CURRENT_SCHEMA AND C.TABNAME = {_name(table)} AND C.TYPE = '{letter}'{where} "
            f"GROUP BY C.CONSTNAME HAVING {same_columns('K.COLNAME', key.columns)}"
        )

    def index_query(self, table: str, index: Index) -> str:
        """See the base class."""
        return (
            f"SELECT 1 AS HIT FROM SYSCAT.INDEXES WHERE TABSCHEMA = CURRENT_SCHEMA AND TABNAME = {_name(table)} "
            f"AND INDNAME = {_name(index_name(table, index))}"
        )

    def sequence_query(self, name: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM SYSCAT.SEQUENCES WHERE SEQSCHEMA = CURRENT_SCHEMA AND SEQNAME = {_name(name)}"

    def trigger_query(self, trigger: Trigger) -> str:
        """See the base class."""
        name = _name(trigger.name)
        return f"SELECT 1 AS HIT FROM SYSCAT.TRIGGERS WHERE TRIGSCHEMA = CURRENT_SCHEMA AND TRIGNAME = {name}"

    def column(self, column: Column) -> str:
        """See the base class."""
        name, extra = self.quoted(column.name), self._extra(column)
        if extra.startswith("GENERATED"):
            return f"{name} {self.type_of(column)} NOT NULL {extra}"
        default = "" if column.default is None else f" DEFAULT {column.default}"
        null = "" if column.nullable else " NOT NULL"
        return f"{name} {self.type_of(column)}{f' {extra}' if extra else ''}{null}{default}"

    def _extra(self, column: Column) -> str:
        # The script of 4.1.0 has MySQL's word here, which DB2 refuses.
        return _IDENTITY if column.extra == "auto_increment" else column.extra

    def type_of(self, column: Column) -> str:
        """See the base class."""
        # The script of 4.1.0 has MySQL's type here.
        return "BLOB" if column.type == "LONGBLOB" else column.type

    def add_column(self, table: Table, column: Column) -> Guarded:
        """See the base class."""
        return Always(f"ALTER TABLE {self.quoted(table.name)} ADD COLUMN {self.column(column)}")

    def alter_type(self, table: Table, column: Column, after: str) -> str:
        """See the base class."""
        return f"ALTER TABLE {self.quoted(table.name)} ALTER COLUMN {self.quoted(column.name)} SET DATA TYPE {after}"

    def length_query(self, table: str, column: str, type_: str, *, longer: bool) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND LENGTH {'>' if longer else '<'} {types.length(type_)}"

    def converted(self, table: str, column: str, into: str, type_: str) -> str:
        """See the base class."""
        name = self.quoted(column)
        match types.base(type_):
            case "BLOB":
                value = f"BLOB({name})"
            case "BOOLEAN":
                value = f"CASE WHEN {name} = 0 THEN FALSE ELSE TRUE END"
            case _:
                raise KnowledgeError(f"How {table}.{column} becomes {type_} on DB2 is not known.")
        return f"UPDATE {self.quoted(table)} SET {self.quoted(into)} = {value} WHERE {name} IS NOT NULL"

    def nullable(self, table: Table, column: Column, nullable: bool) -> str:
        """See the base class."""
        word = "DROP" if nullable else "SET"
        return f"ALTER TABLE {self.quoted(table.name)} ALTER COLUMN {self.quoted(column.name)} {word} NOT NULL"

    def default(self, table: Table, column: str, default: str | None) -> Iterator[Guarded]:
        """See the base class."""
        alter = f"ALTER TABLE {self.quoted(table.name)} ALTER COLUMN {self.quoted(column)}"
        if default is None:
            yield When.there(
                f"{self.column_query(table.name, column)} AND DEFAULT IS NOT NULL", f"{alter} DROP DEFAULT"
            )
        else:
            yield Always(f"{alter} SET DEFAULT {default}")

    def create_trigger(self, trigger: Trigger) -> Iterator[Guarded]:
        """See the base class."""
        if not trigger.sequence:
            raise KnowledgeError(f"What trigger {trigger.name} does on DB2 is not known.")
        yield When.missing(self.trigger_query(trigger), self.id_trigger(trigger))

    def id_trigger(self, trigger: Trigger, *, replacing: bool = False) -> str:
        """See the base class."""
        column = self.quoted(trigger.column)
        when = f"WHEN (NEW.{column} IS NULL) " if trigger.only_when_null else ""
        return (
            f"CREATE {'OR REPLACE ' if replacing else ''}TRIGGER {self.quoted(trigger.name)} "
            f"NO CASCADE {trigger.timing} ON {self.quoted(trigger.table)} REFERENCING NEW AS NEW FOR EACH ROW {when}"
            f"BEGIN ATOMIC SET (NEW.{column}) = (NEXTVAL FOR {self.quoted(trigger.sequence)}); END"
        )

    def with_identity(self, table: Table, column: Column, statement: str) -> tuple[str, ...]:
        """See the base class."""
        alter = f"ALTER TABLE {self.quoted(table.name)} ALTER COLUMN {self.quoted(column.name)} SET GENERATED"
        return f"{alter} BY DEFAULT", statement, f"{alter} ALWAYS"

    def refuse_unless(self, query: str, message: str) -> str:
        """See the base class."""
        text = text_literal(message[:_LONGEST_MESSAGE])
        return (
            f"BEGIN\n  IF NOT EXISTS ({query}) THEN\n"
            f"    SIGNAL SQLSTATE '75001' SET MESSAGE_TEXT = {text};\n  END IF;\nEND"
        )


def _table_of(change: Change) -> str:
    assert isinstance(change, AlterTable | Narrow)  # noqa: S101 - nothing else alters a column
    return change.table


def _reorganise(table: str) -> str:
    return f"CALL SYSPROC.ADMIN_CMD('REORG TABLE {DB2.quoted(table)}')"


def _written(guarded: Guarded, indent: str) -> Iterator[str]:
    match guarded:
        case Always(statement):
            yield f"{indent}EXECUTE IMMEDIATE {text_literal(statement)};"
        case When(query, found, then):
            yield f"{indent}IF {'' if found else 'NOT '}EXISTS ({query}) THEN"
            yield from _written(then, indent + "  ")
            yield f"{indent}END IF;"
        case ForEach(query, before, after):
            rest = f" || {text_literal(after)}" if after else ""
            yield f"{indent}FOR EACH_NAME AS {query} DO"
            yield f"{indent}  EXECUTE IMMEDIATE {text_literal(before)} || '\"' || EACH_NAME.NAME || '\"'{rest};"
            yield f"{indent}END FOR;"


def _name(name: str) -> str:
    return text_literal(name.upper())
