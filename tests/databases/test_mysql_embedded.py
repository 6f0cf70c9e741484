"""A MariaDB is started from whatever a distribution's packages look like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from apim_upgrade.databases import EmbeddedMariaDB
from apim_upgrade.errors import EnvironmentProblem


def laid_out(real: EmbeddedMariaDB, prefix: Path, scripts: str) -> Path:
    """The same programs in another place, where the scripts of the system tables are called otherwise."""
    share = next((real.binaries.parent / "share").glob("*/m*_system_tables.sql")).parent
    (prefix / "share" / "mariadb").mkdir(parents=True)
    for file in share.iterdir():
        (prefix / "share" / "mariadb" / re.sub("^(mysql|mariadb)_", scripts, file.name)).symlink_to(file)
    (prefix / "sbin").mkdir()
    (prefix / "sbin" / "mariadbd").symlink_to(real.binaries / "mariadbd")
    (prefix / "lib").symlink_to(real.binaries.parent / "lib")
    return prefix / "sbin"


def test_a_server_of_later_packages_makes_its_system_tables(
    mariadb: EmbeddedMariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MariaDB 11 calls their scripts mariadb_… where they were mysql_…."""
    monkeypatch.setenv("APIM_UPGRADE_MARIADB_BIN", str(laid_out(mariadb, tmp_path, "mariadb_")))
    with EmbeddedMariaDB() as server, server.connect("mysql") as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT * FROM help_topic") >= 0


def test_packages_without_them_are_told(
    mariadb: EmbeddedMariaDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIM_UPGRADE_MARIADB_BIN", str(laid_out(mariadb, tmp_path, "other_")))
    with pytest.raises(EnvironmentProblem, match="system tables"), EmbeddedMariaDB():
        pass
