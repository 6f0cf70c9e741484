"""Moves all databases of an estate, each from one moment, taken together as near as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime

from apim_upgrade.databases import Address, Database, EmbeddedPostgres
from apim_upgrade.databases.address import CALLED
from apim_upgrade.estate import release_by_schema
from apim_upgrade.moving.marker import Move, read_move
from apim_upgrade.moving.move import Held, move_database, refuse_occupied
from apim_upgrade.moving.progress import Say
from apim_upgrade.moving.source import open_source
from apim_upgrade.releases import part_of
from apim_upgrade.releases.model import fold


def move_estate(
    sources: Mapping[str, Address],
    targets: Mapping[str, Database],
    told: str | None,
    began: datetime,
    say: Say,
    watch: Callable[[], None] = lambda: None,
) -> dict[str, Move]:
    """
    Move every database of ``sources`` into the one of ``targets`` that has its name; return what is there.

    ``told`` is the operator's word for the release, used only where the schema leaves a doubt. What was moved whole is
    not moved again, and then the sources are not even opened. ``watch`` is called while rows are copied and may raise.
    Raises EstateError and EnvironmentProblem; see :func:`~apim_upgrade.moving.move.move_database`.
    """
    there = moved(targets)
    if len(there) == len(targets):
        return there
    for name, target in targets.items():
        if name not in there:
            refuse_occupied(target)
    with ExitStack() as stack:
        opened = {name: stack.enter_context(open_source(name, address)) for name, address in sources.items()}
        schemas = {name: source.schema() for name, source in opened.items()}
        release = release_by_schema(sources, schemas, told)
        done = {}
        for name, source in opened.items():
            if name not in there:
                say(f"Moving {name} ({sources[name]}, API Manager {release}) to {targets[name].address}")
                if source.unsettled:
                    say(f"{name}: keep the API-M server stopped meanwhile: {source.unsettled}")
            held = Held(str(sources[name]), schemas[name], release, part_of(name, sources))
            done[name] = move_database(source, held, targets[name], began, say, watch)
            rows = sum(table.rows for table in done[name].tables)
            say(f"Moved {name}: {len(done[name].tables)} tables, {rows:,} rows, the same checksums on both sides")
        return done


def moved(targets: Mapping[str, Database]) -> dict[str, Move]:
    """Return the moves that are whole, by database."""
    found = {}
    for name, target in targets.items():
        with target.read() as session:
            move = read_move(session)
        if move is not None and move.whole:
            found[name] = move
    return found


def changed_since(sources: Mapping[str, Address], moves: Mapping[str, Move]) -> list[str]:
    """
    Name the tables of the sources that have another number of rows than when they were moved, with both numbers.

    A changed row is not found this way, but a server that has gone on working is: it adds some. Raises
    EnvironmentProblem when a source cannot be read.
    """
    changed = []
    with ExitStack() as stack:
        for name, move in moves.items():
            source = stack.enter_context(open_source(name, sources[name]))
            then = {fold(table.name): table.rows for table in move.tables}
            for table in source.schema().tables:
                rows = then.get(fold(table))
                if rows is not None and (now := source.count(table)) != rows:
                    changed.append(f"{name}.{table} {rows:,}, now {now:,}")
    return changed


@contextmanager
def readable(
    addresses: Mapping[str, Address], told: str | None, began: datetime, say: Say
) -> Iterator[dict[str, Database]]:
    """
    Open an estate for queries, whatever it is on; nothing of it is changed.

    What is only read (H2 files, Oracle, SQL Server, DB2) cannot be asked all that has to be known, and is looked at as
    a :func:`throw_away_copy`. Raises what that raises.
    """
    if not any(address.only_read for address in addresses.values()):
        yield {name: Database(name, address) for name, address in addresses.items()}
        return
    with throw_away_copy(addresses, told, began, say) as copies:
        yield copies


@contextmanager
def throw_away_copy(
    addresses: Mapping[str, Address], told: str | None, began: datetime, say: Say
) -> Iterator[dict[str, Database]]:
    """
    Copy an estate, whatever it is on, into a PostgreSQL of the tool's own that goes with the block.

    The copy is in the form of the estate's own release. Raises EnvironmentProblem where there is no PostgreSQL to
    start, and what :func:`move_estate` raises.
    """
    kind = next(iter(addresses.values())).kind
    what = "H2 files" if kind == "h2" else f"{CALLED.get(kind, kind)} databases"
    say(f"Copying the {what} into a throw-away PostgreSQL to look at them")
    with EmbeddedPostgres() as server:
        with server.connect() as connection:
            for name in addresses:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
        copies = {name: Database(name, server.address(name)) for name in addresses}
        move_estate(addresses, copies, told, began, say)
        yield copies
