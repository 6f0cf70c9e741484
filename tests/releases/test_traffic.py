"""What is told of rows that servers write names tables and columns that releases have."""

from __future__ import annotations

from apim_upgrade.releases import KNOWN_RELEASES, PARTS, catalogue
from apim_upgrade.releases.traffic import fleeting_tables, told_tables


def test_every_table_and_column_is_one_of_a_release() -> None:
    tables = {
        name.lower(): {column.name.lower() for column in table.columns}
        for release in KNOWN_RELEASES
        for part in PARTS
        for name, table in catalogue("postgresql", release, part).tables.items()
    }
    assert fleeting_tables() <= tables.keys()
    for name, told in told_tables().items():
        assert set(told.named) <= tables[name], name


def test_no_column_that_names_a_row_holds_a_secret() -> None:
    words = ("secret", "token", "password", "credential", "consumer_key")
    assert not [
        column for told in told_tables().values() for column in told.named if any(word in column for word in words)
    ]
    assert not fleeting_tables() & told_tables().keys()
