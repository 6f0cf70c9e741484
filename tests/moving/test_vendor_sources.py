"""
Estates on Oracle, SQL Server and DB2, read through drivers that the tests play; no such server is here.

What the tool sends is what it would send; what it is given has the forms of the real drivers' values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.reading import ReadOnlyDatabase
from apim_upgrade.errors import EnvironmentProblem, EstateError
from apim_upgrade.moving import Held, Move, move_database, move_estate, open_source
from apim_upgrade.moving.names import Names
from apim_upgrade.releases import PARTS, Release
from apim_upgrade.releases.model import Column, Index, PrimaryKey, Table
from apim_upgrade.schema import differences_to_target, introspect
from apim_upgrade.schema.shapes import stock_shape
from conftest import Pair, Server, kept_sample
from execution.site import SECRET, Site, change, scalar
from moving.conftest import CLOCK
from moving.vendors import MODULES, URLS, Driver, VendorError, value_of
from upgrade.content import content_hash

KINDS = tuple(MODULES)
RELEASE = Release.parse("4.2.0")


@pytest.fixture
def same(databases: Server) -> Pair:
    """The sample that all of them hold; only to be read."""
    return kept_sample(databases, str(RELEASE), apis=6, tenants=1)


@pytest.fixture
def play(same: Pair, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Driver]:
    """Have the driver of a DBMS answer for the sample."""

    def install(kind: str) -> Driver:
        driver = Driver(kind, RELEASE, same.by_name())
        monkeypatch.setitem(sys.modules, MODULES[kind], driver)
        return driver

    return install


def addresses(kind: str) -> dict[str, Address]:
    return {part: Address.parse(URLS[kind][part], f"wso2{part}", SECRET) for part in PARTS}


def as_kept_by(kind: str, pair: Pair) -> None:
    """Take out of the sample what a DBMS cannot keep: empty texts, parts of seconds."""
    for part, database in pair.by_name().items():
        usual = Names.of(kind).elsewhere(stock_shape(kind, RELEASE, part))
        with database.read() as session:
            live = introspect(session)
        cuts = []
        for table in live.tables.values():
            theirs = usual.table(table.name)
            pairs = [(each, theirs.column(each.name)) for each in table.columns] if theirs else []
            for here, there in pairs:
                name, type_ = f'"{here.name}"', there.type if there else ""
                if kind == "oracle" and here.nullable and here.type.startswith("character varying"):
                    cuts.append(f"UPDATE {table.name} SET {name} = NULL WHERE {name} = ''")
                digits = {("oracle", "DATE"): "second", ("mssql", "DATETIME"): "milliseconds"}.get((kind, type_))
                if digits and here.type.startswith("timestamp"):
                    cuts.append(f"UPDATE {table.name} SET {name} = date_trunc('{digits}', {name})")
        change(database, *cuts)


def assert_holds_all(targets: Mapping[str, Database], kind: str, expected: Pair) -> None:
    """The sample is there, as far as the DBMS could keep it, in the form of its own release."""
    as_kept_by(kind, expected)
    assert content_hash(*targets.values()) == content_hash(*expected.by_name().values())
    for part, database in targets.items():
        with database.read() as session:
            assert differences_to_target("postgresql", introspect(session), RELEASE, part) == []


@pytest.mark.parametrize("kind", ["mssql", "db2"])  # Oracle: by the command line, below
def test_an_estate_is_moved_with_all_that_it_holds(
    kind: str,
    play: Callable[[str], Driver],
    empty_database: Callable[[str], Database],
    sample_estate: Callable[..., Pair],
) -> None:
    driver = play(kind)
    said: list[str] = []
    targets = {part: empty_database(part) for part in PARTS}
    done = move_estate(addresses(kind), targets, None, CLOCK, said.append)
    assert_holds_all(targets, kind, sample_estate(str(RELEASE), apis=6, tenants=1))
    assert {each.release for each in done.values()} == {"4.2.0"}
    assert all(each in ("closed",) or each.startswith(("SELECT ", "SET ", "BEGIN TRAN")) for each in driver.sent)
    assert SECRET not in " ".join(said)
    assert any("DB2 has no moment" in line for line in said) == (kind == "db2")
    assert driver.largest_fetch <= 1000


def test_what_is_sent_is_what_somebody_read(play: Callable[[str], Driver]) -> None:
    """Every statement that is sent, but for the tables that it is sent for, and how the driver is told who asks."""
    sent = {}
    for kind in KINDS:
        driver = play(kind)
        with open_source("am", addresses(kind)["am"]) as source:
            source.count("AM_API", "API_NAME")
            list(source.rows("AM_API", ["API_ID", "API_NAME"]))
        sent[kind] = [" ".join(each.split()) for each in driver.sent if "APIM|H|" not in each]
        (options,) = driver.connected
        sent[kind].append(
            {name: options[name] for name in options.keys() & {"user", "UID", "host", "server", "HOSTNAME"}}
        )
    assert sent == {
        "oracle": [
            "SET TRANSACTION READ ONLY",
            'SELECT count(*) AS count_1 FROM "AM_API" WHERE "API_NAME" IS NOT NULL',
            'SELECT "API_ID", "API_NAME" FROM "AM_API"',
            "closed",
            {"user": "wso2am", "host": "db.example"},
        ],
        "mssql": [
            "SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()",
            "SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
            "BEGIN TRANSACTION",
            "SELECT count(*) AS count_1 FROM [AM_API] WHERE [API_NAME] IS NOT NULL",
            "SELECT [API_ID], [API_NAME] FROM [AM_API]",
            "closed",
            {"user": "wso2am", "server": "db.example"},
        ],
        "db2": [
            "SET CURRENT SCHEMA = 'WSO2AM'",
            'SELECT count(*) AS count_1 FROM "AM_API" WHERE "API_NAME" IS NOT NULL',
            'SELECT "API_ID", "API_NAME" FROM "AM_API"',
            "closed",
            {"UID": "wso2am", "HOSTNAME": "db.example"},
        ],
    }


def move_some(driver: Driver, target: Database, said: list[str], *names: str, own: Table | None = None) -> Move:
    """Move some tables of the sample only, and perhaps one of the customer's own."""
    stock = stock_shape(driver.kind, driver.release, "am")
    tables = {name: stock.tables[name] for name in names}
    driver.shapes["am"] = replace(stock, tables=tables | ({own.name: own} if own else {}), sequences={}, triggers=())
    with open_source("am", addresses(driver.kind)["am"]) as source:
        return move_database(source, Held("am", source.schema(), driver.release, "am"), target, CLOCK, said.append)


