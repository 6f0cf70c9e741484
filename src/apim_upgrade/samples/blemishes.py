"""What real estates suffer from, done to a clean sample: typed access to ``data/blemishes.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from apim_upgrade.engine import Session
from apim_upgrade.releases import Release
from apim_upgrade.samples.stock import document


@dataclass(frozen=True, slots=True)
class Blemish:
    """One kind of damage or oddity, and the statements that make it in one of the databases."""

    name: str
    part: str
    statements: tuple[str, ...]


def blemishes(release: Release) -> tuple[Blemish, ...]:
    """Every blemish that an estate of a release can have."""
    return tuple(
        Blemish(entry["name"], entry["part"], tuple(entry["statements"]))
        for entry in document("blemishes")["blemish"]
        if ("since" not in entry or Release.parse(entry["since"]) <= release)
        and ("before" not in entry or release < Release.parse(entry["before"]))
    )


def spoil(release: Release, sessions: Mapping[str, Session]) -> tuple[str, ...]:
    """Do all of them to an estate that has its keys and indexes; return their names."""
    found = blemishes(release)
    for blemish in found:
        for statement in blemish.statements:
            sessions[blemish.part].execute(text(statement))
    return tuple(blemish.name for blemish in found)
