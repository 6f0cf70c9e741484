"""Moving the estate to another DBMS: the first thing a run does where that is ordered, or a command of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.h2 import H2Database
from apim_upgrade.engine import journal
from apim_upgrade.errors import EstateError, ProjectError
from apim_upgrade.execution import disks
from apim_upgrade.execution.committed import committed
from apim_upgrade.execution.folder import one_at_a_time
from apim_upgrade.execution.order import Order
from apim_upgrade.moving import Move, changed_since, discard_move, move_estate, moved
from apim_upgrade.releases import Release, part_of
from apim_upgrade.schema import target_of

MOVED = "moved.json"
"""What was moved, table by table, with the checksums; in the run folder."""
_TOLD = 5
_GROWTH = 1.5
"""What a database takes on another DBMS, of what it takes where it is: rows and keys lie less close in some."""


def move(order: Order, source: str | None, say: Callable[[str], None], *, anew: bool = False) -> Mapping[str, Move]:
    """
    Move the estate and do nothing else; what is moved already is left as it is, or with ``anew`` dropped before.

    ``source`` is the operator's word for the release. Raises ProjectError when nothing is to be moved, EstateError
    when the run has begun or cannot begin, EnvironmentProblem; whatever is raised, the next call begins anew the
    database that was at work.
    """
    if not order.moved_from:
        raise ProjectError(
            "No database is to be moved.", hint="Name the empty ones in [database.am.move_to] and so on, or use `run`."
        )
    with one_at_a_time(order.runs):
        if (before := committed(order)) is not None:
            raise EstateError(before.sentence, hint=before.hint)
        for database in order.targets().values():
            with database.read() as session:
                record = journal.read_run(session)
            if record is not None:
                raise EstateError(
                    f"Database {database.address} was moved before and is in the middle of an upgrade to "
                    f"{record.target}.",
                    hint="Go on with `apim-upgrade run`.",
                )
        if anew:
            for database in order.targets().values():
                if discard_move(database):
                    say(f"Dropped what was moved to {database.address} before")
        return bring_over(order, source, say)


def drop_moved(order: Order, target: Release, say: Callable[[str], None]) -> bool:
    """
    Drop what was moved, and what an upgrade to ``target`` made of it; return whether there was anything.

    The new databases were empty before; what somebody else has put there since stays. May be done again.
    """
    dropped = False
    for name, database in order.targets().items():
        wanted = target_of(database.kind, target, part_of(name, order.addresses)).wanted
        if discard_move(database, wanted.tables):
            say(f"Dropped what was moved to {database.address}")
            dropped = True
    return dropped


def written_since(order: Order) -> str:
    """
    Say in one sentence that the old databases have changed since they were moved; nothing where they have not.

    Only meaningful where no run has begun: then a move can be made anew. Raises EnvironmentProblem when the old ones
    cannot be read.
    """
    there = moved(order.targets()) if order.moved_from else {}
    changed = changed_since(order.moved_from, there)
    if not changed:
        return ""
    began = min(each.began for each in there.values())
    more = f" and {len(changed) - _TOLD} more tables" if len(changed) > _TOLD else ""
    return (
        f"The old databases have changed since they were moved at {began:%Y-%m-%d %H:%M} UTC (rows then: "
        f"{'; '.join(changed[:_TOLD])}{more}). What was written since is not in the upgrade; "
        "`apim-upgrade move --anew` takes it in."
    )


def bring_over(order: Order, source: str | None, say: Callable[[str], None]) -> Mapping[str, Move]:
    """Move what is to be moved and is not yet; the caller holds the run folder."""
    targets = order.targets(keep_connections=True)
    try:
        _refuse_too_little_room(order, targets, say)
        watch = disks.watch_servers(targets)
        return move_estate(order.moved_from, targets, source or order.source, journal.now(), say, watch)
    finally:
        for database in targets.values():
            database.close()


def _refuse_too_little_room(order: Order, targets: Mapping[str, Database], say: Callable[[str], None]) -> None:
    """Find out before copying that what is to be moved would fill the disk of its new server."""
    there = moved(targets)
    needed = {
        name: size * _GROWTH
        for name, address in order.moved_from.items()
        if name not in there and (size := _size(name, address)) is not None
    }
    if needed:
        disks.require_room_on_servers(targets, disks.facts_of(targets), needed, "Moving the databases", say)


def _size(name: str, address: Address) -> int | None:
    """How many bytes a database takes, None where its user cannot be told."""
    if address.kind == "h2":
        return H2Database(name, address).size()
    if address.only_read:
        return None
    database = Database(name, address)
    return disks.facts_of({name: database})[name].size


def refuse_unmoved(order: Order) -> None:
    """Raise EstateError when data is to be moved and is not there yet, so that nothing can be said of it."""
    there = moved(order.targets()) if order.moved_from else {}
    missing = [name for name in order.moved_from if name not in there]
    if missing:
        raise EstateError(
            f"The data of {missing[0]} ({order.moved_from[missing[0]]}) is not moved to "
            f"{order.addresses[missing[0]]} yet.",
            hint="Move it with `apim-upgrade move`, which changes nothing else; then plan.",
        )
