"""Reads an estate and refuses, in one sentence, what is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from sqlalchemy import exists, func, select, table

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import Session, journal
from apim_upgrade.errors import EstateError, ProjectError
from apim_upgrade.estate.detect import (
    Detection,
    Names,
    columns_of,
    compared,
    detect,
    filled_columns,
    known_columns,
    resembles,
)
from apim_upgrade.estate.inventory import AmContents, SharedContents, by_tenant, read_am, read_shared
from apim_upgrade.estate.model import DatabaseFacts, Estate
from apim_upgrade.migrations.upgrade import SUPER_TENANT_ID
from apim_upgrade.releases import HOME_OF, PARTS, Release, Schema, part_of, sources, targets
from apim_upgrade.schema import introspect
from apim_upgrade.tables.api import API

OTHER = {"am": "shared", "shared": "am"}
CALLED = {
    "am": "the API-M database",
    "shared": "the shared database",
    "identity": "the database of identity tables",
    "user": "the database of user management",
    "config": "the database of the configuration registry",
}
_ALWAYS_FILLED = {"identity": "idn_claim_dialect", "user": "um_domain", "config": "reg_path"}
"""A table that every server fills at its first start."""
_APART = {"am": ("api", "identity", "IDN_*, SP_* …"), "shared": ("registry", "user", "UM_*")}
"""What is left of a database from which tables are kept apart, which ones, and how those are called."""
_UUIDS = Release(4, 0, 0)
"""From here on AM_API knows an API by the UUID of its artifact; before, only by its path in the registry."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The schema of one database."""

    name: str
    address: Address
    part: str
    schema: Schema
    live: Names

    @property
    def kind(self) -> str:
        return self.address.kind


@dataclass(frozen=True, slots=True)
class _Read(_Seen):
    """One database as far as its schema, and what its server knows of it."""

    database: Database
    facts: Mapping[str, TableFacts]
    server: str


def read_estate(databases: Mapping[str, Database], source: str | None = None) -> Estate:
    """
    Read the databases ``am`` and ``shared`` and those that are kept apart from them; nothing is changed.

    ``source`` is the operator's word for the release. It decides where the schema leaves several answers; where the
    schema is clear it is only compared. Raises EstateError when the databases are no estate, or not one, or in the
    middle of an upgrade; EnvironmentProblem when one cannot be read.
    """
    read = {name: _read_schema(database, part_of(name, databases)) for name, database in databases.items()}
    _refuse_strangers(read)
    kind = databases["am"].kind
    named = named_release(source)
    detected = _detect(read)
    with databases["am"].read() as session:
        detected["am"] = _behind(session, detected["am"])
    release, warnings = decide(detected, named)
    am, shared = _contents(read, by_uuid=release >= _UUIDS)
    warnings += _refuse_two_estates(am, shared)
    warnings += _refuse_misplaced(read)
    facts = tuple(
        _facts(name, part, kind, detected.get(name) or detected[HOME_OF[name]], release) for name, part in read.items()
    )
    warnings += [
        f"database {part.name}: {len(part.foreign)} tables belong to another user "
        f"({', '.join(part.foreign[:3])}{', …' if len(part.foreign) > 3 else ''}) and cannot be changed by this one"
        for part in facts
        if part.foreign
    ]
    return Estate(
        kind,
        release,
        facts,
        by_tenant(am, shared),
        am.tokens,
        am.token_states,
        am.deployments,
        shared.content_bytes,
        shared.log,
        tuple(warnings),
    )


def release_by_schema(
    addresses: Mapping[str, Address], schemas: Mapping[str, Schema], source: str | None = None
) -> Release:
    """
    Tell the release from the schemas of all databases of an estate alone, whatever DBMS they are on.

    ``source`` is the operator's word, as in :func:`read_estate`. Raises EstateError when the databases are no estate,
    are on several DBMSs, or are in the middle of an upgrade.
    """
    kinds = sorted({address.kind for address in addresses.values()})
    if len(kinds) > 1:
        raise EstateError(
            f"The databases of this estate are on several DBMSs ({', '.join(kinds)}).",
            hint="Name databases of one DBMS; move one of them to the other's first.",
        )
    for name, schema in schemas.items():
        if schema.table(journal.RUN.name) is not None:
            raise EstateError(
                f"Database {name} ({addresses[name]}) is in the middle of an upgrade by this tool.",
                hint="Finish it with `apim-upgrade run`, or name the original database.",
            )
    seen = {
        name: _Seen(name, addresses[name], part_of(name, schemas), schema, _live(schema))
        for name, schema in schemas.items()
    }
    _refuse_strangers(seen)
    return decide(_detect(seen), named_release(source))[0]


