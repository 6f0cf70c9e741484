"""``move``: to another DBMS, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import H2_JAR, SOURCE, order_from
from apim_upgrade.cli.output import make_table
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.moving import Move


def command(
    settings: Settings,
    source: SOURCE = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Drop what was moved before and move again, as long as no run has begun.")
    ] = False,
    h2_jar: H2_JAR = None,
) -> None:
    """
    Move the data to another DBMS, in the form of its own release, and do nothing else.

    Reads H2 files, PostgreSQL, MySQL, Oracle, SQL Server or DB2; writes the empty databases that upgrade.toml names as
    move_to, on PostgreSQL or MySQL. Every table is made as the product's own script makes it there, filled, read back
    and compared by checksums. The originals are only read. `run` does it by itself; this command lets you plan and
    check on the moved data first. What is moved already stays; a move that was broken off is begun anew. Stop the old
    server first: `run` asks before it upgrades data that the old databases have gone beyond, and --anew takes in what
    was written since.
    """
    from apim_upgrade.execution import move

    order = order_from(settings, h2_jar=h2_jar)
    moves = move(order, source, settings.output.say, anew=anew)
    settings.output.result(
        "move", {"databases": {name: each.as_json() for name, each in moves.items()}}, lambda: _text(moves)
    )


def _text(moves: Mapping[str, Move]) -> Iterator[RenderableType]:
    for name, each in moves.items():
        yield make_table(
            f"{name}: API Manager {each.release} from {each.source}",
            ("table", "checksum", "rows"),
            ((table.name, table.checksum, table.rows) for table in each.tables if table.rows),
            words=2,
        )
    yield "Every table has the same rows on both sides. Next: `apim-upgrade plan`, then `apim-upgrade run`."
