"""The objects of OpenAPI 3.0 and 3.1 as the parser knows them: keys, kinds of values, what is required."""

from __future__ import annotations

import re

from apim_upgrade.definitions.reader import Field, table

METHODS = ("get", "put", "post", "head", "delete", "patch", "options", "trace")

ROOT = table(string="openapi", obj="info components paths externalDocs", array="servers tags security")
ROOT_31 = ROOT | table(string="jsonSchemaDialect", obj="webhooks")
INFO = table(string="title description termsOfService version", obj="license", anything="contact")
INFO_31 = INFO | table(string="summary")
CONTACT = table(string="name url email")
LICENCE = table(string="name url")
LICENCE_31 = LICENCE | table(string="identifier")
TAG = table(string="name description", obj="externalDocs")
DOCS = table(string="description url")
SERVER = table(string="url description", obj="variables")
VARIABLE = table(array="enum", anything="default description")
PATH_ITEM = table(string="summary description", obj=" ".join(METHODS), array="parameters servers", anything="$ref")
OPERATION = table(
    string="summary description operationId",
    obj="externalDocs requestBody responses callbacks",
    array="tags parameters servers security",
    boolean="deprecated",
)
PARAMETER = table(
    string="in name description style",
    obj="schema examples content",
    boolean="required deprecated allowEmptyValue explode allowReserved",
    anything="$ref example",
)
BODY = table(string="description", obj="content", boolean="required", anything="$ref")
RESPONSE = table(string="description", obj="headers links content", anything="$ref")
MEDIA_TYPE = table(obj="schema examples encoding", anything="example")
ENCODING = table(string="contentType style", obj="headers", boolean="explode allowReserved")
HEADER = table(
    string="description",
    obj="schema examples content",
    boolean="required deprecated explode allowEmptyValue allowReserved",
    anything="$ref example name in style",
)
EXAMPLE = table(string="summary description externalValue", anything="$ref value")
LINK = table(
    string="operationRef operationId requestBody description",
    obj="parameters server",
    anything="$ref",
)
COMPONENTS = table(obj="schemas responses parameters examples requestBodies headers securitySchemes links callbacks")
COMPONENTS_31 = COMPONENTS | table(obj="pathItems")
SCHEME = table(
    string="type name in description scheme bearerFormat openIdConnectUrl",
    obj="flows",
    anything="$ref",
)
FLOWS = table(obj="implicit password clientCredentials authorizationCode")
FLOW = table(string="authorizationUrl tokenUrl refreshUrl", obj="scopes")
DISCRIMINATOR = table(string="propertyName", obj="mapping")
XML = table(boolean="attribute wrapped", anything="name namespace prefix")

COMPOSERS = ("oneOf", "allOf", "anyOf")
SUBSCHEMA_30 = Field("object", frozenset((dict, bool, str)))
SCHEMA_30 = table(
    string="title type format pattern description",
    double="multipleOf maximum minimum",
    integer="maxLength minLength maxItems minItems maxProperties minProperties",
    boolean="exclusiveMaximum exclusiveMinimum uniqueItems nullable readOnly writeOnly deprecated",
    array="required enum allOf oneOf anyOf",
    obj="not items properties discriminator xml externalDocs",
    anything="default example",
) | {"additionalProperties": SUBSCHEMA_30}
BESIDE_REFERENCE = frozenset((*COMPOSERS, "items", "additionalProperties"))

SUBSCHEMAS_31 = frozenset(
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
SCHEMA_LISTS_31 = frozenset((*COMPOSERS, "prefixItems"))
SCHEMA_MAPS_31 = frozenset(("properties", "patternProperties", "dependentSchemas"))
SCHEMA_31 = table(
    string="title pattern description format contentEncoding contentMediaType $anchor $id $schema $comment",
    double="multipleOf maximum minimum exclusiveMaximum exclusiveMinimum",
    integer="maxLength minLength maxItems minItems maxProperties minProperties minContains maxContains",
    array="required enum examples allOf oneOf anyOf prefixItems",
    obj="properties patternProperties dependentSchemas dependentRequired discriminator xml externalDocs",
)
SCHEMA_31_SCALAR_CONST = SCHEMA_31 | table(string="const")
TYPES_31 = frozenset(["null", "boolean", "object", "array", "number", "string", "integer"])

FLOW_NEEDS = {
    "implicit": ("authorizationUrl", "scopes"),
    "password": ("tokenUrl", "scopes"),
    "clientCredentials": ("tokenUrl", "scopes"),
    "authorizationCode": ("authorizationUrl", "tokenUrl", "scopes"),
}
SCHEME_NEEDS: dict[str, tuple[str, ...]] = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
}
PLACES = frozenset(("query", "header", "path", "cookie"))
STYLES = frozenset(["form", "deepObject", "label", "matrix", "pipeDelimited", "simple", "spaceDelimited"])
ENCODING_STYLES = frozenset(["form", "deepObject", "pipeDelimited", "spaceDelimited"])

SECTIONS = {
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

NAME = re.compile(r"[a-zA-Z0-9.\-_]+").fullmatch
NAME_RULE = "doesn't adhere to regular expression ^[a-zA-Z0-9\\.\\-_]+$"
