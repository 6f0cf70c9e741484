"""Views of the customer's that read what an upgrade renames or drops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.engine import Phase, Session
from apim_upgrade.releases import Release
from apim_upgrade.releases.model import Schema, fold
from apim_upgrade.schema.alignment import contraction, expansion, removal
from apim_upgrade.schema.changes import AlterTable, Change, DropColumn, DropTable, RenameColumn, applied
from apim_upgrade.schema.dialects import dialect_of
from apim_upgrade.schema.known import target_of


@dataclass(frozen=True, slots=True)
class LostColumn:
    """A column that a view reads and that goes, or goes by another name (``after``), in a phase of the upgrade."""

    view: str
    table: str
    column: str
    after: str
    phase: Phase


def lost_to_views(session: Session, kind: str, live: Schema, target: Release, part: str) -> list[LostColumn]:
    """Return what views read and will not find any more; ``live`` is the schema before the upgrade."""
    wanted = target_of(kind, target, part)
    dialect = dialect_of(kind)
    expanding = list(expansion(live, wanted).all_changes())
    expanded = applied(live, expanding)
    closing = _all(contraction(expanded, wanted))
    dropping = _all(removal(applied(expanded, closing), wanted))
    gone = [(Phase.EXPAND, each) for each in expanding] + [(Phase.COMMIT, each) for each in dropping]
    return [
        LostColumn(view, table, column, after, phase)
        for view, table, column in dialect.views(session)
        for phase, change in gone
        if (after := _lost(change, table, column)) is not None and not (after and dialect.views_bind_columns)
    ]


def _all(groups: Mapping[str, list[Change]]) -> list[Change]:
    return [change for group in groups.values() for change in group]


def _lost(change: Change, table: str, column: str) -> str | None:
    """The name that a column has after a change that takes its old one; empty where it is gone, None where it stays."""
    match change:
        case RenameColumn(name, before, after) if (fold(name), fold(before)) == (fold(table), fold(column)):
            return after
        case DropTable(name) if fold(name) == fold(table):
            return ""
        case AlterTable(name, alterations) if fold(name) == fold(table):
            dropped = {fold(each.column) for each in alterations if isinstance(each, DropColumn)}
            return "" if fold(column) in dropped else None
        case _:
            return None
