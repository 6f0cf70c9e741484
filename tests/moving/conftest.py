"""A pack with an estate in H2 files, written by the tests themselves; never changed, so one serves all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from apim_upgrade.databases import Address
from conftest import Pair, Server, kept_sample
from execution.conftest import CLOCK, one_clock, site
from moving.h2_files import h2_address, rows_of, stock_statements, write_h2

__all__ = ["CLOCK", "one_clock", "site"]

RELEASE = "4.2.0"
JARS = Path(__file__).parents[2] / ".servers"
FILES = {"am": "WSO2AM_DB", "shared": "WSO2SHARED_DB"}
DEPLOYMENT = """
[database.apim_db]
type = "h2"
url = "jdbc:h2:./repository/database/WSO2AM_DB;AUTO_SERVER=TRUE;DB_CLOSE_ON_EXIT=FALSE"
username = "wso2carbon"
password = "wso2carbon"
[database.shared_db]
type = "h2"
url = "jdbc:h2:./repository/database/WSO2SHARED_DB;DB_CLOSE_ON_EXIT=FALSE"
username = "wso2carbon"
password = "wso2carbon"
"""


@pytest.fixture(scope="session")
def h2_jar() -> Path:
    """H2 2.1, as Debian has it: what the pack of 4.2.0 reads and writes."""
    for jar in (JARS / "h2" / "usr" / "share" / "java" / "h2.jar", Path("/usr/share/java/h2.jar")):
        if jar.exists():
            return jar.resolve()
    if shutil.which("apt-get"):
        pytest.fail("There is no H2. `make servers` fetches one.")
    pytest.skip("There is no H2 (Debian's libh2-java), and no apt-get to fetch it.")


@dataclass(frozen=True)
class Pack:
    """The home of a server on H2 files, and the same estate on PostgreSQL; both only to be read."""

    home: Path
    same: Pair

    def addresses(self) -> dict[str, Address]:
        return {part: h2_address(self.home / "repository" / "database" / name) for part, name in FILES.items()}


@pytest.fixture(scope="session")
def pack(h2_jar: Path, databases: Server, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """An estate of 4.2.0 that a pack holds in H2 files."""
    same = kept_sample(databases, RELEASE, apis=6, tenants=1)
    home = tmp_path_factory.mktemp("wso2am-4.2.0")
    for folder in ("conf", "database", "components/plugins"):
        (home / "repository" / folder).mkdir(parents=True)
    (home / "repository" / "conf" / "deployment.toml").write_text(DEPLOYMENT, encoding="utf-8")
    (home / "repository" / "components" / "plugins" / "h2-engine_2.1.jar").symlink_to(h2_jar)
    for part, name in FILES.items():
        file = home / "repository" / "database" / name
        write_h2(h2_jar, file, stock_statements(RELEASE, part), rows_of(same.by_name()[part], RELEASE, part))
    return Pack(home, same)


@pytest.fixture
def unchanged(pack: Pack) -> Callable[[], bool]:
    """Whether the pack is still what it was: every file with its bytes and its time."""

    def look() -> dict[str, tuple[int, bytes]]:
        files = sorted(path for path in (pack.home / "repository").rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = look()
    return lambda: look() == before
