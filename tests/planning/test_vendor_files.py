"""Scripts for Oracle, SQL Server and DB2: complete, in order, safe to run again, and honest of what they cannot do."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
import sqlglot
from sqlalchemy import ColumnClause, TableClause
from sqlalchemy.sql import visitors

from apim_upgrade import __version__
from apim_upgrade.cli import main
from apim_upgrade.databases.rendering import KINDS, render
from apim_upgrade.engine import Load, Phase, Sql, Stage
from apim_upgrade.errors import EstateError
from apim_upgrade.estate import release_of
from apim_upgrade.execution import OfflinePlan, foresee_offline, write_scripts
from apim_upgrade.migrations.findings import only_looks
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.planning.clients import CLIENTS
from apim_upgrade.releases import PARTS, Release, sources
from apim_upgrade.schema import predicted_after_expand
from apim_upgrade.schema.shapes import question, read_answer, stock_shape
from schema.answers import answer

SOURCE, TARGET = Release.parse("3.2.0"), Release.parse("4.7.0")
CLOCK = datetime(2026, 1, 2, 3, 4, 5)
GOLDEN = Path(__file__).parent / "golden"


@cache
def plan_of(kind: str) -> OfflinePlan:
    return foresee_offline(kind, SOURCE, TARGET, Choices(), CLOCK)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of scripts for a vendor, written once."""

    @cache
    def write(kind: str) -> Path:
        folder = tmp_path_factory.mktemp(kind) / "sql"
        write_scripts(plan_of(kind), folder)
        return folder

    return write


