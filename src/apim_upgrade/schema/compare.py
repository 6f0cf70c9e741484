"""The difference between a live schema and the wanted one, as typed values that a person can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.releases import Release
from apim_upgrade.releases.model import GENERATED, Column, Schema, Table, fold, folded, is_plain_unique
from apim_upgrade.schema.dialects import Notation, fitted, notation_of
from apim_upgrade.schema.known import (
    Identity,
    Target,
    of_column,
    of_foreign_key,
    of_function,
    of_index,
    of_key,
    of_sequence,
    of_table,
    of_trigger,
    target_of,
)


class Standing(StrEnum):
    """What a deviation means."""

    MISSING = "missing"
    DIFFERENT = "different"
    LEFT_OVER = "left over from an older release"
    EARLY = "of a later release already"
    WIDER = "wider than stock"
    UNKNOWN = "not the product's"


@dataclass(frozen=True, slots=True)
class Deviation:
    """One object that is not as the wanted schema has it."""

    standing: Standing
    what: str
    """``table``, ``column``, ``key``, ``foreign key``, ``index``, ``sequence``, ``function`` or ``trigger``."""
    name: str
    """The table's name, with the column's or columns' where it is about those."""
    live: str = ""
    wanted: str = ""

    def __str__(self) -> str:
        text = f"{self.what} {self.name}: {self.standing}"
        if self.live and self.wanted:
            return f"{text}: {self.live} instead of {self.wanted}"
        return text


@dataclass(frozen=True, slots=True)
class Difference:
    """All deviations of one database."""

    deviations: tuple[Deviation, ...]

    def of(self, *standings: Standing) -> tuple[Deviation, ...]:
        """Those of these standings."""
        return tuple(deviation for deviation in self.deviations if deviation.standing in standings)

    @property
    def missing(self) -> tuple[Deviation, ...]:
        """What the wanted schema has and the live one has not."""
        return self.of(Standing.MISSING)

    @property
    def different(self) -> tuple[Deviation, ...]:
        """What both have in different ways."""
        return self.of(Standing.DIFFERENT)

    @property
    def left_over(self) -> tuple[Deviation, ...]:
        """What only older product releases had."""
        return self.of(Standing.LEFT_OVER)

    @property
    def unknown(self) -> tuple[Deviation, ...]:
        """What no product release ever had: the customer's own, left alone."""
        return self.of(Standing.UNKNOWN)


def compare(live: Schema, target: Target) -> Difference:
    """Compare a live schema with what a release wants of it; see :func:`~apim_upgrade.schema.known.target_of`."""
    return Difference(tuple(_Comparison(live, fitted(target, live), notation_of(target.kind)).deviations()))


def differences_to_target(
    kind: str, live: Schema, target: Release, part: str, *, leftovers: bool = False
) -> list[Deviation]:
    """
    Return what keeps a live schema from being that of the target release.

    With ``leftovers``, what only older releases had is allowed to be there: it is, until ``commit``. The customer's own
    objects, objects of a later release and wider columns never count.
    """
    difference = compare(live, target_of(kind, target, part))
    counted = difference.of(Standing.MISSING, Standing.DIFFERENT)
    return list(counted if leftovers else counted + difference.left_over)


