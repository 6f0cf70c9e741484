"""Sample estates on MariaDB: spoilt there as on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade import samples
from apim_upgrade.databases import Database
from apim_upgrade.releases import Release
from apim_upgrade.samples.blemishes import blemishes


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0"])
def test_every_statement_of_a_blemish_changes_rows_on_mysql_too(
    release: str, mysql_database: Callable[..., Database]
) -> None:
    databases = {part: mysql_database(part) for part in ("am", "shared")}
    samples.write(Release.parse(release), databases["am"], databases["shared"], apis=36)
    idle = []
    for blemish in blemishes(Release.parse(release), "mysql"):
        with databases[blemish.part].write() as session:
            for statement in blemish.statements:
                changed = session.execute(statement)
                if not changed and not statement.startswith(("ALTER", "CREATE", "DROP")):
                    idle.append((blemish.name, statement))
    assert idle == []