def _live(schema: Schema) -> Names:
    return frozenset(name for name in columns_of(schema) if not name[0].startswith(journal.PREFIX))


def _detect(read: Mapping[str, _Seen]) -> dict[str, Detection]:
    """
    Find the release by what the tables of each script say together, wherever they lie.

    A part alone says too little: all that 4.2.0 added to the AM_* tables is in updated packs of 3.2.0, too. The
    configuration registry is a second set of tables and speaks for itself.
    """
    kind = read["am"].kind
    evidence: dict[str, Names] = {name: frozenset() for name in PARTS}
    for name, each in read.items():
        home = "config" if name == "config" else HOME_OF.get(name, name)
        own = each.live & known_columns(kind, each.part)
        evidence[home] = evidence.get(home, frozenset()) | own
    return {name: detect(live, kind, read[name].part if name == "config" else name) for name, live in evidence.items()}


def _contents(read: Mapping[str, _Read], *, by_uuid: bool) -> tuple[AmContents, SharedContents]:
    def home(name: str) -> str:
        return name if name in read else HOME_OF[name]

    with ExitStack() as stack:
        sessions = {name: stack.enter_context(each.database.read()) for name, each in read.items()}
        registries = [(sessions[name], read[name].facts) for name in dict.fromkeys(("shared", home("config")))]
        shared = read_shared(sessions["shared"], sessions[home("user")], registries, by_uuid=by_uuid)
        identity = home("identity")
        am = read_am(sessions["am"], sessions[identity], read["am"].live, read[identity].facts, shared, by_uuid=by_uuid)
    return am, shared


def require_path(source: Release, target: Release) -> None:
    """Raise ProjectError unless ``target`` is a known release later than ``source``."""
    later = targets(source)
    if target in later:
        return
    known = ", ".join(str(release) for release in later) or "none"
    if target <= source:
        raise ProjectError(
            f"The databases are of {source}, and target {target} is not later.", hint=f"Later releases: {known}."
        )
    raise ProjectError(f"Target {target} is not a release that this tool knows.", hint=f"Known targets: {known}.")


def _read_schema(database: Database, part: str) -> _Read:
    with database.read() as session:
        if session.exists(journal.RUN.name):
            run = journal.read_run(session)
            raise EstateError(
                f"Database {database.name} ({database.address}) is in the middle of an upgrade by this tool"
                + (f" from {run.source} to {run.target}." if run else "."),
                hint="Finish it with `apim-upgrade run`, or name the original database.",
            )
        schema = introspect(session)
        dbms = dbms_of(database.kind)
        live = _live(schema)
        return _Read(
            database.name, database.address, part, schema, live, database, dbms.tables(session), dbms.version(session)
        )


def _refuse_strangers(read: Mapping[str, _Seen]) -> None:
    """See that each database is what it is said to be."""
    fits = {name: resembles(each.live, each.kind, each.part) for name, each in read.items()}
    if all(fits.values()):
        _refuse_remains(read)
        return
    crossed = {name: name in OTHER and resembles(each.live, each.kind, OTHER[name]) for name, each in read.items()}
    if all(crossed[name] and not fits[name] for name in PARTS):
        raise EstateError(
            "Databases am and shared are swapped: am holds the registry and the users, shared holds the APIs.",
            hint="Exchange the URLs of [database.am] and [database.shared].",
        )
    name = next(name for name, fit in fits.items() if not fit)
    part = read[name]
    where = f"Database {name} ({part.address})"
    if crossed[name]:
        raise EstateError(
            f"{where} is {CALLED[OTHER[name]]}, not {CALLED[name]}.", hint=f"Correct the URL of [database.{name}]."
        )
    _refuse_remains(read)
    tables = {table for table, _ in part.live}
    holds = f"{len(tables)} tables of something else" if tables else "no table that can be seen"
    raise EstateError(
        f"{where} is not {CALLED[name]} of API-M: it holds {holds}.",
        hint="Correct the URL; if the tables lie in a schema of their own, add ?currentSchema=NAME to it.",
    )


