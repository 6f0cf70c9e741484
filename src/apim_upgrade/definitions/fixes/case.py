"""One message and the place it is about, and how keys are moved without moving anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apim_upgrade.definitions.model import Message
from apim_upgrade.definitions.reader import Node


@dataclass(frozen=True, slots=True)
class Case:
    """
    One message and the place in a document that it is about.

    ``holder`` is the object or list that the last part of the pointer, ``key``, leads into; ``node`` what it leads to.
    ``name`` and ``version`` are the API's own, empty where they are not known.
    """

    document: Node
    message: Message
    path: tuple[str, ...]
    holder: Any
    key: str
    node: Any
    name: str = ""
    version: str = ""
    beside_reference: bool = False
    """Whether the key stood beside a ``$ref`` when the message was said."""
    memo: dict[str, Any] = field(default_factory=dict)
    """What fixes of one round have learned of the document and tell each other."""

    @property
    def is_swagger(self) -> bool:
        """Whether the document is Swagger 2.0."""
        return "openapi" not in self.document


Fix = Callable[[Case], str | None]


def rename(node: Node, old: str, new: str) -> None:
    """Rename a key where it stands, so that the order of the others stays."""
    entries = [(new if key == old else key, value) for key, value in node.items()]
    node.clear()
    node.update(entries)


def free(node: Node, wanted: str) -> str:
    """The wanted key, or the first of its numbered forms that the object does not have."""
    key, number = wanted, 2
    while key in node:
        key, number = f"{wanted}-{number}", number + 1
    return key


def set_aside(node: Node, key: str) -> str:
    """Rename a key to its free ``x-`` form, which is told."""
    aside = free(node, f"x-{key.lstrip('$')}")
    rename(node, key, aside)
    return aside
