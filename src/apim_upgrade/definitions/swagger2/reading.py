"""What the parser reads by hand: root, paths, operations, parameters, responses, models, security."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apim_upgrade.definitions.reader import Findings, Node, Table, names_in_braces, text_of
from apim_upgrade.definitions.swagger2.conversion import Conversion, Malformed
from apim_upgrade.definitions.swagger2.tables import (
    ARRAY_MODEL,
    BODY,
    BODY_ASIDE,
    COMPOSED,
    CONTACT,
    EXTERNAL_DOCS,
    INFO,
    ITEM_TYPES,
    LICENSE,
    METHODS,
    MODEL,
    NOT_BARE,
    OPERATION,
    PARAMETER,
    PATH,
    PLACES,
    RESPONSE,
    ROOT,
    SECURITY,
    TAG,
)

_VALUES = (str, int, float, bool, type(None))


class Reading(Conversion):
    """One pass over one document."""

    __slots__ = ("_operation_ids",)

    def __init__(self, document: Node, findings: Findings) -> None:
        super().__init__(document, findings)
        self._operation_ids: set[str] = set()

    def root(self) -> None:
        """Read the whole document. Raises ``Malformed`` where the parser breaks off."""
        document, findings = self._document, self._findings
        self._fields(document, ROOT, "")
        if not self._has(document, "swagger"):
            findings.say("no-spec-version", "attribute swagger is missing", document)
        for key in ("info", "paths"):
            if not self._has(document, key):
                findings.missing("", key, document)
        self._info(document.get("info"))
        for key in ("schemes", "consumes", "produces"):
            self._strings(document.get(key), f".{key}")
        self._paths(document.get("paths"))
        self._definitions(document.get("definitions"))
        reachable, seen = self._external, self._seen
        for section, read in (("parameters", self._root_parameter), ("responses", self._root_response)):
            for name, node in _items(document.get(section)):
                self._external, self._seen = [], set()
                read(name, node)
                self._shared[f"#/{section}/{name}"] = self._external
        self._external, self._seen = reachable, seen
        self._security_definitions(document.get("securityDefinitions"))
        self._requirements(document.get("security"), "security")
        for tag in _list(document.get("tags")):
            if isinstance(tag, dict):
                self._tag(tag)
        self._external_docs(document.get("externalDocs"), "externalDocs")
        self._resolve()

    def _fields(self, node: Node, known: Table, location: str) -> None:
        null_is_text = self._null_is_text
        for key, value in node.items():
            field = known.get(key)
            if field is not None and type(value) in field.accepted:
                continue
            if value is None and not null_is_text:
                continue
            if field is not None:
                self._findings.wrong_type(location, key, node, field.expected)
            elif key[:2] != "x-":
                self._findings.unexpected(location, key, node)

    def _require(self, node: Node, key: str, location: str) -> None:
        if not self._has(node, key):
            self._findings.missing(location, key, node)

    def _strings(self, values: object, location: str) -> None:
        for index, value in enumerate(_list(values)):
            if not isinstance(value, str):
                self._findings.say("wrong-type", f"attribute {location}. is not of type `string`", values, index)

    def _info(self, info: object) -> None:
        if not isinstance(info, dict):
            return
        self._fields(info, INFO, "info")
        self._require(info, "title", "info")
        contact = info.get("contact")
        if isinstance(contact, dict):
            for key, value in contact.items():
                if key not in CONTACT:
                    if key[:2] != "x-" and (value is not None or self._null_is_text):
                        self._findings.unexpected("info.contact", key, contact)
                elif isinstance(value, (dict, list)):
                    self._findings.wrong_type(f"info.{key}", key, contact, "string")
        elif self._has(info, "contact"):
            self._findings.wrong_type("contact", "contact", info, "object")
        licence = info.get("license")
        if isinstance(licence, dict):
            self._fields(licence, LICENSE, "info.license")
            self._require(licence, "name", "info")

    def _external_docs(self, docs: object, location: str) -> None:
        if isinstance(docs, dict):
            self._fields(docs, EXTERNAL_DOCS, f"{location}.externalDocs")
            self._require(docs, "url", location)

    def _tag(self, tag: Node) -> None:
        self._fields(tag, TAG, "tags.tags")
        self._require(tag, "name", "tags.tags")
        self._external_docs(tag.get("externalDocs"), "tags.tagsexternalDocs")

    def _paths(self, paths: object) -> None:
        for path, item in _items(paths):
            if item is None and not self._null_is_text:
                continue
            if path[:2] == "x-":
                self._findings.unsupported("paths", path, paths)
            elif not isinstance(item, dict):
                self._findings.wrong_type("paths", path, paths, "object")
            elif self._has(item, "$ref"):
                reference = item["$ref"]
                if not isinstance(reference, str):
                    raise Malformed(item, "$ref")
                self._refer(item, reference, "#/paths/")
            else:
                self._path(path, item)

    def _path(self, path: str, item: Node) -> None:
        location = f"paths.'{path}'"
        self._fields(item, PATH, location)
        declared = self._parameters(item.get("parameters"), location)
        per_operation: list[set[str] | None] = []
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                per_operation.append(self._operation(operation, f"{location}({method})"))
        if "{" not in path or declared is None:
            return
        for name in names_in_braces(path):
            if name in declared:
                continue
            if any(names is not None and name not in names for names in per_operation):
                self._findings.say(
                    "path-param-undeclared",
                    f"attribute {location}. Declared path parameter {name} needs to be defined as a path parameter"
                    " in path or operation level",
                    item,
                )

    def _operation(self, operation: Node, location: str) -> set[str] | None:
        """Read an operation; the names of the path parameters it declares, None when any might be by reference."""
        self._fields(operation, OPERATION, location)
        self._external_docs(operation.get("externalDocs"), location)
        if self._has(operation, "operationId"):
            name = self._text(operation["operationId"])
            if name is not None:
                if name in self._operation_ids:
                    self._findings.repeated(location, "operationId", operation)
                self._operation_ids.add(name)
        for key in ("consumes", "produces", "schemes"):
            if key in operation:
                self._strings(operation[key], f"{location}.{key}")
        declared = self._parameters(operation.get("parameters"), location)
        self._operation_responses(operation, location)
        if "security" in operation:
            self._requirements(operation["security"], location)
        return declared

    def _operation_responses(self, operation: Node, location: str) -> None:
        responses = operation.get("responses")
        inner = f"{location}.responses"
        if isinstance(responses, dict):
            named = False
            for code, response in responses.items():
                if code[:2] == "x-" or (response is None and not self._null_is_text):
                    continue
                named = True
                if isinstance(response, dict):
                    self._response(response, f"{inner}.{code}")
                else:
                    self._findings.wrong_type(f"{inner}.responses", code, responses, "object")
            if not named:
                self._findings.missing(location, "responses", operation)
        elif self._has(operation, "responses"):
            self._findings.wrong_type(inner, "responses", operation, "object")
        else:
            self._findings.missing(inner, "responses", operation)

    def _text(self, value: object) -> str | None:
        return "null" if value is None and self._null_is_text else text_of(value)

    def _requirements(self, requirements: object, location: str) -> None:
        for requirement in _list(requirements):
            for scheme, scopes in _items(requirement):
                if isinstance(scopes, list):
                    for scope in scopes:
                        if not isinstance(scope, str):
                            self._findings.wrong_type(location, scheme, requirement, "string")
                elif scopes is not None or self._null_is_text:
                    self._findings.wrong_type(f"{location}.security", scheme, requirement, "array")

    def _parameters(self, parameters: object, location: str) -> set[str] | None:
        declared: set[str] | None = set()
        for parameter in _list(parameters):
            if not isinstance(parameter, dict):
                continue
            name = self._parameter(parameter, location)
            if name is None:
                declared = None
            elif name and declared is not None:
                declared.add(name)
        return declared

    def _parameter(self, parameter: Node, location: str) -> str | None:
        """Read a parameter; its name if it is a path parameter, an empty text for others, None for a reference."""
        if self._has(parameter, "$ref"):
            reference = parameter["$ref"]
            if isinstance(reference, str):
                self._refer(parameter, reference, "#/parameters/")
                return None
            self._findings.wrong_type(location, "$ref", parameter, "string")
            return ""
        named = self._has(parameter, "name")
        name = (self._text(parameter["name"]) or "") if named else "['unknown']"
        location = f"{location}.[{name}]"
        if not self._has(parameter, "in"):
            self._findings.missing(location, "in", parameter)
            return ""
        place = parameter["in"]
        if place in PLACES if isinstance(place, str) else False:
            self._fields(parameter, PARAMETER, location)
            self._require(parameter, "type", location)
            self._parameter_values(parameter, location)
        elif place == "body":
            self._body(parameter, location)
        elif isinstance(place, (dict, list)):
            self._findings.wrong_type(location, "in", parameter, "string")
            return ""
        else:
            for key in ("type", "format"):
                if isinstance(parameter.get(key), (dict, list)):
                    self._findings.wrong_type(location, key, parameter, "string")
            return ""
        self._require(parameter, "name", location)
        if place != "path":
            return ""
        required = parameter.get("required")
        if required is not True and not (isinstance(required, str) and required.lower() == "true"):
            self._findings.say(
                "path-param-not-required",
                f"attribute paths.'{name}'. For path parameter '{name}' the required value should be true",
                parameter,
            )
        return name

    def _parameter_values(self, parameter: Node, location: str) -> None:
        self._enum(parameter, location)
        if self._has(parameter, "default"):
            default = parameter["default"]
            if parameter.get("type") == "array":
                if not isinstance(default, list):
                    self._findings.wrong_type(location, "default", parameter, "array")
            elif isinstance(default, (dict, list)):
                self._findings.wrong_type(location, "default", parameter, "string")
        if self._has(parameter, "items") and parameter.get("type") in ITEM_TYPES:
            items = parameter["items"]
            if isinstance(items, dict):
                self._convert(items)
            else:
                self._findings.wrong_type(location, "items", parameter, "object")

    def _enum(self, node: Node, location: str) -> None:
        for value in _list(node.get("enum")):
            if not isinstance(value, _VALUES):
                self._findings.wrong_type(location, "enum", node, "value")

    def _body(self, parameter: Node, location: str) -> None:
        self._fields(parameter, BODY, location)
        for key, field in BODY_ASIDE.items():
            if self._has(parameter, key) and type(parameter[key]) not in field.accepted:
                self._findings.wrong_type(location, key, parameter, field.expected)
        schema = parameter.get("schema")
        if isinstance(schema, dict):
            self._model(schema, location)

    def _root_parameter(self, name: str, node: object) -> None:
        if isinstance(node, dict):
            self._parameter(node, "")

    def _root_response(self, name: str, node: object) -> None:
        if isinstance(node, dict):
            self._response(node, f"responses.{name}")
        elif name[:2] != "x-" and (node is not None or self._null_is_text):
            self._findings.wrong_type("responses.responses", name, self._document["responses"], "object")

    def _response(self, response: Node, location: str) -> None:
        if self._has(response, "$ref"):
            reference = response["$ref"]
            if isinstance(reference, str):
                self._refer(response, reference, "#/responses/")
            else:
                self._findings.wrong_type(location, "$ref", response, "string")
            return
        self._fields(response, RESPONSE, location)
        self._require(response, "description", location)
        schema = response.get("schema")
        if isinstance(schema, dict):
            if not self._has(schema, "$ref"):
                self._model(schema, f"{location}.schema")
            elif isinstance(schema["$ref"], str):
                self._note_external(schema, schema["$ref"])
            else:
                self._findings.wrong_type(location, "$ref", schema, "string")
        for _, header in _items(response.get("headers")):
            self._convert(header)

    def _definitions(self, definitions: object) -> None:
        for name, model in _items(definitions):
            if isinstance(model, dict):
                self._model(model, f"definitions.{name}")
            elif model is not None or self._null_is_text:
                self._findings.wrong_type("definitions", name, definitions, "object")

    def _model(self, model: Node, location: str) -> None:
        """A definition, a body or a response schema; the parts of ``allOf`` are read at the same location."""
        pending = [model]
        seen: set[int] = set()
        while pending:
            node = pending.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if self._has(node, "$ref"):
                self._reference_model(node, location)
            elif self._has(node, "allOf"):
                parts = node["allOf"]
                if not isinstance(parts, list):
                    raise Malformed(node, "allOf")
                self._fields(node, COMPOSED, location)
                for index, part in enumerate(parts):
                    if isinstance(part, dict):
                        pending.append(part)
                    else:
                        self._findings.wrong_type(location, f"allOf[{index}]", node, "object")
            elif node.get("type") == "array" or self._has(node, "items"):
                self._array_model(node, location)
            else:
                self._object_model(node, location)

    def _reference_model(self, node: Node, location: str) -> None:
        reference = node["$ref"]
        if not isinstance(reference, str):
            raise Malformed(node, "$ref")
        self._note_external(node, reference)
        if len(node) > 1:
            for key, value in node.items():
                if key != "$ref" and (value is not None or self._null_is_text):
                    self._findings.unexpected(location, key, node)

    def _array_model(self, node: Node, location: str) -> None:
        for key, field in ARRAY_MODEL.items():
            if key in node and type(node[key]) not in field.accepted and self._has(node, key):
                self._findings.wrong_type(location, key, node, field.expected)
        self._require(node, "items", location)
        for name, value in _items(node.get("properties")):
            if isinstance(value, dict):
                self._convert(value)
            elif value is not None or self._null_is_text:
                self._findings.wrong_type(location, name, node, "object")
        if isinstance(node.get("items"), dict):
            self._convert(node["items"])
        self._xml(node)

    def _object_model(self, node: Node, location: str) -> None:
        self._fields(node, MODEL, location)
        self._enum(node, location)
        for name in _list(node.get("required")):
            if not isinstance(name, str):
                self._findings.wrong_type(location, "required", node, "string")
        if "externalDocs" in node:
            docs = node["externalDocs"]
            self._external_docs(docs, location)
            if self._has(node, "externalDocs") and not isinstance(docs, dict):
                self._findings.wrong_type(location, "externalDocs", node, "object")
        for _, value in _items(node.get("properties")):
            if isinstance(value, dict):
                self._convert(value)
                if value.get("type") == "array" and not any(self._has(value, key) for key in NOT_BARE):
                    self._findings.missing(location, "items", value)
            elif value is not None or self._null_is_text:
                self._findings.wrong_type(location, "properties", node, "object")
        additional = node.get("additionalProperties")
        if isinstance(additional, dict):
            self._convert(additional)
        self._xml(node)

    def _security_definitions(self, schemes: object) -> None:
        for name, scheme in _items(schemes):
            if isinstance(scheme, dict):
                self._security_definition(scheme, f"securityDefinitions.{name}")
            elif scheme is not None or self._null_is_text:
                self._findings.wrong_type("securityDefinitions", name, schemes, "object")

    def _security_definition(self, scheme: Node, location: str) -> None:
        if not self._has(scheme, "type"):
            self._findings.missing(location, "type", scheme)
            return
        kind = self._text(scheme["type"])
        if kind is None:
            self._findings.wrong_type(location, "type", scheme, "string")
            return
        made = True
        if kind in ("basic", "oauth2"):
            self._convert_scheme(scheme)
        elif kind == "apiKey":
            for key in ("in", "name"):
                self._require(scheme, key, location)
                if isinstance(scheme.get(key), (dict, list)):
                    self._findings.wrong_type(location, key, scheme, "string")
            named = self._has(scheme, "name") and not isinstance(scheme["name"], (dict, list))
            made = named and scheme.get("in") in ("header", "query")
        else:
            made = False
            text = f"attribute {location}.type.type is not of type `basic|apiKey|oauth2`"
            self._findings.say("bad-security-type", text, scheme, "type")
        self._fields(scheme, SECURITY, location)
        if not made and any(key[:2] == "x-" for key in scheme):
            raise Malformed(scheme)


def _items(node: object) -> Iterable[tuple[str, Any]]:
    return node.items() if isinstance(node, dict) else ()


def _list(node: object) -> list[Any]:
    return node if isinstance(node, list) else []
