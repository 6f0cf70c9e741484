"""The whole document: root, components, paths, and the rules that hold between them."""

from __future__ import annotations

import re
from typing import Any

from apim_upgrade.definitions import java
from apim_upgrade.definitions.openapi3 import references
from apim_upgrade.definitions.openapi3.parts import Parameter, PartReading
from apim_upgrade.definitions.openapi3.reading import ABSENT
from apim_upgrade.definitions.openapi3.tables import (
    COMPONENTS,
    COMPONENTS_31,
    CONTACT,
    INFO,
    INFO_31,
    LICENCE,
    LICENCE_31,
    ROOT,
    ROOT_31,
    TAG,
)
from apim_upgrade.definitions.reader import (
    Broken,
    Findings,
    Node,
    list_at,
    names_in_braces,
    object_at,
    require,
    text_at,
    text_of,
)
from apim_upgrade.definitions.rules import Rules

_SEPARATORS = re.compile(r"[-/.]+").split


def check(document: Node, findings: Findings, rules: Rules) -> bool:
    """
    Say everything that the OpenAPI 3 parser of a release says of a document.

    Returns whether it makes a document object of it. A version it does not know ends without a word and without a
    document; a missing ``openapi`` is said as such, for the Swagger 2 parser to take over.
    """
    version = document.get("openapi", ABSENT)
    if version is ABSENT:
        findings.missing("", "openapi", document)
        return False
    if isinstance(version, (dict, list)):
        findings.wrong_type("", "openapi", document, "string")
        return False
    said = text_of(version)
    if said is None or not said.startswith(("3.0", "3.1") if rules.openapi31 else "3.0"):
        return False
    reading = _DocumentReading(findings, rules, v31=said.startswith("3.1"))
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


class _DocumentReading(PartReading):
    """One walk of the parser over one document."""

    def __init__(self, findings: Findings, rules: Rules, *, v31: bool) -> None:
        super().__init__(findings, rules, v31=v31)
        self.unread: set[int] = set()
        """Parameters of ``components`` (by ``id``) of which nothing is made, so that no reference finds them."""
        self.lost_path: Node | None = None
        """A path item of which nothing is made, on which later steps stumble."""

    def root(self, document: Node) -> None:
        findings = self.findings
        self.fields(document, ROOT_31 if self.v31 else ROOT, "")
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
            references.follow(self, document, self.unread)
        else:
            references.load(self)
        if self.lost_path is not None:
            findings.say("null-pointer", "java.lang.NullPointerException", self.lost_path, "$ref")

    def info(self, info: Node) -> None:
        self.fields(info, INFO_31 if self.v31 else INFO, "info")
        require(info, ("title", "version"), "info", self.findings)
        contact = info.get("contact", ABSENT)
        if isinstance(contact, dict):
            self.fields(contact, CONTACT, "info.contact")
            self.url(contact, "info.contact")
        elif contact is not ABSENT:
            self.findings.wrong_type("contact", "contact", info, "object")
        if (licence := object_at(info, "license")) is not None:
            self.licence(licence)

    def licence(self, licence: Node) -> None:
        location = "info.license"
        self.fields(licence, LICENCE_31 if self.v31 else LICENCE, location)
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
        if not java.is_url(url):
            self.warn("bad-contact-or-license-url", location, url, node, "url")

    def tags(self, tags: list[Any]) -> None:
        seen: set[str | None] = set()
        for tag in tags:
            if not isinstance(tag, dict):
                continue
            self.fields(tag, TAG, "tags")
            require(tag, ("name",), "tags", self.findings)
            self.docs(tag, "tags.externalDocs")
            name = text_at(tag, "name")
            if name in seen:
                self.findings.repeated("tags", "null" if name is None else name, tag)
            seen.add(name)

    def read_components(self, components: Node, document: Node) -> None:
        self.fields(components, COMPONENTS_31 if self.v31 else COMPONENTS, "components")
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

    def not_required(self, location: str, name: str | None, node: Node) -> None:
        self.warn(
            "path-param-not-required",
            location,
            f"For path parameter {name} the required value should be true",
            node,
        )

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

    def path_parameters(
        self,
        path: str,
        where: str,
        location: str,
        item: Node,
        read: tuple[list[Parameter], list[tuple[Node, Any]]] | None,
    ) -> None:
        names = _whole_parts(path) if self.rules.whole_parts_are_names else names_in_braces(path)
        if not names:
            return
        if read is None:
            raise Broken("null-pointer", "java.lang.NullPointerException", item, "$ref")
        own, looked_at = _declared(read[0]), set[int]()
        operations = [(operation, parameters, _declared(parameters or [])) for operation, parameters in read[1]]
        for name in dict.fromkeys(names):
            if own is None or name in own:
                continue
            for operation, parameters, declared in operations:
                if parameters is None and self.rules.parameters_list_needed:
                    raise Broken(
                        "null-pointer",
                        'Cannot invoke "java.util.List.forEach(java.util.function.Consumer)" because the return value '
                        'of "io.swagger.v3.oas.models.Operation.getParameters()" is null',
                        operation,
                    )
                if parameters is not None and id(operation) not in looked_at:
                    looked_at.add(id(operation))
                    for parameter in parameters:
                        if parameter.place == "path" and not parameter.required:
                            self.not_required(location, parameter.name, operation)
                if declared is not None and name not in declared:
                    self.warn(
                        "path-param-undeclared",
                        where,
                        f" Declared path parameter {name} needs to be defined as a path parameter in path or operation"
                        " level",
                        operation,
                    )


def _whole_parts(path: str) -> list[str]:
    parts = _SEPARATORS(path)
    return [part[1:-1] for part in parts if len(part) > 2 and part[0] == "{" and part[-1] == "}"]


def _declared(parameters: list[Parameter]) -> set[str | None] | None:
    """The names that a list of parameters declares for its path, None when any might be declared by reference."""
    if any(parameter.reference is not None for parameter in parameters):
        return None
    return {parameter.name for parameter in parameters if parameter.place == "path"}
