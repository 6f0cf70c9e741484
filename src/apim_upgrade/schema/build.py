"""The stock schema from nothing: what a new estate's databases are made of, for samples, rehearsals and tests."""

from __future__ import annotations

from apim_upgrade.releases.catalogue import catalogue
from apim_upgrade.releases.model import Schema
from apim_upgrade.releases.release import Release
from apim_upgrade.schema.changes import (
    AddForeignKey,
    AlterTable,
    Change,
    CreateFunction,
    CreateIndex,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    OwnSequence,
)
from apim_upgrade.schema.dialects import dialect_of, written


def create_statements(kind: str, release: Release, schema: str) -> list[str]:
    """
    Return the statements that make the stock database of a release, with the rows that its script inserts.

    ``schema`` is ``am`` or ``shared``; the database must be empty. Raises KnowledgeError for an unknown release and
    EnvironmentProblem for a DBMS that is not supported.
    """
    dialect = dialect_of(kind)
    wanted = catalogue(kind, release, schema)
    statements = [statement for _, statement in written(dialect, Schema(kind), creation(wanted))]
    return statements + [dialect.insert(table, row) for table, rows in wanted.seed_rows.items() for row in rows]


def creation(wanted: Schema) -> list[Change]:
    """Return the changes that make a schema from nothing, in an order in which they can be done."""
    tables = wanted.tables.values()
    return [
        *(CreateSequence(sequence) for sequence in wanted.sequences.values()),
        *(CreateTable(table) for table in tables),
        *(OwnSequence(s.name, s.owned_by) for s in wanted.sequences.values() if s.owned_by),
        *(
            AlterTable(table.name, tuple(AddForeignKey(key) for key in table.foreign_keys))
            for table in tables
            if table.foreign_keys
        ),
        *(CreateIndex(table.name, index) for table in tables for index in table.indexes),
        *(CreateFunction(function) for function in wanted.functions),
        *(CreateTrigger(trigger) for trigger in wanted.triggers),
    ]
