"""
Copies a database on its own server, so that the original is never touched.

Whatever happens, a copy that was not ended is never taken for a whole one, and the next attempt drops it. How a server
copies, and how it tells the two apart, differs from DBMS to DBMS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from apim_upgrade.databases import locks
from apim_upgrade.databases.address import Address
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.mysql.clone import MySQLCopying
from apim_upgrade.databases.postgresql.clone import PostgresCopying
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say, quiet
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem, EstateError

_JOURNAL = "apim_upgrade_run"


class Copying(Protocol):
    """One DBMS's way of copying; every session is one on the original, in no transaction."""

    def in_the_making(self, name: str) -> str:
        """Return the database in which the copy ``name`` lies until it is whole."""
        ...

    def is_whole(self, session: Session, name: str) -> bool:
        """Say whether there is a database of this name that is no unfinished copy."""
        ...

    def is_unfinished(self, session: Session, name: str) -> bool:
        """Say whether a copy of this name was begun and not ended."""
        ...

    def copy(self, session: Session, source: Address, name: str, say: Say) -> str:
        """
        Copy the database of ``source``, and what the server keeps about it; return in a few words how it was done.

        Raises EnvironmentProblem when a right is missing, or the server or a client program gives up.
        """
        ...

    def publish(self, session: Session, name: str) -> None:
        """Turn the copy in the making into a whole one."""
        ...

    def drop_unfinished(self, session: Session, name: str) -> None:
        """Drop what an earlier attempt left. Raises EnvironmentProblem when that is somebody else's database."""
        ...

    def drop(self, session: Session, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        ...


_COPYING: dict[str, Copying] = {"postgresql": PostgresCopying(), "mysql": MySQLCopying()}


def copying_of(kind: str) -> Copying:
    """Return how a DBMS copies."""
    return _COPYING[kind]


def clone(source: Address, name: str, finish: Callable[[Address], None] | None = None, say: Say = quiet) -> str:
    """
    Copy a database to ``name`` on the same server; return in a few words how it was done.

    ``finish`` is given the complete copy before it counts as whole: what it writes is there whenever the copy is. A
    copy that an earlier attempt left unfinished is dropped first; one that another process is making is left to it.
    ``say`` is told about progress. Raises EnvironmentProblem when ``name`` exists or is being made, a right is
    missing, or the server or a client program gives up; nothing is left behind then.
    """
    copying = copying_of(source.kind)
    with on_server(source) as session:
        if copying.is_whole(session, name):
            raise EnvironmentProblem(
                f"A database {name} exists on {source.host} already.", hint="Drop it, or choose another clone name."
            )
        _take(session, source, name)
        copying.drop_unfinished(session, name)
        try:
            how = copying.copy(session, source, name, say)
            if finish is not None:
                finish(source.at(copying.in_the_making(name)))
            copying.publish(session, name)
        except BaseException:
            try_to_drop(source, name)
            raise
    return how


def database_exists(address: Address, name: str) -> bool:
    """Say whether the server of ``address`` has a database of this name that is no unfinished copy."""
    with on_server(address) as session:
        return copying_of(address.kind).is_whole(session, name)


def copy_in_the_making(address: Address, name: str) -> str | None:
    """
    Name the process that is making the copy ``name``; None when there is no unfinished copy.

    An unfinished copy that nobody works on is ``""``: the next attempt drops it.
    """
    with on_server(address) as session:
        return (session.lock_holder(name) or "") if copying_of(address.kind).is_unfinished(session, name) else None


def drop_clone(source: Address, name: str) -> None:
    """
    Drop a copy that holds a run's journal, and what is left of an unfinished one; nothing when there is neither.

    Raises EstateError when the database of that name holds no journal: then it is not known to be a copy.
    """
    if name == source.database:
        raise EstateError(f"{name} is the original, not a copy.", hint="Name the copy.")
    copying = copying_of(source.kind)
    with on_server(source) as session:
        _take(session, source, name)
        copying.drop_unfinished(session, name)
        if not copying.is_whole(session, name):
            return
        with Database(name, source.at(name)).read() as inside:
            ours = inside.exists(_JOURNAL)
        if not ours:
            raise EstateError(
                f"Database {name} holds no journal of this tool, so it is not known to be a copy.",
                hint=f'Drop it by hand if it is not needed: DROP DATABASE "{name}";',
            )
        copying.drop(session, name)


@contextmanager
def on_server(address: Address) -> Iterator[Session]:
    """Open a session on the original: a database that the user is sure to be let into."""
    with Database(address.database, address).autocommit() as session:
        yield session


def _take(session: Session, source: Address, name: str) -> None:
    locks.take(session, name, f"Database {source.database} is being copied to {name}")


def try_to_drop(source: Address, name: str) -> None:
    """Free the disk after a failure; the failure itself is what has to be told, and the next attempt drops it too."""
    try:
        with on_server(source) as session:
            copying_of(source.kind).drop_unfinished(session, name)
    except ApimUpgradeError:
        return
