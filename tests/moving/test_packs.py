"""An evaluator's estate in the H2 files of a pack, looked at, moved to PostgreSQL and upgraded, by the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from apim_upgrade.schema import differences_to_target, introspect
from conftest import Pair, Server
from execution.site import SECRET, Site, change, scalar
from moving.conftest import Pack
from upgrade.content import content_hash

TARGET = "4.4.0"


class Moving(Site):
    """A site whose databases are a pack's H2 files, to be moved into empty databases."""

    def prepare_pack(self, pack: Pack, databases: Server, lines: tuple[str, ...] = ()) -> Moving:
        self.in_place = True
        written = [f'target = "{TARGET}"', *lines]
        new = {}
        for part in ("am", "shared"):
            name = databases.clone("template0")
            self.made.append(name)
            address = databases.postgres.address(name)
            new[part] = Database(part, address)
            written += [f"[database.{part}]", f'url = "pack:{pack.home}"', f"[database.{part}.move_to]"]
            written += [f'url = "postgresql://postgres@/{name}?host={address.host}"', f'password = "{SECRET}"']
        self.pair = Pair.of(new)
        self.file.write_text("\n".join(written), encoding="utf-8")
        return self


@pytest.fixture
def moving(tmp_path: Path, capsys: pytest.CaptureFixture[str], databases: Server, pack: Pack):  # type: ignore[no-untyped-def]
    made: list[Moving] = []

    def make(*lines: str) -> Moving:
        folder = tmp_path / f"moving{len(made)}"
        folder.mkdir()
        made.append(Moving(folder, capsys, databases))
        return made[-1].prepare_pack(pack, databases, lines)

    yield make
    for each in made:
        each.drop()


def test_a_pack_is_inspected_and_checked_without_a_change_or_a_server(
    moving: Callable[..., Moving], unchanged: Callable[[], bool]
) -> None:
    site = moving()
    inspected = site("inspect", "--format", "json")
    assert inspected.code == 0, inspected.err
    assert inspected.document["release"] == "4.2.0"
    assert inspected.document["kind"] == "h2"
    assert inspected.document["databases"][0]["address"].endswith("/repository/database/WSO2AM_DB")
    assert sum(count["apis"] for tenant in inspected.document["contents"] for count in tenant["apis"]) > 5
    checked = site("check", "--format", "json", "--fail-on", "blocker", "--select", "DB")
    assert checked.code == 0, checked.err
    assert "Rules about the database server (DB01x) are left out" in checked.err
    assert not any(rule.startswith("DB01") for rule in str(checked.document).split("'"))
    assert unchanged()


def test_a_pack_is_moved_planned_and_upgraded_like_the_same_estate_on_postgresql(
    moving: Callable[..., Moving],
    site: Callable[..., Site],
    pack: Pack,
    databases: Server,
    unchanged: Callable[[], bool],
    one_clock: None,
) -> None:
    moved = moving()
    assert moved("status", "--format", "json").document["state"] == "not begun"
    refused = moved("plan")
    assert refused.code == 3
    assert "is not moved to" in refused.problem[0]
    answer = moved("move", "--format", "json")
    assert answer.code == 0, answer.err
    rows = {table["name"]: table["rows"] for table in answer.document["databases"]["am"]["tables"]}
    assert rows["am_api"] == scalar(pack.same.am, "SELECT count(*) FROM am_api")
    assert moved("status", "--format", "json").document["state"] == "moved"

    assert content_hash(*moved.pair.by_name().values()) == content_hash(*pack.same.by_name().values())
    for part, database in moved.pair.by_name().items():
        with database.read() as session:
            assert differences_to_target("postgresql", introspect(session), Release.parse("4.2.0"), part) == []
    assert scalar(moved.pair.am, "SELECT last_value FROM am_api_sequence") == 1 + scalar(
        moved.pair.am, "SELECT max(api_id) FROM am_api"
    )
    assert moved("move").code == 0, "a second time, nothing is to be done"

    assert moved("plan").code == 0
    ran = moved("run")
    assert ran.code == 0, ran.err
    assert len(list(moved.runs.glob("*/moved.json"))) == 1
    again = moved("move")
    assert again.code == 3
    assert "is in the middle of an upgrade" in again.problem[0]
    asked = moved("rollback")
    assert asked.code == 5
    assert "will be dropped; the originals were only read" in asked.problem[0]
    direct = site(Pair.of({p: copy_of(databases, each) for p, each in pack.same.by_name().items()}), TARGET)
    assert direct("run").code == 0
    assert moved.content() == direct.content()
    assert unchanged()

    assert moved("commit", "--yes").code == 0
    assert moved("status", "--format", "json").document["state"] == "committed"
    assert scalar(moved.pair.am, "SELECT count(*) FROM pg_class WHERE relname LIKE 'apim\\_upgrade\\_%'") == 0


