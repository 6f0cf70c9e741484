"""
What a database schema is made of, as values: the common form of catalogues and of live databases.

Names keep the case in which the database reports them and are compared without regard to it; :func:`fold` is the one
place that says so. Lists are in the order of the catalogue; order of columns in a table means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


def fold(name: str) -> str:
    """Return the form of a name in which it is compared."""
    return name.lower()


def folded(names: tuple[str, ...]) -> frozenset[str]:
    """Return a set of names in the form in which they are compared."""
    return frozenset(fold(name) for name in names)


GENERATED = "generated"
"""What :attr:`Column.extra` of a column is whose value the DBMS computes from others."""
AUTO_INCREMENT = "auto_increment"
"""What it is of a column that MySQL numbers by itself."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``type`` and ``default`` are SQL text as the database reports it."""

    name: str
    type: str
    nullable: bool
    default: str | None = None
    extra: str = ""
    """What the DBMS adds: ``auto_increment``, ``IDENTITY(1,1)``, ``generated`` …"""
    charset: str = ""
    collation: str = ""


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """The primary key of a table; ``name`` is None where the server chooses it."""

    name: str | None
    columns: tuple[str, ...]
    prefix: tuple[tuple[str, int], ...] = ()
    """MySQL's (column, length) pairs; no stock key has any."""


@dataclass(frozen=True, slots=True)
class Unique:
    """A unique constraint; ``prefix`` holds MySQL's (column, length) pairs."""

    name: str | None
    columns: tuple[str, ...]
    prefix: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key; the rules are ``NO ACTION``, ``RESTRICT``, ``CASCADE`` or ``SET NULL``."""

    name: str | None
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"

    @property
    def rules(self) -> str:
        """The rules as every DBMS writes them behind the key; the default is not said."""
        rules = (("DELETE", self.on_delete), ("UPDATE", self.on_update))
        return "".join(f" ON {event} {rule}" for event, rule in rules if rule != "NO ACTION")


@dataclass(frozen=True, slots=True)
class Index:
    """An index that belongs to no key; entries of ``columns`` that are in ``expressions`` are no columns."""

    name: str | None
    columns: tuple[str, ...]
    unique: bool = False
    prefix: tuple[tuple[str, int], ...] = ()
    expressions: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    implied_by_fk: bool = False
    """InnoDB makes this index by itself."""
    special: str = ""
    """What no stock index has: a predicate, or a method other than the DBMS's usual one."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check constraint; no stock script has one."""

    name: str | None
    expression: str


@dataclass(frozen=True, slots=True)
class Server:
    """What of a live server decides how its schema can be changed."""

    version: str
    """As the server tells it, such as ``8.0.36`` or ``10.11.19-MariaDB``."""
    implicit_timestamps: bool = False
    """MySQL: TIMESTAMP columns get defaults that nobody wrote (explicit_defaults_for_timestamp is OFF)."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a live table is, as the server estimates."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table with all that belongs to it."""

    name: str
    columns: tuple[Column, ...]
    primary_key: PrimaryKey | None = None
    unique: tuple[Unique, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    storage: str = ""
    """MySQL: engine and row format, such as ``InnoDB Dynamic``."""

    def column(self, name: str) -> Column | None:
        """Return the column of this name, or None."""
        wanted = fold(name)
        return next((column for column in self.columns if fold(column.name) == wanted), None)

    def unique_keys(self) -> Iterator[frozenset[str]]:
        """Every set of columns that the table keeps unique, whether by key, constraint or plain unique index."""
        if self.primary_key is not None:
            yield folded(self.primary_key.columns)
        for unique in self.unique:  # one of prefixes is stricter: it keeps the whole values unique as well
            yield folded(unique.columns)
        for index in self.indexes:
            if is_plain_unique(index):
                yield folded(index.columns)


def is_plain_unique(index: Index) -> bool:
    """Say whether an index does what a unique constraint does."""
    return index.unique and not (index.expressions or index.special or index.prefix)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence; ``owned_by`` is ``table.column`` for one that falls with its column, ``cache`` None if not stated."""

    name: str
    start: int = 1
    increment: int = 1
    type: str = ""
    min: int | None = None
    max: int | None = None
    owned_by: str = ""
    cache: int | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A stored function."""

    name: str
    returns: str
    language: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger; ``column``, ``sequence`` and ``only_when_null`` describe those that draw an id (Oracle, DB2)."""

    name: str
    table: str
    timing: str
    per: str = ""
    function: str = ""
    column: str = ""
    sequence: str = ""
    only_when_null: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """A value of a seed row that the server computes, such as ``CURRENT_TIMESTAMP``."""

    sql: str


SeedRow = Mapping[str, "str | int | bool | Expression | None"]


@dataclass(frozen=True, slots=True)
class Schema:
    """All tables, sequences, functions and triggers of one database, by name; for catalogues also the seed rows."""

    kind: str
    tables: Mapping[str, Table] = field(default_factory=dict)
    sequences: Mapping[str, Sequence] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    seed_rows: Mapping[str, tuple[SeedRow, ...]] = field(default_factory=dict)
    server: Server | None = None
    """None for a catalogue, and where nothing of the server matters."""
    sizes: Mapping[str, Size] = field(default_factory=dict)
    """Of the tables by name, where a dialect foretells what changes mean for their users."""

    def table(self, name: str) -> Table | None:
        """Return the table of this name, whatever its case, or None."""
        found = self.tables.get(name)
        if found is not None:
            return found
        wanted = fold(name)
        return next((table for table in self.tables.values() if fold(table.name) == wanted), None)
