"""Whole upgrades on copies of whole estates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.engine import Event
from apim_upgrade.execution import Checked, Order, RunResult, commit, prove, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from conftest import Pair, Server


@dataclass
class Upgrading:
    """One estate with an order to upgrade it side by side."""

    pair: Pair
    order: Order
    events: list[Event]

    def run(self, *, retry_failed: bool = False) -> RunResult:
        return run(self.order, None, retry_failed=retry_failed, listener=self.events.append, say=lambda text: None)

    def prove(self) -> Checked:
        return prove(self.order)

    def commit(self) -> Checked:
        return commit(self.order, self.events.append)

    @property
    def clones(self) -> dict[str, Database]:
        return self.order.targets()


@pytest.fixture
def upgrading(databases: Server, tmp_path: Path) -> Iterator[Callable[..., Upgrading]]:
    """``upgrading(pair, "4.4.0")``: an order for one estate, its clones dropped at the end."""
    made: list[str] = []

    def make(pair: Pair, target: str, *, in_place: bool = False) -> Upgrading:
        clones = {} if in_place else {name: f"{each.address.database}_up" for name, each in pair.by_name().items()}
        made.extend(clones.values())
        made.extend(f"{name}__partial" for name in clones.values())
        addresses = {name: each.address for name, each in pair.by_name().items()}
        return Upgrading(pair, Order(addresses, clones, Release.parse(target), Choices(), tmp_path / "runs"), [])

    yield make
    for name in made:
        databases.drop(name)
