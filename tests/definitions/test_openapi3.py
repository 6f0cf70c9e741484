"""Rules of the OpenAPI 3 parser, one tiny definition each."""

from __future__ import annotations

import copy
import json

import pytest

from apim_upgrade.definitions import Kind, judge

SOUND = {
    "openapi": "3.0.3",
    "info": {"title": "Tea", "version": "1"},
    "paths": {
        "/tea/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "ok"}},
            }
        }
    },
    "components": {"schemas": {"Tea": {"type": "object"}}},
}


def definition(changes: dict[str, object], *, version: str = "3.0.3") -> dict:
    """A sound definition with some values set by path (keys parted by blanks) or, where the value is ..., removed."""
    made = copy.deepcopy(SOUND) | {"openapi": version}
    for path, value in changes.items():
        *ways, last = path.split()
        node = made
        for way in ways:
            node = node[int(way)] if isinstance(node, list) else node.setdefault(way, {})
        if value is ...:
            del node[last]
        else:
            node[last] = value
    return made


def judged(changes: dict[str, object], *, release: str = "4.4.0", version: str = "3.0.3", relaxed: bool = False):
    text = json.dumps(definition(changes, version=version)).encode()
    return judge(text, release, kind=Kind.OPENAPI, relaxed=relaxed)


def said(changes: dict[str, object], *, release: str = "4.4.0", version: str = "3.0.3") -> list[str]:
    return [message.text for message in judged(changes, release=release, version=version).messages]


