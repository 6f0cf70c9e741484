"""Mechanical repairs: what they change, that they are proven, and that nothing else moves."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from apim_upgrade.definitions.openapi import judge
from apim_upgrade.definitions.repairs import Repair, repair
from apim_upgrade.definitions.text import read
from conftest import shared_path

Node = dict[str, Any]
OK = {"200": {"description": "OK"}}
RELEASES = ("4.2.0", "4.4.0")


def openapi(**changes: Any) -> Node:
    sound: Node = {"openapi": "3.0.1", "info": {"title": "Pets", "version": "1"}, "paths": {}}
    return sound | changes


def swagger(**changes: Any) -> Node:
    sound: Node = {
        "swagger": "2.0",
        "info": {"title": "Pets", "version": "1"},
        "paths": {"/pets": {"get": {"responses": OK}}},
    }
    return sound | changes


def done(document: Node, release: str = "4.4.0", **given: str) -> Repair:
    """The repair of a document, which must be whole, and stay as it is when repaired again."""
    made = repair(json.dumps(document).encode(), release, **given)
    assert made is not None
    assert made.left == ()
    assert made.complete
    assert judge(made.text, release).acceptable
    assert repair(made.text, release) is None
    return made


def mended(document: Node, release: str = "4.4.0", **given: str) -> Node:
    result: Node = json.loads(done(document, release, **given).text)
    return result


def operation(node: Node, path: str = "/pets") -> Node:
    return {path: {"get": {"responses": OK} | node}}


def test_a_sound_definition_needs_no_repair() -> None:
    assert repair(json.dumps(openapi()).encode(), "4.4.0") is None


def test_a_release_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"9\.9\.9"):
        repair(b"{}", "9.9.9")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"[]", b"<html>", b"{", b"overlay: 1.0.0\nactions: []\n", b"a: &a [*a]"]
)
def test_what_is_no_definition_is_left_alone(raw: bytes) -> None:
    assert repair(raw, "4.4.0") is None


def test_repeated_operation_ids_get_numbers_that_nobody_has() -> None:
    paths = {path: {"get": {"responses": OK, "operationId": name}} for path, name in zip("abc", "xxx", strict=True)}
    paths = {f"/{path}": item for path, item in paths.items()}
    paths["/d"] = {"get": {"responses": OK, "operationId": "x_2"}}
    for document in (openapi(paths=paths), swagger(paths=paths)):
        result = mended(document)["paths"]
        assert [item["get"]["operationId"] for item in result.values()] == ["x", "x_3", "x_4", "x_2"]


def test_a_path_declares_the_parameters_in_its_braces() -> None:
    declared = {"name": "id", "in": "path", "required": True}
    paths = operation({}, "/pets/{id}")
    assert mended(openapi(paths=paths))["paths"]["/pets/{id}"]["parameters"] == [
        declared | {"schema": {"type": "string"}}
    ]
    assert mended(swagger(paths=paths))["paths"]["/pets/{id}"]["parameters"] == [declared | {"type": "string"}]


def test_path_parameters_are_required() -> None:
    parameter = {"name": "id", "in": "path", "schema": {"type": "string"}}
    paths = operation({"parameters": [parameter]}, "/pets/{id}")
    result = mended(openapi(paths=paths))["paths"]["/pets/{id}"]["get"]["parameters"]
    assert result == [parameter | {"required": True}]
    plain = {"name": "id", "in": "path", "type": "string", "required": False}
    result = mended(swagger(paths=operation({"parameters": [plain]}, "/a/{id}")))["paths"]["/a/{id}"]["get"]
    assert result["parameters"] == [plain | {"required": True}]


@pytest.mark.parametrize("responses", [{}, {"responses": None}, {"responses": ["ok"]}])
def test_operations_answer_something(responses: Node) -> None:
    for document in (openapi(paths={"/a": {"get": responses}}), swagger(paths={"/a": {"get": responses}})):
        result = mended(document)["paths"]["/a"]["get"]
        assert result["responses"] == OK
        assert result.get("x-responses") == (["ok"] if responses.get("responses") else None)


def test_responses_are_described_by_their_code() -> None:
    paths = operation({"responses": {"404": {}, "default": {}}})
    result = mended(openapi(paths=paths))["paths"]["/pets"]["get"]["responses"]
    assert result == {"404": {"description": "Not Found"}, "default": {"description": "The response"}}


def test_title_and_version_are_those_of_the_api() -> None:
    document = openapi()
    del document["info"]
    assert mended(document, name="Cats", version="2.1")["info"] == {"title": "Cats", "version": "2.1"}
    assert list(mended(document)) == ["openapi", "info", "paths"]
    assert mended(openapi(info={"version": "3"}))["info"] == {"version": "3", "title": "Untitled API"}
    assert mended(openapi(info="Cats"))["x-info"] == "Cats"


def test_unknown_keys_move_under_x_and_stay_where_they_were() -> None:
    result = mended(openapi(info={"title": "a", "logo": {"url": "b"}, "x-logo": 1, "version": "1"}))
    assert list(result["info"]) == ["title", "x-logo-2", "x-logo", "version"]
    result = mended(swagger(definitions={"A": {"oneOf": [], "type": "object"}}))
    assert result["definitions"]["A"] == {"x-oneOf": [], "type": "object"}


def test_extensions_under_paths_move_to_the_root_of_swagger() -> None:
    result = mended(swagger(paths={"x-team": "a", **operation({})}))
    assert list(result["paths"]) == ["/pets"]
    assert result["x-team"] == "a"


def test_remarks_beside_a_reference_are_kept_by_all_of() -> None:
    result = mended(
        swagger(definitions={"A": {"$ref": "#/definitions/B", "description": "b", "title": "c", "x-d": 1}, "B": {}})
    )
    assert result["definitions"]["A"] == {
        "allOf": [{"$ref": "#/definitions/B"}],
        "description": "b",
        "title": "c",
        "x-d": 1,
    }


def test_a_schema_given_to_a_parameter_of_swagger_becomes_its_type() -> None:
    parameter = {"name": "a", "in": "query", "schema": {"type": "integer", "format": "int64", "example": 1}}
    result = mended(swagger(paths=operation({"parameters": [parameter, {"name": "b", "in": "header"}]})))
    first, second = result["paths"]["/pets"]["get"]["parameters"]
    assert (first["type"], first["format"]) == ("integer", "int64")
    assert first["x-schema"] == parameter["schema"]
    assert second["type"] == "string"


def test_a_type_given_to_a_parameter_of_openapi_becomes_its_schema() -> None:
    parameter = {"name": "a", "in": "query", "type": "integer", "maximum": 5}
    result = mended(openapi(paths=operation({"parameters": [parameter]})))
    (first,) = result["paths"]["/pets"]["get"]["parameters"]
    assert first["schema"] == {"type": "integer", "maximum": 5}
    assert first["x-type"] == "integer"


@pytest.mark.parametrize(
    ("url", "result"),
    [
        ("www.example.com", {"url": "https://www.example.com"}),
        ("example.com/a?b", {"url": "https://example.com/a?b"}),
        ("our wiki", {"x-url": "our wiki"}),
        ("", {"x-url": ""}),
    ],
)
def test_addresses_are_completed_or_set_aside(url: str, result: Node) -> None:
    for part in ("contact", "license"):
        info = {"title": "a", "version": "1", part: {"name": "b", "url": url}}
        assert mended(openapi(info=info))["info"][part] == {"name": "b", **result}


def test_slash_twins_leave_their_methods_to_the_path_without_the_slash() -> None:
    paths = {
        "/a": {"get": {"responses": OK, "operationId": "a"}, "put": {"responses": OK}},
        "/a/": {
            "get": {"responses": OK, "operationId": "b"},
            "put": {"responses": OK, "summary": "c"},
            "post": {"responses": OK},
        },
    }
    for document in (openapi(paths=paths), swagger(paths=paths)):
        result = mended(document)["paths"]
        assert result["/a"] == paths["/a"]
        assert result["/a/"] == {"x-put": paths["/a/"]["put"], "post": {"responses": OK}}
        assert repair(json.dumps(document).encode(), "4.2.0") is None


def default_scheme(**scopes: str) -> Node:
    flow = {"authorizationUrl": "https://localhost", "scopes": scopes}
    return {"securitySchemes": {"default": {"type": "oauth2", "flows": {"implicit": flow}}}}


def test_all_undeclared_scopes_are_declared_at_once_where_the_product_reads_them() -> None:
    paths = operation({"security": [{"default": ["a", "b"]}]}) | operation({"x-scope": "c"}, "/b")
    result = mended(openapi(paths=paths, components=default_scheme(a="A")))
    scopes = result["components"]["securitySchemes"]["default"]["flows"]["implicit"]["scopes"]
    assert scopes == {"a": "A", "b": "", "c": ""}
    extension = mended(openapi(paths=paths))["x-wso2-security"]["apim"]["x-wso2-scopes"]
    assert [scope["key"] for scope in extension] == ["a", "b", "c"]
    definitions = {"default": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "b", "scopes": {}}}
    result = mended(swagger(paths=paths, securityDefinitions=definitions))
    assert list(result["securityDefinitions"]["default"]["scopes"]) == ["a", "b", "c"]


def test_scopes_of_the_extension_are_not_hidden_by_a_first_one_in_the_scheme() -> None:
    extension = {"apim": {"x-wso2-scopes": [{"key": "old", "name": "old", "roles": "admin"}]}}
    paths = operation({"x-scope": "old"}) | operation({"x-scope": "new"}, "/b")
    result = mended(openapi(paths=paths, components=default_scheme(), **{"x-wso2-security": extension}))
    assert [scope["key"] for scope in result["x-wso2-security"]["apim"]["x-wso2-scopes"]] == ["old", "new"]


def test_what_the_product_looks_at_later_is_mended_in_turn() -> None:
    made = done(swagger(odd=1, paths=operation({"x-scope": "a", "x-auth-type": False})))
    assert [change.code for change in made.changes] == ["unexpected-key", "scope-undeclared", "class-cast"]
    assert json.loads(made.text)["paths"]["/pets"]["get"]["x-auth-type"] == "None"


@pytest.mark.parametrize(
    ("changes", "path", "result"),
    [
        ({"tags": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, ["tags"], [{"name": "a"}, {"name": "b"}]),
        ({"paths": {"pets": {}}}, ["paths"], {"/pets": {}}),
        ({"openapi": "3.0"}, ["openapi"], "3.0.0"),
        ({"openapi": 3.1}, ["openapi"], "3.1.0"),
        ({"security": {"a": []}}, ["security"], [{"a": []}]),
        ({"paths": None}, ["paths"], {}),
        ({"servers": [{"description": "a"}]}, ["servers"], [{"description": "a", "url": "/"}]),
        (
            {"components": {"schemas": {"A b": {}, "C": {"items": {"$ref": "#/components/schemas/A b"}}}}},
            ["components", "schemas"],
            {"A_b": {}, "C": {"items": {"$ref": "#/components/schemas/A_b"}}},
        ),
        (
            {"components": {"schemas": {"A": {"type": ["string", "null"]}}}},
            ["components", "schemas", "A"],
            {"type": "string", "nullable": True},
        ),
        (
            {"components": {"schemas": {"A": {"type": "array"}}}},
            ["components", "schemas", "A"],
            {"type": "array", "items": {}},
        ),
        (
            {"components": {"schemas": {"A": {"properties": {"b": {"type": "string", "required": True}}}}}},
            ["components", "schemas", "A", "properties", "b"],
            {"type": "string", "x-required": True},
        ),
        (
            {"components": {"securitySchemes": {"a": {"type": "jwt"}}}},
            ["components"],
            {"securitySchemes": {}, "x-securitySchemes": {"a": {"type": "jwt"}}},
        ),
        (
            {"components": {"schemas": {"A": {"properties": {"b": {"$ref": "./b.json"}}}}}},
            ["components", "schemas", "A", "properties", "b"],
            {"x-ref": "./b.json"},
        ),
    ],
)
def test_smaller_things(changes: Node, path: list[str], result: object) -> None:
    found: Any = mended(openapi(**changes))
    for key in path:
        found = found[key]
    assert found == result


@pytest.mark.parametrize(
    ("extension", "given", "result"),
    [
        ("x-auth-type", True, "Any"),
        ("x-throttling-tier", 5, "5"),
        ("x-mediation-script", False, "false"),
        ("x-amzn-resource-timeout", "5", 5),
        ("x-amzn-resource-content-encode", "TRUE", True),
    ],
)
def test_extensions_say_the_same_in_the_form_the_product_reads(extension: str, given: object, result: object) -> None:
    mended_operation = mended(openapi(paths=operation({extension: given})))["paths"]["/pets"]["get"]
    assert mended_operation[extension] == result
    assert type(mended_operation[extension]) is type(result)


def test_extensions_that_say_nothing_the_product_knows_are_left_to_a_person() -> None:
    for value in ([], {}, None):
        assert repair(json.dumps(openapi(paths=operation({"x-scope": value}))).encode(), "4.4.0") is None


@pytest.mark.parametrize("release", RELEASES)
def test_licences_of_openapi_3_1_have_an_identifier_instead_of_a_url(release: str) -> None:
    def licence(**keys: str) -> Node:
        document = openapi(openapi="3.1.0", info={"title": "a", "version": "1", "license": keys})
        result: Node = mended(document, release)["info"]["license"]
        return result

    assert licence(name="MIT") == {"name": "MIT", "identifier": "MIT"}
    assert licence(name="Our own (2)") == {"name": "Our own (2)", "identifier": "LicenseRef-Our-own-2"}
    if release == "4.2.0":
        url = {"name": "Apache 2.0", "url": "https://apache.org"}
        assert licence(**url) == {"name": "Apache 2.0", "x-url": "https://apache.org", "identifier": "Apache-2.0"}


def test_webhooks_alone_get_empty_paths() -> None:
    document = openapi(openapi="3.1.0", webhooks={})
    del document["paths"]
    assert mended(document)["paths"] == {}


def test_tags_that_differ_are_kept_aside_and_nameless_ones_get_a_name() -> None:
    tags = [{"name": "a"}, {"name": "a", "description": "b"}, {"name": "tag-1"}, {"description": "c"}]
    result = mended(openapi(tags=tags))
    assert result["tags"] == [{"name": "a"}, {"name": "tag-1"}, {"description": "c", "name": "tag-2"}]
    assert result["x-repeated-tags"] == [{"name": "a", "description": "b"}]


def test_a_licence_without_a_name_is_called_by_its_address() -> None:
    info = {"title": "a", "version": "1", "license": {"url": "https://a.b"}}
    assert mended(openapi(info=info))["info"]["license"]["name"] == "https://a.b"
    assert mended(swagger(info=info | {"license": {}}))["info"]["license"] == {"name": "Unnamed"}


def test_server_variables_have_the_first_choice_for_default() -> None:
    variables = {"a": {"enum": ["b", "c"]}, "d": {"description": "e"}}
    result = mended(openapi(servers=[{"url": "https://{a}.{d}", "variables": variables}]))["servers"][0]["variables"]
    assert (result["a"]["default"], result["d"]["default"]) == ("b", "")


def test_parameters_are_placed_in_the_path_or_set_aside_together() -> None:
    unknown = [{"name": name, "schema": {"type": "string"}} for name in ("x", "id", "y")]
    result = mended(openapi(paths=operation({"parameters": unknown}, "/a/{id}")))["paths"]["/a/{id}"]["get"]
    assert result["parameters"] == [unknown[1] | {"in": "path", "required": True}]
    assert result["x-parameters"] == [unknown[0], unknown[2]]


def test_a_parameter_at_a_place_that_is_none_is_set_aside() -> None:
    odd = {"name": "a", "in": "nowhere", "schema": {"type": "string"}}
    body = {"name": "b", "in": "body", "schema": {"type": "object"}}
    whole = {"content": {"text/plain": {}}}
    for parameter in (odd, body):
        paths = operation({"parameters": [parameter], "requestBody": whole})
        result = mended(openapi(paths=paths))["paths"]["/pets"]["get"]
        assert (result["parameters"], result["x-parameters"], result["requestBody"]) == ([], [parameter], whole)


def test_lists_and_single_values_are_told_apart() -> None:
    parameter = {"name": "a", "in": "query", "type": "array", "default": "b", "items": {"type": "string"}}
    result = mended(swagger(paths=operation({"parameters": [parameter], "tags": "c", "consumes": {}})))
    result = result["paths"]["/pets"]["get"]
    assert (result["tags"], result["consumes"]) == (["c"], [])
    assert result["parameters"] == [parameter | {"default": ["b"]}]
    sound = {"name": "a", "in": "query", "type": "string"}
    for parameters in (sound, {"a": sound}):
        result = mended(swagger(paths=operation({"parameters": parameters})))["paths"]["/pets"]["get"]
        assert result["parameters"] == [sound]
    assert mended(swagger(definitions={"A": "b"}))["definitions"]["A"] == {"description": "b"}
    assert mended(openapi(paths={"/a": [{"summary": "b"}]}))["paths"]["/a"] == {"summary": "b"}
    items = {"components": {"schemas": {"A": {"type": "array", "items": [{}, {}]}}}}
    result = mended(openapi(**items))["components"]["schemas"]["A"]
    assert result == {"type": "array", "x-items": [{}, {}], "items": {}}


def test_documentation_without_an_address_is_set_aside() -> None:
    result = mended(openapi(externalDocs={"description": "a"}))
    assert result["x-externalDocs"] == {"description": "a"}


def test_flows_without_scopes_have_none_and_incomplete_schemes_are_set_aside() -> None:
    flow = {"authorizationUrl": "https://a.b"}
    whole = {"type": "oauth2", "flows": {"implicit": flow}}
    part = {"type": "oauth2", "flows": {"password": {"scopes": {}}}}
    result = mended(openapi(components={"securitySchemes": {"a": whole, "b": part}}))["components"]
    assert result["securitySchemes"]["a"]["flows"]["implicit"] == flow | {"scopes": {}}
    assert result["x-securitySchemes"] == {"b": part}


def test_references_inside_the_document_that_lead_nowhere_are_kept_as_x_ref() -> None:
    responses = {"200": {"$ref": "#/components/schemas/A"}}
    document = openapi(paths=operation({"responses": responses}), components={"schemas": {"A": {}}})
    result = mended(document)["paths"]["/pets"]["get"]["responses"]["200"]
    assert result == {"x-ref": "#/components/schemas/A", "description": "Defined in #/components/schemas/A"}


def test_a_schema_that_is_referred_to_but_missing_takes_anything() -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
    paths = operation({"responses": {"200": {"description": "a", "content": content}}})
    result = mended(openapi(paths=paths, components={"schemas": {"B": {}}}))
    assert list(result["components"]["schemas"]) == ["B", "A"]


def test_bodies_and_forms_among_the_parameters_become_the_request_body() -> None:
    body = {"name": "a", "in": "body", "required": True, "schema": {"type": "object"}}
    query = {"name": "b", "in": "query", "schema": {"type": "string"}}
    result = mended(openapi(paths=operation({"parameters": [body, query]})))["paths"]["/pets"]["get"]
    assert result["parameters"] == [query]
    assert result["requestBody"] == {"content": {"application/json": {"schema": {"type": "object"}}}, "required": True}
    form = [{"name": "f", "in": "formData", "type": "file"}, {"name": "g", "in": "formData", "type": "string"}]
    content = mended(openapi(paths=operation({"parameters": form})))["paths"]["/pets"]["get"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["properties"]["f"] == {"type": "string", "format": "binary"}


def test_parameters_given_twice_are_given_once() -> None:
    parameter = {"name": "a", "in": "query", "schema": {"type": "string"}}
    shared = {"parameters": {"A": parameter}}
    paths = operation({"parameters": [parameter, {"$ref": "#/components/parameters/A"}, parameter | {"in": "header"}]})
    result = mended(openapi(paths=paths, components=shared))["paths"]["/pets"]["get"]["parameters"]
    assert result == [parameter, parameter | {"in": "header"}]


def test_parameters_in_files_that_are_not_there_are_set_aside_and_paths_stay_declared() -> None:
    reference = {"$ref": "common.yaml#/parameters/id"}
    for document in (openapi, swagger):
        result = mended(document(paths=operation({"parameters": [reference]}, "/a/{id}")))["paths"]["/a/{id}"]
        assert result["get"]["x-parameters"] == [reference]
        assert result["parameters"][0]["name"] == "id"


def test_references_to_the_network_are_never_touched() -> None:
    schema = {"$ref": "https://example.invalid/a.json"}
    assert repair(json.dumps(openapi(components={"schemas": {"A": {"items": schema}}})).encode(), "4.4.0") is None


def test_operations_are_never_set_aside_for_their_form() -> None:
    assert repair(json.dumps(openapi(paths={"/a": {"get": ["a", "b"]}})).encode(), "4.4.0") is None
    assert repair(json.dumps(openapi(paths=["/a"])).encode(), "4.4.0") is None


def test_the_language_is_named_where_only_one_can_be_meant() -> None:
    document = swagger(host="localhost")
    del document["swagger"]
    assert next(iter(mended(document).items())) == ("swagger", "2.0")
    document = openapi(servers=[])
    del document["openapi"]
    assert mended(document)["openapi"] == "3.0.1"
    assert repair(json.dumps({"info": {}, "paths": {}}).encode(), "4.4.0") is None


@pytest.mark.parametrize(
    "flaw",
    [
        lambda text: text.replace("}}", "},}", 1),
        lambda text: text.replace("{", "{ // the root\n", 1),
        lambda text: text.replace("{", "{ /* the , } root */", 1),
        lambda text: text.replace('"', "'"),
        lambda text: text.replace("Pets", "Pe\nts"),
        lambda text: text.replace('"title"', '"title": "Pets", "title"'),
    ],
)
def test_texts_that_are_nearly_json_are_written_as_json(flaw: Any) -> None:
    flawed = flaw(json.dumps(openapi()))
    assert not judge(flawed, "4.4.0").valid
    made = repair(flawed.encode(), "4.4.0")
    assert made is not None
    assert made.complete
    assert json.loads(made.text)["paths"] == {}
    assert repair(made.text, "4.4.0") is None


def test_keys_given_twice_with_different_values_are_left_to_a_person() -> None:
    assert repair(json.dumps(openapi()).replace('"title"', '"title": "a", "title"').encode(), "4.4.0") is None


def test_half_characters_and_nuls_are_written_and_told_as_escapes() -> None:
    paths = {path: {"get": {"responses": OK, "operationId": "a\0\ud800"}} for path in ("/a", "/b")}
    text = json.dumps(openapi(paths=paths)).replace("Pets", "Zürich")
    made = repair(text.encode(), "4.4.0")
    assert made is not None
    assert made.complete
    assert json.loads(made.text)["paths"]["/b"]["get"]["operationId"] == "a\0\ud800_2"
    (change,) = made.changes
    assert change.what == "the operationId a\\u0000\\ud800, used before, is a\\u0000\\ud800_2"
    assert "Zürich".encode() in made.text
    assert made.diff().encode()


def test_only_files_are_taken_out_and_no_names_of_components() -> None:
    two = {"properties": {"file": {"$ref": "./a.json"}, "name": {"$ref": "B"}}}
    for result in (
        mended(swagger(definitions={"A": two, "B": {}}))["definitions"]["A"],
        mended(openapi(components={"schemas": {"A": two, "B": {}}}))["components"]["schemas"]["A"],
    ):
        assert result["properties"] == {"file": {"x-ref": "./a.json"}, "name": {"$ref": "B"}}
    anchored = {"properties": {"file": {"$ref": "a.json"}, "name": {"$ref": "#b"}, "b": {"$anchor": "b"}}}
    result = mended(openapi(openapi="3.1.0", components={"schemas": {"A": anchored}}))["components"]["schemas"]["A"]
    assert result["properties"] == {**anchored["properties"], "file": {"x-ref": "a.json"}}


def test_tags_given_twice_are_told_once() -> None:
    made = done(openapi(tags=[{"name": name} for name in "abab"]))
    assert [change.what for change in made.changes] == ["tags given twice are given once"]


def test_every_reference_follows_its_renamed_component() -> None:
    names = [f"Page«{number}»" for number in range(300)]
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    result = mended(openapi(components={"schemas": {**{name: {} for name in names}, "All": {"allOf": refs}}}))
    schemas = result["components"]["schemas"]
    assert {each["$ref"].rpartition("/")[2] for each in schemas["All"]["allOf"]} == schemas.keys() - {"All"}


def test_yaml_with_an_anchor_given_twice_is_repaired_or_left() -> None:
    text = "openapi: 3.0.1\ninfo: {title: a, version: '1'}\npaths: {}\nodd: 1\nx-a: &a [1]\nx-b: &a [2]\nx-c: *a\n"
    made = assert_true_and_final(text.encode(), "4.4.0")
    assert made is None or read(made.text).document["x-c"] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "{" + "/* " * 300_000,
        '{"' + '\\"' * 300_000,
        '{"' + '\\"' * 300_000 + "\\",
        json.dumps(openapi(paths={"/" + "a" * 1_000_000: {"get": {}}})),
        json.dumps(openapi(paths={"/" + "{" * 1_000_000: {"get": {"responses": OK, "$ref": 1}}}, odd=1)),
        json.dumps(swagger(paths=operation({"parameters": [{"$ref": "./a.json"}]}, "/" + "{" * 300_000))),
        yaml.safe_dump(openapi(paths={f"p{number}": {"get": {"responses": OK}} for number in range(1_000)})),
    ],
    ids=["comments", "quotes", "an open end", "a long path", "braces", "braces and files", "many renamed paths"],
)
def test_hostile_texts_are_answered_soon(text: str) -> None:
    started = time.process_time()
    made = repair(text.encode(), "4.4.0")
    assert time.process_time() - started < 20
    assert made is None or made.changes


def test_what_cannot_be_mended_is_told() -> None:
    document = swagger(odd=1, paths={})
    made = repair(json.dumps(document).encode(), "4.4.0")
    assert made is not None
    assert not made.complete
    assert [message.code for message in made.left] == ["no-operations"]
    assert [(change.code, change.pointer) for change in made.changes] == [("unexpected-key", "/odd")]


JSON_LAYOUTS: list[Node] = [
    {"separators": (",", ":")},
    {},
    {"indent": 2},
    {"indent": "\t"},
    {"indent": 4, "separators": (",", ": ")},
]


@pytest.mark.parametrize("layout", JSON_LAYOUTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_stays_as_it_was_laid_out(layout: Node, ascii_only: bool) -> None:
    document = openapi(odd=1, info={"title": "Zürich", "version": "1"})
    text = json.dumps(document, ensure_ascii=ascii_only, **layout) + "\n"
    made = repair(text.encode(), "4.4.0")
    assert made is not None
    assert made.text.decode() == text.replace('"odd"', '"x-odd"')
    assert made.note == ""


YAML = """\
# Owned by team Pets.
openapi: "3.0.1"  # the language
info:
  title: Pets
  version: 1.0.0

  # the end of info
