"""
API definitions as the product judges them: text in, judgement out; no database, no network, no file.

The rules are those of the parsers that each release bundles, not those of the specifications.
"""

from __future__ import annotations

from apim_upgrade.definitions.model import Judgement, Kind, Message
from apim_upgrade.definitions.rules import SUPPORTED, rules_of

__all__ = ["SUPPORTED", "Judgement", "Kind", "Message", "judge", "kind_of"]


def judge(text: bytes, release: str, *, kind: Kind | None = None, relaxed: bool = False) -> Judgement:
    """
    How ``release`` (one of ``SUPPORTED``) judges a definition; ``kind`` is guessed from the text where it is not given.

    ``relaxed`` asks for the verdict of a server that runs with ``-DswaggerRelaxedValidation``; only OpenAPI knows it.
    Whatever the text is, the answer is a judgement. Raises ``ValueError`` for a release whose verdicts are not known.
    """
    rules_of(release)
    kind = kind or kind_of(text)
    # Each language brings libraries of its own, which a caller of the others need not load.
    if kind is Kind.OPENAPI:
        from apim_upgrade.definitions import openapi

        return openapi.judge(text, release, relaxed=relaxed)
    if kind is Kind.GRAPHQL:
        from apim_upgrade.definitions import graphql

        return graphql.judge(text, release)
    if kind is Kind.ASYNCAPI:
        from apim_upgrade.definitions import asyncapi

        return asyncapi.judge(text, release)
    from apim_upgrade.definitions import wsdl

    return wsdl.judge(text, release)


def kind_of(text: bytes) -> Kind:
    """Guess the language of a definition; what resembles none of the others counts as OpenAPI."""
    from apim_upgrade.definitions.kinds import kind_of as guess

    return guess(text)
