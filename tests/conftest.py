"""
Real databases for every test: one embedded PostgreSQL per worker, one cloned pair of databases per test.

A test that asks for MySQL gets a MariaDB, one per worker as well; ``real_estate("3.2.0/mysql")``, ``mysql_database``.
"""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from apim_upgrade import samples
from apim_upgrade.databases import Database, EmbeddedMariaDB, EmbeddedPostgres
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.releases import Release
from mysql_server import EmbeddedMySQL

ON_MYSQL = "APIM_UPGRADE_MYSQL_BIN" in os.environ
"""Whether the tests run on a MySQL in the place of MariaDB."""
SHARED = Path(__file__).parents[2] / "shared"


def shared_path(*parts: str) -> Path:
    """A file of the facts beside the project; the test is skipped, saying so, where they are absent."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the facts beside the project are absent: shared/{'/'.join(parts)}")
    return path


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Begin with the slow ones, so that no worker is left with one at the end.

    Their coverage is not measured, which would take them half as long again: they repeat whole upgrades, whose every
    line has quick tests of its own.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker("no_cover")


_MEMORY = Path("/dev/shm")
_ROOM = 6 * 1024**3


@contextmanager
def throw_away_home() -> Iterator[Path]:
    """
    A folder for the data of a test's own server, in memory where there is room.

    Databases are copied and dropped for every test, and a server writes all it has to the disk each time.
    """
    for left in _MEMORY.glob("apim-tests-*"):  # of tests that were killed
        if not Path(f"/proc/{left.name.split('-')[2]}").exists():
            shutil.rmtree(left, ignore_errors=True)
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM and _free_memory() > _ROOM
    with tempfile.TemporaryDirectory(
        prefix=f"apim-tests-{os.getpid()}-", dir=_MEMORY if roomy else None, ignore_cleanup_errors=True
    ) as home:
        yield Path(home)


def _free_memory() -> int:
    told = Path("/proc/meminfo").read_text(encoding="ascii").partition("MemAvailable:")[2].split()
    return int(told[0]) * 1024 if told else 0


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """One throw-away PostgreSQL for this worker."""
    with throw_away_home() as home, EmbeddedPostgres(home) as running:
        with running.connect() as connection:
            for role in ("apim_user", "shared_user"):
                connection.execute(f"CREATE ROLE {role} LOGIN")
        yield running


_NEWER = {b"SET default_table_access_method = heap;": b"", b"EXECUTE FUNCTION": b"EXECUTE PROCEDURE"}
"""What pg_dump has written since PostgreSQL 12 and 11, in words that 10 knows as well."""


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
            quick = " STRATEGY file_copy" if connection.info.server_version >= 150_000 else ""
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{quick}')
        return name

    def drop(self, name: str) -> None:
        with self.postgres.connect() as connection:
            force = " WITH (FORCE)" if connection.info.server_version >= 130_000 else ""
            connection.execute(f'DROP DATABASE IF EXISTS "{name}"{force}')

    def load_dump(self, path: Path, name: str) -> None:
        """Restore a plain SQL dump with psql."""
        text = gzip.decompress(path.read_bytes())
        for newer, older in _NEWER.items():
            text = text.replace(newer, older)
        self.postgres.run(
            "psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d", name, input=text, stdout=subprocess.DEVNULL
        )


@pytest.fixture(scope="session")
def databases(server: EmbeddedPostgres) -> Server:
    """The worker's server with its kept templates."""
    return Server(server, {}, itertools.count(1))


@contextmanager
def mariadb_server(kept: Path | None = None, **settings: str) -> Iterator[EmbeddedMariaDB]:
    """A MariaDB with settings of its own, such as ``lower_case_table_names="1"``; or a MySQL, where one is named."""
    where = throw_away_home() if kept is None else nullcontext(kept)
    options = {name.replace("_", "-"): it for name, it in settings.items()}
    if named := os.environ.get("APIM_UPGRADE_MYSQL_BIN"):
        if named not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join((named, os.environ["PATH"]))  # for the programs that copy
        with where as home, EmbeddedMySQL(home, settings=options) as mysql:
            yield mysql
        return
    installed = Path(__file__).parents[1] / ".servers" / "mariadb" / "usr" / "sbin"
    if installed.exists():
        os.environ.setdefault("APIM_UPGRADE_MARIADB_BIN", str(installed))
    with where as home:
        try:
            server = EmbeddedMariaDB(home, settings=options)
        except EnvironmentProblem as problem:
            if shutil.which("apt-get"):
                pytest.fail(f"{problem.message} `make servers` fetches one.")
            pytest.skip(problem.message)
        with server:
            yield server


