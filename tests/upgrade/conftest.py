"""Whole upgrades on copies of whole estates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from apim_upgrade.databases import Address, Database
from apim_upgrade.engine import Event, Session
from apim_upgrade.execution import Checked, Order, RunResult, commit, prove, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from conftest import Pair, Server, shared_path


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
def upgrading(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Upgrading]]:
    """``upgrading(pair, "4.4.0")``: an order for one estate, its clones dropped at the end."""
    made: list[str] = []

    def make(pair: Pair, target: str, *, in_place: bool = False) -> Upgrading:
        clones = {} if in_place else {name: f"{each.address.database}_up" for name, each in pair.by_name().items()}
        if pair.am.kind == "mysql":
            request.getfixturevalue("mysql_databases").made.extend(clones.values())
        else:
            made.extend(clones.values())
            made.extend(f"{name}__partial" for name in clones.values())
        addresses = {name: each.address for name, each in pair.by_name().items()}
        return Upgrading(pair, Order(addresses, clones, Release.parse(target), Choices(), tmp_path / "runs"), [])

    yield make
    for name in made:
        request.getfixturevalue("databases").drop(name)


class Kept(Database):
    """A database that is only read: one connection answers all that a test asks, where each would open its own."""

    _asked: ClassVar[list[Kept]] = []

    def __init__(self, name: str, address: Address) -> None:
        super().__init__(name, address)
        self._stack = ExitStack()
        self._session: Session | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        if self._session is None:
            self._session = self._stack.enter_context(super().read())
            self._asked.append(self)
        yield self._session

    @classmethod
    def leave_all(cls) -> None:
        """End every connection: a database in use cannot be copied."""
        while cls._asked:
            each = cls._asked.pop()
            each._session = None
            each._stack.close()


@pytest.fixture(autouse=True)
def leave_kept_databases() -> Iterator[None]:
    yield
    Kept.leave_all()


@dataclass(frozen=True)
class Upgraded:
    """One estate before and after its upgrade."""

    source: str
    target: str
    before: Pair
    after: Pair


def kept_estate(databases: Server, which: str) -> Pair:
    """The one copy of an estate that this worker holds; only to be read."""
    folder = which if which.endswith("/fresh") else f"{which}/postgresql"
    pair = {}
    for part in ("am", "shared"):
        dump = shared_path("testdata", *folder.split("/"), f"{part}.sql.gz")
        name = databases.template(f"{which}:{part}", lambda name, dump=dump: databases.load_dump(dump, name))
        pair[part] = Kept(part, databases.postgres.address(name))
    return Pair(pair["am"], pair["shared"])


@pytest.fixture(scope="session")
def upgraded(databases: Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Upgraded]:
    """``upgraded("4.0.0", "4.5.0")``: an estate and its upgrade, made once per worker; both only to be read."""
    made: dict[tuple[str, str], Upgraded] = {}

    def make(source: str, target: str) -> Upgraded:
        if (source, target) not in made:
            before = kept_estate(databases, source)
            clones = {name: f"kept_{source}_{target}_{name}" for name in before.by_name()}
            addresses = {name: each.address for name, each in before.by_name().items()}
            order = Order(addresses, clones, Release.parse(target), Choices(), tmp_path_factory.mktemp("runs"))
            Kept.leave_all()
            run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)
            commit(order, lambda event: None)
            after = {name: Kept(name, databases.postgres.address(clone)) for name, clone in clones.items()}
            made[source, target] = Upgraded(source, target, before, Pair(after["am"], after["shared"]))
        return made[source, target]

    return make