def test_rows_that_are_written_meanwhile_are_told_where_tables_are_read_at_several_moments(
    play: Callable[[str], Driver], empty_database: Callable[[str], Database]
) -> None:
    driver = play("mssql")
    driver.snapshot, driver.grows = 0, "AM_SUBSCRIBER"
    with pytest.raises(EstateError, match=r"ALLOW_SNAPSHOT_ISOLATION is off .*: AM_SUBSCRIBER \d+, now") as caught:
        move_some(driver, empty_database("am"), [], "AM_SUBSCRIBER")
    assert "Stop the API-M server" in caught.value.hint
    assert "BEGIN TRANSACTION" not in driver.sent


def test_a_connection_that_is_lost_half_way_is_one_sentence_with_the_table(
    play: Callable[[str], Driver], empty_database: Callable[[str], Database]
) -> None:
    driver = play("db2")
    driver.breaks = "AM_SUBSCRIBER"
    target = empty_database("am")
    with pytest.raises(EnvironmentProblem, match=r"Moving AM_SUBSCRIBER failed: database am \(db2.*lost") as caught:
        move_some(driver, target, [], "AM_SUBSCRIBER")
    assert "Traceback" not in str(caught.value)
    driver.breaks = ""
    move_some(driver, target, [], "AM_SUBSCRIBER")
    assert scalar(target, "SELECT count(*) FROM am_subscriber") > 0


