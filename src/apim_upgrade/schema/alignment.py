"""
The changes that take a live schema to the wanted one: pure functions of what a database *is* and what is wanted.

What cannot fail on any data is done by *expand*; what can waits for *contract*, after the data steps; what takes
something away that holds data waits for *commit*. Each gives its changes by group, in the order to do them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from apim_upgrade.releases import renames
from apim_upgrade.releases.model import (
    AUTO_INCREMENT,
    GENERATED,
    Column,
    Index,
    PrimaryKey,
    Schema,
    Table,
    Unique,
    fold,
    folded,
    is_plain_unique,
)
from apim_upgrade.schema.changes import (
    AddColumn,
    AddForeignKey,
    AddPrimaryKey,
    AddUnique,
    AdvanceSequence,
    Alteration,
    AlterTable,
    Change,
    ChangeType,
    CreateFunction,
    CreateIndex,
    CreateSequence,
    CreateTable,
    CreateTrigger,
    DropColumn,
    DropConstraint,
    DropFunction,
    DropIndex,
    DropSequence,
    DropTable,
    DropTrigger,
    Narrow,
    OwnSequence,
    RenameColumn,
    SetCollation,
    SetDefault,
    SetExtra,
    SetNullable,
    applied,
)
from apim_upgrade.schema.dialects import Notation, fitted, notation_of
from apim_upgrade.schema.known import (
    Target,
    identities_of,
    of_column,
    of_foreign_key,
    of_function,
    of_index,
    of_key,
    of_sequence,
    of_table,
    of_trigger,
)
from apim_upgrade.schema.links import indexes_for_links, stands_in
from apim_upgrade.schema.lookups import lookup_indexes


@dataclass(frozen=True, slots=True)
class Copy:
    """A renamed column that a half-done upgrade left beside its successor: values to carry over."""

    table: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Fill:
    """A column whose NULLs become its default."""

    table: str
    column: str
    default: str


Presumed: TypeAlias = Mapping[tuple[str, str], str]
"""Table and column, in lower case, to a value as SQL."""


@dataclass(slots=True)
class Expansion:
    """What *expand* does, by group: a table's name, or ``sequences``."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)

    def all_changes(self) -> Iterator[Change]:
        """Every change, in order."""
        for group in self.changes.values():
            yield from group

    def add(self, group: str, *changes: Change) -> None:
        """Append to a group."""
        if changes:
            self.changes.setdefault(group, []).extend(changes)


def expansion(live: Schema, target: Target, presumed: Presumed | None = None) -> Expansion:
    """
    Return what makes room for the target's data without being able to fail on the present.

    ``presumed`` holds, by table and column, the value that most rows of a *new* column will have. They get it with
    the column, which costs nothing, where an UPDATE would write the whole table again.
    """
    notation = notation_of(target.kind)
    target = fitted(target, live)
    wanted = target.wanted
    result = Expansion()
    taken = _relation_names(live)
    known_sequences = {fold(name) for name in live.sequences}
    new_sequences = [sequence for name, sequence in wanted.sequences.items() if fold(name) not in known_sequences]
    result.add("sequences", *(CreateSequence(replace(sequence, owned_by="")) for sequence in new_sequences))
    for name, table in wanted.tables.items():
        found = live.table(name)
        if found is None:
            result.add(name, CreateTable(_bare(table, taken)))
        else:
            for rename in _due_renames(found, table):
                result.add(name, rename)
                found = applied(Schema(live.kind, {found.name: found}), [rename]).tables[found.name]
            result.copies += _copies(found, table)
            _expand_table(live, found, table, target, notation, result, taken, presumed or {})
    for sequence in new_sequences:
        if sequence.owned_by:
            result.add(sequence.owned_by.split(".")[0], OwnSequence(sequence.name, sequence.owned_by))
    known_triggers = {of_trigger(trigger.table, trigger.name) for trigger in live.triggers}
    for trigger in wanted.triggers:
        # A trigger that draws a number is what a default is elsewhere: rows of data steps need it.
        if trigger.sequence and of_trigger(trigger.table, trigger.name) not in known_triggers:
            result.add(trigger.table, CreateTrigger(trigger))
    if notation.joins_need_indexes:
        for group, index in lookup_indexes(applied(live, list(result.all_changes())), target):
            result.add(group, index)
    return result


