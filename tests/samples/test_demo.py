"""The demo, as a newcomer starts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apim_upgrade.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_demo_upgrades_a_made_up_estate_and_leaves_report_and_data(capsys: Capture, elsewhere: Path) -> None:
    wanted = ["--from", "3.2.0", "--to", "4.1.0", "--apis", "24", "--tenants", "1", "--tokens", "2"]
    assert main(["demo", *wanted, "--keep", "--format", "json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["state"] == "done" and result["totals"]["failed"] == 0
    assert all(proof["holds"] for proof in result["proofs"])
    assert Path(result["report"]).read_text(encoding="utf-8").startswith("<!")
    assert "2 tenants, 24 APIs" in shown.err
    assert "-U postgres apim_db_4_1_0" in shown.err
    assert (elsewhere / ".demo" / "server" / "data" / "PG_VERSION").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from", "2.6.0"], "2.6.0 is no release that can be upgraded from"),
        (["--to", "four"], "--to: 'four' is not a release number"),
        (["--from", "4.4.0", "--to", "4.2.0"], "is not later"),
        (["--apis", "0"], "'--apis'"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_starts(
    capsys: Capture, elsewhere: Path, options: list[str], told: str
) -> None:
    assert main(["demo", *options]) == 2
    assert told in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []
