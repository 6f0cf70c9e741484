"""
Copies a PostgreSQL database on its own server.

The server copies by itself (``CREATE DATABASE … TEMPLATE``) where it may: nobody else is connected and the user owns
the database. Otherwise pg_dump and pg_restore do it, which works while the database is in use and sees one moment of
it. The copy is made under ``<name>__partial`` and gets its name when it is complete: whatever happens, a database of
the final name is whole. What a server keeps *about* a database (settings, grants on it) is carried over as well;
neither way does that by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.piping import Program, pipe
from apim_upgrade.databases.postgresql.programs import find_programs, login
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

PARTIAL = "__partial"
_MARK = "apim-upgrade: a copy in the making"
_IN_USE = "55006"
_NOT_ALLOWED = "42501"
_LARGE = 512 * 1024 * 1024
_PATIENCE = 2.0
"""Seconds: a session that was closed a moment ago, the tool's own among them, is still listed for a while."""
_LISTS = ("search_path", "session_preload_libraries", "local_preload_libraries", "temp_tablespaces")


@dataclass(frozen=True, slots=True)
class _Original:
    """What has to be known of the database to copy it."""

    address: Address
    version: int
    size: int
    others: int
    owner: str
    encoding: str
    locale: tuple[tuple[str, str], ...]
    superuser: bool
    may_create: bool
    may_template: bool
    may_give: bool

    @property
    def major(self) -> int:
        return self.version // 10_000


