"""Every column type of the product has a form, and its counterpart on the other DBMS takes its values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_upgrade.moving.forms import Form, Sort, convertible, form_of, type_of
from apim_upgrade.moving.names import Names
from apim_upgrade.moving.values import Checksum, Unfit, converted, converter
from apim_upgrade.releases import PARTS, catalogue, catalogued_releases

SOURCES = ("h2", "mysql", "postgresql", "oracle", "mssql", "db2")


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("other", ["postgresql", "mysql"])
def test_every_column_of_every_release_has_a_counterpart_that_takes_its_values(kind: str, other: str) -> None:
    seen = 0
    for release in catalogued_releases(kind):
        for part in PARTS:
            theirs = catalogue(other, release, part)
            for table in Names.of(kind).elsewhere(catalogue(kind, release, part)).tables.values():
                counterpart = theirs.table(table.name)
                assert counterpart is not None
                for column in table.columns:
                    form = form_of(kind, column.type)
                    assert form is not None, (table.name, column)
                    assert form_of(other, type_of(other, form)) is not None
                    found = counterpart.column(column.name)
                    assert found is not None or table.name.lower() == "wf_bps_profile", (table.name, column)
                    if found is not None:
                        after = form_of(other, found.type)
                        assert after is not None
                        assert convertible(form, after), (table.name, column, found)
                        seen += 1
    assert seen > 10_000


@pytest.mark.parametrize(
    ("kind", "type_", "form"),
    [
        ("postgresql", "character varying(30)", Form(Sort.TEXT, 30)),
        ("postgresql", "character varying", Form(Sort.TEXT)),
        ("postgresql", "character(1)", Form(Sort.PADDED, 1)),
        ("postgresql", "timestamp(0) without time zone", Form(Sort.STAMP, 0)),
        ("postgresql", "timestamp with time zone", None),
        ("postgresql", "numeric(10,2)", Form(Sort.EXACT, 10, 2)),
        ("postgresql", "double precision", Form(Sort.INEXACT, 8)),
        ("postgresql", "integer[]", None),
        ("postgresql", "point", None),
        ("mysql", "tinyint(1)", Form(Sort.TRUTH)),
        ("mysql", "tinyint", Form(Sort.WHOLE, 1)),
        ("mysql", "int unsigned", Form(Sort.WHOLE, 8)),
        ("mysql", "bigint", Form(Sort.WHOLE, 8)),
        ("mysql", "timestamp", Form(Sort.STAMP, 0)),
        ("mysql", "datetime(3)", Form(Sort.STAMP, 3)),
        ("mysql", "geometry", None),
        ("oracle", "VARCHAR2(30 CHAR)", Form(Sort.TEXT, 30)),
        ("oracle", "INTEGER", Form(Sort.EXACT, 38, 0)),
        ("oracle", "NUMBER(38,0)", Form(Sort.EXACT, 38, 0)),
        ("oracle", "NUMBER(*,0)", Form(Sort.EXACT, 38, 0)),
        ("oracle", "NUMBER", Form(Sort.EXACT, None, 0)),
        ("oracle", "DATE", Form(Sort.STAMP, 0)),
        ("oracle", "TIMESTAMP(9)", Form(Sort.STAMP, 6)),
        ("oracle", "TIMESTAMP(6) WITH LOCAL TIME ZONE", None),
        ("oracle", "RAW(16)", Form(Sort.BYTES, 16)),
        ("oracle", "BINARY_DOUBLE", Form(Sort.INEXACT, 8)),
        ("oracle", "SDO_GEOMETRY", None),
        ("mssql", "NVARCHAR(255)", Form(Sort.TEXT, 255)),
        ("mssql", "VARCHAR(MAX)", Form(Sort.TEXT)),
        ("mssql", "VARBINARY(MAX)", Form(Sort.BYTES)),
        ("mssql", "BIT", Form(Sort.TRUTH)),
        ("mssql", "TINYINT", Form(Sort.WHOLE, 2)),
        ("mssql", "DATETIME", Form(Sort.STAMP, 3)),
        ("mssql", "DATETIME2(7)", Form(Sort.STAMP, 6)),
        ("mssql", "TIMESTAMP", None),
        ("mssql", "DATETIMEOFFSET", None),
        ("mssql", "SYSNAME", Form(Sort.TEXT, 128)),
        ("db2", "BLOB(2G)", Form(Sort.BYTES)),
        ("db2", "CHARACTER(8)", Form(Sort.PADDED, 8)),
        ("db2", "VARCHAR(16) FOR BIT DATA", Form(Sort.BYTES, 16)),
        ("db2", "DECIMAL(31,0)", Form(Sort.EXACT, 31, 0)),
        ("h2", "VARCHAR(1000000000)", Form(Sort.TEXT)),
        ("h2", "TIMESTAMP", Form(Sort.STAMP, 6)),
        ("h2", "TINYINT", Form(Sort.WHOLE, 1)),
    ],
)
def test_a_type_is_read_as_what_it_holds(kind: str, type_: str, form: Form | None) -> None:
    assert form_of(kind, type_) == form


def plain(form: Form, value: object, kind: str = "postgresql") -> object:
    return next(converted([(value,)], [converter(form, kind)]))[0]


@pytest.mark.parametrize(
    ("form", "one", "other"),
    [
        (Form(Sort.TRUTH), 1, True),
        (Form(Sort.WHOLE, 4), True, 1),
        (Form(Sort.PADDED, 8), "ab      ", "ab"),
        (Form(Sort.TEXT), b"text", "text"),
        (Form(Sort.BYTES), memoryview(b"\x00\xff"), b"\x00\xff"),
        (Form(Sort.BYTES), "text", b"text"),
        (Form(Sort.EXACT, 10, 2), "1.50", Decimal("1.5")),
        (Form(Sort.STAMP, 0), datetime(2026, 1, 2, 3, 4, 5, 999999), datetime(2026, 1, 2, 3, 4, 5)),
        (Form(Sort.STAMP, 3), datetime(2026, 1, 2, 3, 4, 5, 123456), datetime(2026, 1, 2, 3, 4, 5, 123000)),
        (Form(Sort.DATE), date(2026, 1, 2), date(2026, 1, 2)),
        (Form(Sort.TIME, 6), timedelta(hours=1), time(1)),
        (Form(Sort.WHOLE, 4), Decimal("7"), 7),
        (Form(Sort.TRUTH), "1", True),
        (Form(Sort.TRUTH), "F", False),
        (Form(Sort.TRUTH), Decimal(0), False),
        (Form(Sort.DATE), datetime(2026, 1, 2), date(2026, 1, 2)),
        (Form(Sort.TEXT), None, None),
    ],
)
def test_the_same_value_of_two_drivers_has_one_plain_form(form: Form, one: object, other: object) -> None:
    assert plain(form, one) == other
    assert plain(form, other) == other


@pytest.mark.parametrize(
    ("form", "value", "why"),
    [
        (Form(Sort.TRUTH), 2, "other than 0 and 1"),
        (Form(Sort.TRUTH), "perhaps", "other than 0 and 1"),
        (Form(Sort.WHOLE, 4), Decimal("1.5"), "with decimals"),
        (Form(Sort.TEXT), "a\x00b", "NUL"),
        (Form(Sort.PADDED, 3), "a\x00b", "NUL"),
        (Form(Sort.TEXT), b"\xff", "no text in UTF-8"),
        (Form(Sort.STAMP, 6), "0000-00-00 00:00:00", "no calendar"),
        (Form(Sort.DATE), "0000-00-00", "no calendar"),
    ],
)
def test_a_value_that_has_no_counterpart_is_refused_without_showing_it(form: Form, value: object, why: str) -> None:
    with pytest.raises(Unfit, match=why) as caught:
        plain(form, value)
    assert "a\x00b" not in str(caught.value)


def test_mysql_takes_the_character_that_postgresql_does_not() -> None:
    assert plain(Form(Sort.TEXT), "a\x00b", "mysql") == "a\x00b"


VALUES = st.none() | st.text() | st.binary() | st.integers() | st.booleans()


def checksum(rows: list[tuple[object, ...]]) -> Checksum:
    found = Checksum()
    assert list(found.passing(iter(rows))) == rows
    return found


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # other tests keep the machine busy
@given(st.lists(st.tuples(VALUES, VALUES), max_size=6), st.randoms())
def test_the_checksum_says_which_rows_there_are_and_not_in_which_order(
    rows: list[tuple[object, ...]], chance: Callable[..., None]
) -> None:
    mixed = list(rows)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert checksum(mixed) == checksum(rows)
    assert checksum([*rows, ("one", "more")]) != checksum(rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [((None,), ("",)), (("a", "bc"), ("ab", "c")), (("",), (b"x",)), ((None, "x"), ("x", None)), ((1,), (2,))],
)
def test_rows_that_differ_have_different_checksums(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert checksum([one]) != checksum([other])
