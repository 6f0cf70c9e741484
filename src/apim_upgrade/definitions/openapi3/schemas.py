"""Schemas: those of 3.0 with known keys and typed defaults, and JSON Schema 2020-12 as 3.1 reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apim_upgrade.definitions import java
from apim_upgrade.definitions.openapi3.reading import IDENTIFIED, Reading, Reference, is_boolean, is_true
from apim_upgrade.definitions.openapi3.tables import (
    BESIDE_REFERENCE,
    COMPOSERS,
    DISCRIMINATOR,
    SCHEMA_30,
    SCHEMA_31,
    SCHEMA_31_SCALAR_CONST,
    SCHEMA_LISTS_31,
    SCHEMA_MAPS_31,
    SUBSCHEMA_30,
    SUBSCHEMAS_31,
    TYPES_31,
    XML,
)
from apim_upgrade.definitions.reader import Findings, Node, list_at, object_at, require, text_at, text_of
from apim_upgrade.definitions.rules import Rules

_DECODERS: dict[str, Callable[[str], Any]] = {
    "date": java.is_date,
    "date-time": java.is_date_time,
    "byte": java.is_base64,
}


class SchemaReading(Reading):
    """Reads schemas; everything nested in one is reported at the outermost."""

    def __init__(self, findings: Findings, rules: Rules, *, v31: bool) -> None:
        super().__init__(findings, rules, v31=v31)
        self.local_schemas: dict[str, tuple[str, Node]] = {}
        """The schemas that ``components`` refer to, each with where it was referred to last."""
        self.identified = 0
        """How many schemas with an ``$id`` are around the one being read."""
        self.schema: Callable[[Any, str], None] = self.schema31 if v31 else self.schema30
        self.schema31_table = SCHEMA_31_SCALAR_CONST if rules.const_is_scalar else SCHEMA_31

    def schema30(self, node: Node, location: str) -> None:
        """Read a schema of 3.0. Beside a ``$ref`` only what composes it is read."""
        findings = self.findings
        if "$ref" in node:
            self.schema_reference(node, location)
            if len(node) > 1:
                for key in BESIDE_REFERENCE.intersection(node):
                    self.schema30_field(node, key, node[key], location)
            return
        for key, value in node.items():
            field = SCHEMA_30.get(key)
            if field is None:
                if key[:2] != "x-":
                    findings.unexpected(location, key, node)
            elif type(value) not in field.accepted:
                findings.wrong_type(location, key, node, field.expected)
            elif type(value) is dict or type(value) is list:
                self.schema30_field(node, key, value, location)
        self.schema_numbers_and_flags(node, location)
        if "items" not in node and node.get("type") == "array":
            # Additional properties make it an object whatever its type says, unless it is composed.
            if "additionalProperties" not in node or any(list_at(node, key) is not None for key in COMPOSERS):
                findings.missing(location, "items", node)
        elif "items" in node and node.get("type") == "array" and not isinstance(node["items"], dict):
            findings.missing(location, "items", node)
        if "default" in node:
            self.default(node, location)
        if "enum" in node and type(node["enum"]) is list:
            self.decoded(node, [value for value in node["enum"] if isinstance(value, str)], "enum", location)

    def schema30_field(self, node: Node, key: str, value: Any, location: str) -> None:
        """Read a field that holds schemas or an object."""
        if key == "properties":
            for schema in value.values():
                if type(schema) is dict:
                    self.schema30(schema, location)
                else:
                    self.findings.wrong_type(location, "properties", node, "object")
        elif key in ("items", "not", "additionalProperties"):
            if type(value) is dict:
                self.schema30(value, location)
            elif type(value) not in SCHEMA_30[key].accepted:
                self.findings.wrong_type(location, key, node, "object")
        elif key in COMPOSERS:
            if type(value) is not list:
                self.findings.wrong_type(location, key, node, "array")
                return
            for schema in value:
                if type(schema) is dict:
                    self.schema30(schema, location)
        else:
            self.schema_detail(node, key, value, location)

    def schema_detail(self, node: Node, key: str, value: Any, location: str) -> None:
        """What both versions read alike."""
        if key == "required":
            if any(type(name) is not str for name in value):
                self.findings.wrong_type(location, "required", node, "string")
        elif key == "discriminator":
            for name in ("propertyName", "mapping"):
                if name in value and type(value[name]) not in DISCRIMINATOR[name].accepted:
                    self.findings.wrong_type(location, name, value, DISCRIMINATOR[name].expected)
            require(value, ("propertyName",), location, self.findings)
            if not self.v31:
                mapped = (text_of(target) for target in (object_at(value, "mapping") or {}).values())
                self.references += [Reference(value, target, "Schema") for target in mapped if target]
        elif key == "xml":
            self.fields(value, XML, location)
            for name in ("name", "namespace", "prefix"):
                if isinstance(value.get(name), (dict, list)):
                    self.findings.wrong_type(f"{location}.{name}", name, value, "string")
        elif key == "externalDocs":
            self.docs(node, location)

    def schema_numbers_and_flags(self, node: Node, location: str) -> None:
        """Look at what must be positive, and at what must not be together."""
        if "multipleOf" in node:
            number = node["multipleOf"]
            if isinstance(number, (int, float)) and not isinstance(number, bool) and not number > 0:
                self.warn("bad-multiple-of", location, "multipleOf value must be > 0", node, "multipleOf")
        if "writeOnly" in node and is_true(node["writeOnly"]) and is_true(node.get("readOnly")):
            self.warn("read-and-write-only", location, " writeOnly and readOnly are both present", node, "writeOnly")

    def schema_reference(self, node: Node, location: str) -> None:
        """Look whether a schema reference leads to a schema: at once in ``paths``, later in ``components``."""
        target = node["$ref"]
        if type(target) is not str:
            self.findings.wrong_type(location, "$ref", node, "string")
            return
        if location.startswith("paths") and target.startswith("#/components"):
            self.component_exists(node, target, location)
        meant = target
        if "#" not in target and "." not in target and "/" not in target and not self.v31:
            meant = f"#/components/schemas/{target}"
        if not self.components_read and meant.startswith("#/components/schemas") and meant.count("/") == 3:
            self.local_schemas[meant.rpartition("/")[2]] = (location, node)
        self.target(node, location, "Schema", target)
        if self.identified:
            self.references[-1] = Reference(node, target, IDENTIFIED)

    def component_exists(self, node: Node, target: str, location: str) -> None:
        """Complain of a reference in ``paths`` to a component that is not there; its name is taken as written."""
        parts = target.split("/")
        if len(parts) > 3 and isinstance((object_at(self.components, parts[2]) or {}).get(parts[3]), dict):
            return
        if target.rstrip("/") == "#/components":
            return
        self.findings.say("path-schema-ref-missing", f"attribute {location}.{target} is missing", node, "$ref")

    def effective_type(self, node: Node) -> str | None:
        """The type that the parser gives a schema, which is not always the one it states."""
        if type(node.get("items")) is dict:
            return "array"
        composed = any(type(node.get(key)) is list for key in COMPOSERS)
        if not composed and type(node.get("additionalProperties")) in SUBSCHEMA_30.accepted:
            return "object"
        stated = text_at(node, "type")
        if stated:
            return stated
        values = list_at(node, "enum")
        if values is None:
            return None
        first = values[0] if values else ""
        return "boolean" if isinstance(first, bool) else "number" if isinstance(first, (int, float)) else "string"

    def default(self, node: Node, location: str) -> None:
        """Look whether the default is of the type that the schema has for the parser."""
        default = node["default"]
        kind = self.effective_type(node)
        container = isinstance(default, (dict, list))
        if kind == "array" and not isinstance(default, list):
            self.findings.wrong_type(location, "default", node, "array")
        elif kind == "object" and not isinstance(default, dict):
            self.findings.wrong_type(location, "default", node, "object")
        elif kind == "string":
            if container:
                self.findings.wrong_type(location, "default", node, "string")
            elif (text := text_of(default)) is not None:
                self.decoded(node, [text], "default", location)
        elif kind == "integer" and container:
            self.findings.wrong_type(location, "default", node, "integer")
        elif kind == "number" and container:
            self.findings.wrong_type(location, "default", node, "double")

    def decoded(self, node: Node, texts: list[str], key: str, location: str) -> None:
        """Test the texts of a schema that holds dates or bytes and is nothing else besides."""
        if node.get("type") != "string" or self.effective_type(node) != "string":
            return
        if any(type(node.get(composer)) is list for composer in COMPOSERS):
            return
        form = node.get("format")
        decodes = _DECODERS.get(form) if isinstance(form, str) else None
        if decodes is None:
            return
        for text in texts:
            if not decodes(text):
                shown = f"attribute {location}.{key}=`{text}` is not of type `{form}`"
                self.findings.say("wrong-type", shown, node, key)

    def schema31(self, node: Any, location: str) -> None:
        """Read a schema of 3.1, which may be true or false and have any key."""
        findings = self.findings
        if type(node) is not dict:
            if not is_boolean(node):
                findings.wrong_type(location, "", node, "object")
            return
        identifier = node.get("$id")
        identified = isinstance(identifier, str) and bool(identifier.partition("#")[0].strip())
        self.identified += identified
        known = self.schema31_table
        for key, value in node.items():
            kind = type(value)
            if key in SUBSCHEMAS_31:
                if kind is dict:
                    self.schema31(value, location)
                elif not is_boolean(value):
                    findings.wrong_type(location, key, node, "object")
                continue
            field = known.get(key)
            if field is None:
                if key == "$ref":
                    self.schema_reference(node, location)
                elif key == "type" and kind is list:
                    self.types31(node, value, location)
                elif key[:2] == "x-" and key.startswith(("x-oai-", "x-oas-")):
                    self.reserved(location, key, node)
            elif kind not in field.accepted:
                findings.wrong_type(location, key, node, field.expected)
            elif kind is list:
                if key in SCHEMA_LISTS_31:
                    for schema in value:
                        self.schema31(schema, location)
                else:
                    self.schema_detail(node, key, value, location)
            elif kind is dict:
                if key in SCHEMA_MAPS_31:
                    for schema in value.values():
                        self.schema31(schema, location)
                elif key == "dependentRequired":
                    if any(type(names) is not list for names in value.values()):
                        findings.wrong_type(location, key, node, "object")
                else:
                    self.schema_detail(node, key, value, location)
        self.schema_numbers_and_flags(node, location)
        self.identified -= identified

    def types31(self, node: Node, types: list[Any], location: str) -> None:
        """Read a list of types."""
        seen = set()
        for entry in types:
            if isinstance(entry, (dict, list)):
                self.findings.wrong_type(location, "type", node, "value")
                continue
            name = "null" if entry is None else text_of(entry)
            if name not in TYPES_31:
                self.warn("bad-type-list", location, f" invalid type {name}", node, "type")
            if name in seen:
                self.warn("bad-type-list", location, f" duplicated type {name}", node, "type")
            seen.add(name)
