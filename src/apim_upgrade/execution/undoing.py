"""
The way back of an upgrade in place by undoing it: faster than its backup, but only while every step has an undo.

What a step did to rows is taken back by what the journal says of it; the schema is made again what it was before
anything changed, whatever was done to it. Each step goes with its record, so that an interrupted undo goes on.
"""

from __future__ import annotations

from collections.abc import Mapping

from apim_upgrade.databases import Database
from apim_upgrade.databases.telling import Say
from apim_upgrade.engine import Session, journal
from apim_upgrade.errors import EstateError
from apim_upgrade.releases import Release, part_of
from apim_upgrade.schema import Schema, introspect, target_of
from apim_upgrade.schema.changes import AlterTable
from apim_upgrade.schema.describe import described
from apim_upgrade.schema.dialects import dialect_of, written
from apim_upgrade.schema.noted import shape_of
from apim_upgrade.schema.reversal import lossy, reversal


def obstacle_to_undo(databases: Mapping[str, Database], target: Release) -> str:
    """Say in a phrase why a run in place cannot be undone; nothing where it can."""
    for name, database in databases.items():
        with database.read() as session:
            if journal.read_run(session) is None:  # killed before it was begun here, or undone already
                continue
            phrase = _obstacle(session, name, _brought(databases, name, target))
        if phrase:
            return phrase
    return ""


def undo(databases: Mapping[str, Database], target: Release, say: Say) -> None:
    """
    Make the databases again what they were before the run, and remove its journals; may be done again.

    The caller holds their locks. Raises EstateError where a schema does not become what it was, and EnvironmentProblem.
    """
    for name, database in databases.items():
        with database.read() as session:
            entries = journal.read_entries(session) if journal.read_run(session) is not None else []
            statements = journal.read_undo(session)
        say(f"Undoing {len(entries)} steps of {name}")
        for entry in reversed(entries):
            with database.write() as session:
                for statement in statements.get(entry.step) or ():
                    session.execute(statement)
                journal.forget_step(session, entry.step)
    for name, database in databases.items():
        _put_back(name, database, _brought(databases, name, target), say)


def _obstacle(session: Session, name: str, brought: Schema) -> str:
    if journal.read_end(session) is not None:
        return "the upgrade was done to its end, and servers may have worked on it"
    known = journal.read_undo(session)
    for entry in journal.read_entries(session):
        # One that failed, and was never done before, has left no rows behind.
        if known.get(entry.step, [] if entry.state == journal.FAILED else None) is None:
            return f"step {entry.step} has no undo"
    shape = journal.read_shape(session)
    if shape is None:
        return f"what the schema of {name} was is not noted, as by earlier versions of this tool"
    lost = lossy(introspect(session), shape_of(shape), brought)
    return f"{name}: the values of {lost[0]} were converted to a type that cannot hold all of them" if lost else ""


def _put_back(name: str, database: Database, brought: Schema, say: Say) -> None:
    """Where DDL commits by itself, what a crash leaves is a schema half way back, and its shape, until it is whole."""
    with database.write() as session:
        shape = journal.read_shape(session)
        if shape is not None:
            before, live = shape_of(shape), introspect(session)
            told = None
            for change, statement in written(dialect_of(live.kind), live, reversal(live, before, brought)):
                if isinstance(change, AlterTable) and change is not told:
                    say(f"{name}: {change.table}: {described([change])}")
                    told = change
                session.execute(statement)
            left = reversal(introspect(session), before, brought)
            if left:
                raise EstateError(
                    f"The schema of {name} has not become what it was: {described(left[:3])} would be left to do.",
                    hint="Take the backup: `apim-upgrade rollback --from-backup`.",
                )
        of_journal = {table.name for table in (*journal.ALL, *journal.WAY_BACK)}
        for table in introspect(session).tables:
            if table.startswith(journal.PREFIX) and table not in of_journal:  # the workspace, rows moved aside
                session.execute(f"DROP TABLE {table}")
        journal.drop_journal(session)


def _brought(databases: Mapping[str, Database], name: str, target: Release) -> Schema:
    return target_of(databases[name].kind, target, part_of(name, databases)).wanted
