"""What the parser converts without a word, and references: nothing is complained of here, the parse only ends."""

from __future__ import annotations

import math
from typing import Any

from apim_upgrade.definitions.reader import Findings, Node
from apim_upgrade.definitions.swagger2.tables import BOUNDS

MALFORMED = "malformed or unreadable swagger supplied"


class Malformed(Exception):
    """The parser breaks off; ``about`` and ``key`` say where."""

    def __init__(self, about: object = None, key: str | int | None = None) -> None:
        super().__init__(MALFORMED)
        self.about = about
        self.key = key


def is_external(reference: str) -> bool:
    """Whether a reference leads out of the document, as the parser sees it: a bare name with a dot is a file."""
    if reference.startswith(("http:", "https:", ".", "/")):
        return True
    return not reference.startswith("#") and "." in reference and ":" not in reference


class Conversion:
    """What is known of one document while it is read, and the conversion of what the parser does not read by hand."""

    __slots__ = ("_document", "_external", "_findings", "_null_is_text", "_seen", "_shared", "_used")

    def __init__(self, document: Node, findings: Findings) -> None:
        self._document = document
        self._findings = findings
        self._null_is_text = findings.null_is_text
        self._external: list[Node] = []
        self._seen: set[int] = set()
        self._shared: dict[str, list[Node]] = {}
        self._used: list[tuple[Node, str, str]] = []

    def _has(self, node: Node, key: str) -> bool:
        return node.get(key) is not None or (self._null_is_text and key in node)

    def _convert_scheme(self, scheme: Node) -> None:
        for key in ("description", "flow", "authorizationUrl", "tokenUrl"):
            if isinstance(scheme.get(key), (dict, list)):
                raise Malformed(scheme, key)
        scopes = scheme.get("scopes")
        if scheme["type"] != "oauth2" or scopes is None:
            return
        if not isinstance(scopes, dict) or any(isinstance(text, (dict, list)) for text in scopes.values()):
            raise Malformed(scheme, "scopes")

    def _xml(self, node: Node) -> None:
        xml = node.get("xml")
        if xml is None:
            return
        if not isinstance(xml, dict):
            raise Malformed(node, "xml")
        for key in ("name", "namespace", "prefix", "attribute", "wrapped"):
            if isinstance(xml.get(key), (dict, list)):
                raise Malformed(xml, key)

    def _convert(self, top: object) -> None:
        """A property, items or a header, with everything below; each object once, however often it is shared."""
        if not isinstance(top, dict):
            return
        if self._has(top, "xml") and not isinstance(top["xml"], dict):
            raise Malformed(top, "xml")
        pending: list[Any] = [top]
        seen = self._seen
        while pending:
            node = pending.pop()
            if type(node) is not dict or id(node) in seen:
                continue
            seen.add(id(node))
            if self._has(node, "$ref"):
                if isinstance(node["$ref"], str):
                    self._note_external(node, node["$ref"])
                continue
            kind = node.get("type")
            if kind == "object" or self._has(node, "properties"):
                additional = node.get("additionalProperties")
                if isinstance(additional, dict):
                    pending.append(additional)
                    continue
                if isinstance(node.get("properties"), dict):
                    pending.extend(node["properties"].values())
                if self._has(node, "required") and not isinstance(node["required"], list):
                    raise Malformed(node, "required")
            elif kind == "array" and self._has(node, "items"):
                pending.append(node["items"])
            else:
                if self._has(node, "enum") and not isinstance(node["enum"], list):
                    raise Malformed(node, "enum")
                for key in BOUNDS:
                    if key in node and self._has(node, key) and not _is_number(node[key]):
                        raise Malformed(node, key)

    # References: those into other files cannot be followed by the product either, wherever it comes upon them.

    def _note_external(self, node: Node, reference: str) -> None:
        if is_external(reference):
            self._external.append(node)

    def _refer(self, node: Node, reference: str, section: str) -> None:
        if is_external(reference):
            self._external.append(node)
        else:
            self._used.append((node, reference if reference.startswith("#/") else section + reference, section))

    def _resolve(self) -> None:
        definitions = self._document.get("definitions")
        for node, reference, section in self._used:
            self._external.extend(self._shared.get(reference, ()))
            wrong_section = reference in self._shared and not reference.startswith(section)
            name = reference[len("#/definitions/") :] if reference.startswith("#/definitions/") else None
            if wrong_section or (name is not None and isinstance(definitions, dict) and name in definitions):
                raise Malformed(node, "$ref")
        if self._external:
            raise Malformed(self._external[0], "$ref")


def _is_number(value: object) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))
