"""
Rows that a coming constraint would refuse: found before anything changes, moved aside before the constraint comes.

A row is never dropped: it goes to ``apim_upgrade_quarantine_<table>``, a table of the same columns, together with the
rows that belong to it. Reading and moving are set-based, one statement a constraint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    TableClause,
    and_,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    table,
)

from apim_upgrade.engine import Phase, Session, Sql, Step
from apim_upgrade.engine.journal import PREFIX
from apim_upgrade.releases import Release, renames
from apim_upgrade.releases.knowledge import Remedy, remedy_for
from apim_upgrade.releases.model import GENERATED, ForeignKey, Schema, Table, fold, folded
from apim_upgrade.schema.alignment import contraction, expansion
from apim_upgrade.schema.changes import (
    AddForeignKey,
    AddPrimaryKey,
    AddUnique,
    AlterTable,
    ChangeType,
    CreateIndex,
    SetNullable,
    applied,
)
from apim_upgrade.schema.dialects import dialect_of, notation_of
from apim_upgrade.schema.known import Target, of_foreign_key, target_of

_SAMPLES = 5
_NAME_LENGTH = 63
Condition: TypeAlias = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Violation:
    """Rows of one table that one constraint of the target would refuse."""

    database: str
    table: str
    constraint: str
    """The constraint in words, such as ``unique key (tenant_id, role_name)``."""
    count: int
    """How many rows would have to go or change."""
    sample: tuple[str, ...]
    """Some of the offending keys."""
    about: str
    """``key``, ``foreign key``, ``not null`` or ``type``."""
    remedy: str
    """``repair`` (a data step mends them), ``quarantine`` (they are moved aside) or ``stop`` (a person decides)."""
    advice: str

    def sentence(self) -> str:
        """The violation in one sentence."""
        keys = f", such as {'; '.join(self.sample)}" if self.sample else ""
        return (
            f"{self.count} rows of {self.table} against {self.constraint}{keys}: {self.remedy}. {self.advice}".strip()
        )


@dataclass(frozen=True, slots=True)
class _Demand:
    """One constraint that the target brings and that rows may be against."""

    table: str
    about: str
    """``key``, ``foreign key`` or ``not null``."""
    columns: tuple[str, ...]
    foreign_key: ForeignKey | None = None
    prefix: tuple[tuple[str, int], ...] = ()
    """MySQL: of which columns only so many characters count."""

    def words(self) -> str:
        names = ", ".join(self.columns)
        match self.about:
            case "key":
                return f"unique key ({names})"
            case "foreign key":
                assert self.foreign_key is not None  # noqa: S101 - by construction
                return f"foreign key ({names}) to {self.foreign_key.ref_table}"
            case _:
                return f"NOT NULL of {names}"

    @property
    def remedy(self) -> Remedy:
        return remedy_for(self.table, self.about)


def violations(session: Session, kind: str, live: Schema, target: Release, database: str, part: str) -> list[Violation]:
    """
    Return the rows of a database, not yet changed, that the target's constraints would refuse.

    Also told, as ``stop``: views of the customer's that keep a column from getting its new type.
    """
    wanted = target_of(kind, target, part)
    plan = expansion(live, wanted)
    found = list(_blocking_views(session, kind, live, wanted, database))
    for demand in _demands(applied(live, plan.all_changes()), wanted):
        asked = _before_expand(demand, live)
        rows = _bad_rows(asked, live) if asked is not None else None
        if asked is None or rows is None:
            continue
        count, sample = _look(session, rows)
        if count:
            remedy = demand.remedy
            found.append(
                Violation(
                    database,
                    demand.table,
                    demand.words(),
                    count,
                    sample,
                    demand.about,
                    remedy.remedy,
                    remedy.advice,
                )
            )
    return found


def quarantine_steps(kind: str, live: Schema, source: Release, target: Release, database: str, part: str) -> list[Step]:
    """
    Return the steps that move away rows which the coming constraints would refuse; run them just before *contract*.

    ``live`` is the schema after the data steps, or the predicted one. Tables that the source does not have hold only
    what the data steps wrote and are left out.
    """
    wanted = target_of(kind, target, part)
    stock = target_of(kind, source, part).wanted
    demands = [
        demand
        for demand in _demands(live, wanted)
        if demand.remedy.remedy == "quarantine" and stock.table(demand.table) is not None
    ]
    order = {name: position for position, name in enumerate(_parents_first(wanted.wanted))}
    tables = sorted({demand.table for demand in demands}, key=lambda name: (order.get(name, 0), name))
    steps = [
        _quarantine(live, wanted, database, name, [demand for demand in demands if demand.table == name])
        for name in tables
    ]
    return _with_tables(kind, live, database, steps) if steps else []


def _with_tables(kind: str, live: Schema, database: str, steps: Sequence[Step]) -> list[Step]:
    """
    Every step makes its tables before it moves rows, and a last one drops the empty ones.

    Where DDL commits by itself it may come before the rows, not after: it would part them from their record. A step
    that is needed only after a crash between a key that went and one that comes has its tables, too.
    """
    notation = notation_of(kind)

    def ddl(statements: Iterable[str]) -> tuple[Sql, ...]:
        return tuple(Sql(statement, counts=False) for statement in statements)

    def with_tables(step: Step) -> Step:
        made = (sql for name in step.tables for sql in notation.like(quarantine_table(name), live.tables[name]))
        return replace(step, operations=(*ddl(made), *step.operations))

    sources = sorted({name for step in steps for name in step.tables})
    dropped = (sql for name in sources for sql in notation.drop_if_empty(quarantine_table(name)))
    title = "Drop those of these tables that nothing was moved to"
    end = Step(f"schema/{database}/quarantine/end", title, database, Phase.MIGRATE, ddl(dropped))
    return [*map(with_tables, steps), end]


def _demands(live: Schema, target: Target) -> Iterator[_Demand]:
    for group in contraction(live, target).values():
        for change in group:
            if isinstance(change, CreateIndex) and change.index.unique:
                yield _Demand(change.table, "key", change.index.columns, prefix=change.index.prefix)
            if not isinstance(change, AlterTable):
                continue
            for alteration in change.alterations:
                match alteration:
                    case AddPrimaryKey(key) | AddUnique(key):
                        yield _Demand(change.table, "key", key.columns, prefix=key.prefix)
                    case SetNullable(name, False):
                        yield _Demand(change.table, "not null", (name,))
                    case AddForeignKey(key):
                        yield from _foreign_key_demand(live, change.table, key)
                    case _:
                        pass


def _foreign_key_demand(live: Schema, name: str, key: ForeignKey) -> Iterator[_Demand]:
    """A foreign key whose rules alone change holds already."""
    held = {of_foreign_key(name, other) for other in live.tables[name].foreign_keys}
    if of_foreign_key(name, key) not in held:
        yield _Demand(name, "foreign key", key.columns, key)


def _before_expand(demand: _Demand, live: Schema) -> _Demand | None:
    """The same demand on the names that the columns have now; None where it cannot be broken or not be tested yet."""
    found = live.table(demand.table)
    if found is None:
        return None
    names = tuple(_present_name(found, name) for name in demand.columns)
    there = tuple(name for name in names if name is not None)
    if demand.about == "key":
        # A new column has one value for all rows or is filled later; what narrower keys held before stays held.
        whole = folded(there) - {fold(name) for name, _ in demand.prefix}
        safe = not there or len(there) < len(names) or any(key <= whole for key in found.unique_keys())
        return None if safe else _Demand(found.name, "key", there, prefix=demand.prefix)
    if len(there) < len(names):
        return None
    key = demand.foreign_key
    if key is None:
        return _Demand(found.name, demand.about, there)
    parent = live.table(key.ref_table)
    if parent is None or any(parent.column(name) is None for name in key.ref_columns):
        return None
    return _Demand(found.name, demand.about, there, key)


def _present_name(live: Table, name: str) -> str | None:
    found = live.column(name)
    for rename in renames():
        if found is None and fold(rename.table) == fold(live.name) and fold(rename.after) == fold(name):
            found = live.column(rename.before)
    return None if found is None else found.name


def _bad_rows(demand: _Demand, live: Schema) -> Select[Any]:
    """A query for the offending keys: columns, and last how many rows of this key are too many."""
    rows = _clause(live.tables[demand.table])
    columns = [_named(rows, name) for name in demand.columns]
    match demand.about:
        case "key":
            parts = [_counted(item, demand.prefix) for item in columns]
            counted = select(*parts, (func.count() - 1).label("surplus")).where(
                and_(*(item.is_not(None) for item in columns))
            )
            return counted.group_by(*parts).having(func.count() > 1)
        case "foreign key":
            assert demand.foreign_key is not None  # noqa: S101 - by construction
            orphan = _orphan(demand.foreign_key, demand.columns, live)(rows)
            return select(*columns, func.count().label("surplus")).where(orphan).group_by(*columns)
        case _:
            found = live.tables[demand.table].primary_key
            key = [_named(rows, name) for name in (found.columns if found else ())]
            return select(*key, literal(1).label("surplus")).where(columns[0].is_(None))


def _look(session: Session, rows: Select[Any]) -> tuple[int, tuple[str, ...]]:
    bad = rows.subquery()
    count = session.all(select(func.coalesce(func.sum(bad.c.surplus), 0)))[0][0]
    if not count:
        return 0, ()
    sample = session.all(select(*(item for item in bad.c if item.name != "surplus")).limit(_SAMPLES))
    return int(count), tuple(", ".join(str(value) for value in row) for row in sample if len(row))


def _orphan(key: ForeignKey, columns: Sequence[str], live: Schema) -> Condition:
    found = live.table(key.ref_table)
    assert found is not None  # noqa: S101 - checked by the callers

    def condition(rows: FromClause) -> ColumnElement[bool]:
        parent = _clause(found).alias()
        ends = zip(key.ref_columns, columns, strict=True)
        same = [_named(parent, ref) == _named(rows, name) for ref, name in ends]
        full = [_named(rows, name).is_not(None) for name in columns]
        return and_(*full, ~exists(select(literal(1)).select_from(parent).where(*same)))

    return condition


def _doubles(demand: _Demand, keep: str, live: Schema) -> Condition:
    """Every row but the one of its key with the lowest ``keep``."""

    def condition(rows: FromClause) -> ColumnElement[bool]:
        other = _clause(live.tables[demand.table]).alias()
        same = [
            _counted(_named(other, item), demand.prefix) == _counted(_named(rows, item), demand.prefix)
            for item in demand.columns
        ]
        lower = _named(other, keep) < _named(rows, keep)
        return exists(select(literal(1)).select_from(other).where(*same, lower))

    return condition


def _quarantine(live: Schema, wanted: Target, database: str, name: str, demands: Sequence[_Demand]) -> Step:
    conditions = [condition for demand in demands for condition in _conditions(demand, live)]

    def any_of(rows: FromClause) -> ColumnElement[bool]:
        return or_(*(condition(rows) for condition in conditions))

    words = "; ".join(demand.words() for demand in demands)
    moves = list(_moves(live, _links(live, wanted), name, any_of, frozenset()))
    return Step(
        f"schema/{database}/quarantine/{name}",
        f"{name}: move rows aside that {words} would refuse",
        database,
        Phase.MIGRATE,
        tuple(sql for _, sql in moves),
        tables=tuple(dict.fromkeys([name, *(source for source, _ in moves)])),
    )


def _conditions(demand: _Demand, live: Schema) -> Iterator[Condition]:
    if demand.foreign_key is not None:
        if live.table(demand.foreign_key.ref_table) is not None:
            yield _orphan(demand.foreign_key, demand.columns, live)
    elif demand.about == "key":
        yield _doubles(demand, demand.remedy.keep, live)
    else:
        yield lambda rows: or_(*(_named(rows, name).is_(None) for name in demand.columns))


def _links(live: Schema, wanted: Target) -> list[tuple[str, ForeignKey]]:
    """Every foreign key that holds or is to hold between tables that are there: (child, key)."""
    links: dict[object, tuple[str, ForeignKey]] = {}
    for schema in (live, wanted.wanted):
        for child in schema.tables.values():
            found = live.table(child.name)
            for key in child.foreign_keys:
                parent = live.table(key.ref_table)
                complete = (
                    found is not None
                    and parent is not None
                    and all(found.column(item) for item in key.columns)
                    and all(parent.column(item) for item in key.ref_columns)
                )
                if found is not None and complete and not child.name.startswith(PREFIX):
                    links.setdefault(of_foreign_key(child.name, key), (found.name, key))
    return list(links.values())


def _moves(
    live: Schema,
    links: Sequence[tuple[str, ForeignKey]],
    name: str,
    condition: Condition,
    above: frozenset[str],
) -> Iterator[tuple[str, Sql]]:
    """(table, statement): children first, whom a cascading foreign key would delete without trace."""
    for child, key in links:
        if fold(key.ref_table) == fold(name) and child not in above | {name}:
            yield from _moves(live, links, child, _of_parent(key, name, condition, live), above | {name})
    source = _clause(live.tables[name])
    aside = table(quarantine_table(name), *(column(item.name) for item in source.columns))
    names = [item.name for item in source.columns]
    what = f"what the target cannot hold of {name}"
    yield name, Sql(insert(aside).from_select(names, select(*source.columns).where(condition(source))), what)
    yield name, Sql(delete(source).where(_is_aside(live.tables[name], source, aside, condition)), counts=False)


def _is_aside(described: Table, source: TableClause, aside: TableClause, condition: Condition) -> ColumnElement[bool]:
    """The row has just been copied: told by its key, because MySQL deletes from no table that the condition reads."""
    if described.primary_key is None:
        return condition(source)
    same = [_named(aside, name) == _named(source, name) for name in described.primary_key.columns]
    return exists(select(literal(1)).select_from(aside).where(*same))


def _of_parent(key: ForeignKey, name: str, condition: Condition, live: Schema) -> Condition:
    def of_parent(rows: FromClause) -> ColumnElement[bool]:
        parent = _clause(live.tables[name]).alias()
        ends = zip(key.ref_columns, key.columns, strict=True)
        same = [_named(parent, ref) == _named(rows, item) for ref, item in ends]
        return exists(select(literal(1)).select_from(parent).where(*same, condition(parent)))

    return of_parent


def quarantine_table(name: str) -> str:
    """The table that rows of ``name`` are moved to."""
    return f"{PREFIX}quarantine_{fold(name)}"[:_NAME_LENGTH]


def _blocking_views(session: Session, kind: str, live: Schema, wanted: Target, database: str) -> Iterator[Violation]:
    dialect = dialect_of(kind)
    if not dialect.views_bind_columns:
        return
    changing = {
        (fold(change.table), fold(alteration.column))
        for change in expansion(live, wanted).all_changes()
        if isinstance(change, AlterTable)
        for alteration in change.alterations
        if isinstance(alteration, ChangeType)
    }
    for view, name, item in dialect.views(session):
        if (fold(name), fold(item)) in changing:
            yield Violation(
                database,
                name,
                f"the new type of {item}",
                0,
                (f"view {view}",),
                "type",
                "stop",
                f"Drop view {view} and make it again after the upgrade.",
            )


def _parents_first(schema: Schema) -> list[str]:
    order: list[str] = []
    waiting = dict(schema.tables)
    while waiting:
        free = [
            name
            for name, item in waiting.items()
            if not any(key.ref_table in waiting and key.ref_table != name for key in item.foreign_keys)
        ] or list(waiting)
        order += free
        waiting = {name: item for name, item in waiting.items() if name not in free}
    return order


def _clause(described: Table) -> TableClause:
    return table(described.name, *(column(item.name) for item in described.columns if item.extra != GENERATED))


def _counted(item: ColumnElement[Any], prefix: Sequence[tuple[str, int]]) -> ColumnElement[Any]:
    """What of a column a key tells apart."""
    sizes = {fold(name): size for name, size in prefix}
    name = str(getattr(item, "name", ""))
    return func.left(item, sizes[fold(name)]).label(name) if fold(name) in sizes else item


def _named(rows: FromClause, name: str) -> ColumnElement[Any]:
    """The column of a name in whatever case the database tells it."""
    return next(item for item in rows.c if fold(item.name) == fold(name))
