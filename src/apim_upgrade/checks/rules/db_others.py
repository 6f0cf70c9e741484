"""Rules about MySQL, Oracle and SQL Server, DB040 to DB049; most read the schema alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import plural
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Schema, catalogue, legacy_timestamps, part_of
from apim_upgrade.releases.model import Column, Table, fold
from apim_upgrade.schema import target_of
from apim_upgrade.schema.dialects import fitted
from apim_upgrade.schema.mysql.types import ROW_LIMIT, row_bytes
from apim_upgrade.schema.mysql.versions import Version

_OLD_IDENTIFIER = 30


@rule(
    "DB040",
    Severity.MINOR,
    title="key that is too long for the character set of its table",
    repair=Repair.AUTOMATIC,
    kinds=("mysql",),
    problems=("db-mysql-key-too-long",),
)
def key_too_long(subject: Subject) -> Iterator[Finding]:
    """
    What: A key or index that the target brings would be longer than 3,072 bytes (767 for a column in tables of an old
    row format) with the character set of the tables.

    Why: MySQL refuses it (error 1071), and the vendor's scripts then go on without the table. They are made for one
    byte a character (latin1). The upgrade keeps the character set and lets only the first characters of the longest
    column count. For an index that changes nothing. A unique key then takes values for the same that differ only behind
    these characters; those that it concerns hold paths and identifiers of a hundred characters at most.

    How found: For every key of the target that the database lacks, the bytes of its columns are added up, with the
    character sets that the columns have or will get.

    How to mend: Nothing has to be done. Rows that a shortened unique key would refuse are told by DB001.
    """
    for name, live in subject.live.items():
        target = target_of(subject.kind, subject.target, part_of(name, subject.live))
        real = fitted(target, live).wanted
        for table in target.wanted.tables.values():
            found = live.table(table.name)
            have = {(columns, unique) for columns, _, unique in _keys(found)} if found is not None else set()
            stock = {(columns, unique): prefix for columns, prefix, unique in _keys(table)}
            subject.saw("indexes", len(stock))
            for columns, prefix, unique in _keys(real.tables[table.name]):
                if prefix and prefix != stock[columns, unique] and (columns, unique) not in have:
                    short = ", ".join(f"{column.upper()} to {size}" for column, size in prefix)
                    what = "unique key" if unique else "index"
                    yield Finding(
                        f"The {what} of {table.name.upper()} over ({', '.join(columns).upper()}) is made shorter: "
                        f"{short} characters.",
                        place=Row(name, table.name.upper(), key=", ".join(columns).upper()),
                        severity=None if unique else Severity.INFO,
                    )


def _keys(table: Table) -> Iterator[tuple[tuple[str, ...], tuple[tuple[str, int], ...], bool]]:
    """The columns of every key and index in lower case, how much of them counts, and whether it is unique."""
    if table.primary_key is not None:
        yield _folded(table.primary_key.columns), table.primary_key.prefix, True
    yield from ((_folded(key.columns), key.prefix, True) for key in table.unique)
    yield from ((_folded(index.columns), index.prefix, index.unique) for index in table.indexes)


def _folded(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, columns))


@rule(
    "DB041",
    Severity.MAJOR,
    title="collation that does not tell upper case from lower case",
    kinds=("mysql", "mssql"),
    problems=("db-collation-case-insensitive",),
)
def insensitive_collation(subject: Subject) -> Iterator[Finding]:
    """
    What: Columns of the product have a collation that ignores case (`…_ci`).

    Why: The product takes names, contexts and paths of different case for different things. Such a database finds the
    wrong row, or refuses a new name because of an old one. REG_PATH_VALUE tells case apart from 4.0.0 on.

    How found: The collations of all text columns of tables that begin with AM_, REG_, UM_ or IDN_. This rule has not
    been run against SQL Server.

    How to mend: Make the databases of the target with a collation that tells case apart (latin1_bin, utf8mb4_bin,
    …_CS_AS) and upgrade a copy there. Nothing can collide by that: names that differ only by case cannot exist yet.
    """
    for name, live in subject.live.items():
        loose = [
            (table.name, column.name, column.collation)
            for table in live.tables.values()
            if table.name.lower().startswith(("am_", "reg_", "um_", "idn_"))
            for column in table.columns
            if "_ci" in column.collation.lower()
        ]
        subject.saw("tables", len(live.tables))
        if loose:
            collations = ", ".join(sorted({collation for _, _, collation in loose}))
            yield Finding(
                f"{len(loose)} columns of {name} have a collation that ignores case ({collations}), such as "
                f"{loose[0][0].upper()}.{loose[0][1].upper()}.",
                place=Row(name, loose[0][0].upper(), loose[0][1].upper()),
                item=name,
            )


@rule(
    "DB042",
    Severity.MAJOR,
    title="tables whose names have another case than the product writes",
    kinds=("mysql", "mssql"),
    problems=("db-mysql-table-name-case",),
)
def table_name_case(subject: Subject) -> Iterator[Finding]:
    """
    What: Tables are stored with names in another case than the stock scripts write them.

    Why: On a server that tells the case of table names apart (lower_case_table_names = 0, as on Linux) the product
    does not find them. It shows when a dump moves from one server to another.

    How found: Names of tables are compared with the catalogue of the release. Databases that are in lower case as a
    whole work on their server and are told as information. This rule has not been run against SQL Server.

    How to mend: Keep the same lower_case_table_names on the server of the copy, or rename the tables to the stock case.
    """
    for name, live in subject.live.items():
        stock = catalogue(subject.kind, subject.source, part_of(name, subject.live))
        names = {fold(table.name): table.name for table in stock.tables.values()}
        subject.saw("tables", len(live.tables))
        known = [table.name for table in live.tables.values() if fold(table.name) in names]
        other = [table for table in known if table != names[fold(table)]]
        if other:
            yield Finding(
                f"{len(other)} of {len(known)} tables of {name} are in another case: {other[0]} for "
                f"{names[fold(other[0])]}.",
                place=Row(name, other[0].upper()),
                item=name,
                severity=Severity.INFO if len(other) == len(known) else None,
            )


@rule(
    "DB043",
    Severity.MINOR,
    title="time that changes with every change of its row",
    kinds=("mysql",),
)
def times_that_change(subject: Subject) -> Iterator[Finding]:
    """
    What: TIMESTAMP columns have ON UPDATE CURRENT_TIMESTAMP though the product does not ask for it.

    Why: Whoever changes any column of such a row changes the time as well: times of creation become those of the
    upgrade, and what depends on them (the newest version of an API, the order of the index) changes.

    How found: Columns with that clause that the catalogue has without. They come about on servers with
    explicit_defaults_for_timestamp = OFF (the default of MySQL 5.7).

    How to mend: Take the clause off in the copy before the upgrade: ALTER TABLE … MODIFY … TIMESTAMP NULL. Scripts of
    your own should write such columns with their old value.
    """
    for name, live in subject.live.items():
        stock = catalogue(subject.kind, subject.source, part_of(name, subject.live))
        subject.saw("tables", len(live.tables))
        found = [
            f"{table.name.upper()}.{column.name.upper()}"
            for table in live.tables.values()
            if (wanted := stock.table(table.name)) is not None
            for column in table.columns
            if _changes(column) and (same := wanted.column(column.name)) is not None and not _changes(same)
        ]
        if found:
            usual = legacy_timestamps(subject.source, "am" if name == "am" else "shared")
            old = sum(each in usual for each in found)
            yield Finding(
                f"{len(found)} columns of {name} change with every change of their row, {old} of them as old servers "
                f"make them: {', '.join(found[:5])}.",
                place=Row(name, *found[0].split(".")),
                item=name,
            )


@rule("DB044", Severity.BLOCKER, title="table whose rows would be too long", kinds=("mysql",))
def row_too_long(subject: Subject) -> Iterator[Finding]:
    """
    What: With the columns that the target adds or widens, a row of a table would exceed 65,535 bytes.

    Why: MySQL refuses such a table (error 1118).

    How found: The lengths of all columns that a table has and gets are added up, with the bytes a character of its
    set.

    How to mend: Drop columns of your own from the table, or make them texts (TEXT, BLOB), before the upgrade.
    """
    for name, live in subject.live.items():
        real = fitted(target_of(subject.kind, subject.target, part_of(name, subject.live)), live).wanted
        for table in real.tables.values():
            found = live.table(table.name)
            subject.saw("tables")
            columns = {fold(column.name): column for column in (*(found.columns if found else ()), *table.columns)}
            length = sum(row_bytes(column) for column in columns.values())
            if length > ROW_LIMIT:
                yield Finding(
                    f"A row of {table.name.upper()} would take up to {length:,} bytes; {ROW_LIMIT:,} are allowed.",
                    place=Row(name, table.name.upper()),
                )


@rule("DB046", Severity.BLOCKER, title="table that knows no transactions", kinds=("mysql",))
def no_transactions(subject: Subject) -> Iterator[Finding]:
    """
    What: A table of the product lies in another engine than InnoDB, such as MyISAM.

    Why: Such a table has neither transactions nor foreign keys. A step that is broken off would leave it half changed,
    and the target's foreign keys cannot be made.

    How found: The engine of every table of the product.

    How to mend: ALTER TABLE … ENGINE=InnoDB in the old database, with its servers stopped.
    """
    for name, live in subject.live.items():
        stock = catalogue(subject.kind, subject.source, part_of(name, subject.live))
        subject.saw("tables", len(live.tables))
        for table in live.tables.values():
            engine = table.storage.partition(" ")[0]
            if engine and engine.lower() != "innodb" and stock.table(table.name) is not None:
                yield Finding(f"{table.name.upper()} lies in {engine}.", place=Row(name, table.name.upper()))


@rule(
    "DB045",
    Severity.MINOR,
    title="names that are too long for an old Oracle server",
    kinds=("oracle",),
    problems=("db-oracle-identifier-30",),
)
def names_too_long(subject: Subject) -> Iterator[Finding]:
    """
    What: The server is older than 12.2, and the target has names of more than 30 characters.

    Why: Such a server refuses them (ORA-00972).

    How found: The server's version, and the names in the catalogue of the target that the database lacks. This rule
    has not been run against a server.

    How to mend: Upgrade the database server to 19c or later first: the target is not tested with an older one anyway.
    """
    for database in subject.estate.databases:
        numbers = [int(part) for part in re.findall(r"\d+", database.server)[:2]]
        live = subject.live[database.name]
        subject.saw("tables", len(live.tables))
        if not numbers or (*numbers, 0) >= (12, 2):
            continue
        wanted = _names(catalogue(subject.kind, subject.target, part_of(database.name, subject.live)))
        there = {fold(name) for name in _names(live)}
        long = sorted({each for each in wanted if len(each) > _OLD_IDENTIFIER and fold(each) not in there})
        if long:
            yield Finding(
                f"{len(long)} names of {database.name} are too long for Oracle {database.server}: "
                f"{', '.join(long[:5])}.",
                item=database.name,
            )


@rule("DB047", Severity.BLOCKER, title="function that the server lacks", kinds=("mysql",))
def no_md5(subject: Subject) -> Iterator[Finding]:
    """
    What: The server does not know the function MD5.

    Why: The identifiers that the upgrade makes are digests of names, which the server computes for whole tables. From
    9.6 on MySQL has the function only with a component of its own.

    How found: The server is asked for a digest.

    How to mend: INSTALL COMPONENT 'file://component_classic_hashing'; as a user with rights on mysql.component.
    """
    for name, session in subject.sessions.items():
        subject.saw("databases")
        try:
            with session.attempt():
                session.all("SELECT MD5('x')")
        except DBAPIError:
            yield Finding(f"The server of {name} has no function MD5.", item=name)


@rule("DB048", Severity.MAJOR, title="rights that were granted table by table", kinds=("mysql",))
def rights_by_table(subject: Subject) -> Iterator[Finding]:
    """
    What: A user has rights on single tables of a database and not on the whole of it.

    Why: The target has new tables. Whoever was granted rights table by table cannot read or write them, and the server
    of the target fails at its start. MySQL has no owners of tables who would pass rights on.

    How found: Grants on tables that the user of the tool may see: its own, and those of all users where it may read the
    server's own tables.

    How to mend: GRANT ALL ON the database to the product's user before the target is started. Users that only read
    single tables, for reports, may stay as they are.
    """
    for name, session in subject.sessions.items():
        subject.saw("databases")
        for row in session.all(_TABLE_GRANTS):
            yield Finding(
                f"{row.person} has rights on {plural(row.many, 'table')} of {name} one by one.",
                item=f"{name}: {row.person}",
            )


_TABLE_GRANTS = """
SELECT grantee AS person, COUNT(DISTINCT table_name) AS many FROM information_schema.table_privileges
WHERE table_schema = DATABASE() GROUP BY grantee ORDER BY grantee"""


@rule("DB049", Severity.BLOCKER, title="server that is too old for the upgrade", kinds=("mysql",))
def server_too_old(subject: Subject) -> Iterator[Finding]:
    """
    What: The server is a MySQL before 8.0 or a MariaDB before 10.3.

    Why: Such a server knows neither common table expressions nor window functions, by which the upgrade copies folders
    and operations: the run would stop half way. MySQL 5.7 gets no corrections any more.

    How found: By the version that the server tells.

    How to mend: Upgrade the database server to MySQL 8.0 or later first, under the old release, which was tested with
    it as well. Or give each database a new place (move_to) on a newer server, and run `apim-upgrade move` first.
    """
    for database in subject.estate.databases:
        subject.saw("database servers")
        if not Version.parse(database.server).has_common_table_expressions:
            yield Finding(
                f"The upgrade cannot work on the server of {database.name}, which is {database.server}.",
                item=database.name,
            )


def _changes(column: Column) -> bool:
    return "on update" in column.extra.lower()


def _names(schema: Schema) -> Iterator[str]:
    for table in schema.tables.values():
        yield table.name
        yield from (column.name for column in table.columns)
        names = [key.name for key in table.unique]
        names += [key.name for key in table.foreign_keys]
        names += [index.name for index in table.indexes]
        yield from filter(None, names)
