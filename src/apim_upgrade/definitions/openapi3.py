"""
OpenAPI 3.0 and 3.1 as swagger-parser (the version each release bundles) reads them.

One walk over the document, driven by tables of known keys. Locations in the texts are the parser's own: everything
nested in a schema is reported at the outermost schema. The comments tell the parser's oddities that estates rely on.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import posixpath
import re
import urllib.parse
from collections.abc import Callable
from typing import Any, NamedTuple

from apim_upgrade.definitions.reader import (
    Broken,
    Field,
    Finding,
    Findings,
    Node,
    Table,
    list_at,
    names_in_braces,
    object_at,
    require,
    table,
    text_at,
    text_of,
)
from apim_upgrade.definitions.rules import Rules

_METHODS = ("get", "put", "post", "head", "delete", "patch", "options", "trace")

_ROOT = table(string="openapi", obj="info components paths externalDocs", array="servers tags security")
_ROOT_31 = _ROOT | table(string="jsonSchemaDialect", obj="webhooks")
_INFO = table(string="title description termsOfService version", obj="license", anything="contact")
_INFO_31 = _INFO | table(string="summary")
_CONTACT = table(string="name url email")
_LICENCE = table(string="name url")
_LICENCE_31 = _LICENCE | table(string="identifier")
_TAG = table(string="name description", obj="externalDocs")
_DOCS = table(string="description url")
_SERVER = table(string="url description", obj="variables")
_VARIABLE = table(array="enum", anything="default description")
_PATH_ITEM = table(string="summary description", obj=" ".join(_METHODS), array="parameters servers", anything="$ref")
_OPERATION = table(
    string="summary description operationId",
    obj="externalDocs requestBody responses callbacks",
    array="tags parameters servers security",
    boolean="deprecated",
)
_PARAMETER = table(
    string="in name description style",
    obj="schema examples content",
    boolean="required deprecated allowEmptyValue explode allowReserved",
    anything="$ref example",
)
_BODY = table(string="description", obj="content", boolean="required", anything="$ref")
_RESPONSE = table(string="description", obj="headers links content", anything="$ref")
_MEDIA_TYPE = table(obj="schema examples encoding", anything="example")
_ENCODING = table(string="contentType style", obj="headers", boolean="explode allowReserved")
_HEADER = table(
    string="description",
    obj="schema examples content",
    boolean="required deprecated explode allowEmptyValue allowReserved",
    anything="$ref example name in style",
)
_EXAMPLE = table(string="summary description externalValue", anything="$ref value")
_LINK = table(
    string="operationRef operationId requestBody description",
    obj="parameters server",
    anything="$ref",
)
_COMPONENTS = table(obj="schemas responses parameters examples requestBodies headers securitySchemes links callbacks")
_COMPONENTS_31 = _COMPONENTS | table(obj="pathItems")
_SCHEME = table(
    string="type name in description scheme bearerFormat openIdConnectUrl",
    obj="flows",
    anything="$ref",
)
_FLOWS = table(obj="implicit password clientCredentials authorizationCode")
_FLOW = table(string="authorizationUrl tokenUrl refreshUrl", obj="scopes")
_DISCRIMINATOR = table(string="propertyName", obj="mapping")
_XML = table(boolean="attribute wrapped", anything="name namespace prefix")

_COMPOSERS = ("oneOf", "allOf", "anyOf")
_SUBSCHEMA_30 = Field("object", frozenset((dict, bool, str)))
_SCHEMA_30 = table(
    string="title type format pattern description",
    double="multipleOf maximum minimum",
    integer="maxLength minLength maxItems minItems maxProperties minProperties",
    boolean="exclusiveMaximum exclusiveMinimum uniqueItems nullable readOnly writeOnly deprecated",
    array="required enum allOf oneOf anyOf",
    obj="not items properties discriminator xml externalDocs",
    anything="default example",
) | {"additionalProperties": _SUBSCHEMA_30}
_BESIDE_REFERENCE = frozenset((*_COMPOSERS, "items", "additionalProperties"))

_SUBSCHEMAS_31 = frozenset(
    [
        "items",
        "additionalProperties",
        "unevaluatedProperties",
        "not",
        "contentSchema",
        "propertyNames",
        "if",
        "then",
        "else",
        "unevaluatedItems",
        "contains",
    ]
)
_SCHEMA_LISTS_31 = frozenset((*_COMPOSERS, "prefixItems"))
_SCHEMA_MAPS_31 = frozenset(("properties", "patternProperties", "dependentSchemas"))
_SCHEMA_31 = table(
    string="title pattern description format contentEncoding contentMediaType $anchor $id $schema $comment",
    double="multipleOf maximum minimum exclusiveMaximum exclusiveMinimum",
    integer="maxLength minLength maxItems minItems maxProperties minProperties minContains maxContains",
    array="required enum examples allOf oneOf anyOf prefixItems",
    obj="properties patternProperties dependentSchemas dependentRequired discriminator xml externalDocs",
)
_SCHEMA_31_SCALAR_CONST = _SCHEMA_31 | table(string="const")
_TYPES_31 = frozenset(["null", "boolean", "object", "array", "number", "string", "integer"])

_FLOW_NEEDS = {
    "implicit": ("authorizationUrl", "scopes"),
    "password": ("tokenUrl", "scopes"),
    "clientCredentials": ("tokenUrl", "scopes"),
    "authorizationCode": ("authorizationUrl", "tokenUrl", "scopes"),
}
_SCHEME_NEEDS: dict[str, tuple[str, ...]] = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
}
_PLACES = frozenset(("query", "header", "path", "cookie"))
_STYLES = frozenset(["form", "deepObject", "label", "matrix", "pipeDelimited", "simple", "spaceDelimited"])
_ENCODING_STYLES = frozenset(["form", "deepObject", "pipeDelimited", "spaceDelimited"])

_NAME = re.compile(r"[a-zA-Z0-9.\-_]+").fullmatch
_NAME_RULE = "doesn't adhere to regular expression ^[a-zA-Z0-9\\.\\-_]+$"
_SEPARATORS = re.compile(r"[-/.]+").split
_ILLEGAL_IN_URI = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})").search
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.\d{0,9})?)?(?:[Zz]|[+-]\d\d(?::\d\d(?::\d\d)?)?)", re.ASCII
).fullmatch
_SCHEMES_OF_URLS = frozenset(("http", "https", "ftp", "file", "jar", "mailto", "jrt", "jmod"))
_URL = re.compile(r"(?:url:)?([a-z][a-z0-9+.\-]*):(.*)", re.IGNORECASE | re.DOTALL).fullmatch

_SECTIONS = {
    "Schema": ("schemas",),
    "Response": ("responses",),
    "Parameter/Header": ("parameters", "headers"),
    "Header/Parameter": ("headers", "parameters"),
    "RequestBody": ("requestBodies",),
    "Examples": ("examples",),
    "Link": ("links",),
    "Callback": ("callbacks",),
    "securitySchemes": ("securitySchemes",),
    "PathItem": ("pathItems",),
}
_IDENTIFIED = "Schema under an $id"
"""A schema reference that the parser resolves against an ``$id`` around it, which it then fails to load."""
_ABSENT: Any = object()


class Parameter(NamedTuple):
    """What the rules about paths need to know of a parameter."""

    reference: str | None
    name: str | None
    place: str | None
    required: bool


class Reference(NamedTuple):
    """A ``$ref`` that was read: where it stands, what it says, and what kind of thing it should lead to."""

    holder: Node
    target: str
    expected: str


def check(document: Node, findings: Findings, rules: Rules) -> bool:
    """
    Say everything that the OpenAPI 3 parser of a release says of a document.

    Returns whether it makes a document object of it. A version it does not know ends without a word and without a
    document; a missing ``openapi`` is said as such, for the Swagger 2 parser to take over.
    """
    version = document.get("openapi", _ABSENT)
    if version is _ABSENT:
        findings.missing("", "openapi", document)
        return False
    if isinstance(version, (dict, list)):
        findings.wrong_type("", "openapi", document, "string")
        return False
    said = text_of(version)
    if said is None or not said.startswith(("3.0", "3.1") if rules.openapi31 else "3.0"):
        return False
    reading = _Reading(findings, rules, v31=said.startswith("3.1"))
    if not said.startswith(("3.0.", "3.1.")) and not rules.short_version_passes:
        findings.say(
            "bad-spec-version", "The provided definition does not specify a valid version field", document, "openapi"
        )
    try:
        reading.root(document)
    except Broken as broken:
        findings.only(broken.finding)
        return False
    return True


class _Reading:
    """One walk of the parser over one document."""

    def __init__(self, findings: Findings, rules: Rules, *, v31: bool) -> None:
        self.findings = findings
        self.rules = rules
        self.v31 = v31
        self.components: Node = {}
        self.components_read = False
        self.parameters: dict[str, Parameter] = {}
        self.operation_ids: set[str] = set()
        self.local_schemas: dict[str, tuple[str, Node]] = {}
        self.references: list[Reference] = []
        self.schema: Callable[[Any, str], None] = self.schema31 if v31 else self.schema30
        self.unread: set[int] = set()
        """Parameters of ``components`` of which nothing is made, so that no reference finds them."""
        self.lost_path: Node | None = None
        """A path item of which nothing is made, on which later steps stumble."""
        self.identified = 0
        """How many schemas with an ``$id`` are around the one being read."""
        self.schema31_table = _SCHEMA_31_SCALAR_CONST if rules.const_is_scalar else _SCHEMA_31

    # -- fields -------------------------------------------------------------------------------------------------------

    def fields(self, node: Node, known: Table, location: str) -> None:
        """Complain of keys that are not known and of values of the wrong kind."""
        for key, value in node.items():
            field = known.get(key)
            if field is None:
                if key[:2] != "x-":
                    self.findings.unexpected(location, key, node)
                elif self.v31 and key.startswith(("x-oai-", "x-oas-")):
                    self.reserved(location, key, node)
            elif type(value) not in field.accepted:
                self.findings.wrong_type(location, key, node, field.expected)

    def unreserved_fields(self, node: Node, known: Table, location: str) -> None:
        """The same where the parser does not look for reserved keys."""
        for key, value in node.items():
            field = known.get(key)
            if field is None:
                if key[:2] != "x-":
                    self.findings.unexpected(location, key, node)
            elif type(value) not in field.accepted:
                self.findings.wrong_type(location, key, node, field.expected)

    def reserved(self, location: str, key: str, node: Node) -> None:
        where = f"{location}.{key}" if location else key
        self.findings.say("reserved-key", f"attribute {where} is reserved by The OpenAPI Initiative", node, key)

    def warn(self, code: str, location: str, text: str, node: object, key: str | int | None = None) -> None:
        said = f"{location}.{text}" if location else text
        self.findings.say(code, f"attribute {said}" if self.rules.warnings_are_attributes else said, node, key)

    def cast(self, holder: Node, key: str) -> Node:
        """A value that the parser takes for an object without looking."""
        value = holder[key]
        if not isinstance(value, dict):
            raise Broken("class-cast", f"{key} cannot be cast to class ObjectNode", holder, key)
        return value

    def names(self, node: Node, what: str, location: str) -> None:
        for name in node:
            if not _NAME(name):
                self.warn("bad-component-name", location, f"{what} {name} {_NAME_RULE}", node, name)

    def reference(self, node: Node, location: str, expected: str, *beside: str) -> bool:
        """Read a ``$ref``, of which the keys beside it do not count; answers whether there is one."""
        target = node.get("$ref", _ABSENT)
        if target is _ABSENT:
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
        self.references.append(Reference(node, target, expected))
        if self.rules.component_references_tested and target.startswith("#/components"):
            for section in _SECTIONS[expected]:
                if target.startswith(f"#/components/{section}"):
                    return
            self.warn(
                "ref-wrong-section", location, f"$ref target {target} is not of expected type {expected}", node, "$ref"
            )

    # -- the root -----------------------------------------------------------------------------------------------------

    def root(self, document: Node) -> None:
        findings = self.findings
        self.fields(document, _ROOT_31 if self.v31 else _ROOT, "")
        require(document, ("info",) if self.v31 else ("info", "paths"), "", findings)
        if (info := object_at(document, "info")) is not None:
            self.info(info)
        if (components := object_at(document, "components")) is not None:
            self.read_components(components, document)
        if (paths := object_at(document, "paths")) is not None:
            self.path_items(paths, "paths")
        for server in list_at(document, "servers") or ():
            if isinstance(server, dict):
                self.server(server, ".servers")
        self.docs(document, "externalDocs")
        self.tags(list_at(document, "tags") or [])
        if self.v31:
            webhooks = object_at(document, "webhooks")
            if webhooks is not None:
                self.path_items(webhooks, "webhooks", webhook=True)
            if components is None and paths is None and webhooks is None:
                findings.say(
                    "no-paths-components-webhooks",
                    "The OpenAPI document MUST contain at least one paths field, a components field or a webhooks"
                    " field",
                    document,
                )
            self.resolve31(document)
        else:
            self.resolve30()
        if self.lost_path is not None:
            findings.say("null-pointer", "java.lang.NullPointerException", self.lost_path, "$ref")

    def info(self, info: Node) -> None:
        self.fields(info, _INFO_31 if self.v31 else _INFO, "info")
        require(info, ("title", "version"), "info", self.findings)
        contact = info.get("contact", _ABSENT)
        if isinstance(contact, dict):
            self.fields(contact, _CONTACT, "info.contact")
            self.url(contact, "info.contact")
        elif contact is not _ABSENT:
            self.findings.wrong_type("contact", "contact", info, "object")
        if (licence := object_at(info, "license")) is not None:
            self.licence(licence)

    def licence(self, licence: Node) -> None:
        location = "info.license"
        self.fields(licence, _LICENCE_31 if self.v31 else _LICENCE, location)
        require(licence, ("name",), location, self.findings)
        self.url(licence, location)
        if not self.v31:
            return
        if self.rules.licence_identifier_demanded or text_at(licence, "url") is None:
            require(licence, ("identifier",), location, self.findings)
        elif (text_at(licence, "identifier") or "").strip():
            self.findings.unexpected(location, "identifier", licence)

    def url(self, node: Node, location: str) -> None:
        url = text_at(node, "url")
        if url is None or (self.rules.empty_texts_ignored and not url.strip()):
            return
        if not _is_java_url(url):
            self.warn("bad-contact-or-license-url", location, url, node, "url")

    def docs(self, holder: Node, location: str) -> None:
        if (docs := object_at(holder, "externalDocs")) is not None:
            self.unreserved_fields(docs, _DOCS, location)
            require(docs, ("url",), location, self.findings)

    def tags(self, tags: list[Any]) -> None:
        seen: set[str | None] = set()
        for tag in tags:
            if not isinstance(tag, dict):
                continue
            self.fields(tag, _TAG, "tags")
            require(tag, ("name",), "tags", self.findings)
            self.docs(tag, "tags.externalDocs")
            name = text_at(tag, "name")
            if name in seen:
                self.findings.repeated("tags", "null" if name is None else name, tag)
            seen.add(name)

    def server(self, server: Node, location: str) -> None:
        self.fields(server, _SERVER, location)
        require(server, ("url",), location, self.findings)
        for name in (variables := object_at(server, "variables") or {}):
            self.variable(self.cast(variables, name), f"{location}.variables.{name}")

    def variable(self, variable: Node, location: str) -> None:
        self.fields(variable, _VARIABLE, location)
        values = list_at(variable, "enum")
        if values == [] and self.v31:
            self.warn("empty-enum", location, "enum array MUST NOT be empty", variable, "enum")
        if any(isinstance(value, (dict, list)) for value in values or ()):
            self.findings.wrong_type(location, "enum", variable, "value")
        require(variable, ("default",), f"{location}.default", self.findings)
        for key in ("default", "description"):
            if isinstance(variable.get(key), (dict, list)):
                self.findings.wrong_type(f"{location}.{key}", key, variable, "string")

    # -- components ---------------------------------------------------------------------------------------------------

    def read_components(self, components: Node, document: Node) -> None:
        self.fields(components, _COMPONENTS_31 if self.v31 else _COMPONENTS, "components")
        self.components = components
        schemas = object_at(components, "schemas")
        if schemas is not None:
            location = "components.schemas"
            self.names(schemas, "Schema name", location)
            for name, schema in schemas.items():
                if isinstance(schema, dict):
                    self.schema(schema, f"{location}.{name}")
                else:
                    self.findings.wrong_type(location, name, schemas, "object")
        if (responses := object_at(components, "responses")) is not None:
            self.names(responses, "Response key", "components.responses")
            self.responses(responses, "components.responses")
        if self.v31 and (items := object_at(components, "pathItems")) is not None:
            self.names(items, "PathItem key", "components.pathItems")
            for name in items:
                self.path_item(self.cast(items, name), "components.pathItems")
        if (parameters := object_at(components, "parameters")) is not None:
            self.component_parameters(parameters)
        if (examples := object_at(components, "examples")) is not None:
            self.names(examples, "Example name", "components.examples")
            self.examples(examples, "components.examples")
        if (bodies := object_at(components, "requestBodies")) is not None:
            location = "components.requestBodies"
            self.names(bodies, "RequestBody name", location)
            for name, body in self.objects(bodies, location):
                self.body(body, f"{location}.{name}")
        if (headers := object_at(components, "headers")) is not None:
            self.names(headers, "Header name", "components.headers")
            self.headers(headers, "components.headers")
        if (schemes := object_at(components, "securitySchemes")) is not None:
            location = "components.securitySchemes"
            self.names(schemes, "SecurityScheme name", location)
            for name, scheme in self.objects(schemes, location):
                self.security_scheme(scheme, f"{location}.{name}")
        if (links := object_at(components, "links")) is not None:
            self.names(links, "Link name", "components.links")
            self.links(links, "components.links")
        if (callbacks := object_at(components, "callbacks")) is not None:
            self.names(callbacks, "Callback key", "components.callbacks")
            self.callbacks(callbacks, "components.callbacks")
        self.components_read = True
        if self.rules.component_references_tested:
            self.component_references(schemas, document)

    def component_references(self, schemas: Node | None, document: Node) -> None:
        if schemas is None and self.local_schemas and self.rules.missing_schemas_is_null_pointer:
            raise Broken("null-pointer", "java.lang.NullPointerException", document, "components")
        for name, (location, holder) in self.local_schemas.items():
            if schemas is None:
                self.findings.missing(location, name, holder)
            elif not isinstance(schemas.get(name), dict):
                text = f"attribute {location}.{name} is not of type `schema`"
                self.findings.say("component-schema-ref-missing", text, holder, "$ref")

    def component_parameters(self, parameters: Node) -> None:
        location = "components.parameters"
        self.names(parameters, "Parameter name", location)
        for name, parameter in parameters.items():
            if not isinstance(parameter, dict):
                continue
            read = self.parameter(parameter, f"{location}.{name}")
            if read is None:
                self.unread.add(id(parameter))
            else:
                self.parameters[name] = read
                if read.place == "path" and not read.required:
                    self.not_required(location, name, parameter)

    def objects(self, holder: Node, location: str) -> list[tuple[str, Node]]:
        """The entries that are objects; the others are complained of."""
        found = []
        for name, value in holder.items():
            if isinstance(value, dict):
                found.append((name, value))
            else:
                self.findings.wrong_type(location, name, holder, "object")
        return found

    # -- paths --------------------------------------------------------------------------------------------------------

    def path_items(self, items: Node, location: str, *, webhook: bool = False) -> None:
        for path, item in items.items():
            if path[:2] == "x-" and not webhook:
                continue
            if not isinstance(item, dict):
                self.findings.wrong_type(location, path, items, "object")
                continue
            if path[:1] != "/" and not webhook:
                self.warn("path-without-slash", location, f" Resource {path} should start with /", items, path)
            where = f"{location}.'{path}'"
            read = self.path_item(item, where)
            if read is None and not webhook:
                self.lost_path = item
            if "{" in path:
                self.path_parameters(path, where, location, item, read)

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
        self.fields(item, _PATH_ITEM, location)
        own = self.parameter_list(item, location)
        for server in list_at(item, "servers") or ():
            if isinstance(server, dict):
                self.server(server, location)
        operations = []
        for method in _METHODS:
            if (operation := object_at(item, method)) is not None:
                operations.append((operation, self.operation(operation, f"{location}({method})")))
        return own or [], operations

    def path_parameters(
        self,
        path: str,
        where: str,
        location: str,
        item: Node,
        read: tuple[list[Parameter], list[tuple[Node, Any]]] | None,
    ) -> None:
        for name in _whole_parts(path) if self.rules.whole_parts_are_names else names_in_braces(path):
            if read is None:
                raise Broken("null-pointer", "java.lang.NullPointerException", item, "$ref")
            own, operations = read
            if _declares(own, name):
                continue
            for operation, parameters in operations:
                if parameters is None and self.rules.parameters_list_needed:
                    raise Broken(
                        "null-pointer",
                        'Cannot invoke "java.util.List.forEach(java.util.function.Consumer)" because the return value '
                        'of "io.swagger.v3.oas.models.Operation.getParameters()" is null',
                        operation,
                    )
                for parameter in parameters or ():
                    if parameter.place == "path" and not parameter.required:
                        self.not_required(location, parameter.name, operation)
                if not _declares(parameters or [], name):
                    self.warn(
                        "path-param-undeclared",
                        where,
                        f" Declared path parameter {name} needs to be defined as a path parameter in path or operation"
                        " level",
                        operation,
                    )

    def not_required(self, location: str, name: str | None, node: Node) -> None:
        self.warn(
            "path-param-not-required",
            location,
            f"For path parameter {name} the required value should be true",
            node,
        )

    def operation(self, operation: Node, location: str) -> list[Parameter] | None:
        self.fields(operation, _OPERATION, location)
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
        if parameter.reference is None or not self.components_read:
            return parameter
        return self.parameters.get(parameter.reference.rpartition("/")[2], parameter)

    def parameter(self, node: Node, location: str) -> Parameter | None:
        if self.reference(node, location, "Parameter/Header", "description"):
            target = node["$ref"]
            return Parameter(target, None, None, required=False) if isinstance(target, str) else None
        name = node.get("name", _ABSENT)
        shown = "['unknown']" if name is _ABSENT else "null" if name is None else text_of(name) or ""
        location = f"{location}.[{shown}]"
        place = text_at(node, "in")
        if "in" not in node:
            self.findings.missing(location, "in", node)
        elif isinstance(node["in"], (dict, list)):
            self.findings.wrong_type(location, "in", node, "string")
        if place is None or (self.rules.empty_texts_ignored and not place.strip()):
            return None
        if place not in _PLACES:
            if self.rules.places_are_named:
                text = f"attribute {location}.in is not of type `[query|header|path|cookie]`"
                self.findings.say("bad-parameter-in", text, node, "in")
            else:
                self.findings.wrong_type(location, "in", node, "string")
            return None
        self.fields(node, _PARAMETER, location)
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
        if style and style.strip() and not kept and style not in _STYLES:
            self.findings.wrong_type(location, "style", node, "StyleEnum")
        return Parameter(None, text_of(None if name is _ABSENT else name), place, _is_true(node.get("required")))

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
        if self.reference(body, location, "RequestBody", "description"):
            return
        self.fields(body, _BODY, location)
        require(body, ("content",), location, self.findings)
        content = object_at(body, "content")
        if content is not None:
            if not content and self.rules.contents_tested:
                self.findings.unsupported(location, "content with no media type", body)
            self.content(content, f"{location}.content")

    def responses(self, responses: Node, location: str) -> None:
        for status, response in responses.items():
            if status[:2] == "x-":
                continue
            if isinstance(response, dict):
                self.response(response, f"{location}.{status}")
            else:
                self.findings.wrong_type(location, status, responses, "object")

    def response(self, response: Node, location: str) -> None:
        if self.reference(response, location, "Response", "description"):
            return
        self.fields(response, _RESPONSE, location)
        if "description" not in response:
            self.findings.missing(location, "description", response)
        if (headers := object_at(response, "headers")) is not None:
            self.headers(headers, f"{location}.headers")
        if (links := object_at(response, "links")) is not None:
            self.links(links, f"{location}.links")
        if (content := object_at(response, "content")) is not None:
            self.content(content, f"{location}.content")

    def content(self, content: Node, location: str) -> None:
        for media_type in content:
            self.media_type(self.cast(content, media_type), f"{location}.'{media_type}'")

    def media_type(self, node: Node, location: str) -> None:
        self.fields(node, _MEDIA_TYPE, location)
        schema = object_at(node, "schema")
        if schema is not None:
            self.schema(schema, f"{location}.schema")
        if (encodings := object_at(node, "encoding")) is not None:
            self.encodings(encodings, schema, f"{location}.encoding")
        self.examples_of(node, f"{location}.examples", location)

    def encodings(self, encodings: Node, schema: Node | None, location: str) -> None:
        for name in encodings:
            self.encoding(self.cast(encodings, name), location)
        if self.rules.contents_tested and not (schema and isinstance(schema.get("$ref"), str)):
            properties = object_at(schema or {}, "properties") or {}
            for name in encodings:
                if name not in properties:
                    self.findings.unexpected(location, name, encodings)

    def encoding(self, encoding: Node, location: str) -> None:
        self.fields(encoding, _ENCODING, location)
        style = text_at(encoding, "style")
        if style and style.strip() and style not in _ENCODING_STYLES:
            self.findings.wrong_type(location, "style", encoding, "string")
        if (headers := object_at(encoding, "headers")) is not None:
            self.headers(headers, location)

    def headers(self, headers: Node, location: str) -> None:
        for name, header in self.objects(headers, location):
            self.header(header, f"{location}.{name}")

    def header(self, header: Node, location: str) -> None:
        if self.reference(header, location, "Header/Parameter", "description"):
            return
        self.unreserved_fields(header, _HEADER, location)
        if (schema := object_at(header, "schema")) is not None:
            self.schema(schema, location)
        self.examples_of(header, location, location)
        if (content := object_at(header, "content")) is not None:
            self.content(content, f"{location}.content")

    def examples_of(self, holder: Node, location: str, holder_location: str) -> None:
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
        for name, example in examples.items():
            if isinstance(example, dict):
                self.example(example, f"{location}.{name}")
            elif not (isinstance(example, str) and self.rules.example_may_be_text):
                self.findings.wrong_type(location, name, examples, "object")

    def example(self, example: Node, location: str) -> None:
        if self.reference(example, location, "Examples", "summary", "description"):
            return
        self.fields(example, _EXAMPLE, location)
        if "value" in example and text_at(example, "externalValue") is not None and self.rules.contents_tested:
            self.warn(
                "value-and-external-value", location, " value and externalValue are both present", example, "value"
            )

    def links(self, links: Node, location: str) -> None:
        for name, link in self.objects(links, location):
            self.link(link, f"{location}.{name}")

    def link(self, link: Node, location: str) -> None:
        if self.reference(link, location, "Link", "description"):
            return
        self.fields(link, _LINK, location)
        if "headers" in link:
            headers = link["headers"]
            if isinstance(headers, dict):
                self.headers(headers, location)
            else:
                self.findings.wrong_type(location, "headers", link, "object")
        if (server := object_at(link, "server")) is not None:
            self.server(server, location)

    def callbacks(self, callbacks: Node, location: str) -> None:
        for name in callbacks:
            self.callback(self.cast(callbacks, name), location)

    def callback(self, callback: Node, location: str) -> None:
        if self.reference(callback, location, "Callback"):
            return
        for expression in callback:
            self.path_item(self.cast(callback, expression), location)

    # -- security -----------------------------------------------------------------------------------------------------

    def security_scheme(self, scheme: Node, location: str) -> None:
        if self.reference(scheme, location, "securitySchemes", "description"):
            return
        self.unreserved_fields(scheme, _SCHEME, location)
        require(scheme, ("type",), location, self.findings)
        kind = text_at(scheme, "type")
        if kind in _SCHEME_NEEDS:
            require(scheme, _SCHEME_NEEDS[kind], location, self.findings)
        elif kind and kind.strip() and not (self.v31 and kind == "mutualTLS"):
            kinds = "http|apiKey|oauth2|openIdConnect" + ("|mutualTLS" if self.rules.openapi31 else "")
            text = f"attribute {location}.type.type is not of type `{kinds} `"
            self.findings.say("bad-security-type", text, scheme, "type")
        if kind == "apiKey" and self.rules.api_key_place_tested:
            place = text_at(scheme, "in")
            if place is not None and place not in ("cookie", "header", "query"):
                self.findings.wrong_type(location, "in", scheme, "cookie|header|query")
        if (flows := object_at(scheme, "flows")) is not None:
            self.unreserved_fields(flows, _FLOWS, location)
            for name, needs in _FLOW_NEEDS.items():
                if (flow := object_at(flows, name)) is not None:
                    self.unreserved_fields(flow, _FLOW, location)
                    require(flow, needs, location, self.findings)

    # -- schemas ------------------------------------------------------------------------------------------------------

    def schema30(self, node: Node, location: str) -> None:
        findings = self.findings
        if "$ref" in node:
            self.schema_reference(node, location)
            if len(node) > 1:
                for key in _BESIDE_REFERENCE.intersection(node):
                    self.schema30_field(node, key, node[key], location)
            return
        for key, value in node.items():
            field = _SCHEMA_30.get(key)
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
            if "additionalProperties" not in node or any(list_at(node, key) is not None for key in _COMPOSERS):
                findings.missing(location, "items", node)
        elif "items" in node and node.get("type") == "array" and not isinstance(node["items"], dict):
            findings.missing(location, "items", node)
        if "default" in node:
            self.default(node, location)
        if "enum" in node and type(node["enum"]) is list:
            self.decoded(node, [value for value in node["enum"] if isinstance(value, str)], "enum", location)

    def schema30_field(self, node: Node, key: str, value: Any, location: str) -> None:
        if key == "properties":
            for schema in value.values():
                if type(schema) is dict:
                    self.schema30(schema, location)
                else:
                    self.findings.wrong_type(location, "properties", node, "object")
        elif key in ("items", "not", "additionalProperties"):
            if type(value) is dict:
                self.schema30(value, location)
            elif type(value) not in _SCHEMA_30[key].accepted:
                self.findings.wrong_type(location, key, node, "object")
        elif key in _COMPOSERS:
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
                if name in value and type(value[name]) not in _DISCRIMINATOR[name].accepted:
                    self.findings.wrong_type(location, name, value, _DISCRIMINATOR[name].expected)
            require(value, ("propertyName",), location, self.findings)
            if not self.v31:
                mapped = (text_of(target) for target in (object_at(value, "mapping") or {}).values())
                self.references += [Reference(value, target, "Schema") for target in mapped if target]
        elif key == "xml":
            self.fields(value, _XML, location)
            for name in ("name", "namespace", "prefix"):
                if isinstance(value.get(name), (dict, list)):
                    self.findings.wrong_type(f"{location}.{name}", name, value, "string")
        elif key == "externalDocs":
            self.docs(node, location)

    def schema_numbers_and_flags(self, node: Node, location: str) -> None:
        if "multipleOf" in node:
            number = node["multipleOf"]
            if isinstance(number, (int, float)) and not isinstance(number, bool) and not number > 0:
                self.warn("bad-multiple-of", location, "multipleOf value must be > 0", node, "multipleOf")
        if "writeOnly" in node and _is_true(node["writeOnly"]) and _is_true(node.get("readOnly")):
            self.warn("read-and-write-only", location, " writeOnly and readOnly are both present", node, "writeOnly")

    def schema_reference(self, node: Node, location: str) -> None:
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
            self.references[-1] = Reference(node, target, _IDENTIFIED)

    def component_exists(self, node: Node, target: str, location: str) -> None:
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
        composed = any(type(node.get(key)) is list for key in _COMPOSERS)
        if not composed and type(node.get("additionalProperties")) in _SUBSCHEMA_30.accepted:
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
        if any(type(node.get(composer)) is list for composer in _COMPOSERS):
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
        findings = self.findings
        if type(node) is not dict:
            if not _is_boolean(node):
                findings.wrong_type(location, "", node, "object")
            return
        identifier = node.get("$id")
        identified = isinstance(identifier, str) and bool(identifier.partition("#")[0].strip())
        self.identified += identified
        known = self.schema31_table
        for key, value in node.items():
            kind = type(value)
            if key in _SUBSCHEMAS_31:
                if kind is dict:
                    self.schema31(value, location)
                elif not _is_boolean(value):
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
                if key in _SCHEMA_LISTS_31:
                    for schema in value:
                        self.schema31(schema, location)
                else:
                    self.schema_detail(node, key, value, location)
            elif kind is dict:
                if key in _SCHEMA_MAPS_31:
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
        seen = set()
        for entry in types:
            if isinstance(entry, (dict, list)):
                self.findings.wrong_type(location, "type", node, "value")
                continue
            name = "null" if entry is None else text_of(entry)
            if name not in _TYPES_31:
                self.warn("bad-type-list", location, f" invalid type {name}", node, "type")
            if name in seen:
                self.warn("bad-type-list", location, f" duplicated type {name}", node, "type")
            seen.add(name)

    # -- references ---------------------------------------------------------------------------------------------------

    def resolve30(self) -> None:
        """Only what lies outside the document is loaded, and the first that cannot be ends the resolving."""
        for holder, target, _expected in self.references:
            outside = _outside(target)
            if outside:
                file = _munged(target).partition("#")[0]
                folder = "null" if file.startswith("..") else "."
                text = f"Unable to load {outside} ref: {file} path: {folder}"
                finding = Finding("external-ref-unloadable", text, holder, "$ref")
                if self.rules.loading_failure_stands_alone:
                    self.findings.only(finding)
                else:
                    self.findings.add(finding)
                return

    def resolve31(self, document: Node) -> None:
        """Every reference is followed, and what it leads to is read as what it should be."""
        followed: set[tuple[str, str]] = set()
        pending = list(self.references)
        while pending:
            reference = pending.pop()
            holder, target, expected = reference
            if (target, expected) in followed or not target.strip() or expected == "Callback":
                continue
            followed.add((target, expected))
            outside, _, pointer = target.partition("#")
            if illegal := _ILLEGAL_IN_URI(target):
                where = "fragment" if illegal.start() > len(outside) else "path"
                text = f"Illegal character in {where} at index {illegal.start()}: {target}"
                self.findings.say("bad-url", text, holder, "$ref")
            elif outside or expected == _IDENTIFIED:
                self.findings.say("external-ref-unloadable", _unloadable(outside or "local"), holder, "$ref")
            else:
                found = _at(document, urllib.parse.unquote(pointer))
                if found is _ABSENT and expected == "Schema" and pointer and "/" not in pointer:
                    found = _anchored(document, pointer)
                if found is _ABSENT or id(found) in self.unread:
                    text = f"Could not find {pointer} in contents of {target}"
                    self.findings.say("ref-target-not-found", text, holder, "$ref")
                elif not self.read_in_place(pointer, expected):
                    pending += self.read_again(found, reference, pointer)

    def read_in_place(self, pointer: str, expected: str) -> bool:
        """Whether the walk has read, as what it should be, what stands at a pointer."""
        tokens = pointer.split("/")
        return len(tokens) == 4 and tokens[1] == "components" and tokens[2] == _SECTIONS[expected][0]

    def read_again(self, found: Any, reference: Reference, pointer: str) -> list[Reference]:
        """Read what a reference leads to as what it should be; answers the references met there."""
        holder, target, expected = reference
        if not isinstance(found, dict):
            text = f"the target of {target} cannot be cast to class ObjectNode"
            self.findings.say("class-cast", text, holder, "$ref")
            return []
        again = _Reading(Findings(), self.rules, v31=True)
        read: dict[str, Callable[[Node, str], object]] = {
            "Schema": again.schema31,
            "Response": again.response,
            "Parameter/Header": again.parameter,
            "Header/Parameter": again.header,
            "RequestBody": again.body,
            "Examples": again.example,
            "Link": again.link,
            "securitySchemes": again.security_scheme,
            "PathItem": again.path_item,
        }
        try:
            read[expected](found, urllib.parse.unquote(pointer).replace("/", "."))
        except Broken as broken:
            again.findings.only(broken.finding)
        for said in again.findings.items:
            self.findings.say(said.code, f"{said.text} ({target})", said.about, said.key)
        return again.references


def _whole_parts(path: str) -> list[str]:
    parts = _SEPARATORS(path)
    return [part[1:-1] for part in parts if len(part) > 2 and part[0] == "{" and part[-1] == "}"]


def _declares(parameters: list[Parameter], name: str) -> bool:
    return any(
        parameter.reference is not None or (parameter.name == name and parameter.place == "path")
        for parameter in parameters
    )


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _is_boolean(value: object) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))


def _is_java_url(text: str) -> bool:
    """Whether ``java.net.URL`` takes it: a scheme that it has a handler for, and a port that is a number."""
    match = _URL(text.strip("".join(map(chr, range(33)))))
    if match is None or match[1].lower() not in _SCHEMES_OF_URLS:
        return False
    rest = match[2]
    if match[1].lower() == "jar":
        return "!/" in rest
    if not rest.startswith("//"):
        return True
    authority = re.split(r"[/?#]", rest[2:], maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        authority = authority.partition("]")[2]
    port = authority.partition(":")[2]
    return not port or port.isdecimal()


def _munged(target: str) -> str:
    relative = ":" not in target and not target.startswith(("#", "/")) and target.find(".") > 0
    return f"./{target}" if relative else target


def _outside(target: str) -> str | None:
    """What kind of place outside the document a reference of 3.0 leads to, if it does."""
    if target.startswith("http"):
        return "URL"
    if target.startswith("#/"):
        return None
    munged = _munged(target)
    return "RELATIVE" if munged.startswith((".", "/")) or "#" in munged else None


def _unloadable(outside: str) -> str:
    scheme = outside.partition(":")[0] if ":" in outside else ""
    if scheme.startswith("http"):
        return f"Unable to load URL ref: {outside}"
    if scheme and scheme not in ("file", "classpath"):
        return f"scheme not supported for uri: {outside}"
    return f"Could not find {posixpath.normpath(outside)} on the classpath"


def _at(document: Node, pointer: str) -> Any:
    """What a JSON pointer leads to; empty steps are passed over, as the parser does."""
    value: Any = document
    for token in pointer.split("/"):
        if not token.strip():
            continue
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return _ABSENT
    return value


def _anchored(document: Node, anchor: str) -> Any:
    """The object with an ``$anchor``, wherever it stands."""
    pending: list[Any] = [document]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, dict):
            if node.get("$anchor") == anchor:
                return node
            pending += [value for value in node.values() if isinstance(value, (dict, list))]
        else:
            pending += [value for value in node if isinstance(value, (dict, list))]
    return _ABSENT


def _is_date_time(text: str) -> bool:
    match = _DATE_TIME(text)
    if match is None:
        return False
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        datetime.datetime(year or 4, month, day, hour, minute, second)
    except ValueError:
        return False
    return True


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text + "=" * (-len(text) % 4) if "=" not in text else text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_DECODERS: dict[str, Callable[[str], Any]] = {"date": _DATE, "date-time": _is_date_time, "byte": _is_base64}
