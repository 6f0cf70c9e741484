"""Rules about the database servers, DB010 to DB019: version, rights, room, connections, clocks, text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import DateTime, func, literal_column, select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import size
from apim_upgrade.checks.servers import servers
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.knowledge import release_facts
from apim_upgrade.tables.registry import LOG

_NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "oracle": "Oracle", "mssql": "SQL Server"}
"""A DBMS as the vendor's compatibility pages write it."""
_NUMBER = re.compile(r"\d+")
_SKEW = timedelta(minutes=1)
_OWN_CONNECTIONS = 6
"""What the tool itself opens at once at most: two databases, a lock and a worker each."""
_SPARE = 1.1
_POOL_ADVISED = 100
_DEFAULT_POOL = 50
"""What a data source of the product takes where its file says nothing."""


@rule(
    "DB010",
    Severity.MAJOR,
    title="version of the database server that the target was not tested with",
    problems=("proc-old-dbms-version",),
)
def server_not_tested(subject: Subject) -> Iterator[Finding]:
    """
    What: The version of the database server is not among those that the vendor tested the target with.

    Why: A server older than all of them may lack SQL or driver support that the product needs. A newer or another one
    usually works, but the vendor's support may ask for a tested one.

    How found: The server's own version is compared with the compatibility list of the target, or of the nearest
    earlier release whose list is known. Only a server older than every version on any list is a major finding; any
    other that is not listed is told as information.

    How to mend: Upgrade the database server first, on the old release, with its JDBC driver. Then upgrade API-M.
    """
    subject.saw("database servers", len(subject.estate.databases))
    name = _NAMES.get(subject.kind, subject.kind)
    known = [facts for release, facts in release_facts().items() if release <= subject.target]
    listed = next((facts for facts in reversed(known) if name in facts.dbms_tested), None)
    if listed is None:
        return
    oldest = min(_version(each) for facts in known for each in facts.dbms_tested.get(name, ()))
    whose = "" if listed.release == subject.target else f" (the list of {subject.target} is not known)"
    tested = listed.dbms_tested[name]
    for running in sorted({database.server for database in subject.estate.databases}):
        if "mariadb" in running.lower():
            yield from _mariadb(subject, running, listed.release, tested)
            continue
        version = _version(running)
        if any(version[:1] == _version(each)[:1] for each in tested):
            continue
        there = " and ".join(each.name for each in subject.estate.databases if each.server == running)
        yield Finding(
            f"The server of {there} is {name} {running}; {listed.release} was tested with {', '.join(tested)}{whose}.",
            "" if version < oldest else "Nothing has to be done; rehearse on a server of the same version.",
            item=there,
            severity=Severity.MAJOR if version < oldest else Severity.INFO,
        )


def _mariadb(subject: Subject, running: str, release: Release, tested: Sequence[str]) -> Iterator[Finding]:
    """MariaDB counts its versions apart, and is on no list; many run the product on it with MySQL's scripts."""
    there = " and ".join(each.name for each in subject.estate.databases if each.server == running)
    yield Finding(
        f"The server of {there} is MariaDB {running.partition('-')[0]}; {release} was tested with MySQL "
        f"{', '.join(tested)}.",
        "Nothing has to be done; rehearse on a server of the same version.",
        item=there,
        severity=Severity.INFO,
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(text.partition(" ")[0]))


