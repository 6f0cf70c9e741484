"""Rows computed for scripts: complete, and of use in a database that draws other numbers than the copy did."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from apim_upgrade.cli import main
from apim_upgrade.databases import Database
from apim_upgrade.databases.rendering import KINDS
from apim_upgrade.engine import Drawn, Load, Stage, Step, Work
from apim_upgrade.errors import ProjectError
from apim_upgrade.execution import Order, compute_rows, foresee_offline, run, write_scripts
from apim_upgrade.execution.computing import Recorder
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.planning.loading import waiting_table
from apim_upgrade.planning.vendor_rows import ComputedRows
from apim_upgrade.releases import Release
from conftest import Pair, Server, kept_sample
from execution.conftest import one_clock
from moving.vendors import MODULES, URLS, Driver
from planning.rows_back import Tables, Value, tables_after
from upgrade.conftest import Upgrading
from upgrade.content import content_hash

__all__ = ["one_clock"]
SOURCE, TARGET = "3.2.0", "4.7.0"
SECRET = "s3cret-of-the-desk"
APIS = 12


def quiet(said: object) -> None:
    """Listen to nothing."""


def scripts_in(folder: Path) -> list[str]:
    """The scripts that the index lists, in order, without those of commit."""
    listed = re.findall(r"^(\S+\.sql) ", (folder / "index.txt").read_text(encoding="utf-8"), re.M)
    return [name for name in listed if not name.startswith("commit/")]


def loaded(kind: str, folder: Path) -> dict[str, Tables]:
    """By the step's file: what its rows come to."""
    return {
        file.name.removesuffix(".rows.sql").partition("-")[2]: tables_after(kind, file.read_text(encoding="ascii"))
        for file in folder.glob("*.rows.sql")
    }


def count_on(database: Database) -> None:
    """Let every sequence go on far behind, as those of a DBMS do that has been restarted."""
    with database.write() as session:
        found = session.all("SELECT quote_ident(sequencename) AS name FROM pg_sequences WHERE schemaname = 'public'")
        for row in found:
            session.all(f"SELECT setval('{row.name}', nextval('{row.name}') + 5000)")


class Replaying:
    """Puts rows that were read back from scripts in the place of those that a run computes."""

    def __init__(self, scripts: dict[str, Tables], greatest: Callable[[str], int]) -> None:
        self._scripts, self._greatest = scripts, greatest
        self.translated = 0
        self.replaced = 0

    def watch(
        self, step: Step, operation: Stage | Load, work: Work, rows: Iterator[Sequence[object]]
    ) -> Iterator[Sequence[object]]:
        if isinstance(operation, Stage) and (operation.query is not None or only_looks(operation)):
            yield from rows
            return
        waiting = waiting_table(operation)
        computed = [tuple(row) for row in rows]
        columns = [column for column in waiting.columns if column.name != "row_no"]
        _, found = self._scripts[step.name.replace("/", "-")].get(waiting.name.upper(), ([], []))
        assert len(found) == len(computed), step.name
        for row in found:
            values = dict(zip([column.name for column in columns], row, strict=True))
            for column in columns:
                values[column.name] = self._here(work, column, values)
            self.replaced += 1
            yield [_as_given(each, values[column.name]) for each, column in zip(columns, columns, strict=True)]

    def _here(self, work: Work, column: object, values: dict[str, Value]) -> Value:
        drawn, value = Drawn.of(column), values[column.name]  # type: ignore[arg-type, attr-defined]
        if drawn is None or not isinstance(value, int) or value <= self._greatest(drawn.table.name):
            return value
        there = drawn.table.c
        query = select(there[drawn.number]).where(*(there[key] == values[name] for key, name in drawn.keys))
        ((number,),) = work.own.all(query)
        assert number != value
        self.translated += 1
        return int(number)


def _as_given(column: object, value: Value) -> Value | bool:
    """A truth value is a number in scripts."""
    return bool(value) if str(column.type) == "BOOLEAN" and value is not None else value  # type: ignore[attr-defined]


