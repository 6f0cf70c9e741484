"""What may stand behind a reference: path items, parameters, bodies, responses, headers, examples, links, callbacks."""

from __future__ import annotations

from typing import Any, NamedTuple

from apim_upgrade.definitions.openapi3.reading import ABSENT, is_true
from apim_upgrade.definitions.openapi3.schemas import SchemaReading
from apim_upgrade.definitions.openapi3.tables import (
    BODY,
    ENCODING,
    ENCODING_STYLES,
    EXAMPLE,
    FLOW,
    FLOW_NEEDS,
    FLOWS,
    HEADER,
    LINK,
    MEDIA_TYPE,
    METHODS,
    OPERATION,
    PARAMETER,
    PATH_ITEM,
    PLACES,
    RESPONSE,
    SCHEME,
    SCHEME_NEEDS,
    SERVER,
    STYLES,
    VARIABLE,
)
from apim_upgrade.definitions.reader import Findings, Node, list_at, object_at, read_fields, require, text_at, text_of
from apim_upgrade.definitions.rules import Rules


class Parameter(NamedTuple):
    """What the rules about paths need to know of a parameter."""

    reference: str | None
    name: str | None
    place: str | None
    required: bool


class PartReading(SchemaReading):
    """Reads the parts that operations are made of."""

    def __init__(self, findings: Findings, rules: Rules, *, v31: bool) -> None:
        super().__init__(findings, rules, v31=v31)
        self.parameters: dict[str, Parameter] = {}
        """The parameters of ``components`` that could be read."""
        self.operation_ids: set[str] = set()

    def server(self, server: Node, location: str) -> None:
        """Read a server; those below ``paths`` are gone before since 4.2.0."""
        self.fields(server, SERVER, location)
        require(server, ("url",), location, self.findings)
        for name in (variables := object_at(server, "variables") or {}):
            self.variable(self.cast(variables, name), f"{location}.variables.{name}")

    def variable(self, variable: Node, location: str) -> None:
        """Read a server variable; what is said of its texts repeats the key in the location."""
        self.fields(variable, VARIABLE, location)
        values = list_at(variable, "enum")
        if values == [] and self.v31:
            self.warn("empty-enum", location, "enum array MUST NOT be empty", variable, "enum")
        if any(isinstance(value, (dict, list)) for value in values or ()):
            self.findings.wrong_type(location, "enum", variable, "value")
        require(variable, ("default",), f"{location}.default", self.findings)
        for key in ("default", "description"):
            if isinstance(variable.get(key), (dict, list)):
                self.findings.wrong_type(f"{location}.{key}", key, variable, "string")

    def path_item(self, item: Node, location: str) -> tuple[list[Parameter], list[tuple[Node, Any]]] | None:
        """Read a path item: its own parameters, and of each operation its parameters; None where it is unreadable."""
        target = item.get("$ref")
        if "$ref" in item:
            if isinstance(target, str):
                self.reference(item, location, "PathItem", "summary", "description")
                return [], []
            if isinstance(target, dict):
                for key in target:
                    self.findings.unexpected(location, key, target)
            return None
        self.fields(item, PATH_ITEM, location)
        own = self.parameter_list(item, location)
        for server in list_at(item, "servers") or ():
            if isinstance(server, dict):
                self.server(server, location)
        operations = []
        for method in METHODS:
            if (operation := object_at(item, method)) is not None:
                operations.append((operation, self.operation(operation, f"{location}({method})")))
        return own or [], operations

    def operation(self, operation: Node, location: str) -> list[Parameter] | None:
        """Read an operation; answers its parameters, None where it has no list of them."""
        self.fields(operation, OPERATION, location)
        self.docs(operation, f"{location}.externalDocs")
        identifier = text_at(operation, "operationId")
        if identifier is not None:
            if identifier in self.operation_ids:
                self.findings.say("repeated", f"attribute {location}.operationId is repeated", operation, "operationId")
            self.operation_ids.add(identifier)
        parameters = self.parameter_list(operation, f"{location}.parameters")
        if (body := object_at(operation, "requestBody")) is not None:
            self.body(body, f"{location}.requestBody")
        require(operation, ("responses",), location, self.findings)
        if (responses := object_at(operation, "responses")) is not None:
            self.responses(responses, f"{location}.responses")
        if (callbacks := object_at(operation, "callbacks")) is not None:
            self.callbacks(callbacks, f"{location}.callbacks")
        for server in list_at(operation, "servers") or ():
            if isinstance(server, dict):
                self.server(server, f"{location}.servers")
        return parameters

    def parameter_list(self, holder: Node, location: str) -> list[Parameter] | None:
        """Read a list of parameters and look for two of one name and place; items of other kinds are passed over."""
        items = list_at(holder, "parameters")
        if items is None:
            return None
        read = [(item, self.parameter(item, location)) for item in items if isinstance(item, dict)]
        parameters = [(item, parameter) for item, parameter in read if parameter is not None]
        seen = set()
        for item, parameter in parameters:
            meant = self.definition(parameter)
            # References without a target have neither name nor place, so two of them are duplicates of each other.
            key = (meant.name, meant.place)
            if key in seen and (meant.reference is None or meant.reference.startswith("#/")):
                blank = "" if self.rules.warnings_are_attributes else " "
                self.warn("duplicate-parameter", location, f"{blank}There are duplicate parameter values", item)
            seen.add(key)
        return [parameter for _, parameter in parameters]

    def definition(self, parameter: Parameter) -> Parameter:
        """What a parameter stands for, once ``components`` are read."""
        if parameter.reference is None or not self.components_read:
            return parameter
        return self.parameters.get(parameter.reference.rpartition("/")[2], parameter)

    def parameter(self, node: Node, location: str) -> Parameter | None:
        """Read a parameter; None where the parser makes nothing of it, for want of a place."""
        if self.reference(node, location, "Parameter/Header", "description"):
            target = node["$ref"]
            return Parameter(target, None, None, required=False) if isinstance(target, str) else None
        name = node.get("name", ABSENT)
        shown = "['unknown']" if name is ABSENT else "null" if name is None else text_of(name) or ""
        location = f"{location}.[{shown}]"
        place = text_at(node, "in")
        if "in" not in node:
            self.findings.missing(location, "in", node)
        elif isinstance(node["in"], (dict, list)):
            self.findings.wrong_type(location, "in", node, "string")
        if place is None or (self.rules.empty_texts_ignored and not place.strip()):
            return None
        if place not in PLACES:
            if self.rules.places_are_named:
                text = f"attribute {location}.in is not of type `[query|header|path|cookie]`"
                self.findings.say("bad-parameter-in", text, node, "in")
            else:
                self.findings.wrong_type(location, "in", node, "string")
            return None
        self.fields(node, PARAMETER, location)
        require(node, ("name",), location, self.findings)
        schema = object_at(node, "schema")
        if schema is not None:
            self.schema(schema, f"{location}.schemas")
        self.examples_of(node, f"{location}.examples", location)
        content = object_at(node, "content")
        if content is not None:
            self.content(content, f"{location}.content")
        kept = self.rules.contents_tested and self.parameter_content(node, content, schema, location)
        style = text_at(node, "style")
        if style and style.strip() and not kept and style not in STYLES:
            self.findings.wrong_type(location, "style", node, "StyleEnum")
        return Parameter(None, text_of(None if name is ABSENT else name), place, is_true(node.get("required")))

    def parameter_content(self, node: Node, content: Node | None, schema: Node | None, location: str) -> bool:
        """Test that a parameter has one way to say what it holds; answers whether that is its content."""
        if content is None:
            if schema is None:
                self.findings.missing(location, "content", node)
            return False
        if not content:
            self.findings.unsupported(location, "content with no media type", node)
        elif len(content) > 1:
            self.findings.unsupported(location, "content with multiple media types", node)
        elif schema is not None:
            self.findings.unsupported(location, "content when schema defined", node)
        else:
            return True
        return False

    def body(self, body: Node, location: str) -> None:
        """Read a request body."""
        if self.reference(body, location, "RequestBody", "description"):
            return
        self.fields(body, BODY, location)
        require(body, ("content",), location, self.findings)
        content = object_at(body, "content")
        if content is not None:
            if not content and self.rules.contents_tested:
                self.findings.unsupported(location, "content with no media type", body)
            self.content(content, f"{location}.content")

    def responses(self, responses: Node, location: str) -> None:
        """Read responses by status; none at all are allowed."""
        for status, response in responses.items():
            if status[:2] == "x-":
                continue
            if isinstance(response, dict):
                self.response(response, f"{location}.{status}")
            else:
                self.findings.wrong_type(location, status, responses, "object")

    def response(self, response: Node, location: str) -> None:
        """Read a response."""
        if self.reference(response, location, "Response", "description"):
            return
        self.fields(response, RESPONSE, location)
        if "description" not in response:
            self.findings.missing(location, "description", response)
        if (headers := object_at(response, "headers")) is not None:
            self.headers(headers, f"{location}.headers")
        if (links := object_at(response, "links")) is not None:
            self.links(links, f"{location}.links")
        if (content := object_at(response, "content")) is not None:
            self.content(content, f"{location}.content")

    def content(self, content: Node, location: str) -> None:
        """Read media types, which the parser takes for objects without looking."""
        for media_type in content:
            self.media_type(self.cast(content, media_type), f"{location}.'{media_type}'")

    def media_type(self, node: Node, location: str) -> None:
        """Read a media type."""
        self.fields(node, MEDIA_TYPE, location)
        schema = object_at(node, "schema")
        if schema is not None:
            self.schema(schema, f"{location}.schema")
        if (encodings := object_at(node, "encoding")) is not None:
            self.encodings(encodings, schema, f"{location}.encoding")
        self.examples_of(node, f"{location}.examples", location)

    def encodings(self, encodings: Node, schema: Node | None, location: str) -> None:
        """Read encodings, each of which must belong to a property of an inline schema."""
        for name in encodings:
            self.encoding(self.cast(encodings, name), location)
        if self.rules.contents_tested and not (schema and isinstance(schema.get("$ref"), str)):
            properties = object_at(schema or {}, "properties") or {}
            for name in encodings:
                if name not in properties:
                    self.findings.unexpected(location, name, encodings)

    def encoding(self, encoding: Node, location: str) -> None:
        """Read an encoding; its headers are reported at the map of encodings."""
        self.fields(encoding, ENCODING, location)
        style = text_at(encoding, "style")
        if style and style.strip() and style not in ENCODING_STYLES:
            self.findings.wrong_type(location, "style", encoding, "string")
        if (headers := object_at(encoding, "headers")) is not None:
            self.headers(headers, location)

    def headers(self, headers: Node, location: str) -> None:
        """Read headers."""
        for name, header in self.objects(headers, location):
            self.header(header, f"{location}.{name}")

    def header(self, header: Node, location: str) -> None:
        """Read a header, which may have every key of a parameter; its style is not looked at."""
        if self.reference(header, location, "Header/Parameter", "description"):
            return
        read_fields(header, HEADER, location, self.findings)
        if (schema := object_at(header, "schema")) is not None:
            self.schema(schema, location)
        self.examples_of(header, location, location)
        if (content := object_at(header, "content")) is not None:
            self.content(content, f"{location}.content")

    def examples_of(self, holder: Node, location: str, holder_location: str) -> None:
        """Read the examples of a parameter, header or media type, beside which no ``example`` may stand."""
        if (examples := object_at(holder, "examples")) is not None:
            self.examples(examples, location)
            if "example" in holder and self.rules.examples_exclude_example:
                self.warn(
                    "example-and-examples",
                    holder_location,
                    'examples already defined -- ignoring "example" field',
                    holder,
                    "example",
                )

    def examples(self, examples: Node, location: str) -> None:
        """Read examples."""
        for name, example in examples.items():
            if isinstance(example, dict):
                self.example(example, f"{location}.{name}")
            elif not (isinstance(example, str) and self.rules.example_may_be_text):
                self.findings.wrong_type(location, name, examples, "object")

    def example(self, example: Node, location: str) -> None:
        """Read an example."""
        if self.reference(example, location, "Examples", "summary", "description"):
            return
        self.fields(example, EXAMPLE, location)
        if "value" in example and text_at(example, "externalValue") is not None and self.rules.contents_tested:
            self.warn(
                "value-and-external-value", location, " value and externalValue are both present", example, "value"
            )

    def links(self, links: Node, location: str) -> None:
        """Read links."""
        for name, link in self.objects(links, location):
            self.link(link, f"{location}.{name}")

    def link(self, link: Node, location: str) -> None:
        """Read a link; ``headers`` are read although the parser does not know the key."""
        if self.reference(link, location, "Link", "description"):
            return
        self.fields(link, LINK, location)
        if "headers" in link:
            headers = link["headers"]
            if isinstance(headers, dict):
                self.headers(headers, location)
            else:
                self.findings.wrong_type(location, "headers", link, "object")
        if (server := object_at(link, "server")) is not None:
            self.server(server, location)

    def callbacks(self, callbacks: Node, location: str) -> None:
        """Read callbacks, all at one location."""
        for name in callbacks:
            self.callback(self.cast(callbacks, name), location)

    def callback(self, callback: Node, location: str) -> None:
        """Read the path items of a callback."""
        if self.reference(callback, location, "Callback"):
            return
        for expression in callback:
            self.path_item(self.cast(callback, expression), location)

    def security_scheme(self, scheme: Node, location: str) -> None:
        """Read a security scheme; flows are reported at the scheme."""
        if self.reference(scheme, location, "securitySchemes", "description"):
            return
        read_fields(scheme, SCHEME, location, self.findings)
        require(scheme, ("type",), location, self.findings)
        kind = text_at(scheme, "type")
        if kind in SCHEME_NEEDS:
            require(scheme, SCHEME_NEEDS[kind], location, self.findings)
        elif kind and kind.strip() and not (self.v31 and kind == "mutualTLS"):
            kinds = "http|apiKey|oauth2|openIdConnect" + ("|mutualTLS" if self.rules.openapi31 else "")
            text = f"attribute {location}.type.type is not of type `{kinds} `"
            self.findings.say("bad-security-type", text, scheme, "type")
        if kind == "apiKey" and self.rules.api_key_place_tested:
            place = text_at(scheme, "in")
            if place is not None and place not in ("cookie", "header", "query"):
                self.findings.wrong_type(location, "in", scheme, "cookie|header|query")
        if (flows := object_at(scheme, "flows")) is not None:
            read_fields(flows, FLOWS, location, self.findings)
            for name, needs in FLOW_NEEDS.items():
                if (flow := object_at(flows, name)) is not None:
                    read_fields(flow, FLOW, location, self.findings)
                    require(flow, needs, location, self.findings)