def contraction(live: Schema, target: Target) -> dict[str, list[Change]]:
    """Return what makes a migrated schema the target's, but for what is left over; group → changes."""
    notation = notation_of(target.kind)
    target = fitted(target, live)
    taken = _relation_names(live)
    groups: dict[str, list[Change]] = {}

    def add(group: str, changes: Sequence[Change]) -> None:
        if changes:
            groups.setdefault(group, []).extend(changes)

    link_names = {fold(key.name) for table in live.tables.values() for key in table.foreign_keys if key.name}
    pairs = [(found, table) for table in target.wanted.tables.values() if (found := live.table(table.name)) is not None]
    for table in live.tables.values():  # first, because the indexes that they rely on go below
        add(f"{table.name}/old-foreign-keys", _old_foreign_keys(table, target))
    for found, table in pairs:
        add(table.name, _contract_table(live, found, table, target, notation, taken))
    for found, table in pairs:
        add(f"{table.name}/indexes", _contract_indexes(found, table, target, taken))
    for found, table in pairs:
        add(f"{table.name}/foreign-keys", _contract_foreign_keys(found, table, link_names))
    add("triggers", _contract_programs(live, target))
    return groups


def removal(live: Schema, target: Target) -> dict[str, list[Change]]:
    """Return what takes away everything that only older releases used; group → changes."""
    groups: dict[str, list[Change]] = {}
    old_tables = [table for table in live.tables.values() if of_table(table.name) in target.older]
    for table in _children_first(old_tables):
        groups[table.name] = [DropTable(table.name)]
    for wanted in target.wanted.tables.values():
        found = live.table(wanted.name)
        if found is None:
            continue
        gone = tuple(
            DropColumn(column.name)
            for column in found.columns
            if of_column(found.name, column.name) in target.older and wanted.column(column.name) is None
        )
        if gone:
            groups[found.name] = [AlterTable(found.name, gone)]
    rest = applied(live, [change for group in groups.values() for change in group])
    used = " ".join(fold(c.default) for table in rest.tables.values() for c in table.columns if c.default)
    sequences: list[Change] = [
        DropSequence(name)
        for name in rest.sequences
        if of_sequence(name) in target.older and f"'{fold(name)}'" not in used
    ]
    if sequences:
        groups["sequences"] = sequences
    programs: list[Change] = [
        DropTrigger(trigger) for trigger in rest.triggers if of_trigger(trigger.table, trigger.name) in target.older
    ]
    programs += [DropFunction(function) for function in rest.functions if of_function(function.name) in target.older]
    if programs:
        groups["triggers"] = programs
    return groups


def _bare(table: Table, taken: set[str]) -> Table:
    """A table without foreign keys and indexes; those come when its rows are there."""
    return replace(
        table,
        primary_key=table.primary_key and _free_key(table.primary_key, taken),
        unique=tuple(_free_unique(unique, taken) for unique in table.unique),
        foreign_keys=(),
        indexes=(),
    )


def _due_renames(live: Table, wanted: Table) -> list[RenameColumn]:
    due = []
    for rename in renames():
        if fold(rename.table) != fold(wanted.name):
            continue
        before, after = live.column(rename.before), live.column(rename.after)
        new = wanted.column(rename.after)
        if before is not None and after is None and new is not None and wanted.column(rename.before) is None:
            due.append(RenameColumn(live.name, before.name, new.name))
    return due