class PostgresCopying:
    """Copies a database under another name and renames it when it is whole."""

    def in_the_making(self, name: str) -> str:
        """Return what the copy is called until it is whole."""
        return name + PARTIAL

    def is_whole(self, session: Session, name: str) -> bool:
        """Say whether there is a database of this name: only whole copies bear it."""
        return _exists(session, name)

    def is_unfinished(self, session: Session, name: str) -> bool:
        """Say whether a copy was begun and not ended."""
        return _exists(session, name + PARTIAL)

    def copy(self, session: Session, source: Address, name: str, say: Say) -> str:
        """Copy the database of ``source``, and what the server keeps about it; return in a few words how."""
        original = _look(session, source)
        if not original.may_create:
            raise EnvironmentProblem(
                f"The user {source.username} may not create databases on {source.host}.",
                hint=f"A DBA can allow it: ALTER ROLE {source.username} CREATEDB;",
            )
        partial = source.at(self.in_the_making(name))
        how = _copy(session, original, partial, say)
        _carry_over(session, source.database, partial.database)
        return how

    def publish(self, session: Session, name: str) -> None:
        """Give a whole copy its name."""
        partial = self.in_the_making(name)
        session.execute(_sql("COMMENT ON DATABASE {} IS NULL", partial))
        session.execute(_sql("ALTER DATABASE {} RENAME TO {}", partial, name))

    def drop_unfinished(self, session: Session, name: str) -> None:
        """Drop what an earlier attempt left; a database of that name which somebody else described is not ours."""
        rows = session.all(
            text("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :name"),
            {"name": name + PARTIAL},
        )
        if not rows:
            return
        if rows[0][0] not in (None, _MARK):
            raise EnvironmentProblem(
                f"A database {name + PARTIAL} exists and was not made by this tool.",
                hint="Rename or drop it, or choose another clone name.",
            )
        self.drop(session, name + PARTIAL)

    def drop(self, session: Session, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        if int(session.all("SHOW server_version_num")[0][0]) >= 130_000:
            session.execute(_sql("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
            return
        session.all(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name}
        )
        session.execute(_sql("DROP DATABASE IF EXISTS {}", name))


def _look(session: Session, address: Address) -> _Original:
    version = int(session.all("SHOW server_version_num")[0][0])
    may_be_set = "SET" if version >= 160_000 else "MEMBER"
    row = session.all(
        "SELECT pg_database_size(d.oid) AS size, o.rolname AS owner, pg_encoding_to_char(d.encoding) AS encoding, "
        "r.rolsuper AS superuser, r.rolcreatedb OR r.rolsuper AS may_create, "
        "r.rolsuper OR d.datistemplate OR pg_has_role(d.datdba, 'USAGE') AS may_template, "
        f"r.rolsuper OR pg_has_role(d.datdba, '{may_be_set}') AS may_give "
        "FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba JOIN pg_roles r ON r.rolname = current_user "
        "WHERE d.datname = current_database()"
    )[0]
    others = _others(session)
    until = time.monotonic() + _PATIENCE
    while others and time.monotonic() < until:
        time.sleep(0.05)
        others = _others(session)
    locale = tuple(_locale(session, version))
    return _Original(address=address, version=version, others=others, locale=locale, **row._mapping)


def _others(session: Session) -> int:
    """Count the other sessions of the database; the server copies only one that nobody uses."""
    count = session.all(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND backend_type IS DISTINCT FROM 'autovacuum worker') "
        "+ (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())"
    )
    return int(count[0][0])


def _locale(session: Session, version: int) -> Iterator[tuple[str, str]]:
    """The options of CREATE DATABASE that give a new database the same sort order."""
    name = "datlocale" if version >= 170_000 else "daticulocale" if version >= 150_000 else "NULL"
    provider = "datlocprovider" if version >= 150_000 else "'c'"
    row = session.all(
        f"SELECT datcollate AS collation, datctype AS ctype, {provider}::text AS provider, {name} AS locale "
        "FROM pg_database WHERE datname = current_database()"
    )[0]
    yield "LC_COLLATE", row.collation
    yield "LC_CTYPE", row.ctype
    if row.provider == "i":
        yield "LOCALE_PROVIDER", "icu"
        yield "ICU_LOCALE", row.locale
    elif row.provider == "b":
        yield "LOCALE_PROVIDER", "builtin"
        yield "BUILTIN_LOCALE", row.locale


def _copy(session: Session, original: _Original, partial: Address, say: Say) -> str:
    if original.others:
        reason = f"{original.others} other sessions use it"
    elif not original.may_template:
        reason = "only its owner may use the faster way"
    else:
        try:
            _copy_by_server(session, original, partial)
            return "by the server itself"
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != _IN_USE:
                raise
            reason = "another session came in"
    say(f"Using pg_dump and pg_restore for {original.address.database}: {reason}")
    _copy_by_dump(session, original, partial, say)
    return f"by pg_dump and pg_restore, because {reason}"


def _copy_by_server(session: Session, original: _Original, partial: Address) -> None:
    # Without it every page goes through the write-ahead log and to every replica; for a small database that is
    # cheaper than the two checkpoints which copying files costs the whole server.
    by_files = " STRATEGY file_copy" if original.version >= 150_000 and original.size >= _LARGE else ""
    session.execute(
        _sql("CREATE DATABASE {} TEMPLATE {}", partial.database, original.address.database)
        + by_files
        + _owner(original)
    )
    _mark(session, partial.database)


def _copy_by_dump(session: Session, original: _Original, partial: Address, say: Say) -> None:
    programs = find_programs(original.major)
    options = "".join(
        f" {name} {sql.Literal(value).as_string() if name != 'LOCALE_PROVIDER' else value}"
        for name, value in original.locale
    )
    session.execute(
        _sql("CREATE DATABASE {} TEMPLATE template0", partial.database)
        + f" ENCODING {sql.Literal(original.encoding).as_string()}{options}{_owner(original)}"
    )
    _mark(session, partial.database)
    # Only a superuser may give objects to others; anybody else owns what he restores.
    mine = [] if original.superuser else ["--no-owner", "--no-privileges"]
    complaint = pipe(
        Program(
            [programs.dump, "--format=custom", "--compress=0", "--no-password", "--lock-wait-timeout=60s", *mine],
            login(original.address),
        ),
        Program(
            [programs.restore, "--exit-on-error", "--no-password", *mine, f"--dbname={partial.database}"],
            login(partial),
        ),
        lambda seconds: _tell(session, original, partial, say, seconds),
    )
    if complaint is not None:
        raise _dump_problem(original.address, _first_error(complaint))
    with Database(partial.database, partial).autocommit() as inside:
        inside.execute("ANALYZE")


def _tell(session: Session, original: _Original, to: Address, say: Say, seconds: float) -> None:
    done = session.all(text("SELECT pg_database_size(:name)"), {"name": to.database})[0][0]
    say(
        f"Copying {original.address.database}: {done / 1e6:,.0f} MB after {seconds:,.0f} s "
        f"(the original has {original.size / 1e6:,.0f} MB)"
    )


def _first_error(complaint: str) -> str:
    """The programs' own words; lines that quote rows (DETAIL, CONTEXT) stay out."""
    lines = complaint.splitlines()
    return next((line.partition(" error: ")[2] for line in lines if " error: " in line), "no reason given")[:300]


def _dump_problem(source: Address, complaint: str) -> EnvironmentProblem:
    if "No space left" in complaint or "could not extend file" in complaint:
        return EnvironmentProblem(
            f"The disk of the server of {source} is full.", hint="Free space on the database server."
        )
    if "permission denied" in complaint:
        return EnvironmentProblem(
            f"The user of {source} lacks a right to copy it: {complaint}.",
            hint="Use the owner of the objects, or grant SELECT on all of them.",
        )
    return EnvironmentProblem(f"Copying {source} with pg_dump failed: {complaint}.", hint="Mend that and run again.")


def _carry_over(session: Session, source: str, copy: str) -> None:
    """Give the copy the settings and grants that the server keeps for the original, as far as this user may."""
    for statement in [*_settings(session, source, copy), *_grants(session, source, copy)]:
        try:
            session.execute(statement)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") != _NOT_ALLOWED:
                raise


def _settings(session: Session, source: str, copy: str) -> Iterator[str]:
    rows = session.all(
        text(
            "SELECT r.rolname AS role, unnest(s.setconfig) AS setting FROM pg_db_role_setting s "
            "JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole "
            "WHERE d.datname = :name"
        ),
        {"name": source},
    )
    for row in rows:
        name, _, value = row.setting.partition("=")
        written = value if value and name in _LISTS else sql.Literal(value).as_string()
        whose = _sql("ROLE {} IN DATABASE {}", row.role, copy) if row.role else _sql("DATABASE {}", copy)
        yield f"ALTER {whose} SET {_sql('{}', name)} = {written}"


def _grants(session: Session, source: str, copy: str) -> Iterator[str]:
    rows = session.all(
        text(
            "SELECT a.privilege_type, a.is_grantable, g.rolname, a.grantee = 0 AS everybody, "
            "a.grantee = d.datdba AS owner "
            "FROM pg_database d, aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee "
            "WHERE d.datname = :name"
        ),
        {"name": source},
    )
    if rows:
        yield _sql("REVOKE ALL ON DATABASE {} FROM PUBLIC", copy)
    for row in rows:
        if not row.owner:
            to = "PUBLIC" if row.everybody else _sql("{}", row.rolname)
            option = " WITH GRANT OPTION" if row.is_grantable else ""
            yield f"GRANT {row.privilege_type} ON DATABASE {_sql('{}', copy)} TO {to}{option}"


def _owner(original: _Original) -> str:
    return _sql(" OWNER {}", original.owner) if original.may_give else ""


def _mark(session: Session, name: str) -> None:
    session.execute(_sql("COMMENT ON DATABASE {} IS ", name) + sql.Literal(_MARK).as_string())


def _exists(session: Session, name: str) -> bool:
    return bool(session.all(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name})[0][0])


def _sql(form: str, *names: str) -> str:
    return sql.SQL(form).format(*(sql.Identifier(name) for name in names)).as_string()
