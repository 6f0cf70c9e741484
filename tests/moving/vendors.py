"""
Drivers of Oracle, SQL Server and DB2 that the tests play: each answers for a sample estate that lies in PostgreSQL.

What they are asked is what the real ones would be: the question to the data dictionary, SELECTs as SQLAlchemy's
dialect writes them, and what begins a transaction. What they give has the forms that the real drivers' values have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from types import SimpleNamespace
from typing import Any

from sqlalchemy import column, literal, select, table

from apim_upgrade.databases import Database
from apim_upgrade.moving.names import Names
from apim_upgrade.releases import Release, Schema
from apim_upgrade.releases.model import Column
from apim_upgrade.schema.dialects import scripted_of
from apim_upgrade.schema.shapes import stock_shape
from schema.answers import lines_of

MODULES = {"oracle": "oracledb", "mssql": "pymssql", "db2": "ibm_db_dbi"}
URLS = {
    "oracle": {part: f"jdbc:oracle:thin:@//db.example:1521/{part}" for part in ("am", "shared")},
    "mssql": {part: f"jdbc:sqlserver://db.example;databaseName={part}" for part in ("am", "shared")},
    "db2": {part: f"jdbc:db2://db.example:50000/{part}" for part in ("am", "shared")},
}
_SELECT = re.compile(r'SELECT (?P<what>.*?)\s+FROM ["\[](?P<table>[^"\]]+)["\]]', re.S)
_FILLED = re.compile(r'WHERE ["\[]([^"\]]+)["\]] IS NOT NULL')
_NAME = re.compile(r'["\[]([^"\]]+)["\]]')


class VendorError(Exception):
    """What a driver calls ``Error``."""


class Lob:
    """A content that is fetched by a call of its own."""


@dataclass
class Driver:
    """One driver as a module: give it to ``sys.modules``."""

    kind: str
    release: Release
    holds: Mapping[str, Database]
    """The sample, by the name of the database that is connected to."""
    Error: type[Exception] = VendorError
    defaults: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(fetch_lobs=True, fetch_decimals=False))
    connected: list[dict[str, Any]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    snapshot: int = 1
    """Whether SQL Server allows a snapshot."""
    grows: str = ""
    """A table whose number of rows grows by one each time that it is counted."""
    breaks: str = ""
    """A table in whose midst the connection is lost."""
    largest_fetch: int = 0
    shapes: dict[str, Schema] = field(default_factory=dict)

    def connect(self, *texts: str, **options: Any) -> Connection:
        for pair in filter(None, "".join(texts).split(";")):
            options[pair.partition("=")[0]] = pair.partition("=")[2]
        self.connected.append(options)
        name = next(options[key] for key in ("service_name", "database", "DATABASE") if key in options)
        return Connection(self, name)

    def shape(self, part: str) -> Schema:
        if part not in self.shapes:
            self.shapes[part] = stock_shape(self.kind, self.release, part)
        return self.shapes[part]


@dataclass
class Connection:
    driver: Driver
    name: str
    grown: int = 0
    lost: bool = False

    def __post_init__(self) -> None:
        self._opened = ExitStack()
        self.sample = self._opened.enter_context(self.driver.holds[self.name].read())
        self.shape = self.driver.shape(self.name)
        usual = Names.of(self.driver.kind).elsewhere(self.shape)
        self.elsewhere = dict(zip(self.shape.tables, usual.tables.values(), strict=True))

    def cursor(self) -> Cursor:
        return Cursor(self)

    def close(self) -> None:
        self._opened.close()
        self.driver.sent.append("closed")
        if self.lost:
            raise VendorError("[IBM][CLI Driver] CLI0106E  Connection is closed.")


class Cursor:
    def __init__(self, connection: Connection) -> None:
        self.arraysize = 1
        self._connection = connection
        self._driver = connection.driver
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    def execute(self, text: str) -> None:
        self._driver.sent.append(text)
        if "APIM|H|" in text:
            shape = as_reported(self._driver.kind, self._connection.shape)
            self._rows = iter([(line,) for line in lines_of(self._driver.kind, shape)])
        elif "snapshot_isolation_state" in text:
            self._rows = iter([(self._driver.snapshot,)])
        elif text.startswith("SELECT"):
            self._rows = self._selected(text)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        found = list(islice(self._rows, size))
        self._driver.largest_fetch = max(self._driver.largest_fetch, len(found))
        return found

    def close(self) -> None:
        pass

    def _selected(self, text: str) -> Iterator[tuple[Any, ...]]:
        match = _SELECT.match(text)
        assert match is not None, text
        described = self._connection.shape.tables[match["table"]]
        usual = self._connection.elsewhere[match["table"]]
        called = {c.name: column(u.name.lower()) for c, u in zip(described.columns, usual.columns, strict=True)}
        counted = match["what"].startswith("count")
        names = _FILLED.findall(text) if counted else _NAME.findall(match["what"])
        wanted = [each for name in names if (each := described.column(name)) is not None]
        asked = [called[name] for name in names] or [literal(1)]
        rows = self._connection.sample.all(select(*asked).select_from(table(usual.name.lower())))
        given = (tuple(value_of(self._driver, *pair) for pair in zip(wanted, row, strict=False)) for row in rows)
        if not counted:
            yield from given
            if match["table"] == self._driver.breaks:
                self._connection.lost = True
                raise VendorError("[IBM][CLI Driver] SQL30081N  A communication error has been detected.")
            return
        if match["table"] == self._driver.grows:
            self._connection.grown += 1
        yield (sum(None not in row for row in given) + self._connection.grown,)


def as_reported(kind: str, shape: Schema) -> Schema:
    """A shape with types in the words of the dictionary, which are not always those of the scripts."""
    words = {"db2": lambda text: text.replace("CHAR(", "CHARACTER(").replace("VARCHARACTER(", "VARCHAR(")}

    def told(each: Column) -> Column:
        return replace(each, type=words.get(kind, str)(scripted_of(kind).types.canonical(each.type)))

    tables = {name: replace(each, columns=tuple(map(told, each.columns))) for name, each in shape.tables.items()}
    return replace(shape, tables=tables)


def value_of(driver: Driver, described: Column, value: Any) -> Any:
    """A value in the form in which the driver gives one of this type."""
    type_ = scripted_of(driver.kind).types.base(described.type)
    if value is None or (driver.kind == "oracle" and value == ""):
        return None
    if type_ in ("CHAR", "NCHAR"):
        size = int(re.findall(r"\d+", described.type)[0])
        return (str(int(value)) if isinstance(value, bool) else str(value)).ljust(size)
    return _FORMS[driver.kind](driver, type_, value)


def _oracle(driver: Driver, type_: str, value: Any) -> Any:
    if type_ in ("BLOB", "CLOB"):
        return Lob() if driver.defaults.fetch_lobs else value
    if type_ == "NUMBER":
        return Decimal(value) if driver.defaults.fetch_decimals else float(value)
    if type_ == "DATE":
        return datetime(value.year, value.month, value.day) if not isinstance(value, datetime) else cut(value, 10**6)
    return value


def _mssql(driver: Driver, type_: str, value: Any) -> Any:
    return cut(value, 1000) if type_ == "DATETIME" else value


def _db2(driver: Driver, type_: str, value: Any) -> Any:
    if type_ == "DECIMAL":
        return Decimal(value)
    if type_ == "BLOB":
        return memoryview(value)
    return int(value) if type_ == "SMALLINT" else value


def cut(value: datetime, unit: int) -> datetime:
    return value.replace(microsecond=value.microsecond // unit * unit)


_FORMS: dict[str, Callable[[Driver, str, Any], Any]] = {"oracle": _oracle, "mssql": _mssql, "db2": _db2}