OPERATION = "paths /tea/{id} get"
SCHEMA = "components schemas Tea"
MEDIA_TYPE = f"{OPERATION} requestBody content a/b"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"extra": 1}, ["attribute extra is unexpected"]),
        ({"x-extra": 1}, []),
        ({"info": ...}, ["attribute info is missing"]),
        ({"info title": ...}, ["attribute info.title is missing"]),
        ({"info title": None}, []),
        ({"info title": 5}, []),
        ({"info title": []}, ["attribute info.title is not of type `string`"]),
        ({"paths": ...}, ["attribute paths is missing"]),
        ({"paths": None}, ["attribute paths is not of type `object`"]),
        ({"paths": {}}, []),
        ({"tags": {}}, ["attribute tags is not of type `array`"]),
        ({"tags": [{"name": "a"}, {"name": "a"}, "b"]}, ["attribute tags.a is repeated"]),
        ({"externalDocs": {}}, ["attribute externalDocs.url is missing"]),
        ({"info contact": "me"}, ["attribute contact.contact is not of type `object`"]),
        ({"info contact": {"url": "www.x.com"}}, ["info.contact.www.x.com"]),
        ({"info contact": {"url": "http://x.com:port"}}, ["info.contact.http://x.com:port"]),
        ({"info contact": {"url": "HTTP://[::1]:80/x?y"}}, []),
        ({"info contact": {"url": "mailto:x@y"}}, []),
        ({"info contact": {"url": "jar:file:/x"}}, ["info.contact.jar:file:/x"]),
        ({"info license": {}}, ["attribute info.license.name is missing"]),
        ({"info license": {"name": "x", "identifier": "y"}}, ["attribute info.license.identifier is unexpected"]),
        ({"servers": [{"variables": {"a": {"enum": [{}]}}, "url": "/"}]},
         ["attribute .servers.variables.a.enum is not of type `value`",
          "attribute .servers.variables.a.default.default is missing"]),
        ({"servers": [{"variables": {"a": 1}, "url": "/"}]}, ["a cannot be cast to class ObjectNode"]),
        ({"paths": {"tea": {}}}, ["paths. Resource tea should start with /"]),
        ({"paths": {"x-tea": 1}}, []),
        ({"paths": {"/tea": 1}}, ["attribute paths./tea is not of type `object`"]),
        ({"paths /a": {"$ref": {"b": 1}}}, ["attribute paths.'/a'.b is unexpected", "java.lang.NullPointerException"]),
        ({"paths /a": {"$ref": 1}}, ["java.lang.NullPointerException"]),
        ({f"{OPERATION} responses": ...}, ["attribute paths.'/tea/{id}'(get).responses is missing"]),
        ({f"{OPERATION} responses": {}}, []),
        ({f"{OPERATION} responses": []}, ["attribute paths.'/tea/{id}'(get).responses is not of type `object`"]),
        ({f"{OPERATION} responses 200": {}},
         ["attribute paths.'/tea/{id}'(get).responses.200.description is missing"]),
        ({f"{OPERATION} parameters": ...},
         ["paths.'/tea/{id}'. Declared path parameter id needs to be defined as a path parameter in path or operation"
          " level"]),
        ({f"{OPERATION} parameters": [{"$ref": "#/components/parameters/none"}]}, []),
        ({f"{OPERATION} parameters 0 required": False},
         ["paths.For path parameter id the required value should be true"]),
        ({f"{OPERATION} parameters 0 in": "body"},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].in is not of type `[query|header|path|cookie]`",
          "paths.'/tea/{id}'. Declared path parameter id needs to be defined as a path parameter in path or operation"
          " level"]),
        ({f"{OPERATION} parameters 0 schema": ...},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].content is missing"]),
        ({f"{OPERATION} parameters 0 content": {"a/b": {}}},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].content when schema defined is unsupported"]),
        ({f"{OPERATION} parameters 0 content": {}},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].content with no media type is unsupported"]),
        ({f"{OPERATION} parameters 0 content": {"a/b": {}, "c/d": {}}},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].content with multiple media types is unsupported"]),
        ({f"{OPERATION} parameters 0 style": "odd"},
         ["attribute paths.'/tea/{id}'(get).parameters.[id].style is not of type `StyleEnum`"]),
        ({"paths /a": {"parameters": [{"in": "query", "name": "q", "schema": {}}] * 2}},
         ["paths.'/a'. There are duplicate parameter values"]),
        ({"components parameters Q": {"in": "path", "name": "q", "schema": {}}},
         ["components.parameters.For path parameter Q the required value should be true"]),
        ({"components parameters": {"Q": {"name": "q"}}}, ["attribute components.parameters.Q.[q].in is missing"]),
        ({f"{OPERATION} operationId": "a", "paths /b": {"get": {"operationId": "a", "responses": {}}}},
         ["attribute paths.'/b'(get).operationId is repeated"]),
        ({f"{OPERATION} requestBody": {}}, ["attribute paths.'/tea/{id}'(get).requestBody.content is missing"]),
        ({f"{OPERATION} requestBody": {"content": {}}},
         ["attribute paths.'/tea/{id}'(get).requestBody.content with no media type is unsupported"]),
        ({MEDIA_TYPE: 1}, ["a/b cannot be cast to class ObjectNode"]),
        ({f"{MEDIA_TYPE} example": 1, f"{MEDIA_TYPE} examples": {"a": {"value": 1, "externalValue": "x"}, "b": "text"}},
         ["paths.'/tea/{id}'(get).requestBody.content.'a/b'.examples.a. value and externalValue are both present",
          "paths.'/tea/{id}'(get).requestBody.content.'a/b'.examples already defined -- ignoring \"example\" field"]),
        ({f"{MEDIA_TYPE} encoding": {"a": {"style": "odd"}}},
         ["attribute paths.'/tea/{id}'(get).requestBody.content.'a/b'.encoding.style is not of type `string`",
          "attribute paths.'/tea/{id}'(get).requestBody.content.'a/b'.encoding.a is unexpected"]),
        ({f"{MEDIA_TYPE} encoding": {"a": {}}, f"{MEDIA_TYPE} schema": {"$ref": "#/components/schemas/Tea"}}, []),
        ({f"{OPERATION} responses 200 headers": {"h": {"schema": {}, "content": {"a/b": {}}}, "i": 1}},
         ["attribute paths.'/tea/{id}'(get).responses.200.headers.i is not of type `object`"]),
        ({f"{OPERATION} responses 200 links": {"l": {"headers": [], "server": {"url": 1}}}},
         ["attribute paths.'/tea/{id}'(get).responses.200.links.l.headers is unexpected",
          "attribute paths.'/tea/{id}'(get).responses.200.links.l.headers is not of type `object`"]),
        ({f"{OPERATION} callbacks": {"c": {"{$url}": {"get": {}}}}},
         ["attribute paths.'/tea/{id}'(get).callbacks(get).responses is missing"]),
        ({"components securitySchemes a": {"type": "odd"}},
         ["attribute components.securitySchemes.a.type.type is not of type "
          "`http|apiKey|oauth2|openIdConnect|mutualTLS `"]),
        ({"components securitySchemes a": {"type": "apiKey", "in": "body"}},
         ["attribute components.securitySchemes.a.name is missing",
          "attribute components.securitySchemes.a.in is not of type `cookie|header|query`"]),
        ({"components securitySchemes a": {"type": "oauth2", "flows": {"implicit": {}, "odd": {}}}},
         ["attribute components.securitySchemes.a.odd is unexpected",
          "attribute components.securitySchemes.a.authorizationUrl is missing",
          "attribute components.securitySchemes.a.scopes is missing"]),
        ({"components schemas A B": {}}, ["attribute components.schemas.A.B is unexpected"]),
        ({f"{SCHEMA} properties": {"a": {"foo": 1}, "b": 1}},
         ["attribute components.schemas.Tea.foo is unexpected",
          "attribute components.schemas.Tea.properties is not of type `object`"]),
        ({f"{SCHEMA} type": "array"}, ["attribute components.schemas.Tea.items is missing"]),
        ({f"{SCHEMA} type": "array", f"{SCHEMA} additionalProperties": True}, []),
        ({f"{SCHEMA} type": ["string"]}, ["attribute components.schemas.Tea.type is not of type `string`"]),
        ({f"{SCHEMA} type": "Object"}, []),
        ({f"{SCHEMA} required": "a"}, ["attribute components.schemas.Tea.required is not of type `array`"]),
        ({f"{SCHEMA} required": [1]}, ["attribute components.schemas.Tea.required is not of type `string`"]),
        ({f"{SCHEMA} multipleOf": 0}, ["components.schemas.Tea.multipleOf value must be > 0"]),
        ({f"{SCHEMA} exclusiveMinimum": 5}, []),
        ({f"{SCHEMA} readOnly": True, f"{SCHEMA} writeOnly": "true"},
         ["components.schemas.Tea. writeOnly and readOnly are both present"]),
        ({f"{SCHEMA} discriminator": {}}, ["attribute components.schemas.Tea.propertyName is missing"]),
        ({f"{SCHEMA} discriminator": "a"}, ["attribute components.schemas.Tea.discriminator is not of type `object`"]),
        ({f"{SCHEMA} xml": {"name": {}, "odd": 1}},
         ["attribute components.schemas.Tea.odd is unexpected",
          "attribute components.schemas.Tea.name.name is not of type `string`"]),
        ({f"{SCHEMA} default": "a"}, ["attribute components.schemas.Tea.default is not of type `object`"]),
        ({SCHEMA: {"type": "string", "default": {}}},
         ["attribute components.schemas.Tea.default is not of type `string`"]),
        ({SCHEMA: {"type": "integer", "default": []}},
         ["attribute components.schemas.Tea.default is not of type `integer`"]),
        ({SCHEMA: {"type": "number", "default": []}},
         ["attribute components.schemas.Tea.default is not of type `double`"]),
        ({SCHEMA: {"items": {}, "default": "a"}}, ["attribute components.schemas.Tea.default is not of type `array`"]),
        ({SCHEMA: {"type": "string", "format": "date", "default": "today", "enum": ["2020-01-01", "x"]}},
         ["attribute components.schemas.Tea.default=`today` is not of type `date`",
          "attribute components.schemas.Tea.enum=`x` is not of type `date`"]),
        ({SCHEMA: {"type": "string", "format": "date-time", "enum": ["2020-01-01T00:00:00Z", "2020-13-01T00:00Z"]}},
         ["attribute components.schemas.Tea.enum=`2020-13-01T00:00Z` is not of type `date-time`"]),
        ({SCHEMA: {"type": "string", "format": "byte", "enum": ["YQ==", "YQ", "%"]}},
         ["attribute components.schemas.Tea.enum=`%` is not of type `byte`"]),
        ({"components schemas a b": {}, "components schemas": {"a b": {}}},
         ["components.schemas.Schema name a b doesn't adhere to regular expression ^[a-zA-Z0-9\\.\\-_]+$"]),
        ({SCHEMA: 1}, ["attribute components.schemas.Tea is not of type `object`"]),
        ({SCHEMA: {"$ref": 1}}, ["attribute components.schemas.Tea.$ref is not of type `string`"]),
        ({SCHEMA: {"$ref": "#/components/schemas/None", "foo": 1}},
         ["attribute components.schemas.Tea.None is not of type `schema`"]),
        ({SCHEMA: {"$ref": "None"}}, ["attribute components.schemas.Tea.None is not of type `schema`"]),
        ({SCHEMA: {"$ref": "#/components/schemas/Tea", "allOf": [{"foo": 1}], "items": 1}},
         ["attribute components.schemas.Tea.foo is unexpected",
          "attribute components.schemas.Tea.items is not of type `object`"]),
        ({"components schemas": ..., "components headers": {"H": {"schema": {"$ref": "#/components/schemas/N"}}}},
         ["attribute components.headers.H.N is missing"]),
        ({f"{MEDIA_TYPE} schema": {"$ref": "#/components/schemas/None"}},
         ["attribute paths.'/tea/{id}'(get).requestBody.content.'a/b'.schema.#/components/schemas/None is missing"]),
        ({f"{OPERATION} responses 200": {"$ref": "#/components/responses/None"}}, []),
        ({f"{OPERATION} responses 200": {"$ref": "#/components/schemas/Tea"}},
         ["paths.'/tea/{id}'(get).responses.200.$ref target #/components/schemas/Tea is not of expected type"
          " Response"]),
        ({f"{OPERATION} responses 200": {"$ref": "common.yaml#/x"}, SCHEMA: {"$ref": "https://x.y/z"}},
         ["Unable to load URL ref: https://x.y/z path: ."]),
        ({f"{OPERATION} responses 200": {"$ref": "common.yaml#/x"}},
         ["Unable to load RELATIVE ref: ./common.yaml path: ."]),
        ({SCHEMA: {"discriminator": {"propertyName": "a", "mapping": {"b": "other.json"}}}},
         ["Unable to load RELATIVE ref: ./other.json path: ."]),
    ],
)  # fmt: skip
def test_an_openapi_30_rule_says_what_the_product_says(changes: dict[str, object], expected: list[str]) -> None:
    assert sorted(said(changes)) == sorted(expected)
    assert judged(changes).valid == (not expected)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"paths": ..., "components": ...},
         ["The OpenAPI document MUST contain at least one paths field, a components field or a webhooks field"]),
        ({"webhooks": {"x-a": {"get": {}}, "b": 1}},
         ["attribute webhooks.'x-a'(get).responses is missing", "attribute webhooks.b is not of type `object`"]),
        ({"x-oai-a": 1}, ["attribute x-oai-a is reserved by The OpenAPI Initiative"]),
        ({f"{SCHEMA} x-oas-a": 1},
         ["attribute components.schemas.Tea.x-oas-a is reserved by The OpenAPI Initiative"]),
        ({"info license": {"name": "x"}}, ["attribute info.license.identifier is missing"]),
        ({"info license": {"name": "x", "url": "http://x", "identifier": "y"}},
         ["attribute info.license.identifier is unexpected"]),
        ({"servers": [{"url": "/", "variables": {"a": {"enum": [], "default": "b"}}}]},
         [".servers.variables.a.enum array MUST NOT be empty"]),
        ({f"{SCHEMA} anything": 1, f"{SCHEMA} const": {}}, []),
        ({f"{SCHEMA} type": ["string", "strange", "string", {}, None]},
         ["components.schemas.Tea. invalid type strange", "components.schemas.Tea. duplicated type string",
          "attribute components.schemas.Tea.type is not of type `value`"]),
        ({f"{SCHEMA} properties": {"a": True, "b": "false", "c": 1}},
         ["attribute components.schemas.Tea. is not of type `object`"]),
        ({f"{SCHEMA} not": 1}, ["attribute components.schemas.Tea.not is not of type `object`"]),
        ({f"{SCHEMA} examples": {}}, ["attribute components.schemas.Tea.examples is not of type `array`"]),
        ({f"{SCHEMA} prefixItems": [{"title": []}], f"{SCHEMA} dependentRequired": {"a": "b"}},
         ["attribute components.schemas.Tea.title is not of type `string`",
          "attribute components.schemas.Tea.dependentRequired is not of type `object`"]),
        ({SCHEMA: {"$ref": "#/components/schemas/None"}},
         ["attribute components.schemas.Tea.None is not of type `schema`",
          "Could not find /components/schemas/None in contents of #/components/schemas/None"]),
        ({SCHEMA: {"$ref": "#tea"}, "components schemas Other": {"items": {"$anchor": "tea"}}}, []),
        ({SCHEMA: {"$ref": "#/components/schemas/Other/properties/a%20b"},
          "components schemas Other": {"properties": {"a b": {}}}}, []),
        ({SCHEMA: {"$ref": "other.yaml"}}, ["Could not find other.yaml on the classpath"]),
        ({SCHEMA: {"$ref": "./a.yaml#/{b}"}}, ["Illegal character in fragment at index 10: ./a.yaml#/{b}"]),
        ({SCHEMA: {"$ref": "urn:a:b"}}, ["scheme not supported for uri: urn:a:b"]),
        ({SCHEMA: {"$id": "https://x.y/z", "items": {"$ref": "#/components/schemas/Tea"}}},
         ["Could not find local on the classpath"]),
        ({SCHEMA: {"$ref": "#/info"}}, []),
        ({SCHEMA: {"$ref": "#/info/title"}}, ["the target of #/info/title cannot be cast to class ObjectNode"]),
        ({f"{OPERATION} responses 200": {"$ref": "#/components/schemas/Tea"}},
         ["paths.'/tea/{id}'(get).responses.200.$ref target #/components/schemas/Tea is not of expected type Response",
          "attribute .components.schemas.Tea.type is unexpected (#/components/schemas/Tea)",
          "attribute .components.schemas.Tea.description is missing (#/components/schemas/Tea)"]),
        ({f"{OPERATION} responses 200": {"$ref": "#/components/responses/A", "description": []},
          "components responses A": {"description": ""}},
         ["attribute paths.'/tea/{id}'(get).responses.200.description is not of type `string`"]),
        ({"components securitySchemes a": {"type": "mutualTLS"}}, []),
        ({"components pathItems": {"a b": {}}},
         ["components.pathItems.PathItem key a b doesn't adhere to regular expression ^[a-zA-Z0-9\\.\\-_]+$"]),
    ],
)  # fmt: skip
def test_an_openapi_31_rule_says_what_the_product_says(changes: dict[str, object], expected: list[str]) -> None:
    assert sorted(said(changes, version="3.1.0")) == sorted(expected)