def texts(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.sql"))}


def sent(kind: str, text: str) -> list[str]:
    """What the client sends, one by one, without comments and its own commands."""
    lines = [line for line in text.splitlines() if not line.startswith("-- ")][len(CLIENTS[kind].opening) :]
    return [part.strip() for part in re.split(rf"^{CLIENTS[kind].end}$", "\n".join(lines), flags=re.M) if part.strip()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["schema/am/expand/AM_API_CATEGORIES", "4.0.0/identity/tenant-uuids", "4.2.0/api-data/sign-up"]
)
def test_scripts_are_what_they_were_when_somebody_read_them(
    scripts: Callable[[str], Path], kind: str, name: str
) -> None:
    (file,) = scripts(kind).glob(f"[0-9]*-{name.replace('/', '-')}.sql")
    golden = GOLDEN / kind / f"{name.replace('/', '-')}.sql"
    written = file.read_text(encoding="utf-8").replace(f"by apim-upgrade {__version__}", "by apim-upgrade VERSION")
    position = int(file.name.split("-")[0])
    assert re.sub(rf", {position}\b", ", POSITION", written) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_is_a_script_of_the_index_in_order(scripts: Callable[[str], Path], kind: str) -> None:
    folder, plan = scripts(kind), plan_of(kind)
    index = (folder / "index.txt").read_text(encoding="utf-8")
    listed = re.findall(r"^(\S+\.sql) ", index, re.M)
    assert sorted(listed) == sorted(texts(folder))
    steps = [file for file in listed if re.match(r"\d+", file) and not file.startswith("0000")]
    names = [step.name.replace("/", "-") for step in plan.steps]
    assert [re.sub(r"^\d+-|\.sql$", "", file) for file in steps] == names
    assert CLIENTS[kind].run in index
    assert "not run" in index


@pytest.mark.parametrize("kind", KINDS)
def test_every_script_stops_at_errors_records_itself_and_commits(scripts: Callable[[str], Path], kind: str) -> None:
    client = CLIENTS[kind]
    for file, text in texts(scripts(kind)).items():
        lines = text.splitlines()
        remarks = [line for line in lines if line.startswith("-- ")]
        assert lines[: len(remarks) and lines.index(client.opening[0])] == remarks[: lines.index(client.opening[0])]
        statements = sent(kind, text)
        assert statements[-1] == client.commit, file
        assert not client.begin or statements[0] == client.begin
        if "journal" not in file:
            assert sum("INSERT INTO APIM_UPGRADE_JOURNAL" in each and "'done'" in each for each in statements) == 1
        # A semicolon at the end of a line would end a statement of SQL*Plus, its lines are limited, too.
        assert max(len(line) for line in lines) < 2400
        if kind == "oracle":
            plain = [each for each in statements if not re.match(r"DECLARE|BEGIN", each)]
            assert not [each for each in plain if re.search(r";\s*$", each, re.M)]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_with_computed_rows_say_so_and_stop(scripts: Callable[[str], Path], kind: str) -> None:
    folder, plan = scripts(kind), plan_of(kind)
    index = (folder / "index.txt").read_text(encoding="utf-8")
    waiting = {"oracle": "RAISE_APPLICATION_ERROR", "mssql": "THROW 50001", "db2": "SIGNAL SQLSTATE"}[kind]
    for position, step in enumerate(plan.steps, 1):
        computed = any(
            isinstance(each, Load) or (isinstance(each, Stage) and each.query is None and not only_looks(each))
            for each in step.operations
        )
        file = f"{position:04d}-{step.name.replace('/', '-')}.sql"
        text = (folder / file).read_text(encoding="utf-8")
        assert (waiting in text) == computed, step.name
        (line,) = [line for line in index.splitlines() if line.startswith(file)]
        assert line.endswith("needs rows that the tool computes") == computed
        if computed:
            stop = text.index(waiting)
            changes = re.search(r"^(INSERT INTO|UPDATE|DELETE FROM) (?!APIM_UPGRADE_|COMMAND )", text, re.M)
            assert changes is None or stop < changes.start()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_for_tables_that_stay_wait_beside_them(scripts: Callable[[str], Path], kind: str) -> None:
    (file,) = scripts(kind).glob("*-prepare-artifacts.sql")
    text = file.read_text(encoding="utf-8")
    emptied, stop = text.index("DELETE FROM APIM_UPGRADE_ARTIFACT"), text.index("This step waits for rows")
    taken = re.search(r"INSERT INTO APIM_UPGRADE_ARTIFACT \([^)]*\) SELECT [^/@]*APIM_UPGRADE_LOAD_APIM_UPGRADE", text)
    assert taken is not None
    assert stop < emptied < taken.start()
    assert "ROW_NO" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_query_gives_a_script_takes_by_itself(scripts: Callable[[str], Path], kind: str) -> None:
    (file,) = scripts(kind).glob("*-finish-reindex.sql")
    text = file.read_text(encoding="utf-8")
    assert re.search(r"DELETE FROM APIM_UPGRADE_STAGE_LIVING\n.\w?\nINSERT INTO APIM_UPGRADE_STAGE_LIVING", text)
    assert "needs rows" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_what_drops_data_waits_for_everything_else(scripts: Callable[[str], Path], kind: str) -> None:
    for file in (scripts(kind) / "commit").glob("*-schema-*.sql"):
        text = file.read_text(encoding="utf-8")
        assert text.index("Not all steps before this one are done.") < text.index("DROP")


@pytest.mark.parametrize("kind", KINDS)
def test_scripts_of_another_upgrade_are_refused_at_the_first(scripts: Callable[[str], Path], kind: str) -> None:
    text = (scripts(kind) / "0000-shared-journal.sql").read_text(encoding="utf-8")
    assert "APIM_UPGRADE_RUN.SOURCE = '3.2.0' AND APIM_UPGRADE_RUN.TARGET = '4.7.0'" in text
    assert text.index("INSERT INTO APIM_UPGRADE_RUN") < text.index("Another upgrade of it has begun.")


UNPARSED = {"oracle": r"DECLARE", "mssql": r"DBCC CHECKIDENT", "db2": r"BEGIN"}
"""Blocks that advance a sequence; and a command that is no SQL."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_data_statement_parses_in_its_dialect(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "sqlglot")
    found: set[str] = set()
    for step in plan_of(kind).steps:
        found |= {
            render(kind, each.statement)
            for each in step.operations
            if isinstance(each, Sql) and not isinstance(each.statement, str)
        }
    blocks = {text for text in found if re.match(UNPARSED[kind], text)}
    assert len(blocks) == 5
    assert len(found) > 300
    assert not [text for text in found if re.search(r"\bIS [01]\b|\(None|\b(true|false)\b(?!')|::|b'", text)]
    for text in found - blocks:
        # Hexadecimal texts are DB2's too, but not of the dialect that stands in for it.
        plain = text.replace("X'", "'") if kind == "db2" else text
        sqlglot.parse(plain, read={"oracle": "oracle", "mssql": "tsql", "db2": None}[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_column_that_a_data_step_names_is_there(kind: str) -> None:
    live = {part: stock_shape(kind, SOURCE, part) for part in PARTS}
    there = {part: predicted_after_expand(kind, shape, TARGET, part) for part, shape in live.items()}
    missing = set()
    for step in plan_of(kind).steps:
        if step.phase is not Phase.MIGRATE or step.name.startswith("schema/"):
            continue
        for each in step.operations:
            named = (
                visitors.iterate(each.statement)
                if isinstance(each, Sql) and not isinstance(each.statement, str)
                else ()
            )
            for part in named:
                owner = part.table if isinstance(part, ColumnClause) else part
                if isinstance(owner, TableClause) and not owner.name.startswith("apim_upgrade_"):
                    found = there[step.database].table(owner.name)
                    if found is None or (isinstance(part, ColumnClause) and found.column(part.name) is None):
                        missing.add((step.name, str(part)))
    assert missing == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_scripts_are_written_whenever_they_are(
    tmp_path: Path, kind: str, scripts: Callable[[str], Path]
) -> None:
    again = tmp_path / "again"
    write_scripts(foresee_offline(kind, SOURCE, TARGET, Choices(), CLOCK), again)
    assert texts(again) == texts(scripts(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_read_back_and_its_release_found(kind: str) -> None:
    for release in sources():
        shapes = {part: stock_shape(kind, release, part) for part in PARTS}
        read = {part: read_answer(kind, answer(kind, shape), part) for part, shape in shapes.items()}
        for part in PARTS:
            assert read[part].tables == shapes[part].tables
            assert set(read[part].sequences) == set(shapes[part].sequences)
            assert len(read[part].triggers) == len(shapes[part].triggers)
        assert release_of(read, None) == (release, [])


@pytest.mark.parametrize("kind", KINDS)
def test_the_question_is_one_query_that_parses(kind: str) -> None:
    text = question(kind)
    body = [line for line in text.splitlines() if not line.startswith(("-- ", "SET ")) and line not in "/GO@"]
    (query,) = sqlglot.parse("\n".join(body), read={"oracle": "oracle", "mssql": "tsql", "db2": None}[kind])
    assert query is not None
    assert {part for part in "HTCKFISG" if f"'APIM|{part}|" in text} == set("HTCKFISG")
    assert max(len(line) for line in text.splitlines()) < 2400


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text.replace("APIM|H|1|db2", ""), "not one answer of db2"),
        (lambda text: text.replace("APIM|H|1|db2", "APIM|H|1|oracle"), "it is of: oracle"),
        (lambda text: re.sub(r"(APIM\|C\|AM_API\|API_ID)\|.*", r"\1", text), "cut off"),
        (lambda text: re.sub(r"APIM\|C\|AM_API\|.*\n", "", text), "lacks columns"),
        (lambda text: re.sub(r"(APIM\|S\|\w+)\|1", r"\1|one", text), "text where a number belongs"),
        (lambda text: "", "it is of: none"),
    ],
)
def test_an_answer_that_is_none_is_told(spoil: Callable[[str], str], told: str) -> None:
    whole = answer("db2", stock_shape("db2", SOURCE, "am"))
    with pytest.raises(EstateError, match=told) as caught:
        read_answer("db2", spoil(whole), "am.txt")
    assert "am.txt" in str(caught.value)


def test_the_tool_plans_from_the_live_shape(tmp_path: Path, run: Run) -> None:
    shapes = {part: stock_shape("oracle", Release.parse("4.0.0"), part) for part in PARTS}
    early = shapes["am"].tables["AM_API"]
    wider = tuple(replace(c, type="VARCHAR2(4000)") if c.name == "CONTEXT" else c for c in early.columns)
    shapes["am"] = replace(
        shapes["am"], tables={**shapes["am"].tables, "AM_API": replace(early, columns=wider), "OURS": early}
    )
    for part, shape in shapes.items():
        (tmp_path / f"{part}.txt").write_text(answer("oracle", shape), encoding="utf-16")
    files = [f"--schema-file={part}={tmp_path}/{part}.txt" for part in PARTS]
    result = run("plan", "--sql", str(tmp_path / "sql"), "--dialect", "oracle", "--to", "4.1.0", *files)
    assert result.exit_code == 0, result.output
    assert "4.0.0 to 4.1.0" in result.output
    everything = "\n".join(texts(tmp_path / "sql").values())
    assert "TABLE OURS" not in everything
    assert "MODIFY (CONTEXT" not in everything


@dataclass(frozen=True)
class Answer:
    exit_code: int
    output: str


Run = Callable[..., Answer]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line: its exit code and all that it printed."""

    def call(*arguments: str) -> Answer:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return Answer(code, printed.out + printed.err)

    return call


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dialect", "db2"], "without --sql"),
        (["--schema-file", "am=x"], "without --dialect"),
        (["--with-rows"], "without --dialect"),
        (["--with-rows", "--dialect", "db2", "--sql", "new", "--to", "4.7.0"], "no project file"),
        (["--dialect", "db2", "--sql", "new"], "to which release"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.7.0"], "of which release"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.7"], "--to"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.7.0", "--from", "2.6.0"], "cannot be upgraded"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.1.0", "--from", "4.2.0"], "not later"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.7.0", "--schema-file", "am=none.txt"], "not given for shared"),
        (["--dialect", "db2", "--sql", "new", "--to", "4.7.0", "--schema-file", "none.txt"], "names no database"),
        (["--dialect", "db2", "--sql", ".", "--to", "4.7.0", "--from", "4.2.0"], "not empty"),
        (["--project", "none.toml", "--dialect", "db2", "--sql", "new", "--from", "4.2.0"], "no project file"),
    ],
)
def test_wrong_usage_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "something").touch()
    result = run("plan", *arguments)
    assert (result.exit_code, told in result.output) == (2, True), result.output
    assert "Traceback" not in result.output