@rule("DB011", Severity.MAJOR, title="right that the upgrade needs and the database user lacks")
def missing_rights(subject: Subject) -> Iterator[Finding]:
    """
    What: The user of the tool may not create databases, does not own tables of the product, or may not read some.

    Why: An upgrade side by side copies the databases on their server, which needs the right to create databases. An
    upgrade in place changes tables, which only their owner may do. A table that cannot be read can be neither copied
    nor checked.

    How found: The server is asked about the user's role, the owners of all tables, and the right to read them.

    How to mend: Let a DBA give the user of upgrade.toml what is missing. For a copy: the right to create databases (the
    finding has the statement) and GRANT SELECT; for an upgrade in place: membership in the role that owns the tables.
    """
    for name, server in servers(subject).items():
        if not server.may_create_databases:
            yield Finding(
                f"The user {server.user} may not create databases on the server of {name}, which copying needs.",
                f"{server.leave_to_create} -- as a DBA, or make the upgrade in place",
                item=f"{name}: CREATEDB",
            )
        foreign = sorted(table for table, facts in subject.facts[name].items() if not facts.owned)
        if foreign:
            yield Finding(
                f"{len(foreign)} tables of {name} belong to others than {server.user}: {_some(foreign)}.",
                "Grant the user membership in the role that owns them; a copy by dump and restore does without.",
                Row(name, foreign[0].upper()),
                item=f"{name}: ownership",
                severity=None if not server.may_create_databases else Severity.MINOR,
            )
        if server.unreadable:
            yield Finding(
                f"The user {server.user} may not read {len(server.unreadable)} tables of {name}: "
                f"{_some(server.unreadable)}.",
                f'GRANT SELECT ON ALL TABLES IN SCHEMA … TO "{server.user}"; -- as their owner',
                Row(name, server.unreadable[0].upper()),
                item=f"{name}: SELECT",
            )


@rule(
    "DB012",
    Severity.INFO,
    title="extension that only the vendor's scripts need",
    repair=Repair.AUTOMATIC,
    since="4.1.0",
    kinds=("postgresql",),
    problems=("db-pg-superuser",),
)
def vendors_extension(subject: Subject) -> Iterator[Finding]:
    """
    What: The extension uuid-ossp is not there, and the user may not create it.

    Why: The vendor's scripts generate identifiers with it and fail without. This tool makes all identifiers itself
    and needs no extension, so a managed database without that right can be upgraded.

    How found: The server's list of extensions, and the user's right to create one in this database.

    How to mend: Nothing has to be done. Only who wants to run the vendor's scripts has to ask a DBA for it.
    """
    for name, server in servers(subject).items():
        if "uuid-ossp" not in server.extensions and not server.may_create_extensions:
            yield Finding(
                f"Database {name} has no uuid-ossp, and {server.user} may not create it; this tool does without.",
                item=name,
            )


@rule("DB013", Severity.MAJOR, title="database server that takes no changes")
def server_takes_no_changes(subject: Subject) -> Iterator[Finding]:
    """
    What: The server is a standby, or transactions of this user are read only by default.

    Why: A check may look at a standby. An upgrade cannot: neither copies nor changes can be made there.

    How found: The server is asked whether it replays another one's log, and for default_transaction_read_only.

    How to mend: Name the primary server in upgrade.toml before `run`, and take read-only mode off the user.
    """
    for name, server in servers(subject).items():
        if server.standby or server.read_only:
            state = "on a standby server" if server.standby else f"read only for {server.user} by default"
            yield Finding(f"Database {name} is {state}.", item=name)


@rule("DB014", Severity.MAJOR, title="room on the disk for copies of the databases")
def room_for_copies(subject: Subject) -> Iterator[Finding]:
    """
    What: How much room the copies of an upgrade side by side take, and whether the disk has it.

    Why: When the disk of a database server fills up, every database on it stops, the production one as well.

    How found: The sizes that the server reports, and a tenth for what the upgrade adds. The free room is only known
    when server and tool are on one machine and the data folder can be seen; then too little room is a major finding.

    How to mend: Make room on the disk of the database server, or upgrade a copy on another server. Old tokens and
    sessions are often the largest part; see DB030 and DB031.
    """
    there = servers(subject)
    needed = int(sum(server.size for server in there.values()) * _SPARE)
    known = [server.free for server in there.values() if server.free is not None]
    free = min(known, default=None)
    if free is not None and free < needed:
        yield Finding(
            f"Copies of the databases take about {size(needed)}; the server's disk has {size(free)} left.",
            item="disk",
        )
    elif free is None:
        yield Finding(
            f"Copies of the databases take about {size(needed)} on their server; its free room cannot be seen from "
            "here.",
            "See that the server's disk has it.",
            item="disk",
            severity=Severity.INFO,
        )


