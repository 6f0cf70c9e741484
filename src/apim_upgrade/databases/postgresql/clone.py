"""
Copies a PostgreSQL database on its own server.

The server copies by itself (``CREATE DATABASE … TEMPLATE``) where it may: nobody else is connected and the user owns
the database. Otherwise pg_dump and pg_restore do it, which works while the database is in use and sees one moment of
it. The copy is made under ``<name>__partial`` and gets its name when it is complete: whatever happens, a database of
the final name is whole. What a server keeps *about* a database (settings, grants on it) is carried over as well;
neither way does that by itself.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.piping import Program, pipe
from apim_upgrade.databases.postgresql.making import (
    MARK,
    OURS,
    Original,
    carry_over,
    comment,
    comment_of,
    create_like,
    exists,
    look,
    named,
    owner_clause,
    require_right_to_create,
)
from apim_upgrade.databases.postgresql.programs import dump_problem, find_programs, first_error, login
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

PARTIAL = "__partial"
_IN_USE = "55006"
_LARGE = 512 * 1024 * 1024


class PostgresCopying:
    """Copies a database under another name and renames it when it is whole."""

    def in_the_making(self, name: str) -> str:
        """Return what the copy is called until it is whole."""
        return name + PARTIAL

    def is_whole(self, session: Session, name: str) -> bool:
        """Say whether there is a database of this name: only whole copies bear it."""
        return exists(session, name)

    def is_unfinished(self, session: Session, name: str) -> bool:
        """Say whether a copy was begun and not ended."""
        return exists(session, name + PARTIAL)

    def copy(self, session: Session, source: Address, name: str, say: Say) -> str:
        """Copy the database of ``source``, and what the server keeps about it; return in a few words how."""
        original = look(session, source)
        require_right_to_create(original)
        partial = source.at(self.in_the_making(name))
        how = _copy(session, original, partial, say)
        carry_over(session, source.database, partial.database)
        return how

    def publish(self, session: Session, name: str) -> None:
        """Give a whole copy its name."""
        partial = self.in_the_making(name)
        comment(session, partial, None)
        session.execute(named("ALTER DATABASE {} RENAME TO {}", partial, name))

    def drop_unfinished(self, session: Session, name: str) -> None:
        """Drop what an earlier attempt left; a database of that name which somebody else described is not ours."""
        if not exists(session, name + PARTIAL):
            return
        if not (comment_of(session, name + PARTIAL) or OURS).startswith(OURS):
            raise EnvironmentProblem(
                f"A database {name + PARTIAL} exists and was not made by this tool.",
                hint="Rename or drop it, or choose another clone name.",
            )
        self.drop(session, name + PARTIAL)

    def drop(self, session: Session, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        if int(session.all("SHOW server_version_num")[0][0]) >= 130_000:
            session.execute(named("DROP DATABASE IF EXISTS {} WITH (FORCE)", name))
            return
        # Autovacuum goes by itself; only a superuser may end it, and to try that would end this.
        session.all(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = :name AND backend_type = 'client backend'"
            ),
            {"name": name},
        )
        session.execute(named("DROP DATABASE IF EXISTS {}", name))


def _copy(session: Session, original: Original, partial: Address, say: Say) -> str:
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


def _copy_by_server(session: Session, original: Original, partial: Address) -> None:
    # Without it every page goes through the write-ahead log and to every replica; for a small database that is
    # cheaper than the two checkpoints which copying files costs the whole server.
    by_files = " STRATEGY file_copy" if original.version >= 150_000 and original.size >= _LARGE else ""
    session.execute(
        named("CREATE DATABASE {} TEMPLATE {}", partial.database, original.address.database)
        + by_files
        + owner_clause(original)
    )
    comment(session, partial.database, MARK)


def _copy_by_dump(session: Session, original: Original, partial: Address, say: Say) -> None:
    programs = find_programs(original.major)
    create_like(session, original, partial.database)
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
        raise dump_problem(original.address, first_error(complaint))
    with Database(partial.database, partial).autocommit() as inside:
        inside.execute("ANALYZE")


def _tell(session: Session, original: Original, to: Address, say: Say, seconds: float) -> None:
    done = session.all(text("SELECT pg_database_size(:name)"), {"name": to.database})[0][0]
    say(
        f"Copying {original.address.database}: {done / 1e6:,.0f} MB after {seconds:,.0f} s "
        f"(the original has {original.size / 1e6:,.0f} MB)"
    )
