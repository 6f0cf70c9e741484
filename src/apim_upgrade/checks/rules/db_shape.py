"""Rules about the shape of the schemas, DB020 to DB029: what is not as the release's own scripts make it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release, Schema, catalogue, part_of
from apim_upgrade.releases.model import Table, fold, folded
from apim_upgrade.schema import Deviation, Standing, compare, target_of

_SHOWN = 6


@rule(
    "DB020",
    Severity.INFO,
    title="tables, columns or keys of this release that are missing",
    repair=Repair.AUTOMATIC,
    problems=(
        "db-script-typos",
        "db-is-consented-missing",
        "comments-table-changed",
        "db-oracle-missing-pk-comments",
    ),
)
def objects_missing(subject: Subject) -> Iterator[Finding]:
    """
    What: The schema lacks something that the scripts of its release make.

    Why: Databases that were upgraded before, with scripts that had gaps, drag them along until a later script or
    server trips over them. This tool compares with what the target wants, not with what ought to be there, so gaps of
    the past are closed by the way.

    How found: The live schema is compared with the catalogue of its release: tables, columns, keys, foreign keys.
    Missing indexes of the registry are another rule (REG003).

    How to mend: Nothing has to be done: the upgrade makes what the target has. What a missing key has let in is told by
    DB001, DB002 and DB003. If much is missing, see whether the old server still works.
    """
    for name, deviations in _deviations(subject).items():
        missing = [each for each in deviations if each.standing is Standing.MISSING and each.what not in _LESSER]
        if missing:
            yield _told(name, missing, "are missing of what {release} has", subject.source)


_LESSER = ("index", "sequence", "function", "trigger")


@rule(
    "DB021",
    Severity.INFO,
    title="tables and columns of later releases that are there already",
    repair=Repair.AUTOMATIC,
    problems=("proc-scripts-not-idempotent",),
)
def objects_ahead(subject: Subject) -> Iterator[Finding]:
    """
    What: The schema has tables, columns or keys that only later releases know.

    Why: Packs at a recent update level bring some early, and a broken-off upgrade leaves some behind. The vendor's
    scripts stop there with "already exists". This tool makes only what is not there.

    How found: The live schema is compared with the catalogues of all releases.

    How to mend: Nothing has to be done.
    """
    for name, deviations in _deviations(subject).items():
        early = [each for each in deviations if each.standing is Standing.EARLY]
        if early:
            yield _told(name, early, "are of releases after {release}", subject.source)


@rule(
    "DB022",
    Severity.INFO,
    title="constraints with names of their own",
    repair=Repair.AUTOMATIC,
    problems=("proc-constraint-names-differ",),
)
def names_differ(subject: Subject) -> Iterator[Finding]:
    """
    What: Keys and foreign keys do what those of the stock schema do, but have other names.

    Why: Names are chosen by the server and depend on how a database came about. Scripts that drop a constraint by name
    fail, or leave the old rule in force. This tool finds constraints by their columns.

    How found: Constraints of the same columns as in the catalogue of the release, with another name.

    How to mend: Nothing has to be done; scripts of your own that use names should be looked at.
    """
    for name, live in subject.live.items():
        stock = _catalogue(subject, subject.source, name)
        subject.saw("tables", len(live.tables))
        other = [
            f"{table.name.upper()} {have} instead of {want}"
            for table in live.tables.values()
            for have, want in _renamed(table, stock.table(table.name))
        ]
        if other:
            yield Finding(
                f"{len(other)} constraints of {name} have other names than in the stock schema: {_some(other)}.",
                place=Row(name, other[0].partition(" ")[0]),
                item=name,
            )


def _renamed(live: Table, stock: Table | None) -> Iterator[tuple[str, str]]:
    if stock is None:
        return
    wanted: dict[frozenset[str], list[str]] = {}  # MySQL's stock schema keeps some columns unique twice
    for unique in stock.unique:
        wanted.setdefault(folded(unique.columns), []).append(unique.name or "")
    wanted_links = {(folded(key.columns), fold(key.ref_table)): key.name for key in stock.foreign_keys}
    for unique in live.unique:
        names = wanted.get(folded(unique.columns), [])
        if unique.name and names and all(names) and fold(unique.name) not in map(fold, names):
            yield unique.name, names[0]
    for key in live.foreign_keys:
        name = wanted_links.get((folded(key.columns), fold(key.ref_table)))
        if name and key.name and fold(name) != fold(key.name):
            yield key.name, name


@rule(
    "DB023",
    Severity.MAJOR,
    title="column of another type than the release has",
    problems=("db-oracle-artifact-type", "db-artifact-blob-too-small"),
)
def types_differ(subject: Subject) -> Iterator[Finding]:
    """
    What: A column has another type than the scripts of the release give it.

    Why: Where a value does not fit (an artifact in a column for 64 KB) or has another form (text where bytes are
    wanted), servers and gateways fail when they read or write it. Wider columns do no harm.

    How found: The type of every column is compared with the catalogue of the release. A type that takes everything the
    stock one does is told as information.

    How to mend: Rehearse the upgrade on copies: it changes the column to the target's type, and stops there when the
    server cannot change a value. Then change the type in the old release.
    """
    for name, deviations in _deviations(subject).items():
        columns = [each for each in deviations if each.what == "column" and each.live and _is_type(each)]
        wider = [each for each in columns if each.standing is Standing.WIDER]
        for each in columns:
            if each.standing is Standing.DIFFERENT:
                table, _, column = each.name.partition(".")
                yield Finding(
                    f"{each.name.upper()} is {each.live}, in the stock schema {each.wanted}.",
                    place=Row(name, table.upper(), column.upper()),
                )
        if wider:
            yield Finding(
                f"{len(wider)} columns of {name} are wider than in the stock schema: "
                f"{_some(f'{each.name.upper()} {each.live}' for each in wider)}.",
                "Nothing has to be done; they stay as wide as they are.",
                item=f"{name}: wider",
                severity=Severity.INFO,
                repair=Repair.AUTOMATIC,
            )


def _is_type(deviation: Deviation) -> bool:
    return deviation.wanted not in ("NULL", "NOT NULL", "no default") and not deviation.wanted.startswith("DEFAULT ")


@rule(
    "DB024",
    Severity.BLOCKER,
    title="foreign key between columns of different types",
    problems=("db-mssql-fk-length",),
)
def unequal_ends(subject: Subject) -> Iterator[Finding]:
    """
    What: The target has a foreign key, and the columns at its two ends have different types in the database.

    Why: SQL Server refuses such a key (AM_API_REVISION_METADATA against AM_REVISION is known for it). Others accept
    different lengths, but not different kinds of type; MySQL wants the same character set and collation as well.

    How found: For every foreign key of the target the live types of both ends are compared, where both columns are
    there already. Where the DBMS is indifferent to the length, only different kinds of type count.

    How to mend: Rehearse the upgrade on copies: it gives both columns the target's type. Where views or other keys hold
    a column, change it in the old release.
    """
    exact = subject.kind == "mssql"
    for name, live in subject.live.items():
        for table in _catalogue(subject, subject.target, name).tables.values():
            for key in table.foreign_keys:
                subject.saw("foreign keys")
                for column, ref in zip(key.columns, key.ref_columns, strict=True):
                    here, there = _type(live, table.name, column), _type(live, key.ref_table, ref)
                    if here and there and (here != there if exact else _family(here) != _family(there)):
                        yield Finding(
                            f"{table.name.upper()}.{column.upper()} is {here}, {key.ref_table.upper()}.{ref.upper()}, "
                            f"which it refers to, is {there}.",
                            place=Row(name, table.name.upper(), column.upper()),
                            severity=Severity.MAJOR,
                        )
                    sets = _collation(live, table.name, column), _collation(live, key.ref_table, ref)
                    if subject.kind == "mysql" and all(sets) and len(set(sets)) > 1:
                        yield Finding(
                            f"{table.name.upper()}.{column.upper()} has the collation {sets[0]}, "
                            f"{key.ref_table.upper()}.{ref.upper()}, which it refers to, has {sets[1]}.",
                            "Give both columns one collation in the old database: MODIFY one of them.",
                            place=Row(name, table.name.upper(), column.upper()),
                        )


def _collation(schema: Schema, table: str, column: str) -> str:
    found = schema.table(table)
    described = found.column(column) if found else None
    return described.collation if described else ""


def _type(schema: Schema, table: str, column: str) -> str:
    found = schema.table(table)
    described = found.column(column) if found else None
    return described.type if described else ""


def _family(type_: str) -> str:
    """A type without its length; whole numbers of all sizes and texts of all lengths are one family each."""
    name = type_.partition("(")[0].strip().lower()
    if name in ("integer", "bigint", "smallint"):
        return "whole number"
    return "text" if name in ("character varying", "text", "character") else name


@rule(
    "DB025",
    Severity.INFO,
    title="rule of an older release that is enforced more than once",
    repair=Repair.AUTOMATIC,
    problems=("db-um-hybrid-role-unique-v7", "proc-constraint-names-differ"),
)
def rules_enforced_twice(subject: Subject) -> Iterator[Finding]:
    """
    What: Several constraints or unique indexes keep the same columns unique.

    Why: A script that drops one of them by its name leaves the others, and the old rule stays in force: rows that the
    target allows (a role name for two audiences) are refused. This tool drops all of them by their columns.

    How found: Unique constraints and unique indexes of one table over the same columns, more than the stock schema of
    the release has.

    How to mend: Nothing has to be done.
    """
    for name, live in subject.live.items():
        subject.saw("tables", len(live.tables))
        stock = _catalogue(subject, subject.source, name)
        for table in live.tables.values():
            usual = _enforcements(stock.table(table.name))
            for columns, number in _enforcements(table).items():
                if number > max(usual[columns], 1):
                    listed = ", ".join(sorted(columns)).upper()
                    yield Finding(
                        f"{table.name.upper()} ({listed}) is kept unique by {number} constraints and indexes.",
                        place=Row(name, table.name.upper(), key=listed),
                    )


def _enforcements(table: Table | None) -> Counter[frozenset[str]]:
    return Counter(table.unique_keys()) if table else Counter()


@rule(
    "DB026",
    Severity.INFO,
    title="changes of the schema for which the vendor publishes no script",
    repair=Repair.AUTOMATIC,
    source_since="4.2.0",
    problems=("proc-no-public-ddl-scripts", "proc-zero-data-migration-claim"),
)
def no_public_scripts(subject: Subject) -> Iterator[Finding]:
    """
    What: From 4.2.0 on the vendor says that no data is to be migrated. The schema does change between these releases.

    Why: Who installs the target over the old databases finds columns missing while the server runs. Scripts are given
    to customers with a subscription only.

    How found: The catalogues of both releases are compared.

    How to mend: Nothing has to be done: the upgrade makes these changes and fills the new columns. Configuration, the
    search index and, from 4.5.0, the distributions have to be seen to by hand.
    """
    for name in subject.live:
        before = _catalogue(subject, subject.source, name)
        after = _catalogue(subject, subject.target, name)
        subject.saw("tables", len(after.tables))
        tables = [table.name.upper() for table in after.tables.values() if before.table(table.name) is None]
        columns = [
            f"{table.name.upper()}.{column.name.upper()}"
            for table in after.tables.values()
            if (old := before.table(table.name)) is not None
            for column in table.columns
            if old.column(column.name) is None
        ]
        if tables or columns:
            yield Finding(
                f"{subject.target} has {len(tables)} tables and {len(columns)} columns more in {name} than "
                f"{subject.source}: {_some([*tables, *columns])}.",
                item=name,
            )


@rule(
    "DB027",
    Severity.MINOR,
    title="constraint or index that the server does not rely on",
    kinds=("postgresql",),
)
def not_relied_on(subject: Subject) -> Iterator[Finding]:
    """
    What: A constraint was never validated (NOT VALID), or an index is invalid.

    Why: The server does not use such an index, and rows may be there that break the constraint. The upgrade takes the
    index as missing and makes it anew, under another name where its own is taken.

    How found: The server's own marks on constraints and indexes.

    How to mend: ALTER TABLE … VALIDATE CONSTRAINT …, or REINDEX INDEX …, in the old database.
    """
    for name, session in subject.sessions.items():
        subject.saw("tables", len(subject.live[name].tables))
        for row in session.all(_INVALID):
            yield Finding(
                f"{row.kind} {row.name} of {row.relation.upper()} in {name} is not valid.",
                place=Row(name, row.relation.upper(), key=row.name),
            )


_INVALID = """
SELECT 'Constraint' AS kind, k.conname AS name, c.relname AS relation FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
WHERE NOT k.convalidated AND c.relnamespace::regnamespace::text = ANY (current_schemas(false))
UNION ALL
SELECT 'Index', i.relname, c.relname FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE NOT x.indisvalid AND c.relnamespace::regnamespace::text = ANY (current_schemas(false)) ORDER BY 3, 2"""


@rule(
    "DB028",
    Severity.MAJOR,
    title="database whose schema is of another release than it is taken for",
    problems=("proc-target-started-on-old-schema", "proc-prevalidation-unsupported-source"),
)
def other_release(subject: Subject) -> Iterator[Finding]:
    """
    What: The schema of a database looks like another release's than `source` of upgrade.toml says, or the two databases
    are of different releases.

    Why: An upgrade was broken off, or a server of another release was started on old databases and has written
    half-made rows. What the upgrade takes for granted may not be true.

    How found: The release is read off the whole schema of each database. Where it cannot be told, or the release is
    older than this tool upgrades, the check refuses to begin; this rule tells what an operator has overruled.

    How to mend: Finish the broken-off upgrade, or restore the databases of one moment. If they are right as they are,
    accept the finding in the baseline and rehearse with care.
    """
    for database in subject.estate.databases:
        subject.saw("databases")
        if database.releases and str(subject.source) not in database.releases:
            ends = dict.fromkeys((database.releases[0], database.releases[-1]))
            yield Finding(
                f"Database {database.name} has the schema of {' to '.join(ends)}, and is taken for {subject.source}.",
                item=database.name,
            )


def _deviations(subject: Subject) -> dict[str, tuple[Deviation, ...]]:
    """What of each database is not as the stock scripts of its release make it."""
    found = {}
    for name, live in subject.live.items():
        subject.saw("tables", len(live.tables))
        found[name] = compare(live, target_of(subject.kind, subject.source, part_of(name, subject.sessions))).deviations
    return found


def _catalogue(subject: Subject, release: Release, name: str) -> Schema:
    """What a release has of the tables that one of the estate's databases holds."""
    return catalogue(subject.kind, release, part_of(name, subject.sessions))


def _told(name: str, deviations: list[Deviation], what: str, release: Release) -> Finding:
    tables = len({each.name.partition(".")[0].partition(" ")[0] for each in deviations})
    return Finding(
        f"{len(deviations)} objects of {tables} tables of {name} {what.format(release=release)}: "
        f"{_some(f'{each.what} {each.name.upper()}' for each in deviations)}.",
        place=Row(name, deviations[0].name.partition(".")[0].partition(" ")[0].upper()),
        item=name,
    )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else "")
