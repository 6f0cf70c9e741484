"""What servers write while they are at work, by table; see ``data/traffic.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from apim_upgrade.releases.knowledge import read_toml

_FILE = "traffic.toml"


@dataclass(frozen=True, slots=True)
class Told:
    """What the rows of a table are for a person; ``named`` are the columns that name one, never a secret."""

    what: str
    named: tuple[str, ...]


@cache
def told_tables() -> Mapping[str, Told]:
    """Return the tables whose rows somebody asked for, by name, the most important first."""
    return {entry["table"]: Told(entry["what"], tuple(entry["named"])) for entry in read_toml(_FILE)["told"]}


@cache
def fleeting_tables() -> frozenset[str]:
    """Return the tables whose rows nobody misses: sessions, caches, codes for one use."""
    return frozenset(read_toml(_FILE)["fleeting"])