@pytest.mark.parametrize(
    ("changes", "version", "codes"),
    [
        # Each row: what 4.0.0, 4.2.0, 4.3.0 and 4.4.0 find.
        ({}, "3.0", [set(), {"bad-spec-version"}, {"bad-spec-version"}, {"bad-spec-version"}]),
        ({}, "3.1.0", [{"null-pointer"}, set(), set(), set()]),
        ({"openapi": "4.0.0"}, "", [{"null-pointer"}] * 4),
        ({"openapi": None}, "", [{"null-pointer"}] * 4),
        ({"openapi": {}}, "", [{"wrong-type"}] * 4),
        ({f"{OPERATION} parameters": ...}, "3.0.0", [{"null-pointer"}, *[{"path-param-undeclared"}] * 3]),
        ({f"{OPERATION} parameters 0 in": "odd"}, "3.0.0",
         [{"wrong-type", "path-param-undeclared"}, *[{"bad-parameter-in", "path-param-undeclared"}] * 3]),
        ({f"{OPERATION} parameters 0 schema": ...}, "3.0.0", [set(), {"missing"}, {"missing"}, {"missing"}]),
        ({"info license": {"name": "a", "url": "http://a"}}, "3.1.0", [{"null-pointer"}, {"missing"}, set(), set()]),
        ({f"{SCHEMA} const": []}, "3.1.0", [{"null-pointer"}, {"wrong-type"}, set(), set()]),
        ({f"{MEDIA_TYPE} examples": {"a": "b"}}, "3.0.0", [{"wrong-type"}, {"wrong-type"}, set(), set()]),
        ({"components securitySchemes a": {"type": "apiKey", "in": "x", "name": "y"}}, "3.0.0",
         [set(), set(), set(), {"wrong-type"}]),
        ({"components schemas": ..., "components headers": {"H": {"schema": {"$ref": "#/components/schemas/N"}}}},
         "3.0.0", [set(), {"null-pointer"}, {"missing"}, {"missing"}]),
        ({"paths /tea/{id}/": SOUND["paths"]["/tea/{id}"]}, "3.0.0", [set(), set(), set(), {"trailing-slash-twin"}]),
        ({f"{OPERATION} servers": [{"odd": 1}]}, "3.0.0", [{"missing", "unexpected-key"}, set(), set(), set()]),
        ({"extra": 1, SCHEMA: {"$ref": "a.yaml"}}, "3.0.0",
         [{"external-ref-unloadable"}, *[{"external-ref-unloadable", "unexpected-key"}] * 3]),
        ({"servers": [{"url": None}]}, "3.0.0", [{"null-pointer"}] * 4),
    ],
)  # fmt: skip
def test_releases_differ_where_their_parsers_do(
    changes: dict[str, object], version: str, codes: list[set[str]]
) -> None:
    for release, expected in zip(("4.0.0", "4.2.0", "4.3.0", "4.4.0"), codes, strict=True):
        judgement = judged(changes, release=release, version=version)
        assert judgement.codes == expected, release
        assert judgement.valid == (not expected), release


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"extra": 1}, True),
        ({f"{OPERATION} responses": ...}, True),
        ({"info": ...}, False),
        ({"info": []}, False),
        ({MEDIA_TYPE: 1}, False),
        ({"openapi": "5"}, False),
        ({"servers": [{}]}, False),
        ({"paths /tea/{id}/": SOUND["paths"]["/tea/{id}"]}, False),
    ],
)
def test_relaxed_mode_takes_what_the_parser_makes_a_document_of(changes: dict[str, object], *, valid: bool) -> None:
    judgement = judged(changes, relaxed=True)
    assert judgement.valid == valid
    assert judgement.messages
    assert not judged(changes).valid


