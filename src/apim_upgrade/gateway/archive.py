"""A zip that is the same, byte for byte, whenever it is made of the same entries."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from typing import Any

_MOMENT = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


def pack(entries: Iterable[tuple[str, bytes | dict[str, Any]]]) -> bytes:
    """Return a zip of (path, content); objects are written as JSON. Entries are sorted and bear no time."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for path, content in sorted(entries, key=lambda entry: entry[0]):
            data = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
            entry = zipfile.ZipInfo(path, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = _MODE
            packed.writestr(entry, data)
    return target.getvalue()
