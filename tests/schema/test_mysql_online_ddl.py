"""
Every change of a table asks the server for the way that the plan foretold, and goes on in a harder one if refused.

``APIM_UPGRADE_LARGE_ROWS=10000000 pytest -n0 -s …`` makes the large tables really large, on a server that keeps them in
pytest's folder (about 25 GB), and prints the table of figures that stands in ``docs/large-tables.md``.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.mysql.algorithms import ANY, COPIED, IN_PLACE, INSTANT, NOT_REBUILT, READ_ONLY, Asking
from apim_upgrade.databases.session import Session
from apim_upgrade.engine import Event, Runner, Sql, StepRemark, Verdict, journal
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.releases import Release
from apim_upgrade.releases.model import Column, Index, PrimaryKey, Schema, Server, Size, Table
from apim_upgrade.schema import create_statements, introspect, target_of
from apim_upgrade.schema.alignment import contraction, expansion, removal
from apim_upgrade.schema.changes import (
    AddColumn,
    AlterTable,
    Change,
    ChangeType,
    CreateIndex,
    DropColumn,
    DropConstraint,
    Narrow,
    SetCollation,
    SetNullable,
    applied,
)
from apim_upgrade.schema.mysql import ddl
from apim_upgrade.schema.mysql.online import Way, clause, effect, way
from conftest import ON_MYSQL, MariaServer, mariadb_server
from schema.conftest import SchemaUpgrade

Make = Callable[..., SchemaUpgrade]
ROWS = int(os.environ.get("APIM_UPGRADE_LARGE_ROWS", "20000"))
REALLY_LARGE = 1_000_000


@pytest.mark.parametrize("charset", ["latin1", "utf8mb4"])
def test_no_server_can_do_a_change_in_an_easier_way_than_is_foretold(mysql_upgrade: Make, charset: str) -> None:
    upgrade = mysql_upgrade("3.2.0", "4.7.0", "am", charset)
    ways: set[Way] = set()
    wrong: list[str] = []
    with upgrade.database.autocommit() as session:
        for phase in ("expand", "contract", "commit"):
            if phase == "contract":
                upgrade.fill()
            live = introspect(session)
            for change in changes(phase, live):
                ways.add(way(change, live))
                for statement in ddl.ddl(change, live):
                    took = easiest(session, statement) if statement.startswith("ALTER") else execute(session, statement)
                    if took != statement:
                        wrong.append(f"{took} instead of {statement}")
                live = applied(live, [change])
    assert wrong == []
    assert ways == set(Way) - {Way.COPY_ASKED}, "what is left is for collations, of which none changes in am"
    assert upgrade.wrong() == []


def execute(session: Session, statement: str) -> str:
    session.execute(statement)
    return statement


def easiest(session: Session, statement: str) -> str:
    """Do a statement in the easiest way that the server accepts; return it with its clause."""
    plain = Asking.of(statement).plain
    if "longblob" in plain:  # copied by the statement before it; MySQL 9 does the rest of it in place
        return execute(session, statement)
    for asked in (INSTANT, NOT_REBUILT, IN_PLACE, READ_ONLY):
        try:
            session._connection.exec_driver_sql((plain + asked).replace("%", "%%"))
        except DBAPIError as error:
            assert error.orig is not None
            assert Asking(plain, asked).after(error.orig.args[0], mariadb=not ON_MYSQL) is not None
        else:
            return plain + asked
    return execute(session, plain)


def changes(phase: str, live: Schema) -> list[Change]:
    target = target_of("mysql", Release.parse("4.7.0"), "am")
    if phase == "expand":
        return list(expansion(live, target).all_changes())
    groups = contraction(live, target) if phase == "contract" else removal(live, target)
    return [change for group in groups.values() for change in group]


def refused(upgrade: SchemaUpgrade, table: str) -> list[StepRemark]:
    """Run the steps of *expand* that are about a table; return what the run told of refusals."""
    told: list[Event] = []
    steps = [step for step in upgrade.expand() if step.name.endswith(f"/{table}")]
    assert steps
    Runner({"am": upgrade.database}, upgrade.record, told.append).run(steps)
    return [event for event in told if isinstance(event, StepRemark)]


def test_a_refused_way_is_followed_by_the_next_harder_one_and_the_run_tells_so(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.7.0", "am")
    upgrade.sql("ALTER TABLE AM_API_DEFAULT_VERSION ROW_FORMAT=COMPRESSED")
    *_, last = refused(upgrade, "AM_API_DEFAULT_VERSION")
    assert last.statement.startswith("ALTER TABLE `AM_API_DEFAULT_VERSION` ADD COLUMN `ORGANIZATION` varchar(100)")
    assert last.text.startswith("Asked for ALGORITHM=INSTANT, goes on with ALGORITHM=INPLACE, LOCK=NONE: ")
    with upgrade.database.read() as session:
        ((step, item),) = journal.read_verdicts(session)
    assert (step, item.verdict) == ("schema/am/expand/AM_API_DEFAULT_VERSION", Verdict.NOTED)
    assert (item.item, item.reason) == (last.statement, last.text)
    assert refused(upgrade, "AM_POLICY_APPLICATION") == []


def test_where_nothing_else_is_left_the_table_is_copied(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.7.0", "am")
    upgrade.sql("ALTER TABLE AM_POLICY_APPLICATION ENGINE=MyISAM")
    *_, last = refused(upgrade, "AM_POLICY_APPLICATION")
    assert "goes on with whatever way the server takes, a copy at worst: ALGORITHM=INPLACE is not" in last.text
    assert upgrade.live().tables["AM_POLICY_APPLICATION"].column("RATE_LIMIT_COUNT") is not None


def test_any_other_error_stops_the_statement(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.7.0", "am")
    remarks: list[str] = []
    upgrade.sql("CREATE TABLE T (A INT)", "INSERT INTO T VALUES (1), (1)")
    with pytest.raises(EnvironmentProblem, match="rows do not fit"), upgrade.database.autocommit() as session:
        session.listen(lambda _, remark: remarks.append(remark))
        session.execute(f"ALTER TABLE T ADD UNIQUE (A){IN_PLACE}")
    with pytest.raises(EnvironmentProblem, match="syntax"), upgrade.database.autocommit() as session:
        session.execute(f"ALTER TABLE T ADD COLUMN{INSTANT}")
    assert remarks == []


def test_refusals_are_told_from_other_errors_by_their_numbers() -> None:
    asking = Asking.of(f"ALTER TABLE T ADD COLUMN A INT{INSTANT}")
    assert asking.statement == "ALTER TABLE T ADD COLUMN A INT, ALGORITHM=INSTANT"
    assert asking.after(1062, mariadb=True) is None
    for mariadb, expected in ((True, [NOT_REBUILT, IN_PLACE, READ_ONLY, ANY]), (False, [IN_PLACE, READ_ONLY, ANY])):
        tried, ways = asking, []
        while (harder := tried.after(1846, mariadb=mariadb)) is not None:
            tried = harder
            ways.append(tried.clause)
        assert ways == expected
    # The log of what others write is full: whoever writes less has no need of it.
    assert Asking("", IN_PLACE).after(1799, mariadb=True) == Asking("", READ_ONLY)
    assert Asking.of("EXECUTE apim_upgrade").after(1846, mariadb=True) is None


TEXT = Column("A", "varchar(300)", True, charset="latin1")
TABLE = Table("T", (TEXT, Column("B", "int", True)), PrimaryKey("PRIMARY", ("A",)), indexes=(Index("I", ("B",)),))


def on(server: str, rows: int = 50_000_000) -> Schema:
    return Schema("mysql", {"T": TABLE}, server=Server(server), sizes={"T": Size(rows, 400 * rows)})


def test_a_collation_is_never_changed_in_the_way_that_leaves_unique_keys_in_the_old_order() -> None:
    change = AlterTable("T", (SetCollation("A", "latin1", "latin1_swedish_ci", "latin1_general_cs"),))
    assert clause(change, on("8.0.15")) == COPIED
    assert clause(change, on("10.11.19-MariaDB")) == NOT_REBUILT
    asked = Asking.of(f"ALTER TABLE T MODIFY A TEXT{COPIED}")
    assert (asked.clause, asked.after(1846, mariadb=False)) == (COPIED, None)


def test_what_needs_no_pass_over_the_rows_is_not_drawn_into_one() -> None:
    """A server that is to drop an index and add a column in one statement rebuilds the table."""
    change = AlterTable("T", (AddColumn(Column("C", "int", True)), DropColumn("B")))
    assert ddl.ddl(change, on("8.0.36")) == (
        "ALTER TABLE `T` DROP INDEX `I`, ALGORITHM=INPLACE, LOCK=NONE",
        "ALTER TABLE `T` DROP COLUMN `B`, ADD COLUMN `C` int NULL, ALGORITHM=INSTANT",
    )
    assert ddl.ddl(change, on("5.7.44")) == (
        "ALTER TABLE `T` DROP INDEX `I`, DROP COLUMN `B`, ADD COLUMN `C` int NULL, ALGORITHM=INPLACE, LOCK=NONE",
    )
    assert ddl.ddl(change, Schema("mysql", {"T": TABLE})) == (
        "ALTER TABLE `T` DROP INDEX `I`, DROP COLUMN `B`, ADD COLUMN `C` int NULL",
    )
    both = AlterTable("T", (ChangeType("A", "varchar(300)", "varchar(400)"), SetNullable("A", True)))
    assert ddl.ddl(both, on("10.6.3-MariaDB")) == (
        "ALTER TABLE `T` MODIFY COLUMN `A` varchar(400) CHARACTER SET latin1 NULL, ALGORITHM=INSTANT",
    )


def test_the_plan_says_what_a_change_of_a_large_table_means_for_its_users() -> None:
    small, large = on("8.0.36", rows=10), on("8.0.36")
    to_bytes = AlterTable("T", (ChangeType("A", "varchar(300)", "blob"),))
    assert effect([to_bytes], small) == ""
    assert effect([to_bytes], large) == (
        "the table of about 50,000,000 rows (20,000 MB) is copied, nobody can write meanwhile"
    )
    assert "gets an index while others read and write" in effect([CreateIndex("T", Index("I", ("A",)))], large)
    longer = AlterTable("T", (ChangeType("A", "varchar(300)", "varchar(400)"),))
    assert effect([longer], large).endswith("is changed at once: ALGORITHM=INPLACE, LOCK=NONE")
    null = AlterTable("T", (SetNullable("A", True),))
    assert (way(null, large), way(null, on("10.6.3-MariaDB"))) == (Way.IN_PLACE, Way.INSTANT)
    assert way(Narrow("T", "A", "varchar(300)", "varchar(30)"), large) is Way.COPY
    assert way(AlterTable("T", (DropConstraint("PRIMARY"),)), large) is Way.COPY


def test_a_step_tells_it_in_its_title(mysql_upgrade: Make) -> None:
    upgrade = mysql_upgrade("4.0.0", "4.2.0", "shared")
    upgrade.sql(
        "INSERT INTO REG_PROPERTY (REG_ID, REG_NAME, REG_TENANT_ID) VALUES (1, 'a', -1234)",
        "INSERT INTO REG_RESOURCE_PROPERTY (REG_PROPERTY_ID, REG_TENANT_ID) SELECT 1, -1234 FROM seq_1_to_20000",
        "ANALYZE TABLE REG_RESOURCE_PROPERTY",
    )
    (step,) = (each for each in upgrade.expand() if each.name.endswith("/REG_RESOURCE_PROPERTY"))
    assert "rows (" in step.title
    assert step.title.endswith("MB) is rebuilt, nobody can write meanwhile: ALGORITHM=INPLACE, LOCK=SHARED)")
    (statement,) = step.operations
    assert isinstance(statement, Sql)
    assert statement.note.endswith("MB) is rebuilt, nobody can write meanwhile: ALGORITHM=INPLACE, LOCK=SHARED)")
    assert str(statement.statement).endswith(READ_ONLY)


NUMBER = "LPAD(n, 12, '0')"
TOKEN = {
    "TOKEN_ID": f"CONCAT('0b8d1c1e-5a6c-4e2f-9d7b-', {NUMBER})",
    "ACCESS_TOKEN": "MD5(n)",
    "REFRESH_TOKEN": "MD5(-n)",
    "CONSUMER_KEY_ID": "NULL",
    "AUTHZ_USER": "CONCAT('user', n % 100000)",
    "TENANT_ID": "-1234",
    "USER_DOMAIN": "'PRIMARY'",
    "USER_TYPE": "'APPLICATION_USER'",
    "GRANT_TYPE": "'password'",
    "TIME_CREATED": "'2026-01-02 03:04:05'",
    "REFRESH_TOKEN_TIME_CREATED": "'2026-01-02 03:04:05'",
    "VALIDITY_PERIOD": "3600000",
    "TOKEN_SCOPE_HASH": "MD5(n % 10)",
    "TOKEN_STATE": "'ACTIVE'",
    "ACCESS_TOKEN_HASH": "SHA2(n, 256)",
    "REFRESH_TOKEN_HASH": "SHA2(-n, 256)",
}
LARGE = {
    "IDN_OAUTH2_ACCESS_TOKEN": TOKEN,
    "IDN_OAUTH2_ACCESS_TOKEN_AUDIT": TOKEN,
    "IDN_OAUTH2_TOKEN_BINDING": {
        "TOKEN_ID": TOKEN["TOKEN_ID"],
        "TOKEN_BINDING_TYPE": "'cookie'",
        "TOKEN_BINDING_REF": "MD5(n)",
        "TOKEN_BINDING_VALUE": "SHA2(n, 256)",
    },
    "IDN_OAUTH2_RESOURCE_SCOPE": {"RESOURCE_PATH": f"CONCAT('/apis/', {NUMBER}, '/resource')", "SCOPE_ID": "1"},
}
WAYS = {
    "is changed at once": (INSTANT, NOT_REBUILT, IN_PLACE),
    "gets an index": (NOT_REBUILT, IN_PLACE),
    "is rebuilt while others read and write": (IN_PLACE,),
    "is rebuilt, nobody can write": (READ_ONLY,),
    "is copied": (ANY,),
}
"""What the plan says, and what the server must have been asked for."""


def fill(table: str, rows: str) -> str:
    """The statement that writes a row of a table for every ``n`` of a query."""
    columns = LARGE[table]
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM ({rows}) numbers"


def numbers(below: int) -> str:
    digits = "(SELECT 0 d" + "".join(f" UNION ALL SELECT {digit}" for digit in range(1, 10)) + ")"
    places = range(len(str(below - 1)))
    n = " + ".join(f"d{place}.d * {10**place}" for place in reversed(places))
    tables = ", ".join(f"{digits} d{place}" for place in reversed(places))
    return f"SELECT {n} n FROM {tables} HAVING n < {below}"


class Writer(threading.Thread):
    """Somebody who writes one row after the other, and knows how long each took."""

    new_rows = count(10**10)

    def __init__(self, connection: pymysql.Connection[pymysql.cursors.Cursor], table: str) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._table = table
        self._ended = False
        self.writes: list[tuple[float, float]] = []
        self.written = threading.Condition()

    def run(self) -> None:
        with self._connection.cursor() as cursor:
            for number in self.new_rows:
                began = time.monotonic()
                with suppress(pymysql.err.OperationalError):  # waited for longer than the server lets anybody
                    cursor.execute(fill(self._table, f"SELECT {number} n"))
                with self.written:
                    self.writes.append((began, time.monotonic()))
                    self.written.notify_all()
                    if self._ended:
                        return

    def during(self, began: float, ended: float) -> tuple[int, float]:
        """How many writes were done in a span of time, and the longest one that fell into it."""
        with self.written:
            self.written.wait_for(lambda: bool(self.writes) and self.writes[-1][0] > ended)
        overlapping = [(start, end) for start, end in self.writes if end > began and start < ended]
        return sum(end < ended for _, end in overlapping), max(end - start for start, end in overlapping)

    def end(self) -> None:
        self._ended = True
        self.join()


@dataclass
class Measured:
    """What became of one statement."""

    table: str
    statement: str
    foretold: str
    seconds: float
    copied: int
    writes: int
    longest: float
    remarks: list[str]

    def line(self) -> str:
        asking = Asking.of(self.statement)
        what = asking.plain.partition(f"`{self.table}` ")[2].replace("`", "").partition(" CHARACTER")[0][:60]
        figures = (f"{self.seconds:.2f}", f"{self.longest:.2f}", f"{self.writes:,}")
        return " | ".join((f"`{self.table}`", f"`{what}`", asking.clause[2:] or "–", *figures))


def changed(upgrade: SchemaUpgrade, writer: Writer, table: str, operation: Sql) -> Measured:
    """Execute one statement while somebody writes."""
    remarks: list[str] = []
    with upgrade.database.autocommit() as session:
        session.listen(lambda _, remark: remarks.append(remark))
        began = time.monotonic()
        copied = session.execute(operation.statement)
        ended = time.monotonic()
    assert isinstance(operation.statement, str)
    writes, longest = writer.during(began, ended)
    return Measured(table, operation.statement, operation.note, ended - began, copied, writes, longest, remarks)


@contextmanager
def writing(upgrade: SchemaUpgrade, table: str) -> Iterator[Writer]:
    address = upgrade.database.address
    with pymysql.connect(
        unix_socket=address.host,
        user=address.username,
        database=address.database,
        autocommit=True,
        init_command="SET foreign_key_checks = 0",
    ) as connection:
        writer = Writer(connection, table)
        writer.start()
        try:
            yield writer
        finally:
            writer.end()


@pytest.fixture
def large_estate(mysql_databases: MariaServer, tmp_path: Path) -> Iterator[SchemaUpgrade]:
    """A database of 3.2.0 whose tokens are many, on the worker's server or on one that can hold them."""
    if ROWS < REALLY_LARGE:
        yield filled(mysql_databases)
        return
    settings = {"innodb_buffer_pool_size": "4G", "innodb_log_file_size": "2G", "innodb_flush_method": "O_DIRECT"}
    with mariadb_server(tmp_path, **settings) as server:
        yield filled(MariaServer(server, tmp_path, count(1)))


