"""Databases made from the catalogues alone, and the schema steps run on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Runner, RunRecord, Sql, Step, journal
from apim_upgrade.releases import Release, Schema
from apim_upgrade.schema import (
    Deviation,
    Violation,
    commit_steps,
    contract_steps,
    create_statements,
    differences_to_target,
    expand_steps,
    introspect,
    needs_fill,
    quarantine_steps,
    violations,
)
from conftest import MariaServer, Server

KIND = "postgresql"


@pytest.fixture
def stock(databases: Server) -> Iterator[Callable[[str, str], Database]]:
    """``stock("4.2.0", "am")``: a database that the stock script of a release has just made."""
    made: list[str] = []

    def make(release: str, part: str) -> Database:
        def fill(name: str) -> None:
            with Database(part, databases.postgres.address(name)).write() as session:
                for statement in create_statements(KIND, Release.parse(release), part):
                    session.execute(statement)

        name = databases.clone(databases.template(f"stock {release} {part}", fill))
        made.append(name)
        return Database(part, databases.postgres.address(name))

    yield make
    for name in made:
        databases.drop(name)


@dataclass
class SchemaUpgrade:
    """The schema steps of one upgrade of one database, with the journal that a run would open."""

    database: Database
    source: Release
    target: Release

    def __post_init__(self) -> None:
        self.record = RunRecord(
            "run-1", "0", str(self.source), str(self.target), "f" * 64, datetime(2026, 1, 2, 3, 4, 5), "{}"
        )
        with self.database.write() as session:
            journal.open_journal(session, self.record)

    @property
    def part(self) -> str:
        return self.database.name

    @property
    def kind(self) -> str:
        return self.database.kind

    def live(self) -> Schema:
        with self.database.read() as session:
            return introspect(session)

    def expand(self) -> list[Step]:
        return expand_steps(self.kind, self.live(), self.target, self.part, self.part)

    def quarantine(self) -> list[Step]:
        return quarantine_steps(self.kind, self.live(), self.source, self.target, self.part, self.part)

    def contract(self) -> list[Step]:
        return contract_steps(self.kind, self.live(), self.target, self.part, self.part)

    def commit(self) -> list[Step]:
        return commit_steps(self.kind, self.live(), self.target, self.part, self.part)

    def run(self, steps: Sequence[Step]) -> None:
        """As a run does it: a transaction and a record for every step."""
        Runner({self.part: self.database}, self.record).run(steps)

    def do(self, steps: Sequence[Step]) -> None:
        """All statements of the steps in one transaction: the same result, sooner; on MySQL one a step."""
        for together in [steps] if self.kind == "postgresql" else [[step] for step in steps]:
            with self.database.write() as session:
                for step in together:
                    for operation in step.operations:
                        assert isinstance(operation, Sql)
                        session.execute(operation.statement)

    def all(self) -> None:
        """From the first step to the last; empty columns that data steps would fill get some value."""
        self.do(self.expand())
        self.fill()
        self.do(self.quarantine())
        self.do(self.contract())
        self.do(self.commit())

    def fill(self) -> None:
        with self.database.write() as session:
            for table, column in needs_fill(self.kind, self.source, self.target, self.part):
                some = "md5(ctid::text)" if self.kind == "postgresql" else "UUID()"
                session.execute(f"UPDATE {table} SET {column} = {some} WHERE {column} IS NULL")

    def wrong(self, *, leftovers: bool = False) -> list[Deviation]:
        return differences_to_target(self.kind, self.live(), self.target, self.part, leftovers=leftovers)

    def again(self) -> set[str]:
        """The names of steps that would still come; those that only test data are always among them."""
        return {step.name for step in (*self.expand(), *self.contract(), *self.commit())}

    def found(self) -> list[Violation]:
        with self.database.read() as session:
            live = introspect(session)
            return violations(session, self.kind, live, self.target, self.part, self.part)

    def sql(self, *statements: str) -> None:
        with self.database.autocommit() as session:
            for statement in statements:
                session.execute(statement)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.database.read() as session:
            return [tuple(row) for row in session.all(query)]


@pytest.fixture
def schema_upgrade(stock: Callable[[str, str], Database]) -> Callable[[str, str, str], SchemaUpgrade]:
    """``schema_upgrade("4.0.0", "4.4.0", "am")`` on a stock database."""

    def make(source: str, target: str, part: str) -> SchemaUpgrade:
        return SchemaUpgrade(stock(source, part), Release.parse(source), Release.parse(target))

    return make


@pytest.fixture
def mysql_upgrade(mysql_databases: MariaServer) -> Callable[..., SchemaUpgrade]:
    """``mysql_upgrade("4.0.0", "4.4.0", "am", "utf8mb4")`` on a stock database of MariaDB; by default latin1."""

    def make(source: str, target: str, part: str, charset: str = "latin1") -> SchemaUpgrade:
        def fill(name: str) -> None:
            with mysql_databases.database(part, name).autocommit() as session:
                for statement in create_statements("mysql", Release.parse(source), part):
                    session.execute(statement)

        name = mysql_databases.filled(f"stock {source} {part} {charset}", fill, charset)
        return SchemaUpgrade(mysql_databases.database(part, name), Release.parse(source), Release.parse(target))

    return make
