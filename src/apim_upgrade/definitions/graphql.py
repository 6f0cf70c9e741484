"""
GraphQL schemas as the product judges them: parse, check the definitions against each other, build a schema of them.

What the parser and the checks refuse is answered with "invalid". What only comes out when the schema is built leaves
the product's validation as an exception; such judgements are marked ``aborted``. The rules are those of graphql-java
19; 13 and 17, which the oldest releases bundle, do not look at default values and repeated directives.
"""

from __future__ import annotations

from graphql import GraphQLSyntaxError
from graphql.language import (
    DocumentNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    InputValueDefinitionNode,
    TokenKind,
)
from graphql.language.parser import Parser

from apim_upgrade.definitions.graphql_build import find_build_faults
from apim_upgrade.definitions.graphql_checks import find_faults
from apim_upgrade.definitions.graphql_registry import Registry
from apim_upgrade.definitions.model import Judgement, Kind, Message

LIMIT = 8 * 1024 * 1024
"""Bytes of a schema that are looked at; the product has no limit, but the largest schemas known are a quarter of it."""

_TOKENS = 2_000_000
_LENIENT_BUILD = frozenset(("4.0.0", "4.1.0"))
_EMPTY = "GraphQL Schema cannot be empty or null to validate it"


def judge(text: bytes, release: str) -> Judgement:
    """Judge a schema written in SDL; ``release`` as ``4.2.0``."""
    if len(text) > LIMIT:
        return _invalid(Message("too-large", f"schemas of more than {LIMIT:,} bytes are not looked at"))
    if not text:
        return _invalid(Message("empty", _EMPTY))
    try:
        schema = text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return _invalid(Message("syntax", f"not UTF-8 at byte {error.start}", line=line))
    try:
        document = _SdlParser(schema, max_tokens=_TOKENS).parse_document()
    except GraphQLSyntaxError as error:
        place = error.locations[0] if error.locations else None
        at = f" at line {place.line} column {place.column}" if place else ""
        return _invalid(Message("syntax", f"Invalid Syntax{at}: {error.message}", "", place.line if place else None))
    except RecursionError:
        return _invalid(Message("too-deep", "the schema is nested too deeply to be looked at"))
    return _judge(document, lenient=release in _LENIENT_BUILD)


def _judge(document: DocumentNode, *, lenient: bool) -> Judgement:
    registry = Registry.read(document)
    faults = registry.faults or find_faults(registry)
    if faults:
        return _invalid(*faults)
    faults = find_build_faults(registry, lenient=lenient)
    return Judgement(Kind.GRAPHQL, not faults, tuple(faults), aborted=bool(faults))


def _invalid(*messages: Message) -> Judgement:
    return Judgement(Kind.GRAPHQL, False, messages)


class _SdlParser(Parser):
    """Takes empty braces, as graphql-java's grammar does; the types are found to be empty when they are built."""

    def parse_fields_definition(self) -> tuple[FieldDefinitionNode, ...] | None:
        if not self.peek(TokenKind.BRACE_L):
            return None
        return self.any(TokenKind.BRACE_L, self.parse_field_definition, TokenKind.BRACE_R)

    def parse_input_fields_definition(self) -> tuple[InputValueDefinitionNode, ...] | None:
        if not self.peek(TokenKind.BRACE_L):
            return None
        return self.any(TokenKind.BRACE_L, self.parse_input_value_def, TokenKind.BRACE_R)

    def parse_enum_values_definition(self) -> tuple[EnumValueDefinitionNode, ...] | None:
        if not self.peek(TokenKind.BRACE_L):
            return None
        return self.any(TokenKind.BRACE_L, self.parse_enum_value_definition, TokenKind.BRACE_R)
