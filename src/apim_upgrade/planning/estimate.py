"""
How long the steps of a plan will take, told from how long they took before.

Nothing cleverer than a line: ``seconds = a + b·rows + c·bytes``, none of the three negative, for each step that was
measured. Measurements of one step at several sizes give its line; with one size alone the time beyond a small fixed
part is taken to grow with the volume. A step that no rehearsal has is told from steps of its kind, else from the
benchmark model (measurements that this tool carries), else from steps of its phase. The interval is as wide as the
line missed its own measurements, never narrower than a floor, and wider the further the estate is from what was
measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from itertools import combinations
from math import log2, sqrt
from typing import Any

_FIXED = 0.005
"""Seconds that a step on next to nothing takes: transaction, journal, statements."""
_QUICK = 0.02
"""Below so many seconds a difference is noise, and an error of that size does not count."""
_FLOOR = 0.25
_PER_DOUBLING = 0.05
_STEP, _KIND, _BENCHMARK, _PHASE = "step", "kind", "benchmark", "phase"
_WIDER = {_STEP: 0.0, _KIND: 0.5, _BENCHMARK: 0.5, _PHASE: 1.0}
_WIDEST = {_STEP: 1.0, _KIND: 2.0, _BENCHMARK: 2.0, _PHASE: 4.0}
_RELEASE = re.compile(r"\d+\.\d+\.\d+")
_SCHEMA_KINDS = {"indexes", "foreign-keys", "seed-rows", "sequences", "triggers", "privileges"}
_MODEL = "data/benchmark.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """How long one step took on so many rows (items, where they can be counted) and bytes."""

    step: str
    phase: str
    seconds: float
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Work:
    """One step to be foretold."""

    step: str
    phase: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What one step is expected to take, and between which bounds; seconds.

    ``basis`` says what it was told from: the same ``step`` in rehearsals, others of its ``kind``, the ``benchmark``
    model, or steps of its ``phase``.
    """

    step: str
    phase: str
    seconds: float
    low: float
    high: float
    basis: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """All steps, in order; ``source`` says where the measurements are from."""

    steps: tuple[Expected, ...]
    source: str
    rehearsals: int
    """How many rehearsals it is told from; 0: from the benchmark model alone."""

    @property
    def seconds(self) -> float:
        """Of everything together."""
        return sum(each.seconds for each in self.steps)

    @property
    def low(self) -> float:
        """The least: errors of one machine go the same way, so bounds are added up and not averaged out."""
        return sum(each.low for each in self.steps)

    @property
    def high(self) -> float:
        """The most."""
        return sum(each.high for each in self.steps)

    def by_phase(self) -> dict[str, tuple[float, float, float]]:
        """Seconds, least and most of every phase, in the order of the steps."""
        phases = dict.fromkeys(each.phase for each in self.steps)
        return {
            phase: (
                sum(each.seconds for each in self.steps if each.phase == phase),
                sum(each.low for each in self.steps if each.phase == phase),
                sum(each.high for each in self.steps if each.phase == phase),
            )
            for phase in phases
        }

    def by_step(self) -> dict[str, float]:
        """Seconds by step."""
        return {each.step: each.seconds for each in self.steps}

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return {
            "source": self.source,
            "rehearsals": self.rehearsals,
            "seconds": round(self.seconds, 3),
            "low": round(self.low, 3),
            "high": round(self.high, 3),
            "phases": {
                phase: dict(zip(("seconds", "low", "high"), (round(each, 3) for each in sums), strict=True))
                for phase, sums in self.by_phase().items()
            },
            "steps": [
                {**asdict(each), **{key: round(getattr(each, key), 3) for key in ("seconds", "low", "high")}}
                for each in self.steps
            ],
        }


@dataclass(frozen=True, slots=True)
class Line:
    """``seconds = fixed + by_row·rows + by_byte·bytes``; ``miss`` is how far, relatively, it was off at most usual."""

    fixed: float
    by_row: float
    by_byte: float
    miss: float = 0.0

    def at(self, rows: int, size: int) -> float:
        """Seconds for so many rows and bytes."""
        return self.fixed + self.by_row * rows + self.by_byte * size


def estimate(work: Iterable[Work], rehearsed: Sequence[Sequence[Measured]]) -> Estimate:
    """Tell how long every piece of ``work`` will take, from the measurements of rehearsals, one list for each."""
    known = _Known([each for measured in rehearsed for each in measured])
    carried = _Known(benchmark_model())
    steps = tuple(_expect(each, known, carried) for each in work)
    if rehearsed:
        source = f"{len(rehearsed)} rehearsal{'s' if len(rehearsed) > 1 else ''}"
    else:
        source = "the benchmark model (made-up estates on PostgreSQL), for there is no rehearsal"
    return Estimate(steps, source, len(rehearsed))


def benchmark_model() -> list[Measured]:
    """The measurements that this tool carries: of made-up estates, on the machine that the benchmarks page names."""
    text = files(__package__).joinpath(_MODEL).read_text(encoding="utf-8")
    return [measured for each in json.loads(text)["rehearsals"] for measured in measurements(each)]


def fit(measured: Sequence[Measured]) -> Line:
    """
    Return the line that misses the measurements least, each counted by how far it is off relatively.

    Rows and bytes of one estate grow together, so several lines may fit alike: their mean is taken.
    """
    if len({(each.rows, each.size) for each in measured}) == 1:
        return _through_one(measured)
    lines = [line for chosen in _choices() if (line := _solve(measured, chosen)) is not None]
    best = min(line.miss for line in lines)
    alike = [line for line in lines if line.miss <= best + 0.01]
    return Line(
        sum(line.fixed for line in alike) / len(alike),
        sum(line.by_row for line in alike) / len(alike),
        sum(line.by_byte for line in alike) / len(alike),
        best,
    )


