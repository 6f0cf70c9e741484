"""What sample estate is wanted, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apim_upgrade.databases import name_uuid
from apim_upgrade.releases import Release

_4_0_0 = Release.parse("4.0.0")
_4_1_0 = Release.parse("4.1.0")


@dataclass(frozen=True, slots=True)
class Shape:
    """
    The size and kind of a sample estate; the same shape gives the same rows.

    ``tenants`` counts those besides the super tenant; ``blemishes`` adds what real estates suffer from.
    """

    release: Release
    apis: int = 100
    tenants: int = 2
    applications_per_api: int = 3
    tokens_per_api: int = 5
    seed: int = 1
    blemishes: bool = False

    @property
    def revisions(self) -> bool:
        """Whether there are revisions, streaming APIs, and UUID and status of an API in the database (4.0.0)."""
        return self.release >= _4_0_0

    @property
    def configuration_in_database(self) -> bool:
        """Whether tenant configurations lie in AM_SYSTEM_CONFIGS instead of the registry (4.1.0)."""
        return self.release >= _4_1_0

    def before(self, release: str) -> bool:
        """Whether the estate's release is older than another."""
        return self.release < Release.parse(release)

    def uuid(self, *parts: object) -> str:
        """The UUID of a thing of this estate."""
        return name_uuid("sample", self.seed, *parts)


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written: rows per table, of both databases, and the blemishes that were made."""

    rows: Mapping[str, int]
    blemishes: tuple[str, ...] = ()

    def __getitem__(self, table: str) -> int:
        return self.rows.get(table, 0)