def filled(databases: MariaServer) -> SchemaUpgrade:
    source = Release.parse("3.2.0")
    database = databases.database("am", databases.create())
    with database.autocommit() as session:
        for statement in create_statements("mysql", source, "am"):
            session.execute(statement)
        session.execute("SET SESSION foreign_key_checks = 0")
        session.execute("INSERT INTO IDN_OAUTH2_SCOPE (NAME, DISPLAY_NAME, SCOPE_TYPE) VALUES ('s', 's', 'OAUTH2')")
        for table in LARGE:
            session.execute(fill(table, numbers(ROWS)))
            session.execute(f"ANALYZE TABLE {table}")
    return SchemaUpgrade(database, source, Release.parse("4.7.0"))


def test_a_large_table_is_changed_as_the_plan_foretold_while_others_write(large_estate: SchemaUpgrade) -> None:
    seen = []
    for phase in (large_estate.expand, large_estate.contract):
        for step in phase():
            table = step.tables[0] if step.tables else ""
            if table not in LARGE:
                large_estate.do([step])
                continue
            with writing(large_estate, table) as writer:
                seen += [changed(large_estate, writer, table, sql) for sql in step.operations if isinstance(sql, Sql)]
        large_estate.fill()
    if ROWS >= REALLY_LARGE:
        print("\n".join(("", *(f"| {each.line()} |" for each in seen))))
    assert [each.remarks for each in seen if each.remarks] == []
    for each in seen:
        (clauses,) = [clauses for words, clauses in WAYS.items() if words in each.foretold]
        clause = Asking.of(each.statement).clause
        assert clause in clauses
        assert (each.copied >= ROWS) is (clause == ANY)
        if ROWS >= REALLY_LARGE:
            assert (each.longest > each.seconds / 2 + 1) is (clause in (READ_ONLY, ANY))
    assert {Asking.of(each.statement).clause for each in seen} >= {INSTANT, IN_PLACE, READ_ONLY, ANY}