class _Known:
    """Measurements by step, by kind and by phase; lines are drawn when they are asked for."""

    def __init__(self, measured: Iterable[Measured]) -> None:
        self._measured: dict[tuple[str, str], list[Measured]] = {}
        self._lines: dict[tuple[str, str], Line] = {}
        for each in measured:
            for key in ((_STEP, each.step), (_KIND, kind_of(each.step)), (_PHASE, each.phase)):
                self._measured.setdefault(key, []).append(each)

    def of(self, by: str, name: str) -> tuple[Line, list[Measured]] | None:
        key = (by, name)
        if key not in self._measured:
            return None
        if key not in self._lines:
            self._lines[key] = fit(self._measured[key])
        return self._lines[key], self._measured[key]


def _expect(work: Work, known: _Known, carried: _Known) -> Expected:
    kind = kind_of(work.step)
    ways = (
        (_STEP, known.of(_STEP, work.step)),
        (_KIND, known.of(_KIND, kind)),
        (_BENCHMARK, carried.of(_STEP, work.step)),
        (_BENCHMARK, carried.of(_KIND, kind)),
        (_PHASE, known.of(_PHASE, work.phase)),
        (_PHASE, carried.of(_PHASE, work.phase)),
    )
    basis, (line, measured) = next((basis, found) for basis, found in ways if found is not None)
    seconds = max(line.at(work.rows, work.size), 0.001)
    beyond = max(
        _ratio(work.size, max(each.size for each in measured)), _ratio(work.rows, max(each.rows for each in measured))
    )
    wide = max(_FLOOR, 2 * line.miss) + _WIDER[basis] + _PER_DOUBLING * log2(max(beyond, 1))
    if len(measured) == 1:
        wide += _FLOOR
    wide = min(wide, _WIDEST[basis])
    return Expected(work.step, work.phase, seconds, seconds / (1 + wide), seconds * (1 + wide), basis)


def kind_of(step: str) -> str:
    """Say of what kind a step is: its name without what it is about (a table, a database, a release)."""
    parts = step.split("/")
    if parts[0] == "schema":
        return "/".join([parts[0], parts[2], *(part for part in parts[3:] if part in _SCHEMA_KINDS)])
    if parts[0] in ("prepare", "value-fills", "copy"):
        return "/".join(part for number, part in enumerate(parts) if number == 0 or number > 1)
    return "/".join(part for part in parts if not _RELEASE.fullmatch(part))


def _choices() -> Iterator[tuple[int, ...]]:
    for many in (1, 2, 3):
        yield from combinations(range(3), many)


def _solve(measured: Sequence[Measured], chosen: tuple[int, ...]) -> Line | None:
    """Least squares with these of (1, rows, bytes) alone; None where one of them would have to be negative."""
    rows = []
    for each in measured:
        weight = 1 / max(each.seconds, _QUICK)
        values = (1.0, float(each.rows), float(each.size))
        rows.append(([values[which] * weight for which in chosen], each.seconds * weight))
    scales = [max(abs(values[number]) for values, _ in rows) for number in range(len(chosen))]
    if any(scale == 0 for scale in scales):
        return None
    scaled = [([value / scale for value, scale in zip(values, scales, strict=True)], aim) for values, aim in rows]
    found = _normal(scaled, len(chosen))
    if found is None or any(each < 0 for each in found):
        return None
    parts = [0.0, 0.0, 0.0]
    for which, value, scale in zip(chosen, found, scales, strict=True):
        parts[which] = value / scale
    line = Line(parts[0], parts[1], parts[2])
    off = [(line.at(each.rows, each.size) - each.seconds) / max(each.seconds, _QUICK) for each in measured]
    return replace(line, miss=sqrt(sum(each * each for each in off) / len(off)))


def _normal(rows: Sequence[tuple[list[float], float]], many: int) -> list[float] | None:
    """Solve the normal equations by elimination; None where the columns depend on each other."""
    table = [
        [sum(values[i] * values[j] for values, _ in rows) for j in range(many)]
        + [sum(values[i] * aim for values, aim in rows)]
        for i in range(many)
    ]
    for column in range(many):
        pivot = max(range(column, many), key=lambda number: abs(table[number][column]))
        if abs(table[pivot][column]) < 1e-9:
            return None
        table[column], table[pivot] = table[pivot], table[column]
        for number in range(many):
            if number != column:
                factor = table[number][column] / table[column][column]
                table[number] = [one - factor * other for one, other in zip(table[number], table[column], strict=True)]
    return [table[number][many] / table[number][number] for number in range(many)]


def _through_one(measured: Sequence[Measured]) -> Line:
    """One size only: what is beyond a small fixed part grows with the volume."""
    mean = sum(each.seconds for each in measured) / len(measured)
    spread = max(abs(each.seconds - mean) for each in measured) / max(mean, _QUICK)
    rows, size = measured[0].rows, measured[0].size
    fixed = min(mean, _FIXED)
    if not rows and not size:
        return Line(mean, 0.0, 0.0, spread)
    shares = [each for each in (rows, size) if each]
    grows = (mean - fixed) / len(shares)
    return Line(fixed, grows / rows if rows else 0.0, grows / size if size else 0.0, spread)


def _ratio(now: int, then: int) -> float:
    return now / then if then > 0 and now > 0 else 1.0


def measurements(document: Mapping[str, Any]) -> list[Measured]:
    """The measurements of a rehearsal's document. Raises KeyError, TypeError or ValueError when it is none."""
    return [
        Measured(str(each["step"]), str(each["phase"]), float(each["seconds"]), int(each["rows"]), int(each["size"]))
        for each in document["measured"]
    ]
