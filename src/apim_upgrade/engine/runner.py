"""
Runs steps in order, each in one transaction with its record, and never loses its place.

A crash at any point leaves either the step undone or the step done and recorded: running again resumes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Delete, Insert, TableClause, Update
from sqlalchemy.sql import Executable

from apim_upgrade.engine import journal
from apim_upgrade.engine.events import Listener, StepFinished, StepProgress, StepRemark, StepSkipped, StepStarted
from apim_upgrade.engine.ports import Database, Session
from apim_upgrade.engine.step import Load, Operation, Phase, Sql, Stage, Step
from apim_upgrade.engine.work import Verdict, Work
from apim_upgrade.errors import ApimUpgradeError, StepFailed

_MANY = 10_000
"""From so many changed rows on the planner's figures of a table mislead, often into a plan that never ends."""
_REPEATED = (Phase.MIGRATE, Phase.FINISH)

Watch: TypeAlias = "Callable[[Step, Stage | Load, Work, Iterator[Sequence[object]]], Iterator[Sequence[object]]]"
"""Is given the rows that an operation computes, and gives them on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The totals of one execution."""

    done: int
    already_done: int
    failed_items: int


def _quiet(event: object) -> None:
    """Listen to nothing."""


def unwatched(
    step: Step, operation: Stage | Load, work: Work, rows: Iterator[Sequence[object]]
) -> Iterator[Sequence[object]]:
    """Give the rows on and look at none."""
    return rows


class Runner:
    """Executes steps over the databases of one run."""

    def __init__(
        self,
        databases: Mapping[str, Database],
        record: journal.RunRecord,
        listener: Listener = _quiet,
        before_step: Callable[[], None] = lambda: None,
        watch: Watch = unwatched,
    ) -> None:
        """
        Take what a run is made of.

        ``before_step`` is called before each step and may raise to stop there; computed rows go through ``watch``.
        """
        self._databases = databases
        self._record = record
        self._tell = listener
        self._before_step = before_step
        self._watch = watch

    def run(
        self,
        steps: Sequence[Step],
        *,
        expected: Mapping[str, int] | None = None,
        retry_failed: bool = False,
        first_position: int = 1,
        total: int | None = None,
    ) -> Outcome:
        """
        Execute what is not done yet, in the order given.

        ``first_position`` and ``total`` number the steps when a run is executed in parts.
        With ``retry_failed``, steps that are done but hold failed items run again for those items only, and the data
        steps after them run again whole: they never saw what failed before, and change nothing of the rest.
        Raises StepFailed when a step stops; everything before it stays done.
        """
        entries, failures = self._recorded()
        done = already = 0
        total = total or len(steps)
        if retry_failed:
            entries |= self._repeat_what_follows(steps, failures)
        for position, step in enumerate(steps, first_position):
            state = entries.get(step.name)
            only: frozenset[str] | None = None
            if state == journal.DONE:
                only = frozenset(failures.get(step.name, ()))
                if not (retry_failed and only):
                    already += 1
                    self._tell(StepSkipped(step.name, position, total))
                    continue
            self._before_step()
            self._tell(StepStarted(step.name, step.title, position, total, (expected or {}).get(step.name)))
            self._execute(step, position, total, only, state)
            done += 1
        _, failures = self._recorded()
        return Outcome(done, already, sum(len(items) for items in failures.values()))

    def _recorded(self) -> tuple[dict[str, str], dict[str, list[str]]]:
        states: dict[str, str] = {}
        failures: dict[str, list[str]] = {}
        for database in self._databases.values():
            with database.read() as session:
                states |= {entry.step: entry.state for entry in journal.read_entries(session)}
                for step, item in journal.read_verdicts(session):
                    if item.verdict is Verdict.FAILED:
                        failures.setdefault(step, []).append(item.item)
        return states, failures

    def _repeat_what_follows(self, steps: Sequence[Step], failures: Mapping[str, list[str]]) -> dict[str, str]:
        """Mark, before anything is retried, what builds on it; so a crash in between forgets nothing."""
        first = next((number for number, step in enumerate(steps) if failures.get(step.name)), len(steps))
        following = {
            step.name for step in steps[first + 1 :] if step.phase in _REPEATED and not failures.get(step.name)
        }
        if first == len(steps):
            return {}
        marked: dict[str, str] = {}
        for database in self._databases.values():
            with database.write() as session:
                entries = journal.read_entries(session)
                last = {entry.step for entry in entries if entry.phase == Phase.FINISH}
                again = {entry.step for entry in entries if entry.state == journal.DONE} & (following | last)
                journal.mark_again(session, again)
            marked |= dict.fromkeys(again, journal.AGAIN)
        return marked

    def _execute(self, step: Step, position: int, total: int, only: frozenset[str] | None, state: str | None) -> None:
        began = journal.now()
        try:
            with ExitStack() as stack:
                sessions: dict[str, Session] = {
                    name: stack.enter_context(database.read())
                    for name, database in self._databases.items()
                    if name != step.database
                }
                own = stack.enter_context(self._databases[step.database].write())
                sessions[step.database] = own
                work = Work(
                    step.name,
                    step.database,
                    sessions,
                    self._record.started,
                    only,
                    lambda seen: self._tell(StepProgress(step.name, seen)),
                )

                def remark(statement: str, text: str) -> None:
                    work.noted(statement, text)
                    self._tell(StepRemark(step.name, position, total, statement, text))

                own.listen(remark)
                changed, rows = 0, _RowAccount()
                for operation in step.operations:
                    changed += self._perform(step, operation, own, work, rows)
                ended = journal.now()
                again = state in (journal.DONE, journal.AGAIN)
                if not again:
                    journal.record_undo(own, step.name, rows.undo)
                journal.record_step(
                    own,
                    journal.Entry(
                        step.name,
                        position,
                        step.phase.value,
                        step.title,
                        journal.DONE,
                        began,
                        ended,
                        work.seen,
                        changed,
                    ),
                    work.verdicts.values(),
                    rows.tables(),
                    retry=again,
                )
        except ApimUpgradeError as error:
            self._record_failure(step, position, began, str(error))
            if isinstance(error, StepFailed):
                raise
            raise StepFailed(step.name, error.message, hint=_resume_hint(error)) from error
        verdicts = Counter(item.verdict for item in work.verdicts.values())
        self._tell(
            StepFinished(
                step.name,
                position,
                total,
                work.seen,
                changed,
                verdicts[Verdict.SKIPPED],
                verdicts[Verdict.FAILED],
                (ended - began).total_seconds(),
            )
        )

    def _perform(self, step: Step, operation: Operation, own: Session, work: Work, rows: _RowAccount) -> int:
        """Do one operation; return how many changed items it counts for."""
        match operation:
            case Sql(statement, _, counts, undo):
                count = max(own.execute(statement), 0)
                if not isinstance(statement, str):
                    rows.statement(statement, count, None if undo is None else lambda: own.render(undo))
                many = count >= _MANY
                if many and isinstance(statement, Insert | Update) and isinstance(statement.table, TableClause):
                    own.analyze(statement.table.name)
                return count if counts and not isinstance(statement, str) else 0
            case Stage(table, source):
                own.create_stage(table)
                columns = [column.name for column in table.columns]
                own.copy_into(table.name, columns, self._watch(step, operation, work, source(work)))
                own.analyze(table.name)
                return 0
            case Load(table, columns, source):
                count = own.copy_into(table.name, columns, self._watch(step, operation, work, source(work)))
                rows.loaded(table.name, count)
                if count >= _MANY:
                    own.analyze(table.name)
                return count

    def _record_failure(self, step: Step, position: int, began: datetime, note: str) -> None:
        """Leave a note of the failure; the server may be gone, and then the first error is the one to tell."""
        try:
            with self._databases[step.database].write() as session:
                journal.record_step(
                    session,
                    journal.Entry(
                        step.name,
                        position,
                        step.phase.value,
                        step.title,
                        journal.FAILED,
                        began,
                        journal.now(),
                        0,
                        0,
                        note,
                    ),
                    (),
                    (),
                )
        except ApimUpgradeError:
            return


