"""Rules about MySQL, Oracle and SQL Server, DB040 to DB049: they read the schema, and have met no such server yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from apim_upgrade.checks.model import Finding, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Schema, catalogue, legacy_timestamps, part_of
from apim_upgrade.releases.model import Column, Table, fold

_BYTES = {
    "latin1": 1,
    "ascii": 1,
    "binary": 1,
    "ucs2": 2,
    "utf8": 3,
    "utf8mb3": 3,
    "utf8mb4": 4,
    "utf16": 4,
    "utf32": 4,
}
"""Bytes that one character may take, by MySQL character set."""
_KEY_LIMIT = 3072
_ROW_LIMIT = 65_535
_OLD_IDENTIFIER = 30
_OUT_OF_ROW = re.compile(r"(?:tiny|medium|long)?(?:blob|text)|json")
_SIZES = {"int": 4, "integer": 4, "bigint": 8, "smallint": 2, "tinyint": 1, "timestamp": 4, "datetime": 8, "double": 8}
_PARTS = re.compile(r"([a-z ]+)(?:\((\d+))?")


@rule(
    "DB040",
    Severity.BLOCKER,
    title="index that is too long for its character set",
    kinds=("mysql",),
    problems=("db-mysql-key-too-long",),
)
def index_too_long(subject: Subject) -> Iterator[Finding]:
    """
    What: An index that the target brings would be longer than 3,072 bytes with the character set of the tables.

    Why: MySQL refuses it (error 1071), and later statements then miss the table. The stock scripts are made for one
    byte a character (latin1).

    How found: For every index and key of the target that the database lacks, the lengths of its columns are added up
    with the bytes a character of the set that the table has, or most tables have. This rule has not been run against a
    server.

    How to mend: Keep the character set that the database was made with (latin1) for new tables; never change the set
    of existing tables by the way. Copy into a database of the old default set, then upgrade.
    """
    for name, live in subject.live.items():
        usual = _usual_set(live)
        for table in catalogue(subject.kind, subject.target, part_of(name, subject.live)).tables.values():
            found = live.table(table.name)
            for columns, prefix in _indexes(table):
                subject.saw("indexes")
                if found is not None and any(_same(columns, other) for other, _ in _indexes(found)):
                    continue
                length = sum(_index_bytes(table, found, column, prefix, usual) for column in columns)
                if length > _KEY_LIMIT:
                    yield Finding(
                        f"The index of {table.name.upper()} over ({', '.join(columns).upper()}) takes {length:,} bytes "
                        f"with {usual}; {_KEY_LIMIT:,} are allowed.",
                        place=Row(name, table.name.upper(), key=", ".join(columns).upper()),
                    )


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
    been run against a server.

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
    whole work on their server and are told as information. This rule has not been run against a server.

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
    explicit_defaults_for_timestamp = OFF (the default of MySQL 5.7). This rule has not been run against a server.

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
    set. This rule has not been run against a server.

    How to mend: Drop columns of your own from the table, or change the character set of long ones before the upgrade.
    """
    for name, live in subject.live.items():
        usual = _usual_set(live)
        for table in catalogue(subject.kind, subject.target, part_of(name, subject.live)).tables.values():
            found = live.table(table.name)
            subject.saw("tables")
            columns = {fold(column.name): column for column in table.columns}
            if found is not None:
                columns = {fold(column.name): column for column in found.columns} | {
                    key: column for key, column in columns.items() if found.column(key) is None
                }
            length = sum(_column_bytes(column, usual) for column in columns.values())
            if length > _ROW_LIMIT:
                yield Finding(
                    f"A row of {table.name.upper()} would take up to {length:,} bytes; {_ROW_LIMIT:,} are allowed.",
                    place=Row(name, table.name.upper()),
                )


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


def _indexes(table: Table) -> Iterator[tuple[tuple[str, ...], Mapping[str, int]]]:
    """The columns of every index and key, with the lengths that MySQL is told to look at."""
    if table.primary_key is not None:
        yield table.primary_key.columns, {}
    for unique in table.unique:
        yield unique.columns, {fold(column): length for column, length in unique.prefix}
    for index in table.indexes:
        if not index.expressions:
            yield index.columns, {fold(column): length for column, length in index.prefix}


def _same(one: Iterable[str], other: Iterable[str]) -> bool:
    return [fold(name) for name in one] == [fold(name) for name in other]


def _usual_set(live: Schema) -> str:
    """The character set of most text columns; latin1 where none is told."""
    sets = [_set_of(column) for table in live.tables.values() for column in table.columns if _set_of(column)]
    return max(sorted(set(sets)), key=sets.count, default="latin1")


def _set_of(column: Column) -> str:
    return column.charset or column.collation.partition("_")[0]


def _index_bytes(wanted: Table, found: Table | None, name: str, prefix: Mapping[str, int], usual: str) -> int:
    column = (found.column(name) if found is not None else None) or wanted.column(name)
    if column is None:
        return 0
    length = prefix.get(fold(name))
    if length is not None:
        return length * _BYTES.get(_set_of(column) or usual, 4)
    return _column_bytes(column, usual)


def _column_bytes(column: Column, usual: str) -> int:
    """The most bytes that a value takes in its row; what lies outside counts as its pointer."""
    match = _PARTS.match(column.type.lower())
    name = match[1].strip() if match else ""
    if _OUT_OF_ROW.fullmatch(name):
        return 12
    length = int(match[2]) if match and match[2] else 1
    if "char" in name:
        return length * _BYTES.get(_set_of(column) or usual, 4) + (2 if name.startswith("var") else 0)
    if "binary" in name:
        return length
    return _SIZES.get(name.split(" ")[0], 8)


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
