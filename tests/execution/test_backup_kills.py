"""``kill -9`` while a backup is taken and proven, and while it is restored: the same commands go on."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.execution import Order, Way, rollback, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from conftest import Pair
from execution.conftest import SOURCE, TARGET
from upgrade.content import content_hash

KILLS = int(os.environ.get("APIM_UPGRADE_KILLS", "30")) // 10


def _upgrade(order: Order) -> None:
    run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)


def _take_back(order: Order) -> None:
    rollback(order, Way(), lambda text: None)


@pytest.mark.slow
def test_kills_leave_the_estate_as_it_was_or_as_it_is_to_be(sample_estate: Callable[..., Pair], tmp_path: Path) -> None:
    pair = sample_estate(SOURCE, apis=6, tenants=1)
    databases = pair.by_name()
    addresses = {name: each.address for name, each in databases.items()}
    order = Order(addresses, {}, Release.parse(TARGET), Choices(), tmp_path / "runs")
    before = content_hash(*databases.values())
    chance = random.Random(42)

    def killed_until_done(work: Callable[[Order], None], longest: float) -> None:
        kills = 0
        while True:
            process = multiprocessing.get_context("fork").Process(target=work, args=(order,))
            process.start()
            process.join(chance.uniform(0.2, longest) if kills < KILLS else None)
            if process.exitcode is not None:
                assert process.exitcode == 0
                return
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            kills += 1

    killed_until_done(_upgrade, 6)
    after = content_hash(*databases.values())
    assert after != before
    killed_until_done(_take_back, 4)
    assert content_hash(*databases.values()) == before
    (backup,) = (path for path in (tmp_path / "runs" / "backups").iterdir() if path.is_dir())
    assert not backup.name.endswith(".partial")
    with pair.am.read() as session:
        left = session.all("SELECT datname FROM pg_database WHERE datname LIKE '%!_!_%' ESCAPE '!'")
    assert [row.datname for row in left if row.datname.startswith(pair.am.address.database)] == []
