"""Reading the operations and their scopes, and the paths that differ in a slash."""

from __future__ import annotations

from typing import Any

import pytest

from apim_upgrade.definitions import templates, twins
from apim_upgrade.definitions.reader import Findings
from apim_upgrade.definitions.rules import rules_of

Node = dict[str, Any]


def said(document: Node, *, release: str = "4.4.0", major: templates.Major = 3) -> list[str]:
    findings = Findings()
    templates.check(document, findings, rules_of(release), major=major)
    return [f"{item.code}: {item.text}" for item in findings.items]


def openapi(operation: Node, **rest: Any) -> Node:
    return {"openapi": "3.0.1", "paths": {"/a": {"get": operation}}, **rest}


def swagger(operation: Node, **rest: Any) -> Node:
    return {"swagger": "2.0", "paths": {"/a": {"get": operation}}, **rest}


def schemes(**flows: dict[str, list[str]]) -> Node:
    """Components whose schemes have one flow each, by scheme name."""
    return {
        "securitySchemes": {
            name: {
                "type": "oauth2",
                "flows": {flow: {"scopes": dict.fromkeys(scopes, "")} for flow, scopes in by_flow.items()},
            }
            for name, by_flow in flows.items()
        }
    }


EXTENSION = {"apim": {"x-wso2-scopes": [{"key": "old", "name": "Old", "roles": "admin"}]}}


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (["known"], None),
        (["gone"], "Scope 'gone' not found."),
        (["known", "gone", "lost"], "Resource Scope 'gone' not found."),
        ([" "], None),
        ([], None),
    ],
)
def test_every_scope_of_the_default_scheme_must_be_declared(scopes: list[str], text: str | None) -> None:
    document = openapi({"security": [{"default": scopes}]}, components=schemes(default={"implicit": ["known"]}))
    assert said(document) == ([f"scope-undeclared: {text}"] if text else [])


def test_scopes_of_other_schemes_are_never_looked_up() -> None:
    assert said(openapi({"security": [{"petstore_auth": ["write:pets"]}]})) == []


def test_a_scope_extension_is_split_at_commas_and_blanks_are_part_of_the_name() -> None:
    declared = {"x-wso2-security": EXTENSION}
    assert said(openapi({"x-scope": "old"}, **declared)) == []
    assert said(openapi({"x-scope": "old,"}, **declared)) == []
    assert said(openapi({"x-scope": "old, old"}, **declared)) == ["scope-undeclared: Resource Scope ' old' not found."]


def test_the_scopes_of_openapi_3_are_the_default_schemes_else_the_others_else_the_extensions() -> None:
    both = schemes(default={"implicit": ["a"]}, OAuth2Security={"password": ["b"]})
    other = schemes(OAuth2Security={"password": ["b"]})
    empty = schemes(default={"implicit": []})
    use = {"security": [{"OAuth2Security": ["b"]}]}
    assert said(openapi(use, components=both)) == ["scope-undeclared: Scope 'b' not found."]
    assert said(openapi(use, components=other)) == []
    old = {"security": [{"default": ["old"]}]}
    assert said(openapi(old, components=empty, **{"x-wso2-security": EXTENSION})) == []
    assert said(openapi(old, components=both, **{"x-wso2-security": EXTENSION})) != []


def test_swagger_chooses_one_scheme_for_all_operations() -> None:
    both = {
        "default": {"type": "oauth2", "scopes": {"a": ""}},
        "OAuth2Security": {"type": "oauth2", "scopes": {"b": ""}},
    }
    use = {"security": [{"OAuth2Security": ["b"]}, {"default": ["a"]}]}
    assert said(swagger(use, securityDefinitions=both), major=2) == []
    assert said(swagger({"security": [{"OAuth2Security": ["x"]}]}, securityDefinitions=both), major=2) == []
    del both["default"]
    assert said(swagger({"security": [{"OAuth2Security": ["x"]}]}, securityDefinitions=both), major=2) == [
        "scope-undeclared: Scope 'x' not found."
    ]