def test_relaxed_mode_makes_up_an_info_since_460_and_is_unknown_before_420() -> None:
    assert judged({"info": ...}, relaxed=True, release="4.6.0").valid
    assert not judged({"extra": 1}, relaxed=True, release="4.1.0").valid


def test_a_document_without_paths_is_valid_in_31_but_its_operations_cannot_be_read() -> None:
    judgement = judged({"paths": ...}, version="3.1.0")
    assert judgement.valid
    assert not judgement.acceptable
    assert judgement.codes == {"null-pointer"}


def test_removing_servers_below_paths_loses_nulls_and_duplicate_keys_but_not_servers_in_lists() -> None:
    text = b"""
openapi: 3.0.0
info: {title: , version: 1}
x-twice: 1
x-twice: 2
paths:
  /a:
    servers: 5
    get:
      parameters: [{in: query, name: q, schema: {}, servers: 1}]
      responses: {}
"""
    judgement = judge(text, "4.4.0", kind=Kind.OPENAPI)
    assert [message.text for message in judgement.messages] == [
        "attribute info.title is missing",
        "attribute paths.'/a'(get).parameters.[q].servers is unexpected",
    ]
    assert [message.line for message in judgement.messages] == [3, 10]


def test_servers_below_paths_are_found_however_they_are_written() -> None:
    text = json.dumps(definition({f"{OPERATION} servers": 5, "servers": [{"url": "/"}]}))
    for written in (text, text.replace('"servers": 5', '"\\u0073ervers": 5')):
        assert judge(written.encode(), "4.4.0", kind=Kind.OPENAPI).valid
    assert not judge(text.encode(), "4.0.0", kind=Kind.OPENAPI).valid