OWN = Table(
    "MY_OWN",
    (
        Column("ID", "INTEGER", False, '"APIM"."ISEQ$$_7".nextval'),
        Column("LABEL", "VARCHAR2(20)", True, "'none' "),
        Column("PRICE", "NUMBER(10,2)", True),
        Column("KEY", "RAW(16)", True),
        Column("MADE", "DATE", True, "SYSDATE"),
    ),
    PrimaryKey("P", ("ID",)),
    indexes=(Index("I", ("LABEL",)),),
)


def test_a_table_of_the_customers_own_is_carried_over_and_one_of_the_products_under_its_usual_name(
    play: Callable[[str], Driver], empty_database: Callable[[str], Database], sample_estate: Callable[..., Pair]
) -> None:
    driver = play("oracle")
    copy = sample_estate(str(RELEASE), apis=6, tenants=1)
    driver.holds = copy.by_name()
    change(
        copy.am,
        "CREATE TABLE my_own (id integer, label varchar, price numeric, key bytea, made timestamp)",
        "INSERT INTO my_own VALUES (41, '', 1.50, '\\x00ff', '2026-03-01 02:03:04')",
        "INSERT INTO idn_user_functionality_property VALUES ('u', 'a', -1, 'f', 'name', 'value')",
    )
    target, said = empty_database("am"), list[str]()
    move_some(driver, target, said, "IDN_USR_FUNCTIONALITY_PROPERTY", own=OWN)
    with target.read() as session:
        assert [tuple(row) for row in session.all("SELECT * FROM my_own")] == [
            (41, None, Decimal("1.50"), b"\x00\xff", datetime(2026, 3, 1, 2, 3, 4))
        ]
        assert not session.exists("idn_usr_functionality_property")
    assert scalar(target, "SELECT count(*) FROM idn_user_functionality_property") == 1
    assert scalar(target, "SELECT last_value FROM my_own_id_seq") == 42
    assert any("MY_OWN is no table of the product; carried over" in line for line in said)
    assert any("default of MY_OWN.MADE is not carried over" in line for line in said)


@pytest.mark.slow
def test_the_command_line_looks_at_such_an_estate_and_moves_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    databases: Server,
    play: Callable[[str], Driver],
    sample_estate: Callable[..., Pair],
) -> None:
    play("oracle")
    site = Site(tmp_path, capsys, databases)
    lines = ['target = "4.3.0"']
    moves = []
    for part in PARTS:
        site.made.append(databases.clone("template0"))
        address = databases.postgres.address(site.made[-1])
        login = [f'username = "wso2{part}"', f'password = "{SECRET}"']
        lines += [f"[database.{part}]", f'url = "{URLS["oracle"][part]}"', *login]
        moves += [f"[database.{part}.move_to]", f'url = "postgresql://postgres@/{site.made[-1]}?host={address.host}"']
    site.file.write_text("\n".join(lines), encoding="utf-8")
    try:
        refused = site("run")
        assert refused.code == 2
        assert "Oracle is upgraded by scripts (`plan --sql DIR --dialect oracle --with-rows`), or" in refused.problem[0]
        inspected = site("inspect", "--format", "json")
        assert inspected.code == 0, inspected.err
        assert inspected.document["kind"] == "oracle"
        assert inspected.document["databases"][0]["address"] == "oracle://wso2am@db.example:1521/am"
        assert "Copying the Oracle databases into a throw-away PostgreSQL" in inspected.err
        site.file.write_text("\n".join([*lines, *moves]), encoding="utf-8")
        assert "is not moved to" in site("plan").problem[0]
        moved = site("move", "--format", "json")
        assert moved.code == 0, moved.err
        names = dict(zip(PARTS, site.made, strict=True))
        targets = {part: Database(part, databases.postgres.address(name)) for part, name in names.items()}
        again = site("inspect", "--format", "json")
        assert "Looking at what was moved to postgresql://" in again.err
        assert again.document["fingerprint"] == inspected.document["fingerprint"]
        assert again.document["kind"] == "oracle"
        assert_holds_all(targets, "oracle", sample_estate(str(RELEASE), apis=6, tenants=1))
    finally:
        site.drop()


