"""Real databases for every test: one embedded PostgreSQL per worker, one cloned pair of databases per test."""

from __future__ import annotations

import gzip
import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from apim_upgrade import samples
from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.releases import Release

SHARED = Path(__file__).parents[2] / "shared"


def shared_path(*parts: str) -> Path:
    """A file of the facts beside the project; the test is skipped, saying so, where they are absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the facts beside the project are absent: shared/{'/'.join(parts)}")
    return path


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow ones, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """One throw-away PostgreSQL for this worker."""
    with EmbeddedPostgres() as running:
        with running.connect() as connection:
            for role in ("apim_user", "shared_user"):
                connection.execute(f"CREATE ROLE {role} LOGIN")
        yield running


@dataclass
class Server:
    """Makes databases on the worker's server and removes them again."""

    postgres: EmbeddedPostgres
    templates: dict[str, str]
    numbers: Iterator[int]

    def template(self, key: str, fill: Callable[[str], None]) -> str:
        """The database kept for ``key``, filled by ``fill(name)`` the first time it is asked for."""
        if key not in self.templates:
            name = f"template_{next(self.numbers)}"
            with self.postgres.connect() as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            fill(name)
            self.templates[key] = name
        return self.templates[key]

    def clone(self, template: str) -> str:
        name = f"test_{next(self.numbers)}"
        with self.postgres.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        return name

    def drop(self, name: str) -> None:
        with self.postgres.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def load_dump(self, path: Path, name: str) -> None:
        """Restore a plain SQL dump with psql."""
        with gzip.open(path) as packed:
            process = subprocess.Popen(
                [
                    str(self.postgres.binaries / "psql"),
                    "-h",
                    str(self.postgres.folder),
                    "-U",
                    "postgres",
                    "-q",
                    "-X",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-d",
                    name,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            assert process.stdin is not None
            shutil.copyfileobj(packed, process.stdin)
            process.stdin.close()
            assert process.wait() == 0


@pytest.fixture(scope="session")
def databases(server: EmbeddedPostgres) -> Server:
    """The worker's server with its kept templates."""
    return Server(server, {}, itertools.count(1))


@dataclass
class Pair:
    """The two databases of one estate, and those that are kept apart from them."""

    am: Database
    shared: Database
    apart: dict[str, Database] = field(default_factory=dict)

    def by_name(self) -> dict[str, Database]:
        return {"am": self.am, "shared": self.shared, **self.apart}

    @classmethod
    def of(cls, databases: Mapping[str, Database]) -> Pair:
        apart = {name: database for name, database in databases.items() if name not in ("am", "shared")}
        return cls(databases["am"], databases["shared"], apart)


@pytest.fixture
def real_estate(databases: Server) -> Iterator[Callable[[str], Pair]]:
    """``real_estate("4.0.0")``: a copy of an estate a real server wrote; ``"4.0.0/fresh"``: after its first start."""
    made: list[str] = []

    def make(which: str) -> Pair:
        folder = which if which.endswith("/fresh") else f"{which}/postgresql"
        pair = {}
        for part in ("am", "shared"):
            dump = shared_path("testdata", *folder.split("/"), f"{part}.sql.gz")
            template = databases.template(f"{which}:{part}", lambda name, dump=dump: databases.load_dump(dump, name))
            name = databases.clone(template)
            made.append(name)
            pair[part] = Database(part, databases.postgres.address(name))
        return Pair(pair["am"], pair["shared"])

    yield make
    for name in made:
        databases.drop(name)


def kept_sample(databases: Server, release: str, **shape: object) -> Pair:
    """The one sample estate of a shape that this worker has made; only to be read. Clone it to change it."""
    key = f"sample {release} {sorted(shape.items())}"
    names = {part: databases.template(f"{key} {part}", lambda name: None) for part in ("am", "shared")}
    am, shared = (Database(part, databases.postgres.address(name)) for part, name in names.items())
    if key not in databases.templates:
        samples.write(Release.parse(release), am, shared, **{"apis": 36, **shape})  # type: ignore[arg-type]
        databases.templates[key] = ""
    return Pair(am, shared)


@pytest.fixture
def sample_estate(databases: Server) -> Iterator[Callable[..., Pair]]:
    """``sample_estate("4.0.0", apis=40, blemishes=True)``: a copy of a made-up estate of any source release."""
    made: list[str] = []

    def make(release: str, **shape: object) -> Pair:
        pair = {}
        for part, kept in kept_sample(databases, release, **shape).by_name().items():
            made.append(databases.clone(kept.address.database))
            pair[part] = Database(part, databases.postgres.address(made[-1]))
        return Pair(pair["am"], pair["shared"])

    yield make
    for name in made:
        databases.drop(name)


@pytest.fixture
def empty_database(databases: Server) -> Iterator[Callable[[str], Database]]:
    """``empty_database("am")``: a new, empty database."""
    made: list[str] = []

    def make(name: str = "am") -> Database:
        database = databases.clone("template0")
        made.append(database)
        return Database(name, databases.postgres.address(database))

    yield make
    for name in made:
        databases.drop(name)
