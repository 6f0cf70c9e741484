"""The comparison by itself, on values: what is told apart and what counts as the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apim_upgrade.releases import Release, catalogue
from apim_upgrade.releases.model import (
    Column,
    ForeignKey,
    Function,
    Index,
    PrimaryKey,
    Sequence,
    Table,
    Trigger,
    Unique,
)
from apim_upgrade.schema import Schema, Standing, compare, differences_to_target, target_of
from apim_upgrade.schema.alignment import contraction, expansion, removal
from apim_upgrade.schema.changes import (
    AddColumn,
    AlterTable,
    ChangeType,
    CreateIndex,
    CreateTable,
    DropColumn,
    DropConstraint,
    DropFunction,
    DropIndex,
    DropSequence,
    DropTable,
    DropTrigger,
    SetDefault,
    SetNullable,
    applied,
)
from apim_upgrade.schema.postgresql.types import conversion, holds, same_default

KIND = "postgresql"
TARGET = Release.parse("4.6.0")
STOCK = catalogue(KIND, TARGET, "am")


def told(live: Schema) -> set[str]:
    return {str(deviation) for deviation in compare(live, target_of(KIND, TARGET, "am")).deviations}


def test_the_stock_schema_differs_in_nothing() -> None:
    assert told(STOCK) == set()


def test_every_kind_of_deviation_is_told_in_words() -> None:
    broken = applied(
        STOCK,
        [
            DropTable("am_task_lock"),
            DropTrigger(STOCK.triggers[0]),
            DropFunction(STOCK.functions[0]),
            DropSequence("am_scope_pk_seq"),
            DropIndex("am_api", "idx_aai_org"),
            AlterTable(
                "am_api",
                (
                    DropColumn("log_level"),
                    DropConstraint("am_api_pkey"),
                    DropConstraint("am_api_api_uuid_key"),
                    SetNullable("api_id", True),
                    SetDefault("indexer", "'x'"),
                    ChangeType("context", "", "character varying(10)"),
                    ChangeType("api_tier", "", "text"),
                    AddColumn(Column("ours", "text", True)),
                ),
            ),
            AlterTable("am_subscription", (DropConstraint("am_subscription_application_id_fkey"),)),
            CreateTable(Table("am_labels", (Column("label_id", "text", True),))),
            CreateTable(Table("am_api_key", (Column("api_key_uuid", "text", True),))),
            CreateIndex("am_api", Index("x", ("api_tier",))),
        ],
    )
    texts = told(broken)
    assert {
        "table am_task_lock: missing",
        "trigger am_gw_api_artifacts.time_stamp: missing",
        "function update_modified_column: missing",
        "sequence am_scope_pk_seq: missing",
        "index am_api (organization): missing",
        "column am_api.log_level: missing",
        "primary key am_api (api_id): missing",
        "key am_api (api_uuid): missing",
        "column am_api.api_id: different: NULL instead of NOT NULL",
        "column am_api.context: different: character varying(10) instead of character varying(256)",
        "column am_api.api_tier: wider than stock: text instead of character varying(256)",
        "column am_api.ours: not the product's",
        "foreign key am_subscription (application_id) to am_application: missing",
        "table am_labels: left over from an older release",
        "table am_api_key: of a later release already",
        "index am_api (api_tier): not the product's",
    } <= texts
    difference = compare(broken, target_of(KIND, TARGET, "am"))
    assert "am_task_lock" in {each.name for each in difference.missing}
    assert {each.what for each in difference.different} == {"column"}
    assert all(each.standing is Standing.LEFT_OVER for each in difference.left_over)
    strict = differences_to_target(KIND, broken, TARGET, "am")
    assert len(strict) == len(differences_to_target(KIND, broken, TARGET, "am", leftovers=True)) + 1


def test_whatever_is_broken_is_mended_by_the_changes() -> None:
    target = target_of(KIND, TARGET, "am")
    rule = replace(STOCK.tables["am_subscription"].foreign_keys[0], on_delete="SET NULL")
    broken = applied(
        STOCK,
        [
            DropTable("am_task_lock"),
            DropTrigger(STOCK.triggers[0]),
            DropFunction(STOCK.functions[0]),
            AlterTable("am_api", (DropColumn("log_level"), DropConstraint("am_api_pkey"))),
            AlterTable(
                "am_subscription",
                tuple(DropConstraint(key.name or "") for key in STOCK.tables["am_subscription"].foreign_keys),
            ),
            CreateTable(
                Table(
                    "am_label_urls",
                    (Column("label_id", "text", False),),
                    foreign_keys=(ForeignKey("away", ("label_id",), "am_api", ("api_uuid",)),),
                )
            ),
            CreateTable(Table("am_labels", (Column("label_id", "text", False),), PrimaryKey("p", ("label_id",)))),
        ],
    )
    broken = replace(
        broken,
        tables={
            **broken.tables,
            "am_subscription": replace(broken.tables["am_subscription"], foreign_keys=(rule,)),
        },
        sequences={**broken.sequences, "am_api_comments_sequence": Sequence("am_api_comments_sequence")},
    )
    expanded = applied(broken, expansion(broken, target).all_changes())
    contracted = applied(expanded, [change for group in contraction(expanded, target).values() for change in group])
    assert contracted.tables["am_label_urls"].foreign_keys == ()
    done = applied(contracted, [change for group in removal(contracted, target).values() for change in group])
    assert compare(done, target).deviations == ()


def test_a_database_that_is_named_in_upper_case_is_the_same() -> None:
    def upper(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.upper() for name in names)

    table = STOCK.tables["am_subscription"]
    shouted = Table(
        "AM_SUBSCRIPTION",
        tuple(replace(column, name=column.name.upper()) for column in table.columns),
        PrimaryKey("X", upper(table.primary_key.columns)) if table.primary_key else None,
        tuple(Unique("Y", upper(unique.columns)) for unique in table.unique),
        tuple(
            replace(
                key, columns=upper(key.columns), ref_table=key.ref_table.upper(), ref_columns=upper(key.ref_columns)
            )
            for key in table.foreign_keys
        ),
        tuple(replace(index, columns=upper(index.columns)) for index in table.indexes),
    )
    tables = {name: each for name, each in STOCK.tables.items() if name != "am_subscription"}
    assert told(replace(STOCK, tables={**tables, "AM_SUBSCRIPTION": shouted})) == set()


def test_a_trigger_of_the_wrong_moment_is_different() -> None:
    trigger = replace(STOCK.triggers[0], timing="BEFORE DELETE")
    other = Trigger("ours", "am_api", "AFTER UPDATE")
    live = replace(STOCK, triggers=(trigger, other), functions=(*STOCK.functions, Function("ours", "trigger", "sql")))
    assert told(live) == {
        "trigger am_gw_api_artifacts.time_stamp: different: BEFORE DELETE instead of AFTER UPDATE",
        "trigger am_api.ours: not the product's",
        "function ours: not the product's",
    }


@pytest.mark.parametrize(
    ("live", "wanted", "fits"),
    [
        ("character varying(255)", "character varying(31)", True),
        ("character varying(31)", "character varying(255)", False),
        ("text", "character varying(255)", True),
        ("character varying", "character varying(255)", True),
        ("bigint", "integer", True),
        ("integer", "bigint", False),
        ("character(36)", "character varying(255)", False),
        ("character(36)", "character(1)", True),
        ("timestamp without time zone", "timestamp(0) without time zone", False),
        ("character varying(2048)", "bytea", False),
    ],
)
def test_a_type_holds_another_when_it_takes_all_its_values(live: str, wanted: str, fits: bool) -> None:
    assert holds(live, wanted) is fits


@pytest.mark.parametrize(
    ("live", "wanted", "same"),
    [
        ("'-1'::integer", "-1", True),
        ("now()", "CURRENT_TIMESTAMP", True),
        ("NULL::character varying", None, True),
        ("nextval('a_seq'::regclass)", "nextval('b_seq'::regclass)", True),
        ("'0'::bpchar", "'0'::character varying", True),
        ("'OFF'::character varying", "'ON'::character varying", False),
        (None, "0", False),
    ],
)
def test_defaults_are_the_same_when_they_do_the_same(live: str | None, wanted: str | None, same: bool) -> None:
    assert same_default(live, wanted) is same


def test_values_are_converted_without_reading_escapes() -> None:
    assert conversion("c", "character varying(9)", "bytea") == "convert_to(c, 'UTF8')"
    assert conversion("c", "integer", "character varying(255)") == ""
    assert conversion("c", "integer", "bigint") == ""
    assert conversion("c", "character varying(5)", "boolean") == "c::text::boolean"
