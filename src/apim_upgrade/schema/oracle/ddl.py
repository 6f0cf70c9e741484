"""
Oracle's DDL for scripts: PL/SQL blocks that look into the user's own part of the data dictionary.

Written for 12.2 and later, as the product's own scripts are: their names are longer than the 30 bytes of before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from apim_upgrade.databases.identifiers import ORACLE
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.knowledge import trigger_body
from apim_upgrade.releases.model import Column, ForeignKey, Index, PrimaryKey, Table, Trigger, Unique
from apim_upgrade.schema.guarded import Always, ForEach, Guarded, When
from apim_upgrade.schema.oracle import types
from apim_upgrade.schema.scripted import ScriptedDdl, index_name, same_columns, text_literal


class Oracle(ScriptedDdl):
    """Changes as PL/SQL."""

    kind = "oracle"
    names = ORACLE
    types = types
    texts = ("VARCHAR2",)
    size_function = "LENGTHB"
    cascade = " CASCADE CONSTRAINTS"
    no_cache = "NOCACHE"

    def block(self, guarded: Iterable[Guarded]) -> str:
        """See the base class."""
        lines = [line for each in guarded for line in _written(each, "  ")]
        declared = ["DECLARE", "  hits INTEGER;"] if any("INTO hits" in line for line in lines) else []
        return "\n".join([*declared, "BEGIN", *lines, "END;"])

    def table_query(self, table: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM USER_TABLES WHERE TABLE_NAME = {_name(table)}"

    def column_query(self, table: str, column: str) -> str:
        """See the base class."""
        return (
            f"SELECT 1 AS HIT FROM USER_TAB_COLUMNS WHERE TABLE_NAME = {_name(table)} AND COLUMN_NAME = {_name(column)}"
        )

    def type_query(self, table: str, column: str, type_: str) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND DATA_TYPE = {text_literal(types.dictionary_name(type_))}"

    def null_query(self, table: str, column: str, nullable: bool) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND NULLABLE = {text_literal('Y' if nullable else 'N')}"

    def key_query(self, table: str, key: PrimaryKey | Unique | ForeignKey) -> str:
        """See the base class."""
        letter = "P" if isinstance(key, PrimaryKey) else "U" if isinstance(key, Unique) else "R"
        joined = where = ""
        if isinstance(key, ForeignKey):
            joined = " JOIN USER_CONSTRAINTS R ON R.CONSTRAINT_NAME = C.R_CONSTRAINT_NAME"
            where = f" AND R.TABLE_NAME = {_name(key.ref_table)}"
        return (
            f"SELECT C.CONSTRAINT_NAME AS NAME FROM USER_CONSTRAINTS C "
            f"JOIN USER_CONS_COLUMNS K ON K.CONSTRAINT_NAME = C.CONSTRAINT_NAME{joined} "
            f"WHERE C.TABLE_NAME = {_name(table)} AND C.CONSTRAINT_TYPE = '{letter}'{where} "
            f"GROUP BY C.CONSTRAINT_NAME HAVING {same_columns('K.COLUMN_NAME', key.columns)}"
        )

    def index_query(self, table: str, index: Index) -> str:
        """See the base class."""
        named = f"SELECT INDEX_NAME FROM USER_INDEXES WHERE INDEX_NAME = {_name(index_name(table, index))}"
        if not index.columns or index.expressions:
            return named
        # A second index on the same columns is refused, whatever its name.
        columns = ",".join(column.upper() for column in index.columns)
        return (
            f"{named} UNION SELECT INDEX_NAME FROM USER_IND_COLUMNS WHERE TABLE_NAME = {_name(table)} "
            f"GROUP BY INDEX_NAME HAVING "
            f"LISTAGG(COLUMN_NAME, ',') WITHIN GROUP (ORDER BY COLUMN_POSITION) = {text_literal(columns)}"
        )

    def sequence_query(self, name: str) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM USER_SEQUENCES WHERE SEQUENCE_NAME = {_name(name)}"

    def trigger_query(self, trigger: Trigger) -> str:
        """See the base class."""
        return f"SELECT 1 AS HIT FROM USER_TRIGGERS WHERE TRIGGER_NAME = {_name(trigger.name)}"

    def add_column(self, table: Table, column: Column) -> Guarded:
        """See the base class."""
        return Always(f"ALTER TABLE {self.quoted(table.name)} ADD ({self.column(column)})")

    def alter_type(self, table: Table, column: Column, after: str) -> str:
        """See the base class."""
        return f"ALTER TABLE {self.quoted(table.name)} MODIFY ({self.quoted(column.name)} {after})"

    def length_query(self, table: str, column: str, type_: str, *, longer: bool) -> str:
        """See the base class."""
        return f"{self.column_query(table, column)} AND CHAR_LENGTH {'>' if longer else '<'} {types.length(type_)}"

    def converted(self, table: str, column: str, into: str, type_: str) -> str:
        """See the base class."""
        if types.base(type_) != "BLOB":
            raise KnowledgeError(f"How {table}.{column} becomes {type_} on Oracle is not known.")
        # In SQL alone a RAW ends at 2000 bytes; in PL/SQL it does not.
        return (
            f"BEGIN FOR item IN (SELECT ROWID AS place, {self.quoted(column)} AS old_value FROM {self.quoted(table)} "
            f"WHERE {self.quoted(column)} IS NOT NULL) LOOP "
            f"UPDATE {self.quoted(table)} SET {self.quoted(into)} = UTL_I18N.STRING_TO_RAW(item.old_value, 'AL32UTF8') "
            f"WHERE ROWID = item.place; END LOOP; END;"
        )

    def nullable(self, table: Table, column: Column, nullable: bool) -> str:
        """See the base class."""
        word = "NULL" if nullable else "NOT NULL"
        return f"ALTER TABLE {self.quoted(table.name)} MODIFY ({self.quoted(column.name)} {word})"

    def default(self, table: Table, column: str, default: str | None) -> Iterator[Guarded]:
        """See the base class."""
        value = "NULL" if default is None else default
        yield Always(f"ALTER TABLE {self.quoted(table.name)} MODIFY ({self.quoted(column)} DEFAULT {value})")

    def create_trigger(self, trigger: Trigger) -> Iterator[Guarded]:
        """See the base class."""
        table, name = self.quoted(trigger.table), self.quoted(trigger.name)
        if not trigger.sequence:
            body = trigger_body(self.kind, trigger.name)
            create = f"CREATE OR REPLACE TRIGGER {name} {trigger.timing} ON {table} {body}"
        else:
            column, sequence = self.quoted(trigger.column), self.quoted(trigger.sequence)
            create = self.id_trigger(trigger)
            # Rows that were there before their table had numbers.
            fill = f"UPDATE {table} SET {column} = {sequence}.NEXTVAL WHERE {column} IS NULL"
            yield When.there(f"SELECT 1 AS HIT FROM {table} WHERE {column} IS NULL", fill)
        yield When.missing(self.trigger_query(trigger), create)

    def id_trigger(self, trigger: Trigger, *, replacing: bool = False) -> str:
        """See the base class."""
        column = self.quoted(trigger.column)
        when = f"WHEN (NEW.{column} IS NULL) " if trigger.only_when_null else ""
        draw = f"SELECT {self.quoted(trigger.sequence)}.NEXTVAL INTO :NEW.{column} FROM DUAL"
        return (
            f"CREATE OR REPLACE TRIGGER {self.quoted(trigger.name)} {trigger.timing} ON {self.quoted(trigger.table)} "
            f"FOR EACH ROW {when}BEGIN {draw}; END;"
        )

    def with_identity(self, table: Table, column: Column, statement: str) -> tuple[str, ...]:
        """Stock tables have triggers instead."""
        return (statement,)

    def refuse_unless(self, query: str, message: str) -> str:
        """See the base class."""
        return (
            f"DECLARE\n  hits INTEGER;\nBEGIN\n  SELECT COUNT(*) INTO hits FROM ({query});\n  IF hits = 0 THEN\n"
            f"    RAISE_APPLICATION_ERROR(-20001, {text_literal(message)});\n  END IF;\nEND;"
        )


def _written(guarded: Guarded, indent: str) -> Iterator[str]:
    match guarded:
        case Always(statement):
            yield f"{indent}EXECUTE IMMEDIATE {text_literal(statement)};"
        case When(query, found, then):
            counted = f"SELECT COUNT(*) FROM ({query}) WHERE ROWNUM = 1"
            yield f"{indent}EXECUTE IMMEDIATE {text_literal(counted)} INTO hits;"
            yield f"{indent}IF hits {'>' if found else '='} 0 THEN"
            yield from _written(then, indent + "  ")
            yield f"{indent}END IF;"
        case ForEach(query, before, after):
            rest = f" || {text_literal(after)}" if after else ""
            yield f"{indent}FOR item IN ({query}) LOOP"
            yield f"{indent}  EXECUTE IMMEDIATE {text_literal(before)} || '\"' || item.name || '\"'{rest};"
            yield f"{indent}END LOOP;"


def _name(name: str) -> str:
    return text_literal(name.upper())
