"""Moves an estate to another DBMS, in the form of its own release, and proves that nothing changed on the way."""

from apim_upgrade.moving.estate import changed_since, move_estate, moved, readable, throw_away_copy
from apim_upgrade.moving.marker import Move, MovedTable, drop_move, read_move
from apim_upgrade.moving.move import Held, discard_move, move_database
from apim_upgrade.moving.source import Source, open_source

__all__ = [
    "Held",
    "Move",
    "MovedTable",
    "Source",
    "changed_since",
    "discard_move",
    "drop_move",
    "move_database",
    "move_estate",
    "moved",
    "open_source",
    "read_move",
    "readable",
    "throw_away_copy",
]
