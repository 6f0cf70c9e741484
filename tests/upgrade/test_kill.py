"""
``kill -9`` at random moments: whatever was running, running again ends in the same content.

Every kill hits a real process that runs the real upgrade. ``APIM_UPGRADE_KILLS`` sets how many there are
in all; `make kills` takes a hundred.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from apim_upgrade.engine import journal
from apim_upgrade.execution import Order, run
from conftest import MariaServer, Pair, Server
from upgrade.conftest import Upgrading
from upgrade.content import content_hash
from upgrade.split import split

__all__ = ["split"]

KILLS = int(os.environ.get("APIM_UPGRADE_KILLS", "10"))
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


def _uninterrupted(order: Order) -> float:
    """Run to the end; the seconds that it took."""
    began = time.monotonic()
    process = _start(order)
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began


def _killed(order: Order, most: int, moment: Callable[[], float]) -> int:
    """Kill a run and run it again, ``most`` times or until it was quicker, and then to the end; the number of kills."""
    kills = 0
    while kills < most:
        process = _start(order)
        process.join(moment())
        if process.exitcode is not None:
            break
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        kills += 1
    _uninterrupted(order)
    return kills


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
    whole = _uninterrupted(plain.order)
    expected = content_hash(*plain.clones.values())

    chance = random.Random(320470)
    kills = 0
    while kills < wanted:
        victim = upgrading(estate(), TARGET)
        kills += _killed(victim.order, wanted - kills, lambda: chance.uniform(0.02, whole * 0.5))
        assert content_hash(*victim.clones.values()) == expected
        for database in victim.clones.values():
            databases.drop(database.address.database)


ON_MYSQL = int(os.environ.get("APIM_UPGRADE_KILLS", "4"))


@pytest.mark.slow
def test_on_mysql_where_ddl_commits_by_itself(
    real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading], mysql_databases: MariaServer
) -> None:
    pair = real_estate(f"{SOURCE}/mysql")

    def finished(victim: Upgrading) -> str:
        """The content hash of an upgrade that is done and proven; its databases are dropped."""
        found = content_hash(*victim.clones.values())
        assert [proof for proof in victim.prove().verification.proofs if not proof.holds] == []
        for database in victim.clones.values():
            mysql_databases.execute(f"DROP DATABASE `{database.address.database}`")
        shutil.rmtree(victim.order.runs)
        return found

    plain = upgrading(pair, TARGET)
    whole = _uninterrupted(plain.order)
    expected = finished(plain)

    chance = random.Random(320471)
    kills = 0
    while kills < ON_MYSQL:
        victim = upgrading(pair, TARGET)
        kills += _killed(victim.order, ON_MYSQL - kills, lambda: chance.uniform(0.1, whole * 0.6))
        assert finished(victim) == expected
