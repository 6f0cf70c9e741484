"""Estates that real servers wrote, upgraded whole: nothing failed, everything proven, the target's own schema."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.engine import journal
from apim_upgrade.schema import introspect
from conftest import Pair
from upgrade.conftest import Upgrading
from upgrade.content import content_hash

TARGETS = ("4.2.0", "4.4.0", "4.5.0", "4.7.0")
ON_MYSQL = [(source, target) for source in ("3.2.0/mysql", "4.2.0/mysql") for target in ("4.4.0", "4.5.0", "4.7.0")]
PAIRS = [(source, target) for source in ("3.2.0", "4.0.0", "4.2.0", "4.5.0") for target in TARGETS if source < target]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), [*PAIRS, *ON_MYSQL])
def test_a_real_estate_upgrades_without_a_failed_item_and_is_proven(
    source: str, target: str, real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading]
) -> None:
    upgrade = upgrading(real_estate(source), target)
    originals = content_hash(upgrade.pair.am, upgrade.pair.shared)

    result = upgrade.run()
    assert result.outcome.failed_items == 0
    checked = upgrade.prove()
    assert [proof for proof in checked.verification.proofs if not proof.holds] == []
    assert checked.document["totals"]["failed"] == 0

    before = content_hash(*upgrade.clones.values())
    again = upgrade.run()
    assert again.outcome.done == 0
    assert content_hash(*upgrade.clones.values()) == before

    committed = upgrade.commit()
    assert [proof for proof in committed.verification.proofs if not proof.holds] == []
    for database in upgrade.clones.values():
        with database.read() as session:
            assert journal.read_run(session) is None
            assert [name for name in introspect(session).tables if name.lower().startswith(journal.PREFIX)] == []
    assert content_hash(upgrade.pair.am, upgrade.pair.shared) == originals
    assert upgrade.prove().verification.holds
