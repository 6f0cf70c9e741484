"""The objects of Swagger 2.0 as the parser knows them: keys and kinds of values."""

from __future__ import annotations

from apim_upgrade.definitions.reader import OBJECT, STRING, Field, table

ROOT = table(
    string="swagger host basePath",
    obj="info paths definitions parameters responses securityDefinitions externalDocs",
    array="schemes consumes produces security tags",
)
INFO = table(string="title description termsOfService version", obj="license", anything="contact")
CONTACT = ("name", "url", "email")
LICENSE = table(string="name url")
TAG = table(string="name description", obj="externalDocs")
EXTERNAL_DOCS = table(string="description url")
PATH = table(obj="get put post head delete patch options", array="parameters", anything="$ref")
OPERATION = table(
    string="summary description operationId",
    obj="externalDocs",
    array="tags consumes produces parameters schemes security",
    boolean="deprecated",
    anything="responses scheme",
)
PARAMETER = table(
    string="name in description type format pattern collectionFormat",
    integer="maxLength minLength maxItems minItems",
    double="maximum minimum multipleOf",
    array="enum",
    boolean="required allowEmptyValue exclusiveMaximum exclusiveMinimum uniqueItems readOnly",
    anything="default items",
)
BODY = table(string="name in description", boolean="required", anything="schema")
BODY_ASIDE: dict[str, Field] = {"type": STRING, "format": STRING, "pattern": STRING, "examples": OBJECT}
RESPONSE = table(string="description", obj="schema headers examples")
MODEL = table(
    string="type default format discriminator pattern title description",
    integer="minLength maxLength",
    double="maximum minimum multipleOf",
    array="enum required",
    obj="properties",
    boolean="exclusiveMaximum exclusiveMinimum uniqueItems",
    anything="$ref example items allOf additionalProperties xml readOnly allowEmptyValue "
    "maxItems minItems maxProperties minProperties",
)
COMPOSED = table(string="title description", anything=" ".join(MODEL.keys() - {"title", "description"}))
ARRAY_MODEL = table(string="type title description", integer="maxItems minItems", obj="properties items")
SECURITY = table(anything="type name in description flow authorizationUrl tokenUrl scopes")

METHODS = ("get", "put", "post", "head", "delete", "patch", "options")
PLACES = frozenset(("query", "header", "path", "formData"))
ITEM_TYPES = frozenset(("array", "string", "integer", "number", "boolean", "object", "file"))
BOUNDS = ("minimum", "maximum", "multipleOf")
NOT_BARE = ("items", "$ref", "properties")
