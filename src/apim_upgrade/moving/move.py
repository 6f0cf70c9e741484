"""
Moves one database to another DBMS: made anew there, filled, compared row by row.

What is there can be told from the target itself at every moment: nothing of ours, a half-made move (dropped and begun
anew: it saw another moment of the source), or a whole one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnClause, column, select, table
from sqlalchemy.sql.elements import quoted_name

from apim_upgrade.databases import Database
from apim_upgrade.databases.generated_ids import ContinueIds
from apim_upgrade.engine import Session
from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.errors import EnvironmentProblem, EstateError
from apim_upgrade.moving.forms import Sort, form_of
from apim_upgrade.moving.marker import MOVE, Move, close_move, drop_move, open_move, read_move
from apim_upgrade.moving.progress import Progress, Say
from apim_upgrade.moving.shape import Shape, TableMove, shape_for
from apim_upgrade.moving.source import Source, by_servers_clock
from apim_upgrade.moving.values import Checksum, Unfit, converted, converter, filled
from apim_upgrade.releases import PARTS, Release, catalogue, catalogued_releases
from apim_upgrade.releases.model import Column, Schema, fold
from apim_upgrade.schema import introspect
from apim_upgrade.schema.build import creation
from apim_upgrade.schema.changes import (
    AddForeignKey,
    AlterTable,
    Change,
    CreateFunction,
    CreateIndex,
    CreateTrigger,
    DropConstraint,
    DropFunction,
    DropSequence,
    DropTable,
    applied,
)
from apim_upgrade.schema.dialects import notation_of, written

_COUNTED = ("nextval(", "auto_increment")
_FEW = 20_000
"""Rows up to which tables share a transaction: most are nearly empty, and a transaction has its price."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a source holds: its name for a person, its schema, and which part of which release that is."""

    name: str
    schema: Schema
    release: Release
    part: str


def move_database(
    source: Source,
    held: Held,
    target: Database,
    began: datetime,
    say: Say,
    watch: Callable[[], None] = lambda: None,
) -> Move:
    """
    Move what ``source`` holds into ``target``, unless it is there already; return what is there.

    ``began`` (UTC) is recorded; ``watch`` is called while rows are copied and may raise. Raises EstateError when the
    target holds tables that are not of an unfinished move, when a type or a value has no counterpart, or when source
    and target differ at the end; EnvironmentProblem when a server gives up. Whatever is raised, the next call begins
    this database anew, and never is a half-made move taken for a whole one.
    """
    with target.lock("move"):
        with target.read() as session:
            before = read_move(session)
        if before is not None and before.whole:
            return before
        refuse_occupied(target)
        shape = shape_for(target.kind, held.schema, held.release, held.part, source.count)
        if before is not None:
            _drop(target, before)
        for remark in shape.remarks:
            say(f"{target.name}: {remark}")
        counts = {move.before: source.count(move.before) for move in shape.tables}
        progress = Progress(target.name, sum(counts.values()), say, watch)
        with target.write() as session:
            open_move(session, held.name, str(held.release), list(shape.schema.tables), began)
        shape = replace(shape, schema=_as_it_fits(shape.schema, target))
        first, last = _parted(shape)
        with target.write() as session:
            _change(session, Schema(target.kind), first)
        sums: dict[str, Checksum] = {}
        for batch in _batches(shape.tables, counts):
            with _naming(progress), target.write() as session:
                by_servers_clock(session)
                sums |= {move.after: _fill(source, session, move, progress) for move in batch}
        _refuse_unsettled(source, shape, sums)
        progress.table = "the keys and indexes"
        with _naming(progress), target.write() as session:
            _change(session, applied(Schema(target.kind), first), last)
            _count_on(session, shape)
            session.analyze_all()
        progress.compare()
        _refuse_difference(target, shape, sums, progress)
        figures = dict.fromkeys(shape.schema.tables, (0, ""))
        figures |= {name: (sum_.rows, sum_.text) for name, sum_ in sums.items()}
        with target.write() as session:
            close_move(session, figures)
        with target.read() as session:
            done = read_move(session)
    assert done is not None  # noqa: S101 - just written
    return done