@pytest.mark.slow
def test_rows_of_scripts_give_the_same_content_where_other_numbers_are_drawn(
    sample_estate: Callable[..., Pair],
    upgrading: Callable[..., Upgrading],
    one_clock: None,
    tmp_path: Path,
) -> None:
    usual = upgrading(sample_estate(SOURCE, apis=APIS), TARGET)
    recorders = {kind: Recorder(kind, tmp_path / f"{kind}.rows") for kind in KINDS}

    def watch(
        step: Step, operation: Stage | Load, work: Work, rows: Iterator[Sequence[object]]
    ) -> Iterator[Sequence[object]]:
        for recorder in recorders.values():
            rows = recorder.watch(step, operation, work, rows)
        return rows

    for recorder in recorders.values():
        recorder.folder.mkdir()
    with recorders["db2"].noting_what_is_read():
        result = run(usual.order, None, retry_failed=False, listener=quiet, say=quiet, watch=watch)
    held = recorders["db2"].held(usual.order)
    assert {"reg_path", "reg_resource", "reg_log", "am_api", "um_tenant"} <= {each.table for each in held}
    assert all(each.greatest for each in held if each.table in ("reg_path", "am_api"))

    scripts: dict[str, dict[str, Tables]] = {}
    for kind, recorder in recorders.items():
        plan = foresee_offline(
            kind, Release.parse(SOURCE), usual.order.target, usual.order.choices, result.record.started
        )
        folder = tmp_path / kind
        write_scripts(plan, folder, ComputedRows(recorder.parts, held))
        scripts[kind] = loaded(kind, folder)
        _assert_complete(kind, folder)
    _assert_alike(scripts)

    other = upgrading(sample_estate(SOURCE, apis=APIS), TARGET)
    for database in other.pair.by_name().values():
        count_on(database)
    # Each vendor's rows serve a third of the steps; Oracle has no empty texts.
    mixed = {step: scripts[("mssql", "db2")[number % 2]][step] for number, step in enumerate(scripts["db2"])}
    replaying = Replaying(mixed, ComputedRows({}, held).greatest)
    run(other.order, None, retry_failed=False, listener=quiet, say=quiet, watch=replaying.watch)
    assert replaying.replaced > 1000
    assert replaying.translated > 0
    assert content_hash(*other.clones.values()) == content_hash(*usual.clones.values())


def _assert_complete(kind: str, folder: Path) -> None:
    """Every script that waits for rows comes after one that loads them, and none is left without."""
    names = scripts_in(folder)
    assert "needs rows" not in (folder / "index.txt").read_text(encoding="utf-8").partition("\n\n")[2]
    waiting = "This step waits for rows"
    waited = [name for name in names if waiting in (folder / name).read_text(encoding="utf-8")]
    assert len(waited) > 30
    for name in waited:
        before = names[names.index(name) - 1]
        assert before == name.replace(".sql", ".rows.sql")
        text = (folder / before).read_text(encoding="ascii")
        assert text.index("same-data") < text.index("DELETE FROM APIM_UPGRADE_") < text.rindex("Rows are missing")
        assert text.rindex("Rows are missing") < text.rindex("STATE='loaded'")
    assert names[4:] == sorted(names[4:])
    assert not [each for each in folder.iterdir() if each.suffix not in (".sql", ".txt") and each.name != "commit"]
    for part in ("am", "shared"):
        compared = (folder / f"0000-{part}-same-data.sql").read_text(encoding="ascii")
        assert compared.count("has changed since the copy; plan anew.") > 5
        once = re.search(r"STATE = 'done' AND \(?EXISTS \(.*?\.STEP = 'same-data'", compared, re.S)
        assert once is not None
        assert compared.index("DELETE FROM APIM_UPGRADE_JOURNAL") > compared.rindex("has changed since")


def _assert_alike(scripts: dict[str, dict[str, Tables]]) -> None:
    """The three vendors get the same rows, up to Oracle's empty texts."""
    assert scripts["mssql"] == scripts["db2"]
    for step, tables in scripts["db2"].items():
        for name, (columns, rows) in tables.items():
            empty = [[None if value == "" else value for value in row] for row in rows]
            found_columns, found = scripts["oracle"][step][name]
            assert found_columns == columns
            assert [[None if value == "" else value for value in row] for row in found] == empty, (step, name)