def _refuse_remains(read: Mapping[str, _Seen]) -> None:
    """See that nothing is kept apart of which upgrade.toml says nothing."""
    for name in PARTS:
        each, (rest, apart, tables) = read[name], _APART[name]
        kind = each.kind
        if each.part == name and resembles(each.live, kind, rest) and not resembles(each.live, kind, apart):
            raise EstateError(
                f"Database {name} ({each.address}) holds no tables of {apart} ({tables}).",
                hint=f"If the product keeps them in a database of their own, name it as [database.{apart}].",
            )


def _refuse_misplaced(read: Mapping[str, _Read]) -> Iterator[str]:
    """
    See that what is kept apart is where upgrade.toml says, and nowhere else.

    A database that was made by a whole script holds tables that are not in use; they are told and left alone.
    """
    for name in sorted(HOME_OF.keys() & read.keys()):
        each, home = read[name], read[HOME_OF[name]]
        sentinel = table(_ALWAYS_FILLED[name])
        with each.database.read() as session:
            if not session.all(select(func.count()).select_from(sentinel))[0][0]:
                raise EstateError(
                    f"Database {name} ({each.address}) was never used by a server: {sentinel.name.upper()} is empty.",
                    hint=f"Correct the URL, or remove [database.{name}] if its tables are in {HOME_OF[name]}.",
                )
        if name == "config":
            continue
        known = {owner for owner, _ in known_columns(each.kind, each.part)}
        twice = sorted(known & home.schema.tables.keys())
        with home.database.read() as session:
            lost = [
                owner
                for owner in twice
                if owner not in each.schema.tables
                and session.all(select(exists().select_from(table(owner)).label("any")))[0][0]
            ]
        if lost:
            raise EstateError(
                f"Tables of {name} lie in two databases: {HOME_OF[name]} has rows in {', '.join(lost[:5])}, "
                f"which database {name} does not have.",
                hint=f"Move them to database {name} first.",
            )
        if twice:
            yield (
                f"database {HOME_OF[name]} holds {len(twice)} tables of {name} too ({', '.join(twice[:3])}, …); "
                f"those in database {name} are upgraded, these are left alone"
            )


def named_release(source: str | None) -> Release | None:
    """Return the release that the operator named. Raises ProjectError when none can be upgraded by that name."""
    if source is None:
        return None
    try:
        named = Release.parse(source)
    except ValueError as error:
        raise ProjectError(f"source: {error}.", hint="Write it like 4.0.0.") from None
    if named not in sources():
        known = ", ".join(str(release) for release in sources())
        raise ProjectError(f"source {named} is not a release that can be upgraded.", hint=f"These can be: {known}.")
    return named


def _behind(session: Session, detected: Detection) -> Detection:
    """
    See that the data of the newest release is there too, where a schema is clear.

    Scripts may have been run and the server's own migration not; then the columns it fills are empty.
    """
    if not detected.clear:
        return detected
    (release,) = detected.candidates
    for reached, name in filled_columns():
        if release < reached:
            continue
        filled = select(func.count().label("apis"), func.count(API.c[name]).label("filled")).select_from(API)
        (row,) = session.all(filled)
        if row.filled * 2 < row.apis:
            before = max(known for known in sources() if known < reached)
            return Detection(
                (before, release),
                False,
                f"the schema of {release}, but AM_API.{name.upper()} is empty for {row.apis - row.filled} of "
                f"{row.apis} APIs",
            )
    return detected


