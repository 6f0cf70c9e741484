"""
What a database looks like on another DBMS: every table of the source as the stock script of that DBMS makes it.

The result mirrors the source. What the source lacks of its release stays lacking, so that a worn or half upgraded
database is still known for one; what it has early, of a later release, is there as that release makes it; what no
release has (the customer's own tables and columns) is carried over as far as types have a counterpart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.errors import EstateError
from apim_upgrade.moving.forms import Form, Sort, convertible, form_of, type_of
from apim_upgrade.moving.names import Names
from apim_upgrade.releases import PARTS, Release, catalogue, catalogued_releases
from apim_upgrade.releases.catalogue import script_of
from apim_upgrade.releases.model import (
    Column,
    ForeignKey,
    Index,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Unique,
    fold,
    folded,
)

_NUMBERED = re.compile(r"auto_increment|\bidentity\b|^ nextval\(|\.nextval$", re.IGNORECASE)
"""Extra and default of a column that the DBMS counts."""
_SEQUENCE = re.compile(r"nextval\('\"?([^'\"]+)\"?'")
_CONSTANT = re.compile(r"'(?:[^']|'')*'|-?\d+(?:\.\d+)?|TRUE|FALSE|CURRENT_TIMESTAMP", re.IGNORECASE)
_NO_EMPTY_TEXT = ("oracle",)
"""Where an empty text is NULL."""
_TOLD = 5

Count = Callable[[str, str], int]
"""How many rows of this table of the source have a value in this column; all of them where the column is ``""``."""


@dataclass(frozen=True, slots=True)
class ColumnMove:
    """One column on both sides."""

    before: str
    after: str
    form: Form
    """What both sides are compared as."""
    filling: str | None = None
    """What stands there for NULL: Oracle keeps no empty text, and the other side's column takes no NULL."""


