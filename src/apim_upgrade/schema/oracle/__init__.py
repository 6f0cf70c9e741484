"""Oracle: its types and its DDL for scripts."""

from __future__ import annotations

from apim_upgrade.schema.oracle import types
from apim_upgrade.schema.oracle.ddl import OracleDdl

_TEXTS = ("VARCHAR2",)


class Oracle(OracleDdl):
    """The notation of Oracle 12.2 and later; see :class:`~apim_upgrade.schema.dialects.Notation`."""

    def holds(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.holds(live, wanted)

    def fits_shorter(self, live: str, wanted: str) -> bool:
        """See the port."""
        return types.base(live) == types.base(wanted) in _TEXTS and types.holds(live, wanted)

    def same_default(self, live: str | None, wanted: str | None) -> bool:
        """See the port."""
        return types.same_default(live, wanted)
