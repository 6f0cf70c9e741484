"""Rules about the registry."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.checks.model import Finding, Row, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.subject import Subject
from apim_upgrade.registry import PROVIDERS, provider_in_path
from apim_upgrade.releases import catalogue
from apim_upgrade.releases.model import Table, fold


@rule(
    "REG001",
    Severity.MAJOR,
    title="API without an artifact in the registry",
    problems=("reg-db-row-without-artifact",),
)
def api_without_artifact(subject: Subject) -> Iterator[Finding]:
    """
    What: AM_API has a row for an API or product, and the registry has no artifact of it.

    Why: The portals read an API from its artifact. Such an API cannot be opened, nor can the upgrade make a revision
    of it; gateways do not get it.

    How found: Every row of AM_API is looked up among the artifacts of all tenants: by UUID from 4.0.0 on, before by the
    path of provider, name and version. A row whose artifact is there under another UUID is told by API004.

    How to mend: Delete the row with what belongs to it in the old release, or bring the artifact back from a backup of
    the registry. An API that nobody needs may be accepted in the baseline; the upgrade leaves its rows as they are.
    """
    subject.saw("APIs", len(subject.apis))
    for api in subject.apis.rows_alone:
        yield Finding(
            f"{api}: AM_API has it, the registry has no artifact of it.",
            place=Row("am", "AM_API", key=f"API_ID={api.id}"),
            api=api,
        )


@rule(
    "REG002",
    Severity.MAJOR,
    title="artifact in the registry without a row in AM_API",
    problems=("reg-artifact-without-db-row", "proc-stop-at-first-error"),
)
def artifact_without_api(subject: Subject) -> Iterator[Finding]:
    """
    What: The registry has the artifact of an API or product, and AM_API has no row of it.

    Why: The portals list it and cannot open it; nobody can subscribe to it, and no gateway has it. The vendor's
    client stops at the first one; this tool leaves them as they are.

    How found: Artifacts of all tenants that no row of AM_API asked for (see REG001).

    How to mend: Delete the artifact in the old release's management console, or bring the row back from a backup.
    """
    apis = subject.apis
    subject.saw("API artifacts", len(apis.by_path) + len(apis.artifacts_alone) + len(apis.estranged))
    for api in apis.artifacts_alone:
        folder = f"{PROVIDERS}/{provider_in_path(api.provider)}/{api.name}/{api.version}"
        yield Finding(
            f"{api}: the registry has its artifact, AM_API no row of it.", place=Spot(f"{folder}/api"), api=api
        )


@rule(
    "REG003",
    Severity.MAJOR,
    title="index of the registry is missing",
    problems=("db-registry-indexes-missing",),
)
def registry_index_missing(subject: Subject) -> Iterator[Finding]:
    """
    What: A table of the registry lacks an index that the schema of this release has.

    Why: The portals and the upgrade look resources up by it. Without it every look-up reads the whole table, and an
    upgrade of minutes takes hours.

    How found: Indexes and keys of the REG_ tables are compared with the catalogue of the release, by their columns. An
    index that begins with the same columns does as well. Tables of fewer than 10,000 rows give a minor finding.

    How to mend: Make the index in the old database before the upgrade. Without it the upgrade still succeeds, and
    makes the index at its end.
    """
    stock = catalogue(subject.kind, subject.source, "shared")
    live = subject.live["shared"]
    for wanted in stock.tables.values():
        found = live.table(wanted.name)
        if found is None or not wanted.name.lower().startswith("reg_"):
            continue
        subject.saw("registry indexes", len(wanted.indexes))
        there = [_folded(columns) for columns in _searchable(found)]
        for columns in dict.fromkeys(_folded(index.columns) for index in wanted.indexes):
            if any(set(other[: len(columns)]) == set(columns) for other in there):
                continue
            name, names = wanted.name.upper(), ", ".join(columns).upper()
            yield Finding(
                f"{name} has no index over ({names}).",
                f"CREATE INDEX ON {wanted.name} ({names.lower()}); -- in the shared database",
                Row("shared", name, names),
                severity=Severity.MINOR if subject.rows_of("shared", wanted.name) < _SMALL else None,
            )


_SMALL = 10_000
"""A table of so few rows is read whole in no time."""


def _searchable(found: Table) -> Iterator[tuple[str, ...]]:
    """The columns of everything that a look-up can follow."""
    if found.primary_key is not None:
        yield found.primary_key.columns
    yield from (unique.columns for unique in found.unique)
    yield from (index.columns for index in found.indexes if not index.special)


def _folded(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the form in which they are compared, in their order."""
    return tuple(fold(name) for name in names)