@dataclass(frozen=True, slots=True)
class TableMove:
    """One table on both sides, by the real name it has there."""

    before: str
    after: str
    columns: tuple[ColumnMove, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What to make on the other DBMS, and what to fill it with."""

    schema: Schema
    tables: tuple[TableMove, ...]
    remarks: tuple[str, ...]
    """What a person should know: what is carried over besides the product's own, and what is not."""


def shape_for(kind: str, source: Schema, release: Release, part: str, count: Count) -> Shape:
    """
    Return what a database of ``release`` looks like on the DBMS ``kind``.

    ``part`` is what of the product's tables it holds. Raises EstateError, naming them, when columns have types that
    the DBMS has no counterpart of; nothing was written then.
    """
    return _Shaping(kind, source, release, script_of(part), count).shape()


class _Shaping:
    def __init__(self, kind: str, source: Schema, release: Release, part: str, count: Count) -> None:
        self._kind = kind
        self._names = Names.of(source.kind)
        self._real = source
        self._source = self._names.elsewhere(source)
        self._release = release
        self._part = part
        self._count_really = count
        self._ours = [
            self._names.elsewhere(catalogue(source.kind, each, name)) for each, name in self._nearest(source.kind)
        ]
        self._theirs = [catalogue(kind, each, name) for each, name in self._nearest(kind)]
        self._refused: list[str] = []
        self._remarks: list[str] = []
        self._sequences: dict[str, Sequence] = {}

    def _nearest(self, kind: str) -> Iterator[tuple[Release, str]]:
        """Releases in the order in which a definition is looked for: this one, later ones, earlier ones."""
        releases = catalogued_releases(kind)
        later = [release for release in releases if release >= self._release]
        for part in sorted(PARTS, key=lambda name: name != self._part):
            for release in (*later, *reversed([each for each in releases if each < self._release])):
                yield release, part

    def shape(self) -> Shape:
        tables, moves = {}, []
        for live in self._source.tables.values():
            if live.name.startswith(PREFIX):
                continue
            stock = self._definition(self._theirs, live.name)
            table, columns = self._known(live, stock) if stock is not None else self._own(live)
            tables[table.name] = table
            # In an order of their own, so that the checksum means the same wherever the table lies.
            moves.append(
                TableMove(
                    self._names.real(self._real, live.name)[0],
                    table.name,
                    tuple(
                        replace(each, before=self._names.real(self._real, live.name, each.before)[1])
                        for each in sorted(columns, key=lambda each: fold(each.before))
                    ),
                )
            )
        for stock in self._theirs[0].tables.values():
            if self._source.table(stock.name) is None and self._ours[0].table(stock.name) is None:
                tables[stock.name] = stock
        if self._refused:
            more = f" and {len(self._refused) - _TOLD} more" if len(self._refused) > _TOLD else ""
            raise EstateError(
                f"{len(self._refused)} columns have types that cannot be moved to {self._kind}: "
                f"{', '.join(self._refused[:_TOLD])}{more}.",
                hint="Change or drop these columns of your own; nothing was written.",
            )
        return Shape(self._schema(tables), tuple(moves), tuple(self._remarks))

    def _count(self, table: str, column: str) -> int:
        return self._count_really(*self._names.real(self._real, table, column))

    def _schema(self, tables: dict[str, Table]) -> Schema:
        """With the sequences, functions and triggers that these tables need, and no key that leads nowhere."""
        wanted = self._theirs[0]
        there = {fold(name) for name in tables}
        tables = {
            name: replace(table, foreign_keys=tuple(key for key in table.foreign_keys if fold(key.ref_table) in there))
            for name, table in tables.items()
        }
        sequences = dict(self._sequences)
        for table in tables.values():
            for column in table.columns:
                match = _SEQUENCE.search(column.default or "")
                if match and match[1] not in sequences:
                    found = next(
                        (each.sequences[match[1]] for each in self._theirs if match[1] in each.sequences), None
                    )
                    sequences[match[1]] = found or Sequence(match[1], 1, 1)
        for name, sequence in wanted.sequences.items():
            sequences.setdefault(name, sequence)
        sequences = {name: self._owned(sequence, tables) for name, sequence in sequences.items()}
        triggers = tuple(trigger for trigger in wanted.triggers if fold(trigger.table) in there)
        used = {trigger.function for trigger in triggers}
        functions = tuple(function for function in wanted.functions if function.name in used)
        return Schema(self._kind, tables, sequences, functions, triggers)

    def _owned(self, sequence: Sequence, tables: dict[str, Table]) -> Sequence:
        owner, _, column = sequence.owned_by.partition(".")
        table = next((table for name, table in tables.items() if fold(name) == fold(owner)), None)
        return sequence if table is not None and table.column(column) else replace(sequence, owned_by="")

    def _definition(self, catalogues: list[Schema], name: str) -> Table | None:
        return next((table for each in catalogues if (table := each.table(name)) is not None), None)

    def _column_of(self, catalogues: list[Schema], table: str, name: str) -> Column | None:
        for each in catalogues:
            found = each.table(table)
            column = found.column(name) if found is not None else None
            if column is not None:
                return column
        return None

    def _known(self, live: Table, stock: Table) -> tuple[Table, tuple[ColumnMove, ...]]:
        """A table of the product."""
        ours = self._definition(self._ours, live.name)
        columns, moves = [], []
        for column in live.columns:
            theirs = self._column_of(self._theirs, live.name, column.name)
            counterpart = self._column_of(self._ours, live.name, column.name)
            if theirs is None and counterpart is not None and not self._count(live.name, column.name):
                continue  # the product has it on the one DBMS only, and never used it
            if theirs is None:
                made = self._own_column(live, column)
                self._remarks.append(f"{live.name}.{column.name} is no column of the product there; carried over")
            else:
                made = self._as_wide(live, column, counterpart, theirs)
            if made is not None:
                columns.append(made[0])
                moves.append(made[1])
        for column in stock.columns:
            unknown_here = ours is None or ours.column(column.name) is None
            if unknown_here and live.column(column.name) is None:
                columns.append(column)
        order = {fold(column.name): number for number, column in enumerate(stock.columns)}
        columns.sort(key=lambda column: order.get(fold(column.name), len(order)))
        names = {fold(column.name) for column in columns}
        table = Table(
            stock.name,
            tuple(columns),
            self._primary_key(live, stock, names),
            self._uniques(live, stock, ours, names),
            self._foreign_keys(live, stock, ours, names),
            self._indexes(live, stock, ours, names),
        )
        return table, tuple(moves)

    def _as_wide(
        self, live: Table, column: Column, ours: Column | None, theirs: Column
    ) -> tuple[Column, ColumnMove] | None:
        """The column as the stock script makes it, or wider where the source's is wider than stock."""
        form = form_of(self._source.kind, column.type)
        after = form_of(self._kind, theirs.type)
        stock = form_of(self._source.kind, ours.type) if ours is not None else None
        if form is None or after is None or not convertible(form, after):
            self._refused.append(f"{live.name}.{column.name} ({column.type})")
            return None
        type_ = theirs.type
        if stock is not None and form.sort == stock.sort and not stock.takes(form) and not after.takes(form):
            after = replace(form, sort=after.sort)
            type_ = type_of(self._kind, after)
        nullable = theirs.nullable or (column.nullable and not self._always_filled(live, column, ours))
        if nullable and not theirs.nullable and after.sort is Sort.TEXT and self._source.kind in _NO_EMPTY_TEXT:
            return replace(theirs, type=type_), ColumnMove(column.name, theirs.name, after, filling="")
        return replace(theirs, type=type_, nullable=nullable), ColumnMove(column.name, theirs.name, after)

    def _always_filled(self, live: Table, column: Column, ours: Column | None) -> bool:
        """Whether a column that takes NULL has none: where the product is stricter there, it may stay so then."""
        if live.primary_key is not None and fold(column.name) in folded(live.primary_key.columns):
            return True
        stock = ours is not None and ours.nullable
        return stock and self._count(live.name, column.name) == self._count(live.name, "")

    def _primary_key(self, live: Table, stock: Table, names: set[str]) -> PrimaryKey | None:
        key = stock.primary_key
        if key is None or live.primary_key is None or not folded(key.columns) <= names:
            return None
        return key

    def _uniques(self, live: Table, stock: Table, ours: Table | None, names: set[str]) -> tuple[Unique, ...]:
        here, known = _unique_sets(live), _unique_sets(ours) if ours else set()
        kept = tuple(
            unique
            for unique in stock.unique
            if folded(unique.columns) <= names
            and (folded(unique.columns) in here or folded(unique.columns) not in known)
        )
        return kept + self._extra_uniques(live, _unique_sets(stock) | known, names)

    def _extra_uniques(self, live: Table, known: set[frozenset[str]], names: set[str]) -> tuple[Unique, ...]:
        return tuple(
            Unique(None, tuple(map(self._called, unique.columns)))
            for unique in live.unique
            if folded(unique.columns) not in known and folded(unique.columns) <= names
        )

    def _foreign_keys(self, live: Table, stock: Table, ours: Table | None, names: set[str]) -> tuple[ForeignKey, ...]:
        here = {_link(key) for key in live.foreign_keys}
        known = {_link(key) for key in ours.foreign_keys} if ours else set()
        kept = tuple(
            key
            for key in stock.foreign_keys
            if folded(key.columns) <= names and (_link(key) in here or _link(key) not in known)
        )
        theirs = {_link(key) for key in stock.foreign_keys}
        return kept + tuple(self._own_link(key) for key in live.foreign_keys if _link(key) not in theirs | known)

    def _indexes(self, live: Table, stock: Table, ours: Table | None, names: set[str]) -> tuple[Index, ...]:
        uniques = _unique_sets(live)
        known = _unique_sets(ours) if ours else set()
        kept = tuple(
            index
            for index in stock.indexes
            if (folded(index.columns) - folded(index.expressions)) <= names
            and (not index.unique or folded(index.columns) in uniques or folded(index.columns) not in known)
        )
        there = {_parts(index.columns) for index in kept}
        there |= {_parts(unique.columns) for unique in stock.unique}
        there |= {_parts(index.columns) for index in ours.indexes if not index.implied_by_fk} if ours else set()
        there |= {_parts(stock.primary_key.columns)} if stock.primary_key else set()
        return kept + self._own_indexes(live, there, names)

    def _own_indexes(self, live: Table, there: set[tuple[str, ...]], names: set[str]) -> tuple[Index, ...]:
        """Indexes of the customer's own; one over expressions says what only its DBMS understands."""
        found = []
        for index in live.indexes:
            if _parts(index.columns) in there or index.implied_by_fk:
                continue
            if index.expressions or index.special or index.prefix or not folded(index.columns) <= names:
                self._remarks.append(f"index {index.name} of {live.name} is not carried over: only {live.name} has it")
                continue
            found.append(Index(None, tuple(map(self._called, index.columns)), index.unique))
        return tuple(found)

    def _own(self, live: Table) -> tuple[Table, tuple[ColumnMove, ...]]:
        """A table of the customer's own."""
        made = [pair for column in live.columns if (pair := self._own_column(live, column)) is not None]
        self._remarks.append(f"{live.name} is no table of the product; carried over")
        key = live.primary_key
        names = {fold(column.name) for column in live.columns}
        table = Table(
            self._called(live.name),
            tuple(column for column, _ in made),
            PrimaryKey(None, tuple(map(self._called, key.columns))) if key else None,
            self._extra_uniques(live, set(), names),
            tuple(self._own_link(link) for link in live.foreign_keys),
            self._own_indexes(live, set(), names),
        )
        return table, tuple(move for _, move in made)

    def _own_column(self, live: Table, column: Column) -> tuple[Column, ColumnMove] | None:
        form = form_of(self._source.kind, column.type)
        if form is None:
            self._refused.append(f"{live.name}.{column.name} ({column.type})")
            return None
        if form.sort is Sort.EXACT and _is_numbered(column):  # what a server counts is a whole number
            form = Form(Sort.WHOLE, 8)
        name = self._called(column.name)
        default, extra = self._default(live, column)
        return Column(name, type_of(self._kind, form), column.nullable, default, extra), ColumnMove(
            column.name, name, form
        )

    def _default(self, live: Table, column: Column) -> tuple[str | None, str]:
        """A default that every DBMS understands; numbers that the server counts are counted there, too."""
        text = (column.default or "").partition("::")[0].strip()
        while text.startswith("(") and text.endswith(")"):  # as SQL Server tells it
            text = text[1:-1].strip()
        if _is_numbered(column):
            if self._kind == "mysql":
                return None, "auto_increment"
            sequence = f"{fold(live.name)}_{fold(column.name)}_seq"[:63]
            owner = f"{self._called(live.name)}.{self._called(column.name)}"
            self._sequences[sequence] = Sequence(sequence, owned_by=owner)
            return f"nextval('{sequence}'::regclass)", ""
        if not text or text.upper() == "NULL":
            return None, ""
        if _CONSTANT.fullmatch(text):
            return text, ""
        self._remarks.append(f"the default of {live.name}.{column.name} is not carried over")
        return None, ""

    def _own_link(self, key: ForeignKey) -> ForeignKey:
        return ForeignKey(
            None,
            tuple(map(self._called, key.columns)),
            self._called(key.ref_table),
            tuple(map(self._called, key.ref_columns)),
            key.on_delete,
            key.on_update,
        )

    def _called(self, name: str) -> str:
        """A name of the customer's own in the case in which the product's names are there."""
        return name.lower() if self._kind == "postgresql" else name.upper()


def _is_numbered(column: Column) -> bool:
    return _NUMBERED.search(f"{column.extra} {(column.default or '').strip()}") is not None


def _unique_sets(table: Table) -> set[frozenset[str]]:
    keys = {folded(unique.columns) for unique in table.unique}
    keys |= {folded(index.columns) for index in table.indexes if index.unique}
    return keys | ({folded(table.primary_key.columns)} if table.primary_key else set())


def _link(key: ForeignKey) -> tuple[frozenset[str], str]:
    return folded(key.columns), fold(key.ref_table)


def _parts(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(fold, columns))