@rule(
    "DB015",
    Severity.MAJOR,
    title="connections to the database server that will not suffice",
    problems=("db-pool-exhausted",),
)
def connections_do_not_suffice(subject: Subject) -> Iterator[Finding]:
    """
    What: The server has hardly a connection left, or the pools of deployment.toml may ask for more than it gives, or
    are small for an estate of this size.

    Why: Without a connection the upgrade stops. After it, the first start and the indexing of all APIs load the
    databases more than usual: a server with a small pool then waits and fails.

    How found: Connections in use are compared with the server's limit. With `check.configuration` or
    `check.target_configuration` the maxActive of the pools of apim_db and shared_db are added up and compared as well;
    more than 200 APIs with pools below 100 are told.

    How to mend: Raise max_connections of the database server or close sessions; for the first start raise
    pool_options.maxActive to 100 or more and maxWait to 60000. The pools may be set back afterwards.
    """
    there = servers(subject)
    pools = _pools(subject)
    for name, server in there.items():
        left = server.connection_limit - server.connections
        if left < _OWN_CONNECTIONS:
            yield Finding(
                f"The server of {name} has {max(left, 0)} of {server.connection_limit} connections left; the upgrade "
                f"needs up to {_OWN_CONNECTIONS}.",
                item=f"{name}: left",
            )
        if pools and sum(pools.values()) > server.connection_limit:
            asked = ", ".join(f"{pool} {size}" for pool, size in pools.items())
            yield Finding(
                f"The pools of one node may take {sum(pools.values())} connections ({asked}); the server of {name} "
                f"gives {server.connection_limit}.",
                item=f"{name}: pools",
                severity=Severity.MINOR,
            )
    small = {pool: size for pool, size in pools.items() if size < _POOL_ADVISED}
    if small and len(subject.apis) > _MANY_APIS:
        yield Finding(
            f"{len(subject.apis):,} APIs are to be indexed, and the pools are small: "
            f"{', '.join(f'{pool} {size}' for pool, size in small.items())}.",
            item="small pools",
            severity=Severity.INFO,
        )


_MANY_APIS = 200


def _pools(subject: Subject) -> dict[str, int]:
    """Sizes of the pools of the target's file, or else of the old server's."""
    for given in ("target_configuration", "configuration"):
        if subject.given(given):
            tables = getattr(subject, given).get("database", {})
            return {
                name: _pool(tables[name]) for name in ("apim_db", "shared_db") if isinstance(tables.get(name), Mapping)
            }
    return {}


def _pool(table: Mapping[str, Any]) -> int:
    options = table.get("pool_options")
    size = options.get("maxActive", _DEFAULT_POOL) if isinstance(options, Mapping) else _DEFAULT_POOL
    return int(size) if str(size).isdigit() else _DEFAULT_POOL


@rule("DB016", Severity.MINOR, title="clocks or time zones that differ")
def clocks_differ(subject: Subject) -> Iterator[Finding]:
    """
    What: The clock of a database server is off, the two databases use different time zones, or the registry's log has
    lines of the future.

    Why: Columns hold times without a zone. Tokens then end early or late, and what the server looks up by time (the
    index, the newest version of an API) is found wrongly.

    How found: The servers' clocks are compared with this machine's, more than one minute counts; their TimeZone
    settings with one another; the newest line of REG_LOG with the server's clock.

    How to mend: Let all machines take their time from the same source, and give both databases one time zone. Lines
    of the future need nothing: the upgrade makes every resource known to the index afresh.
    """
    there = servers(subject)
    for name, server in there.items():
        if abs(server.ahead) > _SKEW:
            way = "ahead of" if server.ahead > timedelta(0) else "behind"
            yield Finding(
                f"The clock of the server of {name} is {abs(server.ahead).total_seconds():,.0f} s {way} that of this "
                "machine.",
                item=f"{name}: clock",
            )
    zones = {server.time_zone for server in there.values()}
    if len(zones) > 1:
        told = ", ".join(f"{name} {server.time_zone}" for name, server in there.items())
        yield Finding(f"The databases use different time zones: {told}.", item="time zones")
    tomorrow = literal_column("LOCALTIMESTAMP + INTERVAL '1' DAY", DateTime)
    query = select(func.count().label("future"), func.max(LOG.c.reg_logged_time).label("newest"))
    (row,) = subject.shared.all(query.where(LOG.c.reg_logged_time > tomorrow))
    if row.future:
        yield Finding(
            f"{row.future:,} lines of the registry's log are of the future, the newest of {row.newest:%Y-%m-%d %H:%M}.",
            "Nothing has to be done; see that the servers' clocks are right.",
            Row("shared", "REG_LOG", "REG_LOGGED_TIME"),
            item="future",
            severity=Severity.INFO,
            repair=Repair.AUTOMATIC,
        )


