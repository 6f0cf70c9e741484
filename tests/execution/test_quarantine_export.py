"""Rows that were moved aside are in files before their table goes, whatever the DBMS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from apim_upgrade.databases import Database
from apim_upgrade.execution.folder import RunFolder
from apim_upgrade.execution.quarantine import PREFIX, export_quarantine


def test_quarantined_rows_become_files_and_their_tables_go(
    empty_database: Callable[[str], Database], mysql_database: Callable[[str], Database], tmp_path: Path
) -> None:
    for make in (empty_database, mysql_database):
        database = make("am")
        exported(database, tmp_path / database.kind)


def exported(database: Database, folder: Path) -> None:
    with database.write() as session:
        for name in ("one", "two"):
            session.execute(f"CREATE TABLE {PREFIX}{name} (id integer, remark varchar(20))")
    with database.write() as session:
        session.copy_into(f"{PREFIX}two", ("id", "remark"), [(1, "kept"), (2, None)])
    with database.write() as session:
        export_quarantine(session, "am", RunFolder(folder))
    lines = (folder / "quarantine" / "am-two.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"id": 1, "remark": "kept"}, {"id": 2, "remark": None}]
    with database.read() as session:
        assert not session.exists(f"{PREFIX}one")
        assert not session.exists(f"{PREFIX}two")