def copy_of(databases: Server, database: Database) -> Database:
    return Database(database.name, databases.postgres.address(databases.clone(database.address.database)))


def test_a_database_that_is_not_empty_is_refused(moving: Callable[..., Moving]) -> None:
    site = moving()
    change(site.pair.am, "CREATE TABLE mine (id integer)")
    refused = site("run")
    assert refused.code == 3
    assert "it is not empty: it has 1 tables (mine)" in refused.problem[0]
    assert scalar(site.pair.am, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1
    assert scalar(site.pair.shared, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_mistakes_of_the_project_file_are_told_in_one_sentence(
    moving: Callable[..., Moving], pack: Pack, tmp_path: Path
) -> None:
    def problem(before: str, after: str, *command: str) -> str:
        site = moving()
        text = site.file.read_text(encoding="utf-8")
        assert before in text
        site.file.write_text(text.replace(before, after, 1), encoding="utf-8")
        answer = site(*command)
        assert answer.code in (2, 3)
        return " ".join(answer.problem)

    here = f'url = "pack:{pack.home}"'
    assert "H2 files are upgraded only by moving them" in problem_without_targets(moving())
    assert "has no move_to, and database.am has one" in problem_of_one_target(moving())
    assert "cannot be upgraded in place" in problem(
        'target = "4.4.0"', 'target = "4.4.0"\nstrategy = "in-place"', "run"
    )
    assert "has move_to and clone" in problem("[database.am.move_to]", 'clone = "x"\n[database.am.move_to]', "run")
    assert "cannot be read: No such file" in problem(here, f'url = "pack:{tmp_path}"', "inspect")
    assert "There is no H2 file" in problem(here, 'url = "jdbc:h2:./repository/database/WSO2AM_DB"', "inspect")
    assert "Only files of H2" in problem(here, 'url = "jdbc:h2:tcp://localhost/db"', "inspect")
    assert "is encrypted" in problem(here, 'url = "jdbc:h2:./db;CIPHER=AES"', "inspect")
    assert "move_to is a database that" in problem_same_target(moving())
    other = tmp_path / "other"
    shutil.copytree(pack.home, other, symlinks=True)
    deployment = other / "repository" / "conf" / "deployment.toml"
    text = deployment.read_text(encoding="utf-8")
    deployment.write_text(text.replace('password = "wso2carbon"', 'password = "$secret{db}"'), encoding="utf-8")
    assert "secure vault" in problem(here, f'url = "pack:{other}"', "inspect")
    deployment.write_text("[database.other]", encoding="utf-8")
    assert "has no url in [database.apim_db]" in problem(here, f'url = "pack:{other}"', "inspect")
    deployment.write_text("[[", encoding="utf-8")
    assert "is not TOML" in problem(here, f'url = "pack:{other}"', "inspect")


def problem_of_one_target(site: Moving) -> str:
    text = site.file.read_text(encoding="utf-8")
    site.file.write_text(text[: text.index("[database.shared.move_to]")], encoding="utf-8")
    return " ".join(site("run").problem)


def problem_without_targets(site: Moving) -> str:
    lines = site.file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.startswith(("target", "[database.am]", "[database.shared]", 'url = "pack'))]
    site.file.write_text("\n".join(kept), encoding="utf-8")
    return " ".join(site("run").problem)


def problem_same_target(site: Moving) -> str:
    lines = site.file.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith('url = "postgresql'))
    same = [first if line.startswith('url = "postgresql') else line for line in lines]
    site.file.write_text("\n".join(same), encoding="utf-8")
    return " ".join(site("run").problem)
