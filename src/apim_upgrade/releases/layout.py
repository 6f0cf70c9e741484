"""
Which databases an estate has, and what of the product's tables each of them holds.

The product keeps its tables in two databases, ``am`` and ``shared``, unless it is told to keep some of them apart: the
identity tables, those of user management, and the registry's part ``/_system/config``.
"""

from __future__ import annotations

from collections.abc import Collection

HOME_OF = {"identity": "am", "user": "shared", "config": "shared"}
"""Databases that may be kept apart, and the one whose tables they are otherwise among."""
_ALONE = {"identity": "identity", "user": "user", "config": "registry"}
_WITHOUT = {"am": ("identity", "api"), "shared": ("user", "registry")}


def part_of(database: str, databases: Collection[str]) -> str:
    """
    Return the part of the catalogue that a database holds in an estate of these databases.

    ``am`` and ``shared`` hold what their script makes, less what is kept apart. The configuration registry is a second
    set of the registry's tables, so the first one stays in ``shared``.
    """
    if database in _ALONE:
        return _ALONE[database]
    apart, rest = _WITHOUT[database]
    return rest if apart in databases else database