paths:
  /pets/{id}:
    get:
      operationId: "get"
      summary: >
        folded
        text
      tags: [a, b]

    # changes it
    put:
      operationId: get
      responses: {'200': {description: "on"}}
odd: &anchor {a: 1}
x-same: *anchor
"""


def test_yaml_keeps_its_comments_and_its_layout() -> None:
    made = repair(YAML.encode(), "4.4.0")
    assert made is not None
    assert made.complete
    assert made.note == ""
    changed = [line for line in made.diff("pets").splitlines()[2:] if line[:1] in "+-"]
    assert changed == [
        "+      responses:",
        "+        '200':",
        "+          description: OK",
        "-      operationId: get",
        "+      operationId: get_2",
        "-odd: &anchor {a: 1}",
        "+    parameters:",
        "+    - name: id",
        "+      in: path",
        "+      required: true",
        "+      schema:",
        "+        type: string",
        "+x-odd: &anchor {a: 1}",
    ]
    assert repair(made.text, "4.4.0") is None


@pytest.mark.parametrize(
    "text",
    [
        "  {openapi: 3.0.1, info: {title: a, version: '1'}, paths: {}, odd: 1}\n".replace("  {", "--- {"),
        "openapi: 3.0.1\r\ninfo: {title: a, version: '1'}\r\npaths: {}\r\nodd: 1\r\n",
        "base: &base {title: a}\nopenapi: 3.0.1\ninfo:\n  <<: *base\n  version: '1e3'\n  odd: 1\npaths: {}\n",
    ],
)
def test_yaml_that_must_be_written_anew_says_so_and_keeps_its_values(text: str) -> None:
    made = repair(text.encode(), "4.4.0")
    assert made is not None
    assert made.complete
    assert "layout" in made.note or made.text.decode().count("x-odd") == 1
    assert yaml.safe_load(made.text)["info"]["title"] == "a"
    before, after = read(text).document, read(made.text).document
    assert before["info"]["version"] == after["info"]["version"]


def test_a_byte_order_mark_stays_before_json() -> None:
    made = repair(b"\xef\xbb\xbf" + json.dumps(openapi(odd=1)).encode(), "4.4.0")
    assert made is not None
    assert made.text == b"\xef\xbb\xbf" + json.dumps(openapi(**{"x-odd": 1})).encode()


def test_yaml_too_long_for_the_product_becomes_json() -> None:
    long = yaml.safe_dump(openapi(info={"title": "a", "version": "1", "description": "b" * 3_200_000}))
    made = repair(long.encode(), "4.4.0")
    assert made is not None
    assert made.complete
    assert "JSON" in made.note
    assert json.loads(made.text)["openapi"] == "3.0.1"


def test_the_diff_of_json_in_one_line_is_shown_indented() -> None:
    diff = done(openapi(odd=1)).diff("swagger.json")
    assert diff.splitlines()[:2] == ["--- swagger.json (as it is)", "+++ swagger.json (repaired)"]
    assert '-  "odd": 1' in diff
    assert '+  "x-odd": 1' in diff


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers(-5, 5) | some.text("aé$/~: #-'\"\n", max_size=6),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text("ab-/$", max_size=4), inner, max_size=3),
    max_leaves=12,
)
KEYS = ["info", "paths", "tags", "security", "components", "definitions", "parameters", "responses", "servers", "odd"]


@settings(max_examples=150, deadline=None)
@given(
    changes=some.dictionaries(some.sampled_from(KEYS), VALUES, max_size=3),
    version=some.sampled_from(["openapi", "swagger"]),
    as_yaml=some.booleans(),
)
def test_a_repair_of_anything_is_true_and_final(changes: Node, version: str, as_yaml: bool) -> None:
    document = (openapi() if version == "openapi" else swagger()) | changes
    text = yaml.safe_dump(document, sort_keys=False) if as_yaml else json.dumps(document)
    assert_true_and_final(text.encode(), "4.4.0")


def assert_true_and_final(raw: bytes, release: str) -> Repair | None:
    made = repair(raw, release)
    if made is None:
        return None
    judgement = judge(made.text, release)
    assert judgement.acceptable == made.complete
    assert made.complete or judgement.messages == made.left
    assert made.changes
    assert made.diff()
    assert repair(made.text, release) is None
    assert repair(raw, release) == made
    return made


LONGEST = int(os.environ.get("APIM_UPGRADE_LONGEST_REPAIR", "30000"))
"""Bytes; the few longer definitions of the corpus take minutes. Set it higher to repair them too."""


def shared_files(folder: str) -> list[Any]:
    return sorted(path for path in shared_path(f"corpus/openapi/{folder}").iterdir() if path.is_file())


def test_every_repair_of_the_broken_variants_is_true_and_final() -> None:
    bad = complete = 0
    for path in shared_files("mutated"):
        raw = path.read_bytes()
        if len(raw) > LONGEST or judge(raw, "4.4.0").acceptable:
            continue
        made = assert_true_and_final(raw, "4.4.0")
        bad += 1
        complete += made is not None and made.complete
    assert complete >= bad * 0.6, f"{complete} of {bad}"


@pytest.mark.slow
@pytest.mark.parametrize("release", RELEASES)
def test_every_repair_of_the_real_definitions_is_true_and_final(release: str) -> None:
    bad = complete = 0
    for path in shared_files("real"):
        raw = path.read_bytes()
        if len(raw) > LONGEST or judge(raw, release).acceptable:
            continue
        made = assert_true_and_final(raw, release)
        bad += 1
        complete += made is not None and made.complete
    assert complete >= bad * 0.8, f"{complete} of {bad}"


def test_hostile_texts_are_repaired_or_left_but_never_multiplied() -> None:
    bomb = "openapi: 3.0.1\ninfo: {title: a, version: '1'}\npaths: {}\nodd: 1\nx-a: &a [1, 1, 1, 1, 1, 1, 1, 1]\n"
    for name, inner in zip("bcdef", "abcde", strict=True):
        bomb += f"x-{name}: &{name} [{', '.join([f'*{inner}'] * 8)}]\n"
    made = repair(bomb.encode(), "4.4.0")
    assert made is not None
    assert made.text.decode() == bomb.replace("odd", "x-odd")
    for depth in (390, 5_000, 100_000):
        deep = json.dumps(openapi(odd=1))[:-1] + ', "x-deep": ' + "[" * depth + "]" * depth + "}"
        assert (repair(deep.encode(), "4.4.0") is None) == (depth > 400)


def test_many_faults_are_repaired_together() -> None:
    paths = {f"/p{number}": {"get": {"responses": {"200": {}}, "operationId": "x", "odd": 1}} for number in range(500)}
    assert len(done(openapi(paths=paths)).changes) == 1_499
