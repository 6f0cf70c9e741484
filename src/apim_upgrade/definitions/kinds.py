"""Tell the languages of definitions apart by what the first part of a text looks like."""

from __future__ import annotations

import re

from apim_upgrade.definitions.model import Kind

_LOOKED_AT = 65_536
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins, and one without any file."""
# In YAML the key that names the language stands at the margin, and in JSON mostly before all others: deeper down a
# schema, or a GraphQL type, may have a field of that name.
_IN_YAML = re.compile(rb"""^["']?(asyncapi|openapi|swagger)["']?\s*:""", re.MULTILINE).search
_IN_JSON = re.compile(rb"""[{,]\s*["']?(asyncapi|openapi|swagger)["']?\s*:\s*["'0-9]""").search
_GRAPHQL = re.compile(
    rb"^[ \t]*(?:extend\s+)?(?:schema\b[^:\n]*\{|(?:type|interface|input|enum)\s+\w+[^:\n]*\{?|union\s+\w+[^:\n]*="
    rb"|scalar\s+\w+|directive\s+@)",
    re.MULTILINE,
).search


def kind_of(text: bytes) -> Kind:
    """The language a text is most probably written in; OpenAPI where it resembles none."""
    if text.startswith(ZIP):
        return Kind.WSDL  # The one kind that is kept as an archive.
    head = text[:_LOOKED_AT]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return Kind.OPENAPI if start[:15].lower().startswith((b"<!doctype html", b"<html")) else Kind.WSDL
    named = (_IN_JSON if start.startswith(b"{") else _IN_YAML)(start)
    if named is not None:
        return Kind.ASYNCAPI if named[1] == b"asyncapi" else Kind.OPENAPI
    if not start.startswith(b"{") and _GRAPHQL(head):
        return Kind.GRAPHQL
    return Kind.OPENAPI