@dataclass(frozen=True, slots=True)
class _Comparison:
    live: Schema
    target: Target
    notation: Notation

    def deviations(self) -> Iterator[Deviation]:
        wanted = self.target.wanted
        for table in wanted.tables.values():
            found = self.live.table(table.name)
            if found is None:
                yield Deviation(Standing.MISSING, "table", table.name)
            else:
                yield from self._table(found, table)
        for name in self.live.tables:
            identity = of_table(name)
            if wanted.table(name) is None and identity not in self.target.elsewhere and not name.startswith(PREFIX):
                yield Deviation(self._standing(identity), "table", name)
        yield from self._sequences()
        yield from self._programs()

    def _standing(self, identity: Identity) -> Standing:
        if identity in self.target.older:
            return Standing.LEFT_OVER
        return Standing.EARLY if identity in self.target.later else Standing.UNKNOWN

    def _table(self, live: Table, wanted: Table) -> Iterator[Deviation]:
        name = wanted.name
        for column in wanted.columns:
            found = live.column(column.name)
            if found is None:
                yield Deviation(Standing.MISSING, "column", f"{name}.{column.name}")
            else:
                yield from self._column(f"{name}.{column.name}", found, column)
        for column in live.columns:
            if wanted.column(column.name) is None:
                yield Deviation(self._standing(of_column(name, column.name)), "column", f"{name}.{column.name}")
        yield from self._keys(live, wanted)
        yield from self._foreign_keys(live, wanted)
        yield from self._indexes(live, wanted)
        for check in live.checks:
            yield Deviation(Standing.UNKNOWN, "check", f"{name} ({check.expression})")

    def _column(self, name: str, live: Column, wanted: Column) -> Iterator[Deviation]:
        if live.type != wanted.type:
            fits = self.notation.holds(live.type, wanted.type)
            yield Deviation(Standing.WIDER if fits else Standing.DIFFERENT, "column", name, live.type, wanted.type)
        if live.nullable != wanted.nullable:
            yield Deviation(Standing.DIFFERENT, "column", name, _null(live), _null(wanted))
        if not self.notation.same_default(live.default, wanted.default):
            yield Deviation(Standing.DIFFERENT, "column", name, _default(live), _default(wanted))
        if self.notation.changes_extras and live.extra not in (wanted.extra, GENERATED):
            yield Deviation(Standing.DIFFERENT, "column", name, live.extra or "plain", wanted.extra or "plain")
        if wanted.collation and live.collation != wanted.collation:
            yield Deviation(Standing.DIFFERENT, "column", name, live.collation, wanted.collation)

    def _keys(self, live: Table, wanted: Table) -> Iterator[Deviation]:
        name = wanted.name
        have, want = set(live.unique_keys()), set(wanted.unique_keys())
        primary = folded(live.primary_key.columns) if live.primary_key else frozenset()
        asked = folded(wanted.primary_key.columns) if wanted.primary_key else frozenset()
        if asked and primary != asked:
            yield Deviation(Standing.MISSING, "primary key", f"{name} ({_list(asked)})")
        for columns in sorted(want - have - {asked}, key=sorted):
            yield Deviation(Standing.MISSING, "key", f"{name} ({_list(columns)})")
        for columns in sorted(have - want, key=sorted):
            yield Deviation(self._standing(of_key(name, columns)), "key", f"{name} ({_list(columns)})")

    def _foreign_keys(self, live: Table, wanted: Table) -> Iterator[Deviation]:
        name = wanted.name
        have = {of_foreign_key(name, key): key for key in live.foreign_keys}
        want = {of_foreign_key(name, key): key for key in wanted.foreign_keys}
        for identity, key in want.items():
            label = f"{name} ({', '.join(key.columns)}) to {key.ref_table}"
            found = have.get(identity)
            if found is None:
                yield Deviation(Standing.MISSING, "foreign key", label)
            elif (found.on_delete, found.on_update) != (key.on_delete, key.on_update):
                yield Deviation(
                    Standing.DIFFERENT,
                    "foreign key",
                    label,
                    f"{found.on_delete}/{found.on_update}",
                    f"{key.on_delete}/{key.on_update}",
                )
        for identity, key in have.items():
            if identity not in want:
                label = f"{name} ({', '.join(key.columns)}) to {key.ref_table}"
                yield Deviation(self._standing(identity), "foreign key", label)

    def _indexes(self, live: Table, wanted: Table) -> Iterator[Deviation]:
        name = wanted.name
        have = {of_index(name, index): index for index in live.indexes if not is_plain_unique(index)}
        want = {of_index(name, index): index for index in wanted.indexes if not is_plain_unique(index)}
        for identity, index in want.items():
            if identity not in have:
                yield Deviation(Standing.MISSING, "index", f"{name} ({', '.join(index.columns)})")
        for identity, index in have.items():
            if identity not in want:
                yield Deviation(self._standing(identity), "index", f"{name} ({', '.join(index.columns)})")

    def _sequences(self) -> Iterator[Deviation]:
        have = {fold(name) for name in self.live.sequences}
        want = {fold(name) for name in self.target.wanted.sequences}
        for name in sorted(want - have):
            yield Deviation(Standing.MISSING, "sequence", name)
        for name in sorted(have - want):
            if of_sequence(name) not in self.target.elsewhere:
                yield Deviation(self._standing(of_sequence(name)), "sequence", name)

    def _programs(self) -> Iterator[Deviation]:
        functions = {of_function(function.name) for function in self.live.functions}
        for function in self.target.wanted.functions:
            if of_function(function.name) not in functions:
                yield Deviation(Standing.MISSING, "function", function.name)
        wanted_functions = {of_function(function.name) for function in self.target.wanted.functions}
        for function in self.live.functions:
            if of_function(function.name) not in wanted_functions:
                yield Deviation(self._standing(of_function(function.name)), "function", function.name)
        have = {of_trigger(trigger.table, trigger.name): trigger for trigger in self.live.triggers}
        want = {of_trigger(trigger.table, trigger.name): trigger for trigger in self.target.wanted.triggers}
        for identity, trigger in want.items():
            label = f"{trigger.table}.{trigger.name}"
            found = have.get(identity)
            if found is None:
                yield Deviation(Standing.MISSING, "trigger", label)
            elif found.timing != trigger.timing:
                yield Deviation(Standing.DIFFERENT, "trigger", label, found.timing, trigger.timing)
        for identity, trigger in have.items():
            if identity not in want:
                yield Deviation(self._standing(identity), "trigger", f"{trigger.table}.{trigger.name}")


def _null(column: Column) -> str:
    return "NULL" if column.nullable else "NOT NULL"


def _default(column: Column) -> str:
    return f"DEFAULT {column.default}" if column.default is not None else "no default"


def _list(columns: frozenset[str]) -> str:
    return ", ".join(sorted(columns))
