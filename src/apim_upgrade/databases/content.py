"""What a table holds, as two figures that a copy of it has too, in whatever order its rows lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableContent:
    """``rows`` and a hash over all of them: the sum of the hashes of the rows, so that their order does not matter."""

    rows: int
    hash: str
    """Empty where rows were written while the table was dumped, by a server that cannot tell both of one moment."""

    @property
    def settled(self) -> bool:
        """Whether it is known what a copy of it has to hold."""
        return bool(self.hash)

    @classmethod
    def of_sums(cls, rows: int, high: int | None, low: int | None) -> TableContent:
        """Make it of the sums of the two halves of the rows' 128-bit hashes."""
        halves = (int(half or 0) % (1 << 64) for half in (high, low))
        return cls(rows, "".join(f"{half:016x}" for half in halves))


@dataclass(frozen=True, slots=True)
class Dumped:
    """A dump: by which program, and what the tables of its moment hold."""

    program: str
    content: Mapping[str, TableContent]


def deviations(expected: Mapping[str, TableContent], found: Mapping[str, TableContent]) -> Iterator[str]:
    """
    Yield a phrase for every table that does not hold what it should, such as ``am_api has 3 of 4 rows``.

    Of a table that is expected to be unsettled only that it is there can be told.
    """
    for name in sorted(expected.keys() | found.keys()):
        before, after = expected.get(name), found.get(name)
        if before is None:
            yield f"{name} is there and should not be"
        elif after is None:
            yield f"{name} is missing"
        elif not before.settled:
            continue
        elif before.rows != after.rows:
            yield f"{name} has {after.rows:,} of {before.rows:,} rows"
        elif before != after:
            yield f"{name} has other rows"
