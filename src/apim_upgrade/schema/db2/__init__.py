"""DB2: its types and its DDL for scripts."""

from __future__ import annotations

from apim_upgrade.schema.db2 import types
from apim_upgrade.schema.db2.ddl import Db2Ddl

_TEXTS = ("VARCHAR",)


class Db2(Db2Ddl):
    """The notation of Db2 11.1 and later; see :class:`~apim_upgrade.schema.dialects.Notation`."""

    def holds(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.holds(live, wanted)

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.base(live) == types.base(wanted) in _TEXTS and types.holds(live, wanted)

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """See the port."""
        return types.same_default(live, wanted)
