"""Reading texts: forms, types, lines; and texts that mean harm."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_upgrade.definitions import SUPPORTED, Kind, judge, kind_of
from apim_upgrade.definitions.text import Form, read
from conftest import shared_path

HEAD = b'openapi: 3.0.0\ninfo: {title: a, version: "1"}\npaths: {}\n'
SOUND_JSON = b'{"openapi": "3.0.0", "info": {"title": "a", "version": "1"}, "paths": {}}'


def verdict(text: bytes, release: str = "4.4.0"):
    return judge(text, release, kind=Kind.OPENAPI)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"a: yes", True),
        (b"a: 'yes'", "yes"),
        (b"a: Off", False),
        (b"a: ~", None),
        (b"a:", None),
        (b"a: 0o17", "0o17"),
        (b"a: 017", 15),
        (b"a: 08", "08"),
        (b"a: 0x1F", 31),
        (b"a: -0b11", -3),
        (b"a: 0x_", "0x_"),
        (b"a: -0b_", "-0b_"),
        (b"a: 1_000", 1000),
        (b"a: 1:30", 90),
        (b"a: 1.5e3", 1500.0),
        (b"a: .5", 0.5),
        (b"a: 1.2.3", "1.2.3"),
        (b"a:\n-", [None]),
        (b"a: -.inf", float("-inf")),
        (b"a: 2020-01-01", "2020-01-01"),
        (b"a: !!str 5", "5"),
        (b"a: !!int '5'", 5),
        (b"a: ! 5", "5"),
        (b"a: !!null x", None),
        (b"a: |\n  b\n", "b\n"),
        (b"a: &x [1]", [1]),
        (b"x: &x {b: 1, c: 2}\na: {<<: *x, b: 3}", {"b": 3, "c": 2}),
        (b"x: &x {b: 1}\ny: &y {b: 2, c: 3}\na: {<<: [*x, *y]}", {"b": 1, "c": 3}),
        (b"a: {<<: {b: 1}}", {"b": 1}),
        (b"a: {1: 2, 1.5: 3, true: 4, ~: 5}", {"1": 2, "1.5": 3, "true": 4, "null": 5}),
        (b"{'a': b}", None),
    ],
)
def test_yaml_values_are_those_of_yaml_11_without_dates(text: bytes, value: object) -> None:
    answer = read(text)
    assert (answer.document or {}).get("a") == value
    if answer.problem is None:
        assert type((answer.document or {}).get("a")) is type(value)


def test_yaml_agrees_with_pyyaml_on_real_definitions() -> None:
    class Loader(yaml.CSafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("timestamp", ":value"))]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def normal(value: object) -> object:
        if isinstance(value, str) and re.fullmatch(r"[0-9]+[eE][-+][0-9]+", value):
            return float(value)  # A number to the product's reader, which PyYAML takes for a word.
        if isinstance(value, dict):
            return {key if isinstance(key, str) else json.dumps(key): normal(inner) for key, inner in value.items()}
        return [normal(inner) for inner in value] if isinstance(value, list) else value

    compared = 0
    for path in sorted(shared_path("corpus", "openapi", "real").glob("*.yaml"))[::5]:
        raw = path.read_bytes()
        if len(raw) < 200_000 and (ours := read(raw)).form is Form.YAML and not ours.problem:
            assert ours.document == normal(yaml.load(raw, Loader)), path.name
            compared += 1
    assert compared > 30


def test_json_is_what_begins_with_a_brace_and_json_after_a_byte_order_mark_is_yaml() -> None:
    assert read(b" \n\x00\x01{}").form is Form.JSON
    marked = read(b"\xef\xbb\xbf" + SOUND_JSON)
    assert marked.form is Form.YAML
    assert marked.document == json.loads(SOUND_JSON)
    assert verdict(b"\xef\xbb\xbf" + SOUND_JSON).valid


def test_lines_are_those_of_the_keys_in_json_and_yaml() -> None:
    document = {"a": {"b/c": [1, {"d~": [[], "x"]}], "200": True}, "e": "}", "": {"": 1}}
    pointers = ["", "/a", "/a/b~1c", "/a/b~1c/1", "/a/b~1c/1/d~0/1", "/a/200", "/e", "/", "//", "/none", "/a/b~1c/9"]
    as_json = json.dumps(document, indent=1)
    assert read(as_json).lines(pointers) == {
        "": 1, "/a": 2, "/a/b~1c": 3, "/a/b~1c/1": 5, "/a/b~1c/1/d~0/1": 8, "/a/200": 12, "/e": 14, "/": 15, "//": 16,
    }  # fmt: skip
    as_yaml = "# a\na:\n  b/c:\n  - 1\n  - d~:\n    - []\n    - x\n  200: yes\ne: '}'\n'':\n  '': 1\n"
    assert read(as_yaml).document == document
    assert read(as_yaml).lines(pointers) == {
        "": 2, "/a": 2, "/a/b~1c": 3, "/a/b~1c/1": 5, "/a/b~1c/1/d~0/1": 7, "/a/200": 8, "/e": 9, "/": 10, "//": 11,
    }  # fmt: skip


def test_duplicate_keys_are_found_where_they_stand() -> None:
    text = SOUND_JSON[:-1] + b',\n"x-a": {"b": 1,\n"b": 2}}'
    message = verdict(text).messages[0]
    assert (message.code, message.pointer, message.line) == ("duplicate-key", "/x-a/b", 2)
    assert verdict(text, "4.0.0").codes == {"duplicate-key"}
    in_yaml = HEAD + b"x-a: 1\nx-a: 2\n"
    assert verdict(in_yaml).messages[0].text == "Duplicate field x-a in `null`"
    assert judge(in_yaml, "4.4.0", kind=Kind.OPENAPI, relaxed=True).valid


def test_text_after_the_end_is_noticed_since_420() -> None:
    assert verdict(SOUND_JSON + b" 1", "4.0.0").valid
    assert verdict(SOUND_JSON + b" 1", "4.2.0").codes == {"syntax"}


def laughs(head: bytes, first: bytes, template: bytes) -> bytes:
    lines = [head, first]
    for letter in range(ord("b"), ord("l")):
        lines.append(template % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9)))
    return b"".join(lines)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("swagger.json", SOUND_JSON)
    return buffer.getvalue()


MANY_NAMES = {
    "/" + "".join(f"{{p{number}}}" for number in range(10_000)): {
        "parameters": [{"name": f"q{number}", "in": "path", "type": "string"} for number in range(10_000)],
        "get": {},
    }
}
HOSTILE = {
    "billion laughs": laughs(HEAD, b"x-a: &a [1]\n", b"x-%c: &%c [%s]\n"),
    "billion schemas": laughs(
        HEAD + b"components:\n schemas:\n", b"  a: &a {type: string}\n", b"  %c: &%c {allOf: [%s]}\n"
    ),
    "alias into itself": HEAD + b"x-a: &a\n  b: *a\n",
    "alias of nothing": HEAD + b"x-a: *a\n",
    "deep list": b'{"openapi": "3.0.0", "x-a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep schema": SOUND_JSON[:-1] + b', "components": {"schemas": {"A": ' + b'{"not":' * 900 + b"{}" + b"}" * 903,
    "deep yaml": HEAD + b"x-a: " + b"[" * 100_000,
    "deep yaml blocks": HEAD + b"".join(b" " * depth + b"a:\n" for depth in range(1000)),
    "not utf-8": b"\xff\xfe" + SOUND_JSON,
    "all bytes": bytes(range(256)) * 100,
    "utf-16": SOUND_JSON.decode().encode("utf-16"),
    "nul": b'{"openapi": "3.0.0\x00"}',
    "nul in yaml": b'openapi: "3.0.0\x00"',
    "zip": zipped(),
    "huge number": b'{"openapi": ' + b"9" * 100_000 + b"}",
    "huge number in yaml": b"openapi: " + b"9" * 100_000,
    "half characters": b'{"openapi": "3.0.0", "info": {"contact": {"url": "\\ud800"}}, "\\udfff": 1}',
    "key that is a list": HEAD + b"? [a]\n: b\n",
    "merge of a number": HEAD + b"x-a: {<<: 5}\n",
    "python object": HEAD + b"x-a: !!python/object/apply:os.system [echo]\n",
    "two documents": HEAD + b"---\n" + HEAD,
    "large json": b'{"a": "' + b"a" * (33 * 2**20) + b'"}',
    "large yaml": b"a: " + b"a" * (17 * 2**20),
    "open braces": SOUND_JSON.replace(b'"paths": {}', b'"paths": {"/' + b"{" * 200_000 + b'": {"get": {}}}'),
    "empty": b"",
    "blank": b" \n\t",
    "a list": b"[1]",
    "a word": b"word",
    "html": b"<!DOCTYPE html><html></html>",
    "not a number": b'{"openapi": NaN}',
    "many names in braces": SOUND_JSON.replace(b'"paths": {}', b'"paths": ' + json.dumps(MANY_NAMES).encode()),
    "many faults": SOUND_JSON[:-1] + b"".join(b', "a%d": 1' % number for number in range(20_000)) + b"}",
    "one key often": b'{"a": 1' + b', "a": 1' * 100_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_text_gets_a_judgement_with_a_message_in_little_time(what: str) -> None:
    begun = time.process_time()
    for release in ("4.0.0", "4.2.0", "4.7.0"):
        judgement = verdict(HOSTILE[what], release)
        assert not judgement.valid
        assert judgement.messages
        assert all(message.text.encode() for message in judgement.messages)
    assert time.process_time() - begun < 20


@pytest.mark.parametrize("what", HOSTILE)
def test_the_kind_of_a_hostile_text_can_be_guessed(what: str) -> None:
    assert kind_of(HOSTILE[what][:1_000_000]) in Kind


def test_references_in_circles_come_to_an_end() -> None:
    circles = HEAD.replace(b"3.0.0", b"3.1.0") + (
        b"components:\n  schemas:\n    A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}\n"
        b"    C: {items: {$ref: '#/components/schemas/C'}}\n  parameters:\n"
        b"    P: {$ref: '#/components/headers/H'}\n  headers:\n    H: {$ref: '#/components/parameters/P'}\n"
    )
    assert verdict(circles, "4.2.0").valid
    assert verdict(circles.replace(b"3.1.0", b"3.0.0"), "4.2.0").valid


def test_yaml_beyond_the_products_limit_aborts_since_420() -> None:
    long = HEAD + b"x-a: " + b"a" * 3_145_728
    assert verdict(long, "4.0.0").valid
    judgement = verdict(long, "4.2.0")
    assert (judgement.codes, judgement.aborted) == ({"yaml-too-large"}, True)


def test_a_release_without_known_verdicts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not for '3\.2\.0'"):
        judge(SOUND_JSON, "3.2.0")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SOUND_JSON, Kind.OPENAPI),
        (b"swagger: '2.0'\n", Kind.OPENAPI),
        (b'{"asyncapi": "2.0.0", "info": {}}', Kind.ASYNCAPI),
        (b"asyncapi: 2.0.0\n", Kind.ASYNCAPI),
        (b"type Query { a: String }", Kind.GRAPHQL),
        (b"# a comment\nschema {\n  query: Q\n}", Kind.GRAPHQL),
        (b"<?xml version='1.0'?><definitions/>", Kind.WSDL),
        (b"\xef\xbb\xbf<definitions/>", Kind.WSDL),
        (b"PK\x03\x04", Kind.WSDL),
        (b"anything", Kind.OPENAPI),
        (b"PK\x05\x06", Kind.WSDL),
        (b"type Query {\n  swagger: String\n}", Kind.GRAPHQL),
        (b'{"asyncapi": "2.0.0", "components": {"schemas": {"openapi": {}, "swagger": {}}}}', Kind.ASYNCAPI),
        (b'{"components": {"schemas": {"asyncapi": {}}}, "openapi": "3.0.1"}', Kind.OPENAPI),
        (b"info:\n  asyncapi: 2.0.0\nopenapi: 3.0.1\n", Kind.OPENAPI),
        (b"--- # ours\nasyncapi: 2.0.0\n", Kind.ASYNCAPI),
    ],
)
def test_the_kind_is_guessed_from_the_text(text: bytes, kind: Kind) -> None:
    assert kind_of(text) is kind
    assert judge(text, "4.4.0").kind is kind


WORDS = """openapi swagger info title version paths /a /a/ /{b} get post parameters name in path query schema type items
properties $ref components schemas responses 200 description content examples example servers url security default allOf
required x-scope callbacks headers links encoding enum format multipleOf"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS.split()) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(VALUES, st.sampled_from(SUPPORTED), st.booleans(), st.sampled_from(["3.0.1", "3.1.0", None]))
def test_any_value_gets_a_judgement(value: object, release: str, relaxed: bool, version: str | None) -> None:
    if isinstance(value, dict) and version:
        value["openapi"] = version
    judgement = judge(json.dumps(value).encode(), release, kind=Kind.OPENAPI, relaxed=relaxed)
    assert judgement.valid or judgement.messages


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:{}[],'\"\n -&*!|>#?%@1.~<", max_size=60).map(str.encode))
def test_any_bytes_get_a_judgement(raw: bytes) -> None:
    judgement = judge(raw, "4.4.0", kind=Kind.OPENAPI)
    assert judgement.valid or judgement.messages
