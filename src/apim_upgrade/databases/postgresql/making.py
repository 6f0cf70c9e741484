"""
Makes a database that is like another one: encoding, sort order, owner, and what the server keeps about it.

A database in the making bears a mark in its comment, so that nobody else's is ever taken for one of ours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.session import Session
from apim_upgrade.errors import EnvironmentProblem

OURS = "apim-upgrade: "
"""What every comment begins with that this tool gives to a database."""
MARK = f"{OURS}a copy in the making"
_NOT_ALLOWED = "42501"
_PATIENCE = 2.0
"""Seconds: a session that was closed a moment ago, the tool's own among them, is still listed for a while."""
_LISTS = ("search_path", "session_preload_libraries", "local_preload_libraries", "temp_tablespaces")


@dataclass(frozen=True, slots=True)
class Original:
    """What has to be known of a database to make another one like it; ``others`` are other sessions that use it."""

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
        """The server's major version."""
        return self.version // 10_000


def look(session: Session, address: Address) -> Original:
    """Look at the database that ``session`` is in; waits for sessions that are just closing."""
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
    return Original(address=address, version=version, others=others, locale=locale, **row._mapping)


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


def require_right_to_create(original: Original) -> None:
    """Raise EnvironmentProblem, with the statement that grants it, when the user may not create databases."""
    if not original.may_create:
        user, host = original.address.username, original.address.host
        raise EnvironmentProblem(
            f"The user {user} may not create databases on {host}.",
            hint=f"A DBA can allow it: ALTER ROLE {user} CREATEDB;",
        )


def create_like(session: Session, original: Original, name: str) -> None:
    """Create an empty database like the original, marked as one in the making."""
    options = "".join(
        f" {option} {sql.Literal(value).as_string() if option != 'LOCALE_PROVIDER' else value}"
        for option, value in original.locale
    )
    session.execute(
        named("CREATE DATABASE {} TEMPLATE template0", name)
        + f" ENCODING {sql.Literal(original.encoding).as_string()}{options}{owner_clause(original)}"
    )
    comment(session, name, MARK)


def carry_over(session: Session, source: str, copy: str) -> None:
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
        whose = named("ROLE {} IN DATABASE {}", row.role, copy) if row.role else named("DATABASE {}", copy)
        yield f"ALTER {whose} SET {named('{}', name)} = {written}"


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
        yield named("REVOKE ALL ON DATABASE {} FROM PUBLIC", copy)
    for row in rows:
        if not row.owner:
            to = "PUBLIC" if row.everybody else named("{}", row.rolname)
            option = " WITH GRANT OPTION" if row.is_grantable else ""
            yield f"GRANT {row.privilege_type} ON DATABASE {named('{}', copy)} TO {to}{option}"


def owner_clause(original: Original) -> str:
    """Return the option of CREATE DATABASE that keeps the owner, where the user may give it to him."""
    return named(" OWNER {}", original.owner) if original.may_give else ""


def comment_of(session: Session, name: str) -> str | None:
    """Return what is said about a database on its server, if anything is."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = :name"
    rows = session.all(text(query), {"name": name})
    return rows[0][0] if rows else None


def comment(session: Session, name: str, said: str | None) -> None:
    """Say something about a database on its server, or nothing any more."""
    words = "NULL" if said is None else sql.Literal(said).as_string()
    session.execute(named("COMMENT ON DATABASE {} IS ", name) + words)


def exists(session: Session, name: str) -> bool:
    """Say whether the server has a database of this name."""
    return bool(session.all(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": name})[0][0])


def named(form: str, *names: str) -> str:
    """Return a statement with names in it, quoted."""
    return sql.SQL(form).format(*(sql.Identifier(name) for name in names)).as_string()
