"""
The rows that only the tool can compute, for scripts: the whole upgrade done on a throw-away copy, and what it computes
written down as it goes.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement, ColumnClause, Connection, Engine, TableClause, column, event, func, select, table
from sqlalchemy.sql import visitors

from apim_upgrade.engine import Listener, Load, Session, Stage, Step, Verdict, Work, journal
from apim_upgrade.errors import ProjectError
from apim_upgrade.estate import read_estate
from apim_upgrade.execution.folder import one_at_a_time
from apim_upgrade.execution.order import Order
from apim_upgrade.execution.run import Say, run
from apim_upgrade.execution.stand import copies
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.moving import open_source, throw_away_copy
from apim_upgrade.planning.loading import Loading, waiting_table
from apim_upgrade.planning.vendor_rows import ComputedRows, Held, Part
from apim_upgrade.releases import PARTS, Release
from apim_upgrade.schema import Schema, introspect
from apim_upgrade.tables.registry import LOG

_WHOLE_NUMBERS = ("smallint", "integer", "bigint", "int")


@dataclass(frozen=True, slots=True)
class Computed:
    """What came of it; ``undone`` says in a sentence each what could not be computed, and what to do about it."""

    source: Release
    started: datetime
    shapes: Mapping[str, Schema] | None
    """The schemas of the databases, where they are on the DBMS that scripts are written for."""
    rows: ComputedRows
    undone: tuple[str, ...]


def compute_rows(
    order: Order,
    source: str | None,
    expected: Release | None,
    kind: str,
    folder: Path,
    *,
    listener: Listener,
    say: Say,
) -> Computed:
    """
    Upgrade a throw-away copy of the estate; return what its steps computed, written for ``kind`` into ``folder``.

    The ``order`` names the originals, which are only read. ``expected`` is the release that the scripts are to start
    from, where that is known.
    Raises ProjectError, EstateError, EnvironmentProblem and StepFailed; then nothing is left behind.
    """
    if set(order.addresses) != set(PARTS):
        apart = ", ".join(sorted(set(order.addresses) - set(PARTS)))
        raise ProjectError(
            f"Rows are computed for estates in two databases, and upgrade.toml names {apart} besides.",
            hint="Leave --with-rows out.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with one_at_a_time(order.rehearsals), _copied(order, source, say) as copied:
            release = read_estate(copied.originals(), source or order.source).release
            if expected is not None and release != expected:
                raise ProjectError(
                    f"The databases of upgrade.toml are of {release}, the scripts are to start from {expected}.",
                    hint="Name the databases that the scripts are for, or another --from or --schema-file.",
                )
            recorder = Recorder(kind, folder)
            with recorder.noting_what_is_read():
                result = run(copied, source, retry_failed=False, listener=listener, say=say, watch=recorder.watch)
            held = recorder.held(copied)
            rows = ComputedRows(recorder.parts, held)
            return Computed(release, result.record.started, _shapes(order, kind), rows, _undone(copied))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _copied(order: Order, source: str | None, say: Say) -> Iterator[Order]:
    """Make ready what is upgraded: copies beside the originals, of what is only read on a server of the tool's own."""
    identifier = f"rows-{journal.now():%Y%m%d-%H%M%S}"
    with tempfile.TemporaryDirectory(prefix="apim-upgrade-rows-") as runs:
        if any(address.only_read for address in order.addresses.values()):
            with throw_away_copy(order.addresses, source or order.source, journal.now(), say) as databases:
                addresses = {name: database.address for name, database in databases.items()}
                yield replace(order, addresses=addresses, clones={}, runs=Path(runs), rehearsal=identifier)
        else:
            with copies(order, Path(runs), identifier, keep=False, say=say) as stand:
                yield stand.order


def _shapes(order: Order, kind: str) -> dict[str, Schema] | None:
    """The schemas that the scripts start from, where the databases are on the DBMS that they are for."""
    if any(address.kind != kind for address in order.addresses.values()):
        return None
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_source(name, address)) for name, address in order.addresses.items()}
        return {name: opened[name].schema() for name in PARTS}