def _copies(live: Table, wanted: Table) -> list[Copy]:
    return [
        Copy(live.name, before.name, after.name)
        for rename in renames()
        if fold(rename.table) == fold(wanted.name)
        and wanted.column(rename.before) is None
        and (before := live.column(rename.before)) is not None
        and (after := live.column(rename.after)) is not None
    ]


def _is_clock(default: str | None) -> bool:
    return default is not None and default.upper().startswith("CURRENT_TIMESTAMP")


def _expand_table(
    schema: Schema,
    live: Table,
    wanted: Table,
    target: Target,
    notation: Notation,
    result: Expansion,
    taken: set[str],
    presumed: Presumed,
) -> None:
    name = live.name
    drops: list[Alteration] = []
    rest: list[Alteration] = []
    passing: list[Alteration] = []
    for column in wanted.columns:
        found = live.column(column.name)
        if found is None:
            value = presumed.get((fold(name), fold(column.name))) if column.default is None else None
            nullable = column.nullable or (column.default is None and column.extra != AUTO_INCREMENT)
            # Rows that are there were not written now: what a clock says is for those to come (*contract* sets it).
            default = None if column.nullable and _is_clock(column.default) else value or column.default
            rest.append(AddColumn(replace(column, nullable=nullable, default=default)))
            if value is not None:
                passing.append(SetDefault(column.name, None))
        else:
            rest += _expand_column(found, column, notation)
            if found.nullable and not column.nullable and column.default is not None and "(" not in column.default:
                result.fills.append(Fill(name, column.name, column.default))
    stale = [
        column
        for column in live.columns
        if wanted.column(column.name) is None
        and of_column(name, column.name) in target.older | target.later
        and not column.nullable
        and column.default is None
    ]
    drops += _expand_primary_key(live, wanted, target, folded(tuple(column.name for column in stale)), rest, taken)
    drops += [DropConstraint(unique.name) for unique in _stale_uniques(live, target) if unique.name]
    rest += [SetNullable(column.name, True) for column in stale]
    stale_indexes = [index.name for index in _stale_unique_indexes(live, target) if index.name]
    gone = {each.name for each in drops if isinstance(each, DropConstraint)} | set(stale_indexes)
    if notation.links_need_indexes:
        result.add(wanted.name, *indexes_for_links(schema, live, wanted, gone, rest))
    if drops or rest:
        result.add(wanted.name, AlterTable(name, (*drops, *rest)))
    if passing:
        result.add(wanted.name, AlterTable(name, tuple(passing)))
    result.add(wanted.name, *(DropIndex(name, index) for index in stale_indexes))
    for alteration in rest:
        if isinstance(alteration, SetDefault) and alteration.default and alteration.default.startswith("nextval("):
            sequence = alteration.default.split("'")[1]
            result.add(wanted.name, AdvanceSequence(sequence, name, alteration.column))


def _expand_column(live: Column, wanted: Column, notation: Notation) -> Iterator[Alteration]:
    converts = not notation.holds(live.type, wanted.type)
    new_default = not notation.same_default(live.default, wanted.default)
    if live.default is not None and (converts or (new_default and wanted.default is None)):
        yield SetDefault(live.name, None)
    if converts:
        yield ChangeType(live.name, live.type, wanted.type)
    if wanted.default is not None and (new_default or (converts and live.default is not None)):
        yield SetDefault(live.name, wanted.default)
    if wanted.nullable and not live.nullable:
        yield SetNullable(live.name, True)
    if notation.changes_extras and live.extra not in (wanted.extra, GENERATED):
        yield SetExtra(live.name, wanted.extra)
    if wanted.collation and live.collation != wanted.collation:
        yield SetCollation(live.name, wanted.charset, live.collation, wanted.collation)


