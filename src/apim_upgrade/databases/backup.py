"""
Backups of databases by the server's own tools, what is in them, and databases that are made from them.

A dump and the fingerprint that goes with it are of one moment of the database, so that what is restored can be compared
with it row by row. How a server dumps, restores and swaps databases differs from DBMS to DBMS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from apim_upgrade.databases import locks
from apim_upgrade.databases.address import Address
from apim_upgrade.databases.clone import copying_of, on_server, try_to_drop
from apim_upgrade.databases.content import Dumped, TableContent
from apim_upgrade.databases.database import Database
from apim_upgrade.databases.mysql.backup import MySQLBackups
from apim_upgrade.databases.naming import spare_name
from apim_upgrade.databases.postgresql.backup import PostgresBackups
from apim_upgrade.databases.session import Session
from apim_upgrade.databases.telling import Say
from apim_upgrade.errors import EnvironmentProblem

_PROOF, _RESTORED, _ASIDE = "__proof", "__restored", "__upgraded"


class Backups(Protocol):
    """One DBMS's way of backing up; raises the driver's errors, and EnvironmentProblem where a program fails."""

    def content(self, session: Session) -> dict[str, TableContent]:
        """Count and hash the rows of every table that a dump takes along, in the moment the session sees."""
        ...

    def dump(self, database: Database, folder: Path, say: Say, watch: Callable[[], None]) -> Dumped:
        """
        Dump one moment of a database into a new folder.

        ``watch`` is called every second and may raise to break it off.
        """
        ...

    def restore(self, session: Session, source: Address, dump: Path, name: str, say: Say) -> None:
        """Make the copy ``name``, still one in the making, from a dump; everything about it like that of ``source``."""
        ...

    def publish(self, session: Session, name: str) -> None:
        """Turn the restored copy in the making into a whole one that bears our mark."""
        ...

    def is_restored(self, session: Session, name: str) -> bool:
        """Say whether a database of this name was restored by this tool and has not changed its place yet."""
        ...

    def is_ours(self, session: Session, name: str) -> bool:
        """Say whether a database was restored or put aside by this tool."""
        ...

    def obstacle(self, session: Session, source: Address) -> tuple[str, str] | None:
        """Say in one sentence, and one of what to do, why another database could not take this one's place."""
        ...

    def swap(self, swaps: Mapping[str, tuple[str, str]], address: Address) -> None:
        """
        Let databases of one server, ``original → (restored, aside)``, change places all at once.

        The restored ones get the names of the originals; what was there gets the name ``aside`` and our mark. Raises
        EnvironmentProblem where somebody is connected.
        """
        ...


_BACKUPS: dict[str, Backups] = {"postgresql": PostgresBackups(), "mysql": MySQLBackups()}


def content_of(database: Database) -> dict[str, TableContent]:
    """Count and hash the rows of every table of a database."""
    with database.read() as session:
        return _backups_of(database.kind).content(session)


def dump(database: Database, folder: Path, say: Say, watch: Callable[[], None] = lambda: None) -> Dumped:
    """
    Dump one moment of a database into a new folder and tell what that moment holds.

    ``watch`` is called every second and may raise to break it off. Raises EnvironmentProblem; what is in the folder
    then is of no use.
    """
    return _backups_of(database.kind).dump(database, folder, say, watch)


def prove_dump(source: Address, folder: Path, examine: Callable[[Address], None], say: Say) -> None:
    """
    Restore a dump into a database of its own beside ``source``, let ``examine`` look at it, and drop it, come what may.

    Raises EnvironmentProblem when it cannot be restored, and whatever ``examine`` raises.
    """
    name = spare_name(source.database, _PROOF)
    with on_server(source) as session:
        try:
            examine(_restore(session, source, folder, name, say))
        finally:
            try_to_drop(source, name)


def obstacle_to_swap(source: Address) -> tuple[str, str] | None:
    """Say in one sentence, and one of what to do, why a restored database could not take this one's place."""
    with on_server(source) as session:
        return _backups_of(source.kind).obstacle(session, source)


def restore_beside(source: Address, folder: Path, examine: Callable[[Address], None], say: Say) -> Address:
    """
    Restore a dump into a database beside ``source``, whole or not at all; return where it is.

    ``examine`` looks at it before it counts as whole. One that was left by an earlier attempt is replaced. Raises
    EnvironmentProblem, and whatever ``examine`` raises.
    """
    name = spare_name(source.database, _RESTORED)
    with on_server(source) as session:
        _drop_ours(session, source, name)
        try:
            examine(_restore(session, source, folder, name, say))
            _backups_of(source.kind).publish(session, name)
        except BaseException:
            try_to_drop(source, name)
            raise
    return source.at(name)


def swap_in(sources: Iterable[Address]) -> None:
    """
    Give the restored databases the names of those that they were made beside; these are put aside.

    All databases of one server change at once; one that has changed already is left alone. Raises EnvironmentProblem
    where somebody is connected to one of them.
    """
    servers: dict[tuple[str, str, int], list[Address]] = {}
    for source in sources:
        with on_server(source) as session:
            if _backups_of(source.kind).is_restored(session, spare_name(source.database, _RESTORED)):
                servers.setdefault((source.kind, source.host, source.port), []).append(source)
    for group in servers.values():
        names = [source.database for source in group]
        swaps = {name: (spare_name(name, _RESTORED), spare_name(name, _ASIDE)) for name in names}
        _backups_of(group[0].kind).swap(swaps, group[0])


def drop_aside(source: Address) -> None:
    """Drop the database that :func:`swap_in` put aside, and a restored one that was never needed, if they are there."""
    with on_server(source) as session:
        for suffix in (_ASIDE, _RESTORED):
            _drop_ours(session, source, spare_name(source.database, suffix))


def _restore(session: Session, source: Address, folder: Path, name: str, say: Say) -> Address:
    copying = copying_of(source.kind)
    locks.take(session, name, f"Database {source.database} is being restored to {name}")
    copying.drop_unfinished(session, name)
    if copying.is_whole(session, name):
        raise _not_ours(source, name)
    _backups_of(source.kind).restore(session, source, folder, name, say)
    return source.at(copying.in_the_making(name))


def _drop_ours(session: Session, source: Address, name: str) -> None:
    copying = copying_of(source.kind)
    if not copying.is_whole(session, name):
        return
    if not _backups_of(source.kind).is_ours(session, name):
        raise _not_ours(source, name)
    copying.drop(session, name)


def _not_ours(source: Address, name: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"A database {name} exists on {source.host} and was not made by this tool.", hint="Rename or drop it."
    )


def _backups_of(kind: str) -> Backups:
    try:
        return _BACKUPS[kind]
    except KeyError:
        raise EnvironmentProblem(
            f"Backups of {kind} are not taken by this tool.", hint="Take one with the server's own tools."
        ) from None
