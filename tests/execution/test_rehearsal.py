"""A rehearsal does everything a run does, leaves its report, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apim_upgrade.checks import Finding, Repair, Rule, Severity, Subject
from apim_upgrade.checks.rule import Window
from apim_upgrade.cli import main
from apim_upgrade.execution import rehearsal
from conftest import MariaServer, Pair, Server, kept_sample
from execution.conftest import SOURCE, TARGET
from execution.site import Site, change


@pytest.fixture
def rehearsing(site: Callable[..., Site]) -> Site:
    here = site()
    here.made += _copies(here) + [f"{name}__partial" for name in _copies(here)]
    return here


def _copies(here: Site) -> list[str]:
    return [f"{each.address.database}_rehearsal" for each in here.pair.by_name().values()]


def test_copies_are_checked_upgraded_proven_and_dropped(rehearsing: Site) -> None:
    here = rehearsing
    before = here.originals()
    answer = here("rehearse", "--format", "json")
    assert answer.code == 0
    document = answer.document
    assert (document["schema"], document["state"], document["failure"]) == ("apim-upgrade/rehearsal/1", "done", None)
    assert (document["source"], document["target"]) == (SOURCE, TARGET)
    assert not any(here.exists(name) for name in (*_copies(here), *here.made))
    assert here.originals() == before
    assert here("status", "--format", "json").document["state"] == "not begun"
    told = json.loads(next(Path(document["folder"]).glob("*/estimate.json")).read_text(encoding="utf-8"))
    assert "benchmark model" in told["source"]

    disk = document["disk"]
    assert disk["peak"] >= disk["after"] > 0
    assert disk["written"] > 0
    assert sum(step["written"] for step in document["steps"]) <= disk["written"]
    measured = {each["step"]: each for each in document["measured"]}
    assert {"check", "copy/am", "copy/shared", "prove"} <= measured.keys()
    assert len(measured) == len(document["steps"]) + 4
    assert measured["prepare/am/count-rows"]["rows"] > 1000
    assert measured["check"]["rows"] == document["estate"]["apis"]
    assert measured["copy/am"]["size"] == document["estate"]["sizes"]["am"]
    assert all(proof["holds"] for proof in document["proofs"])

    folder = Path(document["folder"])
    assert folder.parent == here.runs / "rehearsals"
    for name in ("rehearsal.json", "rehearsal.html", "check.html", "check.json", document["report"]):
        assert (folder / name).exists(), name
    page = (folder / "rehearsal.html").read_text(encoding="utf-8")
    assert "Nothing: every step was done, and no item failed." in page
    assert document["report"] in page

    _learnt(here, folder)

    text = here("rehearse", "--keep")
    assert text.code == 0
    assert "The longest steps" in text.out
    assert "stay until the next rehearsal" in text.out
    assert all(here.exists(name) for name in _copies(here))
    assert "Dropping" in here("rehearse").err
    assert not any(here.exists(name) for name in _copies(here))


def _learnt(here: Site, folder: Path) -> None:
    """An estimate knows every step of the plan; no time is asserted, only where it is from."""
    kept = here("estimate", "--format", "json").document
    assert (kept["schema"], kept["from"], kept["to"]) == ("apim-upgrade/estimate/1", SOURCE, TARGET)
    assert kept["estimate"]["source"] == "1 rehearsal"
    assert kept == here("estimate", "--format", "json", "--from-rehearsal", str(folder)).document
    assert {each["basis"] for each in kept["estimate"]["steps"]} == {"step"}
    assert kept["estimate"]["low"] < kept["estimate"]["seconds"] < kept["estimate"]["high"]
    plan = here("plan", "--format", "json").document
    foretold = {each["step"] for each in plan["estimate"]["steps"]}
    assert foretold == {step["name"] for step in plan["steps"]} | {"check", "copy/am", "copy/shared", "prove"}

    text = here("estimate", "--in-place").out
    assert "from 1 rehearsal." in text
    assert "copy/am" not in text
    spoiled = folder.parent / "spoiled"
    spoiled.mkdir()
    for content, told in (
        (None, "holds no rehearsal.json"),
        ("{}", "was a rehearsal on an unknown DBMS"),
        ('{"server": {"dbms": "oracle"}}', "was a rehearsal on oracle, and the estate is on postgresql"),
        ('{"server": {"dbms": "postgresql"}, "measured": [{}]}', "is not what this tool wrote there"),
        ("[", "is not what this tool wrote there"),
    ):
        if content is not None:
            (spoiled / "rehearsal.json").write_text(content, encoding="utf-8")
        answer = here("estimate", "--from-rehearsal", str(spoiled))
        assert answer.code in (2, 3)
        assert told in answer.problem[0]
    assert "from 1 rehearsal." in here("plan").out, "one that is spoiled counts as none"
    shutil.rmtree(spoiled)


def test_what_stops_the_upgrade_is_the_result_of_a_rehearsal(rehearsing: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    here = rehearsing
    change(
        here.pair.shared,
        "CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$",
        "CREATE TRIGGER refused BEFORE INSERT ON reg_log FOR EACH ROW EXECUTE FUNCTION refused()",
    )
    answer = here("rehearse", "--format", "json")
    assert answer.code == 1
    document = answer.document
    assert document["state"] == "stopped"
    assert "not today" in document["failure"]["message"]
    assert (document["proofs"], document["report"]) == ([], None)
    assert document["steps"][-1]["state"] == "failed"
    assert "not today" in Path(document["page"]).read_text(encoding="utf-8")
    assert not any(here.exists(name) for name in _copies(here))

    refusing = lambda order, estate: (_ for _ in ()).throw(rehearsal.EstateError("Rows are in the way.", hint="Mend."))  # noqa: E731
    monkeypatch.setattr(sys.modules["apim_upgrade.execution.run"], "refuse_drift", refusing)
    refused = here("rehearse")
    assert refused.code == 1
    assert "refused\n  Rows are in the way. Mend.\n" in refused.out


def _blocker(function: Callable[[Subject], Iterator[Finding]]) -> Rule:
    texts = ("", "", "", "Mend it.")
    return Rule("API999", Severity.BLOCKER, "a title", Repair.MANUAL, function, *texts, Window(), (), (), (), ())


def test_an_open_blocker_does_not_stop_a_rehearsal_but_another_rehearsal_does(
    rehearsing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []

    def blocked(subject: Subject) -> Iterator[Finding]:
        answers.append(main(["rehearse", "--project", str(rehearsing.file)]))
        subject.saw("APIs")
        yield Finding("The API Pizza would be lost.", item="carbon.super/Pizza/1.0")

    monkeypatch.setattr(rehearsal, "all_rules", lambda: (_blocker(blocked),))
    answer = rehearsing("rehearse", "--format", "json")
    assert (answer.code, answer.document["state"]) == (1, "done")
    assert answer.document["check"]["open"]["blocker"] == 1
    assert answers == [3]
    assert "Another run is at work" in answer.err


def test_a_database_that_no_rehearsal_made_is_left_alone(rehearsing: Site, databases: Server) -> None:
    here = rehearsing
    name = _copies(here)[0]
    with databases.postgres.connect() as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    answer = here("rehearse")
    assert answer.code == 3
    assert answer.problem[0] == f"Database {name} exists and is not a copy that a rehearsal made."
    assert here.exists(name)
    databases.drop(name)

    here.edit(f"{here.pair.am.address.database}_up", name)
    assert "upgrade.toml has a database of that name" in here("rehearse").problem[0]
    assert here("run").code == 0  # now it is a run's own copy, of the very name that a rehearsal wants
    here.edit(name, f"{here.pair.am.address.database}_up")
    assert "is not a copy that a rehearsal made" in here("rehearse").problem[0]
    assert here.exists(name)


@pytest.fixture(scope="module")
def sample_dumps(databases: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Dumps of a small sample, and of one of another release."""
    folder = tmp_path_factory.mktemp("dumps")
    made = {}
    for release in (SOURCE, "4.0.0"):
        for part, database in kept_sample(databases, release, apis=6, tenants=1).by_name().items():
            made[f"{release} {part}"] = folder / f"{release}-{part}.dump"
            options = ["--format=custom", "--file", str(made[f"{release} {part}"])]
            databases.postgres.run("pg_dump", *options, database.address.database)
    return made


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without any project file, on a machine without any server."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_dumps_are_rehearsed_without_a_server_and_without_a_project(
    sample_dumps: dict[str, Path], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dumps = [str(sample_dumps[f"{SOURCE} am"]), str(sample_dumps[f"{SOURCE} shared"])]
    assert main(["rehearse", "--to", TARGET, "--format", "json", "--dump", *dumps]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["embedded"], document["source"]) == ("done", True, SOURCE)
    assert document["dumps"] == {"am": dumps[0], "shared": dumps[1]}
    assert document["seconds"]["restoring"] > 0
    assert not any(each["step"].startswith("copy/") for each in document["measured"])
    folder = elsewhere / document["folder"]
    assert folder.parent == elsewhere / "runs" / "rehearsals"
    assert not (folder / "server").exists()
    assert main(["rehearse", "--to", TARGET, "--keep", "--dump", f"shared={dumps[1]}", "--dump", dumps[0]]) == 0
    assert "The databases are kept" in capsys.readouterr().out
    assert list(elsewhere.glob("runs/rehearsals/*/kept-server/data/PG_VERSION"))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--dump", "{am}"], 2, "the dump of shared is missing"),
        (["--dump", "shared={am}"], 2, "the dump of am is missing"),
        (["--dump", "{am}", "{shared}", "{am}"], 2, "it is not said of which database"),
        (["--dump", "am={am}", "am={shared}"], 2, "two dumps of am"),
        (["{am}", "{shared}"], 2, "is no option"),
        (["--dump", "{am}", "nowhere"], 2, "There is no dump nowhere"),
        (["--dump", "{shared}", "{am}"], 3, "swapped"),
        (["--dump", "{am}", "{old shared}"], 3, "not one estate"),
        (["--to", "4.0.0", "--dump", "{am}", "{shared}"], 2, "is not later"),
        (["--to", "soon", "--dump", "{am}", "{shared}"], 2, "--to: "),
    ],
)
def test_wrong_dumps_are_told_in_a_sentence(
    sample_dumps: dict[str, Path],
    elsewhere: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    known = {"am": f"{SOURCE} am", "shared": f"{SOURCE} shared", "old shared": "4.0.0 shared"}
    given = [each.format(**{name: sample_dumps[key] for name, key in known.items()}) for each in arguments]
    assert main(["rehearse", *([] if "--to" in given else ["--to", TARGET]), *given]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error: ", "hint: "))]
    assert len(lines) == 2
    assert told in lines[0]
    assert not list(elsewhere.glob("runs/rehearsals/*/"))


def _until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"the process has ended without saying {words!r}")


def _killed(folder: Path, arguments: list[str], words: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "apim_upgrade.cli", *arguments], cwd=folder, stderr=subprocess.PIPE, text=True
    ) as process:
        _until(process, words)
        os.kill(process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_killed_rehearsal_leaves_nothing_that_the_next_does_not_remove(
    rehearsing: Site, sample_dumps: dict[str, Path]
) -> None:
    here = rehearsing
    before = here.originals()
    own = ["rehearse", "--project", str(here.file)]
    _killed(here.folder, own, "Cloned am")
    dumps = [str(sample_dumps[f"{SOURCE} am"]), str(sample_dumps[f"{SOURCE} shared"])]
    _killed(here.folder, [*own, "--dump", *dumps], "Reading the estate")
    assert here("rehearse").code == 0
    assert not any(here.exists(name) for name in (*_copies(here), *here.made))
    assert here.originals() == before
    left = list((here.runs / "rehearsals").iterdir())
    assert [each.name for each in left if each.is_dir() and not (each / "rehearsal.json").exists()] == []
    assert len([each for each in left if each.is_dir()]) == 1


@pytest.mark.slow
def test_copies_on_mysql_are_rehearsed_and_dropped(
    real_estate: Callable[[str], Pair], mysql_databases: MariaServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = real_estate("4.2.0/mysql")
    lines = ['target = "4.3.0"']
    for name, each in pair.by_name().items():
        address = each.address
        lines += [f"[database.{name}]", f'url = "mysql://root@/{address.database}?host={address.host}"']
    file = tmp_path / "upgrade.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    assert main(["rehearse", "--project", str(file), "--format", "json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["server"]["dbms"]) == ("done", "mysql")
    assert document["disk"]["peak"] >= document["disk"]["after"] > 0
    assert document["disk"]["written"] > 0
    assert document["disk"]["temporary"] is None
    with mysql_databases.maria.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES LIKE '%rehearsal%'")
        assert cursor.fetchall() == ()
