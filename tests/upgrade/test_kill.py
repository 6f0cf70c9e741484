"""
``kill -9`` at random moments: whatever was running, running again ends in the same content.

Every kill hits a real process that runs the real upgrade. ``APIM_UPGRADE_KILLS`` sets how many there are
in all; `make kills` takes a hundred.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from apim_upgrade.engine import journal
from apim_upgrade.execution import Order, run
from conftest import Pair, Server
from upgrade.conftest import Upgrading
from upgrade.content import content_hash
from upgrade.split import split

__all__ = ["split"]

KILLS = int(os.environ.get("APIM_UPGRADE_KILLS", "30"))
CLOCK = datetime(2026, 3, 1, 12, 0, 0)
SOURCE, TARGET = "3.2.0", "4.7.0"


def _upgrade(order: Order) -> None:
    """What the process does that is killed; one clock for all runs, as all executions of one run have it."""
    journal.now = lambda: CLOCK
    run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)


def _start(order: Order) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=_upgrade, args=(order,))
    process.start()
    return process


@pytest.mark.slow
@pytest.mark.parametrize(
    ("apart", "wanted"),
    [((), KILLS), (("identity", "user", "config"), max(KILLS // 5, 3))],
    ids=["in-two", "in-pieces"],
)
def test_kills_change_nothing_of_the_result(
    apart: tuple[str, ...],
    wanted: int,
    real_estate: Callable[[str], Pair],
    split: Callable[..., Pair],
    upgrading: Callable[..., Upgrading],
    databases: Server,
) -> None:
    def estate() -> Pair:
        return split(real_estate(SOURCE), *apart)

    plain = upgrading(estate(), TARGET)
    began = time.monotonic()
    process = _start(plain.order)
    process.join()
    assert process.exitcode == 0
    whole = time.monotonic() - began
    expected = content_hash(*plain.clones.values())

    chance = random.Random(320470)
    kills = 0
    while kills < wanted:
        victim = upgrading(estate(), TARGET)
        while kills < wanted:
            process = _start(victim.order)
            process.join(chance.uniform(0.02, whole * 0.5))
            if process.exitcode is not None:
                break
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            kills += 1
        process = _start(victim.order)
        process.join()
        assert process.exitcode == 0
        assert content_hash(*victim.clones.values()) == expected
        for database in victim.clones.values():
            databases.drop(database.address.database)