def _expand_primary_key(
    live: Table, wanted: Table, target: Target, stale: frozenset[str], rest: list[Alteration], taken: set[str]
) -> Iterator[Alteration]:
    """Replace the primary key where that cannot fail; else only take away one that stands in the way."""
    have = live.primary_key
    want = wanted.primary_key
    if have is not None and want is not None and folded(have.columns) == folded(want.columns):
        return
    if have is None and want is None:
        return
    if have is not None:
        obsolete = of_key(live.name, folded(have.columns)) in target.older or bool(folded(have.columns) & stale)
        if want is None and not obsolete:
            return
        if have.name:
            yield DropConstraint(have.name)
    if want is not None and _cannot_collide(live, want, rest):
        rest.append(AddPrimaryKey(_free_key(want, _without(taken, have))))


def _cannot_collide(live: Table, want: PrimaryKey, rest: Sequence[Alteration]) -> bool:
    """A key is safe when a narrower one held before, or when a sequence fills a new column of it."""
    added = {fold(change.column.name): change.column for change in rest if isinstance(change, AddColumn)}
    for name in want.columns:
        column = live.column(name) or added[fold(name)]
        if column.nullable:
            return False
    columns = folded(want.columns)
    if any(key <= columns for key in live.unique_keys()):
        return True
    return any(_numbers_itself(added[name]) for name in columns & added.keys())


def _numbers_itself(column: Column) -> bool:
    return (column.default or "").startswith("nextval(") or column.extra == AUTO_INCREMENT


def _stale_uniques(live: Table, target: Target) -> list[Unique]:
    return [unique for unique in live.unique if of_key(live.name, folded(unique.columns)) in target.older]


def _stale_unique_indexes(live: Table, target: Target) -> list[Index]:
    return [
        index
        for index in live.indexes
        if is_plain_unique(index) and of_key(live.name, folded(index.columns)) in target.older
    ]


def _contract_table(
    schema: Schema, live: Table, wanted: Table, target: Target, notation: Notation, taken: set[str]
) -> list[Change]:
    drops: list[Alteration] = []
    rest: list[Alteration] = []
    narrow: list[Change] = []
    for column in wanted.columns:
        found = live.column(column.name)
        if found is None:
            continue
        rest += [change for change in _expand_column(found, column, notation) if not isinstance(change, ChangeType)]
        if found.nullable and not column.nullable:
            rest.append(SetNullable(found.name, False))
        shorter = found.type != column.type and notation.fits_shorter(found.type, column.type)
        if shorter and found.type in target.widths.get(of_column(live.name, column.name), ()):
            narrow.append(Narrow(live.name, found.name, found.type, column.type))
    have, want = live.primary_key, wanted.primary_key
    held = set(live.unique_keys())
    if want is not None and (have is None or folded(have.columns) != folded(want.columns)):
        if have is not None and have.name:
            drops.append(DropConstraint(have.name))
            held.discard(folded(have.columns))
        rest.append(AddPrimaryKey(_free_key(want, _without(taken, have))))
    elif want is None and have is not None and have.name and of_key(live.name, folded(have.columns)) in target.older:
        drops.append(DropConstraint(have.name))
    drops += [DropConstraint(unique.name) for unique in _stale_uniques(live, target) if unique.name]
    rest += [AddUnique(_free_unique(key, taken)) for key in wanted.unique if folded(key.columns) not in held]
    gone = {each.name for each in drops if isinstance(each, DropConstraint)}
    changes: list[Change] = []
    if notation.links_need_indexes:
        changes += indexes_for_links(schema, live, wanted, gone, rest)
    if drops or rest:
        changes.append(AlterTable(live.name, (*drops, *rest)))
    return changes + narrow


def _contract_indexes(live: Table, wanted: Table, target: Target, taken: set[str]) -> list[Change]:
    """Old indexes go here and not at commit: they cost the new release on every write, and no data is lost."""
    have = set(identities_of(live))
    old = [
        index
        for index in live.indexes
        if (
            index.name
            and (of_key(live.name, folded(index.columns)) if is_plain_unique(index) else of_index(live.name, index))
            in target.older
        )
        or (stands_in(index) and of_index(live.name, index) not in set(identities_of(wanted)))
    ]
    changes: list[Change] = [DropIndex(live.name, index.name or "") for index in old]
    freed = taken - {fold(index.name or "") for index in old}
    for index in wanted.indexes:
        identity = of_key(live.name, folded(index.columns)) if is_plain_unique(index) else of_index(live.name, index)
        if identity not in have:
            free = index.name is not None and fold(index.name) not in freed
            changes.append(CreateIndex(live.name, index if free else replace(index, name=None)))
    return changes


