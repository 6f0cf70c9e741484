"""Oracle and DB2 have no UPDATE that joins: what they get instead does the same, statement for statement."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Update

from apim_upgrade.databases.session import Session
from apim_upgrade.databases.updates import without_from
from conftest import Pair
from execution.conftest import one_clock
from upgrade.conftest import Upgrading
from upgrade.content import content_hash

__all__ = ["one_clock"]


@pytest.mark.slow
@pytest.mark.thorough
def test_an_upgrade_without_joined_updates_gives_the_same_content(
    real_estate: Callable[[str], Pair],
    upgrading: Callable[..., Upgrading],
    one_clock: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = upgrading(real_estate("3.2.0"), "4.7.0")
    usual.run()
    rewritten = []
    execute = Session.execute

    def without_joins(self: Session, statement: object, *arguments: object) -> int:
        if isinstance(statement, Update):
            alone = without_from(statement)
            rewritten.append(alone is not statement)
            statement = alone
        return execute(self, statement, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Session, "execute", without_joins)
    other = upgrading(real_estate("3.2.0"), "4.7.0")
    assert other.run().outcome.failed_items == 0
    assert sum(rewritten) > 20
    assert content_hash(*other.clones.values()) == content_hash(*usual.clones.values())