class _RowAccount:
    """
    Counts the rows that statements add to and take from tables, and knows whether all of it can be taken back.

    ``undo`` are the statements for that, in the order to run them; None where something was done that has none.
    """

    def __init__(self) -> None:
        self._inserted: Counter[str] = Counter()
        self._deleted: Counter[str] = Counter()
        self.undo: list[str] | None = []

    def statement(self, statement: Executable, count: int, undo: Callable[[], str] | None) -> None:
        if count and not _on_own_table(statement):
            self._touched(undo)
        if isinstance(statement, Insert) and isinstance(statement.table, TableClause):
            self.inserted(statement.table.name, count)
        elif isinstance(statement, Delete) and isinstance(statement.table, TableClause):
            self._deleted[statement.table.name] += count

    def inserted(self, table: str, count: int) -> None:
        self._inserted[table] += count

    def loaded(self, table: str, count: int) -> None:
        self.inserted(table, count)
        if count and not table.startswith(journal.PREFIX):
            self._touched(None)

    def _touched(self, undo: Callable[[], str] | None) -> None:
        if undo is None:
            self.undo = None
        elif self.undo is not None:
            self.undo.insert(0, undo())

    def tables(self) -> Iterator[tuple[str, int, int]]:
        for name in sorted(self._inserted.keys() | self._deleted.keys()):
            if self._inserted[name] or self._deleted[name]:
                yield name, self._inserted[name], self._deleted[name]


def _on_own_table(statement: Executable) -> bool:
    """Tables of our own go with the journal: nobody has to take back what is in them."""
    return (
        isinstance(statement, Insert | Update | Delete)
        and isinstance(statement.table, TableClause)
        and statement.table.name.startswith(journal.PREFIX)
    )


def _resume_hint(error: ApimUpgradeError) -> str:
    return f"{error.hint} Then run the same command again to resume.".strip()