def test_a_pack_that_names_such_a_server_is_read_from_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], databases: Server, play: Callable[[str], Driver]
) -> None:
    driver = play("db2")
    driver.Error = VendorError
    home = tmp_path / "wso2am" / "repository" / "conf"
    home.mkdir(parents=True)
    login = f'username = "db2inst1"\npassword = "{SECRET}"'
    tables = (
        f'[database.{called}]\nurl = "{URLS["db2"][part]}"\n{login}'
        for called, part in (("apim_db", "am"), ("shared_db", "shared"))
    )
    home.joinpath("deployment.toml").write_text("\n".join(tables), encoding="utf-8")
    site = Site(tmp_path, capsys, databases)
    url = f'url = "pack:{tmp_path / "wso2am"}"'
    site.file.write_text(f'target = "4.3.0"\n[database.am]\n{url}\n[database.shared]\n{url}', encoding="utf-8")
    refused = site("status")
    assert "DB2 is upgraded by scripts (`plan --sql DIR --dialect db2 --with-rows`)" in refused.problem[0]
    driver.connect = lambda *_: (_ for _ in ()).throw(VendorError("[IBM][CLI Driver] SQL30082N  Security processing"))  # type: ignore[method-assign]
    wrong = site("inspect")
    assert wrong.code == 3
    assert "user or the password of database am (db2://db2inst1@db.example:50000/am) is wrong" in wrong.problem[0]


def oracle_error(code: str, text: str = "") -> Exception:
    return VendorError(SimpleNamespace(full_code=code, message=f"{code}: {text}"))


