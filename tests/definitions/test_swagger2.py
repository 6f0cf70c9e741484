"""Swagger 2.0, rule by rule, as the product's parser and its tests after the parse judge it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apim_upgrade.definitions import swagger2
from apim_upgrade.definitions.reader import Findings
from apim_upgrade.definitions.rules import SUPPORTED, rules_of
from apim_upgrade.definitions.text import Form, read
from conftest import shared_path

Node = dict[str, Any]
SOUND: Node = {
    "swagger": "2.0",
    "info": {"title": "Pets", "version": "1"},
    "paths": {"/pets": {"get": {"responses": {"200": {"description": "ok"}}}}},
}


def document(**changes: Any) -> Node:
    """A sound document with some root keys replaced; None takes one away."""
    copy: Node = json.loads(json.dumps(SOUND)) | changes
    return {key: value for key, value in copy.items() if value is not None}


def operation(path: str = "/pets", **keys: Any) -> Node:
    """A sound document with one GET operation that has further keys."""
    return document(paths={path: {"get": SOUND["paths"]["/pets"]["get"] | keys}})


def said(document: Node, *, json_text: bool = True, release: str = "4.2.0") -> list[str]:
    findings = Findings(null_is_text=json_text)
    outcome = swagger2.judge(document, findings, rules_of(release))
    assert outcome.valid == (not findings)
    return [item.text.removeprefix("attribute ") for item in findings.items]


def codes(document: Node, *, release: str = "4.2.0", json_text: bool = True) -> set[str]:
    findings = Findings(null_is_text=json_text)
    swagger2.judge(document, findings, rules_of(release))
    return {item.code for item in findings.items}


def model(schema: Node, **others: Any) -> list[str]:
    return said(document(definitions={"Pet": schema, **others}))


@pytest.mark.parametrize("release", SUPPORTED)
def test_a_sound_document_is_valid_everywhere(release: str) -> None:
    assert said(SOUND, release=release) == []


@pytest.mark.parametrize("version", ["2.0", 2.0, 2, "1.2", True])
def test_any_value_passes_for_the_version(version: object) -> None:
    assert said(document(swagger=version)) == []


def test_a_document_without_a_version_is_neither_language() -> None:
    assert said(document(swagger=None)) == ["swagger is missing", "swagger or openapi should present"]
    assert codes(document(swagger=None)) == {"no-spec-version"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"info": None}, "info is missing"),
        ({"info": []}, "info is not of type `object`"),
        ({"info": {"version": "1"}}, "info.title is missing"),
        ({"info": {"title": []}}, "info.title is not of type `string`"),
        ({"info": {"title": "a", "logo": ""}}, "info.logo is unexpected"),
        ({"info": {"title": "a", "license": {}}}, "info.name is missing"),
        ({"info": {"title": "a", "license": {"name": "b", "c": 1}}}, "info.license.c is unexpected"),
        ({"info": {"title": "a", "contact": {"fax": 1}}}, "info.contact.fax is unexpected"),
        ({"info": {"title": "a", "contact": {"url": []}}}, "info.url.url is not of type `string`"),
        ({"info": {"title": "a", "contact": []}}, "contact.contact is not of type `object`"),
        ({"paths": None}, "paths is missing"),
        ({"paths": []}, "paths is not of type `object`"),
        ({"consumes": [1]}, ".consumes. is not of type `string`"),
        ({"security": {}}, "security is not of type `array`"),
        ({"security": [{"a": "b"}]}, "security.security.a is not of type `array`"),
        ({"security": [{"a": [1]}]}, "security.a is not of type `string`"),
        ({"tags": [{"description": "a"}]}, "tags.tags.name is missing"),
        ({"tags": [{"name": "a", "externalDocs": {}}]}, "tags.tagsexternalDocs.url is missing"),
        ({"externalDocs": {"description": "a"}}, "externalDocs.url is missing"),
        ({"externalDocs": {"url": "a", "b": 1}}, "externalDocs.externalDocs.b is unexpected"),
        ({"license": {"name": "a"}}, "license is unexpected"),
        ({"definitions": {"A": "b"}}, "definitions.A is not of type `object`"),
        ({"responses": {"A": {}}}, "responses.A.description is missing"),
        ({"responses": {"A": 1}}, "responses.responses.A is not of type `object`"),
        ({"parameters": {"A": {"name": "a"}}}, ".[a].in is missing"),
        ({"securityDefinitions": {"A": 1}}, "securityDefinitions.A is not of type `object`"),
        ({"securityDefinitions": {"A": {}}}, "securityDefinitions.A.type is missing"),
        ({"securityDefinitions": {"A": {"type": []}}}, "securityDefinitions.A.type is not of type `string`"),
        (
            {"securityDefinitions": {"A": {"type": "b"}}},
            "securityDefinitions.A.type.type is not of type `basic|apiKey|oauth2`",
        ),
        ({"securityDefinitions": {"A": {"type": "apiKey", "in": "query"}}}, "securityDefinitions.A.name is missing"),
        ({"securityDefinitions": {"A": {"type": "basic", "realm": "b"}}}, "securityDefinitions.A.realm is unexpected"),
    ],
)
def test_the_root_and_what_hangs_on_it(changes: Node, text: str) -> None:
    changed = document(**changes)
    for key, value in changes.items():
        if value is None:
            changed.pop(key, None)
    assert said(changed) == [text]


@pytest.mark.parametrize(
    "changes",
    [
        {"info": {"title": "a", "x-b": 1, "contact": {"x-c": 1, "url": "nowhere"}, "license": {"name": "d", "x-e": 1}}},
        {"info": {"title": 5, "version": 1.0}},
        {"securityDefinitions": {"A": {"type": "oauth2", "x-b": 1}}},
        {"definitions": {"A b/c": {"type": "odd"}}},
        {"tags": [{"name": "a"}, {"name": "a"}, "b"]},
        {"parameters": {"A": "b"}},
        {"x-anything": {"servers": []}},
    ],
)
def test_what_the_parser_does_not_mind(changes: Node) -> None:
    assert said(document(**changes)) == []


@pytest.mark.parametrize(
    ("paths", "text"),
    [
        ({"x-a": 1, "/b": {}}, "paths.x-a is unsupported"),
        ({"/a": "b"}, "paths./a is not of type `object`"),
        ({"/a": {"get": []}}, "paths.'/a'.get is not of type `object`"),
        ({"/a": {"trace": {}}}, "paths.'/a'.trace is unexpected"),
        ({"/a": {"get": {}}}, "paths.'/a'(get).responses.responses is missing"),
        ({"/a": {"get": {"responses": []}}}, "paths.'/a'(get).responses.responses is not of type `object`"),
        ({"/a": {"get": {"responses": {}}}}, "paths.'/a'(get).responses is missing"),
        ({"/a": {"get": {"responses": {"x-b": {}}}}}, "paths.'/a'(get).responses is missing"),
        ({"/a": {"parameters": {}}}, "paths.'/a'.parameters is not of type `array`"),
        ({"/a": {"x-b": 1, "servers": []}}, "paths.'/a'.servers is unexpected"),
    ],
)
def test_paths(paths: Node, text: str) -> None:
    assert said(document(paths=paths)) == [text]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"operationid": "a"}, "paths.'/pets'(get).operationid is unexpected"),
        ({"externalDocs": {}}, "paths.'/pets'(get).url is missing"),
        ({"produces": [None]}, "paths.'/pets'(get).produces. is not of type `string`"),
        ({"security": [{"a": 1}]}, "paths.'/pets'(get).security.a is not of type `array`"),
        ({"parameters": {}}, "paths.'/pets'(get).parameters is not of type `array`"),
        ({"responses": {"200": {}}}, "paths.'/pets'(get).responses.200.description is missing"),
        ({"responses": {"200": "a"}}, "paths.'/pets'(get).responses.responses.200 is not of type `object`"),
        (
            {"responses": {"200": {"description": "", "content": {}}}},
            "paths.'/pets'(get).responses.200.content is unexpected",
        ),
        ({"responses": {"200": {"$ref": 1}}}, "paths.'/pets'(get).responses.200.$ref is not of type `string`"),
        (
            {"responses": {"200": {"description": "", "schema": {"oneOf": []}}}},
            "paths.'/pets'(get).responses.200.schema.oneOf is unexpected",
        ),
        (
            {"responses": {"200": {"description": "", "schema": {"$ref": 1}}}},
            "paths.'/pets'(get).responses.200.$ref is not of type `string`",
        ),
    ],
)
def test_operations(keys: Node, text: str) -> None:
    assert said(operation(**keys)) == [text]


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ({"$ref": 1}, "paths.'/pets'(get).$ref is not of type `string`"),
        ({"name": "a"}, "paths.'/pets'(get).[a].in is missing"),
        ({"name": "a", "in": []}, "paths.'/pets'(get).[a].in is not of type `string`"),
        ({"in": "query", "type": "string"}, "paths.'/pets'(get).[['unknown']].name is missing"),
        ({"name": "a", "in": "query"}, "paths.'/pets'(get).[a].type is missing"),
        ({"name": "a", "in": "query", "type": "string", "example": 1}, "paths.'/pets'(get).[a].example is unexpected"),
        (
            {"name": "a", "in": "query", "type": "array", "default": "b"},
            "paths.'/pets'(get).[a].default is not of type `array`",
        ),
        (
            {"name": "a", "in": "header", "type": "string", "default": []},
            "paths.'/pets'(get).[a].default is not of type `string`",
        ),
        (
            {"name": "a", "in": "formData", "type": "string", "enum": [{}]},
            "paths.'/pets'(get).[a].enum is not of type `value`",
        ),
        (
            {"name": "a", "in": "query", "type": "array", "items": []},
            "paths.'/pets'(get).[a].items is not of type `object`",
        ),
        (
            {"name": "a", "in": "path", "type": "string"},
            "paths.'a'. For path parameter 'a' the required value should be true",
        ),
        ({"name": "a", "in": "body", "type": "string"}, "paths.'/pets'(get).[a].type is unexpected"),
        ({"name": "a", "in": "body", "schema": {"oneOf": []}}, "paths.'/pets'(get).[a].oneOf is unexpected"),
        ({"name": "a", "in": "cookie", "type": []}, "paths.'/pets'(get).[a].type is not of type `string`"),
    ],
)
def test_parameters(parameter: Node, text: str) -> None:
    assert said(operation(parameters=[parameter])) == [text]


@pytest.mark.parametrize(
    "parameter",
    [
        {"name": "a", "in": "cookie", "schema": {}},
        {"name": "a", "in": "body"},
        {"name": "a", "in": "body", "schema": []},
        {"name": "a", "in": "query", "type": "odd", "items": []},
        {"name": "a", "in": "path", "type": "string", "required": "True"},
        {"$ref": "#/parameters/gone", "description": "a"},
        {"name": "a", "in": "query", "type": "array", "collectionFormat": True},
        "not an object",
    ],
)
def test_parameters_that_the_parser_does_not_mind(parameter: object) -> None:
    assert said(operation(parameters=[parameter, parameter])) == []


def test_a_path_parameter_must_be_declared_by_the_path_or_by_every_operation() -> None:
    text = "paths.'/a/{b}.{c}'. Declared path parameter {} needs to be defined as a path parameter in path or operation"
    declared = {"name": "b", "in": "path", "required": True, "type": "string"}
    sound = SOUND["paths"]["/pets"]["get"]

    def paths(item: Node) -> list[str]:
        return said(document(paths={"/a/{b}.{c}": item}))

    missing = [text.replace("{}", name) + " level" for name in "bc"]
    assert paths({"get": sound}) == missing
    assert paths({"parameters": [declared], "get": sound}) == missing[1:]
    assert paths({"get": sound | {"parameters": [declared]}, "put": sound}) == missing
    assert paths({"get": sound | {"parameters": [{"$ref": "#/parameters/any"}]}}) == []
    assert paths({"parameters": [{"$ref": "#/parameters/any"}], "get": sound}) == []
    assert paths({}) == []


def test_an_operation_id_given_twice_is_repeated_in_the_parsers_order_of_methods() -> None:
    sound = SOUND["paths"]["/pets"]["get"] | {"operationId": "a"}
    assert said(document(paths={"/a": {"post": sound, "put": sound, "x-y": 1}})) == [
        "paths.'/a'(post).operationId is repeated"
    ]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"oneOf": []}, "definitions.Pet.oneOf is unexpected"),
        ({"type": ["string"]}, "definitions.Pet.type is not of type `string`"),
        ({"required": True}, "definitions.Pet.required is not of type `array`"),
        ({"required": [1]}, "definitions.Pet.required is not of type `string`"),
        ({"enum": [[]]}, "definitions.Pet.enum is not of type `value`"),
        ({"properties": []}, "definitions.Pet.properties is not of type `object`"),
        ({"properties": {"a": "b"}}, "definitions.Pet.properties is not of type `object`"),
        ({"properties": {"a": {"type": "array"}}}, "definitions.Pet.items is missing"),
        ({"type": "array"}, "definitions.Pet.items is missing"),
        ({"type": "array", "items": []}, "definitions.Pet.items is not of type `object`"),
        ({"type": "array", "items": {}, "properties": {"a": 1}}, "definitions.Pet.a is not of type `object`"),
        ({"$ref": "#/definitions/Cat", "x-a": 1}, "definitions.Pet.x-a is unexpected"),
        ({"allOf": [{"$ref": "#/definitions/Cat", "title": "a"}]}, "definitions.Pet.title is unexpected"),
        ({"allOf": ["a"]}, "definitions.Pet.allOf[0] is not of type `object`"),
        ({"allOf": [{"allOf": [{"a": 1}]}]}, "definitions.Pet.a is unexpected"),
        ({"allOf": [], "oneOf": []}, "definitions.Pet.oneOf is unexpected"),
        ({"default": {}}, "definitions.Pet.default is not of type `string`"),
    ],
)
def test_models(schema: Node, text: str) -> None:
    assert model(schema) == [text]


def test_documentation_of_a_model_is_both_read_and_unexpected() -> None:
    assert model({"externalDocs": {"description": "a"}}) == [
        "definitions.Pet.externalDocs is unexpected",
        "definitions.Pet.url is missing",
    ]
    assert model({"externalDocs": 1})[1] == "definitions.Pet.externalDocs is not of type `object`"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"nonsense": 1}, "nonsense": 1},
        {"items": {"type": "string"}, "nonsense": 1},
        {"properties": {"a": {"required": True, "nonsense": 1, "type": "date"}}},
        {"properties": {"a": {"$ref": "#/definitions/gone", "description": "b", "x-c": 1}}},
        {"properties": {"a": {"properties": {"b": {"type": "array"}}}}},
        {"xml": {"name": "a", "wrapped": True}, "example": [None]},
        {"allOf": [{"$ref": "#/definitions/gone"}], "properties": {"a": {"$ref": "./away.json"}}},
        {"additionalProperties": False, "readOnly": "yes"},
    ],
)
def test_models_that_the_parser_does_not_mind(schema: Node) -> None:
    assert model(schema) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"definitions": {"A": {"$ref": "./a.json"}}},
        {"definitions": {"A": {"$ref": 5}}},
        {"definitions": {"A": {"allOf": {}}}},
        {"definitions": {"A": {"xml": "b"}}},
        {"definitions": {"A": {"xml": {"name": []}}}},
        {"definitions": {"A": {"properties": {"b": {"xml": "b"}}}}},
        {"definitions": {"A": {"properties": {"b": {"enum": "c"}}}}},
        {"definitions": {"A": {"properties": {"b": {"minimum": "1"}}}}},
        {"definitions": {"A": {"properties": {"b": {"type": "object", "required": True}}}}},
        {"definitions": {"A": {"type": "array", "items": {"additionalProperties": {"$ref": "b.c"}, "type": "object"}}}},
        {"definitions": {"A": {"additionalProperties": {"type": "array", "items": {"$ref": "http://b/c"}}}}},
        {"securityDefinitions": {"a": {"type": "oauth2", "scopes": []}}},
        {"securityDefinitions": {"a": {"type": "basic", "description": []}}},
        {"securityDefinitions": {"a": {"type": "odd", "x-b": 1}}},
        {"paths": {"/a": {"$ref": {}}}},
        {"paths": {"/a": {"$ref": "a.yaml"}}},
        {"paths": {"/a": {"get": {"parameters": [{"$ref": "/a"}], "responses": {"200": {"$ref": "#/responses/b"}}}}}},
    ],
)
def test_what_cannot_be_converted_or_followed_ends_the_parse(changes: Node) -> None:
    assert said(document(**changes)) == ["malformed or unreadable swagger supplied"]


def test_a_shared_response_that_leads_away_matters_only_where_it_is_used() -> None:
    shared = {"Away": {"description": "", "schema": {"$ref": "https://a/b.json"}}}
    assert said(document(responses=shared)) == []
    used = operation(responses={"200": {"$ref": "#/responses/Away"}}) | {"responses": shared}
    assert codes(used) == {"oas2-exception"}


def test_a_response_that_refers_to_a_model_ends_the_parse() -> None:
    wrong = operation(responses={"200": {"$ref": "#/definitions/A"}}) | {"definitions": {"A": {}}}
    assert codes(wrong) == {"oas2-exception"}


def test_null_is_text_in_json_and_absent_in_yaml() -> None:
    nulls = document(info={"title": None, "contact": None, "odd": None}, host=None)
    assert said(nulls) == ["info.odd is unexpected", "contact.contact is not of type `object`"]
    assert said(nulls, json_text=False) == ["info.title is missing"]
    paths = document(paths={"/a": None, "/b": {"get": None, "$ref": None}})
    assert said(paths, json_text=False) == []
    assert said(paths) == ["malformed or unreadable swagger supplied"]


def test_messages_count_from_4_2_0() -> None:
    flawed = document(odd=1)
    for release in SUPPORTED:
        outcome = swagger2.judge(flawed, Findings(), rules_of(release))
        assert outcome.valid == (release < "4.2.0")
    assert not swagger2.judge(document(swagger=None), Findings(), rules_of("4.0.0")).valid


def test_4_0_0_breaks_off_without_info_unless_the_version_is_missing_too() -> None:
    findings = Findings()
    assert swagger2.judge(document(info=None), findings, rules_of("4.0.0")) == swagger2.Outcome(False, aborted=True)
    assert [item.code for item in findings.items] == ["null-pointer"]
    assert swagger2.judge(document(info=None, swagger=None), Findings(), rules_of("4.0.0")) == swagger2.Outcome(False)


@pytest.mark.parametrize(
    ("changes", "valid"),
    [
        ({"odd": 1}, True),
        ({"swagger": None}, True),
        ({"info": None}, False),
        ({"definitions": {"A": {"$ref": "./b"}}}, False),
        ({"odd": 1, "paths": {"": {"get": {"x-scope": "gone"}}}}, True),
        ({"paths": {"/a": {"get": SOUND["paths"]["/pets"]["get"] | {"x-scope": "gone"}}}}, False),
    ],
)
def test_relaxed_mode_takes_whatever_became_a_document(changes: Node, valid: bool) -> None:
    assert swagger2.judge(document(**changes), Findings(), rules_of("4.4.0"), relaxed=True).valid == valid


def test_relaxed_mode_exists_from_4_2_0_and_makes_up_info_from_4_6_0() -> None:
    assert swagger2.judge(document(swagger=None), Findings(), rules_of("4.1.0"), relaxed=True).valid is False
    assert swagger2.judge(document(info=None), Findings(), rules_of("4.6.0"), relaxed=True).valid is True


def test_the_products_own_tests_follow_a_parse_without_messages() -> None:
    scoped = operation(**{"x-scope": "gone"})
    assert codes(scoped) == {"no-spec-version", "scope-undeclared"}
    assert codes(scoped, release="4.0.0") == set()
    assert codes(operation(path="")) == {"empty-path-key"}
    assert codes(operation(path=""), release="4.1.0") == set()
    assert codes(document(paths={}), release="4.3.0") == set()
    assert codes(document(paths={}), release="4.4.0") == {"no-operations"}
    twins = document(paths={"/a": SOUND["paths"]["/pets"], "/a/": SOUND["paths"]["/pets"]})
    assert codes(twins, release="4.3.0") == set()
    assert codes(twins, release="4.4.0") == {"trailing-slash-twin"}


def test_objects_shared_a_million_times_are_read_once() -> None:
    node: Node = {"type": "object", "properties": {"a": {"type": "string"}}}
    for _ in range(200):
        node = {"type": "object", "properties": {"a": node, "b": node}}
    parts: Node = {"type": "object"}
    for _ in range(200):
        parts = {"allOf": [parts, parts]}
    assert model(node, Parts=parts) == []


@pytest.mark.parametrize("release", ["4.0.0", "4.2.0", "4.4.0"])
def test_the_verdicts_of_the_corpus_are_met(release: str) -> None:
    folder = shared_path("corpus/openapi")
    verdicts = json.loads((folder / "verdicts.json").read_text())["files"]
    judged, wrong = 0, []
    for name, entry in verdicts.items():
        verdict = entry[f"apim_{release}"]
        if verdict.get("parser") != "oas2" or name.startswith("mutated/operation-servers-bad"):
            continue
        text = read((folder / name).read_bytes())
        findings = Findings(null_is_text=text.form is Form.JSON)
        outcome = swagger2.judge(text.document, findings, rules_of(release))
        same = outcome.valid == verdict["valid"] and (
            outcome.valid or {item.code for item in findings.items} == set(verdict["codes"])
        )
        judged += 1
        if not same:
            wrong.append((name, outcome, [item.text for item in findings.items][:3]))
    assert judged > 200
    assert len(wrong) <= judged * 0.01, wrong
