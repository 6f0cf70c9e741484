"""PostgreSQL: its catalogue views, types and DDL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import Schema, SeedRow, Table
from apim_upgrade.schema.changes import Change
from apim_upgrade.schema.postgresql import ddl, introspection, privileges, types


class PostgreSQL:
    """The dialect of PostgreSQL 10 and later."""

    links_need_indexes = False
    joins_need_indexes = False
    changes_extras = False
    views_bind_columns = True

    def introspect(self, session: Session) -> Schema:
        """See :class:`~apim_upgrade.schema.dialects.Dialect`."""
        return introspection.introspect(session)

    def fitted(self, wanted: Schema, live: Schema) -> Schema:
        """As it is: every text is Unicode, and keys may be as long as the releases have them."""
        return wanted

    def ddl(self, change: Change, before: Schema) -> tuple[str, ...]:
        """See the port."""
        return (ddl.ddl(change),)

    def effect(self, changes: Sequence[Change], before: Schema) -> str:
        """Nothing: the server keeps others from a table while it changes, for moments or longer."""
        return ""

    def insert(self, table: str, row: SeedRow) -> str:
        """See the port."""
        return ddl.insert(table, row)

    def like(self, new: str, table: Table) -> tuple[str, ...]:
        """See the port."""
        return (f"CREATE TABLE IF NOT EXISTS {ddl.quoted(new)} (LIKE {ddl.quoted(table.name)})",)

    def drop_if_empty(self, table: str) -> tuple[str, ...]:
        """See the port."""
        return (
            f"DO $empty$ BEGIN IF NOT EXISTS (SELECT FROM {ddl.quoted(table)}) THEN "
            f"DROP TABLE {ddl.quoted(table)}; END IF; END $empty$",
        )

    def extend_privileges(self, names: Iterable[str]) -> tuple[str, ...]:
        """See the port."""
        return (privileges.extend_privileges(names),)

    def views(self, session: Session) -> list[tuple[str, str, str]]:
        """See the port."""
        return introspection.views(session)

    def turns_back(self, before: str, after: str) -> bool:
        """See the port."""
        return types.turns_back(before, after)

    def holds(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.holds(live, wanted)

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.base(live) == types.base(wanted) == "character varying" and types.holds(live, wanted)

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """See the port."""
        return types.same_default(live, wanted)
