"""Estates whose tables lie in more databases than two: the same content as that of the estate in two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.execution import Checked
from apim_upgrade.releases import HOME_OF, Release, catalogue
from conftest import Pair
from execution.conftest import one_clock
from upgrade.conftest import Upgrading
from upgrade.content import content_hash
from upgrade.split import IDENTITY, ROOTS, USER, split
from upgrade.views import registry, rows, tables

__all__ = ["one_clock", "split"]


EVERY = ("identity", "user", "config")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "target", "apart", "whole"),
    [
        pytest.param("3.2.0", "4.4.0", ("identity", "user"), False, marks=pytest.mark.thorough),
        pytest.param("4.2.0", "4.7.0", ("user",), True, marks=pytest.mark.thorough),
        pytest.param("3.2.0", "4.4.0", EVERY, True, marks=pytest.mark.thorough),
        ("4.2.0", "4.7.0", EVERY, False),
    ],
    ids=["identity-user", "user-whole-script", "all-whole-script", "all"],
)
def test_an_estate_in_pieces_upgrades_to_the_same_content(
    source: str,
    target: str,
    apart: tuple[str, ...],
    whole: bool,
    real_estate: Callable[[str], Pair],
    upgrading: Callable[..., Upgrading],
    split: Callable[..., Pair],
    one_clock: None,
) -> None:
    together = upgrading(real_estate(source), target)
    together.run()
    upgrade = upgrading(split(real_estate(source), *apart, whole=whole), target)
    originals = content_hash(*upgrade.pair.by_name().values())
    result = upgrade.run()
    assert result.outcome.failed_items == 0
    checked = upgrade.prove()
    assert [proof for proof in checked.verification.proofs if not proof.holds] == []
    assert {f"schema/{name}" for name in apart} <= {proof.name for proof in checked.verification.proofs}

    expected = _by_table(together, "config" in apart)
    assert len(expected) > 200
    assert _by_table(upgrade, "config" in apart) == expected
    assert _items(checked) == _items(together.prove())
    if "config" in apart:
        both = registry(upgrade.clones["config"]) | registry(upgrade.clones["shared"])
        one = registry(together.clones["shared"])
        assert both.keys() == one.keys()
        assert [place for place in one if both[place] != one[place]] == []
        assert _logged(upgrade.clones["config"]) | _logged(upgrade.clones["shared"]) == _logged(
            together.clones["shared"]
        )

    assert upgrade.run().outcome.done == 0
    committed = upgrade.commit()
    assert [proof for proof in committed.verification.proofs if not proof.holds] == []
    for name, database in upgrade.clones.items():
        found = set(tables(database))
        assert not {table for table in found if table.startswith("apim_upgrade")}
        if name == "identity" and not whole:
            assert found == set(catalogue("postgresql", Release.parse(target), "identity").tables)
    assert content_hash(*upgrade.pair.by_name().values()) == originals


def _by_table(upgrade: Upgrading, two_registries: bool) -> dict[str, str]:
    """Hashes by table, from the database that holds it; two registries cannot be compared so."""
    found = {}
    for key, digest in content_hash(*upgrade.clones.values()).items():
        database, _, table = key.partition(".")
        word = table.split("_")[0]
        part = "identity" if word in IDENTITY else "user" if word in USER else "shared" if word == "reg" else "am"
        home = part if part in upgrade.clones else HOME_OF[part]
        if database == home and not (word == "reg" and two_registries):
            found[table] = digest
    return found


def _items(checked: Checked) -> Counter[tuple[str, ...]]:
    return Counter((item["verdict"], item["item"], item["reason"]) for item in checked.document["items"])


def _logged(shared: Database) -> set[tuple[object, ...]]:
    """What the registry's log says of everything but the roots, which every registry has."""
    query = f"SELECT reg_tenant_id, reg_path, reg_action FROM reg_log WHERE reg_path NOT IN ({ROOTS})"
    return {tuple(row.values()) for row in rows(shared, query)}
