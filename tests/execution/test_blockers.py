"""A run does not begin while a blocker is open that nobody has accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from apim_upgrade.checks import Finding, Repair, Rule, Severity, Subject, all_rules
from apim_upgrade.checks.rule import Window
from execution.site import Site


def _blocked(subject: Subject) -> Iterator[Finding]:
    subject.saw("APIs")
    yield Finding("The API Pizza would be lost.", item="carbon.super/Pizza/1.0")


def _unsure(subject: Subject) -> Iterator[Finding]:
    subject.am.all("SELECT nothing FROM am_nowhere")
    yield Finding("Never.")


@pytest.fixture
def with_a_blocker(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [
        Rule(
            code, Severity.BLOCKER, "a title", Repair.MANUAL, function, "", "", "", "Mend it.", Window(), (), (), (), ()
        )
        for code, function in (("API999", _blocked), ("API998", _unsure))
    ]
    everything = (*all_rules(), *more)
    monkeypatch.setattr("apim_upgrade.execution.gate.all_rules", lambda: everything)


@pytest.mark.usefixtures("with_a_blocker")
def test_a_run_begins_only_when_every_blocker_is_accepted(site: Callable[..., Site]) -> None:
    here = site()
    answer = here("run")
    assert answer.code == 3
    assert answer.problem[0] == "1 blockers are open: API999: The API Pizza would be lost."
    assert "accept it in the baseline" in answer.problem[1]
    assert "warning: API998 could not be checked" in answer.err
    assert not any(here.exists(name) for name in here.made)
    dry = here("run", "--dry-run")
    assert dry.code == 3
    assert "in the way: API999: The API Pizza would be lost." in dry.out

    (here.folder / "known.toml").write_text(
        '[[accept]]\ncode = "API999"\nitem = "carbon.super/Pizza/*"\nreason = "Nobody needs it."', encoding="utf-8"
    )
    with here.file.open("a", encoding="utf-8") as file:
        file.write('\n[check]\nbaseline = "known.toml"\n')
    assert here("run").code == 0
    assert "blockers" not in here("run").err
