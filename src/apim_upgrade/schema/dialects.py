"""
What differs from DBMS to DBMS, behind two ports; each DBMS has a package of its own.

A *notation* is enough to plan an upgrade and to write it down; a *dialect* can also read a live database. Oracle, SQL
Server and DB2 have a notation only: what is written for them is run by their own clients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from apim_upgrade.engine import Session
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.releases.model import Schema, SeedRow, Table
from apim_upgrade.schema.changes import Change, applied
from apim_upgrade.schema.db2 import Db2
from apim_upgrade.schema.known import Target
from apim_upgrade.schema.mssql import SqlServer
from apim_upgrade.schema.mysql import MySQL
from apim_upgrade.schema.oracle import Oracle
from apim_upgrade.schema.postgresql import PostgreSQL
from apim_upgrade.schema.scripted import ScriptedDdl


class Notation(Protocol):
    """How one DBMS writes changes of a schema down, and what its types mean."""

    @property
    def links_need_indexes(self) -> bool:
        """Whether an index that a foreign key relies on, at either end, cannot be dropped before there is another."""
        ...

    @property
    def joins_need_indexes(self) -> bool:
        """Whether a join that no index serves may compare all rows with all, instead of hashing them."""
        ...

    @property
    def changes_extras(self) -> bool:
        """Whether what the DBMS adds to a column (``Column.extra``) can be changed by itself."""
        ...

    def fitted(self, wanted: Schema, live: Schema) -> Schema:
        """Return the schema of a release as the live database can have it; most can have it as it is."""
        ...

    def ddl(self, change: Change, before: Schema) -> tuple[str, ...]:
        """Return the statements, in order, for one change of a schema that is ``before``."""
        ...

    def effect(self, changes: Sequence[Change], before: Schema) -> str:
        """Say in words what changes of one table mean for its users; nothing where there is nothing to tell."""
        ...

    def like(self, new: str, table: Table) -> tuple[str, ...]:
        """Return the statements that make a table of the same columns as another, unless it is there."""
        ...

    def drop_if_empty(self, table: str) -> tuple[str, ...]:
        """Return the statements that drop a table if it has no row."""
        ...

    def extend_privileges(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the statements that let everybody use these tables and sequences who may use the others."""
        ...

    def holds(self, live: str, wanted: str) -> bool:
        """Say whether a column of one type takes everything that one of another does, in the same form."""
        ...

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """Say whether a type is a longer form of another, so that values may fit the shorter one."""
        ...

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """Say whether two defaults do the same."""
        ...


class Dialect(Notation, Protocol):
    """One DBMS that the tool connects to: also how to read its schema and how to fill a new one."""

    @property
    def views_bind_columns(self) -> bool:
        """Whether a view follows a column to its new name, and keeps it from another type and from being dropped."""
        ...

    def introspect(self, session: Session) -> Schema:
        """Read the schema that the session's search path shows."""
        ...

    def insert(self, table: str, row: SeedRow) -> str:
        """Return the statement that writes one seed row."""
        ...

    def turns_back(self, before: str, after: str) -> bool:
        """Say whether values that were converted from one type to another are, converted back, what they were."""
        ...

    def views(self, session: Session) -> list[tuple[str, str, str]]:
        """Return (view, table, column) for every column that a view reads."""
        ...


_DIALECTS: dict[str, Dialect] = {"postgresql": PostgreSQL(), "mysql": MySQL()}
_SCRIPTED: dict[str, Oracle | SqlServer | Db2] = {"oracle": Oracle(), "mssql": SqlServer(), "db2": Db2()}
_NOTATIONS: dict[str, Notation] = {**_DIALECTS, **_SCRIPTED}


def scripted_of(kind: str) -> ScriptedDdl:
    """Return the notation of a DBMS that scripts are written for: ``oracle``, ``mssql`` or ``db2``."""
    return _SCRIPTED[kind]


def notation_of(kind: str) -> Notation:
    """Return the notation of a DBMS. Raises EnvironmentProblem when there is none."""
    try:
        return _NOTATIONS[kind]
    except KeyError:
        raise _unknown(kind) from None


def dialect_of(kind: str) -> Dialect:
    """Return the dialect of a DBMS. Raises EnvironmentProblem when it is not supported."""
    try:
        return _DIALECTS[kind]
    except KeyError:
        raise _unknown(kind) from None


def _unknown(kind: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{kind} is not supported.", hint="Use a PostgreSQL, MySQL or MariaDB database.")


def fitted(target: Target, live: Schema) -> Target:
    """Return what is wanted of one live database."""
    return replace(target, wanted=notation_of(target.kind).fitted(target.wanted, live))


def written(notation: Notation, live: Schema, changes: Iterable[Change]) -> Iterator[tuple[Change, str]]:
    """Write changes of a live schema down, each as the ones before it leave the schema: (change, statement)."""
    for change in changes:
        for statement in notation.ddl(change, live):
            yield change, statement
        live = applied(live, [change])
