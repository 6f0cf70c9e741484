"""Rules about the databases: rows and shapes that the target's schema would refuse."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.engine import Phase
from apim_upgrade.releases import part_of
from apim_upgrade.schema import lost_to_views

_ONES = {
    "repair": (Severity.INFO, Repair.AUTOMATIC),
    "quarantine": (Severity.MINOR, Repair.AUTOMATIC),
    "stop": (Severity.BLOCKER, Repair.MANUAL),
}
"""By what becomes of the rows: the severity, and who mends them."""


@rule(
    "DB001",
    Severity.BLOCKER,
    title="rows that a new unique key would refuse",
    problems=(
        "db-dup-any-new-unique",
        "db-dup-um-permission",
        "db-um-hybrid-user-role-unique",
        "db-dup-oauth2-scope",
        "db-dup-sp-app-my-account",
    ),
)
def doubles(subject: Subject) -> Iterator[Finding]:
    """
    What: The target keeps columns unique that are not unique yet, and some rows have the same values there.

    Why: The key cannot be made while they are there. The server of the target relies on it.

    How found: Every unique key, primary key and unique index that the target has and the database has not is tried
    with one grouping query.

    How to mend: What the finding says: some doubles are merged by the upgrade, some are moved to a quarantine table; of
    all others delete all but one in the old release, after a look at which of them is used.
    """
    yield from _violations(subject, "key")


@rule(
    "DB002",
    Severity.BLOCKER,
    title="rows that refer to nothing, against a new foreign key",
    problems=("db-dup-any-new-unique",),
)
def orphans(subject: Subject) -> Iterator[Finding]:
    """
    What: The target brings a foreign key, and some rows refer to rows that do not exist.

    Why: The foreign key cannot be made while they are there.

    How found: Every foreign key that the target has and the database has not is tried with one anti-join.

    How to mend: Rows that are moved to a quarantine table need nothing; look through them after the upgrade. Others
    have to be deleted, or what they refer to brought back, in the old release.
    """
    yield from _violations(subject, "foreign key")


@rule(
    "DB003",
    Severity.BLOCKER,
    title="rows without a value that becomes mandatory",
    problems=("db-dup-any-new-unique", "db-gw-env-mode-not-null"),
)
def missing_values(subject: Subject) -> Iterator[Finding]:
    """
    What: The target makes a column NOT NULL, and some rows have no value there.

    Why: The column cannot be made mandatory while they are there.

    How found: Every column that is mandatory in the target and not in the database is searched for NULL.

    How to mend: What the finding says: some are filled by the upgrade; give all others their value in the old release.
    """
    yield from _violations(subject, "not null")


@rule("DB004", Severity.BLOCKER, title="view that keeps a column from its new type")
def views_in_the_way(subject: Subject) -> Iterator[Finding]:
    """
    What: A view that is not the product's reads a column whose type changes with the target.

    Why: The DBMS refuses to change the type of a column that a view reads.

    How found: Columns that views read are compared with the columns that change.

    How to mend: Drop the view before the upgrade and make it again after it.
    """
    yield from _violations(subject, "type")


@rule("DB005", Severity.MAJOR, title="view that reads what the target has not")
def views_left_behind(subject: Subject) -> Iterator[Finding]:
    """
    What: A view that is not the product's reads a column that the upgrade renames or that `commit` drops.

    Why: On MySQL and MariaDB the change is made, and from then on whoever reads the view gets error 1356; mysqldump and
    mariadb-dump stop at such a view as well. On PostgreSQL a view follows a column to its new name, but `commit` stops,
    because the column cannot be dropped under it.

    How found: The columns that views read (on MySQL read off their texts, those of other databases too) are looked up
    among the changes of the whole upgrade. Views whose text the user may not see (SHOW VIEW) are not looked at.

    How to mend: Drop the view before the phase that the finding names, and make it again after it, with the new name or
    without the column.
    """
    for name, session in subject.sessions.items():
        subject.saw("tables", len(subject.live[name].tables))
        part = part_of(name, subject.sessions)
        for lost in lost_to_views(session, subject.kind, subject.live[name], subject.target, part):
            column = f"{lost.table.upper()}.{lost.column.upper()}"
            when = "`commit`" if lost.phase is Phase.COMMIT else "the upgrade"
            yield Finding(
                f"View {lost.view} reads {column}, which {when} "
                + (f"renames to {lost.after.upper()}." if lost.after else "drops."),
                f"Drop view {lost.view} before {when} and make it again after it, "
                + (f"with {lost.after.upper()}." if lost.after else "without the column."),
                Row(name, lost.table.upper(), lost.column.upper(), key=lost.view),
            )


def _violations(subject: Subject, about: str) -> Iterator[Finding]:
    subject.saw("tables", sum(len(schema.tables) for schema in subject.live.values()))
    for violation in subject.violations:
        if violation.about != about:
            continue
        severity, repair = _ONES[violation.remedy]
        such = f", such as {'; '.join(violation.sample)}" if violation.sample else ""
        many = f"{violation.count:,} rows of " if violation.count else ""
        yield Finding(
            f"{many}{violation.table.upper()} against {violation.constraint}{such}.",
            violation.advice,
            Row(violation.database, violation.table.upper(), key=violation.constraint),
            severity=severity,
            repair=repair,
        )