def discard_move(target: Database, brought: Iterable[str] = ()) -> bool:
    """
    Drop everything that a move, whole or not, made in ``target``; return whether there was one.

    ``brought`` names the tables that an upgrade of what was moved has brought; its journal goes with them.
    """
    with target.lock("move"):
        with target.read() as session:
            found = read_move(session)
        if found is not None:
            _drop(target, found, brought)
    return found is not None


def refuse_occupied(target: Database) -> None:
    """Raise EstateError unless the target is empty but for what an earlier attempt left."""
    with target.read() as session:
        before = read_move(session)
        ours = {table.name for table in before.tables} if before is not None else set()
        there = [name for name in introspect(session).tables if name not in ours and name != MOVE.name]
    if there:
        raise EstateError(
            f"Database {target.address} is to be moved into, but it is not empty: it has {len(there)} tables "
            f"({', '.join(sorted(there)[:3])}{', …' if len(there) > 3 else ''}).",
            hint=f"Name an empty database in [database.{target.name}.move_to]; nothing was changed.",
        )


def _drop(target: Database, before: Move, brought: Iterable[str] = ()) -> None:
    """Drop the tables that the move recorded; the record goes last, so that a crash leaves it."""
    names = {fold(name) for name in (*(table.name for table in before.tables), *brought)}
    with target.read() as session:
        there = introspect(session)
    tables = [
        each
        for name, each in there.tables.items()
        if fold(name) in names or (name.startswith(PREFIX) and name != MOVE.name)
    ]
    stock = _stock_names(target.kind)
    with target.write() as session:
        _change(
            session,
            there,
            [
                *(
                    AlterTable(each.name, (DropConstraint(key.name or ""),))
                    for each in tables
                    for key in each.foreign_keys
                ),
                *(DropTable(each.name) for each in tables),
                *(
                    DropSequence(each.name)
                    for each in there.sequences.values()
                    if not each.owned_by and each.name in stock
                ),
                *(DropFunction(each) for each in there.functions if each.name in stock),
            ],
        )
    with target.write() as session:
        drop_move(session)


def _stock_names(kind: str) -> set[str]:
    """Sequences and functions of the product: what else lies in the database is not for the tool to drop."""
    stock = [catalogue(kind, release, part) for release in catalogued_releases(kind) for part in PARTS]
    return {name for each in stock for name in each.sequences} | {f.name for each in stock for f in each.functions}


def _as_it_fits(wanted: Schema, target: Database) -> Schema:
    """The schema in the new database's own collation, with keys that are not too long for it."""
    with target.read() as session:
        marker = introspect(session).table(MOVE.name)
    own = marker.column(MOVE.c.source.name) if marker is not None else None
    if own is None or not own.collation:
        return wanted

    def in_own(column: Column) -> Column:
        form = form_of(target.kind, column.type)
        is_text = form is not None and form.sort in (Sort.TEXT, Sort.PADDED)
        return replace(column, charset=own.charset, collation=own.collation) if is_text else column

    live = {name: replace(table, columns=tuple(map(in_own, table.columns))) for name, table in wanted.tables.items()}
    return notation_of(target.kind).fitted(wanted, replace(wanted, tables=live))


def _parted(shape: Shape) -> tuple[list[Change], list[Change]]:
    """What is made before the rows come, and after: links and indexes are cheaper to make over rows that are there."""
    first: list[Change] = []
    last: list[Change] = []
    for change in creation(shape.schema):
        links = isinstance(change, AlterTable) and isinstance(change.alterations[0], AddForeignKey)
        later = links or isinstance(change, (CreateIndex, CreateFunction, CreateTrigger))
        (last if later else first).append(change)
    # An index before the link that needs it: MySQL would make another one.
    last.sort(key=lambda change: not isinstance(change, CreateIndex))
    return first, last


