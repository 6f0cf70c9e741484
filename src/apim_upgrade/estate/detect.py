"""
Which release a database is of, told from its whole schema.

Never from one object: packs at a recent update level bring tables and columns of later releases early, and databases
that the vendor's scripts have upgraded lack some of their own. Every release's additions over the one before are
looked at as a whole; a release is *reached* when nearly all of them are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from apim_upgrade.releases import PARTS, Release, Schema, catalogue, catalogued_releases
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import fold

Names = frozenset[tuple[str, str]]
"""(table, column), folded."""


@dataclass(frozen=True, slots=True)
class Detection:
    """
    ``candidates``: the releases that the schema may be of; several when it is ambiguous or when they do not differ.

    ``clear`` is false when the schema lies between releases; ``seen`` says then what is there.
    """

    candidates: tuple[Release, ...]
    clear: bool
    seen: str


@dataclass(frozen=True, slots=True)
class _Shares:
    """Shares of columns that decide; see ``releases/data/detection.toml`` for what they were measured on."""

    resembles: float
    reached: float
    early: float
    left_out: float


@cache
def _limits() -> _Shares:
    return _Shares(**read_toml("detection.toml")["shares"])


@cache
def filled_columns() -> tuple[tuple[Release, str], ...]:
    """Columns of AM_API that a release's own data migration fills for every API, oldest release first."""
    return tuple(
        sorted((Release.parse(entry["release"]), entry["column"]) for entry in read_toml("detection.toml")["filled"])
    )


def columns_of(schema: Schema) -> Names:
    """Every column of a schema."""
    return frozenset(
        (fold(table.name), fold(column.name)) for table in schema.tables.values() for column in table.columns
    )


def known_columns(kind: str, part: str) -> Names:
    """Every column that any release has in this part."""
    return frozenset().union(*(_columns(kind, release, part) for release in catalogued_releases(kind)))


def resembles(live: Names, kind: str, part: str) -> bool:
    """Say whether a schema holds at least half of what every release has in this part of an estate."""
    base = _always(kind, part)
    return len(base & live) >= _limits().resembles * len(base)


def detect(live: Names, kind: str, part: str) -> Detection:
    """Find the release of a schema that :func:`resembles` its part."""
    hops = [(release, added) for release, added in _additions(kind, part) if added]
    shares = {release: len(added & live) / len(added) for release, added in hops}
    newest = max((release for release, share in shares.items() if share >= _limits().reached), default=None)
    releases = catalogued_releases(kind)
    reached = newest or releases[0]
    doubtful = [
        release
        for release, share in shares.items()
        if (release > reached and share > _limits().early) or (release < reached and share < _limits().left_out)
    ]
    removed = _removed_later(kind, part, reached) - live
    if doubtful or removed:
        low = min([*doubtful, *_next(releases, reached, bool(removed))])
        high = max([*doubtful, reached, *_next(releases, reached, bool(removed))])
        candidates = tuple(release for release in releases if _before(releases, low) <= release <= high)
        return Detection(candidates, False, _seen(shares, live, hops, candidates, removed))
    following = min((release for release, _ in hops if release > reached), default=None)
    candidates = tuple(
        release for release in releases if release >= reached and (following is None or release < following)
    )
    return Detection(candidates, True, "")


def compared(live: Names, kind: str, part: str, release: Release) -> tuple[tuple[str, ...], ...]:
    """Return what of a schema no release has (whole tables), only later ones have, and the release has but it lacks."""
    stock = _columns(kind, release, part)
    every = frozenset().union(*(_columns(kind, each, name) for each in catalogued_releases(kind) for name in PARTS))
    later = frozenset().union(*(_columns(kind, each, part) for each in catalogued_releases(kind) if each > release))
    known = {table for table, _ in every}
    own = tuple(sorted({table for table, _ in live} - known))
    return own, _objects((later & live) - stock, stock), _objects(stock - live, live)


def _objects(names: Names, beside: Names) -> tuple[str, ...]:
    """Name tables that ``beside`` has nothing of, and single columns (``table.column``) of those it has."""
    known = {table for table, _ in beside}
    return tuple(sorted({f"{table}.{column}" if table in known else table for table, column in names}))


def _seen(
    shares: dict[Release, float],
    live: Names,
    hops: list[tuple[Release, Names]],
    candidates: tuple[Release, ...],
    removed: Names,
) -> str:
    parts = [
        f"{len(added & live)} of {len(added)} columns that {release} added"
        for release, added in hops
        if release in candidates[1:]
    ]
    if removed:
        gone = sorted(f"{table}.{column}" for table, column in removed)
        more = f" and {len(gone) - 3} more" if len(gone) > 3 else ""
        parts.append(f"but not {', '.join(gone[:3])}{more}, which a later release removes")
    return ", ".join(parts)


def _next(releases: tuple[Release, ...], release: Release, wanted: bool) -> list[Release]:
    """The release after one, as a list, when it is wanted."""
    return [after for before, after in pairwise(releases) if before == release and wanted]


def _before(releases: tuple[Release, ...], release: Release) -> Release:
    return next((before for before, after in pairwise(releases) if after == release), release)


@cache
def _columns(kind: str, release: Release, part: str) -> Names:
    return columns_of(catalogue(kind, release, part))


@cache
def _always(kind: str, part: str) -> Names:
    """What every release has."""
    releases = catalogued_releases(kind)
    return frozenset.intersection(*(_columns(kind, release, part) for release in releases))


@cache
def _additions(kind: str, part: str) -> tuple[tuple[Release, Names], ...]:
    """What every release added over the one before and no later one took away again."""
    releases = catalogued_releases(kind)
    last = _columns(kind, releases[-1], part)
    return tuple(
        (after, (_columns(kind, after, part) - _columns(kind, before, part)) & last)
        for before, after in pairwise(releases)
    )


def _removed_later(kind: str, part: str, release: Release) -> Names:
    """What this release has and a later one does not: gone only when an upgrade has begun."""
    return _columns(kind, release, part) - _columns(kind, catalogued_releases(kind)[-1], part)