@dataclass
class MariaServer:
    """Makes databases on the worker's MariaDB and removes them again."""

    maria: EmbeddedMariaDB
    kept: Path
    numbers: Iterator[int]
    made: list[str] = field(default_factory=list)

    def create(self, charset: str = "latin1", collation: str = "") -> str:
        """Make an empty database, which is dropped after the test."""
        name = f"test_{next(self.numbers)}"
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET {charset}" + (collation and f" COLLATE {collation}"))
        self.made.append(name)
        return name

    def execute(self, *statements: str, database: str | None = None) -> None:
        with self.maria.connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def load_dump(self, path: Path, name: str) -> None:
        """Restore a dump with the client."""
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as dump:
            self.maria.run("mariadb", name, input=dump.read(), stdout=subprocess.DEVNULL)

    def filled(self, key: str, fill: Callable[[str], None], charset: str = "latin1") -> str:
        """A database filled by ``fill(name)``; the second time for ``key`` it is restored from what that made."""
        name = self.create(charset)
        dump = self.kept / f"{key.replace('/', '_').replace(' ', '_')}.sql"
        if dump.exists():
            self.load_dump(dump, name)
        else:
            fill(name)
            with dump.open("wb") as file:
                self.maria.run("mariadb-dump", "--skip-comments", name, stdout=file)
        return name

    def database(self, part: str, name: str) -> Database:
        return Database(part, self.maria.address(name))

    def drop_all(self) -> None:
        while self.made:
            self.execute(f"DROP DATABASE IF EXISTS `{self.made.pop()}`")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[EmbeddedMariaDB]:
    """One throw-away MariaDB for this worker."""
    with mariadb_server() as running:
        yield running


@pytest.fixture(scope="session")
def kept_mysql_databases(mariadb: EmbeddedMariaDB, tmp_path_factory: pytest.TempPathFactory) -> MariaServer:
    return MariaServer(mariadb, tmp_path_factory.mktemp("mysql"), itertools.count(1))


@pytest.fixture
def mysql_databases(kept_mysql_databases: MariaServer) -> Iterator[MariaServer]:
    """The worker's MariaDB; the databases that a test makes are dropped after it."""
    yield kept_mysql_databases
    kept_mysql_databases.drop_all()


@pytest.fixture
def mysql_database(mysql_databases: MariaServer) -> Callable[..., Database]:
    """``mysql_database("am", charset="utf8mb4")``: a new, empty database on MariaDB; by default latin1."""

    def make(name: str = "am", **shape: str) -> Database:
        return mysql_databases.database(name, mysql_databases.create(**shape))

    return make


@dataclass
class Pair:
    """The two databases of one estate, and those that are kept apart from them."""

    am: Database
    shared: Database
    apart: dict[str, Database] = field(default_factory=dict)

    def by_name(self) -> dict[str, Database]:
        return {"am": self.am, "shared": self.shared, **self.apart}

    @contextmanager
    def connected(self) -> Iterator[dict[str, Database]]:
        """The databases by name, with connections that last to the end of the block: for many steps."""
        kept = {name: Database(name, each.address, keep_connections=True) for name, each in self.by_name().items()}
        try:
            yield kept
        finally:
            for each in kept.values():
                each.close()

    @classmethod
    def of(cls, databases: Mapping[str, Database]) -> Pair:
        apart = {name: database for name, database in databases.items() if name not in ("am", "shared")}
        return cls(databases["am"], databases["shared"], apart)


@pytest.fixture
def real_estate(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Pair]]:
    """
    ``real_estate("4.0.0")``: a copy of an estate a real server wrote; ``"4.0.0/fresh"``: after its first start.

    ``"3.2.0/mysql"`` and ``"4.2.0/mysql"`` lie on MariaDB, the others on PostgreSQL.
    """
    made: list[str] = []

    def make(which: str) -> Pair:
        if which.endswith("/mysql"):
            maria: MariaServer = request.getfixturevalue("mysql_databases")
            return Pair(*(_real_mysql(maria, which, part) for part in ("am", "shared")))
        databases: Server = request.getfixturevalue("databases")
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
        request.getfixturevalue("databases").drop(name)


def _real_mysql(maria: MariaServer, which: str, part: str) -> Database:
    name = maria.create()
    maria.load_dump(shared_path("testdata", *which.split("/"), f"{part}.sql.gz"), name)
    return maria.database(part, name)


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