def _change(session: Session, before: Schema, changes: list[Change]) -> None:
    for _, statement in written(notation_of(session.kind), before, changes):
        session.execute(statement)


@contextmanager
def _naming(progress: Progress) -> Iterator[None]:
    """A server that refuses rows does not always say whose they are."""
    try:
        yield
    except EnvironmentProblem as error:
        raise EnvironmentProblem(f"Moving {progress.table} failed: {error.message}", hint=error.hint) from None


def _batches(moves: Sequence[TableMove], counts: Mapping[str, int]) -> Iterator[list[TableMove]]:
    """Tables that are filled in one transaction."""
    batch: list[TableMove] = []
    rows = 0
    for move in moves:
        if batch and rows + counts[move.before] > _FEW:
            yield batch
            batch, rows = [], 0
        batch.append(move)
        rows += counts[move.before]
    if batch:
        yield batch


def _fill(source: Source, session: Session, move: TableMove, progress: Progress) -> Checksum:
    """Copy one table; return the checksum of what was read."""
    checksum = Checksum()
    read: Iterator[Sequence[Any]] = source.rows(move.before, [column.before for column in move.columns])
    fillings = [column.filling for column in move.columns]
    if any(each is not None for each in fillings):
        read = filled(read, fillings)
    plain = _plain(session.kind, move, read)
    rows = progress.counting(checksum.passing(plain), move.before)
    try:
        session.copy_into(move.after, [column.after for column in move.columns], rows)
    except Unfit as error:
        raise EstateError(
            f"{move.before} holds {error}, which {session.kind} cannot hold.",
            hint="Mend these rows on the source, then run again.",
        ) from None
    return checksum


def _plain(kind: str, move: TableMove, rows: Iterator[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    return converted(rows, [converter(column.form, kind) for column in move.columns])


def _count_on(session: Session, shape: Shape) -> None:
    """Let the server count on behind the greatest number that came."""
    for made in shape.schema.tables.values():
        for each in made.columns:
            if (each.default or each.extra).startswith(_COUNTED):
                session.execute(ContinueIds(table(fold(made.name), column(fold(each.name))), fold(each.name)))


def _refuse_unsettled(source: Source, shape: Shape, sums: Mapping[str, Checksum]) -> None:
    """Where tables were read at several moments, see that none has another number of rows by now."""
    if not source.unsettled:
        return
    changed = [
        f"{move.before} {sums[move.after].rows:,}, now {rows:,}"
        for move in shape.tables
        if (rows := source.count(move.before)) != sums[move.after].rows
    ]
    if changed:
        raise EstateError(
            f"Rows were written while they were read, and {source.unsettled}: {'; '.join(changed[:5])}.",
            hint="Stop the API-M server and run again.",
        )


def _refuse_difference(target: Database, shape: Shape, sums: Mapping[str, Checksum], progress: Progress) -> None:
    """Read everything back and compare it with what was read from the source."""
    wrong = []
    with target.read() as session:
        by_servers_clock(session)
        for move in shape.tables:
            wanted: list[ColumnClause[Any]] = [column(quoted_name(each.after, True)) for each in move.columns]
            rows = session.stream(select(*wanted).select_from(table(quoted_name(move.after, True))))
            found = Checksum()
            for _ in progress.counting(found.passing(_plain(target.kind, move, rows)), move.after):
                pass
            if found != sums[move.after]:
                wrong.append(f"{move.after} ({sums[move.after].rows:,} rows read, {found.rows:,} rows found)")
    if wrong:
        raise EstateError(
            f"{len(wrong)} tables of {target.name} are not what was read from the source: {', '.join(wrong[:5])}.",
            hint="Run again to move it anew; see that nobody else writes to the new database.",
        )
