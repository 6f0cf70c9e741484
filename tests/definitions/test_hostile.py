"""Whatever a text is, every judge answers, soon, with a judgement: made-up texts, damaged ones, known attacks."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apim_upgrade.definitions import SUPPORTED, Judgement, Kind, judge
from conftest import SHARED

SOON = 10.0
"""Seconds of the processor. Nearly all of what is judged here takes well under one."""


def _fuzzer() -> ModuleType:
    """``benchmarks/fuzz_definitions.py``, which damages definitions for longer than a test may."""
    path = Path(__file__).parents[2] / "benchmarks" / "fuzz_definitions.py"
    spec = importlib.util.spec_from_file_location("fuzz_definitions", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FUZZER = _fuzzer()
CORPUS = (SHARED / "corpus",) if (SHARED / "corpus").exists() else ()
SEEDS = FUZZER.read_seeds(CORPUS)[::7] or FUZZER.SEEDS

RELEASES = st.sampled_from(SUPPORTED)
KINDS = st.sampled_from((None, *Kind))
fuzzing = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def judged(text: bytes, release: str, kind: Kind | None = None, *, relaxed: bool = False) -> Judgement:
    started = time.process_time()
    judgement = judge(text, release, kind=kind, relaxed=relaxed)
    assert time.process_time() - started < SOON
    assert FUZZER.wrong_with(judgement) == ""
    assert kind in (None, judgement.kind)
    return judgement


@fuzzing
@given(st.binary(max_size=400), RELEASES, KINDS, st.booleans())
def test_any_bytes(text: bytes, release: str, kind: Kind | None, relaxed: bool) -> None:
    judged(text, release, kind, relaxed=relaxed)


WORDS = """
type interface union enum input scalar extend schema directive query implements on repeatable Query A B Int String
{ } ( ) [ ] : = | & ! @ @a # , " \""" 'a' 1 -2 1.5 true null $x < > </ /> - ? * &a *a << !!str | > --- ...
"""


@fuzzing
@given(
    st.lists(st.sampled_from((*WORDS.split(), "\n", "\t", "\0", "\ufeff")), max_size=60).map(" ".join), RELEASES, KINDS
)
def test_any_words_of_the_languages(text: str, release: str, kind: Kind | None) -> None:
    judged(text.encode(), release, kind)


NAMES = """
openapi swagger asyncapi info title version license name url contact email paths /a /a/ /a/{id} get post trace in query
parameters path required schema type items properties allOf anyOf not additionalProperties enum default format $ref
responses 200 description content application/json example examples requestBody callbacks links headers components
schemas securitySchemes security flows implicit scopes OAuth2Security definitions securityDefinitions tags servers
externalDocs variables discriminator mapping const webhooks pathItems channels publish subscribe message payload oneOf
traits bindings x-a x-scope x-wso2-security x-auth-type x-oai-a
"""
TEXTS = """
3.0.1 3.1.0 2.0 2.0.0 string array object query path body #/components/schemas/a #/definitions/a # #/ ./x.json
http://x.org/y date date-time byte 2020-01-01 oauth2 apiKey default
"""
KEYS = st.sampled_from(NAMES.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(TEXTS.split())
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=6)
)
ROOTS = st.fixed_dictionaries(
    {},
    optional={
        "openapi": st.sampled_from(("3.0.1", "3.1.0", 3.0, None, [], "3")),
        "swagger": st.sampled_from(("2.0", 2.0, None, {})),
        "asyncapi": st.sampled_from(("2.0.0", 2.0, "3.0.0", None)),
        "info": TREES | st.just({"title": "T", "version": "1"}),
        "paths": st.dictionaries(
            st.sampled_from(("/a", "/a/", "/a/{b}", "", "x-a")),
            TREES | st.dictionaries(st.sampled_from(("get", "put", "parameters", "$ref")), TREES, max_size=3),
            max_size=3,
        ),
        "components": TREES | st.dictionaries(KEYS, st.dictionaries(KEYS, TREES, max_size=3), max_size=3),
        "definitions": st.dictionaries(KEYS, TREES, max_size=3),
        "channels": st.dictionaries(KEYS, TREES, max_size=3),
        "security": TREES,
        "x-wso2-security": TREES,
    },
)


@fuzzing
@given(TREES | ROOTS, RELEASES, st.sampled_from((None, Kind.OPENAPI, Kind.ASYNCAPI)), st.booleans())
def test_any_tree_as_json(tree: Any, release: str, kind: Kind | None, relaxed: bool) -> None:
    judged(json.dumps(tree).encode(), release, kind, relaxed=relaxed)


@fuzzing
@given(TREES | ROOTS, RELEASES, st.sampled_from((None, Kind.OPENAPI)), st.booleans())
def test_any_tree_as_yaml(tree: Any, release: str, kind: Kind | None, relaxed: bool) -> None:
    judged(yaml.dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass"), release, kind, relaxed=relaxed)


@settings(fuzzing, max_examples=400)
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), RELEASES, KINDS, st.booleans())
def test_damaged_definitions(text: bytes, random: Any, release: str, kind: Kind | None, relaxed: bool) -> None:
    judged(FUZZER.mutated(text, random), release, kind, relaxed=relaxed)


def openapi(**more: Any) -> bytes:
    return json.dumps({"openapi": "3.0.1", "info": {"title": "T", "version": "1"}, "paths": {}, **more}).encode()


def schemas(count: int, **more: Any) -> dict[str, Any]:
    """Schemas of which each points to the next twice over, and the last to the first."""

    def ref(number: int) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/S{number % count}"}

    made = {f"S{number}": {"properties": {"a": ref(number + 1), "b": ref(number + 1)}} for number in range(count)}
    return {"components": {"schemas": {**made, **more}}}


def laughs(first: bytes, rest: bytes) -> bytes:
    """Anchors that each hold the one before ten times."""
    lines = [b"a: &a " + first]
    lines += [
        bytes((letter,)) + b": &" + bytes((letter,)) + b" " + rest % b",".join([b"*" + bytes((letter - 1,))] * 10)
        for letter in b"bcdefghijklmnopqrstuvw"
    ]
    return b"\n".join(lines)


def packed() -> bytes:
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", openapi())
    return text.getvalue()


MB = 2**20
ATTACKS = {
    "nothing": b"",
    "a zip": packed(),
    "a NUL": b"\0",
    "NULs": b"\0" * MB,
    "not UTF-8": openapi().replace(b'"T"', b'"\xff"'),
    "UTF-16": openapi().decode().encode("utf-16"),
    "laughs": laughs(b"[x,x,x,x,x,x,x,x,x,x]", b"[%s]"),
    "laughs by merging": laughs(b"{k: v}", b"{<<: [%s]}"),
    "a list in itself": b"a: &a [*a]",
    "objects in each other": b'{"a":' * 200_000,
    "lists in each other": b'{"openapi": ' + b"[" * 200_000,
    "YAML lists in each other": b"a: " + b"[" * 200_000,
    "YAML dashes": b"- " * 200_000,
    "YAML keys": b"? " * 200_000,
    "blocks in each other": b"".join(b" " * depth + b"a:\n" for depth in range(2000)),
    "documents": b"---\n" * 200_000,
    "lines": b"\n" * MB,
    "quotes": b'"' * MB,
    "braces": b"{" * MB,
    "percents": b"%" * MB,
    "a long number": b'{"openapi": ' + b"9" * MB + b"}",
    "a long YAML number": b"openapi: " + b"9" * MB,
    "a long hexadecimal number": b"openapi: 0x" + b"f" * MB,
    "a long sexagesimal number": b"openapi: " + b"1:" * 100_000 + b"1",
    "a page": b"<!DOCTYPE html><html></html>",
    "tags in each other": b"<a>" * 200_000,
}  # fmt: skip
LARGE_ATTACKS = {
    "blanks": (b"", b" "),
    "one text": (b'{"openapi": "', b"a" * 10),
    "YAML": (b"", b"a: b\n"),
    "XML": (b"<a>", b"<b/>"),
}
SOUND_ATTACKS = {
    "a byte-order mark": b"\xef\xbb\xbf" + openapi(),
    "cyclic references": openapi(**schemas(3)),
    "many references": openapi(**schemas(3000)),
    "a reference to itself": openapi(**schemas(1, A={"$ref": "#/components/schemas/A"})),
}


@pytest.mark.parametrize("kind", (None, *Kind))
@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_known_attacks_are_findings(text: bytes, kind: Kind | None) -> None:
    for release in ("4.0.0", "4.4.0"):
        assert not judged(text, release, kind).valid


@pytest.mark.parametrize(("begin", "piece"), LARGE_ATTACKS.values(), ids=LARGE_ATTACKS)
def test_200_megabytes_are_not_even_read(begin: bytes, piece: bytes) -> None:
    text = begin + piece * (200 * MB // len(piece))
    for kind in (None, *Kind):
        assert not judged(text, "4.4.0", kind).valid


@pytest.mark.parametrize("text", SOUND_ATTACKS.values(), ids=SOUND_ATTACKS)
def test_what_looks_like_an_attack_may_be_sound(text: bytes) -> None:
    assert judged(text, "4.4.0").valid
    assert judged(text.replace(b"3.0.1", b"3.1.0"), "4.4.0").kind is Kind.OPENAPI


def test_keys_that_stand_twice_are_found_where_the_product_does() -> None:
    text = openapi().replace(b'"paths": {}', b'"paths": {}, "paths": {}')
    assert judged(text, "4.2.0").codes == {"duplicate-key"}


def test_an_unknown_release_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match=r"3\.2\.0"):
        judge(openapi(), "3.2.0")