class Desk:
    """A project file and the command that writes scripts."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.file = folder / "upgrade.toml"

    def project(self, target: str, urls: dict[str, str]) -> None:
        lines = [f'target = "{target}"']
        for name, url in urls.items():
            lines += [f"[database.{name}]", f'url = "{url}"', 'username = "postgres"', f'password = "{SECRET}"']
        self.file.write_text("\n".join(lines), encoding="utf-8")

    def plan(self, kind: str, folder: str, *arguments: str) -> tuple[int, str]:
        common = ["--project", str(self.file), "--dialect", kind, "--sql", str(self.folder / folder)]
        code = main(["plan", *common, "--with-rows", *arguments])
        printed = self.capsys.readouterr()
        assert "Traceback" not in printed.err
        assert SECRET not in printed.out + printed.err
        return code, " ".join((printed.out + printed.err).split())


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def _assert_nothing_waits(folder: Path) -> None:
    names = scripts_in(folder)
    for name in names:
        if "This step waits for rows" in (folder / name).read_text(encoding="utf-8"):
            assert names[names.index(name) - 1] == name.replace(".sql", ".rows.sql")


@pytest.mark.slow
def test_the_command_says_what_it_could_not_compute_and_leaves_the_originals_alone(
    sample_estate: Callable[..., Pair], desk: Desk
) -> None:
    pair = sample_estate(SOURCE, apis=6, tenants=1)
    places = {name: each.address for name, each in pair.by_name().items()}
    desk.project("4.0.0", {name: f"postgresql:///{each.database}?host={each.host}" for name, each in places.items()})
    before = content_hash(*pair.by_name().values())
    code, said = desk.plan("mssql", "sql")
    assert (code, "scripts for mssql" in said) == (1, True), said
    assert re.search(r"warning: 4.0.0/api-data/endpoint-certificates: \S+: No truststore .* Give truststore", said)
    _assert_nothing_waits(desk.folder / "sql")
    assert content_hash(*pair.by_name().values()) == before
    code, said = desk.plan("mssql", "sql")
    assert (code, "is not empty" in said) == (2, True)
    code, said = desk.plan("mssql", "other", "--to", "3.2.0")
    assert (code, "error: " in said) == (2, True), said
    assert not list((desk.folder / "other").iterdir())


@pytest.mark.slow
@pytest.mark.thorough
def test_an_estate_on_oracle_gets_complete_scripts_from_its_own_shape(
    databases: Server, monkeypatch: pytest.MonkeyPatch, desk: Desk
) -> None:
    played = Release.parse("4.2.0")
    driver = Driver("oracle", played, kept_sample(databases, str(played), apis=6, tenants=1).by_name())
    shape = driver.shape("am")
    stock = shape.tables["AM_API"]
    wider = [replace(each, type="VARCHAR2(4000)") if each.name == "CONTEXT" else each for each in stock.columns]
    driver.shapes["am"] = replace(shape, tables={**shape.tables, "AM_API": replace(stock, columns=tuple(wider))})
    monkeypatch.setitem(sys.modules, MODULES["oracle"], driver)
    desk.project("4.5.0", URLS["oracle"])
    code, said = desk.plan("oracle", "sql")
    assert (code, "4.2.0 to 4.5.0" in said) == (0, True), said
    _assert_nothing_waits(desk.folder / "sql")
    everything = "".join(each.read_text(encoding="utf-8") for each in (desk.folder / "sql").glob("*.sql"))
    assert "UNISTR(" in everything or "INSERT INTO APIM_UPGRADE_STAGE" in everything
    assert "MODIFY (CONTEXT" not in everything


def test_scripts_from_another_release_than_that_of_the_databases_are_refused(databases: Server, tmp_path: Path) -> None:
    pair = kept_sample(databases, SOURCE, apis=6, tenants=1)
    addresses = {name: each.address for name, each in pair.by_name().items()}
    order = Order(addresses, {}, Release.parse(TARGET), Choices(), tmp_path / "runs")
    parts = tmp_path / "rows"
    with pytest.raises(ProjectError, match=r"are of 3.2.0, the scripts are to start from 4.0.0"):
        compute_rows(order, None, Release.parse("4.0.0"), "db2", parts, listener=quiet, say=quiet)
    assert not parts.exists()
    apart = replace(order, addresses={**addresses, "identity": addresses["am"]})
    with pytest.raises(ProjectError, match="names identity besides"):
        compute_rows(apart, None, None, "db2", parts, listener=quiet, say=quiet)
