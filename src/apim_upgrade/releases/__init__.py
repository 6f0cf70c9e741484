"""What the tool knows of every release, as data, with typed access to it."""

from apim_upgrade.releases.catalogue import KINDS, PARTS, catalogue, catalogued_releases, legacy_timestamps, script_of
from apim_upgrade.releases.knowledge import (
    ReleaseFacts,
    Rename,
    hops,
    known_releases,
    release_facts,
    renames,
    sources,
    targets,
)
from apim_upgrade.releases.layout import HOME_OF, part_of
from apim_upgrade.releases.model import Schema
from apim_upgrade.releases.release import Release

KNOWN_RELEASES = known_releases()
"""Every release that can be upgraded from or to, oldest first."""

__all__ = [
    "HOME_OF",
    "KINDS",
    "KNOWN_RELEASES",
    "PARTS",
    "Release",
    "ReleaseFacts",
    "Rename",
    "Schema",
    "catalogue",
    "catalogued_releases",
    "hops",
    "legacy_timestamps",
    "part_of",
    "release_facts",
    "renames",
    "script_of",
    "sources",
    "targets",
]