def _undone(order: Order) -> tuple[str, ...]:
    found = []
    for database in order.targets().values():
        with database.read() as session:
            for step, item in journal.read_verdicts(session):
                if item.verdict is Verdict.FAILED:
                    found.append(f"{step}: {item.item}: {item.reason} {item.action}".strip())
    return tuple(found)


@dataclass(slots=True)
class Recorder:
    """Writes down the rows that steps compute, and notes which tables they are computed from."""

    kind: str
    folder: Path
    parts: dict[tuple[str, str], Part] = field(default_factory=dict)
    _numbers: dict[tuple[str, str], tuple[str, int | None]] = field(default_factory=dict)
    """By database and table: the column that numbers its rows, and the greatest number, before anything is changed."""
    _read: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Tables by the name that their database has on its server."""
    _reading: bool = False

    def watch(
        self, step: Step, operation: Stage | Load, work: Work, rows: Iterator[Sequence[object]]
    ) -> Iterator[Sequence[object]]:
        """See the engine's :data:`~apim_upgrade.engine.Watch`."""
        if not self._numbers:
            for name, session in work.sessions.items():
                self._numbers |= {(name, each): found for each, found in _greatest_numbers(session)}
        if isinstance(operation, Stage) and (operation.query is not None or only_looks(operation)):
            yield from rows
            return
        waiting = waiting_table(operation)
        path = self.folder / f"{step.name.replace('/', '-')}.{waiting.name}.part"
        with path.open("w", encoding="ascii") as file:
            loading = Loading(self.kind, waiting, file)
            yield from loading.passing(self._noted(rows))
        self.parts[step.name, waiting.name] = Part(path, loading.written)

    def _noted(self, rows: Iterator[Sequence[object]]) -> Iterator[Sequence[object]]:
        while True:
            self._reading = True
            try:
                row = next(rows, None)
            finally:
                self._reading = False
            if row is None:
                return
            yield row

    @contextmanager
    def noting_what_is_read(self) -> Iterator[None]:
        """Note the tables of every query that is sent while rows are computed."""

        def note(connection: Connection, clause: Any, *_: Any) -> None:
            if self._reading and isinstance(clause, ClauseElement):
                names = {each.name for each in visitors.iterate(clause) if isinstance(each, TableClause)}
                self._read[str(connection.engine.url.database)] |= names

        event.listen(Engine, "before_execute", note)
        try:
            yield
        finally:
            event.remove(Engine, "before_execute", note)

    def held(self, order: Order) -> list[Held]:
        """
        Say what the tables that were read held before the upgrade; those that came with it are left out.

        The registry's log is one of them always: whoever writes to the registry writes there.
        """
        found = []
        for name, database in order.targets().items():
            with database.read() as session:
                rows = session.all(select(journal.COUNT.c.table_name, journal.COUNT.c.rows_before))
            counts = {str(row.table_name).lower(): int(row.rows_before) for row in rows}
            read = self._read[database.address.database] | {LOG.name}
            for each in sorted(read & counts.keys()):
                number, greatest = self._numbers.get((name, each), ("", None))
                found.append(Held(name, each, counts[each], number, greatest))
        return found


def _greatest_numbers(session: Session) -> Iterator[tuple[str, tuple[str, int | None]]]:
    """Yield every table whose key begins with a number, with that column and the greatest number in it."""
    for each in introspect(session).tables.values():
        key = each.primary_key
        first = each.column(key.columns[0]) if key is not None else None
        if first is not None and first.type.lower().startswith(_WHOLE_NUMBERS):
            number: ColumnClause[int] = column(first.name)
            greatest = session.all(select(func.max(number)).select_from(table(each.name)))[0][0]
            yield each.name.lower(), (first.name.lower(), greatest)
