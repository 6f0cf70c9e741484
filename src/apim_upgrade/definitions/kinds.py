"""Tell the languages of definitions apart by what the first part of a text looks like."""

from __future__ import annotations

import re

from apim_upgrade.definitions.model import Kind

_LOOKED_AT = 65_536
_ZIP = b"PK\x03\x04"
_ASYNCAPI = re.compile(rb"""^[ \t]*["']?asyncapi["']?\s*:|["']asyncapi["']\s*:\s*["']?[0-9]""", re.MULTILINE).search
_OPENAPI = re.compile(rb"""(?:^[ \t]*|[{,]\s*)["']?(?:openapi|swagger)["']?\s*:""", re.MULTILINE).search
_GRAPHQL = re.compile(
    rb"^[ \t]*(?:extend\s+)?(?:schema\b[^:\n]*\{|(?:type|interface|input|enum)\s+\w+[^:\n]*\{?|union\s+\w+[^:\n]*="
    rb"|scalar\s+\w+|directive\s+@)",
    re.MULTILINE,
).search


def kind_of(text: bytes) -> Kind:
    """The language a text is most probably written in; OpenAPI where it resembles none."""
    if text.startswith(_ZIP):
        return Kind.WSDL  # The one kind that is kept as an archive.
    head = text[:_LOOKED_AT]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return Kind.OPENAPI if start[:15].lower().startswith((b"<!doctype html", b"<html")) else Kind.WSDL
    if _OPENAPI(head):
        return Kind.OPENAPI
    if _ASYNCAPI(head):
        return Kind.ASYNCAPI
    if not start.startswith(b"{") and _GRAPHQL(head):
        return Kind.GRAPHQL
    return Kind.OPENAPI