def decide(detected: Mapping[str, Detection], named: Release | None) -> tuple[Release, list[str]]:
    """The release of the estate; the operator's word counts only between candidates."""
    for name, detection in detected.items():
        if not detection.clear and named not in detection.candidates:
            between = " or ".join(str(release) for release in detection.candidates)
            raise EstateError(
                f"Database {name} is half upgraded or altered: it may be of {between} ({detection.seen}).",
                hint=f'Finish that upgrade first, or say which it is with source = "{detection.candidates[0]}".',
            )
    am = detected["am"]
    warnings = [
        f"database {name} lies between releases ({detection.seen}); taken as {named} as told"
        for name, detection in detected.items()
        if not detection.clear
    ]
    release = named if not am.clear and named is not None else am.candidates[-1]
    others = {name: each for name, each in detected.items() if release not in each.candidates}
    for name, other in others.items():
        seen = " to ".join(str(each) for each in dict.fromkeys((other.candidates[0], other.candidates[-1])))
        if named != release:
            raise EstateError(
                f"Database am is of {release}, but {name} has the schema of {seen}: half upgraded, or not one estate.",
                hint=f'Correct the URLs; if they do belong together, say so with source = "{release}".',
            )
        warnings.append(f"database {name} has the schema of {seen}; taken as {release} as told")
    if not others and named is not None and named != release:
        warnings.append(f"source says {named}, but the databases are of {release}; taken as {release}")
    if release not in sources():
        oldest, newest = sources()[0], sources()[-1]
        raise EstateError(
            f"The databases are of {release}; this tool upgrades from {oldest} to {newest}.",
            hint=f"Upgrade to {oldest} with the vendor's tools first."
            if release < oldest
            else "Nothing is to be done.",
        )
    return release, warnings


def _refuse_two_estates(am: AmContents, shared: SharedContents) -> list[str]:
    """
    See that both databases tell of the same APIs, or, where there are none, of the same tenants.

    A few strays are normal in old estates and become warnings.
    """
    apis = am.matched + len(am.without_artifact)
    lonely = len(shared.artifacts) - am.matched
    tenants = {tenant.id for tenant in shared.tenants}
    strangers = sorted(am.subscriber_tenants - tenants - {SUPER_TENANT_ID})
    if len(am.without_artifact) * 2 > apis or lonely * 2 > len(shared.artifacts):
        raise EstateError(
            f"Databases am and shared are not of one estate: am has {apis} APIs, the registry in shared has "
            f"{len(shared.artifacts)}, and only {am.matched} are the same.",
            hint="Correct the URLs so that both name the databases of the same server.",
        )
    if strangers and not am.matched:
        raise EstateError(
            f"Databases am and shared are not of one estate: am has subscribers of the tenants {strangers[:5]}, "
            f"which UM_TENANT does not know.",
            hint="Correct the URLs so that both name the databases of the same server.",
        )
    warnings = []
    if am.without_artifact:
        warnings.append(
            f"{len(am.without_artifact)} APIs have no artifact in the registry: {', '.join(am.without_artifact[:5])}"
        )
    if lonely:
        warnings.append(f"{lonely} API artifacts in the registry are of no API in AM_API")
    if strangers:
        warnings.append(f"AM_SUBSCRIBER has subscribers of tenants that UM_TENANT does not know: {strangers[:5]}")
    return warnings


def _facts(name: str, part: _Read, kind: str, detected: Detection, release: Release) -> DatabaseFacts:
    own, ahead, missing = compared(part.live, kind, part.part, release)
    facts = {table: fact for table, fact in part.facts.items() if not table.startswith(journal.PREFIX)}
    return DatabaseFacts(
        name,
        str(part.address),
        part.server,
        tuple(str(each) for each in detected.candidates),
        sum(fact.size for fact in facts.values()),
        len({table for table, _ in part.live}),
        _shape(part.schema),
        own,
        ahead,
        missing,
        tuple(sorted(table for table, fact in facts.items() if not fact.owned and table not in own)),
    )


def _shape(schema: Schema) -> str:
    """SHA-256 over every table's columns and keys; order of columns and names of constraints mean nothing."""
    tables = []
    for table_ in sorted(schema.tables.values(), key=lambda each: each.name):
        if table_.name.startswith(journal.PREFIX):
            continue
        columns = sorted(repr(replace(column_, collation="", charset="")) for column_ in table_.columns)
        keys = sorted(sorted(key) for key in table_.unique_keys())
        links = sorted(f"{key.columns} {key.ref_table} {key.ref_columns}" for key in table_.foreign_keys)
        tables.append([table_.name, columns, keys, links])
    return hashlib.sha256(json.dumps(tables).encode()).hexdigest()
