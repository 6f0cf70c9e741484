"""Which operations a repair would add, drop or rename: whoever keeps rows for each operation has to know before."""

from __future__ import annotations

from apim_upgrade.definitions.repairs import Repair
from apim_upgrade.definitions.templates import operations
from apim_upgrade.definitions.text import read
from apim_upgrade.definitions.writing import tolerant


def moved_operations(repaired: Repair) -> tuple[str, ...]:
    """
    The operations that stand in only one of the two texts, such as ``GET /pets``, sorted.

    Of a text that is no JSON those count that it was surely meant to hold.
    """
    before, after = _operations(repaired.before), _operations(repaired.text.decode())
    return tuple(f"{method.upper()} {path}" for path, method in sorted(before ^ after))


def _operations(text: str) -> set[tuple[str, str]]:
    found = read(text)
    document = found.document if found.problem is None else tolerant(found.text)
    if not isinstance(document, dict):
        return set()
    return {(operation.path, operation.method) for operation in operations(document)}
