"""The command line as a person and as a script meet it: results, errors in a sentence, exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade import __version__
from apim_upgrade.cli import main
from apim_upgrade.cli.app import COMMANDS
from apim_upgrade.cli.errors import LOG
from apim_upgrade.cli.output import consent
from apim_upgrade.cli.settings import Settings, with_settings
from apim_upgrade.errors import EnvironmentProblem, NeedsConsent
from conftest import Pair

Capture = pytest.CaptureFixture[str]
HEAVY = ("sqlalchemy", "lxml", "psycopg", "cryptography", "jinja2", "graphql")


@pytest.fixture
def project_for(tmp_path: Path) -> Callable[..., str]:
    """Write a project file for a pair of databases; return its path."""

    def write(pair: Pair, target: str = "4.4.0", more: str = "") -> str:
        file = tmp_path / "upgrade.toml"
        lines = [f'target = "{target}"', more]
        for name, database in pair.by_name().items():
            address = database.address
            url = f"postgresql://{address.username}@/{address.database}?host={address.host}"
            lines += [f"[database.{name}]", f'url = "{url}"']
        file.write_text("\n".join(lines), encoding="utf-8")
        return str(file)

    return write


@pytest.mark.parametrize("arguments", [["--help"], [], ["inspect", "--help"], ["--version"]])
def test_help_is_quick(arguments: list[str]) -> None:
    """What takes long to import is not imported to show a text."""
    code = (
        "import sys; from apim_upgrade.cli import main; code = main(sys.argv[1:]); "
        f"sys.exit(code or ', '.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_help_is_a_manual(capsys: Capture) -> None:
    assert main(["-h"]) == 0
    text = capsys.readouterr().out
    assert "Exit codes:\n     0  done\n" in text
    for name in COMMANDS:
        assert f"\n  {name} " in text
        assert main([name, "--help"]) == 0
        own = capsys.readouterr().out
        assert all(option in own for option in ("--project FILE", "--format", "--yes", "--debug"))
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"apim-upgrade {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["inspct"], "No such command 'inspct'. Did you mean 'inspect'"),
        (["inspect", "--prject", "x"], "No such option: --prject"),
        (["inspect", "--format", "xml"], "xml"),
        (["inspect", "extra"], "extra"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(capsys: Capture, arguments: list[str], told: str) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.splitlines()
    assert error.startswith("error: ")
    assert told in error
    assert hint.startswith("hint: See `apim-upgrade")


def test_init_writes_a_project_once(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "upgrade.toml"
    assert main(["init", "--project", str(file)]) == 0
    assert "is written" in capsys.readouterr().out
    file.write_text("mine", encoding="utf-8")
    assert main(["init", "--project", str(file)]) == 5
    assert capsys.readouterr().err.splitlines()[1].startswith("hint: Give --yes")
    assert file.read_text(encoding="utf-8") == "mine"
    assert main(["init", "--project", str(file), "--yes", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": "apim-upgrade/init/1", "project": str(file)}
    assert "[database.am]" in file.read_text(encoding="utf-8")
    assert main(["init", "--project", str(file / "below")]) == 3


def test_inspect_shows_an_estate_as_text_and_as_json(
    capsys: Capture, real_estate: Callable[[str], Pair], project_for: Callable[..., str]
) -> None:
    project = project_for(real_estate("3.2.0"))
    assert main(["inspect", "--project", project]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("API Manager 3.2.0 on postgresql")
    for part in (
        "adpexample.com",
        "GRAPHQL",
        "PUBLISHED",
        "Gateway labels",
        "Tokens: 23 (23 ACTIVE)",
        "2,266 log rows",
    ):
        assert part in shown.out
    assert "already there from later releases: am_correlation_configs" in shown.out
    assert "\x1b" not in shown.out + shown.err
    assert [line for line in shown.err.splitlines() if not line.startswith("Reading ")] == []
    assert main(["inspect", "--project", project, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["release"], document["target"]) == ("apim-upgrade/inspect/1", "3.2.0", "4.4.0")
    assert len(document["fingerprint"]) == 64
    assert document["contents"][0]["tenant"]["domain"] == "carbon.super"


def test_inspect_warns_of_a_target_that_is_not_later(
    capsys: Capture, real_estate: Callable[[str], Pair], project_for: Callable[..., str]
) -> None:
    pair = real_estate("4.2.0")
    assert main(["inspect", "--from", "4.1.0", "--project", project_for(pair, "4.0.0")]) == 0
    shown = capsys.readouterr()
    assert "warning: source says 4.1.0, but the databases are of 4.2.0" in shown.err
    assert "target 4.0.0 is not later" in shown.err
    assert "Deployed revisions" in shown.out
    assert "Gateway environments of the admin portal" in shown.out


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("target", "tarjet"), 2, "tarjet is not known (did you mean target?)"),
        (("[database.am]", "[database.x]"), 2, "database.am is missing"),
        (("postgres@/", "nobody_here@/"), 3, "The login to database am"),
        (("?host=", "_gone?host="), 3, "There is no database am"),
        (("?host=", "?host=/nowhere"), 3, "cannot be made or was lost"),
        (("postgresql://", "mysql://"), 3, "cannot be made or was lost"),
    ],
)
def test_bad_input_is_one_sentence_and_an_exit_code(
    capsys: Capture,
    real_estate: Callable[[str], Pair],
    project_for: Callable[..., str],
    change: tuple[str, str],
    code: int,
    told: str,
) -> None:
    file = Path(project_for(real_estate("4.0.0/fresh")))
    file.write_text(file.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert main(["inspect", "--project", str(file)]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = [line for line in shown.err.splitlines() if not line.startswith("Reading ")]
    assert told in lines[0]
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]


def test_swapped_databases_are_refused_with_exit_code_3(
    capsys: Capture, real_estate: Callable[[str], Pair], project_for: Callable[..., str]
) -> None:
    pair = real_estate("4.0.0/fresh")
    assert main(["inspect", "--project", project_for(Pair(pair.shared, pair.am))]) == 3
    assert "swapped" in capsys.readouterr().err


def _bug(settings: Settings) -> None:
    """Fail in a way that nobody thought of."""
    raise ZeroDivisionError("secret value")


def _problem(settings: Settings) -> None:
    """Fail in a way that was thought of."""
    raise EnvironmentProblem("The disk is full.", hint="Make room.")


def _interrupt(settings: Settings) -> None:
    """Be interrupted."""
    raise KeyboardInterrupt


GIVEN = {"project": Path("x"), "format": "text", "yes": False}


def test_a_bug_says_so_and_keeps_its_traceback_in_a_file(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_settings(_bug)(**GIVEN, debug=False) == 70
    shown = capsys.readouterr().err
    assert "this is a bug in apim-upgrade" in shown
    assert "ZeroDivisionError" in shown
    assert "Traceback" not in shown
    assert "Traceback" in (tmp_path / LOG).read_text(encoding="utf-8")


def test_a_traceback_of_an_expected_failure_is_kept_only_with_debug(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_settings(_problem)(**GIVEN, debug=False) == 3
    assert capsys.readouterr().err == "error: The disk is full.\nhint: Make room.\n"
    assert not (tmp_path / LOG).exists()
    assert with_settings(_problem)(**GIVEN, debug=True) == 3
    assert str(tmp_path / LOG) in capsys.readouterr().err
    assert "EnvironmentProblem" in (tmp_path / LOG).read_text(encoding="utf-8")


def test_an_interruption_says_how_to_go_on(capsys: Capture) -> None:
    assert with_settings(_interrupt)(**GIVEN, debug=False) == 130
    assert "again to resume" in capsys.readouterr().err


def test_a_command_has_to_take_settings_first() -> None:
    with pytest.raises(TypeError, match="settings first"):
        with_settings(lambda other: None)


def test_a_closed_pipe_is_no_failure(real_estate: Callable[[str], Pair], project_for: Callable[..., str]) -> None:
    project = project_for(real_estate("4.0.0/fresh"))
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "apim_upgrade.cli", "inspect", "--project", project],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def test_consent_is_given_by_option_or_by_a_person(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    consent("Drop it?", given=True)
    with pytest.raises(NeedsConsent, match=r"Drop it\?") as caught:
        consent("Drop it?", given=False, option="--yes-drop")
    assert "--yes-drop" in caught.value.hint

    class Person(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Person())
    monkeypatch.setattr(sys, "stdin", Person("yes\n"))
    consent("Drop it?", given=False)
    monkeypatch.setattr(sys, "stdin", Person("y\n"))
    with pytest.raises(NeedsConsent, match="nobody agreed"):
        consent("Drop it?", given=False)
