"""What is said about an API definition: one judgement, with a message for everything the product would say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The languages that API-M keeps definitions in; ``openapi`` is Swagger 2.0 and OpenAPI 3.x alike."""

    OPENAPI = "openapi"
    ASYNCAPI = "asyncapi"
    GRAPHQL = "graphql"
    WSDL = "wsdl"


@dataclass(frozen=True, slots=True)
class Message:
    """
    One thing that the product would say.

    ``code`` is ours and the same for every release (``missing``, ``unexpected-key`` …); ``text`` is the product's own
    where it is known, so that an operator can search for it. ``pointer`` is a JSON pointer into the document (RFC 6901,
    empty for the whole), ``line`` counts from 1 and is None where the language or the fault has none.
    """

    code: str
    text: str
    pointer: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    How one release of the product judges one definition.

    ``valid`` is the verdict in the mode asked for; a valid definition may bear messages in relaxed mode.
    ``templates_ok`` says whether the product can read the operations with their scopes afterwards. ``aborted`` marks
    texts on which the product's validation breaks off with an exception instead of answering.
    """

    kind: Kind
    valid: bool
    messages: tuple[Message, ...] = ()
    templates_ok: bool = True
    aborted: bool = False

    @property
    def acceptable(self) -> bool:
        """Whether the product's own upgrade would take it: valid, and its operations can be read."""
        return self.valid and self.templates_ok

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all messages."""
        return frozenset(message.code for message in self.messages)
