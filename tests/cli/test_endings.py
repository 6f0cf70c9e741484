"""However a command is ended or its output is lost: the exit code is true, and the same command goes on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from apim_upgrade.cli import main
from apim_upgrade.cli.process import ended_in_order
from apim_upgrade.engine import Runner, Step
from execution.conftest import site
from execution.site import Site, change

__all__ = ["site"]


def test_a_run_that_is_told_to_end_says_how_to_go_on_and_a_full_log_does_not_stop_it(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    execute = Runner._execute
    signals = [signal.SIGTERM, signal.SIGHUP]

    def ended(self: Runner, step: Step, *rest: object) -> None:
        if step.phase == "migrate":
            os.kill(os.getpid(), signals.pop())
        execute(self, step, *rest)  # type: ignore[arg-type]

    while signals:
        with monkeypatch.context() as patched:
            patched.setattr(Runner, "_execute", ended)
            answer = here("run")
        assert answer.code == 130
        assert answer.problem == ("interrupted", "Run the same command again to resume.")
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert here("status", "--format", "json").document["state"] == "in progress"

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", nothing_fits())
        assert main(["run", "--project", str(here.file)]) == 0
        assert main(["nonsense"]) == 2
    assert here("status", "--format", "json").document["state"] == "done"

    change(here.upgraded.am, "DELETE FROM am_api_url_mapping WHERE url_mapping_id = 1")
    reader, writer = os.pipe()
    os.close(reader)
    with monkeypatch.context() as patched:  # somebody who has seen enough does not see that a proof fails
        patched.setattr(sys, "stdout", os.fdopen(writer, "w", encoding="utf-8"))
        assert main(["verify", "--project", str(here.file)]) == 1


def test_a_terminal_that_went_away_does_not_end_what_was_started_to_outlive_it() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with ended_in_order():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_result_that_cannot_be_written_is_told_and_can_be_asked_for_again(
    site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = site()
    for arguments in (["inspect"], ["status", "--format", "json"], ["check"]):
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", nothing_fits())
            assert main([*arguments, "--project", str(here.file)]) == 3
        assert "cannot be written to standard output: No space left on device" in capsys.readouterr().err
    assert here("inspect").code == 0


def nothing_fits() -> TextIO:
    """A stream to a disk that is full."""
    return Path("/dev/full").open("w", encoding="utf-8")


def test_names_that_a_terminal_cannot_show_are_written_out(
    site: Callable[..., Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    change(here.pair.am, "UPDATE am_policy_subscription SET name = 'Größe 漢字' WHERE name = 'Gold'")
    change(here.pair.shared, "UPDATE um_tenant SET um_domain_name = 'grün.example' WHERE um_id = 1")
    for arguments in (["inspect"], ["inspect", "--format", "json"], ["check"]):
        shown = tmp_path / "shown"
        with monkeypatch.context() as patched, shown.open("w", encoding="ascii") as stream:
            patched.setattr(sys, "stdout", stream)
            assert main([*arguments, "--project", str(here.file)]) in (0, 1)
        assert "gr\\" in shown.read_text(encoding="ascii")
