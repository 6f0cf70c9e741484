"""Rows that were moved aside leave the databases at ``commit``, but not the operator's hands."""

from __future__ import annotations

from sqlalchemy import literal_column, select, table

from apim_upgrade.engine import Session, journal
from apim_upgrade.execution.folder import RunFolder
from apim_upgrade.execution.rows import row_line
from apim_upgrade.schema import introspect

PREFIX = f"{journal.PREFIX}quarantine_"


def export_quarantine(session: Session, part: str, folder: RunFolder) -> None:
    """
    Write the rows of every quarantine table to ``quarantine/<database>-<table>.jsonl`` and drop the table.

    Binary values are written as base64. The files are complete before the transaction of ``session`` ends.
    """
    for name in sorted(introspect(session).tables):
        if name.startswith(PREFIX):
            rows = session.stream(select(literal_column("*")).select_from(table(name)))
            lines = (row_line(row._mapping) for row in rows)
            RunFolder(folder.path / "quarantine").write_lines(f"{part}-{name.removeprefix(PREFIX)}.jsonl", lines)
            session.execute(f"DROP TABLE {name}")
