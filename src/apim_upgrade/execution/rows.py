"""Rows as lines of JSON, for files that a person or a program reads."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any


def row_line(row: Mapping[Any, Any]) -> str:
    """Return one row as a line; binary values as base64, times and numbers without a JSON form as text."""
    return json.dumps({str(name): value for name, value in row.items()}, default=_plain, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return b64encode(bytes(value)).decode() if isinstance(value, (bytes, memoryview)) else str(value)