@rule("DB017", Severity.MAJOR, title="encoding that cannot hold every text", kinds=("postgresql",))
def narrow_encoding(subject: Subject) -> Iterator[Finding]:
    """
    What: A database has another encoding than UTF8.

    Why: Names, documents and definitions may hold any letter. In another encoding the server refuses what it cannot
    hold, or stores bytes that nobody checks (SQL_ASCII).

    How found: The encoding of each database.

    How to mend: Make new databases with ENCODING 'UTF8' and restore a dump into them before the upgrade.
    """
    for name, server in servers(subject).items():
        if server.encoding != "UTF8":
            yield Finding(f"Database {name} has the encoding {server.encoding}.", item=name)


@rule(
    "DB018",
    Severity.MAJOR,
    title="text that compares without regard to case",
    kinds=("postgresql",),
    problems=("db-collation-case-insensitive",),
)
def loose_collation(subject: Subject) -> Iterator[Finding]:
    """
    What: Columns have a type or collation that does not tell upper case from lower case.

    Why: The product takes names, contexts and paths of different case for different things. A database that does not
    finds the wrong row, or refuses a name because of another one. (MySQL and SQL Server: see DB041.)

    How found: Columns of the type citext, or with a collation that is not deterministic.

    How to mend: Give the columns their stock type and a deterministic collation before the upgrade.
    """
    for name, server in servers(subject).items():
        if server.loose_columns:
            table, _, column = server.loose_columns[0].partition(".")
            yield Finding(
                f"{len(server.loose_columns)} columns of {name} compare without regard to case: "
                f"{_some(server.loose_columns)}.",
                place=Row(name, table.upper(), column.upper()),
                item=name,
            )


@rule(
    "DB019",
    Severity.INFO,
    title="programs at work in the databases",
    problems=("proc-side-by-side-drift", "k8s-migrate-in-cluster"),
)
def others_at_work(subject: Subject) -> Iterator[Finding]:
    """
    What: Other programs are connected, in most cases the nodes of the old server.

    Why: What they write after the databases were copied is not in the upgraded copy: new applications, keys and
    tokens are missing after cut-over. In a cluster, replicas that restart by themselves may even start on a half
    upgraded database.

    How found: The sessions on each database, by program and machine. During a check that is normal.

    How to mend: Before `run`, close the portals for writing or stop all nodes but gateways that can do without; in
    Kubernetes scale the control plane to zero. Side by side, say from when on changes will be lost.
    """
    for name, server in servers(subject).items():
        if server.others:
            told = ", ".join(f"{each.program} on {each.machine} ({each.sessions})" for each in server.others[:5])
            machines = len({each.machine for each in server.others})
            sessions = sum(each.sessions for each in server.others)
            yield Finding(
                f"{sessions} sessions from {machines} machines are at work in database {name}: {told}.", item=name
            )


def _some(names: Sequence[str]) -> str:
    return ", ".join(name.upper() for name in names[:3]) + (", …" if len(names) > 3 else "")
