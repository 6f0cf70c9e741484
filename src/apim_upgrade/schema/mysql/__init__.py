"""MySQL and MariaDB: their INFORMATION_SCHEMA, types and DDL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import Schema, SeedRow, Table
from apim_upgrade.schema.changes import Change
from apim_upgrade.schema.mysql import ddl, fitting, introspection, online, types, views


class MySQL:
    """The dialect of MySQL 8.0 and later, and of MariaDB 10.3 and later."""

    links_need_indexes = True
    joins_need_indexes = True
    changes_extras = True
    views_bind_columns = False

    def introspect(self, session: Session) -> Schema:
        """See :class:`~apim_upgrade.schema.dialects.Dialect`."""
        return introspection.introspect(session)

    def fitted(self, wanted: Schema, live: Schema) -> Schema:
        """See the port."""
        return fitting.fitted(wanted, live)

    def ddl(self, change: Change, before: Schema) -> tuple[str, ...]:
        """See the port."""
        return ddl.ddl(change, before)

    def effect(self, changes: Sequence[Change], before: Schema) -> str:
        """See the port."""
        return online.effect(changes, before)

    def insert(self, table: str, row: SeedRow) -> str:
        """See the port."""
        return ddl.insert(table, row)

    def like(self, new: str, table: Table) -> tuple[str, ...]:
        """See the port."""
        return (ddl.like(new, table),)

    def drop_if_empty(self, table: str) -> tuple[str, ...]:
        """See the port."""
        return ddl.drop_if_empty(table)

    def extend_privileges(self, names: Iterable[str]) -> tuple[str, ...]:
        """Nothing: rights are granted on the whole database; a grant on single tables is a finding of `check`."""
        return ()

    def views(self, session: Session) -> list[tuple[str, str, str]]:
        """See the port."""
        return views.views(session)

    def turns_back(self, before: str, after: str) -> bool:
        """See the port."""
        return types.turns_back(before, after)

    def holds(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.holds(live, wanted)

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.fits_shorter(live, wanted)

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """See the port."""
        return types.same_default(live, wanted)
