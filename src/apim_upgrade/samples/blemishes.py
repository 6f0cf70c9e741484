"""What real estates suffer from, done to a clean sample: typed access to ``data/blemishes.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from apim_upgrade.samples.stock import document


@dataclass(frozen=True, slots=True)
class Blemish:
    """One kind of damage or oddity, and the statements that make it in one of the databases."""

    name: str
    part: str
    statements: tuple[str, ...]


def blemishes(release: Release, kind: str = "postgresql") -> tuple[Blemish, ...]:
    """Every blemish that an estate of a release can have; ``kind`` is the DBMS: ``postgresql`` or ``mysql``."""
    return tuple(
        Blemish(entry["name"], entry["part"], tuple(entry.get(kind, entry["statements"])))
        for entry in document("blemishes")["blemish"]
        if ("since" not in entry or Release.parse(entry["since"]) <= release)
        and ("before" not in entry or release < Release.parse(entry["before"]))
    )


def spoil(release: Release, databases: Mapping[str, Database]) -> tuple[str, ...]:
    """Do all of them to an estate that has its keys and indexes, each in a transaction; return their names."""
    names = []
    for blemish in blemishes(release, databases["am"].kind):
        with databases[blemish.part].write() as session:
            for statement in blemish.statements:
                session.execute(statement)
        names.append(blemish.name)
    return tuple(names)
