"""Oracle, SQL Server and DB2: the changes lead to the target's schema, and what is written for them is their SQL."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from functools import cache

import pytest
import sqlglot
from sqlglot.errors import ParseError, TokenError

from apim_upgrade.databases.identifiers import OF_KIND
from apim_upgrade.databases.rendering import KINDS
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases import PARTS, Release, catalogue, sources
from apim_upgrade.releases.model import Column, Function, Index, PrimaryKey, Schema, Table, Trigger
from apim_upgrade.schema import differences_to_target, target_of
from apim_upgrade.schema.alignment import contraction, expansion, removal
from apim_upgrade.schema.changes import (
    AddColumn,
    Alteration,
    AlterTable,
    Change,
    ChangeType,
    CreateFunction,
    CreateIndex,
    CreateTable,
    CreateTrigger,
    DropColumn,
    DropConstraint,
    DropIndex,
    DropSequence,
    Narrow,
    SetDefault,
    SetNullable,
    applied,
)
from apim_upgrade.schema.dialects import notation_of, scripted_of
from apim_upgrade.schema.guarded import statements
from apim_upgrade.schema.shapes import stock_shape

TARGETS = (Release.parse("4.4.0"), Release.parse("4.7.0"))
PAIRS = [(source, target) for target in TARGETS for source in sources() if source < target]


def all_changes(live: Schema, source: Release, target: Release, part: str) -> list[Change]:
    """Everything from the first column added to the last table dropped."""
    wanted = target_of(live.kind, target, part)
    changes = list(expansion(live, wanted).all_changes())
    for more in (contraction, removal):
        changes += [change for group in more(applied(live, changes), wanted).values() for change in group]
    return changes


@pytest.mark.parametrize("kind", KINDS)
def test_from_every_release_the_changes_lead_to_the_target_exactly(kind: str) -> None:
    for source, target in PAIRS:
        for part in PARTS:
            live = stock_shape(kind, source, part)
            done = applied(live, all_changes(live, source, target, part))
            left = [str(each) for each in differences_to_target(kind, done, target, part)]
            assert left == [], f"{source} to {target}, {part}"


@cache
def written(kind: str) -> tuple[str, ...]:
    """Every statement and query that any of the pairs sends, once."""
    found: dict[str, None] = {}
    for source, target in PAIRS:
        for part in PARTS:
            live = stock_shape(kind, source, part)
            for change in all_changes(live, source, target, part):
                for block in scripted_of(kind).guarded(change, live):
                    found |= dict.fromkeys(text for guarded in block for text in statements(guarded))
                live = applied(live, [change])
    return tuple(found)


DIALECTS = {"oracle": "oracle", "mssql": "tsql", "db2": None}
"""sqlglot has no DB2; its own dialect takes all but what is DB2's alone."""
UNPARSED = {
    # A block of PL/SQL: the conversion of texts of more than 2000 bytes.
    "oracle": (r"BEGIN FOR item IN ", 5),
    "mssql": (r".* WITH VALUES$|DECLARE @key ", 15),
    "db2": (r"CREATE TABLE \w+ \(.* GENERATED ", 1),
}
"""What no parser there is knows, and how many statements of that kind there are at most."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_statement_parses_in_its_dialect(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "sqlglot")
    pattern, most = UNPARSED[kind]
    strange = []
    for text in written(kind):
        try:
            sqlglot.parse(text, read=DIALECTS[kind])
        except (ParseError, TokenError):
            strange.append(text)
    assert [text for text in strange if not re.match(pattern, text, re.S)] == []
    assert len(strange) <= most
    assert len(written(kind)) > 800


@pytest.mark.parametrize("kind", KINDS)
def test_names_are_short_enough_and_no_reserved_word_stands_bare(kind: str) -> None:
    names = OF_KIND[kind]
    for text in written(kind):
        for bare in re.findall(r"(?:TABLE|COLUMN|CONSTRAINT|INDEX|SEQUENCE|TRIGGER|REFERENCES) ([A-Z]\w+)", text):
            assert len(bare.encode()) <= names.longest
            assert names.quoted(bare) in (bare, f'"{bare}"')
    assert OF_KIND["oracle"].quoted("comment") == '"COMMENT"'
    assert OF_KIND["mssql"].quoted("key") == "[KEY]"
    assert OF_KIND["db2"].quoted("odd name") == '"ODD NAME"'


@pytest.mark.parametrize("kind", KINDS)
def test_every_block_is_closed_and_asks_before_it_changes(kind: str) -> None:
    live = stock_shape(kind, Release.parse("3.2.0"), "am")
    for change in all_changes(live, Release.parse("3.2.0"), Release.parse("4.7.0"), "am"):
        for block in notation_of(kind).ddl(change, live):
            plain = re.sub(r"'(?:[^']|'')*'", "''", block)
            assert plain.count("'") % 2 == 0
            for begin, end in _PAIRS[kind]:
                assert len(re.findall(begin, plain, re.M)) == len(re.findall(end, plain, re.M)), block
            if "ADD" in block and "COLUMN" in block:
                assert re.search(r"EXISTS|COUNT\(", block)
        live = applied(live, [change])


_PAIRS = {
    "oracle": ((r"^BEGIN$", r"^END;$"), (r"\bIF hits\b", r"END IF;"), (r"\bLOOP$", r"END LOOP;")),
    "mssql": ((r"\bBEGIN$", r"\bEND;"),),
    "db2": ((r"^BEGIN$", r"^END$"), (r"\bTHEN$", r"END IF;"), (r"\bDO$", r"END FOR;")),
}


def ddl(kind: str, change: Change, *tables: Table, **more: object) -> str:
    schema = Schema(kind, {table.name: table for table in tables}, **more)  # type: ignore[arg-type]
    return "\n".join(notation_of(kind).ddl(change, schema))


API = Table(
    "AM_API",
    (
        Column("API_ID", "INTEGER", False),
        Column("PARAMETERS", "VARCHAR(2048)", False),
        Column("A", "VARCHAR(10)", True),
    ),
    PrimaryKey("the key", ("API_ID",)),
)


@pytest.mark.parametrize(
    ("kind", "looked_up"),
    [("oracle", "USER_CONS_COLUMNS"), ("mssql", "sys.key_constraints"), ("db2", "SYSCAT.KEYCOLUSE")],
)
def test_constraints_are_found_by_their_columns_whatever_they_are_called(kind: str, looked_up: str) -> None:
    text = ddl(kind, AlterTable("AM_API", (DropConstraint("the key"),)), API)
    assert looked_up in text
    assert "the key" not in text
    assert "IN (''API_ID'')" in text or "IN ('API_ID')" in text


@pytest.mark.parametrize(
    ("kind", "binary", "conversion"),
    [
        ("oracle", "BLOB", "UTL_I18N.STRING_TO_RAW"),
        ("mssql", "VARBINARY(MAX)", "AS VARBINARY(MAX)"),
        ("db2", "BLOB", "BLOB(PARAMETERS)"),
    ],
)
def test_a_text_becomes_binary_through_a_second_column_that_resumes_anywhere(
    kind: str, binary: str, conversion: str
) -> None:
    text = ddl(kind, AlterTable("AM_API", (ChangeType("PARAMETERS", "VARCHAR(2048)", binary),)), API)
    order = ["PARAMETERS_NEW " + binary, conversion, "DROP COLUMN PARAMETERS", "RENAME"]
    if kind == "mssql":
        order[3] = "sp_rename"
    places = [*(text.index(piece) for piece in order), text.rindex("NOT NULL")]
    assert places == sorted(places)
    with pytest.raises(KnowledgeError, match="not known"):
        ddl(kind, AlterTable("AM_API", (ChangeType("PARAMETERS", "VARCHAR(2048)", "DATE"),)), API)


def test_db2_reorganises_a_table_after_every_alteration_that_locks_it() -> None:
    def sent(alteration: Alteration) -> list[str]:
        blocks = notation_of("db2").ddl(AlterTable("AM_API", (alteration,)), _schema("db2"))
        return [block.split()[0] for block in blocks]

    assert sent(SetNullable("A", False)) == ["BEGIN", "CALL"]
    assert sent(DropColumn("A")) == ["BEGIN", "CALL"]
    assert sent(AddColumn(Column("B", "INTEGER", True))) == ["BEGIN"]
    assert sent(ChangeType("A", "VARCHAR(10)", "VARCHAR(20)")) == ["BEGIN"]
    shorter = notation_of("db2").ddl(Narrow("AM_API", "A", "VARCHAR(10)", "VARCHAR(5)"), _schema("db2"))
    assert shorter[1] == "CALL SYSPROC.ADMIN_CMD('REORG TABLE AM_API')"


def test_sql_server_fills_new_nullable_columns_and_finds_default_constraints() -> None:
    added = ddl("mssql", AlterTable("AM_API", (AddColumn(Column("B", "INTEGER", True, "7")),)), API)
    assert "ADD B INTEGER NULL DEFAULT 7 WITH VALUES" in added
    changed = ddl("mssql", AlterTable("AM_API", (SetDefault("A", "''x''"),)), API)
    assert "sys.default_constraints" in changed
    assert "FOR A" in changed


def test_sql_server_keeps_the_collation_of_a_column_that_it_alters() -> None:
    name = Column("NAME", "VARCHAR(50)", True, collation="Latin1_General_CS_AS")
    named = Table("T", (name,))
    assert "VARCHAR(50) COLLATE Latin1_General_CS_AS NULL" in ddl("mssql", CreateTable(named))
    longer = ddl("mssql", AlterTable("T", (ChangeType("NAME", "VARCHAR(50)", "VARCHAR(90)"),)), named)
    assert "ALTER COLUMN NAME VARCHAR(90) COLLATE Latin1_General_CS_AS NULL" in longer


def test_rows_that_were_there_get_numbers_before_a_table_numbers_itself() -> None:
    trigger = Trigger("T_TRIG", "T", "BEFORE INSERT", column="ID", sequence="T_SEQ")
    oracle = ddl("oracle", CreateTrigger(trigger))
    assert oracle.index("UPDATE T SET ID = T_SEQ.NEXTVAL WHERE ID IS NULL") < oracle.index("CREATE OR REPLACE TRIGGER")
    identity = Column("ID", "INTEGER", True, extra="GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1)")
    db2 = ddl("db2", AlterTable("AM_API", (AddColumn(identity),)), API)
    pieces = ["NOT NULL DEFAULT 0", "DROP DEFAULT", "SET GENERATED ALWAYS AS IDENTITY", "SET ID = DEFAULT WHERE ID = 0"]
    assert [db2.index(piece) for piece in pieces] == sorted(db2.index(piece) for piece in pieces)


def test_a_given_number_is_kept_where_the_table_numbers_itself() -> None:
    trigger = Trigger("T_TRIG", "T", "BEFORE INSERT", column="ID", sequence="T_SEQ")
    plain = Table("T", (Column("ID", "INTEGER", False),))
    numbered = Table("T", (Column("ID", "INTEGER", False, extra="IDENTITY(1,1)"),))
    send = "INSERT INTO T (ID) VALUES (5)"
    triggered = Schema("oracle", {"T": plain}, triggers=(trigger,))
    first, second = scripted_of("oracle").giving_numbers(triggered, plain, {"id"}, send)
    assert "WHEN (NEW.ID IS NULL)" in first
    assert second == send
    assert scripted_of("oracle").giving_numbers(triggered, plain, {"name"}, send) == (send,)
    (wrapped,) = scripted_of("mssql").giving_numbers(Schema("mssql", {"T": numbered}), numbered, {"id"}, send)
    assert wrapped.splitlines()[0] == "SET IDENTITY_INSERT T ON;"
    assert wrapped.splitlines()[-1] == "SET IDENTITY_INSERT T OFF"
    around = scripted_of("db2").giving_numbers(Schema("db2", {"T": numbered}), numbered, {"id"}, send)
    assert around[1] == send
    assert "OR REPLACE" in scripted_of("db2").giving_numbers(triggered, plain, {"id"}, send)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_vendor_does_not_have_is_our_mistake_and_said(kind: str) -> None:
    with pytest.raises(KnowledgeError, match="CreateFunction"):
        ddl(kind, CreateFunction(Function("f", "trigger", "sql")))
    with pytest.raises(KnowledgeError, match="no table"):
        ddl(kind, AlterTable("NOWHERE", (SetDefault("A", None),)))
    with pytest.raises(KnowledgeError, match="no constraint"):
        ddl(kind, AlterTable("AM_API", (DropConstraint("other"),)), API)
    with pytest.raises(KnowledgeError, match="not known"):
        ddl(kind, CreateTrigger(Trigger("NOBODYS", "AM_API", "AFTER UPDATE")))
    assert "APIM_IX_" in ddl(kind, CreateIndex("AM_API", Index(None, ("A",))))
    assert "DROP INDEX IX" in ddl(kind, DropIndex("AM_API", "IX"))
    assert "DROP SEQUENCE S" in ddl(kind, DropSequence("S"))


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("oracle", "VARCHAR(30)", "VARCHAR2(30 CHAR)"),
        ("oracle", "INTEGER", "NUMBER(*,0)"),
        ("oracle", "NUMBER(19)", "NUMBER(19,0)"),
        ("oracle", "TIMESTAMP", "TIMESTAMP(6)"),
        ("mssql", "INTEGER", "int"),
        ("mssql", "VARBINARY(MAX)", "varbinary(max)"),
        ("db2", "INT", "INTEGER"),
        ("db2", "BLOB", "BLOB(1M)"),
        ("db2", "TIMESTAMP", "TIMESTAMP(6)"),
    ],
)
def test_types_are_the_same_in_every_spelling(kind: str, one: str, other: str) -> None:
    assert notation_of(kind).holds(one, other)
    assert notation_of(kind).holds(other, one)


@pytest.mark.parametrize(
    ("kind", "wide", "narrow"),
    [
        ("oracle", "VARCHAR2(255)", "VARCHAR(31)"),
        ("oracle", "NUMBER", "NUMBER(10)"),
        ("oracle", "TIMESTAMP(9)", "TIMESTAMP(6)"),
        ("mssql", "VARCHAR(MAX)", "VARCHAR(8000)"),
        ("mssql", "BIGINT", "INTEGER"),
        ("db2", "VARCHAR(255)", "VARCHAR(31)"),
        ("db2", "BLOB(10M)", "BLOB"),
        ("db2", "BIGINT", "SMALLINT"),
    ],
)
def test_a_wider_type_holds_a_narrower_one_and_not_the_other_way_round(kind: str, wide: str, narrow: str) -> None:
    assert notation_of(kind).holds(wide, narrow)
    if "TIMESTAMP" not in wide:
        assert not notation_of(kind).holds(narrow, wide)
    assert not notation_of(kind).holds(wide, "DATE")


@pytest.mark.parametrize(
    ("kind", "live", "wanted"),
    [
        ("oracle", "SYSTIMESTAMP ", "CURRENT_TIMESTAMP"),
        ("oracle", "NULL", None),
        ("mssql", "((0))", "0"),
        ("mssql", "(getdate())", "CURRENT_TIMESTAMP"),
        ("mssql", "('OFF')", "'OFF'"),
        ("db2", "CURRENT TIMESTAMP", "CURRENT_TIMESTAMP"),
        ("db2", "'1'", "1"),
    ],
)
def test_defaults_are_the_same_in_every_spelling(kind: str, live: str, wanted: str | None) -> None:
    assert notation_of(kind).same_default(live, wanted)
    assert not notation_of(kind).same_default(live, "'other'")


def test_the_triggers_that_stand_in_for_rules_are_known() -> None:
    for kind in ("oracle", "mssql"):
        for release in (Release.parse("4.4.0"), Release.parse("4.7.0")):
            for part in PARTS:
                for trigger in _acting(kind, release, part):
                    assert trigger.table in ddl(kind, CreateTrigger(trigger))


def _acting(kind: str, release: Release, part: str) -> Iterator[Trigger]:
    return (trigger for trigger in catalogue(kind, release, part).triggers if not trigger.sequence)


def _schema(kind: str) -> Schema:
    return Schema(kind, {"AM_API": API})