@pytest.mark.parametrize(
    ("extension", "code"),
    [
        ({"x-auth-type": True}, "class-cast"),
        ({"x-auth-type": "None"}, None),
        ({"x-throttling-tier": 5}, "class-cast"),
        ({"x-mediation-script": {}}, "class-cast"),
        ({"x-amzn-resource-name": []}, "class-cast"),
        ({"x-amzn-resource-timeout": "5"}, "class-cast"),
        ({"x-amzn-resource-timeout": 5}, None),
        ({"x-scope": ["a"]}, "class-cast"),
        ({"x-scope": None}, "null-pointer"),
        ({"x-amzn-resource-content-encode": "true"}, "class-cast"),
    ],
)
def test_extensions_of_the_wrong_kind_end_the_reading(extension: Node, code: str | None) -> None:
    assert [line.split(":")[0] for line in said(openapi(extension))] == ([code] if code else [])


def test_swagger_takes_a_timeout_for_a_long_which_only_wide_numbers_are() -> None:
    assert said(swagger({"x-amzn-resource-timeout": 5}), major=2) != []
    assert said(swagger({"x-amzn-resource-timeout": 2**40}), major=2) == []


def test_the_encode_flag_is_looked_at_from_4_4_0() -> None:
    document = openapi({"x-amzn-resource-content-encode": "true"})
    assert said(document, release="4.3.0") == []
    assert said(document, release="4.4.0") != []


@pytest.mark.parametrize(
    "extension",
    [
        None,
        "apim",
        {"apim": []},
        {"apim": {"x-wso2-scopes": {}}},
        {"apim": {"x-wso2-scopes": ["a"]}},
        {"apim": {"x-wso2-scopes": [{"key": 1}]}},
    ],
)
def test_the_extension_with_scopes_must_be_an_object_of_objects(extension: object) -> None:
    assert len(said(openapi({}, **{"x-wso2-security": extension}))) == 1


def test_a_definition_without_paths_cannot_be_read() -> None:
    assert said({"openapi": "3.1.0", "webhooks": {}})[0].startswith("null-pointer")


def test_nothing_asks_for_the_operations_before_4_2_0() -> None:
    assert said({"openapi": "3.0.0"}, release="4.1.0") == []


def test_operations_come_in_the_order_of_the_product_and_without_trace() -> None:
    item = {"trace": {}, "options": {}, "post": {}, "get": {}, "x-get": {}, "parameters": []}
    document = {"paths": {"/a": item, "x-internal": {"get": {}}, "/b": {"$ref": "#/shared/a~1b"}, "/c": {"$ref": "c"}}}
    document["shared"] = {"a/b": {"put": {}}}
    found = [(operation.path, operation.method) for operation in templates.operations(document)]
    assert found == [("/a", "get"), ("/a", "post"), ("/a", "options"), ("/b", "put")]


def twin(document: Node, release: str = "4.4.0", major: templates.Major = 3) -> list[str]:
    findings = Findings()
    twins.check(document, findings, rules_of(release), major=major)
    return [item.text for item in findings.items]


def test_the_first_method_that_two_paths_share_but_for_a_slash_is_refused_from_4_4_0() -> None:
    document = {"paths": {"/a": {"post": {}, "get": {}}, "/a/": {"put": {}, "get": {}, "post": {}}}}
    text = "Multiple GET operations with the same resource path /a found in the {} definition"
    assert twin(document) == [text.format("openapi")]
    assert twin(document, major=2) == [text.format("swagger")]
    assert twin(document, release="4.3.0") == []


def test_slash_twins_without_a_common_method_pass() -> None:
    assert twin({"paths": {"/a": {"get": {}, "trace": {}}, "/a/": {"put": {}, "trace": {}}, "/b/": {"get": {}}}}) == []
