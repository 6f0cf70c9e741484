"""The shape of a live database as text that can be kept, and read again when it has changed."""

from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter

from apim_upgrade.releases.model import Schema

_FORM = TypeAdapter(Schema)


def noted(schema: Schema) -> str:
    """Return a shape as JSON; how large its tables are is no part of it."""
    return _FORM.dump_json(replace(schema, sizes={}, seed_rows={})).decode()


def shape_of(text: str) -> Schema:
    """Return the shape that :func:`noted` wrote down."""
    return _FORM.validate_json(text)