@pytest.mark.parametrize(
    ("kind", "error", "told"),
    [
        ("oracle", oracle_error("ORA-01017"), "user or the password of .* is wrong"),
        ("oracle", oracle_error("DPY-6001"), "knows no service"),
        ("oracle", oracle_error("ORA-01555"), "no longer has the rows of the moment"),
        ("oracle", oracle_error("DPY-3010"), r"cannot do without Oracle's own client \(DPY-3010\)"),
        ("oracle", oracle_error("ORA-00600", "internal\nmore"), "the server answered ORA-00600: internal.$"),
        ("mssql", VendorError((18456, b"Login failed for user 'x'.DB-Lib error")), "user or the password of"),
        ("mssql", VendorError(4060, b"Cannot open database"), "There is no database am"),
        ("mssql", VendorError((20009, b"Unable to connect")), "cannot be reached"),
        ("mssql", VendorError((823, b"I/O error\nmore")), "the server answered 823: I/O error"),
        ("mssql", VendorError("closed"), "the server answered closed"),
        ("db2", VendorError("[IBM] SQL30081N  A communication error"), "cannot be reached"),
        ("db2", VendorError("[IBM] SQL0551N  no privilege"), "lacks a right"),
        ("db2", VendorError("[IBM] SQL0902C  A system error"), "the server answered SQL0902"),
    ],
)
def test_what_a_server_refuses_is_one_sentence(
    kind: str, error: Exception, told: str, play: Callable[[str], Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = play(kind)

    def refuse(*texts: str, **options: object) -> None:
        raise error

    monkeypatch.setattr(driver, "connect", refuse)
    with pytest.raises(EnvironmentProblem, match=told), ReadOnlyDatabase("am", addresses(kind)["am"]).read():
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_that_is_missing_is_told_with_its_extra(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, MODULES[kind], None)
    with pytest.raises(EnvironmentProblem) as caught, ReadOnlyDatabase("am", addresses(kind)["am"]).read():
        pass
    assert caught.value.hint == f"pip install 'apim-upgrade[{kind}]'"


@pytest.mark.parametrize("kind", KINDS)
def test_the_real_driver_says_that_nobody_listens(kind: str) -> None:
    pytest.importorskip(MODULES[kind])
    url = URLS[kind]["am"].replace("db.example:50000", "127.0.0.1:1").replace("db.example:1521", "127.0.0.1:1")
    address = Address.parse(url.replace("db.example;", "127.0.0.1:1;"), "wso2", SECRET)
    told = r"database am \(.*127.0.0.1:1/am\) cannot be reached"
    with pytest.raises(EnvironmentProblem, match=told) as caught, ReadOnlyDatabase("am", address).read():
        pass
    assert SECRET not in str(caught.value)


def test_oracles_null_is_an_empty_text_where_the_other_side_takes_no_null(
    play: Callable[[str], Driver], empty_database: Callable[[str], Database], sample_estate: Callable[..., Pair]
) -> None:
    driver = play("oracle")
    copy = sample_estate(str(RELEASE), apis=6, tenants=1)
    driver.holds = copy.by_name()
    change(copy.am, "UPDATE am_policy_subscription SET billing_plan = '', description = ''")
    target = empty_database("am")
    move_some(driver, target, [], "AM_POLICY_SUBSCRIPTION")
    with target.read() as session:
        kept = session.all("SELECT DISTINCT billing_plan, description FROM am_policy_subscription")
        made = introspect(session).tables["am_policy_subscription"].column("billing_plan")
    assert [tuple(row) for row in kept] == [("", None)]
    assert made is not None
    assert not made.nullable


def test_the_column_that_sql_server_called_otherwise_comes_under_its_later_name(
    play: Callable[[str], Driver], empty_database: Callable[[str], Database], sample_estate: Callable[..., Pair]
) -> None:
    driver = play("mssql")
    driver.release = Release.parse("3.2.0")
    copy = sample_estate(str(RELEASE), apis=6, tenants=1)
    driver.holds = copy.by_name()
    change(
        copy.am,
        "DROP TABLE am_gw_api_artifacts",
        "CREATE TABLE am_gw_api_artifacts (api_id varchar, artifact bytea, gateway_instruction varchar, "
        "gateway_label varchar, time_stamp timestamp)",
        "INSERT INTO am_gw_api_artifacts VALUES ('a', 'zip', 'Publish', 'Default', '2026-03-01 02:03:04')",
    )
    target = empty_database("am")
    move_some(driver, target, [], "AM_GW_API_ARTIFACTS")
    assert any("[TIMESTAMP]" in each and "FROM [AM_GW_API_ARTIFACTS]" in each for each in driver.sent)
    assert scalar(target, "SELECT time_stamp FROM am_gw_api_artifacts") == datetime(2026, 3, 1, 2, 3, 4)
    with target.read() as session:
        found = introspect(session).tables["am_gw_api_artifacts"]
    assert found.column("timestamp") is None


def test_the_played_values_have_the_forms_of_the_drivers() -> None:
    """So that the tests above say something: no value comes as PostgreSQL gives it."""

    def given(kind: str, type_: str, value: object) -> object:
        return value_of(Driver(kind, RELEASE, {}), Column("X", type_, True), value)

    assert given("oracle", "VARCHAR2(9)", "") is None
    assert given("oracle", "CHAR(1)", True) == "1"
    assert type(given("oracle", "BLOB", b"x")).__name__ == "Lob"
    assert given("oracle", "DATE", date(2026, 3, 1)) == datetime(2026, 3, 1)
    assert given("mssql", "CHAR(4)", "ab") == "ab  "
    assert isinstance(given("db2", "BLOB(1M)", b"x"), memoryview)
    assert given("db2", "SMALLINT", True) == 1
