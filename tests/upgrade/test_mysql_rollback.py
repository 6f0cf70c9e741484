"""An upgrade in place on MariaDB is taken back: the estate holds what it held, and nothing new is lost unseen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.databases.backup import content_of
from apim_upgrade.execution import Way, rollback
from conftest import Pair
from upgrade.conftest import Upgrading


@pytest.mark.slow
def test_a_run_in_place_on_mariadb_is_taken_back(
    real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading]
) -> None:
    pair = real_estate("4.2.0/mysql")
    before = [content_of(database) for database in pair.by_name().values()]
    here = upgrading(pair, "4.3.0", in_place=True)
    here.run()
    with pair.am.write() as session:
        session.execute(
            "INSERT INTO AM_SUBSCRIBER (USER_ID, TENANT_ID, DATE_SUBSCRIBED, CREATED_TIME) "
            "VALUES ('newcomer', -1234, NOW(), NOW())"
        )
    checked = rollback(here.order, Way(), lambda line: None)
    assert checked is not None
    assert [content_of(database) for database in pair.by_name().values()] == before
    written = {table["table"].lower(): table["new"] for table in checked.document["rollback"]["written"]}
    assert written["am_subscriber"] == 1
