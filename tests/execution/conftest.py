"""The fixtures of ``site.py``; ``cli`` uses them too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from apim_upgrade.engine import journal
from conftest import Pair, Server
from execution.site import Site

SOURCE, TARGET = "4.2.0", "4.3.0"
CLOCK = datetime(2026, 3, 1, 12, 0, 0)


@pytest.fixture
def site(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    databases: Server,
    sample_estate: Callable[..., Pair],
) -> Iterator[Callable[..., Site]]:
    """``site()``: a small estate with a project file to upgrade it."""
    made: list[Site] = []

    def make(pair: Pair | None = None, target: str = TARGET, *, in_place: bool = False, user: str = "postgres") -> Site:
        folder = tmp_path / f"site{len(made)}"
        folder.mkdir()
        made.append(Site(folder, capsys, databases))
        chosen = pair or sample_estate(SOURCE, apis=6, tenants=1)
        return made[-1].prepare(chosen, target, in_place=in_place, user=user)

    yield make
    for each in made:
        each.drop()


@pytest.fixture
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs begin at one moment, so that two of them may be compared."""
    monkeypatch.setattr(journal, "now", lambda: CLOCK)
