"""
The journal: tables in the database being changed, so that work and record commit together.

Every database of a run has its own: ``apim_upgrade_run`` (one row, the run), ``apim_upgrade_journal`` (a row per
step), ``apim_upgrade_item`` (verdicts), ``apim_upgrade_rows`` (rows that a step added to or took from a table),
``apim_upgrade_count`` (rows per table before anything changed), ``apim_upgrade_end`` (one row, when everything was
done for the first time), ``apim_upgrade_undo`` (how what a step did to rows is taken back) and
``apim_upgrade_shape`` (one row, in place: the schema before anything changed). ``commit`` exports and drops them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from apim_upgrade.engine.ports import Session
from apim_upgrade.engine.work import ItemVerdict, Verdict

PREFIX = "apim_upgrade_"
ITEM_LENGTH = 560
"""With the step's 200 characters of 4 bytes it makes a key of 3040 bytes; MySQL takes 3072."""
_tables = MetaData()
RUN = Table(
    PREFIX + "run",
    _tables,
    Column("run_id", String(36), primary_key=True),
    Column("tool", String(20), nullable=False),
    Column("source", String(20), nullable=False),
    Column("target", String(20), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("started", DateTime, nullable=False),
    Column("settings", Text, nullable=False),
)
JOURNAL = Table(
    PREFIX + "journal",
    _tables,
    Column("step", String(200), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("phase", String(20), nullable=False),
    Column("title", String(500), nullable=False),
    Column("state", String(10), nullable=False),
    Column("started", DateTime, nullable=False),
    Column("ended", DateTime, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
)
ITEM = Table(
    PREFIX + "item",
    _tables,
    Column("step", String(200), nullable=False),
    Column("item", String(ITEM_LENGTH), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("action", Text, nullable=False),
    PrimaryKeyConstraint("step", "item"),
)
ROWS = Table(
    PREFIX + "rows",
    _tables,
    Column("step", String(200), nullable=False),
    Column("table_name", String(128), nullable=False),
    Column("inserted", BigInteger, nullable=False),
    Column("deleted", BigInteger, nullable=False),
    PrimaryKeyConstraint("step", "table_name"),
)
COUNT = Table(
    PREFIX + "count",
    _tables,
    Column("table_name", String(128), primary_key=True),
    Column("rows_before", BigInteger, nullable=False),
)
END = Table(
    PREFIX + "end",
    _tables,
    Column("ended", DateTime, nullable=False),
    Column("moment", Text, nullable=False),
)
UNDO = Table(
    PREFIX + "undo",
    _tables,
    Column("step", String(200), primary_key=True),
    Column("statements", Text, nullable=False),
)
SHAPE = Table(PREFIX + "shape", _tables, Column("shape", Text, nullable=False))
ALL = (RUN, JOURNAL, ITEM, ROWS, COUNT, END)
WAY_BACK = (UNDO, SHAPE)
"""What only a run of this tool has, and no script that somebody else runs."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The run that a database is part of; ``started`` (UTC) is the clock of everything the run writes."""

    run_id: str
    tool: str
    source: str
    target: str
    fingerprint: str
    started: datetime
    settings: str


@dataclass(frozen=True, slots=True)
class Entry:
    """The record of one step."""

    step: str
    position: int
    phase: str
    title: str
    state: str
    started: datetime
    ended: datetime
    seen: int
    changed: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """
    When everything was done for the first time (UTC): what was written later is not the upgrade's.

    ``moment`` is the same in the server's own terms, empty where it has none.
    """

    ended: datetime
    moment: str


DONE, FAILED = "done", "failed"
AGAIN = "again"
"""Was done, and has to be done once more, because what it builds on is retried."""


def new_run_id() -> str:
    """A new identifier for a run."""
    return str(uuid.uuid4())


def now() -> datetime:
    """The present time in UTC without zone, as the journal stores it."""
    return datetime.now(UTC).replace(tzinfo=None)


def read_run(session: Session) -> RunRecord | None:
    """Return the run recorded in this database, or None when it has no journal."""
    if not session.exists(RUN.name):
        return None
    rows = session.all(select(RUN))
    return RunRecord(**rows[0]._mapping) if rows else None


def open_journal(session: Session, record: RunRecord) -> None:
    """
    Make the journal's tables and record the run in them; call it once per database, in its own transaction.

    Where DDL commits by itself, an attempt that was broken off left tables, and no run.
    """
    for table in (*ALL, *WAY_BACK):
        session.execute(CreateTable(table, if_not_exists=True))
    session.execute(
        insert(RUN).values(
            run_id=record.run_id,
            tool=record.tool,
            source=record.source,
            target=record.target,
            fingerprint=record.fingerprint,
            started=record.started,
            settings=record.settings,
        )
    )


def drop_journal(session: Session) -> None:
    """Remove the journal's tables; export first. The run goes last: where DDL commits by itself, it is resumed."""
    for table in reversed((*ALL, *WAY_BACK)):
        if session.exists(table.name):
            session.execute(f"DROP TABLE {table.name}")


def read_entries(session: Session) -> list[Entry]:
    """Return every step's record, in order of position."""
    return [Entry(**row._mapping) for row in session.all(select(JOURNAL).order_by(JOURNAL.c.position, JOURNAL.c.step))]


def read_verdicts(session: Session) -> list[tuple[str, ItemVerdict]]:
    """Return (step, verdict) of every item that was not simply done."""
    rows = session.all(select(ITEM).order_by(ITEM.c.step, ITEM.c.item))
    return [(row.step, ItemVerdict(row.item, Verdict(row.verdict), row.reason, row.action)) for row in rows]


def read_rows(session: Session) -> list[tuple[str, str, int, int]]:
    """Return (step, table, inserted, deleted)."""
    rows = session.all(select(ROWS).order_by(ROWS.c.step, ROWS.c.table_name))
    return [(row.step, row.table_name, row.inserted, row.deleted) for row in rows]


def record_step(
    session: Session,
    entry: Entry,
    verdicts: Iterable[ItemVerdict],
    rows: Iterable[tuple[str, int, int]],
    *,
    retry: bool = False,
) -> None:
    """
    Write the record of one step in the transaction that holds its work, replacing an earlier record of it.

    After a ``retry`` (of failed items, or of what builds on them) what was said of the other items stays.
    """
    session.execute(delete(JOURNAL).where(JOURNAL.c.step == entry.step))
    of_step = ITEM.c.step == entry.step
    session.execute(delete(ITEM).where(and_(of_step, ITEM.c.verdict == Verdict.FAILED.value) if retry else of_step))
    kept = {row.item for row in session.all(select(ITEM.c.item).where(of_step))} if retry else set()
    session.execute(
        insert(JOURNAL).values(
            step=entry.step,
            position=entry.position,
            phase=entry.phase,
            title=entry.title[:500],
            state=entry.state,
            started=entry.started,
            ended=entry.ended,
            seen=entry.seen,
            changed=entry.changed,
            note=_text(entry.note),
        )
    )
    session.copy_into(
        ITEM.name,
        ("step", "item", "verdict", "reason", "action"),
        (
            (entry.step, _text(item.item)[:ITEM_LENGTH], item.verdict.value, _text(item.reason), _text(item.action))
            for item in verdicts
            if item.item not in kept
        ),
    )
    earlier = {
        row.table_name: (row.inserted, row.deleted)
        for row in session.all(select(ROWS).where(ROWS.c.step == entry.step))
    }
    for name, inserted, deleted in rows:
        before = earlier.get(name, (0, 0))
        session.execute(delete(ROWS).where(ROWS.c.step == entry.step, ROWS.c.table_name == name))
        session.execute(
            insert(ROWS).values(
                step=entry.step, table_name=name, inserted=inserted + before[0], deleted=deleted + before[1]
            )
        )


def record_end(session: Session, moment: str) -> None:
    """Record that everything is done, unless that was recorded before: a retry is no new end."""
    if not session.exists(END.name):  # the run was begun by a version of this tool that had no such table
        session.execute(CreateTable(END))
    if not session.all(select(END)):
        session.execute(insert(END).values(ended=now(), moment=moment))


def read_end(session: Session) -> End | None:
    """Return when everything was done for the first time; None while it is not."""
    if not session.exists(END.name):
        return None
    rows = session.all(select(END))
    return End(**rows[0]._mapping) if rows else None


def record_undo(session: Session, step: str, statements: Sequence[str] | None) -> None:
    """Record, in the transaction of a step, what takes its rows back, in the order to run it; None if nothing can."""
    if session.exists(UNDO.name):  # else the run was begun by a version of this tool that had no such table
        session.execute(delete(UNDO).where(UNDO.c.step == step))
        session.execute(insert(UNDO).values(step=step, statements=json.dumps(statements)))


def read_undo(session: Session) -> dict[str, list[str] | None]:
    """Return the undo of every step that was done, None for one that has none."""
    if not session.exists(UNDO.name):
        return {}
    return {row.step: json.loads(row.statements) for row in session.all(select(UNDO))}


def forget_step(session: Session, step: str) -> None:
    """Drop everything that is recorded of a step, in the transaction that takes it back."""
    for table in (JOURNAL, ITEM, ROWS, UNDO):
        session.execute(delete(table).where(table.c.step == step))


def record_shape(session: Session, shape: str) -> None:
    """Record what the schema is before anything is changed."""
    session.execute(delete(SHAPE))
    session.execute(insert(SHAPE).values(shape=shape))


def read_shape(session: Session) -> str | None:
    """Return what the schema was before anything was changed; None where nobody noted it."""
    rows = session.all(select(SHAPE)) if session.exists(SHAPE.name) else []
    return str(rows[0].shape) if rows else None


def mark_again(session: Session, steps: Iterable[str]) -> None:
    """Have steps that are done be done once more, whatever happens to this process."""
    session.execute(update(JOURNAL).where(JOURNAL.c.step.in_(list(steps)), JOURNAL.c.state == DONE).values(state=AGAIN))


def forget_failures(session: Session, phases: Iterable[str]) -> None:
    """Drop the records of attempts that failed at what is not to be done any more: somebody did it by hand."""
    session.execute(delete(JOURNAL).where(JOURNAL.c.state == FAILED, JOURNAL.c.phase.in_(list(phases))))


def _text(text: str) -> str:
    """What any DBMS takes: garbage that a verdict quotes may hold NULs and half characters."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
