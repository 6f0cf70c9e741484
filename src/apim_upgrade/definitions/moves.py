"""Which operations a repair would add, drop or rename: whoever keeps rows for each operation has to know before."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.definitions.reader import object_at, printable
from apim_upgrade.definitions.repairs import Repair
from apim_upgrade.definitions.templates import METHODS, path_item
from apim_upgrade.definitions.text import read
from apim_upgrade.definitions.writing import tolerant


def moved_operations(repaired: Repair) -> tuple[str, ...]:
    """
    The operations that stand in only one of the two texts, such as ``GET /pets``, sorted.

    What was written as an operation counts, though the product may not read it as one: in capitals, or without a value.
    Of a text that is no JSON those count that it was surely meant to hold.
    """
    before, after = set(_operations(repaired.before)), set(_operations(repaired.text.decode()))
    return tuple(sorted({printable(f"{key.upper()} {path}") for path, key, _ in before ^ after}))


def _operations(text: str) -> Iterator[tuple[str, str, bool]]:
    """Path, method as written, and whether it is an object."""
    found = read(text)
    document = found.document if found.problem is None else tolerant(found.text)
    if not isinstance(document, dict):
        return
    for path, item in (object_at(document, "paths") or {}).items():
        if path[:2] != "x-":
            for key, value in path_item(document, item).items():
                if key.lower() in METHODS:
                    yield path, key, isinstance(value, dict)