def test_files_of_the_wrong_database_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    for part in PARTS:
        (tmp_path / f"{part}.txt").write_text(answer("db2", stock_shape("db2", SOURCE, part)), encoding="utf-8")
    (tmp_path / "bytes").write_bytes(b"\xe4\xf6")
    common = ["plan", "--dialect", "db2", "--sql", "new", "--to", "4.7.0"]
    swapped = run(*common, "--schema-file", "am=shared.txt", "--schema-file", "shared=am.txt")
    assert "is the shared database, not of the API-M database" in swapped.output.replace("\n", " ")
    missing = run(*common, "--schema-file", "am=am.txt", "--schema-file", "shared=none.txt")
    assert (missing.exit_code, "none.txt cannot be read" in missing.output) == (2, True)
    garbled = run(*common, "--schema-file", "am=am.txt", "--schema-file", "shared=bytes")
    assert "not text in UTF-8" in garbled.output


def test_inspect_prints_the_question(run: Run) -> None:
    for kind in KINDS:
        result = run("inspect", "--offline-script", "--dialect", kind)
        assert (result.exit_code, result.output) == (0, question(kind))
    assert '"script"' in run("inspect", "--offline-script", "--dialect", "db2", "--format", "json").output
    assert run("inspect", "--offline-script").exit_code == 2
