"""What every part of the OpenAPI 3 parser does: read fields, warn, note references."""

from __future__ import annotations

from typing import Any, NamedTuple

from apim_upgrade.definitions.openapi3.tables import DOCS, NAME, NAME_RULE, SECTIONS
from apim_upgrade.definitions.reader import Broken, Findings, Node, Table, joined, object_at, read_fields, require
from apim_upgrade.definitions.rules import Rules

IDENTIFIED = "Schema under an $id"
"""A schema reference that the parser resolves against an ``$id`` around it, which it then fails to load."""
ABSENT: Any = object()


class Reference(NamedTuple):
    """A ``$ref`` that was read: where it stands, what it says, and what kind of thing it should lead to."""

    holder: Node
    target: str
    expected: str


class Reading:
    """One walk of the parser over one document, or over a part that a reference leads to."""

    def __init__(self, findings: Findings, rules: Rules, *, v31: bool) -> None:
        self.findings = findings
        self.rules = rules
        self.v31 = v31
        self.references: list[Reference] = []
        self.components: Node = {}
        self.components_read = False

    def fields(self, node: Node, known: Table, location: str) -> None:
        """As ``read_fields``, and of reserved keys in 3.1; not every part is looked through for those."""
        for key, value in node.items():
            field = known.get(key)
            if field is None:
                if key[:2] != "x-":
                    self.findings.unexpected(location, key, node)
                elif self.v31 and key.startswith(("x-oai-", "x-oas-")):
                    self.reserved(location, key, node)
            elif type(value) not in field.accepted:
                self.findings.wrong_type(location, key, node, field.expected)

    def reserved(self, location: str, key: str, node: Node) -> None:
        """Complain of a key that is kept for the OpenAPI Initiative."""
        self.findings.say(
            "reserved-key", f"attribute {joined(location, key)} is reserved by The OpenAPI Initiative", node, key
        )

    def warn(self, code: str, location: str, text: str, node: object, key: str | int | None = None) -> None:
        """Say what the parser calls a warning, which weighs as much as the rest."""
        said = f"{location}.{text}" if location else text
        self.findings.say(code, f"attribute {said}" if self.rules.warnings_are_attributes else said, node, key)

    def cast(self, holder: Node, key: str) -> Node:
        """A value that the parser takes for an object without looking."""
        value = holder[key]
        if not isinstance(value, dict):
            raise Broken("class-cast", f"{key} cannot be cast to class ObjectNode", holder, key)
        return value

    def names(self, node: Node, what: str, location: str) -> None:
        """Look at the names of components."""
        for name in node:
            if not NAME(name):
                self.warn("bad-component-name", location, f"{what} {name} {NAME_RULE}", node, name)

    def reference(self, node: Node, location: str, expected: str, *beside: str) -> bool:
        """Read a ``$ref``, of which the keys beside it do not count; answers whether there is one."""
        target = node.get("$ref", ABSENT)
        if target is ABSENT:
            return False
        if not isinstance(target, str):
            self.findings.wrong_type(location, "$ref", node, "string")
            return True
        self.target(node, location, expected, target)
        if self.v31:
            for key in beside:
                if isinstance(node.get(key), (dict, list)):
                    self.findings.wrong_type(location, key, node, "string")
        return True

    def target(self, node: Node, location: str, expected: str, target: str) -> None:
        """Note a reference, and look whether it leads to a section of the kind expected."""
        self.references.append(Reference(node, target, expected))
        if self.rules.component_references_tested and target.startswith("#/components"):
            for section in SECTIONS[expected]:
                if target.startswith(f"#/components/{section}"):
                    return
            self.warn(
                "ref-wrong-section", location, f"$ref target {target} is not of expected type {expected}", node, "$ref"
            )

    def docs(self, holder: Node, location: str) -> None:
        """Read ``externalDocs``."""
        if (docs := object_at(holder, "externalDocs")) is not None:
            read_fields(docs, DOCS, location, self.findings)
            require(docs, ("url",), location, self.findings)

    def objects(self, holder: Node, location: str) -> list[tuple[str, Node]]:
        """The entries that are objects; the others are complained of."""
        found = []
        for name, value in holder.items():
            if isinstance(value, dict):
                found.append((name, value))
            else:
                self.findings.wrong_type(location, name, holder, "object")
        return found


def is_true(value: object) -> bool:
    """Whether the parser reads it as true."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def is_boolean(value: object) -> bool:
    """Whether the parser reads it as a schema that is true or false."""
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))
