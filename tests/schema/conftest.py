"""Databases made from the catalogues alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from apim_upgrade.schema import create_statements
from conftest import Server


@pytest.fixture
def stock(databases: Server) -> Iterator[Callable[[Release, str], Database]]:
    """``stock(release, "am")``: a database that the stock script of a release has just made."""
    made: list[str] = []

    def make(release: Release, part: str) -> Database:
        def fill(name: str) -> None:
            with Database(part, databases.postgres.address(name)).write() as session:
                for statement in create_statements("postgresql", release, part):
                    session.execute(statement)

        name = databases.clone(databases.template(f"stock {release} {part}", fill))
        made.append(name)
        return Database(part, databases.postgres.address(name))

    yield make
    for name in made:
        databases.drop(name)
