"""Rules about what deployment.toml says of databases, nodes and the index, CFG003, CFG004 and CFG008."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.knowledge import release_facts

_DISTRIBUTIONS = Release(4, 5, 0)
"""From here on a distribution each takes the place of profiles."""

_POOL_KEYS = ("maxActive", "maxWait", "minIdle", "testOnBorrow", "validationInterval", "defaultAutoCommit")

_CARRIED = ("apim_db", "shared_db", "identity_db", "user", "config")


@rule(
    "CFG003",
    Severity.MAJOR,
    title="database settings that cannot work or have no effect",
    needs=("configuration",),
    problems=("db-pool-exhausted",),
)
def database_settings(subject: Subject) -> Iterator[Finding]:
    """
    What: A database of the product is an embedded one (H2), or settings of a pool stand where they are not read.

    Why: Embedded databases are not migrated, and files of H2 1.x cannot be read by 2.x. Pool settings directly under
    [database.x] are ignored: the pool keeps its default size.

    How found: The tables [database.*] of `check.configuration` and `check.target_configuration`.

    How to mend: Use a database server for apim_db and shared_db. Move pool settings to
    [database.x.pool_options].
    """
    for given in ("configuration", "target_configuration"):
        tables = setting(getattr(subject, given), "database", {}) if subject.given(given) else {}
        file = subject.file_name(given)
        for name, table in tables.items() if isinstance(tables, Mapping) else ():
            subject.saw("settings")
            if not isinstance(table, Mapping):
                continue
            if "h2" in (str(table.get("type", "")).lower(), *_scheme(table.get("url"))) and name in _CARRIED:
                yield Finding(
                    f"[database.{name}] in {file} is an embedded H2 database, which is not migrated.",
                    place=Spot(file, f"/database/{name}"),
                    item=f"{given}: {name}",
                )
            lost = [key for key in _POOL_KEYS if key in table]
            if lost:
                yield Finding(
                    f"{', '.join(lost)} directly under [database.{name}] in {file} have no effect.",
                    f"Move them to [database.{name}.pool_options].",
                    Spot(file, f"/database/{name}/{lost[0]}"),
                    item=f"{given}: {name} pool",
                    severity=Severity.MINOR,
                )


def _scheme(url: object) -> tuple[str, ...]:
    parts = str(url or "").lower().split(":")
    return (parts[1],) if len(parts) > 1 and parts[0] == "jdbc" else ()


@rule(
    "CFG004",
    Severity.MAJOR,
    title="role of a node that the target does not have",
    needs=("configuration",),
    problems=("proc-component-distributions-450", "proc-wrong-profile"),
)
def roles_of_nodes(subject: Subject) -> Iterator[Finding]:
    """
    What: server.server_role names a role that the target's packs do not know, or know only in another distribution.

    Why: From 4.5.0 on profiles are gone: control plane, gateway and traffic manager are packs of their own, whose files
    say `default`. A carried role switches functions off without a word. And only the control plane's databases are to
    be upgraded, once.

    How found: server.server_role of `check.configuration` and, where given, of `check.target_configuration`, against
    the profiles of the target.

    How to mend: Choose the distribution for each node and start from its own deployment.toml with server_role =
    "default"; the all-in-one pack keeps the old names. Run the upgrade once, against the databases.
    """
    profiles = release_facts()[subject.target].profiles
    for given in ("configuration", "target_configuration"):
        if not subject.given(given):
            continue
        subject.saw("settings")
        role = str(setting(getattr(subject, given), "server.server_role", "default"))
        file = subject.file_name(given)
        if role in ("default", "api-key-manager-node"):
            continue
        gone = subject.crosses(str(_DISTRIBUTIONS)) or (role.startswith("api-") and role not in profiles)
        if gone and (given == "target_configuration" or subject.source < subject.target):
            yield Finding(
                f"The node of {file} has the role {role}; {subject.target} has "
                f"{'a distribution of its own for it' if subject.target >= _DISTRIBUTIONS else 'no such role'}.",
                place=Spot(file, "/server/server_role"),
                item=f"{given}: {role}",
                severity=Severity.MINOR if given == "configuration" else None,
            )


@rule(
    "CFG008",
    Severity.MAJOR,
    title="search index that the target has to build anew",
    problems=("idx-old-solr-index", "idx-visible-organizations", "idx-solr-major"),
)
def index_built_anew(subject: Subject) -> Iterator[Finding]:
    """
    What: The portals list APIs from the search index alone, which is not in the databases.

    Why: A target with an old or an empty index lists no API, without an error. 4.5.0 and later also look for a property
    (visible organisations) that only indexing adds, and a later version of Solr cannot read older files.

    How found: [indexing] re_indexing in `check.target_configuration`: where it is missing that is major, where it is
    not above the old file's value minor. Without that file it is only told.

    How to mend: Start the target with an empty solr folder and with [indexing] re_indexing set to a number that this
    home has not used before (a time stamp always is). Wait until the portals list every API, then start the next node.
    """
    subject.saw("settings")
    if not subject.given("target_configuration"):
        yield Finding(
            f"{len(subject.apis):,} APIs appear in the portals of {subject.target} only when its index has been built.",
            item="index",
            severity=Severity.INFO,
        )
        return
    file = subject.file_name("target_configuration")
    value = setting(subject.target_configuration, "indexing.re_indexing")
    before = setting(subject.configuration, "indexing.re_indexing") if subject.given("configuration") else None
    if not str(value or "").isdigit():
        yield Finding(f"{file} has no number for [indexing] re_indexing.", place=Spot(file, "/indexing"), item="index")
    elif str(before or "").isdigit() and int(str(value)) <= int(str(before)):
        yield Finding(
            f"[indexing] re_indexing is {value} in {file}, not more than {before} in the old configuration.",
            "Raise it where the target is started in the old home; a new home may use any number.",
            Spot(file, "/indexing/re_indexing"),
            item="index",
            severity=Severity.MINOR,
        )