def _old_foreign_keys(live: Table, target: Target) -> list[Change]:
    """Those that no release wants any more; of a table that none wants, those that lead to tables in use."""
    if of_table(live.name) in target.older:
        old = [key for key in live.foreign_keys if of_table(key.ref_table) not in target.older]
    else:
        old = [key for key in live.foreign_keys if of_foreign_key(live.name, key) in target.older]
    gone = tuple(DropConstraint(key.name) for key in old if key.name)
    return [AlterTable(live.name, gone)] if gone else []


def _contract_foreign_keys(live: Table, wanted: Table, names: set[str]) -> list[Change]:
    """``names`` are those of all foreign keys of the database."""
    have = {of_foreign_key(live.name, key): key for key in live.foreign_keys}
    drops: list[Alteration] = []
    adds: list[Alteration] = []
    for key in wanted.foreign_keys:
        found = have.get(of_foreign_key(live.name, key))
        if found is not None:
            if (found.on_delete, found.on_update) == (key.on_delete, key.on_update):
                continue
            if found.name:
                drops.append(DropConstraint(found.name))
                names = names - {fold(found.name)}
        free = key.name is not None and fold(key.name) not in names
        adds.append(AddForeignKey(key if free else replace(key, name=None)))
    return [AlterTable(live.name, (*drops, *adds))] if drops or adds else []


def _contract_programs(live: Schema, target: Target) -> list[Change]:
    functions = {fold(function.name) for function in live.functions}
    changes: list[Change] = [
        CreateFunction(function) for function in target.wanted.functions if fold(function.name) not in functions
    ]
    have = {of_trigger(trigger.table, trigger.name): trigger for trigger in live.triggers}
    for trigger in target.wanted.triggers:
        found = have.get(of_trigger(trigger.table, trigger.name))
        if found is None or found.timing != trigger.timing:
            changes += [DropTrigger(found)] if found is not None else []
            changes.append(CreateTrigger(trigger))
    return changes


def _free_key(key: PrimaryKey, taken: set[str]) -> PrimaryKey:
    return replace(key, name=None) if key.name is not None and fold(key.name) in taken else key


def _free_unique(key: Unique, taken: set[str]) -> Unique:
    return replace(key, name=None) if key.name is not None and fold(key.name) in taken else key


def _without(taken: set[str], key: PrimaryKey | None) -> set[str]:
    return taken - {fold(key.name)} if key is not None and key.name else taken


def _relation_names(schema: Schema) -> set[str]:
    """Names that a new table, key or index cannot have; a change without a name leaves the choice to the server."""
    names = {fold(name) for name in (*schema.tables, *schema.sequences)}
    for table in schema.tables.values():
        owners = (table.primary_key, *table.unique, *table.indexes)
        names |= {fold(owner.name) for owner in owners if owner is not None and owner.name}
    return names


def _children_first(tables: Sequence[Table]) -> list[Table]:
    """Tables in an order in which each can be dropped before those that it refers to."""
    waiting: Mapping[str, Table] = {table.name: table for table in tables}
    order: list[Table] = []
    while waiting:
        referred = {
            fold(key.ref_table)
            for table in waiting.values()
            for key in table.foreign_keys
            if fold(key.ref_table) != fold(table.name)
        }
        free = [table for table in waiting.values() if fold(table.name) not in referred] or list(waiting.values())
        order += free
        waiting = {name: table for name, table in waiting.items() if table not in free}
    return order
