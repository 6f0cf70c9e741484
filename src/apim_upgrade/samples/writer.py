"""
Rows on their way into one database, all tables at once, in bounded memory.

Rows are named dictionaries that may hold the columns of every release: the writer keeps those that the release's table
has, and drops rows of tables that it has not. So the same estate can be written in the form of any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import column
from sqlalchemy import table as sql_table

from apim_upgrade.databases.generated_ids import ContinueIds
from apim_upgrade.engine import Session

_ROWS_IN_MEMORY = 20_000
_BEGIN = datetime(2024, 3, 1, 8, 0)
_BEAT = timedelta(milliseconds=317)


class Clock:
    """A clock that goes on a little with every look, so that times are plausible, ordered and reproducible."""

    def __init__(self) -> None:
        self._now = _BEGIN

    def now(self) -> datetime:
        """The next moment."""
        self._now += _BEAT
        return self._now


@dataclass(slots=True)
class _Buffer:
    columns: tuple[str, ...]
    pick: Callable[[Mapping[str, Any]], Any]
    keys: frozenset[str]
    rows: list[dict[str, Any]]


class Writer:
    """
    Takes rows of any table and writes them by bulk copy when enough have gathered.

    The server takes one batch while the next one is made up: the session is used by a thread of the writer's own from
    the first row until :meth:`finish`, which also a ``with`` block waits for. ``columns`` are those of the release, by
    table.
    """

    def __init__(self, session: Session, columns: Mapping[str, Sequence[str]]) -> None:
        self.session = session
        self._columns = columns
        self._buffers: dict[str, _Buffer] = {}
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._copying: Future[None] | None = None
        self.written: Counter[str] = Counter()
        self.named: dict[str, frozenset[str]] = {}
        """Every table and column that was named, whether the release has it or not."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def number(self, table: str, column_name: str) -> int:
        """The next number of a generated column; the server goes on behind the last one."""
        key = (table, column_name)
        self._numbers[key] += 1
        return self._numbers[key]

    def add(self, table: str, **row: Any) -> None:
        """Add a row; every row of a table names the same columns."""
        buffer = self._buffers.get(table)
        if buffer is None:
            buffer = self._open(table, row)
        if not buffer.columns:
            return
        buffer.rows.append(row)
        self._waiting += 1
        if self._waiting >= _ROWS_IN_MEMORY:
            self._flush()

    def finish(self) -> None:
        """Write the rest and let the server count on behind the numbers that were used."""
        self._flush()
        self._wait()
        for name, column_name in self._numbers:
            if column_name in self._columns.get(name, ()):
                self.session.execute(ContinueIds(sql_table(name, column(column_name)), column_name))

    def _flush(self) -> None:
        self._wait()
        batch = [(name, buffer, buffer.rows) for name, buffer in self._buffers.items() if buffer.rows]
        for _, buffer, _ in batch:
            buffer.rows = []
        self._waiting = 0
        self._copying = self._thread.submit(self._copy, batch)

    def _wait(self) -> None:
        if self._copying is not None:
            self._copying.result()

    def _copy(self, batch: Sequence[tuple[str, _Buffer, list[dict[str, Any]]]]) -> None:
        for name, buffer, rows in batch:
            self.session.copy_into(name, buffer.columns, _picked(buffer, rows))
            self.written[name] += len(rows)

    def _open(self, table: str, row: Mapping[str, Any]) -> _Buffer:
        there = set(self._columns.get(table, ()))
        columns = tuple(name for name in row if name in there)
        pick: Callable[[Mapping[str, Any]], Any] = itemgetter(*columns) if columns else tuple
        self.named[table] = frozenset(row)
        return self._buffers.setdefault(table, _Buffer(columns, pick, frozenset(row), []))


def _picked(buffer: _Buffer, rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[object]]:
    if len(buffer.columns) == 1:
        return ((row[buffer.columns[0]],) for row in rows)
    return map(buffer.pick, rows)
